"""Statistics of a raster from a fixed lattice of full-resolution blocks: the same on every machine and run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pondscan.grid import sample_lattice
from pondscan.scenes.raster import RasterInfo, reading


def sample(info: RasterInfo, index: int, nodata: float | None) -> NDArray[np.float64]:
    """Valid digital numbers of one band on the lattice, flattened.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    with reading(info.path) as rasterio, rasterio.open(info.path) as dataset:
        blocks = [
            dataset.read(index, window=((w.row_start, w.row_stop), (w.col_start, w.col_stop))).ravel()
            for w in sample_lattice(info.width, info.height)
        ]
    values = np.concatenate(blocks).astype(np.float64)
    fill = info.nodata[index - 1] if nodata is None else nodata
    is_valid = np.isfinite(values) if fill is None else np.isfinite(values) & (values != fill)
    return values[is_valid]


def percentile_of_samples(info: RasterInfo, index: int, nodata: float | None, percentile: float) -> float:
    """Percentile of a band's valid digital numbers on the lattice, 0 where it has none."""
    values = sample(info, index, nodata)
    return float(np.percentile(values, percentile)) if values.size else 0.0
