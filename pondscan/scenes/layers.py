"""One raster file on the scene's grid: its pixels repeated where they coincide with it, warped where they do not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pondscan.model import Grid, Window
from pondscan.scenes.georeference import Placement
from pondscan.scenes.raster import RasterInfo

_TILE_STEP_PX, _MAX_TILE_PX, _UNTILED_PX = 256, 4096, 512
_FINER = 1.5
"""A band this much finer than the grid is averaged onto it; interpolating would use a few of its pixels only."""
_EXACT_PX = 1e-9
"""Error allowed in warping: so small that GDAL transforms every pixel, and none depends on the window it is read in."""


@dataclass(frozen=True, slots=True)
class Layer:
    """How a raster file reaches the grid."""

    info: RasterInfo
    grid: Grid
    placement: Placement | None
    """Where the file's pixels lie; None where they have to be warped."""
    is_mask: bool
    gsd_m: float
    """Side of the file's pixels on the ground."""
    nodata: float | None

    def open(self) -> tuple[Any, ...]:
        """Datasets to close in reverse order; the last one is to be read."""
        import rasterio

        source = rasterio.open(self.info.path)
        return (source,) if self.placement is not None else (source, self._warped(source))

    def read(
        self, dataset: Any, indices: list[int], window: Window, out: NDArray[np.uint16] | None = None
    ) -> RawWindow:
        """Bands in a window of the grid, as stored; decoded into ``out`` if they are of its kind and on the grid."""
        if self.placement is None:
            native = ((window.row_start, window.row_stop), (window.col_start, window.col_stop))
            values = dataset.read([*indices, dataset.count], window=native)  # the last band is alpha
            return RawWindow(values[:-1], values[-1] > 0, None, None)
        rows = Span(window.row_start, window.row_stop, self.placement.row_shift, self.placement.ratio, self.info.height)
        cols = Span(window.col_start, window.col_stop, self.placement.col_shift, self.placement.ratio, self.info.width)
        native = ((rows.start, rows.stop), (cols.start, cols.stop))
        is_on_grid = rows.is_identity and cols.is_identity
        is_fit = out is not None and is_on_grid and all(self.info.dtypes[i - 1] == out.dtype for i in indices)
        values = dataset.read(indices, window=native, out=out if is_fit else None)
        is_valid = dataset.read_masks(indices[0], window=native) > 0 if self.info.has_own_mask else None
        return RawWindow(values, is_valid, rows, cols)

    def read_reduced(
        self, dataset: Any, indices: list[int], shape: tuple[int, int]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Whole bands averaged to ``shape``, from overviews where there are any, and where they have data."""
        from rasterio.enums import Resampling

        values = dataset.read(indices, out_shape=(len(indices), *shape), resampling=Resampling.average)
        if self.placement is None:
            return values, dataset.read(dataset.count, out_shape=shape) > 0
        is_own = self.info.has_own_mask
        return values, dataset.read_masks(indices[0], out_shape=shape) > 0 if is_own else np.ones(shape, np.bool_)

    @property
    def tile_px(self) -> int:
        """Tile side on the grid that follows the file's blocks."""
        if self.placement is None:
            return _UNTILED_PX
        height, width = self.info.block_px
        is_striped = width >= self.info.width and height < self.info.height
        side = _UNTILED_PX if is_striped else max(height, width) * self.placement.ratio
        return min(_MAX_TILE_PX, math.ceil(side / _TILE_STEP_PX) * _TILE_STEP_PX)

    def _warped(self, source: Any) -> Any:
        from rasterio import Affine
        from rasterio.enums import Resampling
        from rasterio.vrt import WarpedVRT

        smooth = Resampling.average if self.gsd_m * _FINER < self.grid.gsd_m else Resampling.bilinear
        return WarpedVRT(
            source,
            crs=self.grid.crs,
            transform=Affine(*self.grid.transform),
            width=self.grid.width,
            height=self.grid.height,
            resampling=Resampling.nearest if self.is_mask else smooth,
            src_nodata=self.nodata,
            add_alpha=not self.info.has_alpha,
            tolerance=_EXACT_PX,
        )


@dataclass(frozen=True, slots=True)
class RawWindow:
    """Bands as stored, and how they are brought to the grid."""

    values: NDArray[Any]
    """(bands, rows, columns) at the file's own resolution."""
    is_valid: NDArray[np.bool_] | None
    """Where the file's own mask or the warper has data; None where only a no-data value tells."""
    rows: Span | None
    cols: Span | None

    @property
    def is_on_grid(self) -> bool:
        """Whether the file's pixels are the grid's, one for one."""
        return self.rows is None or self.cols is None or (self.rows.is_identity and self.cols.is_identity)

    def expand(self, band: NDArray[Any], fill: int) -> NDArray[Any]:
        """Repeat an array of the file's resolution onto the grid; ``fill`` where the file does not reach."""
        if self.is_on_grid or self.rows is None or self.cols is None:
            return band
        (row_index, is_row_inside), (col_index, is_col_inside) = self.rows.index(), self.cols.index()
        grid: NDArray[Any] = band.take(col_index, axis=1).take(row_index, axis=0)  # whole rows are copied fast
        if not (is_row_inside.all() and is_col_inside.all()):
            grid[~(is_row_inside[:, None] & is_col_inside[None, :])] = fill
        return grid


@dataclass(frozen=True, slots=True)
class Span:
    """Rows (or columns) of a window of the grid, and the file's rows that show them."""

    grid_start: int
    grid_stop: int
    shift: int
    ratio: int
    size: int
    """Rows of the file."""

    @property
    def start(self) -> int:
        """First row to read, inside the file even where the window is not."""
        return min(max(0, (self.grid_start + self.shift) // self.ratio), self.size - 1)

    @property
    def stop(self) -> int:
        """Row after the last to read."""
        return max(self.start + 1, min(self.size, -(-(self.grid_stop + self.shift) // self.ratio)))

    @property
    def is_identity(self) -> bool:
        """Whether the file's rows are the grid's, one for one, all of them inside."""
        first = self.grid_start + self.shift
        return self.ratio == 1 and first >= 0 and self.grid_stop + self.shift <= self.size

    def index(self) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """For every row of the grid its row in what was read, and whether the file reaches there."""
        wanted = (np.arange(self.grid_start, self.grid_stop) + self.shift) // self.ratio
        is_inside = (wanted >= 0) & (wanted < self.size)
        return np.clip(wanted, self.start, self.stop - 1) - self.start, is_inside
