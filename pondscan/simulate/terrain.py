"""Relief: parallel river valleys between forested ridges, and how the sun lights them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pondscan.simulate import noise
from pondscan.simulate.presets import Preset

FloatArray = NDArray[np.float64]
POSTING_M = 20.0
"""Spacing of the elevation posts."""
_MARGIN_M = 1600.0
"""Ground around the place that can cast shadows into it."""
_VALLEY_SPACING_M = 3800.0
_WANDER_M = 700.0
_PENUMBRA_M = 6.0
"""Depth below the shadow's edge, metres of elevation, over which light fades (posts are coarser than the penumbra)."""


@dataclass(frozen=True, slots=True)
class Valleys:
    """Parallel valleys that run north to south and meander alike."""

    easting: float
    """Mean easting of one of them."""
    floor_m: float
    """Half width of the flat floor."""
    seed: int

    def axis(self, y: FloatArray) -> FloatArray:
        """Offset of the axes from their mean easting at northing ``y``."""
        phase = 2 * math.pi * noise.hash_uniform(np.arange(3), np.zeros(3, dtype=np.int64), self.seed)
        swing = 420.0 * np.sin(2 * math.pi * y / 7300.0 + phase[0]) + 170.0 * np.sin(
            2 * math.pi * y / 2600.0 + phase[1]
        )
        return np.asarray(swing + 45.0 * np.sin(2 * math.pi * y / 900.0 + phase[2]))

    def lean(self, y: FloatArray) -> FloatArray:
        """Direction of the axes at northing ``y``, radians anticlockwise from east."""
        eastward = (self.axis(y + 5.0) - self.axis(y - 5.0)) / 10.0
        return np.asarray(np.arctan2(1.0, eastward))

    def distance(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Distance east of the nearest axis, negative west of it; ``x`` and ``y`` broadcast."""
        from_axis = x - self.easting - self.axis(y)
        return np.asarray((from_axis + _VALLEY_SPACING_M / 2) % _VALLEY_SPACING_M - _VALLEY_SPACING_M / 2)

    def eastings(self, west: float, east: float) -> FloatArray:
        """Mean eastings of the valleys that may wander into the ground between two eastings."""
        first = math.ceil((west - _WANDER_M - self.easting) / _VALLEY_SPACING_M)
        last = math.floor((east + _WANDER_M - self.easting) / _VALLEY_SPACING_M)
        return np.arange(first, last + 1, dtype=np.float64) * _VALLEY_SPACING_M + self.easting


@dataclass(frozen=True)
class Terrain:
    """Elevation posts; row 0 is the northernmost, post (0, 0) lies at (``west``, ``north``)."""

    west: float
    north: float
    elevation_m: NDArray[np.float32]
    valleys: Valleys

    def at(self, field: NDArray[np.float32], x: FloatArray, y: FloatArray) -> NDArray[np.float32]:
        """Interpolate a field of posts bilinearly at points of any shape."""
        cols, rows = (x - self.west) / POSTING_M, (self.north - y) / POSTING_M
        return np.asarray(ndimage.map_coordinates(field, [rows, cols], order=1, mode="nearest"))

    def on_raster(self, field: NDArray[np.float32], x: FloatArray, y: FloatArray) -> NDArray[np.float32]:
        """Interpolate a field of posts bilinearly on the raster of columns ``x`` and rows ``y``."""
        cols, rows = (x - self.west) / POSTING_M, (self.north - y) / POSTING_M
        along_x = _blend(field[_span(rows, field.shape[0])], cols, axis=1)
        return _blend(along_x, rows - _span(rows, field.shape[0]).start, axis=0)

    def gradient(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Slope towards east and towards north, metres per metre."""
        down_rows, along_cols = np.gradient(self.elevation_m, POSTING_M)
        return np.asarray(along_cols, dtype=np.float32), np.asarray(-down_rows, dtype=np.float32)


@dataclass(frozen=True)
class Light:
    """Direct sunlight on the posts, relative to level ground in the sun."""

    lit: NDArray[np.float32]
    """0 in cast shadow, 1 in the sun."""
    incidence: NDArray[np.float32]
    """Cosine of incidence on the slope over that on level ground, 0 where the slope faces away."""


def make_terrain(seed: int, preset: Preset, bounds: tuple[float, float, float, float]) -> Terrain:
    """Elevation of a place and its surroundings.

    Parameters
    ----------
    seed : int
    preset : Preset
    bounds : west, south, east, north, metres
    """
    west, south, east, north = bounds
    x = _posts(west, east)
    y = _posts(south, north)[::-1]
    valleys = _place_valleys(seed, preset, bounds)
    distance = np.abs(valleys.distance(x[None, :], y[:, None]))
    rise = _smoothstep((distance - preset.valley_floor_m) / (_VALLEY_SPACING_M / 2 - preset.valley_floor_m))
    foot = _smoothstep((distance - preset.valley_floor_m) / 300.0)
    spurs = noise.fractal(x, y, (1100.0, 560.0, 280.0, 140.0), noise.salt(seed, "spurs"), 0.48)
    ridged = 1.2 - 1.5 * np.abs(noise.fractal(x, y, (1500.0, 700.0), noise.salt(seed, "ridges"), 0.5))
    elevation = 900.0 + preset.relief_m * rise + preset.ruggedness_m * foot * (0.75 * spurs + 1.1 * ridged)
    return Terrain(float(x[0]), float(y[0]), elevation.astype(np.float32), valleys)


def _place_valleys(seed: int, preset: Preset, bounds: tuple[float, float, float, float]) -> Valleys:
    """A valley near the middle of the place, but the middle itself on the slope, so that small places have both."""
    rng = np.random.default_rng([seed, 505])
    valleys = Valleys(0.0, preset.valley_floor_m, noise.salt(seed, "valleys"))
    x, y = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    aside = preset.valley_floor_m + rng.uniform(200.0, 600.0)
    easting = x - rng.choice([-1.0, 1.0]) * aside - valleys.axis(np.array([y]))[0]
    return replace(valleys, easting=float(easting))


def light(terrain: Terrain, sun_elevation_deg: float, sun_azimuth_deg: float) -> Light:
    """Direct light: Lambert's cosine on the slope, and shadows cast along the sun's azimuth."""
    elevation, azimuth = math.radians(sun_elevation_deg), math.radians(sun_azimuth_deg)
    to_east, to_north = terrain.gradient()
    normal_length = np.sqrt(1.0 + to_east**2 + to_north**2)
    towards_sun = to_east * math.sin(azimuth) + to_north * math.cos(azimuth)
    cosine = (math.sin(elevation) - towards_sun * math.cos(elevation)) / normal_length
    incidence = np.maximum(cosine, 0.0) / math.sin(elevation)
    return Light(_cast_shadow(terrain.elevation_m, elevation, azimuth), incidence.astype(np.float32))


def _cast_shadow(height_m: NDArray[np.float32], elevation: float, azimuth: float) -> NDArray[np.float32]:
    """1 where the sun is seen, 0 where ground between hides it."""
    drop_per_step = POSTING_M * math.tan(elevation)
    relief = float(height_m.max() - height_m.min())
    n_steps = min(math.ceil(relief / drop_per_step), int(_MARGIN_M / POSTING_M))
    depth = np.full(height_m.shape, -np.inf, dtype=np.float32)
    for step in range(1, n_steps + 1):
        offset = (step * math.cos(azimuth), -step * math.sin(azimuth))
        towards_sun = ndimage.shift(height_m, offset, order=1, mode="nearest")
        np.maximum(depth, towards_sun - height_m - np.float32(step * drop_per_step), out=depth)
    return np.asarray(np.clip(0.5 - depth / _PENUMBRA_M, 0.0, 1.0), dtype=np.float32)


def _span(position: FloatArray, size: int) -> slice:
    """Posts that positions (in post units) lie between."""
    return slice(max(int(position.min()), 0), min(int(position.max()) + 2, size))


def _blend(field: NDArray[np.float32], position: FloatArray, axis: int) -> NDArray[np.float32]:
    """Interpolate linearly along one axis at positions in post units."""
    low = np.clip(np.floor(position).astype(np.int64), 0, field.shape[axis] - 2)
    weight = np.clip(position - low, 0.0, 1.0).astype(np.float32)
    weight = weight[None, :] if axis == 1 else weight[:, None]
    below, above = np.take(field, low, axis=axis), np.take(field, low + 1, axis=axis)
    return np.asarray(below + weight * (above - below))


def _posts(low: float, high: float) -> FloatArray:
    first = math.floor((low - _MARGIN_M) / POSTING_M)
    last = math.ceil((high + _MARGIN_M) / POSTING_M)
    return np.arange(first, last + 1, dtype=np.float64) * POSTING_M


def _smoothstep(t: FloatArray) -> FloatArray:
    t = np.clip(t, 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))
