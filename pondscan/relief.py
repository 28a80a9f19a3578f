"""The lie of the land: how steep it is, how the sun strikes it, and where it lies in the shadow of other land."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Field = NDArray[np.float32]

SLOPE_BASE_M = 30.0
"""Side of the ground whose slope is meant: the hillside, not the bank between two ponds that a finer model shows."""

CHUNK_ROWS = 256
"""Rows that are resampled at once: bounds the memory their coordinates take."""


@dataclass(frozen=True, slots=True, eq=False)
class Relief:
    """Elevation posts, the northernmost row first."""

    x_west: float
    """Easting of the first column of posts, metres."""
    y_north: float
    """Northing of the first row of posts, metres."""
    posting_m: float
    elevation_m: Field
    """(h, w), NaN where it is not known."""


class GroundAt(NamedTuple):
    """The lie of the land at some points; NaN where it is not known."""

    slope_deg: Floats
    incidence: Floats
    """Cosine of the angle between the sun and the upright on the slope; below 0 the slope faces away from it."""
    depth_m: Floats
    """Height that the ground lacks to be in the sun; below 0 nothing stands between them."""


@dataclass(frozen=True, slots=True, eq=False)
class LitRelief:
    """What `illuminate` makes of a relief: fields on its posts."""

    relief: Relief
    slope_deg: Field
    incidence: Field
    depth_m: Field

    @property
    def posting_m(self) -> float:
        """Distance between posts."""
        return self.relief.posting_m

    def at(self, x: Floats, y: Floats) -> GroundAt:
        """Interpolate bilinearly at points (n,), eastings and northings; NaN outside and next to unknown posts."""
        where = self._position(x, y)
        fields = (self.slope_deg, self.incidence, self.depth_m)
        return GroundAt(*(_sample(field.astype(np.float64), where, outside=np.nan) for field in fields))

    def on_raster(self, field: Field, x: Floats, y: Floats) -> Field:
        """Values of a field at the posts nearest to the columns ``x`` and rows ``y`` of a raster; NaN outside."""
        row, col = (np.floor(part + 0.5).astype(np.int64) for part in self._position(x, y))
        height, width = field.shape
        values: Field = field[np.ix_(np.clip(row, 0, height - 1), np.clip(col, 0, width - 1))]
        values[(row < 0) | (row >= height)] = np.nan
        values[:, (col < 0) | (col >= width)] = np.nan
        return values

    def _position(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Row and column, in posts."""
        relief = self.relief
        return (relief.y_north - y) / relief.posting_m, (x - relief.x_west) / relief.posting_m


def illuminate(relief: Relief, sun: tuple[float, float] | None) -> LitRelief:
    """Find slope, incidence and cast shadow on every post.

    Parameters
    ----------
    relief : Relief
    sun : elevation and azimuth (clockwise from north), degrees, or None
        Where the sun stands; None where that is not known: then nothing lies in shadow.

    Notes
    -----
    Slope and incidence from differences over three by three posts: B. K. P. Horn, Hill shading and the reflectance
    map, Proceedings of the IEEE 69(1), 1981, 14-47.
    """
    to_east, to_north = gradient(relief)
    slope_deg = np.degrees(np.arctan(np.hypot(*gradient(_over(relief, SLOPE_BASE_M))))).astype(np.float32)
    if sun is None:
        bright = np.where(np.isnan(slope_deg), np.float32(np.nan), np.float32(1.0))
        return LitRelief(relief, slope_deg, bright, -bright)
    elevation, azimuth = (math.radians(angle) for angle in sun)
    towards_sun = to_east * math.sin(azimuth) + to_north * math.cos(azimuth)
    cosine = (math.sin(elevation) - towards_sun * math.cos(elevation)) / np.sqrt(1 + to_east**2 + to_north**2)
    return LitRelief(relief, slope_deg, cosine.astype(np.float32), shadow_depth(relief, elevation, azimuth))


def _over(relief: Relief, side_m: float) -> Relief:
    """Relief averaged over squares, as a coarser model would have it."""
    from scipy import ndimage as ndi

    n_posts = round(side_m / relief.posting_m)
    if n_posts < 2:
        return relief
    return replace(relief, elevation_m=ndi.uniform_filter(relief.elevation_m, n_posts, mode="nearest"))


def gradient(relief: Relief) -> tuple[Field, Field]:
    """Rise towards east and towards north, metres per metre; NaN next to unknown posts."""
    from scipy import ndimage as ndi

    per_metre = np.float32(1 / (8 * relief.posting_m))
    east, south = (ndi.sobel(relief.elevation_m, axis=axis, mode="nearest") * per_metre for axis in (1, 0))
    return np.asarray(east, np.float32), np.asarray(-south, np.float32)


def shadow_depth(relief: Relief, sun_elevation: float, sun_azimuth: float) -> Field:
    """Height that every post lacks to be in the sun, metres; NaN where its own elevation is not known.

    Notes
    -----
    The horizon towards the sun, for a whole field at once: in a frame turned so that light runs along its rows, a post
    lies in shadow when the greatest ``elevation + distance · tan(sun's elevation)`` of the posts before it is above its
    own: one running maximum (after J. Dozier, J. Bruno and P. Downey, A faster solution to the horizon problem,
    Computers & Geosciences 7, 1981, 145-151). Unknown ground casts no shadow, neither does ground outside.
    """
    height, width = relief.elevation_m.shape
    is_known = np.isfinite(relief.elevation_m)
    if not is_known.any():
        return np.full((height, width), np.nan, np.float32)
    lowest = relief.elevation_m[is_known].min()
    filled = np.where(is_known, relief.elevation_m, lowest)
    turn = _Turn.of((height, width), sun_azimuth)
    drop_m = np.float32(relief.posting_m * math.tan(sun_elevation))
    lifted = turn.apply(filled) + np.arange(turn.n_along, dtype=np.float32) * drop_m
    depth = np.empty_like(lifted)
    depth[:, 0] = -drop_m
    depth[:, 1:] = np.maximum.accumulate(lifted, axis=1)[:, :-1] - lifted[:, 1:]
    return np.where(is_known, turn.undo(depth), np.float32(np.nan))


@dataclass(frozen=True, slots=True)
class _Turn:
    """A raster turned so that light runs along its rows, posts as far apart as before."""

    shape: tuple[int, int]
    """Of the raster as it was."""
    towards: tuple[float, float]
    """Step along a turned row, in rows and columns of the raster."""
    first: tuple[float, float]
    """Place of the first turned post along and across, from the raster's middle."""
    n_along: int
    n_across: int

    @classmethod
    def of(cls, shape: tuple[int, int], sun_azimuth: float) -> _Turn:
        """Turn a raster away from the sun's azimuth, radians clockwise from north."""
        towards = (math.cos(sun_azimuth), -math.sin(sun_azimuth))
        half = (shape[0] - 1) / 2, (shape[1] - 1) / 2
        along = half[0] * abs(towards[0]) + half[1] * abs(towards[1])
        across = half[0] * abs(towards[1]) + half[1] * abs(towards[0])
        return cls(shape, towards, (-along, -across), math.ceil(2 * along) + 1, math.ceil(2 * across) + 1)

    def apply(self, field: Field) -> Field:
        """Turn a field: (n_across, n_along); the edge goes on outside."""
        along = self.first[0] + np.arange(self.n_along)
        turned = np.empty((self.n_across, self.n_along), np.float32)
        for start in range(0, self.n_across, CHUNK_ROWS):
            across = self.first[1] + np.arange(start, min(start + CHUNK_ROWS, self.n_across))[:, None]
            row = (self.shape[0] - 1) / 2 + along * self.towards[0] - across * self.towards[1]
            col = (self.shape[1] - 1) / 2 + along * self.towards[1] + across * self.towards[0]
            turned[start : start + CHUNK_ROWS] = _sample(field, (row, col))
        return turned

    def undo(self, turned: Field) -> Field:
        """Turn a field back: of the raster's own shape."""
        col = np.arange(self.shape[1]) - (self.shape[1] - 1) / 2
        field = np.empty(self.shape, np.float32)
        for start in range(0, self.shape[0], CHUNK_ROWS):
            row = np.arange(start, min(start + CHUNK_ROWS, self.shape[0]))[:, None] - (self.shape[0] - 1) / 2
            along = row * self.towards[0] + col * self.towards[1] - self.first[0]
            across = col * self.towards[0] - row * self.towards[1] - self.first[1]
            field[start : start + CHUNK_ROWS] = _sample(turned, (across, along))
        return field


def _sample(field: NDArray[Any], where: tuple[Floats, Floats], *, outside: float | None = None) -> Floats:
    """Interpolate bilinearly; outside the edge goes on, or a constant stands."""
    from scipy import ndimage as ndi

    mode: Literal["nearest", "constant"] = "nearest" if outside is None else "constant"
    cval = 0.0 if outside is None else outside
    return np.asarray(ndi.map_coordinates(field, list(where), order=1, mode=mode, cval=cval), np.float64)
