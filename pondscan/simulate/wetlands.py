"""Natural waters: ponds and lakes in hollows of glaciated plains, which fill, spill into each other and dry.

Sizes, shares and colours are of the author's choosing; measured is the density alone (over 40 basins per km² in the
densest parts of the Dakotas, Kantrud et al. 1989, *Prairie Basin Wetlands of the Dakotas*, Fish and Wildlife Service).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from pondscan.simulate import noise, shapes
from pondscan.simulate.canvas import Cells, Image, points_under
from pondscan.simulate.settled import choose
from pondscan.simulate.shapes import Boxes

FloatArray = NDArray[np.float64]
Bounds = tuple[float, float, float, float]

MEDIAN_DIAMETER_M = 70.0
SPREAD = 0.95
"""Standard deviation of the logarithm of basin diameters within a place: 5 % are larger than 330 m."""
_COUNTRY_SPREAD = 0.7
"""The same of the medians of places: some have puddles, some lakes."""
_DIAMETERS_M = (8.0, 1300.0)
_ORDERS = np.arange(2, 7)
"""Harmonics of a shore around its middle: of order 2 an oval, above it bays."""
_ROUGHNESS = 0.22
_LEAST_LEVEL = 0.2
"""A hollow filled to less of its radius is dry."""
_POLYGON_SIDES = 96
_SECTION_M = 1609.344
"""Roads run along the lines of the survey of 1785, a mile apart."""

_LIQUIDS = {
    "pond_dark": 0.42, "river_clear": 0.2, "pond_algal": 0.16, "pond_yellow_green": 0.07, "river_turbid": 0.07,
    "pond_blue": 0.08,
}  # fmt: skip
_SHORES = {"soil_wet": 0.34, "soil_dark": 0.16, "saprolite": 0.14, "soil_pale": 0.12, "meadow": 0.24}
"""What falls dry: mud, salt crusts, sand, grass."""
_REEDS = {"rice_green": 0.5, "rice_flooded": 0.25, "dry_grass": 0.25}
_HOLLOWS = {"meadow": 0.55, "dry_grass": 0.3, "scrub": 0.15}


@dataclass(frozen=True)
class Wetlands:
    """Hollows of one or more lobes, and what fills them; a lobe belongs to the water of number ``water``."""

    x: FloatArray
    """(n_lobes,) centre of each lobe, easting."""
    y: FloatArray
    radius_m: FloatArray
    squeeze: FloatArray
    """Length over breadth of a lobe."""
    angle: FloatArray
    swing: FloatArray
    """(n_lobes, n_orders) amplitude of each harmonic in the logarithm of the radius."""
    phase: FloatArray
    water: NDArray[np.int64]
    liquids: tuple[Boxes, Boxes]
    """A row each water, for its colours alone: the two between which its liquid varies."""
    shores: Boxes
    reeds: Boxes
    hollows: Boxes
    permanence: FloatArray
    """(n_waters,) share of the basin's radius that stands in water in a middling year."""
    open_share: FloatArray
    """(n_waters,) share of the water's radius inside the reeds: 1 for bare shores."""
    marsh: FloatArray
    """(n_waters,) share of the open water that reeds grow through."""
    beach: FloatArray
    """(n_waters,) breadth of bare shore, in shares of the basin's radius."""
    roads: Boxes

    def __len__(self) -> int:
        return self.permanence.size

    def lobes(self, chosen: NDArray[Any]) -> Self:
        """The same waters with some of the lobes."""
        names = ("x", "y", "radius_m", "squeeze", "angle", "swing", "phase", "water")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})


def make_wetlands(seed: int, bounds: Bounds, per_km2: float, variety: float) -> Wetlands:
    """Scatter waters over a place, the large ones first; those that would touch a larger one are left out.

    Parameters
    ----------
    seed : int
    bounds : west, south, east, north, metres
    per_km2 : float
        Hollows asked for.
    variety : float
        As in `Preset`.
    """
    rng = np.random.default_rng([seed, 909])
    west, south, east, north = bounds
    n_wanted = rng.poisson(per_km2 * (east - west) * (north - south) / 1e6) if per_km2 else 0
    median_m = MEDIAN_DIAMETER_M * math.exp(_COUNTRY_SPREAD * float(np.clip(rng.normal(), -1.5, 1.5)))
    diameter = np.clip(median_m * np.exp(SPREAD * rng.normal(size=n_wanted)), *_DIAMETERS_M)
    radius = np.sort(diameter)[::-1] / 2.0
    x, y = rng.uniform(west, east, n_wanted), rng.uniform(south, north, n_wanted)
    gap = np.hypot(x[:, None] - x, y[:, None] - y) - 1.05 * (radius[:, None] + radius)
    is_kept = ~np.any(np.tril(gap < 6.0, k=-1), axis=1)
    x, y, radius = x[is_kept], y[is_kept], radius[is_kept]
    n = x.size
    # A large lake is several hollows in one.
    n_lobes = 1 + np.minimum(rng.poisson(0.8 * np.log2(np.maximum(radius / 25.0, 1.0))), 6)
    water = np.repeat(np.arange(n), n_lobes)
    is_first = np.append(True, np.diff(water) > 0) if n else np.empty(0, bool)
    away, towards = (
        rng.uniform(0.6, 1.0, water.size) * radius[water] * ~is_first,
        rng.uniform(0.0, 2 * math.pi, water.size),
    )
    swing = np.abs(rng.normal(0.0, _ROUGHNESS, (water.size, _ORDERS.size))) * (2.0 / _ORDERS)
    return Wetlands(
        x[water] + away * np.cos(towards),
        y[water] + away * np.sin(towards),
        radius[water] * np.where(is_first, 0.85, rng.uniform(0.3, 0.65, water.size)),
        np.exp(np.abs(rng.normal(0.0, 0.35, water.size))),
        rng.uniform(0.0, math.pi, water.size),
        swing,
        rng.uniform(0.0, 2 * math.pi, swing.shape),
        water,
        (_colours(rng, _LIQUIDS, n, 0.45, variety), _colours(rng, _LIQUIDS, n, 0.45, variety)),
        shores=_colours(rng, _SHORES, n, 0.25, variety),
        reeds=_colours(rng, _REEDS, n, 0.25, variety),
        hollows=_colours(rng, _HOLLOWS, n, 0.25, variety),
        permanence=np.clip(0.68 + 0.08 * np.log(radius / 30.0) + rng.normal(0.0, 0.2, n), 0.05, 0.97),
        open_share=np.where(rng.uniform(size=n) < 0.35, 1.0, rng.uniform(0.55, 0.98, n)),
        marsh=np.where(rng.uniform(size=n) < 0.7, 0.0, rng.uniform(0.05, 0.6, n)),
        beach=rng.uniform(0.02, 0.2, n),
        roads=_section_roads(rng, bounds) if per_km2 else shapes.stack([]),
    )


def nothing_wet() -> Wetlands:
    """No natural water."""
    return make_wetlands(0, (0.0, 0.0, 1.0, 1.0), 0.0, 0.0)


def levels(wet: Wetlands, when: datetime, seed: int) -> FloatArray:
    """Share of its basin's radius that each water fills on a day, 0 where it has dried.

    Years are wet or dry for all, and some waters know a spring of their own; levels fall from May to October.
    """
    year, own = np.full(len(wet), when.year), np.arange(len(wet))
    common = ndtri(noise.hash_uniform(year, np.zeros_like(year), noise.salt(seed, "wet years")))
    alone = ndtri(noise.hash_uniform(own, year, noise.salt(seed, "springs")))
    season = -0.06 * float(np.clip(when.month - 5, 0, 5))
    level = np.clip(wet.permanence * np.exp(0.25 * common + 0.15 * alone + season), 0.0, 1.0)
    return np.asarray(np.where(level < _LEAST_LEVEL, 0.0, level))


def outlines(wet: Wetlands, level: FloatArray) -> NDArray[np.object_]:
    """Open water of every hollow as a polygon, inside its reeds; its basin where it is dry."""
    import shapely

    shown = np.where(level > 0.0, level * wet.open_share, 1.0)[wet.water]
    angle = np.arange(_POLYGON_SIDES, dtype=np.float64) * (2 * math.pi / _POLYGON_SIDES)
    radius = shown[:, None] * _reach(wet, np.arange(wet.x.size)[:, None], angle[None, :])
    along, across = radius * np.cos(angle), radius * np.sin(angle) / wet.squeeze[:, None]
    cos, sin = np.cos(wet.angle)[:, None], np.sin(wet.angle)[:, None]
    ring = np.stack([wet.x[:, None] + along * cos - across * sin, wet.y[:, None] + along * sin + across * cos], axis=-1)
    parts = np.asarray(shapely.polygons(ring), object).reshape(-1)
    first = np.flatnonzero(np.append(True, np.diff(wet.water) > 0)) if parts.size else np.empty(0, np.int64)
    return np.array([shapely.union_all(group) for group in np.split(parts, first[1:])] if parts.size else [], object)


def paint(
    image: Image, cells: Cells, light: Image, wet: Wetlands, level: FloatArray, colours: list[Image], seed: int
) -> None:
    """Lay the waters over an image, in place: wet meadow, bare shore, reeds, and liquid within.

    Parameters
    ----------
    image : float32 array (n_bands, n_cells)
    cells : Cells
    light : float32 array (n_bands, n_cells)
    wet : Wetlands
    level : (n_waters,)
    colours : list of float32 arrays (n_waters, n_bands)
        Of hollows, shores, reeds and the two liquids.
    seed : int
        Of the patches within the waters.
    """
    cell, water, depth, scale_m = _basins(wet, cells)
    if cell.size == 0:
        return
    full, is_filled = level[water], level[water] > 0.0

    def inside(edge: FloatArray) -> FloatArray:
        return np.clip(0.5 + (edge - depth) * scale_m / cells.cell_m, 0.0, 1.0)

    patches = noise.fractal(cells.x, cells.y, (40.0, 16.0, 7.0), noise.salt(seed, "reeds"), 0.6).ravel()[cell]
    currents = noise.fractal(cells.x, cells.y, (420.0, 130.0), noise.salt(seed, "currents"), 0.5).ravel()[cell]
    mix = np.clip(0.5 + 0.6 * currents, 0.0, 1.0)
    is_clear = patches > ndtri(np.clip(wet.marsh[water], 1e-9, 1.0))
    hollow, shore, reed, one, other = (colour[water].T for colour in colours)
    layers = (
        (hollow, 0.9 * inside(np.ones_like(full))),
        (shore, inside(np.minimum(full + wet.beach[water], 1.0))),
        (reed, inside(full) * is_filled),
        (one + mix * (other - one), inside(full * wet.open_share[water]) * is_filled * np.where(is_clear, 1.0, 0.15)),
    )
    under, lit = image[:, cell], light[:, cell]
    for colour, share in layers:
        under += (share * (colour * lit - under)).astype(np.float32)
    image[:, cell] = under


def _basins(wet: Wetlands, cells: Cells) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray, FloatArray]:
    """Cells in hollows: flat index, water, distance from the middle in shares of the rim's, and metres of one share."""
    reach = wet.radius_m * np.exp(wet.swing.sum(axis=1))
    squares = shapes.boxes(wet.x, wet.y, reach, reach, surface=0)
    near = np.flatnonzero(
        (squares.x + reach > cells.x[0]) & (squares.x - reach < cells.x[-1])
        & (squares.y + reach > cells.y[-1]) & (squares.y - reach < cells.y[0])
    )  # fmt: skip
    some = wet.lobes(near)
    lobe, row, col = points_under(squares.take(near), cells, 1, 0.0)
    dx, dy = cells.x[col] - some.x[lobe], cells.y[row] - some.y[lobe]
    cos, sin = np.cos(some.angle)[lobe], np.sin(some.angle)[lobe]
    along, across = dx * cos + dy * sin, (dy * cos - dx * sin) * some.squeeze[lobe]
    rim_m = _reach(some, lobe, np.arctan2(across, along))
    depth = np.hypot(along, across) / rim_m
    is_in = depth < 1.0 + 2.0 * cells.cell_m / rim_m
    cell, depth, lobe, rim_m = (row * cells.x.size + col)[is_in], depth[is_in], lobe[is_in], rim_m[is_in]
    order = np.lexsort((depth, cell))
    cell, depth, lobe, rim_m = cell[order], depth[order], lobe[order], rim_m[order]
    is_deepest = np.append(True, np.diff(cell) > 0) if cell.size else np.empty(0, bool)
    scale_m = rim_m / np.sqrt(some.squeeze[lobe])
    return cell[is_deepest], some.water[lobe][is_deepest], depth[is_deepest], scale_m[is_deepest]


def _reach(wet: Wetlands, lobe: NDArray[np.int64], angle: FloatArray) -> FloatArray:
    """Radius of a lobe's rim in the directions ``angle`` of its own axes, the breadth stretched to the length."""
    total = np.zeros(np.broadcast_shapes(lobe.shape, angle.shape))
    for k, order in enumerate(_ORDERS):
        total += wet.swing[lobe, k] * np.cos(order * angle + wet.phase[lobe, k])
    return wet.radius_m[lobe] * np.exp(total)


def _colours(rng: np.random.Generator, surfaces: dict[str, float], n: int, brightness: float, variety: float) -> Boxes:
    nowhere = np.zeros(n)
    gain = np.exp(brightness * variety * np.clip(rng.normal(size=n), -2.2, 2.2))
    tint = 0.3 * variety * np.clip(rng.normal(size=n), -2.2, 2.2)
    return shapes.boxes(nowhere, 0.0, 1.0, 1.0, surface=choose(rng, surfaces, n), gain=gain, tint=tint)


def _section_roads(rng: np.random.Generator, bounds: Bounds) -> Boxes:
    """Gravel roads along and across, on dams through the lakes."""
    west, south, east, north = bounds
    x = np.arange(west + rng.uniform(0.0, _SECTION_M), east, _SECTION_M)
    y = np.arange(south + rng.uniform(0.0, _SECTION_M), north, _SECTION_M)
    middle = (west + east) / 2, (south + north) / 2
    half = (east - west) / 2 + 50.0, (north - south) / 2 + 50.0
    width = rng.uniform(3.0, 5.0)
    surface = choose(rng, {"gravel": 0.6, "limestone": 0.25, "asphalt": 0.15}, x.size + y.size)
    return shapes.boxes(
        np.append(x, np.full(y.size, middle[0])),
        np.append(np.full(x.size, middle[1]), y),
        np.append(np.full(x.size, half[1]), np.full(y.size, half[0])),
        width,
        angle=np.append(np.full(x.size, math.pi / 2), np.zeros(y.size)),
        surface=surface,
    )
