"""Tiles that follow the files' blocks, and the rows of the scene that are in memory while it streams past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pondscan.model import Coverage, Window

CODES = ("mask", "coverage", "candidate")
"""Planes of small codes, a byte each, 0 where nothing is known; the others hold counts of reflectance."""


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
        self._planes: dict[str, NDArray[np.int16] | NDArray[np.uint8]] = {}

    def parts(self, window: Window) -> list[Window]:
        """Cut a window where the rows wrap around the end of the planes: each part has a slot of its own."""
        return [
            Window(row_start, row_stop, window.col_start, window.col_stop)
            for row_start, row_stop in self._stretches(window.row_start, window.row_stop)
        ]

    def slot(self, role: str, part: Window) -> NDArray[Any]:
        """Where the pixels of a part are held, (h, w), to be written to or read."""
        first = part.row_start % self._n_rows
        held: NDArray[Any] = self.plane(role)[first : first + part.height, part.col_start : part.col_stop]
        return held

    def put(self, role: str, window: Window, values: NDArray[np.uint8]) -> None:
        """Store the pixels of a window."""
        for part in self.parts(window):
            self.slot(role, part)[...] = values[part.row_start - window.row_start : part.row_stop - window.row_start]

    def _stretches(self, row_start: int, row_stop: int) -> list[tuple[int, int]]:
        """Cut rows where they wrap around: slices are copied four times as fast as row lists."""
        wrap = (row_start // self._n_rows + 1) * self._n_rows
        return [(row_start, min(row_stop, wrap)), *([(wrap, row_stop)] if row_stop > wrap else [])]

    def plane(self, role: str) -> NDArray[Any]:
        """Return the whole plane of a role, addressed by ``row % n_rows``; made on first use.

        Reflectance is not filled in beforehand: nothing is asked for that was not put, and rows that were there before
        would not be told from those that are meant either.
        """
        if role not in self._planes:
            shape = self._n_rows, self._width
            self._planes[role] = np.zeros(shape, np.uint8) if role in CODES else np.empty(shape, np.int16)
        return self._planes[role]

    def rows(self, role: str, row_start: int, row_stop: int) -> NDArray[Any]:
        """Consecutive full rows, not to be written to: a view, a copy where they wrap."""
        plane = self.plane(role)
        parts = [
            plane[first % self._n_rows : first % self._n_rows + last - first]
            for first, last in self._stretches(row_start, row_stop)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def gather(self, role: str, rows: NDArray[np.int64], cols: NDArray[np.int64], outside: int) -> NDArray[Any]:
        """Pixels at (rows, cols), which broadcast; ``outside`` where the scene ends.

        Rows must still be held. Rows below zero and columns beyond the scene count as outside; so do rows marked so
        by the caller with −1.
        """
        is_inside = (rows >= 0) & (cols >= 0) & (cols < self._width)
        values = self.plane(role)[rows % self._n_rows, np.clip(cols, 0, self._width - 1)]
        return values if is_inside.all() else np.where(is_inside, values, values.dtype.type(outside))


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


def count_codes(codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pixels of every ``model.Coverage`` code, indexed by it.

    Notes
    -----
    One comparison for each code that may be there: most tiles are clear throughout, and ``bincount`` takes twenty
    times as long.
    """
    counts = np.zeros(len(Coverage), np.int64)
    if codes.size:
        for code in range(int(codes.min()), int(codes.max()) + 1):
            counts[code] = np.count_nonzero(codes == code)
    return counts
