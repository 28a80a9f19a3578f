"""Pixels kept around ponds as ``imagery/<scene_id>.tif``: one sparse GeoTIFF on the scene's grid that any GIS opens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from rasterio.windows import Window as RasterWindow

from pondscan.detect.crops import CELL_PX, STEP, Crops
from pondscan.errors import WorkspaceError
from pondscan.model import Grid, Window
from pondscan.store.atomic import storage_errors

BLOCK_PX = 64
"""Side of the file's blocks: smaller ones make the index of a full scene larger than its pixels."""

CELLS = BLOCK_PX // CELL_PX

PASSING_BYTES = 4 * 2**20
"""GDAL's block cache where every block is passed over once, the many empty ones too: a larger one would keep them all,
a few hundred megabytes of nought, and take three times as long."""


def write_imagery(path: Path, grid: Grid, crops: Crops) -> None:
    """Write the crops of a scene; blocks without any take up no room. The same crops give the same bytes.

    Raises
    ------
    WorkspaceError
        When the file cannot be written.
    """
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            dtype="uint8",
            count=len(crops.roles),
            width=grid.width,
            height=grid.height,
            crs=grid.crs,
            transform=Affine(*grid.transform),
            nodata=0,
            tiled=True,
            blockxsize=BLOCK_PX,
            blockysize=BLOCK_PX,
            interleave="pixel",
            photometric="RGB",
            alpha="NO",
            compress="ZSTD",
            zstd_level=1,
            predictor=2,
            sparse_ok=True,
        ) as dataset:
            dataset.descriptions = crops.roles
            dataset.scales = (STEP,) * len(crops.roles)
            dataset.offsets = (-STEP,) * len(crops.roles)
            for (row, col), pixels in _blocks(crops):
                height, width = min(BLOCK_PX, grid.height - row), min(BLOCK_PX, grid.width - col)
                dataset.write(pixels[:, :height, :width], window=RasterWindow(col, row, width, height))
        with storage_errors(path):
            path.write_bytes(memory.read())


def _blocks(crops: Crops) -> list[tuple[tuple[int, int], NDArray[np.uint8]]]:
    """Blocks that hold cells, in the order of the file: row and column of the first pixel, and (roles, h, w)."""
    blocks, block = np.unique(crops.cells // CELLS, axis=0, return_inverse=True)
    row, col = (crops.cells % CELLS).T
    filled = np.zeros((len(blocks), len(crops.roles), CELLS, CELL_PX, CELLS, CELL_PX), np.uint8)
    filled[block.ravel(), :, row, :, col, :] = crops.pixels
    pixels = filled.reshape(len(blocks), len(crops.roles), BLOCK_PX, BLOCK_PX)
    return [((int(r) * BLOCK_PX, int(c) * BLOCK_PX), one) for (r, c), one in zip(blocks, pixels, strict=True)]


@dataclass(frozen=True, slots=True)
class Imagery:
    """What is kept of the pixels of one stored scene; the file is opened once, for as long as the block lasts."""

    path: Path

    def thinned(self, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """Single pixels of red, green and blue, (3, *shape), spread evenly over the scene; 0 where nothing is kept."""
        with rasterio.Env(GDAL_CACHEMAX=PASSING_BYTES), rasterio.open(self.path) as dataset:
            return np.asarray(dataset.read((1, 2, 3), out_shape=(3, *shape)), np.uint8)

    def read(self, windows: list[Window]) -> tuple[tuple[str, ...], list[NDArray[np.uint8]]]:
        """Roles, and the grey values (roles, h, w) of every window, 0 where nothing is kept or the scene ends.

        Raises
        ------
        WorkspaceError
            When the file is damaged.
        """
        try:
            with rasterio.open(self.path) as dataset:
                shown = [_read(dataset, window) for window in windows]
                return tuple(str(name) for name in dataset.descriptions), shown
        except rasterio.errors.RasterioError as error:
            message = f"{self.path}: the pictures of this scene are damaged"
            raise WorkspaceError(f"{message}: forget the scene and run it again") from error


def _read(dataset: rasterio.io.DatasetReader, window: Window) -> NDArray[np.uint8]:
    inside = Window(
        max(window.row_start, 0),
        min(window.row_stop, dataset.height),
        max(window.col_start, 0),
        min(window.col_stop, dataset.width),
    )
    shown = np.zeros((dataset.count, window.height, window.width), np.uint8)
    if inside.height > 0 and inside.width > 0:
        top, left = inside.row_start - window.row_start, inside.col_start - window.col_start
        shown[:, top : top + inside.height, left : left + inside.width] = dataset.read(
            window=RasterWindow(inside.col_start, inside.row_start, inside.width, inside.height)
        )
    return shown
