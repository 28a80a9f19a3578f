"""Farmland: parcels of all crops and bare soils, hedges, tracks, farmsteads, greenhouses, solar parks and quarries."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pondscan.simulate import noise, shapes
from pondscan.simulate.endmembers import surface_code
from pondscan.simulate.parcelling import Bounds, Parcels, Plots, cut, field_at, plots_in
from pondscan.simulate.settled import Settled, choose, nothing_settled, paint_of
from pondscan.simulate.shapes import Boxes
from pondscan.simulate.terrain import Terrain

FloatArray = NDArray[np.float64]

_UPHILL_M = 350.0
"""How far from the foot of the slopes fields reach."""
_SMALLEST_M2, _LARGEST_M2 = 1500.0, 60_000.0
_FIELD, _FARMSTEAD, _GREENHOUSES, _SOLAR_PARK, _QUARRY, _WOOD = range(6)
_SHARES = (0.86, 0.04, 0.025, 0.01, 0.015, 0.05)

_SUMMER = {
    "crop_green": 0.2, "crop_ripe": 0.16, "meadow": 0.16, "stubble": 0.1, "crop_young": 0.1, "vineyard": 0.08,
    "soil_brown": 0.07, "soil_pale": 0.05, "rapeseed": 0.03, "dry_grass": 0.04, "greenhouse_film": 0.01,
}  # fmt: skip
_WINTER = {
    "soil_brown": 0.2, "soil_pale": 0.12, "soil_dark": 0.1, "crop_young": 0.16, "meadow": 0.16, "stubble": 0.1,
    "crop_green": 0.05, "vineyard": 0.07, "dry_grass": 0.04,
}  # fmt: skip
_GROWING = range(4, 10)
"""Months in which most fields are green or ripe."""
_BARNS = {
    "roof_red": 0.3,
    "roof_grey": 0.25,
    "roof_rust": 0.15,
    "roof_brown": 0.12,
    "roof_zinc": 0.1,
    "roof_blue": 0.08,
}
_PITS = {"limestone": 0.35, "gravel": 0.35, "soil_pale": 0.2, "soil_brown": 0.1}
_PILES = {"limestone": 0.3, "gravel": 0.3, "soil_dark": 0.2, "roof_rust": 0.1, "roof_zinc": 0.1}


def make_farmland(
    seed: int, ground: Terrain, bounds: Bounds, share: float, variety: float, is_free: Callable[..., NDArray[np.bool_]]
) -> Settled:
    """Farm ``share`` of the valley floors and their edges; arguments as for `town.make_town`."""
    if share == 0.0:
        return nothing_settled()
    rng = np.random.default_rng([seed, 707])
    wealth = field_at(ground, (1100.0, 500.0), noise.salt(seed, "holdings"))
    farmed = field_at(ground, (700.0, 250.0), noise.salt(seed, "farmed"))

    def goal_m2(x: FloatArray, y: FloatArray) -> FloatArray:
        goal = 9000.0 * np.exp(0.8 * wealth(x, y) + rng.normal(0.0, 0.5, x.size))
        return np.asarray(np.clip(goal, _SMALLEST_M2, _LARGEST_M2))

    parcels = cut(rng, bounds, rng.uniform(0.0, math.pi / 2), goal_m2, longest=7.0)
    reach = np.hypot(parcels.half_length, parcels.half_width)
    on_floor = np.abs(ground.valleys.distance(parcels.x, parcels.y)) < ground.valleys.floor_m + _UPHILL_M
    wanted = farmed(parcels.x, parcels.y)
    is_farmed = wanted > (np.quantile(wanted[on_floor], 1.0 - share) if on_floor.any() else math.inf)
    parcels = parcels.take(on_floor & is_farmed & is_free(parcels.x, parcels.y, reach))
    uses = rng.choice(len(_SHARES), len(parcels), p=_SHARES)
    return _laid_out(rng, parcels, uses, variety)


def fields_on(fields: Boxes, month: int, seed: int) -> Boxes:
    """The fields with what grows, or lies bare, in a month."""
    draw = noise.hash_uniform(np.arange(len(fields)), np.full(1, int(month in _GROWING)), seed)
    shares = _SUMMER if month in _GROWING else _WINTER
    edges = np.cumsum(list(shares.values()))
    codes = np.array([surface_code(name) for name in shares])
    index = np.minimum(np.searchsorted(edges, draw * edges[-1], side="right"), codes.size - 1)
    return replace(fields, surface=codes[index])


def _laid_out(rng: np.random.Generator, parcels: Parcels, uses: NDArray[np.int64], variety: float) -> Settled:
    fields = _surfaced(rng, parcels.take(uses == _FIELD), {"dry_grass": 1.0}, variety)
    yards = [
        _surfaced(rng, parcels.take(uses == _FARMSTEAD), {"meadow": 0.5, "gravel": 0.3, "dry_grass": 0.2}, variety),
        _surfaced(rng, parcels.take(uses == _GREENHOUSES), {"soil_brown": 0.5, "gravel": 0.3, "meadow": 0.2}, variety),
        _surfaced(rng, parcels.take(uses == _SOLAR_PARK), {"meadow": 0.6, "dry_grass": 0.4}, variety),
        _surfaced(rng, parcels.take(uses == _QUARRY), _PITS, variety),
        _surfaced(rng, parcels.take(uses == _WOOD), {"forest": 0.7, "scrub": 0.3}, variety),
    ]
    objects = [
        _barns(rng, parcels.take(uses == _FARMSTEAD), variety),
        _greenhouses(rng, parcels.take(uses == _GREENHOUSES), variety),
        _panels(rng, parcels.take(uses == _SOLAR_PARK), variety),
        _piles(rng, parcels.take(uses == _QUARRY), variety),
        _hedges(rng, parcels, variety),
    ]
    tables, heights = zip(*objects, strict=True)
    tracks = _tracks(rng, parcels, variety)
    return Settled(fields, tracks, shapes.stack(yards), shapes.stack(tables), np.concatenate(heights))


def _surfaced(rng: np.random.Generator, parcels: Parcels, surfaces: dict[str, float], variety: float) -> Boxes:
    """The parcels but for a narrow balk around each."""
    balk = rng.uniform(0.3, 1.5, len(parcels))
    return shapes.boxes(
        parcels.x,
        parcels.y,
        parcels.half_length - balk,
        parcels.half_width - balk,
        angle=parcels.angle,
        surface=choose(rng, surfaces, len(parcels)),
        **paint_of(rng, len(parcels), 0.22, 0.15, variety),
    )


def _on_plots(
    rng: np.random.Generator,
    parcels: Parcels,
    plots: Plots,
    fill: tuple[float, float],
    surfaces: dict[str, float],
    heights_m: tuple[float, float],
    variety: float,
) -> tuple[Boxes, FloatArray]:
    """One box on each plot that takes a share of its sides between the two of ``fill``."""
    n = len(plots)
    half_length = plots.half_length * rng.uniform(*fill, n)
    half_width = plots.half_width * rng.uniform(*fill, n)
    x, y = parcels.at(plots.parcel, plots.u, plots.v)
    table = shapes.boxes(
        x,
        y,
        half_length,
        half_width,
        radius=np.minimum(np.minimum(half_length, half_width), 0.2),
        angle=parcels.angle[plots.parcel],
        surface=choose(rng, surfaces, n),
        **paint_of(rng, n, 0.28, 0.2, variety),
    )
    return table, rng.uniform(*heights_m, n)


def _some(rng: np.random.Generator, plots: Plots, share: float) -> Plots:
    return plots.take(rng.uniform(size=len(plots)) < share)


def _barns(rng: np.random.Generator, parcels: Parcels, variety: float) -> tuple[Boxes, FloatArray]:
    plots = _some(rng, plots_in(parcels, 38.0), 0.6)
    return _on_plots(rng, parcels, plots, (0.3, 0.8), _BARNS, (5.0, 10.0), variety)


def _greenhouses(rng: np.random.Generator, parcels: Parcels, variety: float) -> tuple[Boxes, FloatArray]:
    plots = _some(rng, plots_in(parcels, rng.choice([11.0, 20.0, 45.0], len(parcels))), 0.85)
    covers = {"greenhouse_film": 0.45, "greenhouse_glass": 0.35, "sheet_white": 0.15, "liner_black": 0.05}
    return _on_plots(rng, parcels, plots, (0.75, 0.95), covers, (2.5, 5.0), variety)


def _panels(rng: np.random.Generator, parcels: Parcels, variety: float) -> tuple[Boxes, FloatArray]:
    return _on_plots(rng, parcels, plots_in(parcels, 9.0), (0.55, 0.98), {"solar_panel": 1.0}, (1.5, 2.5), variety)


def _piles(rng: np.random.Generator, parcels: Parcels, variety: float) -> tuple[Boxes, FloatArray]:
    plots = _some(rng, plots_in(parcels, rng.uniform(18.0, 40.0, len(parcels))), 0.45)
    table, height_m = _on_plots(rng, parcels, plots, (0.3, 0.9), _PILES, (2.0, 12.0), variety)
    return replace(table, radius=np.minimum(table.half_length, table.half_width)), height_m


def _hedges(rng: np.random.Generator, parcels: Parcels, variety: float) -> tuple[Boxes, FloatArray]:
    """Hedges and rows of trees along one parcel in five."""
    chosen = parcels.take(rng.uniform(size=len(parcels)) < 0.2)
    n = len(chosen)
    half_width = rng.uniform(1.0, 4.5, n)
    x, y = chosen.at(np.arange(n), np.zeros(n), chosen.half_width)
    table = shapes.boxes(
        x,
        y,
        chosen.half_length,
        half_width,
        radius=half_width,
        angle=chosen.angle,
        surface=choose(rng, {"forest": 0.6, "scrub": 0.4}, n),
        **paint_of(rng, n, 0.15, 0.1, variety),
    )
    return replace(table, half_length=np.maximum(table.half_length, half_width)), rng.uniform(1.5, 12.0, n)


def _tracks(rng: np.random.Generator, parcels: Parcels, variety: float) -> Boxes:
    """Tracks and lanes along one parcel in six."""
    chosen = parcels.take(rng.uniform(size=len(parcels)) < 0.17)
    n = len(chosen)
    x, y = chosen.at(np.arange(n), np.zeros(n), -chosen.half_width)
    return shapes.boxes(
        x,
        y,
        chosen.half_length,
        rng.uniform(1.2, 3.5, n),
        angle=chosen.angle,
        surface=choose(rng, {"gravel": 0.4, "asphalt": 0.3, "limestone": 0.15, "dry_grass": 0.15}, n),
        **paint_of(rng, n, 0.2, 0.1, variety),
    )
