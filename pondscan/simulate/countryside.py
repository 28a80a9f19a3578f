"""What people and rivers made of the valleys: water, sand, roads, fields, villages, fish ponds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pondscan.simulate import farmland, noise, shapes, town
from pondscan.simulate.endmembers import SWIR_RESIDUAL, surface_code
from pondscan.simulate.presets import Preset
from pondscan.simulate.settled import Settled, nothing_settled, together
from pondscan.simulate.shapes import Boxes
from pondscan.simulate.terrain import Terrain
from pondscan.simulate.wetlands import Wetlands, make_wetlands, nothing_wet

FloatArray = NDArray[np.float64]
Bounds = tuple[float, float, float, float]

_RIVER_STEP_M = 16.0
_ROAD_STEP_M = 25.0
_SITE_REACH_M = 130.0
"""Ground around the middle of a mine that nobody else settles."""
_MONSOON = range(5, 11)
"""Months in which rivers run brown and every paddy stands in water or green."""


@dataclass(frozen=True)
class Countryside:
    """Tables of boxes, one per layer, in the order in which they lie upon each other."""

    parcels: Boxes
    sand: Boxes
    rivers: Boxes
    river_number: NDArray[np.int64]
    roads: Boxes
    road_site: NDArray[np.int64]
    """Site that a stretch of road was made for, -1 for the valley roads."""
    yards: Boxes
    roofs: Boxes
    fish_ponds: Boxes
    settled: Settled
    """Towns and farmland."""
    wetlands: Wetlands
    """Natural ponds and lakes, which lie over fields and farms, and the roads over them."""


def make_countryside(
    seed: int, preset: Preset, ground: Terrain, bounds: Bounds, site_x: FloatArray, site_y: FloatArray, variety: float
) -> Countryside:
    """Lay out the valleys of a place.

    Parameters
    ----------
    seed : int
    preset : Preset
    ground : Terrain
    bounds : west, south, east, north, metres
    site_x, site_y : float64 arrays (n_sites,)
        Mine sites, which the roads lead to.
    variety : float
        As in `Preset`.
    """
    rng = np.random.default_rng([seed, 202])
    area_km2 = (bounds[2] - bounds[0]) * (bounds[3] - bounds[1]) / 1e6
    rivers, river_number = _rivers(rng, preset, ground, bounds)
    roads, road_site = _roads(rng, preset, ground, bounds, site_x, site_y)
    yards, roofs = _villages(rng, preset, ground, bounds, rng.poisson(preset.villages * area_km2))
    return Countryside(
        parcels=_parcels(rng, preset, ground, bounds),
        sand=_sand(rng, preset, ground, bounds),
        rivers=rivers,
        river_number=river_number,
        roads=roads,
        road_site=road_site,
        yards=yards,
        roofs=shapes.stack([roofs, _tarps(rng, preset, ground, bounds, rng.poisson(preset.tarps * area_km2))]),
        fish_ponds=_fish_ponds(rng, preset, ground, bounds, rng.poisson(preset.fish_ponds * area_km2)),
        settled=_settle(seed, preset, ground, bounds, variety, rivers, site_x, site_y),
        wetlands=make_wetlands(seed, bounds, preset.potholes, variety),
    )


def empty_countryside() -> Countryside:
    """Nothing that people or rivers made."""
    none, numbers = shapes.stack([]), np.empty(0, dtype=np.int64)
    return Countryside(none, none, none, numbers, none, numbers, none, none, none, nothing_settled(), nothing_wet())


def rivers_on(country: Countryside, month: int, seed: int) -> Boxes:
    """The rivers with the water of a month: clear in the dry season but for those fed by mud, turbid in the monsoon."""
    muddy = noise.hash_uniform(country.river_number, np.zeros_like(country.river_number), seed) < 0.25
    is_turbid = muddy | (month in _MONSOON)
    surface = np.where(is_turbid, surface_code("river_turbid"), surface_code("river_clear"))
    return replace(country.rivers, surface=surface)


def parcels_on(country: Countryside, month: int, seed: int) -> Boxes:
    """The fields with the crop of a month."""
    draw = noise.hash_uniform(np.arange(len(country.parcels)), np.zeros(1, dtype=np.int64), seed)
    wet = ("rice_flooded", "rice_green", "dry_grass")
    dry = ("dry_grass", "laterite_moist", "rice_flooded", "rice_green", "soil_field")
    names, shares = (wet, (0.45, 0.50, 0.05)) if month in _MONSOON else (dry, (0.48, 0.2, 0.12, 0.12, 0.08))
    codes = np.array([surface_code(name) for name in names])
    index = np.minimum(np.searchsorted(np.cumsum(shares), draw, side="right"), len(names) - 1)
    return replace(country.parcels, surface=codes[index])


def _settle(
    seed: int,
    preset: Preset,
    ground: Terrain,
    bounds: Bounds,
    variety: float,
    rivers: Boxes,
    site_x: FloatArray,
    site_y: FloatArray,
) -> Settled:
    """Build towns and plough fields where neither river nor mine is."""

    def is_free(x: FloatArray, y: FloatArray, reach_m: FloatArray) -> NDArray[np.bool_]:
        off_sites = np.hypot(x[:, None] - site_x, y[:, None] - site_y) > reach_m[:, None] + _SITE_REACH_M
        off_river = np.abs(ground.valleys.distance(x, y)) > 0.7 * reach_m + preset.river_width_m + 10.0
        return np.asarray(off_sites.all(axis=1) & (off_river | (len(rivers) == 0)))

    return together(
        [
            farmland.make_farmland(seed, ground, bounds, preset.farmland, variety, is_free),
            town.make_town(seed, ground, bounds, preset.town, variety, is_free),
        ]
    )


def _on_floor(
    rng: np.random.Generator, preset: Preset, ground: Terrain, bounds: Bounds, n: int, clear_of_river_m: float
) -> tuple[FloatArray, FloatArray]:
    """Random places on the valley floors, off the river."""
    west, south, east, north = bounds
    y = rng.uniform(south, north, n)
    valleys = ground.valleys.eastings(west, east)
    if n == 0 or valleys.size == 0:
        return np.empty(0), np.empty(0)
    offset = rng.uniform(clear_of_river_m, max(preset.valley_floor_m, clear_of_river_m + 60.0), n)
    x = rng.choice(valleys, n) + ground.valleys.axis(y) + offset * rng.choice([-1.0, 1.0], n)
    is_inside = (x > west) & (x < east)
    return x[is_inside], y[is_inside]


def _axis_points(bounds: Bounds, step_m: float) -> FloatArray:
    first, last = math.floor(bounds[1] / step_m) - 4, math.ceil(bounds[3] / step_m) + 4
    return np.arange(first, last + 1, dtype=np.float64) * step_m


def _rivers(
    rng: np.random.Generator, preset: Preset, ground: Terrain, bounds: Bounds
) -> tuple[Boxes, NDArray[np.int64]]:
    y = _axis_points(bounds, _RIVER_STEP_M)
    axis = ground.valleys.axis(y)
    lines, numbers = [], []
    for valley in ground.valleys.eastings(bounds[0], bounds[2]):
        wander = noise.fractal(np.array([valley]), y, (420.0, 160.0), ground.valleys.seed + 5)[:, 0]
        breadth = np.exp(0.25 * noise.value_noise(np.array([valley]), y, 260.0, ground.valleys.seed + 6)[:, 0])
        room = max(preset.valley_floor_m - 60.0, 5.0)
        width = preset.river_width_m * breadth * rng.uniform(0.7, 1.3)
        line = shapes.capsules(
            valley + axis + np.clip(35.0 * wander, -room, room), y, width, surface=surface_code("river_clear")
        )
        residual = np.full(len(line), rng.uniform(*SWIR_RESIDUAL))
        lines.append(replace(line, swir_residual=residual, gain=line.gain * rng.uniform(0.8, 1.2)))
        numbers.append(np.full(len(line), round(valley)))
    return shapes.stack(lines), np.concatenate(numbers) if numbers else np.empty(0, dtype=np.int64)


def _sand(rng: np.random.Generator, preset: Preset, ground: Terrain, bounds: Bounds) -> Boxes:
    """Bars of sand and gravel along the rivers."""
    length_km = (bounds[3] - bounds[1]) / 1e3 * ground.valleys.eastings(bounds[0], bounds[2]).size
    n = int(rng.poisson(4.0 * length_km))
    x, y = _on_floor(rng, preset, ground, bounds, n, 0.35 * preset.river_width_m)
    axis = x - ground.valleys.distance(x, y)
    beside = axis + rng.choice([-1.0, 1.0], x.size) * rng.uniform(0.3, 1.1, x.size) * preset.river_width_m
    half_width = rng.uniform(4.0, 13.0, x.size)
    return shapes.boxes(
        beside,
        y,
        half_width * rng.uniform(1.5, 4.0, x.size),
        half_width,
        radius=half_width,
        angle=ground.valleys.lean(y),
        surface=surface_code("sand"),
        gain=np.exp(rng.normal(0.0, 0.15, x.size)),
    )


def _parcels(rng: np.random.Generator, preset: Preset, ground: Terrain, bounds: Bounds) -> Boxes:
    """Fields along the valley, in strips on either side of the river, with narrow bunds between."""
    length_m, width_m = 42.0, 20.0
    y = _axis_points(bounds, length_m)
    reach = int(preset.valley_floor_m // width_m)
    strips = np.array(
        [strip for strip in range(-reach, reach + 1) if abs(strip) * width_m > preset.river_width_m + 25.0]
    )
    if preset.paddies == 0.0 or strips.size == 0:
        return shapes.stack([])
    valleys = ground.valleys.eastings(bounds[0], bounds[2])
    valley, strip, northing = (part.ravel() for part in np.meshgrid(valleys, strips, y, indexing="ij"))
    lateral = strip * width_m
    x = valley + ground.valleys.axis(northing) + lateral
    clump = _clumps(x, northing, ground.valleys.seed + 11)
    is_field = (clump < preset.paddies) & (x > bounds[0] - 50.0) & (x < bounds[2] + 50.0)
    x, northing = x[is_field], northing[is_field]
    return shapes.boxes(
        x,
        northing,
        length_m / 2 - rng.uniform(0.5, 1.5, x.size),
        width_m / 2 - rng.uniform(0.5, 2.0, x.size),
        radius=1.0,
        angle=ground.valleys.lean(northing),
        surface=surface_code("dry_grass"),
        gain=np.exp(rng.normal(0.0, 0.15, x.size)),
        swir_residual=rng.uniform(0.0, 0.01, x.size),
    )


def _clumps(x: FloatArray, y: FloatArray, seed: int) -> FloatArray:
    """Uniform numbers shared by fields of the same hectare-sized neighbourhood, for villages farm together."""
    block = 220.0
    shared = noise.hash_uniform(np.floor(x / block).astype(np.int64), np.floor(y / block).astype(np.int64), seed)
    own = noise.hash_uniform(np.floor(x).astype(np.int64), np.floor(y).astype(np.int64), seed + 1)
    return np.asarray(np.where(own < 0.2, own / 0.2, shared))


def _roads(
    rng: np.random.Generator, preset: Preset, ground: Terrain, bounds: Bounds, site_x: FloatArray, site_y: FloatArray
) -> tuple[Boxes, NDArray[np.int64]]:
    """One road along each valley, and one from it to every site."""
    y = _axis_points(bounds, _ROAD_STEP_M)
    beside = preset.river_width_m + 0.35 * preset.valley_floor_m + 20.0
    axis = ground.valleys.axis(y) + beside
    earth = surface_code("laterite_dry")
    lines = [
        shapes.capsules(valley + axis + 6.0 * np.sin(y / 90.0), y, 6.0, surface=earth)
        for valley in ground.valleys.eastings(bounds[0], bounds[2])
    ]
    numbers = [-1] * len(lines)
    for site, (x, northing) in enumerate(zip(site_x, site_y, strict=True)):
        lines.append(_site_road(rng, ground, float(x), float(northing), beside))
        numbers.append(site)
    return shapes.stack(lines), np.repeat(numbers, [len(line) for line in lines]).astype(np.int64)


def _site_road(rng: np.random.Generator, ground: Terrain, x: float, y: float, beside: float) -> Boxes:
    """A winding track from the valley road up to a site."""
    foot = y + rng.uniform(-400.0, 400.0)
    from_axis = ground.valleys.distance(np.array([x]), np.array([foot]))[0]
    start = x - from_axis + beside
    n = max(int(math.hypot(x - start, y - foot) / _ROAD_STEP_M), 4)
    t = np.linspace(0.0, 1.0, n + 1)
    swing = rng.uniform(30.0, 75.0) * np.sin(math.pi * t) * np.sin(2 * math.pi * (t * n / 14.0 + rng.uniform()))
    across = math.atan2(y - foot, x - start) + math.pi / 2
    return shapes.capsules(
        start + (x - start) * t + swing * math.cos(across),
        foot + (y - foot) * t + swing * math.sin(across),
        rng.uniform(4.0, 6.5),
        surface=surface_code("laterite_dry"),
        gain=rng.uniform(0.75, 1.0),
    )


def _villages(
    rng: np.random.Generator, preset: Preset, ground: Terrain, bounds: Bounds, n_villages: int
) -> tuple[Boxes, Boxes]:
    """Trodden yards, and roofs of grey, rusty, blue and white metal."""
    x, y = _on_floor(rng, preset, ground, bounds, n_villages, preset.river_width_m + 90.0)
    n_houses = rng.integers(15, 60, x.size)
    home = np.repeat(np.arange(x.size), n_houses)
    spread = np.sqrt(n_houses)[home] * 13.0
    house_x, house_y = x[home] + rng.normal(0.0, spread), y[home] + rng.normal(0.0, 1.4 * spread)
    n = home.size
    names = ("roof_grey", "roof_rust", "roof_blue", "sheet_white", "concrete")
    surface = rng.choice([surface_code(name) for name in names], n, p=[0.36, 0.26, 0.25, 0.06, 0.07])
    roofs = shapes.boxes(
        house_x,
        house_y,
        rng.uniform(4.0, 8.5, n),
        rng.uniform(2.8, 5.0, n),
        angle=ground.valleys.lean(house_y) + rng.choice([0.0, math.pi / 2], n) + rng.normal(0.0, 0.12, n),
        surface=surface,
        gain=np.exp(rng.normal(0.0, 0.15, n)),
    )
    yards = roofs.grown(rng.uniform(3.0, 9.0, n), surface_code("dry_grass"))
    return replace(yards, gain=np.full(n, 1.1)), shapes.stack([roofs, _pools(rng, x, y)])


def _pools(rng: np.random.Generator, village_x: FloatArray, village_y: FloatArray) -> Boxes:
    """A swimming pool in one village out of four: as turquoise as any pond, and no pond at all."""
    chosen = rng.uniform(size=village_x.size) < 0.25
    n = int(chosen.sum())
    half = rng.uniform(2.0, 3.5, n)
    return shapes.boxes(
        village_x[chosen] + rng.normal(0.0, 40.0, n),
        village_y[chosen] + rng.normal(0.0, 40.0, n),
        half * rng.uniform(1.2, 2.2, n),
        half,
        radius=0.5,
        angle=rng.uniform(0.0, math.pi, n),
        surface=surface_code("pond_blue"),
        gain=1.6,
        swir_residual=rng.uniform(*SWIR_RESIDUAL, n),
    )


def _tarps(rng: np.random.Generator, preset: Preset, ground: Terrain, bounds: Bounds, n: int) -> Boxes:
    """Blue tarpaulins and white sheets over crops and timber."""
    x, y = _on_floor(rng, preset, ground, bounds, n, preset.river_width_m + 15.0)
    names = ("tarp_blue", "sheet_white", "liner_black")
    return shapes.boxes(
        x,
        y,
        rng.uniform(2.5, 9.0, x.size),
        rng.uniform(2.0, 5.0, x.size),
        angle=rng.uniform(0.0, math.pi, x.size),
        surface=rng.choice([surface_code(name) for name in names], x.size, p=[0.65, 0.2, 0.15]),
        gain=np.exp(rng.normal(0.0, 0.15, x.size)),
    )


def _fish_ponds(rng: np.random.Generator, preset: Preset, ground: Terrain, bounds: Bounds, n: int) -> Boxes:
    """Farm and fish ponds on the valley floor, far enough apart never to touch."""
    x, y = _on_floor(rng, preset, ground, bounds, n, preset.river_width_m + 45.0)
    keep = _apart(x, y, 70.0)
    x, y = x[keep], y[keep]
    half_width = rng.uniform(4.0, 13.0, x.size)
    half_length = half_width * rng.uniform(1.1, 2.2, x.size)
    names = ("pond_algal", "pond_brown", "pond_dark", "river_clear", "pond_yellow_green")
    return shapes.boxes(
        x,
        y,
        half_length,
        half_width,
        radius=half_width * rng.uniform(0.3, 0.95, x.size),
        angle=ground.valleys.lean(y) + rng.choice([0.0, math.pi / 2], x.size) + rng.normal(0.0, 0.2, x.size),
        surface=rng.choice([surface_code(name) for name in names], x.size, p=[0.3, 0.3, 0.15, 0.1, 0.15]),
        gain=np.exp(rng.normal(0.0, 0.18, x.size)),
        swir_residual=rng.uniform(*SWIR_RESIDUAL, x.size),
    )


def _apart(x: FloatArray, y: FloatArray, distance_m: float) -> NDArray[np.bool_]:
    """Mark the points that have no earlier point nearer than ``distance_m``."""
    separation = np.hypot(x[:, None] - x[None, :], y[:, None] - y[None, :])
    return np.asarray(~np.any(np.tril(separation < distance_m, k=-1), axis=1))
