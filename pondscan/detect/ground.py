"""Chips of ground: what is kept of a scene so that its place can be compared with that of any other, its files gone.

A chip is a square of the green band around a point of a lattice that is fixed to the earth (the UTM grid of the
point's zone), averaged to pixels of `PIXEL_M`, without masked ground. Two scenes that see the same point have a chip of
the very same ground, whatever their grids, pixel sizes and extents. A large scene keeps every second, fourth … point,
so the chips of a scene are bounded, and the sparser lattice is always part of the denser one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyproj
from numpy.typing import NDArray

from pondscan.model import INVALID, Coverage, Grid, Window

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

GroundSink = Callable[[Window, NDArray[np.int16], NDArray[np.uint8]], None]
"""Told every tile once: its window, the counts of the green band, and its coverage codes."""

PIXEL_M = 10.0
CHIP_PX = 48
CELL_M = 320.0
"""Distance of the points of the densest lattice."""

MOST_PIXELS = 16_000_000
"""Scene pixels held while a scene is read: 32 MB."""

LEAST_SEEN = 0.5
"""A chip is kept when so much of it was seen clear."""

LEVELS = 15
"""Grey levels of a chip, 1 to 15; 0 is unseen. The step is 0.4 of its standard deviation: noise of 0.12."""

REACH_SIGMAS = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class GroundChips:
    """Chips of one scene, in the order of their points."""

    points: NDArray[np.int32]
    """(n, 3) UTM zone, easting and northing in steps of `CELL_M`; northings count from the equator, negative south."""
    levels: NDArray[np.uint8]
    """(n, CHIP_PX, CHIP_PX) brightness against the chip's own mean and spread, north up; 0 unseen, else 1 to 15."""
    n_points: int
    """Points looked for; those without a chip were not seen clear."""

    def __len__(self) -> int:
        return len(self.points)


def no_chips() -> GroundChips:
    """No chip at all."""
    return GroundChips(np.empty((0, 3), np.int32), np.empty((0, CHIP_PX, CHIP_PX), np.uint8), 0)


def zone_crs(zone: int) -> str:
    """UTM zone that the points of ``zone`` are counted in, both hemispheres in one.

    >>> zone_crs(47)
    'EPSG:32647'
    """
    return f"EPSG:{32600 + zone}"


def lattice_points(grid: Grid, most: int) -> NDArray[np.int32]:
    """(n, 3) lattice points inside a grid: all of the densest lattice that gives no more than ``most``."""
    found = [_points_of_zone(grid, zone) for zone in _zones(grid)]
    points = np.concatenate(found) if found else np.empty((0, 3), np.int32)
    step = 1
    while len(points) > most:
        step *= 2
        points = points[(points[:, 1:] % step == 0).all(axis=1)]
    return points


def _zones(grid: Grid) -> range:
    west, south, east, north = grid.bounds
    x, y = np.meshgrid(np.linspace(west, east, 5), np.linspace(south, north, 5))
    lon, _ = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)
    if not np.isfinite(lon).all():
        return range(0)
    return range(_zone_at(float(lon.min())), _zone_at(float(lon.max())) + 1)


def _zone_at(lon: float) -> int:
    return int(np.clip((lon + 180.0) // 6.0 + 1, 1, 60))


def _points_of_zone(grid: Grid, zone: int) -> NDArray[np.int32]:
    west, south, east, north = grid.bounds
    to_zone = pyproj.Transformer.from_crs(grid.crs, zone_crs(zone), always_xy=True)
    left, bottom, right, top = to_zone.transform_bounds(west, south, east, north)
    i, j = np.meshgrid(
        np.arange(np.ceil(left / CELL_M), right / CELL_M), np.arange(np.ceil(bottom / CELL_M), top / CELL_M)
    )
    x, y = to_zone.transform(i * CELL_M, j * CELL_M, direction="INVERSE")
    lon, _ = pyproj.Transformer.from_crs(zone_crs(zone), "EPSG:4326", always_xy=True).transform(i * CELL_M, j * CELL_M)
    is_here = (x > west) & (x < east) & (y > south) & (y < north) & ((lon + 180.0) // 6.0 + 1 == zone)
    return np.stack([np.full(is_here.sum(), zone), i[is_here], j[is_here]], axis=1).astype(np.int32)


class GroundSampler:
    """Collects the chips of one scene while its tiles are decoded, in any order and from any thread.

    Parameters
    ----------
    grid : Grid
        Of the scene.
    most : int
        Chips at most.
    """

    def __init__(self, grid: Grid, most: int) -> None:
        self._grid = grid
        self._side = int(np.ceil(CHIP_PX * PIXEL_M / grid.gsd_m)) + 2
        points = lattice_points(grid, min(most, MOST_PIXELS // self._side**2)) if most else no_chips().points
        self._points = points
        self._centre = self._centres(points)
        first = np.floor(self._centre - self._side / 2).astype(np.int64)
        self._col, self._row = first[:, 0], first[:, 1]
        self._counts = np.full((len(points), self._side, self._side), INVALID, np.int16)

    def _centres(self, points: NDArray[np.int32]) -> Floats:
        """(n, 2) column and row of every point, in pixels from the upper left corner of the grid."""
        centre = np.empty((len(points), 2))
        for zone in np.unique(points[:, 0]):
            of_zone = points[:, 0] == zone
            to_grid = pyproj.Transformer.from_crs(zone_crs(int(zone)), self._grid.crs, always_xy=True)
            x, y = to_grid.transform(*(points[of_zone, 1:] * CELL_M).T)
            centre[of_zone, 0] = (x - self._grid.x_origin) / self._grid.gsd_m
            centre[of_zone, 1] = (self._grid.y_origin - y) / self._grid.gsd_m
        return centre

    def __call__(self, window: Window, green: NDArray[np.int16], codes: NDArray[np.uint8]) -> None:
        """Take what a tile shows of the chips."""
        side, row, col = self._side, self._row, self._col
        touches = (row < window.row_stop) & (row + side > window.row_start)
        touches &= (col < window.col_stop) & (col + side > window.col_start)
        for chip in np.flatnonzero(touches):  # a few dozen a tile
            top, left = max(row[chip], window.row_start), max(col[chip], window.col_start)
            bottom, right = min(row[chip] + side, window.row_stop), min(col[chip] + side, window.col_stop)
            rows = slice(top - window.row_start, bottom - window.row_start)
            cols = slice(left - window.col_start, right - window.col_start)
            part = np.where(codes[rows, cols] == Coverage.CLEAR, green[rows, cols], np.int16(INVALID))
            self._counts[chip, top - row[chip] : bottom - row[chip], left - col[chip] : right - col[chip]] = part

    def chips(self) -> GroundChips:
        """Chips of all that was taken."""
        if not len(self._points):
            return no_chips()
        parts = [self._chips_at(slice(first, first + 64)) for first in range(0, len(self._points), 64)]
        levels, is_kept = (np.concatenate(part) for part in zip(*parts, strict=True))
        return GroundChips(self._points[is_kept], levels[is_kept], len(self._points))

    def _chips_at(self, some: slice) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        counts, points = self._counts[some], self._points[some]
        mean, seen = _averaged(counts, self._weights(some))
        is_seen = seen >= LEAST_SEEN
        if not _is_north_up(self._grid, points):
            mean, is_seen = self._turned(some, mean, is_seen)
        return _levels(mean, is_seen), is_seen.mean(axis=(1, 2)) >= LEAST_SEEN

    def _weights(self, some: slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(n, CHIP_PX, side) share of every scene column, and row, in the pixels of the chips."""
        side, gsd_m = self._side, self._grid.gsd_m
        first = np.stack([self._col[some], self._row[some]])
        edge = (np.arange(CHIP_PX + 1) - CHIP_PX / 2) * (PIXEL_M / gsd_m) + (self._centre[some].T - first)[..., None]
        pixel = np.arange(side)
        overlap = np.minimum(edge[..., 1:, None], pixel + 1) - np.maximum(edge[..., :-1, None], pixel)
        across, down = np.clip(overlap, 0, None).astype(np.float32) * np.float32(gsd_m / PIXEL_M)
        return across, down

    def _turned(
        self, some: slice, mean: NDArray[np.float32], is_seen: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Chips of a scene in another grid than the points', turned from its north to theirs."""
        offset = (np.arange(CHIP_PX) + 0.5 - CHIP_PX / 2) * PIXEL_M
        east, south = np.meshgrid(offset, offset)
        col, row = np.empty((2, len(mean), CHIP_PX, CHIP_PX))
        for number, (zone, i, j) in enumerate(self._points[some]):
            to_grid = pyproj.Transformer.from_crs(zone_crs(int(zone)), self._grid.crs, always_xy=True)
            x, y = to_grid.transform(i * CELL_M + east, j * CELL_M - south)
            centre = to_grid.transform(i * CELL_M, j * CELL_M)
            col[number], row[number] = (x - centre[0]) / PIXEL_M, (centre[1] - y) / PIXEL_M
        return _resampled(mean, is_seen, row + (CHIP_PX - 1) / 2, col + (CHIP_PX - 1) / 2)


def _is_north_up(grid: Grid, points: NDArray[np.int32]) -> bool:
    """Whether the scene's grid is that of the points' zone."""
    code = pyproj.CRS.from_user_input(grid.crs).to_epsg() or 0
    return bool(np.isin(points[:, 0] + 32600, np.array([code, code - 100])).all())


def _averaged(
    counts: NDArray[np.int16], weights: tuple[NDArray[np.float32], NDArray[np.float32]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean of the clear scene pixels under every chip pixel, and their share of it."""
    across, down = weights
    is_clear = counts != INVALID
    total = down @ np.where(is_clear, counts, 0).astype(np.float32) @ across.transpose(0, 2, 1)
    seen = down @ is_clear.astype(np.float32) @ across.transpose(0, 2, 1)
    return total / np.maximum(seen, np.float32(1e-6)), seen


def _resampled(
    mean: NDArray[np.float32], is_seen: NDArray[np.bool_], row: Floats, col: Floats
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Values at places of each chip, by linear interpolation; unseen where a corner is."""
    top, left = np.clip(np.floor([row, col]), 0, CHIP_PX - 2).astype(np.int64)
    down, right = np.clip(row - top, 0, 1), np.clip(col - left, 0, 1)
    chip = np.arange(len(mean))[:, None, None]
    value, seen = np.zeros(row.shape), np.ones(row.shape, bool)
    for r, c in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weight = np.abs(1 - r - down) * np.abs(1 - c - right)
        value += weight * mean[chip, top + r, left + c]
        seen &= is_seen[chip, top + r, left + c]
    return value.astype(np.float32), seen


def _levels(mean: NDArray[np.float32], is_seen: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Grey levels of chips against their own mean and spread; what is far from the mean is clipped first."""
    axes, number = (1, 2), np.maximum(is_seen.sum(axis=(1, 2), keepdims=True), 1)
    values = np.where(is_seen, mean, 0)
    for _ in range(2):
        centre = values.sum(axes, keepdims=True, where=is_seen) / number
        spread = np.sqrt(((values - centre) ** 2).sum(axes, keepdims=True, where=is_seen) / number)
        values = np.clip(values, centre - REACH_SIGMAS * spread, centre + REACH_SIGMAS * spread)
    centre = values.sum(axes, keepdims=True, where=is_seen) / number
    scaled = (values - centre) / np.maximum(spread, 1e-3) / REACH_SIGMAS
    middle = (LEVELS + 1) / 2
    return np.where(is_seen, np.clip(np.rint(middle + (middle - 1) * scaled), 1, LEVELS), 0).astype(np.uint8)
