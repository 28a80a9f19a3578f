"""Drawing boxes on a raster of ground cells, with the exact share of each cell that they cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pondscan.simulate import shapes
from pondscan.simulate.shapes import Boxes

FloatArray = NDArray[np.float64]
Image = NDArray[np.float32]


@dataclass(frozen=True)
class Cells:
    """A raster of square ground cells."""

    x: FloatArray
    """Eastings of the columns' centres, ascending."""
    y: FloatArray
    """Northings of the rows' centres, descending."""
    cell_m: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return (self.y.size, self.x.size)


@dataclass(frozen=True)
class Cover:
    """Which cells a table of boxes covers, and how far: one row per box and cell."""

    box: NDArray[np.int64]
    cell: NDArray[np.int64]
    """Flat index of the cell."""
    share: FloatArray
    """Share of the cell's area that the box covers, 0 to 1."""
    is_whole: bool = False
    """Whether every box has at most one row in a cell, so that its share there is the row's."""


def inside(table: Boxes, cells: Cells, margin_m: float = 0.0) -> Boxes:
    """Keep the boxes that may touch the raster."""
    reach = table.reach_m + margin_m + cells.cell_m
    touches_x = (table.x + reach > cells.x[0]) & (table.x - reach < cells.x[-1])
    touches_y = (table.y + reach > cells.y[-1]) & (table.y - reach < cells.y[0])
    return table.take(touches_x & touches_y)


def cover(
    table: Boxes, cells: Cells, *, finer: int = 1, warp: tuple[Image, Image] | None = None, softness_m: float = 0.0
) -> Cover:
    """Share of every cell under every box.

    Parameters
    ----------
    table : Boxes
    cells : Cells
    finer : int
        Each cell is judged at ``finer`` × ``finer`` points, at each of which the outline counts as straight. 4 gets the
        area of a disc four cells across right to 0.1 %.
    warp : two float32 arrays of the raster's shape, optional
        Displacement east and north, metres, that makes straight edges ragged.
    softness_m : float
        Width over which the edge fades; at least the width of a point.
    """
    margin_m = 0.0 if warp is None else float(max(np.abs(warp[0]).max(), np.abs(warp[1]).max()))
    box, row, col = points_under(table, cells, finer, margin_m + softness_m / 2)
    step = cells.cell_m / finer
    x = cells.x[0] - cells.cell_m / 2 + (col + 0.5) * step
    y = cells.y[0] + cells.cell_m / 2 - (row + 0.5) * step
    cell = (row // finer) * cells.shape[1] + col // finer
    if warp is not None:
        x, y = x + warp[0].ravel()[cell], y + warp[1].ravel()[cell]
    distance = shapes.signed_distance(table, box, x, y)
    share = np.clip(0.5 - distance / max(step, softness_m), 0.0, 1.0) / finer**2
    touched = share > 0.0
    return Cover(box[touched], cell[touched], share[touched], is_whole=finer == 1)


def points_under(
    table: Boxes, cells: Cells, finer: int, margin_m: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Box, row and column of every point within the bounds of a box, on a raster ``finer`` than the cells."""
    step = cells.cell_m / finer
    cos, sin = np.abs(np.cos(table.angle)), np.abs(np.sin(table.angle))
    reach_x = table.half_length * cos + table.half_width * sin + margin_m + step
    reach_y = table.half_length * sin + table.half_width * cos + margin_m + step
    west, north = cells.x[0] - cells.cell_m / 2, cells.y[0] + cells.cell_m / 2
    height, width = cells.shape[0] * finer, cells.shape[1] * finer
    col_start = np.clip(np.floor((table.x - reach_x - west) / step), 0, width).astype(np.int64)
    col_stop = np.clip(np.ceil((table.x + reach_x - west) / step), 0, width).astype(np.int64)
    row_start = np.clip(np.floor((north - table.y - reach_y) / step), 0, height).astype(np.int64)
    row_stop = np.clip(np.ceil((north - table.y + reach_y) / step), 0, height).astype(np.int64)
    n_cols = col_stop - col_start
    n_points = n_cols * (row_stop - row_start)
    box = np.repeat(np.arange(len(table)), n_points)
    place = np.arange(box.size) - np.repeat(np.cumsum(n_points) - n_points, n_points)
    return box, row_start[box] + place // n_cols[box], col_start[box] + place % n_cols[box]


def union_share(covered: Cover, strength: FloatArray, n_cells: int) -> Image:
    """Largest share of each cell under any box, times the box's strength: float32 (n_cells,)."""
    share = np.zeros(n_cells)
    np.maximum.at(share, covered.cell, _per_box_share(covered) * strength[covered.box])
    return share.astype(np.float32)


def paint(
    image: Image,
    covered: Cover,
    colours: NDArray[np.float32],
    light: Image,
    joined: Literal["sum", "union"] = "union",
) -> None:
    """Lay boxes over an image, in place.

    Parameters
    ----------
    image : float32 array (n_bands, n_cells)
        Reflectance as seen; changed.
    covered : Cover
    colours : float32 array (n_boxes, n_bands)
        Reflectance of each box in full sun.
    light : float32 array (n_bands, n_cells)
        Share of full sunlight that reaches each cell.
    joined : "sum" or "union"
        How boxes add up in a shared cell: disjoint boxes by the sum of their shares, overlapping ones by the largest.
    """
    if covered.box.size == 0:
        return
    cell, slot = np.unique(covered.cell, return_inverse=True)
    total = np.bincount(slot, covered.share)
    if joined == "sum":
        hidden = np.minimum(total, 1.0)
    else:
        hidden = np.zeros(cell.size)
        np.maximum.at(hidden, slot, _per_box_share(covered))
    for band in range(image.shape[0]):
        colour = np.bincount(slot, covered.share * colours[covered.box, band]) / total
        under = image[band, cell]
        image[band, cell] = under + hidden * (colour * light[band, cell] - under)


def _per_box_share(covered: Cover) -> FloatArray:
    """Share of the cell under the whole box, where a box has several points in a cell."""
    if covered.is_whole or covered.box.size == 0:
        return covered.share
    key = covered.box * (covered.cell.max() + 1) + covered.cell
    _, slot = np.unique(key, return_inverse=True)
    return np.asarray(np.bincount(slot, covered.share)[slot])
