"""Simulated histories of mines: twelve dates of two sensors, off their grids, clouded, with covered and closed sites.

Every site has one of six parts to play (`PARTS`), so that each date of the truth is known to the day.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy import ndimage as ndi

from pondscan import simulate
from pondscan.config import Settings
from pondscan.simulate import clouds
from pondscan.simulate.census import pixels_in
from pondscan.simulate.cycle import day_number
from pondscan.simulate.mines import Mines

SIDE_M = 2100.0
N_SITES = 6
MEDIAN_DIAMETER_M = 14.0
MOST_JITTER_PX = 1.5
CLOUDED = 0.5
"""Share of the sky under cloud on the clouded dates."""

DATES: tuple[tuple[date, str, bool], ...] = (
    (date(2021, 1, 14), "planetscope", False),
    (date(2021, 2, 20), "sentinel-2", False),
    (date(2021, 3, 28), "planetscope", True),
    (date(2021, 5, 2), "planetscope", False),
    (date(2021, 7, 15), "sentinel-2", True),
    (date(2021, 9, 20), "planetscope", True),
    (date(2021, 11, 4), "planetscope", False),
    (date(2021, 12, 18), "sentinel-2", False),
    (date(2022, 2, 1), "planetscope", False),
    (date(2022, 3, 20), "sentinel-2", True),
    (date(2022, 5, 5), "planetscope", False),
    (date(2022, 11, 10), "sentinel-2", False),
)
"""Day, sensor, and whether it is clouded."""

PARTS = ("steady", "growing", "opening", "closing", "sheeted", "opening")
"""What the sites do, in turn: half of the ponds of a growing site are filled within the series, all those of an opening
one; those of a closing site run dry; a sheeted site is under black sheets for a while."""

FAR = 1e5
"""A day beyond the series, days since 2000."""


@dataclass(frozen=True)
class Shot:
    """One scene file."""

    path: Path
    when: datetime
    sensor: str
    is_clouded: bool
    shift_m: tuple[float, float]
    """Error of its georeferencing, east and north."""
    seed: int
    """Of its sky and noise."""


@dataclass(frozen=True)
class History:
    """What one seed made."""

    folder: Path
    shots: tuple[Shot, ...]
    place: simulate.Place
    truth: pd.DataFrame
    """A row for each pond and scene (see `_truth`)."""


def make(seed: int, folder: Path) -> History:
    """Make the scenes of a seed, or take those that are there already."""
    place = _lived(_place(seed), seed)
    shots = _shots(seed, folder)
    table = folder / "truth.parquet"
    if not table.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows = pd.concat([_shoot(place, shot) for shot in shots], ignore_index=True)
        # The same acquisition delivered once more under another name.
        for ending in (".tif", ".clear.tif"):
            again = shots[0].path.with_name(f"again_{shots[0].path.stem}{ending}")
            again.write_bytes(shots[0].path.with_suffix(ending).read_bytes())
        rows.to_parquet(table)
    return History(folder, tuple(shots), place, gpd.read_parquet(table))


def without_masks(history: History) -> Path:
    """Folder with the same scenes and no mask beside them."""
    folder = history.folder.with_name(f"{history.folder.name}-without-masks")
    folder.mkdir(exist_ok=True)
    for path in history.folder.glob("*.tif"):
        if not path.name.endswith(".clear.tif") and not (folder / path.name).exists():
            os.link(path, folder / path.name)
    return folder


def _place(seed: int) -> simulate.Place:
    return simulate.make_place(
        seed,
        preset=("mixed", "village", "paddies")[seed % 3],
        width_m=SIDE_M,
        height_m=SIDE_M,
        n_sites=N_SITES,
        median_diameter_m=MEDIAN_DIAMETER_M,
        opens=(date(2019, 1, 1), date(2019, 6, 1)),
    )


def _lived(place: simulate.Place, seed: int) -> simulate.Place:
    """Give every site its part."""
    mines, rng = place.mines, np.random.default_rng([seed, 909])
    day = [day_number(datetime(when.year, when.month, when.day, tzinfo=UTC)) for when, _, _ in DATES]
    filled = np.full(len(mines.site), day[0] - 200.0)
    dried = np.full(len(mines.site), FAR)
    sheeted = np.full((2, len(mines.site)), FAR)
    for site in range(N_SITES):
        mine, part = np.flatnonzero(mines.site == site), PARTS[site % len(PARTS)]
        when = rng.uniform(day[1] + 5.0, day[7] - 5.0)
        if part == "growing":
            filled[mine[len(mine) // 2 :]] = when
        elif part == "opening":
            filled[mine] = when + 4.0 * mines.row[mine]
        elif part == "closing":
            dried[mine] = rng.uniform(day[1] + 5.0, day[6] - 5.0) + rng.uniform(0.0, 5.0, len(mine))
        elif part == "sheeted":
            start = rng.uniform(day[3], day[6])
            sheeted[:, mine] = [[start], [start + rng.uniform(90.0, 160.0)]]
    return replace(place, mines=_with_life(mines, filled, dried, sheeted))


def _with_life(mines: Mines, filled: np.ndarray, dried: np.ndarray, sheeted: np.ndarray) -> Mines:
    return replace(
        mines,
        built=filled - 30.0,
        filled=filled,
        abandoned=np.where(dried < FAR, dried - 100.0, FAR),
        dried=dried,
        clearing_closed=np.full(len(mines.clearing_closed), FAR),
        sheeted_from=sheeted[0],
        sheeted_until=sheeted[1],
    )


def _shots(seed: int, folder: Path) -> list[Shot]:
    """The scenes of a seed; on two days there is a second one, a few minutes later, as where strips overlap."""
    rng, shots = np.random.default_rng([seed, 910]), []
    for number, (day, sensor, is_clouded) in enumerate(DATES):
        gsd_m = {"planetscope": 3.0, "sentinel-2": 10.0}[sensor]
        for part in range(2 if number in (3, 7) else 1):
            radius, angle = MOST_JITTER_PX * gsd_m * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
            shift = (float(radius * np.cos(angle)), float(radius * np.sin(angle)))
            when = simulate.overpass(sensor, day) + timedelta(minutes=4 * part)
            path = folder / f"{sensor}_{when:%Y%m%dT%H%M%S}.tif"
            shots.append(Shot(path, when, sensor, is_clouded, shift, seed))
    return shots


def _shoot(place: simulate.Place, shot: Shot) -> gpd.GeoDataFrame:
    """Write a scene with its true mask; return its truth."""
    rendered = simulate.render(
        place,
        shot.sensor,
        shot.when,
        seed=shot.seed,
        cloud_fraction=CLOUDED * shot.is_clouded,
        shift_m=shot.shift_m,
    )
    is_sky = np.isin(rendered.cloud_truth, (clouds.CLOUD, clouds.SHADOW))
    rendered = replace(rendered, clear=(~is_sky).astype(np.uint8))
    simulate.write_geotiff(rendered, shot.path)
    return _truth(place, shot, rendered, is_sky)


def _truth(place: simulate.Place, shot: Shot, rendered: simulate.Rendered, is_sky: np.ndarray) -> gpd.GeoDataFrame:
    """Every pond, not yet built ones too: state whatever the sky, and whether cloud or the margin of its mask hides it.

    Places are true; the scene shows them moved by its `shift_m`.
    """
    always = replace(place, mines=replace(place.mines, built=np.full(len(place.mines.built), -FAR)))
    table = simulate.truth(always, shot.when)
    table = table[table["kind"] != "other_water"].reset_index(drop=True)
    margin = round(Settings().mask.dilation_m / rendered.grid.gsd_m)
    is_near = ndi.maximum_filter(is_sky, size=2 * margin + 1)
    bounds = table.bounds.to_numpy()
    bounds = bounds + np.tile(shot.shift_m, 2)
    return table.assign(
        scene=shot.path.stem,
        is_clouded=pixels_in(bounds, is_sky, rendered.grid) > 0,
        is_clear=pixels_in(bounds, is_near, rendered.grid) == 0,
    )
