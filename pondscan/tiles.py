"""Tiles that follow the files' blocks, and the rows of the scene that are in memory while it streams past."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pondscan.model import INVALID, Coverage, Window


def strips(height: int, tile_px: int) -> Iterator[tuple[int, int]]:
    """First and last (exclusive) row of every strip of tiles, north to south."""
    for row in range(0, height, tile_px):
        yield row, min(row + tile_px, height)


def tiles_of_strip(rows: tuple[int, int], width: int, tile_px: int) -> list[Window]:
    """Tiles of one strip, west to east."""
    return [Window(*rows, col, min(col + tile_px, width)) for col in range(0, width, tile_px)]


class RollingRows:
    """The last ``n_rows`` rows of a scene, one plane per role; older rows are overwritten.

    Parameters
    ----------
    width : int
        Columns of the scene.
    n_rows : int
        Rows held.
    """

    def __init__(self, width: int, n_rows: int) -> None:
        self._width = width
        self._n_rows = n_rows
        self._planes: dict[str, NDArray[np.int16]] = {}

    def put(self, role: str, window: Window, values: NDArray[np.int16] | NDArray[np.uint8]) -> None:
        """Store a tile's pixels; rows that have rolled out since are dropped."""
        plane = self.plane(role)
        first = max(window.row_start, window.row_stop - self._n_rows)
        rows = np.arange(first, window.row_stop) % self._n_rows
        plane[rows, window.col_start : window.col_stop] = values[first - window.row_start :]

    def plane(self, role: str) -> NDArray[np.int16]:
        """Return the whole plane of a role, addressed by ``row % n_rows``; made on first use."""
        if role not in self._planes:
            empty = int(Coverage.OUTSIDE) if role in ("mask", "coverage") else INVALID
            self._planes[role] = np.full((self._n_rows, self._width), empty, np.int16)
        return self._planes[role]

    def rows(self, role: str, row_start: int, row_stop: int) -> NDArray[np.int16]:
        """Copy of consecutive full rows."""
        return self.plane(role)[np.arange(row_start, row_stop) % self._n_rows]

    def gather(self, role: str, rows: NDArray[np.int64], cols: NDArray[np.int64], outside: int) -> NDArray[np.int16]:
        """Pixels at (rows, cols), which broadcast; ``outside`` where the scene ends.

        Rows must still be held. Rows below zero and columns beyond the scene count as outside; so do rows marked so
        by the caller with −1.
        """
        is_inside = (rows >= 0) & (cols >= 0) & (cols < self._width)
        values = self.plane(role)[rows % self._n_rows, np.clip(cols, 0, self._width - 1)]
        return np.where(is_inside, values, np.int16(outside))


def tiles_touched(
    row_start: NDArray[np.int64],
    row_stop: NDArray[np.int64],
    col_start: NDArray[np.int64],
    col_stop: NDArray[np.int64],
    *,
    shape: tuple[int, int],
    tile_px: int,
) -> Sequence[tuple[int, int]]:
    """Tile rows and columns that the given boxes overlap, sorted.

    Notes
    -----
    Counts boxes over the tile lattice by a two-dimensional difference array: no loop over boxes.
    """
    n_rows, n_cols = -(-shape[0] // tile_px), -(-shape[1] // tile_px)
    first_row = np.clip(row_start // tile_px, 0, n_rows - 1)
    last_row = np.clip((row_stop - 1) // tile_px, 0, n_rows - 1)
    first_col = np.clip(col_start // tile_px, 0, n_cols - 1)
    last_col = np.clip((col_stop - 1) // tile_px, 0, n_cols - 1)
    steps = np.zeros((n_rows + 1, n_cols + 1), np.int64)
    np.add.at(steps, (first_row, first_col), 1)
    np.add.at(steps, (last_row + 1, last_col + 1), 1)
    np.add.at(steps, (first_row, last_col + 1), -1)
    np.add.at(steps, (last_row + 1, first_col), -1)
    count = steps.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]
    return [(int(row), int(col)) for row, col in np.argwhere(count > 0)]
