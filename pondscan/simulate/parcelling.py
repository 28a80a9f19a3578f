"""Ground cut into parcels: a town into blocks, farmland into fields, a block into plots."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pondscan.simulate import noise
from pondscan.simulate.terrain import POSTING_M, Terrain

FloatArray = NDArray[np.float64]
Bounds = tuple[float, float, float, float]
_MOST_CUTS = 40
_CUT_BETWEEN = (0.35, 0.65)


@dataclass(frozen=True)
class Parcels:
    """Rectangles side by side, all turned the same way."""

    x: FloatArray
    """Centre, easting."""
    y: FloatArray
    half_length: FloatArray
    half_width: FloatArray
    """At most the half length."""
    angle: FloatArray
    """Direction of the length, radians anticlockwise from east."""

    def __len__(self) -> int:
        return self.x.size

    def take(self, index: NDArray[np.bool_] | NDArray[np.int64]) -> Parcels:
        """Rows by index or mask."""
        return Parcels(self.x[index], self.y[index], self.half_length[index], self.half_width[index], self.angle[index])

    def at(self, parcel: NDArray[np.int64], u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Ground coordinates of points ``u`` along and ``v`` across parcels, metres from their centres."""
        cos, sin = np.cos(self.angle)[parcel], np.sin(self.angle)[parcel]
        return self.x[parcel] + u * cos - v * sin, self.y[parcel] + u * sin + v * cos


@dataclass(frozen=True)
class Plots:
    """Regular plots inside parcels."""

    parcel: NDArray[np.int64]
    u: FloatArray
    """Of the plot's centre, metres along the parcel from its centre."""
    v: FloatArray
    half_length: FloatArray
    """Along the parcel."""
    half_width: FloatArray

    def __len__(self) -> int:
        return self.u.size

    def take(self, index: NDArray[np.bool_] | NDArray[np.int64]) -> Plots:
        """Rows by index or mask."""
        return Plots(self.parcel[index], self.u[index], self.v[index], self.half_length[index], self.half_width[index])


def cut(
    rng: np.random.Generator,
    bounds: Bounds,
    angle: float,
    goal_m2: Callable[[FloatArray, FloatArray], FloatArray],
    longest: float,
) -> Parcels:
    """Cut the ground in two, and the halves again, until every parcel is as small as its place wants it.

    Parameters
    ----------
    rng : Generator
    bounds : west, south, east, north, metres
        The parcels cover it, and those that do not touch it are left out.
    angle : float
        Of the cuts, radians.
    goal_m2 : callable of x, y
        Area above which a parcel centred there is cut.
    longest : float
        A parcel whose sides differ by more than this ratio is always cut across; others along either side.
    """
    centre = ((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
    reach = math.hypot(bounds[2] - bounds[0], bounds[3] - bounds[1]) / 2 + 50.0
    whole = np.array([[-reach, reach, -reach, reach]])
    done: list[FloatArray] = []
    for _ in range(_MOST_CUTS):
        x, y = _turned(whole, centre, angle)
        area = (whole[:, 1] - whole[:, 0]) * (whole[:, 3] - whole[:, 2])
        is_done = (area < goal_m2(x, y)) | ~_near(x, y, whole, bounds)
        done.append(whole[is_done])
        whole = _halved(rng, whole[~is_done], longest)
        if whole.size == 0:
            break
    sides = np.concatenate([*done, whole])
    x, y = _turned(sides, centre, angle)
    parcels = _upright(sides, x, y, angle)
    return parcels.take(_near(x, y, sides, bounds))


def plots_in(parcels: Parcels, pitch_m: FloatArray | float) -> Plots:
    """Lay a grid of plots about ``pitch_m`` wide into every parcel."""
    pitch = np.broadcast_to(np.asarray(pitch_m, dtype=np.float64), parcels.x.shape)
    n_u = np.maximum(np.rint(2.0 * parcels.half_length / pitch), 1.0).astype(np.int64)
    n_v = np.maximum(np.rint(2.0 * parcels.half_width / pitch), 1.0).astype(np.int64)
    n = n_u * n_v
    parcel = np.repeat(np.arange(n.size), n)
    place = np.arange(parcel.size) - np.repeat(np.cumsum(n) - n, n)
    half_u, half_v = (parcels.half_length / n_u)[parcel], (parcels.half_width / n_v)[parcel]
    u = -parcels.half_length[parcel] + (2 * (place // n_v[parcel]) + 1) * half_u
    v = -parcels.half_width[parcel] + (2 * (place % n_v[parcel]) + 1) * half_v
    return Plots(parcel, u, v, half_u, half_v)


def field_at(
    ground: Terrain, spacings_m: tuple[float, ...], seed: int
) -> Callable[[FloatArray, FloatArray], FloatArray]:
    """Make a smooth random function of scattered points, mean 0 and variance 1."""
    rows, cols = ground.elevation_m.shape
    x = ground.west + POSTING_M * np.arange(cols, dtype=np.float64)
    y = ground.north - POSTING_M * np.arange(rows, dtype=np.float64)
    posts = noise.fractal(x, y, spacings_m, seed, 0.5)
    return lambda x, y: np.asarray(ground.at(posts, x, y), dtype=np.float64)


def _halved(rng: np.random.Generator, sides: FloatArray, longest: float) -> FloatArray:
    length_u, length_v = sides[:, 1] - sides[:, 0], sides[:, 3] - sides[:, 2]
    is_free = np.maximum(length_u / length_v, length_v / length_u) < longest / 2.0
    across_u = np.where(is_free, rng.uniform(size=length_u.size) < 0.5, length_u > length_v)
    share = rng.uniform(*_CUT_BETWEEN, length_u.size)
    first, second = sides.copy(), sides.copy()
    for low, at_u in ((0, across_u), (2, ~across_u)):
        middle = sides[:, low] + share * (sides[:, low + 1] - sides[:, low])
        first[:, low + 1] = np.where(at_u, middle, first[:, low + 1])
        second[:, low] = np.where(at_u, middle, second[:, low])
    return np.concatenate([first, second])


def _turned(sides: FloatArray, centre: tuple[float, float], angle: float) -> tuple[FloatArray, FloatArray]:
    u, v = (sides[:, 0] + sides[:, 1]) / 2, (sides[:, 2] + sides[:, 3]) / 2
    cos, sin = math.cos(angle), math.sin(angle)
    return centre[0] + u * cos - v * sin, centre[1] + u * sin + v * cos


def _near(x: FloatArray, y: FloatArray, sides: FloatArray, bounds: Bounds) -> NDArray[np.bool_]:
    reach = np.hypot(sides[:, 1] - sides[:, 0], sides[:, 3] - sides[:, 2]) / 2
    is_beside = (x + reach > bounds[0]) & (x - reach < bounds[2])
    return np.asarray(is_beside & (y + reach > bounds[1]) & (y - reach < bounds[3]))


def _upright(sides: FloatArray, x: FloatArray, y: FloatArray, angle: float) -> Parcels:
    half_u, half_v = (sides[:, 1] - sides[:, 0]) / 2, (sides[:, 3] - sides[:, 2]) / 2
    turn = np.where(half_u >= half_v, 0.0, math.pi / 2)
    return Parcels(x, y, np.maximum(half_u, half_v), np.minimum(half_u, half_v), angle + turn)
