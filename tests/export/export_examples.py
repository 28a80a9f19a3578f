"""A small census made by hand: two ponds at one site, one alone, in UTM zone 47 north."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pondscan import export, manifest
from pondscan.config import Settings
from pondscan.tables import ALIASES, OBSERVATIONS, PONDS, SITES, SURVEY, TIMESERIES, Column

CRS = "EPSG:32647"
WHEN = pd.Timestamp("2024-02-17T04:12:00Z")

DUMMY = {"string": "text", "integer": 3, "number": 0.25, "datetime": WHEN, "boolean": True}


@dataclass(frozen=True)
class Census:
    """What ``export.write`` takes."""

    ponds: gpd.GeoDataFrame
    sites: gpd.GeoDataFrame
    observations: gpd.GeoDataFrame
    timeseries: pd.DataFrame
    survey: pd.DataFrame
    aliases: pd.DataFrame
    crs: str = CRS
    notes: tuple[str, ...] = field(default=())


def table_of(columns: tuple[Column, ...], n: int, **given: list[object]) -> pd.DataFrame:
    return pd.DataFrame({column.name: given.get(column.name, [DUMMY[column.kind]] * n) for column in columns})


def discs(n: int, radius_m: float = 8.0) -> list[shapely.Polygon]:
    x = 400_000.0 + 30.0 * np.arange(n)
    return list(shapely.buffer(shapely.points(x, np.full(n, 2_700_000.0)), radius_m))


def census_of_three() -> Census:
    ponds = table_of(
        PONDS,
        3,
        pond_id=["p2", "p1", "p3"],
        site_id=["s1", "s1", None],
        kind=["turquoise", "milky", "unknown"],
        status=["present", "gone", "present"],
        area_m2=[200.123456, 199.0, 201.0],
        not_seen_before=[None, WHEN, None],
        n_seen=[1, 2, 3],
    )
    sites = table_of(SITES, 1, site_id=["s1"], status=["present"], trend_m2_per_year=[None])
    observations = table_of(
        OBSERVATIONS, 3, scene_id=["b", "a", "a"], object_id=[1, 2, 1], rejected=[None, "too long", ""]
    )
    series = table_of(
        TIMESERIES, 2, site_id=["s1", "s1"], n_ponds=[2, None], area_m2=[400.0, None], status=["present", "unobserved"]
    )
    outlines = discs(3)
    return Census(
        ponds=gpd.GeoDataFrame(ponds, geometry=outlines, crs=CRS),
        sites=gpd.GeoDataFrame(sites, geometry=[shapely.union_all(outlines).convex_hull.buffer(50)], crs=CRS),
        observations=gpd.GeoDataFrame(observations, geometry=outlines, crs=CRS),
        timeseries=series,
        survey=table_of(SURVEY, 1, period=["look"]),
        aliases=table_of(ALIASES, 0),
    )


def publish(census: Census, folder: Path) -> Path:
    """Put a census in a folder the way a run does, with a run.json that vouches for every product."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pondscan.gpkg").unlink(missing_ok=True)  # layers of one that is there would be added to
    export.write(census, folder, newest=WHEN.to_pydatetime())
    (folder / "report.html").write_text("<!doctype html>", encoding="utf-8")
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name != manifest.NAME)
    products = [
        {"name": file.name, "bytes": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        for file in files
    ]
    bounds = [399_500.0, 2_699_500.0, 400_500.0, 2_700_500.0]
    grid = {"crs": CRS, "gsd_m": 10.0, "width": 100, "height": 100, "bounds": bounds}
    known = {"sensor": "sentinel-2", "product": "GeoTIFF", "calibrated": "reflectance", "grid": grid}
    seen = {"coverage_px": {"clear": 10_000}, "warnings": []}
    scenes = [
        {"scene_id": name, "outcome": "done", "datetime": when, **known, **seen}
        for name, when in (("a", "2023-01-31T04:12:00Z"), ("b", "2024-02-17T04:12:00Z"))
    ]
    document = {
        "format": manifest.FORMAT,
        "state": "0" * 64,
        "versions": {"pondscan": "1.2.3"},
        "settings": Settings().model_dump(mode="json"),
        "scenes": scenes,
        "ignored": [],
        "totals": {"n_ponds_listed": len(census.ponds), "n_sites_listed": len(census.sites)},
        "products": products,
    }
    (folder / manifest.NAME).write_bytes(manifest.written(document))
    return folder
