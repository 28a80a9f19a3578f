"""What a raster file says of itself, and GDAL's errors in sentences."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pondscan.errors import InputError

Affine6 = tuple[float, float, float, float, float, float]
"""Coefficients (a, b, c, d, e, f) from (col, row) to (x, y)."""


@dataclass(frozen=True, slots=True)
class RasterInfo:
    """The header of a raster file."""

    path: str
    width: int
    height: int
    count: int
    """Number of bands."""
    dtypes: tuple[str, ...]
    transform: Affine6
    crs: str | None
    """Authority code, else WKT; None where the file has no coordinate reference system."""
    nodata: tuple[float | None, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    descriptions: tuple[str, ...]
    """One for each band, empty where there is none."""
    tags: dict[str, str]
    block_px: tuple[int, int]
    """Height and width of the blocks the file is stored in."""
    is_pixel_interleaved: bool
    has_alpha: bool
    has_own_mask: bool
    """Whether an alpha band or a mask of its own, rather than a value, says where there is data."""

    @property
    def is_single_band(self) -> bool:
        """Whether the file holds one band only."""
        return self.count == 1


def probe(path: str) -> RasterInfo:
    """Read a raster's header.

    Raises
    ------
    InputError
        If the file is no raster, or is damaged.
    """
    with reading(path) as rasterio, warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with _refusing_lost_tags(), rasterio.open(path) as dataset:
            return _header(path, dataset)


@contextmanager
def _refusing_lost_tags() -> Iterator[None]:
    """Refuse what GDAL only logs: a tag past the end of a cut file, which may be the one that says where it lies."""
    lost: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lost.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("rasterio._env")
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
    damage = next((text for text in lost if "IO error during reading of" in text), None)
    if damage is not None:
        raise OSError(damage)


def _header(path: str, dataset: Any) -> RasterInfo:
    from rasterio.enums import Interleaving, MaskFlags

    flags = dataset.mask_flag_enums[0]
    return RasterInfo(
        path=path,
        width=dataset.width,
        height=dataset.height,
        count=dataset.count,
        dtypes=tuple(dataset.dtypes),
        transform=tuple(dataset.transform)[:6],
        crs=_crs_text(dataset.crs),
        nodata=tuple(dataset.nodatavals),
        scales=tuple(dataset.scales),
        offsets=tuple(dataset.offsets),
        descriptions=tuple(text or "" for text in dataset.descriptions),
        tags={**dataset.tags(), **dataset.tags(ns="IMAGERY")},
        block_px=tuple(dataset.block_shapes[0]),
        is_pixel_interleaved=dataset.count > 1 and dataset.interleaving == Interleaving.pixel,
        has_alpha=MaskFlags.alpha in flags,
        has_own_mask=MaskFlags.per_dataset in flags and MaskFlags.nodata not in flags,
    )


def _crs_text(crs: Any) -> str | None:
    if not crs:
        return None
    # Only a certain match: a code that is nearly right would move every pond.
    code = crs.to_epsg(confidence_threshold=100)
    return f"EPSG:{code}" if code else str(crs.to_wkt())


@contextmanager
def reading(path: str) -> Iterator[Any]:
    """Give rasterio, and turn its errors about ``path`` into one sentence.

    Raises
    ------
    InputError
        In place of any error of rasterio or GDAL.
    """
    import rasterio
    import rasterio.errors

    try:
        # The environment sends GDAL's warnings to the log. One thread a file: the caller has threads of its own, and
        # GDAL's would pass over tiles of a truncated JPEG 2000 file that they cannot decode.
        with rasterio.Env(GDAL_NUM_THREADS="1"):
            yield rasterio
    except (rasterio.errors.RasterioError, OSError) as error:
        raise InputError(f"{shown(path)} cannot be read as a raster ({_reason(error)}): {_remedy(path)}") from error


def _reason(error: Exception) -> str:
    """GDAL's own words: rasterio keeps them in the cause where its own message says nothing."""
    deepest: BaseException = error
    while (earlier := deepest.__cause__ or deepest.__context__) is not None:
        deepest = earlier
    return " ".join(str(deepest).split()).rstrip(".") or type(error).__name__


def _remedy(path: str) -> str:
    if path.startswith("/vsi"):
        return "the archive is incomplete or damaged, fetch it again"
    if not Path(path).exists():
        return "there is no such file"
    return "it is damaged, incomplete or no raster; fetch it again"


def shown(path: str) -> str:
    """A GDAL path as the user would write it."""
    for prefix in ("/vsizip/", "/vsitar/"):
        path = path.removeprefix(prefix)
    return path
