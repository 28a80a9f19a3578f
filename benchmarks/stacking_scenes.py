"""Simulated places looked at again and again within one dry season, to tell what several clear looks say together."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pondscan import pipeline, simulate
from pondscan.config import Settings
from pondscan.follow import products
from pondscan.follow.census import Census
from pondscan.follow.looks import SceneView, aligned, in_order
from pondscan.store import Workspace
from pondscan.store.views import scene_views

PRESETS = ("mixed", "forest", "village", "paddies", "shadow", "bare", "town", "farmland")
MEDIANS_M = (8.0, 10.0, 12.0, 9.0)
SENSOR = "sentinel-2"
SIDE_M = 4000.0
N_SITES = 11
MOST_JITTER_PX = 0.5
OPENED = (date(2020, 5, 1), date(2020, 12, 31))
"""Sites are opened between these days, so that nearly all of their ponds hold liquid on all dates."""

DATES = (
    date(2021, 11, 10),
    date(2021, 12, 8),
    date(2022, 1, 9),
    date(2022, 2, 4),
    date(2022, 3, 7),
    date(2022, 4, 5),
)


@dataclass(frozen=True)
class Revisited:
    """One place, looked at on all dates."""

    place: simulate.Place
    workspace: Path
    truth: pd.DataFrame
    """Ponds by date, where they are; every scene shows them moved by its `east_m`, `north_m`."""


def made(seed: int, scenes: Path) -> Revisited:
    """Make the scenes of a seed and scan them, or take what is there already."""
    place, folder = _place(seed), scenes / f"{SENSOR}-{seed}"
    table, out = folder / "truth.parquet", folder / "workspace"
    if not table.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows = pd.concat([_shoot(place, day, folder) for day in DATES], ignore_index=True)
        pipeline.run([folder], out, Settings())
        rows.to_parquet(table)
    return Revisited(place, out, gpd.read_parquet(table))


NEAR_M = 5.0
"""An object is of a pond, and a pond found by an object, from this distance of outline from outline or centre on."""


def views_of(revisited: Revisited) -> list[SceneView]:
    """The scenes of a place, in order of time, placed against each other once and for all."""
    views = in_order(scene_views(Workspace(revisited.workspace)))
    return aligned(views, views[0].scene.grid.crs)


def census_of(views: list[SceneView], target: str) -> Census:
    """The census of some of the scenes."""
    counted, _ = products.take_census(views, views[0].scene.grid.crs, is_placed=False, target=target)
    return counted


def shown_truth(revisited: Revisited, views: list[SceneView]) -> gpd.GeoDataFrame:
    """A row for each true pond, where the placed scenes show it: `n_liquid` is the number of dates with liquid."""
    truth = revisited.truth[revisited.truth["kind"] != "other_water"]
    by_scene = truth.drop_duplicates("scene").set_index("scene")[["east_m", "north_m"]]
    off = [
        by_scene[[name in view.scene.source for name in by_scene.index]].iloc[0].to_numpy(float)
        - [view.placement.east_m, view.placement.north_m]
        for view in views
    ]
    n_liquid = truth[truth["status"] == "present"].groupby("pond_id").size()
    ponds = truth.drop_duplicates("pond_id").reset_index(drop=True)
    moved = ponds.geometry.translate(*np.median(off, axis=0))
    return ponds.assign(n_liquid=ponds["pond_id"].map(n_liquid).fillna(0)).set_geometry(moved)


def is_of_a_pond(counted: Census, truth: gpd.GeoDataFrame) -> np.ndarray:
    """(n_tracks,) whether a true pond, with liquid or not, is within ``NEAR_M`` of each track's outline."""
    tree = shapely.STRtree(truth.geometry.to_numpy())
    at, _ = tree.query(counted.ponds.geometry.to_numpy(), predicate="dwithin", distance=NEAR_M)
    return np.isin(np.arange(len(counted.ponds)), at)


def best_score(counted: Census, score: np.ndarray, truth: gpd.GeoDataFrame) -> np.ndarray:
    """(n_ponds,) the best score of a track whose outline is within ``NEAR_M`` of each true pond's centre."""
    tree = shapely.STRtree(counted.ponds.geometry.to_numpy())
    pond, track = tree.query(truth.geometry.centroid.to_numpy(), predicate="dwithin", distance=NEAR_M)
    best = np.full(len(truth), -np.inf)
    np.maximum.at(best, pond, score[track])
    return best


def _place(seed: int) -> simulate.Place:
    return simulate.make_place(
        seed,
        preset=PRESETS[seed % len(PRESETS)],
        width_m=SIDE_M,
        height_m=SIDE_M,
        n_sites=N_SITES,
        median_diameter_m=MEDIANS_M[(seed // len(PRESETS)) % len(MEDIANS_M)],
        opens=OPENED,
    )


def _shoot(place: simulate.Place, day: date, folder: Path) -> gpd.GeoDataFrame:
    """Write a scene off its place by up to ``MOST_JITTER_PX``; return its truth, in place."""
    rng = np.random.default_rng([place.seed, day.toordinal(), zlib.crc32(SENSOR.encode())])
    reach = MOST_JITTER_PX * simulate.optics.optics(SENSOR).gsd_m
    shift_m = tuple(float(value) for value in rng.uniform(-reach, reach, 2))
    when = simulate.overpass(SENSOR, day)
    rendered = simulate.render(place, SENSOR, when, seed=place.seed, shift_m=shift_m)
    path = folder / f"{SENSOR}_{when:%Y%m%dT%H%M%S}.tif"
    simulate.write_geotiff(rendered, path)
    true = simulate.truth(place, when)
    return true.assign(scene=path.stem, day=day.isoformat(), east_m=shift_m[0], north_m=shift_m[1])
