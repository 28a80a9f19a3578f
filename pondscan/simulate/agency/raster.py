"""Rasters as agencies deliver them: GeoTIFF, cloud-optimised GeoTIFF, lossless JPEG 2000. Same input, same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine

from pondscan.model import Grid


def write_jp2(path: Path, bands: NDArray[Any], grid: Grid) -> None:
    """Write (n, height, width) or (height, width) integers as reversible JPEG 2000 in blocks of 1024 pixels."""
    _write(path, bands, grid, driver="JP2OpenJPEG", QUALITY=100, REVERSIBLE="YES", BLOCKXSIZE=1024, BLOCKYSIZE=1024)


def write_geotiff(
    path: Path,
    bands: NDArray[Any],
    grid: Grid,
    *,
    nodata: float | None = None,
    descriptions: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    scale: float | None = None,
    offset: float | None = None,
    is_cog: bool = False,
) -> None:
    """Write (n, height, width) or (height, width) numbers as GeoTIFF, blocks of 512 pixels, deflate.

    ``scale`` and ``offset`` become GDAL's scale and offset of every band; ``tags`` the file's metadata.
    """
    layout: dict[str, Any] = (
        {"driver": "COG", "BLOCKSIZE": 512, "OVERVIEWS": "NONE"}
        if is_cog
        else {"driver": "GTiff", "tiled": True, "blockxsize": 512, "blockysize": 512, "interleave": "band"}
    )
    _write(
        path,
        bands,
        grid,
        compress="deflate",
        nodata=nodata,
        descriptions=descriptions,
        tags=tags or {},
        scale=scale,
        offset=offset,
        **layout,
    )


def _write(
    path: Path,
    bands: NDArray[Any],
    grid: Grid,
    *,
    descriptions: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    scale: float | None = None,
    offset: float | None = None,
    **layout: Any,
) -> None:
    cube = bands[np.newaxis] if bands.ndim == 2 else bands
    count, height, width = cube.shape
    path.parent.mkdir(parents=True, exist_ok=True)
    # a side file of statistics or georeferencing would be no part of any agency's product
    with (
        rasterio.Env(GDAL_PAM_ENABLED="NO"),
        rasterio.open(
            path,
            "w",
            dtype=cube.dtype,
            count=count,
            height=height,
            width=width,
            crs=grid.crs,
            transform=Affine(*grid.transform),
            **layout,
        ) as dataset,
    ):
        if tags:
            dataset.update_tags(**tags)
        for index, description in enumerate(descriptions, start=1):
            dataset.set_band_description(index, description)
        if scale is not None:
            dataset.scales = (scale,) * count
        if offset is not None:
            dataset.offsets = (offset,) * count
        dataset.write(cube)
