"""Tiny rasters written by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio import Affine

WriteRaster = Callable[..., Path]

SIZE = 8


def write_raster(
    path: Path,
    bands: np.ndarray | Sequence[Any] | None = None,
    *,
    names: Sequence[str] = (),
    crs: str | None = "EPSG:32647",
    transform: Affine | None = None,
    scale: float = 1.0,
    offset: float = 0.0,
    tags: dict[str, str] | None = None,
    **profile: Any,
) -> Path:
    """Write (bands, rows, columns) as a GeoTIFF of 10 m pixels in UTM 47N; by default four bands that count up."""
    values = np.arange(4 * SIZE * SIZE, dtype=np.uint16).reshape(4, SIZE, SIZE) + 1 if bands is None else bands
    values = np.asarray(values)
    values = values[None] if values.ndim == 2 else values
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"driver": "GTiff", "crs": crs, "transform": transform or Affine(10, 0, 400_000, 0, -10, 2_700_000)}
    count, height, width = values.shape
    with rasterio.open(
        path, "w", **{**options, "count": count, "height": height, "width": width, "dtype": values.dtype, **profile}
    ) as dataset:
        dataset.write(values)
        for number, name in enumerate(names, start=1):
            dataset.set_band_description(number, name)
        if (scale, offset) != (1.0, 0.0):
            dataset.scales, dataset.offsets = (scale,) * count, (offset,) * count
        if tags:
            dataset.update_tags(**tags)
    return path


@pytest.fixture(scope="session")
def raster() -> WriteRaster:
    return write_raster


@pytest.fixture
def four(tmp_path: Path) -> WriteRaster:
    """A raster with the four required bands named, in ``tmp_path``."""

    def write(name: str = "scene_20200102.tif", bands: np.ndarray | None = None, **options: Any) -> Path:
        names = options.pop("names", ("blue", "green", "red", "nir"))
        return write_raster(tmp_path / name, bands, names=names, **options)

    return write
