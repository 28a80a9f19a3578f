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

from pondscan.model import INVALID, REFLECTANCE_UNIT, Window

CELL_PX = 8
"""Side of a background cell; divides every tile size."""

LIQUID_NIR = 0.02
"""Near-infrared reflectance of open liquid, all but white slurry (modelled endmembers 0.004 to 0.07)."""

NOISE = 0.004
"""Reflectance noise assumed in the first pass (Sentinel-2 0.002, PlanetScope 0.003 to 0.006; unsourced orders)."""

TEXTURE = 0.15
"""Relative spread of natural ground from pixel to pixel assumed in the first pass; chosen with ``LEAST_RISE`` and
``BOTH`` by scripts/choose_constants."""

LEAST_RISE = 0.35
BOTH = 2.6
"""Least rise of green, and least sum of drop and rise, each in units of its own threshold. A dark pond hardly rises and
drops far, a white one the reverse. Shown by scripts/choose_constants."""

MIN_GROUND_SHARE = 0.05
"""Least share of ground pixels in the box for its mean to stand for the ground."""


@dataclass(frozen=True, slots=True)
class CellSums:
    """Sums over the ground pixels of every cell: green and nir counts, and how many pixels they were.

    Arrays of shape (cell rows, cell cols).
    """

    green: NDArray[np.int32]
    nir: NDArray[np.int32]
    n_ground: NDArray[np.int32]

    def put(self, window: Window, sums: CellSums) -> None:
        """Take the sums of a window of the scene, which begins on a cell boundary."""
        row, col = window.row_start // CELL_PX, window.col_start // CELL_PX
        place = slice(row, row + sums.green.shape[0]), slice(col, col + sums.green.shape[1])
        self.green[place], self.nir[place], self.n_ground[place] = sums.green, sums.nir, sums.n_ground

    def rows(self, start: int, stop: int) -> CellSums:
        """Return some rows of cells."""
        return CellSums(self.green[start:stop], self.nir[start:stop], self.n_ground[start:stop])


def no_ground(height: int, width: int) -> CellSums:
    """Return the sums of a scene of which nothing is known yet."""
    return CellSums(*np.zeros((3, -(-height // CELL_PX), -(-width // CELL_PX)), np.int32))


@dataclass(frozen=True, slots=True)
class Background:
    """Mean reflectance of the ground around every cell; NaN where there is too little ground to tell."""

    green: NDArray[np.float32]
    nir: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Graded:
    """Candidate pixels of a window."""

    place: NDArray[np.intp]
    """Flat index into the window, ascending."""
    width: int
    """Columns of the window."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Horizontal runs of candidate pixels, sorted by row then column; ``stop`` is exclusive."""

    row: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row)

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> Runs:
        """Return the runs at ``index``."""
        return Runs(self.row[index], self.start[index], self.stop[index])


def no_runs() -> Runs:
    """Return an empty set of runs."""
    empty = np.zeros(0, np.int64)
    return Runs(empty, empty, empty)


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
    is_ground = green < nir
    if is_hidden.any():
        is_ground &= ~is_hidden
    if green.size and green.min() == INVALID:
        is_ground &= green != INVALID
    return CellSums(_sum_cells(green * is_ground), _sum_cells(nir * is_ground), _sum_cells(is_ground))


def _sum_cells(values: NDArray[np.int16] | NDArray[np.bool_]) -> NDArray[np.int32]:
    """Sum every cell; a row of cells is added up first, all its columns at once; 32 bits hold 64 counts."""
    height, width = values.shape
    pad = ((0, -height % CELL_PX), (0, -width % CELL_PX))
    if pad != ((0, 0), (0, 0)):
        values = np.pad(values, pad)  # type: ignore[assignment]
    rows = values.reshape(-1, CELL_PX, values.shape[1]).sum(axis=1, dtype=np.int32)
    sums: NDArray[np.int32] = np.einsum("rck->rc", rows.reshape(rows.shape[0], -1, CELL_PX))  # a fifth of sum's time
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


def _box_sum(values: NDArray[np.integer], radius: int) -> NDArray[np.int64]:
    """Sum over a (2 radius + 1)² box cut at the edges; exact, since the sums are integers."""
    total: NDArray[np.int64] = values.astype(np.int64)
    for axis in (0, 1):
        length = total.shape[axis]
        cumulative = np.concatenate([np.zeros_like(total.take([0], axis)), total.cumsum(axis)], axis)
        index = np.arange(length)
        upper = cumulative.take(np.minimum(index + radius + 1, length), axis)
        total = upper - cumulative.take(np.maximum(index - radius, 0), axis)
    return total


def graded(
    green: NDArray[np.int16],
    nir: NDArray[np.int16],
    ground: Background,
    *,
    min_fraction: float,
    min_snr: float,
    absolute_ndwi: float,
    black_share: float = np.inf,
) -> Graded:
    """Find the pixels that look like liquid.

    Parameters
    ----------
    green, nir : (h, w) int16
        Counts of 1e-4 reflectance, ``INVALID`` where there is no data.
    ground : Background
        Of the cells that the window covers, (ceil(h / CELL_PX), ceil(w / CELL_PX)).
    min_fraction, min_snr, absolute_ndwi : float
        See ``config.DetectSettings``.
    black_share : float
        Share of the way from the ground to liquid at which the drop alone is enough; infinite for never.

    Notes
    -----
    Two signs together mean liquid: the pixel is darker than the ground in the near infrared, its *drop* at least
    ``min_fraction`` of the way to liquid; and greener than the ground would be at that darkness, its *rise* counted
    in ``min_snr`` (shading scales both bands alike, so ``green − nir · green_ground / nir_ground`` stays near zero in
    shadow and is the water fraction times a constant in a mixed pixel). One sign may be weaker where the other is
    strong: ``LEAST_RISE``, ``BOTH``. Open liquid needs no surroundings: its NDWI says it.

    Both signs are worked out for the few pixels alone that are dark enough to show them.
    """
    unit = np.float32(1 / REFLECTANCE_UNIT)
    per_drop = np.float32(REFLECTANCE_UNIT / min_fraction) / (ground.nir - np.float32(LIQUID_NIR))
    per_rise = np.float32(REFLECTANCE_UNIT / min_snr) / np.hypot(np.float32(NOISE), np.float32(TEXTURE) * ground.green)
    place = _dark(green, nir, _darkest_ground(ground.nir, per_drop), is_water_dark=absolute_ndwi >= 0)
    row, col = np.divmod(place, green.shape[1])
    cell = row // CELL_PX, col // CELL_PX
    pixel_green, pixel_nir = (band.ravel()[place].astype(np.float32) for band in (green, nir))
    drop = ((unit * ground.nir)[cell] - pixel_nir) * per_drop[cell]
    rise = (pixel_green - (ground.green / ground.nir)[cell] * pixel_nir) * per_rise[cell]
    is_candidate = (drop > 1) & (rise > LEAST_RISE) & (drop + rise > BOTH)
    is_open = np.float32(1 - absolute_ndwi) * pixel_green > np.float32(1 + absolute_ndwi) * pixel_nir
    is_candidate |= drop > np.float32(black_share / min_fraction)
    is_candidate |= is_open & (pixel_green > unit * np.float32(LIQUID_NIR))
    return Graded(place[is_candidate], green.shape[1])


def _darkest_ground(nir: NDArray[np.float32], per_drop: NDArray[np.float32]) -> NDArray[np.int16]:
    """Near-infrared counts that no pixel of a cell exceeds whose drop is enough: never too low, by a count too high."""
    with np.errstate(divide="ignore", invalid="ignore"):
        counts = np.float32(1 / REFLECTANCE_UNIT) * nir - 1 / per_drop
    counts = np.where(per_drop > 0, counts, np.inf)  # ground as dark as liquid: any pixel may pass
    counts = np.where(np.isnan(nir), INVALID, counts)
    limit: NDArray[np.int16] = np.clip(np.ceil(counts) + 1, INVALID, -INVALID - 1).astype(np.int16)
    return limit


def _dark(
    green: NDArray[np.int16], nir: NDArray[np.int16], limit: NDArray[np.int16], *, is_water_dark: bool
) -> NDArray[np.intp]:
    """Flat index of pixels that are no brighter in the near infrared than a cell's ``limit``, or than in green.

    Where water may be brighter than that, all pixels with data.
    """
    height, width = green.shape
    highest = limit.repeat(CELL_PX, axis=1)[:, :width].repeat(CELL_PX, axis=0)[:height]
    is_dark = nir <= np.maximum(highest, green, out=highest) if is_water_dark else np.ones(green.shape, bool)
    if nir.size and nir.min() == INVALID:
        is_dark &= nir != INVALID
    return np.flatnonzero(is_dark)


def runs(pixels: Graded, row_start: int, col_start: int) -> Runs:
    """Turn the candidate pixels of a window into runs in scene coordinates."""
    if not len(pixels.place):
        return no_runs()
    row, col = np.divmod(pixels.place, pixels.width)
    is_first = np.ones(len(col), bool)
    is_first[1:] = (np.diff(pixels.place) != 1) | (col[1:] == 0)
    first = np.flatnonzero(is_first)
    last = np.append(first[1:], len(col)) - 1
    return Runs(row[first] + row_start, col[first] + col_start, col[last] + 1 + col_start)


def concatenate(parts: list[Runs]) -> Runs:
    """Join the runs of several windows, mending those cut by a window's left or right edge."""
    if not parts:
        return no_runs()
    row, start, stop = (np.concatenate([getattr(part, name) for part in parts]) for name in ("row", "start", "stop"))
    order = np.lexsort((start, row))
    row, start, stop = row[order], start[order], stop[order]
    if not len(row):
        return no_runs()
    is_first = np.ones(len(row), bool)
    is_first[1:] = (row[1:] != row[:-1]) | (start[1:] != stop[:-1])
    first = np.flatnonzero(is_first)
    last = np.append(first[1:], len(row)) - 1
    return Runs(row[first], start[first], stop[last])


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
