"""Pixels kept around ponds at the scene's own ground sample distance, for eyes to judge when the files are gone.

What is kept is whole cells of a lattice of `CELL_PX` pixels that starts at the corner of the scene, those within
`MARGIN_M` of an object that is stored, in eight bits a band. They are cut out of the rows in memory just after the
objects there are measured, for every object that may yet be believed, and sorted out when all have been judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pondscan.model import INVALID, REFLECTANCE_UNIT, Grid

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

Gather = Callable[[str, Integers, Integers, int], NDArray[Any]]
"""Pixels of a role at rows and columns that broadcast; the last argument is for where the scene ends."""

Load = Callable[[Integers, Integers, Integers, Integers], None]
"""Makes every band of the boxes from row to row and column to column be in memory."""

CELL_PX = 16
MARGIN_M = 120.0
MOST_MARGIN_PX = 64
"""Ground kept around an object; metre pixels keep less of it, else they would take up most of the workspace."""

ROLES = ("red", "green", "blue", "nir", "swir16")
"""Bands kept, those that the scene has: the first three show natural colours wherever they are opened."""

STEP = 0.002
"""Reflectance from one grey value to the next, of the size of sensor noise."""


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Pixels kept of one scene, cell by cell."""

    roles: tuple[str, ...]
    cells: Integers
    """(n, 2) row and column of every cell on the lattice, sorted."""
    pixels: NDArray[np.uint8]
    """(n, roles, CELL_PX, CELL_PX) grey values, 0 where there is no data (see ``grey``)."""

    def __len__(self) -> int:
        return len(self.cells)


def grey(counts: NDArray[np.int16]) -> NDArray[np.uint8]:
    """Counts of 1e-4 reflectance as grey values: 1 + reflectance / `STEP`, at most 255 (0.508); 0 is no data.

    >>> grey(np.array([-5, 0, 1234, 9000, -32768], np.int16)).tolist()
    [1, 1, 63, 255, 0]
    """
    return _GREY[counts.view(np.uint16)]


def reflectance(values: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Reflectance of grey values, to within half a `STEP` below 0.508; NaN where there is no data.

    >>> reflectance(np.array([1, 63, 0], np.uint8)).round(3).tolist()
    [0.0, 0.12399999797344208, nan]
    """
    known = (values.astype(np.float32) - 1) * np.float32(STEP)
    return np.where(values > 0, known, np.float32(np.nan))


def _grey_of_counts() -> NDArray[np.uint8]:
    counts = np.arange(1 << 16, dtype=np.uint16).view(np.int16)
    values = np.clip(1 + np.rint(counts * (REFLECTANCE_UNIT / STEP)), 1, 255).astype(np.uint8)
    return np.where(counts == INVALID, np.uint8(0), values)


_GREY = _grey_of_counts()


class CropSampler:
    """Collects the pixels around objects while the rows that hold them are in memory.

    Parameters
    ----------
    grid : Grid
        Of the scene.
    roles : sequence of str
        Bands in memory; those of ``ROLES`` are kept.
    room_px : int
        Rows below an object that are in memory when it has been measured.
    """

    def __init__(self, grid: Grid, roles: Sequence[str], *, room_px: int) -> None:
        self._shape = (grid.height, grid.width)
        self._roles = tuple(role for role in ROLES if role in roles)
        self._cells_across = -(-grid.width // CELL_PX)
        wanted = min(round(MARGIN_M / grid.gsd_m), MOST_MARGIN_PX)
        self._margin_px = max(min(wanted, room_px - CELL_PX), 0)
        self._taken: list[Integers] = []
        self._pixels: list[NDArray[np.uint8]] = []

    @property
    def reach_px(self) -> int:
        """How far above and below an object pixels are taken."""
        return self._margin_px + CELL_PX

    def take(self, row: Floats, col: Floats, gather: Gather, load: Load) -> None:
        """Take the cells around objects, from the rows in memory.

        Parameters
        ----------
        row, col : (n,) array
            Centres of the objects in scene pixels.
        """
        cells = np.setdiff1d(self._cells_around(row, col), np.concatenate([*self._taken, _NONE]))
        if not len(cells):
            return
        top, left = (CELL_PX * place for place in np.divmod(cells, self._cells_across))
        load(top, top + CELL_PX, left, left + CELL_PX)
        step = np.arange(CELL_PX)
        rows = (top[:, None] + step)[:, :, None]
        rows = np.where(rows < self._shape[0], rows, -1)
        cols = (left[:, None] + step)[:, None, :]
        counts = [gather(role, rows, cols, INVALID) for role in self._roles]
        self._taken.append(cells)
        self._pixels.append(grey(np.stack(counts, axis=1)))

    def around(self, row: Floats, col: Floats) -> Crops:
        """Crops of the cells around these objects, out of all that were taken."""
        if not self._taken:
            empty = np.empty((0, len(self._roles), CELL_PX, CELL_PX), np.uint8)
            return Crops(self._roles, np.empty((0, 2), np.int64), empty)
        taken = np.concatenate(self._taken)
        cells, chosen, _ = np.intersect1d(taken, self._cells_around(row, col), assume_unique=True, return_indices=True)
        place = np.stack(np.divmod(cells, self._cells_across), axis=1)
        return Crops(self._roles, place, np.concatenate(self._pixels)[chosen])

    def _cells_around(self, row: Floats, col: Floats) -> Integers:
        """Numbers of the cells within the margin of objects, row after row, each once, sorted."""
        reach = np.arange(0, 2 * self._margin_px + CELL_PX, CELL_PX)
        offset = np.minimum(reach, 2 * self._margin_px) - self._margin_px
        rows, cols = ((place[:, None] + offset) // CELL_PX for place in (row, col))
        is_inside = [
            (number >= 0) & (number < -(-side // CELL_PX))
            for number, side in zip((rows, cols), self._shape, strict=True)
        ]
        numbers = rows[:, :, None] * self._cells_across + cols[:, None, :]
        chosen = numbers[is_inside[0][:, :, None] & is_inside[1][:, None, :]]
        return np.unique(chosen.astype(np.int64))


_NONE = np.empty(0, np.int64)
