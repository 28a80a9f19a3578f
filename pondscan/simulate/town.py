"""Towns: blocks between streets, with houses, halls, slabs, car parks and greens.

Sizes are those of European and Asian towns as anyone sees them from above; no survey stands behind them. What matters
is that roofs of every size, colour and brightness occur beside shadow and vegetation.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pondscan.simulate import noise, shapes
from pondscan.simulate.endmembers import SWIR_RESIDUAL
from pondscan.simulate.parcelling import Bounds, Parcels, Plots, cut, field_at, plots_in
from pondscan.simulate.settled import Settled, choose, nothing_settled, paint_of
from pondscan.simulate.shapes import Boxes
from pondscan.simulate.terrain import Terrain

FloatArray = NDArray[np.float64]
Heights = list[tuple[Boxes, FloatArray]]

_HOUSES, _CORE, _SLABS, _HALLS, _CAR_PARK, _GREEN, _LOT = range(7)
_CORE_ABOVE, _HALLS_ABOVE = 1.0, 1.0
"""Standard deviations of the town's and the industry's field at which they begin."""
_UPHILL_M = 450.0
"""How far from the foot of the slopes a town climbs."""
_BLOCK_M2 = {"core": 3500.0, "halls": 16000.0, "other": 6500.0}

_HOUSE_ROOFS = {
    "roof_red": 0.34, "roof_brown": 0.14, "roof_slate": 0.14, "roof_bitumen": 0.06, "roof_grey": 0.12,
    "roof_rust": 0.06, "roof_blue": 0.05, "roof_zinc": 0.04, "roof_white": 0.03, "roof_green": 0.02,
}  # fmt: skip
_FLAT_ROOFS = {
    "roof_gravel": 0.3, "roof_bitumen": 0.2, "roof_grey": 0.16, "roof_white": 0.12, "roof_zinc": 0.08,
    "roof_slate": 0.06, "roof_red": 0.08,
}  # fmt: skip
_HALL_ROOFS = {
    "roof_grey": 0.22, "roof_zinc": 0.2, "roof_white": 0.16, "roof_bitumen": 0.1, "roof_gravel": 0.1,
    "roof_blue": 0.1, "roof_rust": 0.06, "roof_green": 0.03, "solar_panel": 0.03,
}  # fmt: skip
_SEALED = {"asphalt": 0.55, "paving": 0.35, "gravel": 0.1}
_YARDS = {"asphalt": 0.35, "paving": 0.35, "gravel": 0.2, "soil_pale": 0.1}
_GARDENS = {"meadow": 0.45, "scrub": 0.2, "dry_grass": 0.2, "paving": 0.1, "soil_brown": 0.05}
_GREENS = {"meadow": 0.5, "sports_turf": 0.2, "dry_grass": 0.2, "scrub": 0.1}
_LOTS = {"soil_pale": 0.3, "gravel": 0.3, "soil_brown": 0.2, "limestone": 0.1, "soil_dark": 0.1}
_VEHICLES = {"sheet_white": 0.3, "roof_bitumen": 0.25, "roof_grey": 0.25, "roof_blue": 0.1, "sports_track": 0.1}
_CONTAINERS = {"tarp_blue": 0.25, "sheet_white": 0.25, "roof_rust": 0.25, "sports_track": 0.15, "roof_green": 0.1}
_TREES = {"forest": 0.6, "scrub": 0.4}


def make_town(
    seed: int, ground: Terrain, bounds: Bounds, share: float, variety: float, is_free: Callable[..., NDArray[np.bool_]]
) -> Settled:
    """Build up ``share`` of the valley floors and their edges.

    Parameters
    ----------
    seed : int
    ground : Terrain
    bounds : west, south, east, north, metres
    share : float
        0 for none.
    variety : float
        How far the materials differ from box to box; 1 is wide.
    is_free : callable of x, y, reach_m
        Where nothing stands in the way.
    """
    if share == 0.0:
        return nothing_settled()
    rng = np.random.default_rng([seed, 606])
    density = field_at(ground, (900.0, 350.0), noise.salt(seed, "town"))
    industry = field_at(ground, (700.0, 300.0), noise.salt(seed, "industry"))

    def goal_m2(x: FloatArray, y: FloatArray) -> FloatArray:
        is_core = density(x, y) > _CORE_ABOVE
        goal = np.where(industry(x, y) > _HALLS_ABOVE, _BLOCK_M2["halls"], _BLOCK_M2["other"])
        return np.asarray(np.where(is_core, _BLOCK_M2["core"], goal) * np.exp(rng.normal(0.0, 0.4, x.size)))

    blocks = cut(rng, bounds, rng.uniform(0.0, math.pi / 2), goal_m2, longest=3.0)
    reach = np.hypot(blocks.half_length, blocks.half_width)
    on_floor = np.abs(ground.valleys.distance(blocks.x, blocks.y)) < ground.valleys.floor_m + _UPHILL_M
    built = density(blocks.x, blocks.y) > _quantile_of(density(blocks.x, blocks.y)[on_floor], 1.0 - share)
    blocks = blocks.take(on_floor & built & is_free(blocks.x, blocks.y, reach))
    uses = _uses(rng, density(blocks.x, blocks.y) > _CORE_ABOVE, industry(blocks.x, blocks.y) > _HALLS_ABOVE)
    return _build(rng, blocks, uses, variety)


def _quantile_of(values: FloatArray, share: float) -> float:
    return float(np.quantile(values, share)) if values.size else math.inf


def _uses(rng: np.random.Generator, is_core: NDArray[np.bool_], is_industry: NDArray[np.bool_]) -> NDArray[np.int64]:
    """What each block is used for."""
    quiet = rng.choice(
        [_HOUSES, _SLABS, _HALLS, _CAR_PARK, _GREEN, _LOT], is_core.size, p=[0.62, 0.13, 0.04, 0.05, 0.1, 0.06]
    )
    loud = rng.choice([_HALLS, _CAR_PARK, _LOT, _GREEN], is_core.size, p=[0.74, 0.12, 0.1, 0.04])
    dense = rng.choice([_CORE, _SLABS, _CAR_PARK, _GREEN], is_core.size, p=[0.76, 0.1, 0.06, 0.08])
    return np.asarray(np.where(is_industry, loud, np.where(is_core, dense, quiet)))


def _build(rng: np.random.Generator, blocks: Parcels, uses: NDArray[np.int64], variety: float) -> Settled:
    streets = _filled(rng, blocks, choose(rng, _SEALED, len(blocks)), 0.0, 0.1 * variety)
    kerb = rng.uniform(3.5, 7.0, len(blocks))
    inner = Parcels(
        blocks.x,
        blocks.y,
        np.maximum(blocks.half_length - kerb, 3.0),
        np.maximum(blocks.half_width - kerb, 3.0),
        blocks.angle,
    )
    grounds = {
        _HOUSES: _GARDENS, _CORE: _SEALED, _SLABS: _GARDENS, _HALLS: _YARDS, _CAR_PARK: _SEALED, _GREEN: _GREENS,
        _LOT: _LOTS,
    }  # fmt: skip
    yards, objects = [], []
    for use, surfaces in grounds.items():
        mine = inner.take(uses == use)
        yards.append(_filled(rng, mine, choose(rng, surfaces, len(mine)), 1.0, 0.25 * variety))
        objects += _BUILDERS[use](rng, mine, variety)
    tables, heights = zip(*objects, strict=True)
    return Settled(shapes.stack([]), streets, shapes.stack(yards), shapes.stack(tables), np.concatenate(heights))


def _filled(
    rng: np.random.Generator, parcels: Parcels, surface: NDArray[np.int64], radius: float, brightness: float
) -> Boxes:
    return shapes.boxes(
        parcels.x,
        parcels.y,
        parcels.half_length,
        parcels.half_width,
        radius=radius,
        angle=parcels.angle,
        surface=surface,
        **paint_of(rng, len(parcels), brightness, brightness, 1.0),
    )


def _standing(
    rng: np.random.Generator,
    parcels: Parcels,
    plots: Plots,
    half_length: FloatArray,
    half_width: FloatArray,
    surfaces: dict[str, float],
    heights_m: tuple[float, float],
    variety: float,
    *,
    is_round: bool = False,
    liquid: bool = False,
) -> tuple[Boxes, FloatArray]:
    """Put one object on every plot, somewhere within it, along or across the parcel."""
    n = len(plots)
    half_length, half_width = (
        np.minimum(half_length, 0.94 * plots.half_length),
        np.minimum(half_width, 0.94 * plots.half_width),
    )
    x, y = parcels.at(
        plots.parcel,
        plots.u + rng.uniform(-1.0, 1.0, n) * (plots.half_length - half_length),
        plots.v + rng.uniform(-1.0, 1.0, n) * (plots.half_width - half_width),
    )
    if is_round:
        half_length = half_width = np.minimum(half_length, half_width)
    table = shapes.boxes(
        x,
        y,
        half_length,
        half_width,
        radius=half_width if is_round else 0.0,
        angle=parcels.angle[plots.parcel],
        surface=choose(rng, surfaces, n),
        swir_residual=rng.uniform(*SWIR_RESIDUAL, n) if liquid else 0.0,
        **paint_of(rng, n, 0.3, 0.25, variety),
    )
    return table, rng.uniform(*heights_m, n)


def _some(rng: np.random.Generator, plots: Plots, share: float) -> Plots:
    return plots.take(rng.uniform(size=len(plots)) < share)


def _houses(rng: np.random.Generator, blocks: Parcels, variety: float) -> Heights:
    plots = _some(rng, plots_in(blocks, rng.uniform(18.0, 30.0, len(blocks))), 0.88)
    n = len(plots)
    homes = _standing(
        rng, blocks, plots, rng.uniform(4.5, 8.5, n), rng.uniform(3.5, 6.0, n), _HOUSE_ROOFS, (4.0, 9.0), variety
    )
    sheds, pools = _some(rng, plots, 0.4), _some(rng, plots, 0.04)
    n_sheds, n_pools = len(sheds), len(pools)
    small = rng.uniform(1.5, 3.0, n_sheds)
    basin = rng.uniform(1.6, 3.2, n_pools)
    return [
        _standing(rng, blocks, sheds, 1.4 * small, small, _FLAT_ROOFS, (2.0, 3.0), variety),
        _standing(
            rng, blocks, pools, basin * rng.uniform(1.2, 2.2, n_pools), basin, {"pool_water": 0.8, "pond_blue": 0.2},
            (0.0, 0.0), variety, liquid=True,
        ),
        homes,
        _trees(rng, blocks, _some(rng, plots_in(blocks, 13.0), 0.5), variety),
    ]  # fmt: skip


def _core(rng: np.random.Generator, blocks: Parcels, variety: float) -> Heights:
    plots = _some(rng, plots_in(blocks, rng.uniform(12.0, 20.0, len(blocks))), 0.86)
    n = len(plots)
    roofs = _HOUSE_ROOFS if rng.uniform() < 0.6 else _FLAT_ROOFS
    return [
        _standing(
            rng, blocks, plots, plots.half_length * rng.uniform(0.75, 0.95, n),
            plots.half_width * rng.uniform(0.75, 0.95, n), roofs, (8.0, 18.0), variety,
        )
    ]  # fmt: skip


def _slabs(rng: np.random.Generator, blocks: Parcels, variety: float) -> Heights:
    plots = _some(rng, plots_in(blocks, rng.uniform(32.0, 55.0, len(blocks))), 0.9)
    n = len(plots)
    return [
        _standing(
            rng, blocks, plots, rng.uniform(9.0, 30.0, n), rng.uniform(5.5, 9.0, n), _FLAT_ROOFS, (9.0, 32.0), variety
        ),
        _trees(rng, blocks, _some(rng, plots_in(blocks, 14.0), 0.3), variety),
        _vehicles(rng, blocks, _some(rng, plots_in(blocks, 8.0), 0.1), variety),
    ]


def _halls(rng: np.random.Generator, blocks: Parcels, variety: float) -> Heights:
    plots = _some(rng, plots_in(blocks, rng.uniform(45.0, 120.0, len(blocks))), 0.9)
    n = len(plots)
    halls = _standing(
        rng, blocks, plots, plots.half_length * rng.uniform(0.4, 0.85, n), plots.half_width * rng.uniform(0.35, 0.8, n),
        _HALL_ROOFS, (6.0, 14.0), variety,
    )  # fmt: skip
    has_panels = rng.uniform(size=n) < 0.2
    roofs = halls[0].take(has_panels)
    panels = shapes.boxes(
        roofs.x, roofs.y, 0.8 * roofs.half_length, 0.75 * roofs.half_width, angle=roofs.angle,
        surface=choose(rng, {"solar_panel": 1.0}, len(roofs)), **paint_of(rng, len(roofs), 0.3, 0.2, variety),
    )  # fmt: skip
    tanks = _some(rng, plots, 0.12)
    size = rng.uniform(3.0, 14.0, len(tanks))
    yard = _some(rng, plots_in(blocks, 14.0), 0.12)
    long, wide = rng.uniform(3.0, 6.5, len(yard)), rng.uniform(1.2, 2.6, len(yard))
    return [
        _standing(rng, blocks, yard, long, wide, _CONTAINERS, (2.5, 4.0), variety),
        halls,
        (panels, np.zeros(len(panels))),
        _standing(
            rng, blocks, tanks, size, size, {"roof_white": 0.6, "concrete": 0.4}, (5.0, 12.0), variety, is_round=True
        ),
    ]


def _car_park(rng: np.random.Generator, blocks: Parcels, variety: float) -> Heights:
    full = rng.uniform(0.1, 0.7)
    return [
        _vehicles(rng, blocks, _some(rng, plots_in(blocks, 6.0), full), variety),
        _trees(rng, blocks, _some(rng, plots_in(blocks, 18.0), 0.15), variety),
    ]


def _green(rng: np.random.Generator, blocks: Parcels, variety: float) -> Heights:
    return [_trees(rng, blocks, _some(rng, plots_in(blocks, 10.0), rng.uniform(0.1, 0.6)), variety)]


def _lot(rng: np.random.Generator, blocks: Parcels, variety: float) -> Heights:
    heaps = _some(rng, plots_in(blocks, 22.0), 0.25)
    size = rng.uniform(2.0, 9.0, len(heaps))
    return [
        _standing(rng, blocks, heaps, 1.3 * size, size, _LOTS | _CONTAINERS, (0.5, 4.0), variety, is_round=True),
        _vehicles(rng, blocks, _some(rng, plots_in(blocks, 9.0), 0.03), variety),
    ]


def _trees(rng: np.random.Generator, blocks: Parcels, plots: Plots, variety: float) -> tuple[Boxes, FloatArray]:
    crown = rng.uniform(1.3, 4.5, len(plots))
    return _standing(rng, blocks, plots, crown, crown, _TREES, (3.0, 13.0), 0.6 * variety, is_round=True)


def _vehicles(rng: np.random.Generator, blocks: Parcels, plots: Plots, variety: float) -> tuple[Boxes, FloatArray]:
    n = len(plots)
    return _standing(rng, blocks, plots, np.full(n, 2.2), np.full(n, 0.9), _VEHICLES, (1.4, 2.0), variety)


_BUILDERS = {
    _HOUSES: _houses,
    _CORE: _core,
    _SLABS: _slabs,
    _HALLS: _halls,
    _CAR_PARK: _car_park,
    _GREEN: _green,
    _LOT: _lot,
}
