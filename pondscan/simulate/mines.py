"""Leach-mine sites: rows of round ponds along the contours of cleared slopes, and how they come and go.

Sizes and life cycle are assumptions where no survey has published them: diameters are log-normal with a median of
12 m, sites hold 1 + NegBin(mean 8) ponds, about nine, as the 2022 survey of Kachin found (2,700 pools at almost 300
places), ponds in a row are 1.5 to 6 m apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pondscan.simulate import shapes
from pondscan.simulate.endmembers import SWIR_RESIDUAL, surface_code
from pondscan.simulate.shapes import Boxes

FloatArray = NDArray[np.float64]

MEAN_EXTRA_PONDS = 8.0
POND_DISPERSION = 1.2
MAX_PONDS = 60
DIAMETER_SPREAD = 0.30
"""Standard deviation of the logarithm of the diameter, over all sites."""
DIAMETER_LIMITS_M = (5.0, 30.0)
"""Of tanks, unless the median asked for is below twice the lower or above 0.4 times the upper one."""
GAP_M = (1.5, 6.0)
RAGGEDNESS_M = 11.0
"""How far at most the edge of cleared ground strays from its box; less than the apron around every pond."""
_APRON_M = (12.0, 24.0)
_TIGHT_APRON_M = (2.0, 9.0)
"""Ground cleared around each pond of a site with a yard, and of one that clears no more than it must."""
_RIM_M = (0.5, 0.7)
_TIGHT_RIM_M = (0.5, 1.5)
_STEEPEST_BOW = 0.12
"""Largest angle between a row and the contour at the middle of its site, radians."""
_TANK, _REAGENT, _LAGOON = 0, 1, 2


@dataclass(frozen=True)
class Mines:
    """All ponds of a place, whatever their state, and the ground the sites cleared."""

    basins: Boxes
    """Liquid outline of every pond; ``surface`` is not used, colour follows from date (`pondscan.simulate.cycle`)."""
    rim_m: FloatArray
    """Width of the pale or lined rim around the liquid."""
    site: NDArray[np.int64]
    """Number of the pond's site."""
    number: NDArray[np.int64]
    """Number of the pond in its site."""
    row: NDArray[np.int64]
    """Row of the pond in its site: ponds of a row are filled alike."""
    built: FloatArray
    """Day the empty basin appears; days since 2000-01-01, as all times here."""
    filled: FloatArray
    abandoned: FloatArray
    dried: FloatArray
    clearings: Boxes
    """Cleared ground, overlapping."""
    clearing_opened: FloatArray
    clearing_closed: FloatArray
    """Day from which the forest returns."""
    camps: Boxes
    """Roofs and tarpaulins of the sites."""
    camp_built: FloatArray
    site_x: FloatArray
    site_y: FloatArray
    site_opened: FloatArray
    """Day the clearing begins and the road is there."""
    sheeted_from: FloatArray
    sheeted_until: FloatArray
    """Days between which a sheet hides the pond's liquid; infinite for never. No site is sheeted unless somebody says
    so with ``dataclasses.replace``."""


@dataclass(frozen=True)
class _Site:
    x: float
    y: float
    along: float
    """Direction of the contour, radians anticlockwise from east; downhill is 90° to its right."""
    opened: float
    is_tight: bool


def empty_mines() -> Mines:
    """No site at all."""
    nothing, none = np.empty(0), np.empty(0, dtype=np.int64)
    no_boxes = shapes.stack([])
    values: dict[str, Any] = {field.name: nothing for field in fields(Mines)}
    values |= {"basins": no_boxes, "clearings": no_boxes, "camps": no_boxes}
    values |= {"site": none, "number": none, "row": none}
    return Mines(**values)


def make_mines(
    seed: int,
    x: FloatArray,
    y: FloatArray,
    along: FloatArray,
    opened: FloatArray,
    median_diameter_m: float,
    *,
    tightness: float = 0.0,
) -> Mines:
    """Lay out one site at each of the given places.

    Parameters
    ----------
    seed : int
    x, y : float64 arrays (n_sites,)
        Centres of the sites.
    along : float64 array (n_sites,)
        Direction of the contour there, radians, downhill to its right.
    opened : float64 array (n_sites,)
        Day the clearing begins.
    median_diameter_m : float
    tightness : float
        Share of the sites that clear a few metres around their ponds and no yard, in earth of any kind: their ponds
        stand nearly in the forest.
    """
    is_tight = np.random.default_rng([seed, 111]).random(x.size) < tightness
    parts = [
        _make_site(
            np.random.default_rng([seed, 101, number]),
            number,
            _Site(
                float(x[number]), float(y[number]), float(along[number]), float(opened[number]), bool(is_tight[number])
            ),
            median_diameter_m,
        )
        for number in range(x.size)
    ]
    return _join(parts) if parts else empty_mines()


def _join(parts: list[Mines]) -> Mines:
    joined: dict[str, Any] = {}
    for field in fields(Mines):
        columns = [getattr(part, field.name) for part in parts]
        joined[field.name] = shapes.stack(columns) if isinstance(columns[0], Boxes) else np.concatenate(columns)
    return Mines(**joined)


def _make_site(rng: np.random.Generator, number: int, site: _Site, median_diameter_m: float) -> Mines:
    basins, row, length_m, depth_m = _basins(rng, site, median_diameter_m)
    n_ponds = len(basins)
    built, filled, abandoned, dried = _life(rng, site.opened, row)
    clearings, clearing_opened = _clearings(rng, basins, site, length_m, depth_m)
    camps = _camps(rng, site, length_m, depth_m)
    return Mines(
        basins=basins,
        rim_m=rng.uniform(*(_TIGHT_RIM_M if site.is_tight else _RIM_M), n_ponds),
        site=np.full(n_ponds, number),
        number=np.arange(n_ponds),
        row=row,
        built=built,
        filled=filled,
        abandoned=abandoned,
        dried=dried,
        clearings=clearings,
        clearing_opened=clearing_opened,
        clearing_closed=np.full(len(clearings), float(abandoned.max())),
        camps=camps,
        camp_built=np.full(len(camps), site.opened + rng.uniform(10.0, 60.0)),
        site_x=np.array([site.x]),
        site_y=np.array([site.y]),
        site_opened=np.array([site.opened]),
        sheeted_from=np.full(n_ponds, np.inf),
        sheeted_until=np.full(n_ponds, np.inf),
    )


def _basins(
    rng: np.random.Generator, site: _Site, median_diameter_m: float
) -> tuple[Boxes, NDArray[np.int64], float, float]:
    """Ponds of a site, the row of each, and the site's extent along the contour and downhill."""
    success = POND_DISPERSION / (POND_DISPERSION + MEAN_EXTRA_PONDS)
    n_ponds = min(1 + int(rng.negative_binomial(POND_DISPERSION, success)), MAX_PONDS)
    sizes, kinds, row = _pond_sizes(rng, n_ponds, median_diameter_m)
    u, v, tilt = _rows(rng, sizes, row, is_lagoon=kinds == _LAGOON)
    u, v = u - (u.min() + u.max()) / 2, v - (v.min() + v.max()) / 2
    cos, sin = math.cos(site.along), math.sin(site.along)
    basins = shapes.boxes(
        site.x + u * cos + v * sin,
        site.y + u * sin - v * cos,
        sizes[:, 0] / 2,
        sizes[:, 1] / 2,
        radius=np.where(kinds == _LAGOON, 1.0, np.minimum(sizes[:, 0], sizes[:, 1]) / 2),
        angle=site.along - tilt,
        surface=surface_code("basin_dry"),
        gain=np.exp(rng.normal(0.0, 0.18, n_ponds)),
        swir_residual=rng.uniform(*SWIR_RESIDUAL, n_ponds),
    )
    return basins, row, float(np.ptp(u)), float(np.ptp(v))


def _pond_sizes(
    rng: np.random.Generator, n_ponds: int, median_diameter_m: float
) -> tuple[FloatArray, NDArray[np.int64], NDArray[np.int64]]:
    """Length and width of each pond (n, 2), its type, and the row it stands in; rows run downhill."""
    n_reagent = int(rng.binomial(n_ponds, 0.15))
    n_lagoon = int(rng.binomial(n_ponds - n_reagent, 0.11)) if n_ponds > 1 else 0
    n_tanks = n_ponds - n_reagent - n_lagoon
    per_row = int(rng.integers(3, 9))
    tank_rows = np.arange(n_tanks) // per_row
    reagent_rows = -1 - np.arange(n_reagent) // 3
    lagoon_rows = (tank_rows.max(initial=-1) + 1) + np.arange(n_lagoon) // 2
    kinds = np.repeat([_REAGENT, _TANK, _LAGOON], [n_reagent, n_tanks, n_lagoon])
    row = np.concatenate([reagent_rows[::-1], tank_rows, lagoon_rows])
    row = np.unique(row, return_inverse=True)[1].astype(np.int64)
    smallest = min(DIAMETER_LIMITS_M[0], 0.5 * median_diameter_m)
    largest = max(DIAMETER_LIMITS_M[1], 2.5 * median_diameter_m)
    # One builder, one size: nearly all of the spread of diameters is between sites.
    site_median = median_diameter_m * math.exp(rng.normal(0.0, 0.9 * DIAMETER_SPREAD))
    tank = np.clip(site_median * np.exp(rng.normal(0.0, 0.4 * DIAMETER_SPREAD, n_ponds)), smallest, largest)
    scale = median_diameter_m / 12.0
    reagent = rng.uniform(15.0, 32.0, n_ponds) * scale
    lagoon = rng.uniform(14.0, 32.0, n_ponds) * scale
    length = np.choose(
        kinds, [tank * rng.uniform(1.0, 1.05, n_ponds), reagent, lagoon * rng.uniform(1.5, 2.5, n_ponds)]
    )
    width = np.choose(kinds, [tank, reagent, lagoon])
    return np.stack([length, width], axis=1), kinds, row


def _rows(
    rng: np.random.Generator, sizes: FloatArray, row: NDArray[np.int64], is_lagoon: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Position along the contour, downhill, and turn of each pond of a site, metres and radians.

    Lagoons are given room for their corners, which come nearer to each other where a row bends.
    """
    n_rows = int(row.max()) + 1
    step = sizes[:, 0] + rng.uniform(*GAP_M, row.size) + np.where(is_lagoon, 0.2 * sizes[:, 1], 0.0)
    u = np.empty(row.size)
    depth = np.zeros(n_rows)
    shift = rng.normal(0.0, 6.0, n_rows)
    for line in range(n_rows):
        members = np.flatnonzero(row == line)
        ends = np.cumsum(step[members])
        u[members] = ends - step[members] / 2 - ends[-1] / 2 + shift[line]
        depth[line] = np.max(sizes[members, 1] + np.where(is_lagoon[members], 0.12 * sizes[members, 0], 0.0))
    between = np.concatenate([[0.0], rng.uniform(4.0, 12.0, n_rows - 1)])
    v = (np.cumsum(between + depth) - depth / 2)[row]
    # Rows follow the contour round the hill: a common bow, gentle enough to keep neighbours apart.
    steepest = _STEEPEST_BOW / max(2.0 * float(np.abs(u).max()), 1.0)
    bow = float(np.clip(rng.normal(0.0, 0.8e-3), -steepest, steepest))
    return u, v + bow * u**2, np.arctan(2 * bow * u)


def _life(rng: np.random.Generator, opened: float, row: NDArray[np.int64]) -> tuple[FloatArray, ...]:
    """Days on which the basins are built, filled, abandoned and dry."""
    n_ponds, n_rows = row.size, int(row.max()) + 1
    order = rng.permutation(n_rows)
    started = opened + rng.uniform(60.0, 240.0)
    row_built = started + order * rng.uniform(20.0, 110.0)
    built = row_built[row] + rng.uniform(0.0, 20.0, n_ponds)
    filled = built + rng.uniform(15.0, 60.0, n_ponds)
    closed = max(started + rng.uniform(365.0, 1095.0), float(filled.max()) + 120.0)
    abandoned = np.minimum(closed + rng.normal(0.0, 20.0, n_ponds), closed + 60.0)
    dried = abandoned + rng.uniform(180.0, 720.0, n_ponds)
    return built, filled, np.maximum(abandoned, filled + 30.0), dried


def _clearings(
    rng: np.random.Generator, basins: Boxes, site: _Site, length_m: float, depth_m: float
) -> tuple[Boxes, FloatArray]:
    """Ground cleared around each pond, a yard over the whole layout, and drilled patches uphill."""
    if site.is_tight:
        bare = surface_code(str(rng.choice(("laterite_dry", "laterite_moist", "saprolite"))))
        aprons = basins.grown(rng.uniform(*_TIGHT_APRON_M, len(basins)), bare)
        return aprons, np.full(len(aprons), site.opened)
    bare = surface_code("laterite_dry")
    aprons = basins.grown(rng.uniform(*_APRON_M, len(basins)), bare)
    yard = shapes.boxes(
        site.x,
        site.y,
        length_m / 2 + rng.uniform(18.0, 45.0),
        depth_m / 2 + rng.uniform(14.0, 32.0),
        radius=14.0,
        angle=site.along + rng.normal(0.0, 0.1),
        surface=bare,
    )
    n_patches = int(rng.integers(2, 6))
    uphill = depth_m / 2 + rng.uniform(30.0, 130.0, n_patches)
    sideways = rng.uniform(-0.8, 0.8, n_patches) * (length_m / 2 + 50.0)
    half = rng.uniform(9.0, 32.0, n_patches)
    patches = shapes.boxes(
        site.x + sideways * math.cos(site.along) - uphill * math.sin(site.along),
        site.y + sideways * math.sin(site.along) + uphill * math.cos(site.along),
        half * rng.uniform(1.0, 2.0, n_patches),
        half,
        radius=half * 0.8,
        angle=site.along + rng.normal(0.0, 0.4, n_patches),
        surface=bare,
    )
    opened = np.concatenate(
        [np.full(len(aprons), site.opened), [site.opened], site.opened + rng.uniform(0.0, 400.0, n_patches)]
    )
    return shapes.stack([aprons, yard, patches]), opened


def _camps(rng: np.random.Generator, site: _Site, length_m: float, depth_m: float) -> Boxes:
    """Barracks, drying sheds and tarpaulins beside the ponds."""
    n_roofs = int(rng.integers(3, 9))
    n_tarps = int(rng.poisson(0.6))
    n_both = n_roofs + n_tarps
    side = rng.choice([-1.0, 1.0])
    along = side * (length_m / 2 + 40.0 + rng.uniform(0.0, 80.0, n_both))
    across = rng.uniform(-0.5, 0.5, n_both) * (depth_m + 40.0)
    roofs = [surface_code(name) for name in ("roof_blue", "roof_grey", "roof_rust")]
    surface = np.concatenate(
        [rng.choice(roofs, n_roofs, p=[0.45, 0.35, 0.2]), np.full(n_tarps, surface_code("tarp_blue"))]
    )
    return shapes.boxes(
        site.x + along * math.cos(site.along) - across * math.sin(site.along),
        site.y + along * math.sin(site.along) + across * math.cos(site.along),
        rng.uniform(5.0, 14.0, n_both),
        rng.uniform(2.5, 4.5, n_both),
        angle=site.along + rng.choice([0.0, math.pi / 2], n_both) + rng.normal(0.0, 0.08, n_both),
        surface=surface,
        gain=np.exp(rng.normal(0.0, 0.12, n_both)),
    )
