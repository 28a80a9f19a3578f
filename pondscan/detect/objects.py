"""Candidate objects: runs that hang together, gathered while the scene streams past from north to south.

An object is *closed* once the rows seen so far reach below it; only open objects (and their runs) are kept, so memory
does not grow with the scene, and an object is the same whatever strips it arrived in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pondscan.detect.segment import Runs, concatenate, connect, no_runs


@dataclass(frozen=True, slots=True)
class Objects:
    """Connected candidates: their runs, and per object its box and size (arrays of length n)."""

    runs: Runs
    label: NDArray[np.int64]
    """Object of each run, 0 to n − 1."""
    row_start: NDArray[np.int64]
    row_stop: NDArray[np.int64]
    col_start: NDArray[np.int64]
    col_stop: NDArray[np.int64]
    n_pixels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.n_pixels)

    def take(self, is_taken: NDArray[np.bool_]) -> Objects:
        """Return the objects for which ``is_taken`` holds, renumbered in the same order."""
        number = np.cumsum(is_taken) - 1
        is_run_taken = is_taken[self.label]
        boxes = (getattr(self, name)[is_taken] for name in _PER_OBJECT)
        return Objects(self.runs.take(is_run_taken), number[self.label[is_run_taken]], *boxes)


_PER_OBJECT = ("row_start", "row_stop", "col_start", "col_stop", "n_pixels")


def gather(runs: Runs, label: NDArray[np.int64]) -> Objects:
    """Box and size of every labelled object."""
    n_objects = int(label.max()) + 1 if len(label) else 0
    row_start, col_start = np.full((2, n_objects), np.iinfo(np.int64).max)
    row_stop, col_stop = np.zeros((2, n_objects), np.int64)
    np.minimum.at(row_start, label, runs.row)
    np.minimum.at(col_start, label, runs.start)
    np.maximum.at(row_stop, label, runs.row + 1)
    np.maximum.at(col_stop, label, runs.stop)
    n_pixels = np.bincount(label, runs.stop - runs.start, n_objects).astype(np.int64)
    return Objects(runs, label, row_start, row_stop, col_start, col_stop, n_pixels)


class Assembler:
    """Gathers the runs of one scene strip by strip, and hands over the objects that can grow no more."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._open = no_runs()

    def add(self, new: Runs, row_stop: int, *, is_last: bool) -> Objects:
        """Take the runs of the rows up to ``row_stop`` and return the objects they close.

        Parameters
        ----------
        new : Runs
            Runs of the rows between the previous ``row_stop`` and this one.
        row_stop : int
            First row not yet seen.
        is_last : bool
            Whether the scene ends here, which closes everything.
        """
        everything = concatenate([self._open, new])
        label = connect(everything, self._width)
        objects = gather(everything, label)
        is_closed = (objects.row_stop < row_stop) | is_last
        self._open = everything.take(~is_closed[label]) if len(label) else everything
        return objects.take(is_closed)
