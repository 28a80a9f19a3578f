"""The rare-earth mines of Kachin as they are reported, invented: one pass of March 2022 at 3 m, and ten years at 10 m.

The numbers that are published are met, the rest is assumed (OWN): 2,700 pools at almost 300 places in March 2022 over
an area as large as Singapore, about 730 km² (Global Witness, "Myanmar's poisoned mountains", 2022); "a handful" of
mines in 2016; at least five times more mining in April 2021 than in February (The Irrawaddy, 26 April 2021); over 40 %
more sites in May 2024 than two years before (Global Witness, "Fuelling the future, poisoning the present", 2024).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pondscan.errors import ConfigError, WorkspaceError
from pondscan.simulate import cycle
from pondscan.simulate.census import truth
from pondscan.simulate.place import Place, make_place
from pondscan.simulate.render import Rendered, render
from pondscan.simulate.series import TRUTH_FILE, overpass
from pondscan.simulate.write import write_geotiff, write_truth

if TYPE_CHECKING:
    import geopandas

SIDE_M = 27_000.0
"""Of the square of 729 km²."""
LEAST_SIDE_M = 3_000.0
PONDS_PER_KM2 = 2700.0 / 730.0
PASS_DAY = date(2022, 3, 12)
YEARS = tuple(range(2016, 2026))
SURVEY_DAY = (2, 15)
"""Month and day of the yearly scenes: the dry season."""

STRIP_M, OVERLAP_M = 8_000.0, 1_000.0
"""Width of a PlanetScope strip's scenes, and how much of it the next one shows again (orders, OWN)."""
CLOUD = (0.05, 0.0, 0.12, 0.02)
"""Share of cloud of each strip, in turn (OWN)."""

GROWTH = (
    (date(2015, 1, 1), 0.00),
    (date(2016, 1, 1), 0.02),
    (date(2019, 1, 1), 0.10),
    (date(2021, 2, 1), 0.22),
    (date(2021, 4, 26), 0.45),
    (PASS_DAY, 1.00),
    (date(2024, 5, 22), 1.40),
    (date(2025, 12, 31), 1.60),
)
"""Sites opened by a day, as a share of those opened by the pass; straight lines between. Reported are 2016, 2022 and
2024; that mining grew fivefold in the spring of 2021 is met in the rate, not in the number (OWN)."""

LEAD_DAYS = 240.0
"""From clearing to full ponds, about: a site counts as a mine when liquid can be seen in it (OWN)."""

STRIPS, YEARLY = "strips", "years"
"""Folders of the two parts."""


@dataclass(frozen=True)
class Kachin:
    """What `simulate_kachin` wrote."""

    place: Place
    strips: tuple[Path, ...]
    years: tuple[Path, ...]
    truths: tuple[geopandas.GeoDataFrame, geopandas.GeoDataFrame]
    """Of the pass, a row per pond; of the years, a row per pond and year."""


def simulate_kachin(
    out_dir: Path,
    *,
    seed: int = 1,
    side_m: float = SIDE_M,
    years: Sequence[int] = YEARS,
    on_scene: Callable[[Path], None] | None = None,
) -> Kachin:
    """Write the replica: ``strips/`` and ``years/``, each with its ``truth.geojson``.

    Parameters
    ----------
    out_dir : Path
    seed : int
        Same arguments, same bytes.
    side_m : float
        Of the square: a smaller one holds fewer sites, as dense and as large as those of the whole.
    years : sequence of int
        Of the scenes at 10 m.
    on_scene : callable, optional
        Told of every scene that is done.

    Raises
    ------
    ConfigError
        When the square is too small for a site.
    WorkspaceError
        When a file is in the way.
    """
    for folder in (out_dir / STRIPS, out_dir / YEARLY):
        if folder.exists() and any(folder.iterdir()):
            raise WorkspaceError(f"{folder} is not empty; choose another folder or remove it")
    place = make_kachin(seed, side_m)
    told = on_scene or (lambda _path: None)
    passed = _write_strips(place, out_dir / STRIPS, seed, told)
    yearly = _write_years(place, out_dir / YEARLY, seed, years, told)
    return Kachin(place, passed[0], yearly[0], (passed[1], yearly[1]))


def make_kachin(seed: int, side_m: float = SIDE_M) -> Place:
    """Invent the place: as many sites as it takes for the reported density of ponds on the day of the pass."""
    if side_m < LEAST_SIDE_M:
        raise ConfigError(
            f"a square of {side_m:g} m is too small for this replica; make it at least {LEAST_SIDE_M:g} m"
        )
    wanted = PONDS_PER_KM2 * side_m**2 / 1e6
    when = overpass("planetscope", PASS_DAY)
    n_sites = max(2, round(wanted / 9))
    place = _place(seed, side_m, n_sites)
    for _ in range(4):  # ponds come by the site, so a few rounds settle it
        n_present = int((cycle.pond_states(place.mines, when, seed).status == "present").sum())
        n_sites = max(2, round(n_sites * wanted / max(n_present, 1)))
        place = _place(seed, side_m, n_sites)
    return place


def opened_days(n_sites: int) -> NDArray[np.float64]:
    """Day on which each of ``n_sites`` is opened, evenly along ``GROWTH``; days since 2000-01-01."""
    days = [cycle.day_number(datetime(day.year, day.month, day.day, tzinfo=UTC)) for day, _ in GROWTH]
    share = [part for _, part in GROWTH]
    order = (np.arange(n_sites) + 0.5) / n_sites * share[-1]
    return np.interp(order, share, days) - LEAD_DAYS


def _place(seed: int, side_m: float, n_sites: int) -> Place:
    return make_place(seed, preset="mixed", width_m=side_m, height_m=side_m, opened=opened_days(n_sites))


def strips_of(place: Place) -> Iterator[Place]:
    """Parts of a place, west to east, each overlapping the next."""
    start = 0.0
    while True:
        width = min(STRIP_M, place.width_m - start)
        yield replace(place, x_origin=place.x_origin + start, width_m=width)
        if start + width >= place.width_m:
            return
        start += STRIP_M - OVERLAP_M


def _write_strips(
    place: Place, folder: Path, seed: int, told: Callable[[Path], None]
) -> tuple[tuple[Path, ...], geopandas.GeoDataFrame]:
    folder.mkdir(parents=True, exist_ok=True)
    paths, seen = [], []
    for number, strip in enumerate(strips_of(place)):
        when = overpass("planetscope", PASS_DAY) + timedelta(minutes=number)
        scene = render(strip, "planetscope", when, seed=seed, cloud_fraction=CLOUD[number % len(CLOUD)])
        paths.append(_written(scene, folder / f"planetscope_{PASS_DAY:%Y%m%d}_strip{number + 1}.tif", told))
        seen.append(truth(place, when, scene))
    table = _best_seen(seen)
    write_truth(table, folder / TRUTH_FILE)
    return tuple(paths), table


def _write_years(
    place: Place, folder: Path, seed: int, years: Sequence[int], told: Callable[[Path], None]
) -> tuple[tuple[Path, ...], geopandas.GeoDataFrame]:
    import geopandas
    import pandas

    folder.mkdir(parents=True, exist_ok=True)
    paths, tables = [], []
    for year in years:
        when = overpass("sentinel-2", date(year, *SURVEY_DAY))
        scene = render(place, "sentinel-2", when, seed=seed)
        paths.append(_written(scene, folder / f"sentinel-2_{when:%Y%m%d}.tif", told))
        tables.append(truth(place, when, scene))
    table = geopandas.GeoDataFrame(pandas.concat(tables, ignore_index=True), crs=place.crs)
    write_truth(table, folder / TRUTH_FILE)
    return tuple(paths), table


def _written(scene: Rendered, path: Path, told: Callable[[Path], None]) -> Path:
    write_geotiff(scene, path)
    told(path)
    return path


def _best_seen(tables: Sequence[geopandas.GeoDataFrame]) -> geopandas.GeoDataFrame:
    """One row per pond: of the strips that show it, one without cloud over it where there is any."""
    import geopandas
    import pandas

    joined = pandas.concat(tables, ignore_index=True)
    order = joined.assign(is_hidden=joined["status"] == "clouded").sort_values(["pond_id", "is_hidden"], kind="stable")
    best = order.drop_duplicates("pond_id").drop(columns="is_hidden")
    return geopandas.GeoDataFrame(best.reset_index(drop=True), crs=tables[0].crs)
