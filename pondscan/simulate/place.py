"""A place: ground, valleys and mines as functions of ground coordinates, for any sensor on any day."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
from numpy.typing import NDArray

from pondscan.errors import ConfigError
from pondscan.simulate import countryside, cycle, mines, noise, presets, terrain
from pondscan.simulate.countryside import Countryside
from pondscan.simulate.mines import Mines
from pondscan.simulate.presets import Preset
from pondscan.simulate.terrain import Terrain

FloatArray = NDArray[np.float64]

ORIGIN = (450_000.0, 2_832_000.0)
"""Upper left corner of the default place, UTM 47N: hills at 25.6° N 98.5° E, like those of eastern Kachin."""
CRS = "EPSG:32647"
OPENS = (date(2019, 1, 1), date(2022, 7, 1))
"""Sites are opened between these days."""
_SITE_SPACING_M = 420.0
_SITE_SLOPE = (0.12, 0.70)


@dataclass(frozen=True)
class Place:
    """Everything on the ground, whatever looks at it and when."""

    seed: int
    preset: Preset
    crs: str
    x_origin: float
    """Western edge."""
    y_origin: float
    """Northern edge."""
    width_m: float
    height_m: float
    terrain: Terrain
    country: Countryside
    mines: Mines
    variety: float = 0.0
    """As in `Preset`: 0 for surfaces as the palette has them, 1 for wide differences between places, sites, things."""

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        return _bounds(self.x_origin, self.y_origin, self.width_m, self.height_m)


def make_place(
    seed: int,
    *,
    preset: str = "mixed",
    width_m: float = 5000.0,
    height_m: float = 5000.0,
    n_sites: int | None = None,
    median_diameter_m: float = 12.0,
    opens: tuple[date, date] = OPENS,
    opened: FloatArray | None = None,
    origin: tuple[float, float] = ORIGIN,
    crs: str = CRS,
    variety: float | None = None,
) -> Place:
    """Invent a place.

    Parameters
    ----------
    seed : int
        Same seed and arguments, same place.
    preset : str
        A key of `presets.PRESETS`.
    width_m, height_m : float
        Extent of the scenes to be rendered; the ground goes on beyond.
    n_sites : int, optional
        Mine sites; by default as many as the preset's density gives, at least one where there are any. 0: a place
        without ponds.
    median_diameter_m : float
        Of the round ponds.
    opens : two dates
        Between which the sites are opened.
    opened : float64 array (n_sites,), optional
        Day each site is opened, days since 2000-01-01, in place of ``n_sites`` and ``opens``.
    origin : x, y of the upper left corner in ``crs``, metres; even multiples of 60 m suit every sensor's grid.
    crs : str
        A projected reference system in metres.
    variety : float
        How much surfaces differ from place to place, site to site and thing to thing, and how much the sky over it
        does; by default the preset's. 0 to 1, or more for worlds stranger than this.

    Raises
    ------
    ConfigError
        When the extent is too small for a scene, or there is no such preset, or no room for the sites.
    """
    if min(width_m, height_m) < 240.0:
        raise ConfigError(f"a place of {width_m:g} m × {height_m:g} m is too small to simulate; make it at least 240 m")
    country_kind = presets.preset(preset)
    variety = country_kind.variety if variety is None else variety
    bounds = _bounds(*origin, width_m, height_m)
    ground = terrain.make_terrain(seed, country_kind, bounds)
    if opened is not None:
        n_sites = opened.size
    if n_sites is None:
        n_sites = max(1, round(country_kind.sites * width_m * height_m / 1e6)) if country_kind.sites else 0
    x, y = _site_places(np.random.default_rng([seed, 303]), ground, bounds, n_sites)
    to_east, to_north = ground.gradient()
    contour = np.arctan2(ground.at(to_north, x, y), ground.at(to_east, x, y)) - math.pi / 2
    if opened is None:
        first, last = (cycle.day_number(datetime(day.year, day.month, day.day, tzinfo=UTC)) for day in opens)
        opened = np.random.default_rng([seed, 404]).uniform(first, last, n_sites)
    return Place(
        seed,
        country_kind,
        crs,
        *origin,
        width_m,
        height_m,
        ground,
        countryside.make_countryside(seed, country_kind, ground, bounds, x, y, variety),
        mines.make_mines(
            noise.salt(seed, "mines"), x, y, contour, opened, median_diameter_m, tightness=country_kind.tightness
        ),
        variety,
    )


def bare_place(
    seed: int,
    x: FloatArray,
    y: FloatArray,
    bounds: tuple[float, float, float, float],
    crs: str,
    *,
    opens: tuple[date, date],
    median_diameter_m: float = 12.0,
    variety: float = 1.0,
) -> Place:
    """Invent mines alone, at given places of otherwise level and empty ground: what is laid into real scenes.

    Parameters
    ----------
    seed : int
    x, y : float64 arrays (n_sites,)
        Centres of the sites.
    bounds : west, south, east, north, metres
    crs, opens, median_diameter_m, variety
        As for `make_place`.
    """
    west, south, east, north = bounds
    rng = np.random.default_rng([seed, 808])
    first, last = (cycle.day_number(datetime(day.year, day.month, day.day, tzinfo=UTC)) for day in opens)
    along, opened = rng.uniform(0.0, 2.0 * math.pi, x.size), rng.uniform(first, last, x.size)
    kind = presets.preset("forest")
    level = np.zeros((2, 2), dtype=np.float32)
    ground = Terrain(west, north, level, terrain.Valleys(west, kind.valley_floor_m, noise.salt(seed, "valleys")))
    laid = mines.make_mines(noise.salt(seed, "mines"), x, y, along, opened, median_diameter_m)
    extent = (east - west, north - south)
    return Place(seed, kind, crs, west, north, *extent, ground, countryside.empty_countryside(), laid, variety)


def _bounds(x: float, y: float, width_m: float, height_m: float) -> tuple[float, float, float, float]:
    return (x, y - height_m, x + width_m, y)


def _site_places(
    rng: np.random.Generator, ground: Terrain, bounds: tuple[float, float, float, float], n_sites: int
) -> tuple[FloatArray, FloatArray]:
    """Places on workable slopes off the valley floor, apart from each other and from the edge."""
    west, south, east, north = bounds
    margin = min(150.0, (east - west) / 5, (north - south) / 5)
    n_tried = 60 * n_sites + 400
    x, y = rng.uniform(west + margin, east - margin, n_tried), rng.uniform(south + margin, north - margin, n_tried)
    to_east, to_north = ground.gradient()
    slope = ground.at(np.hypot(to_east, to_north), x, y)
    off_floor = np.abs(ground.valleys.distance(x, y)) > ground.valleys.floor_m + 110.0
    is_workable = (slope > _SITE_SLOPE[0]) & (slope < _SITE_SLOPE[1]) & off_floor
    order = np.argsort(~is_workable, kind="stable")
    chosen: list[int] = []
    for candidate in order[: int(is_workable.sum())]:
        if len(chosen) == n_sites:
            break
        separation = np.hypot(x[chosen] - x[candidate], y[chosen] - y[candidate])
        if np.all(separation > _SITE_SPACING_M):
            chosen.append(int(candidate))
    if len(chosen) < n_sites:
        raise ConfigError(
            f"only {len(chosen)} of {n_sites} sites find a workable slope {_SITE_SPACING_M:g} m apart; "
            "make the place larger or ask for fewer sites"
        )
    return x[chosen], y[chosen]
