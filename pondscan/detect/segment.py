"""First pass: which pixels differ from the ground around them the way liquid does, and which of them hang together.

Everything here works on green and near infrared alone, in ``int16`` counts of 1e-4 reflectance. The ground around a
pixel is the mean of the ground pixels in a box of *cells* (``CELL_PX`` squares anchored to the scene's own grid), and
the box sums are integers: neither depends on where a tile begins. A tile's answer is a list of *runs* (row, first and
last column), and runs of neighbouring tiles join exactly, so an object never knows where the tiles were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pondscan.model import INVALID, REFLECTANCE_UNIT

CELL_PX = 8
"""Side of a background cell; divides every tile size."""

LIQUID_NIR = 0.02
"""Near-infrared reflectance of open liquid, all but white slurry (modelled endmembers 0.004 to 0.07)."""

NOISE = 0.004
"""Reflectance noise assumed in the first pass (Sentinel-2 0.002, PlanetScope 0.003 to 0.006; unsourced orders)."""

TEXTURE = 0.20
"""Relative spread of natural ground from pixel to pixel assumed in the first pass (unsourced order)."""

EXTENT_SHARE = 0.9
"""A pixel beside a seed belongs to the candidate from this share of the seed's threshold on. A looser extent chains the
ponds of a site, and the worked ground between them, into one object (measured: F1 at 10 m falls from 0.80 to 0.56)."""

LEAST_RISE = 0.5
BOTH = 2.3
"""Least rise of green, and least sum of drop and rise, each in units of its own threshold. A dark pond hardly rises and
drops far, a white one the reverse. Measured on implants: F1 0.82, against 0.77 when each has to pass alone."""

MIN_GROUND_SHARE = 0.05
"""Least share of ground pixels in the box for its mean to stand for the ground."""


@dataclass(frozen=True, slots=True)
class CellSums:
    """Sums over the ground pixels of every cell: green and nir counts, and how many pixels they were.

    Arrays of shape (cell rows, cell cols), ``int64``.
    """

    green: NDArray[np.int64]
    nir: NDArray[np.int64]
    n_ground: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Background:
    """Mean reflectance of the ground around every cell; NaN where there is too little ground to tell."""

    green: NDArray[np.float32]
    nir: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Runs:
    """Horizontal runs of candidate pixels, sorted by row then column; ``stop`` is exclusive."""

    row: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    n_seeds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row)

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> Runs:
        """Return the runs at ``index``."""
        return Runs(self.row[index], self.start[index], self.stop[index], self.n_seeds[index])


def no_runs() -> Runs:
    """Return an empty set of runs."""
    empty = np.zeros(0, np.int64)
    return Runs(empty, empty, empty, empty)


def cell_sums(green: NDArray[np.int16], nir: NDArray[np.int16], is_hidden: NDArray[np.bool_]) -> CellSums:
    """Sum the ground of every cell.

    Parameters
    ----------
    green, nir : (h, w) int16
        Counts of 1e-4 reflectance; the window begins on a cell boundary.
    is_hidden : (h, w) bool
        Pixels under cloud or without data.

    Notes
    -----
    Ground is what is visible and not evidently water (green < nir), so that ponds do not water down the
    background they are held against.
    """
    is_ground = ~is_hidden & (green < nir) & (green != INVALID)
    return CellSums(
        _sum_cells(np.where(is_ground, green, 0)),
        _sum_cells(np.where(is_ground, nir, 0)),
        _sum_cells(is_ground),
    )


def _sum_cells(values: NDArray[np.int16] | NDArray[np.bool_]) -> NDArray[np.int64]:
    height, width = values.shape
    pad = ((0, -height % CELL_PX), (0, -width % CELL_PX))
    if pad != ((0, 0), (0, 0)):
        values = np.pad(values, pad)  # type: ignore[assignment]
    rows = values.reshape(-1, CELL_PX, values.shape[1]).sum(axis=1, dtype=np.int32)
    sums: NDArray[np.int64] = rows.reshape(rows.shape[0], -1, CELL_PX).sum(axis=2, dtype=np.int64)
    return sums


def background(sums: CellSums, radius_cells: int) -> Background:
    """Mean ground reflectance in the box of ``2 radius_cells + 1`` cells around every cell."""
    n_ground = _box_sum(sums.n_ground, radius_cells)
    n_pixels = _box_sum(np.full_like(sums.n_ground, CELL_PX**2), radius_cells)
    is_enough = n_ground > MIN_GROUND_SHARE * n_pixels
    scale = np.where(is_enough, REFLECTANCE_UNIT / np.maximum(n_ground, 1), np.nan)
    green = _box_sum(sums.green, radius_cells) * scale
    nir = _box_sum(sums.nir, radius_cells) * scale
    return Background(green.astype(np.float32), nir.astype(np.float32))


def _box_sum(values: NDArray[np.int64], radius: int) -> NDArray[np.int64]:
    """Sum over a (2 radius + 1)² box cut at the edges; exact, since the sums are integers."""
    for axis in (0, 1):
        length = values.shape[axis]
        cumulative = np.concatenate([np.zeros_like(values.take([0], axis)), values.cumsum(axis)], axis)
        index = np.arange(length)
        upper = cumulative.take(np.minimum(index + radius + 1, length), axis)
        values = upper - cumulative.take(np.maximum(index - radius, 0), axis)
    return values


def levels(
    green: NDArray[np.int16],
    nir: NDArray[np.int16],
    ground: Background,
    *,
    min_fraction: float,
    min_snr: float,
    absolute_ndwi: float,
) -> NDArray[np.uint8]:
    """Grade pixels by how much they look like liquid: 0 no, 1 may belong to a candidate, 2 seeds one.

    Parameters
    ----------
    green, nir : (h, w) int16
        Counts of 1e-4 reflectance, ``INVALID`` where there is no data.
    ground : Background
        Of the cells that the window covers, (ceil(h / CELL_PX), ceil(w / CELL_PX)).
    min_fraction, min_snr, absolute_ndwi : float
        See ``config.DetectSettings``.

    Notes
    -----
    Two signs together mean liquid: the pixel is darker than the ground in the near infrared, its *drop* at least
    ``min_fraction`` of the way to liquid; and greener than the ground would be at that darkness, its *rise* counted
    in ``min_snr`` (shading scales both bands alike, so ``green − nir · green_ground / nir_ground`` stays near zero in
    shadow and is the water fraction times a constant in a mixed pixel). One sign may be weaker where the other is
    strong: ``LEAST_RISE``, ``BOTH``. Open liquid needs no surroundings: its NDWI says it.
    """
    height, width = green.shape
    padding = ((0, -height % CELL_PX), (0, 0))
    rows_of_cells = (-1, CELL_PX, width)
    pixel_green = np.pad(green, padding, constant_values=INVALID).reshape(rows_of_cells).astype(np.float32)
    pixel_nir = np.pad(nir, padding, constant_values=INVALID).reshape(rows_of_cells).astype(np.float32)

    def on_columns(cells: NDArray[np.float32]) -> NDArray[np.float32]:
        return cells.repeat(CELL_PX, axis=1)[:, None, :width]

    unit = np.float32(1 / REFLECTANCE_UNIT)
    spread = np.hypot(np.float32(NOISE), np.float32(TEXTURE) * ground.green)
    per_drop = on_columns(np.float32(REFLECTANCE_UNIT / min_fraction) / (ground.nir - np.float32(LIQUID_NIR)))
    per_rise = on_columns(np.float32(REFLECTANCE_UNIT / min_snr) / spread)
    drop = (on_columns(unit * ground.nir) - pixel_nir) * per_drop
    rise = (pixel_green - on_columns(ground.green / ground.nir) * pixel_nir) * per_rise
    is_data = pixel_nir != INVALID
    both = drop + rise

    def passes(share: float) -> NDArray[np.bool_]:
        graded: NDArray[np.bool_] = (drop > share) & (rise > share * LEAST_RISE) & (both > share * BOTH) & is_data
        return graded

    is_seed, is_extent = passes(1.0), passes(EXTENT_SHARE)
    is_open = np.float32(1 - absolute_ndwi) * pixel_green > np.float32(1 + absolute_ndwi) * pixel_nir
    is_open &= (pixel_green > unit * np.float32(LIQUID_NIR)) & is_data
    is_seed |= is_open
    level: NDArray[np.uint8] = is_seed.view(np.uint8) + (is_seed | is_extent)
    return level.reshape(-1, width)[:height]


def runs(level: NDArray[np.uint8], row_start: int, col_start: int) -> Runs:
    """Turn a window's levels into runs of candidate pixels in scene coordinates."""
    height, width = level.shape
    is_candidate = np.zeros((height, width + 1), np.int8)
    is_candidate[:, :width] = level > 0
    steps = np.diff(is_candidate, axis=1, prepend=np.int8(0)).ravel()
    first = np.flatnonzero(steps == 1)
    last = np.flatnonzero(steps == -1)
    seeds = np.zeros((height, width + 1), np.int64)
    seeds[:, :width] = level == 2
    counts = np.add.reduceat(seeds.ravel(), np.stack([first, last], 1).ravel())[::2] if len(first) else first
    row, start = np.divmod(first, width + 1)
    return Runs(row + row_start, start + col_start, last % (width + 1) + col_start, counts)


def concatenate(parts: list[Runs]) -> Runs:
    """Join the runs of several windows, mending those cut by a window's left or right edge."""
    if not parts:
        return no_runs()
    row, start, stop, n_seeds = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("row", "start", "stop", "n_seeds")
    )
    order = np.lexsort((start, row))
    row, start, stop, n_seeds = row[order], start[order], stop[order], n_seeds[order]
    if not len(row):
        return no_runs()
    is_first = np.ones(len(row), bool)
    is_first[1:] = (row[1:] != row[:-1]) | (start[1:] != stop[:-1])
    first = np.flatnonzero(is_first)
    last = np.append(first[1:], len(row)) - 1
    return Runs(row[first], start[first], stop[last], np.add.reduceat(n_seeds, first))


def connect(candidates: Runs, width: int) -> NDArray[np.int64]:
    """Label runs that touch along a pixel's side (4-connected): same label, same object.

    Parameters
    ----------
    candidates : Runs
        Sorted by row then column.
    width : int
        Columns of the scene.

    Returns
    -------
    (n,) int64
        Label of each run, from 0, in the order of each object's first run.

    Notes
    -----
    The runs of the row below that overlap a run are a contiguous stretch of the sorted list, found by two
    binary searches; the graph of all such pairs gives the objects.
    """
    n_runs = len(candidates)
    if n_runs == 0:
        return np.zeros(0, np.int64)
    stride = width + 2
    starts = candidates.row * stride + candidates.start
    stops = candidates.row * stride + candidates.stop
    low = np.searchsorted(stops, starts + stride, side="right")
    high = np.searchsorted(starts, stops + stride, side="left")
    n_below = np.maximum(high - low, 0)
    upper = np.repeat(np.arange(n_runs), n_below)
    offset = np.arange(n_below.sum()) - np.repeat(n_below.cumsum() - n_below, n_below)
    lower = np.repeat(low, n_below) + offset
    graph = coo_array((np.ones(len(upper), np.int8), (upper, lower)), shape=(n_runs, n_runs))
    _, label = connected_components(graph, directed=False)
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]
