"""Hand-made tables for the report: small and exact, with every awkward case in them."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from PIL import Image

from pondscan.context.records import Event, Value
from pondscan.context.spans import span
from pondscan.context.study import Change, Effect
from pondscan.report import Quicklook, ReportInput
from pondscan.report.inputs import COVERAGE_COLUMNS
from pondscan.tables import PONDS, SITES, SURVEY, TIMESERIES, names

CRS = "EPSG:32647"
WEST, NORTH = 447_000.0, 2_838_000.0
KINDS = ("turquoise", "turquoise", "milky", "dark", "turquoise", "brown", "algal")
S2, PS = "sentinel-2", "planetscope"


def time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def quicklook(
    scene_id: str, size_px: int = 400, gsd_m: float = 10.0, seed: int = 0, clouded: bool = False
) -> Quicklook:
    """Forest-green noise with a pale clearing, optionally under white patches."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[0:size_px, 0:size_px] / size_px
    relief = np.sin(rows * 19 + 3 * np.sin(cols * 7)) + np.cos(cols * 13 + rows * 5)
    grey = 60 + 13 * relief + rng.normal(0, 4, (size_px, size_px))
    rgb = np.stack([grey * 0.72, grey, grey * 0.62], axis=2)
    cleared = np.hypot(rows - 0.45, cols - 0.4) < 0.16 + 0.03 * np.sin(np.arctan2(rows - 0.45, cols - 0.4) * 5)
    rgb[cleared] = rgb[cleared] * 0.4 + np.array([150, 105, 70])
    if clouded:
        rgb[np.sin(rows * 9 + 1) * np.sin(cols * 8) > 0.25] = 235
    buffer = io.BytesIO()
    Image.fromarray(np.clip(rgb, 1, 255).astype(np.uint8)).save(buffer, "PNG")
    side = size_px * gsd_m
    return Quicklook(scene_id, buffer.getvalue(), (WEST, NORTH - side, WEST + side, NORTH), CRS)


def pond(number: int, x: float, y: float, radius_m: float, **changed: object) -> dict[str, object]:
    row = {
        "pond_id": f"P{number:04d}",
        "site_id": None,
        "status": "present",
        "kind": KINDS[number % len(KINDS)],
        "confidence": 0.55 + 0.44 * ((number * 37) % 100) / 100,
        "area_m2": np.pi * radius_m**2,
        "area_sigma_m2": 0.18 * np.pi * radius_m**2,
        "diameter_m": 2 * radius_m,
        "pond_equivalents": 1.0,
        "first_seen": time("2024-01-14T04:01"),
        "not_seen_before": None,
        "last_seen": time("2024-12-01T04:01"),
        "n_seen": 5,
        "n_clear": 6,
        "sensor": S2,
        "scene_id": "S2A_20241201",
        "geometry": shapely.Point(x, y).buffer(radius_m, quad_segs=6),
    }
    return row | changed


def ponds_table(rows: list[dict[str, object]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(rows, columns=[*names(PONDS), "geometry"], geometry="geometry", crs=CRS)


def sites_table(ponds: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    rows = [_site(str(site_id), members) for site_id, members in ponds.groupby("site_id")]
    return gpd.GeoDataFrame(rows, columns=[*names(SITES), "geometry"], geometry="geometry", crs=CRS)


def _site(site_id: str, members: gpd.GeoDataFrame) -> dict[str, object]:
    footprint = members.geometry.buffer(50, quad_segs=4).union_all()
    has_trend = len(members) > 5
    return {
        "site_id": site_id,
        "status": str(members["status"].iloc[0]),
        "n_ponds": len(members),
        "pond_equivalents": len(members) * 1.25,
        "pond_area_m2": members["area_m2"].sum(),
        "pond_area_sigma_m2": 0.09 * members["area_m2"].sum(),
        "footprint_m2": footprint.area,
        "confidence": 0.97,
        "first_seen": time("2024-01-14T04:01"),
        "not_seen_before": time("2023-12-20T04:01") if has_trend else None,
        "last_seen": time("2024-12-01T04:01"),
        "trend_m2_per_year": 412.0 if has_trend else None,
        "trend_lower_m2_per_year": -35.0 if has_trend else None,
        "trend_upper_m2_per_year": 860.0 if has_trend else None,
        "not_seen_since": time("2024-12-20T04:01") if str(members["status"].iloc[0]) == "gone" else None,
        "began_after": time("2023-12-20T04:01") if has_trend else None,
        "began_by": time("2024-01-14T04:01"),
        "ended_after": None,
        "ended_by": None,
        "geometry": footprint,
    }


LOOKS = (
    ("S2A_20240114", "2024-01-14T04:01", S2, 0.98, 0.78),
    ("S2B_20240303", "2024-03-03T04:01", S2, 1.0, 0.9),
    ("PS_20240311", "2024-03-11T03:20", PS, 0.95, 1.06),
    ("S2A_20240422", "2024-04-22T04:01", S2, 0.62, 0.5),
    ("S2A_20240706", "2024-07-06T04:01", S2, 0.0, None),
    ("S2B_20240820", "2024-08-20T04:01", S2, 0.0, None),
    ("S2A_20241102", "2024-11-02T04:01", S2, 0.97, 1.02),
    ("PS_20241120", "2024-11-20T03:20", PS, 1.0, 1.31),
    ("S2A_20241201", "2024-12-01T04:01", S2, 0.96, 1.12),
)
"""scene_id, time, sensor, share seen clear, area relative to the newest tables (None: nothing seen)."""


def timeseries_table(sites: gpd.GeoDataFrame, looks: tuple[tuple[object, ...], ...] = LOOKS) -> pd.DataFrame:
    rows = []
    for number, site in enumerate(sites.itertuples(index=False)):
        for scene_id, when, sensor, observed, factor in looks:
            seen = factor is not None
            wobble = 1 + 0.1 * np.sin(number * 2.1 + len(rows))
            area = site.pond_area_m2 * factor * wobble if seen else None
            rows.append(
                {
                    "site_id": site.site_id,
                    "datetime": time(str(when)),
                    "scene_id": scene_id,
                    "sensor": sensor,
                    "n_ponds": site.n_ponds if seen else None,
                    "pond_equivalents": site.pond_equivalents if seen else None,
                    "area_m2": area,
                    "area_sigma_m2": (0.05 if sensor == PS else 0.09) * area if seen else None,
                    "observed_fraction": observed,
                    "status": "present" if seen else "unobserved",
                }
            )
    return pd.DataFrame(rows, columns=names(TIMESERIES))


def survey_row(
    period: str, start: str | None, end: str | None, observed: float, area: float | None, n: int, n_sites: int
) -> dict[str, object]:
    seen = area is not None
    return {
        "period": period,
        "period_start": None if start is None else time(start),
        "period_end": None if end is None else time(end),
        "n_scenes": 9 if period == "year" else 1,
        "n_sites": n_sites if seen else None,
        "n_sites_lower": max(0, n_sites - 1) if seen else None,
        "n_sites_upper": n_sites if seen else None,
        "n_ponds": n if seen else None,
        "n_ponds_lower": round(n * 0.92) if seen else None,
        "n_ponds_upper": round(n * 1.08) if seen else None,
        "n_ponds_isolated": min(n, 2) if seen else None,
        "pond_equivalents": n * 1.25 if seen else None,
        "pond_area_m2": area,
        "pond_area_lower_m2": area * 0.93 if area is not None else None,
        "pond_area_upper_m2": area * 1.07 if area is not None else None,
        "footprint_m2": 61_234.0 * n_sites if seen else None,
        "envelope_m2": 5_432_100.0 if n_sites else (0.0 if seen else None),
        "observed_fraction": observed,
    }  # fmt: skip


def survey_table(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=names(SURVEY))


def scene_row(scene_id: str, when: str | None, sensor: str, clear: float, **changed: object) -> dict[str, object]:
    pixels = 160_000
    hidden = 1 - clear
    row: dict[str, object] = dict.fromkeys(COVERAGE_COLUMNS, 0)
    row |= {
        "scene_id": scene_id,
        "datetime": None if when is None else time(when),
        "sensor": sensor,
        "product": "Sentinel-2 L2A SAFE" if sensor == S2 else "PlanetScope PSScene 4-band",
        "gsd_m": 10.0 if sensor == S2 else 3.0,
        "calibrated": "reflectance",
        "clear": round(pixels * clear),
        "cloud": round(pixels * hidden * 0.6),
        "shadow": round(pixels * hidden * 0.1),
        "cirrus": round(pixels * hidden * 0.1),
        "margin": round(pixels * hidden * 0.2),
        "outside": 4_000,
        "warnings": [],
        "n_candidates": 140,
        "n_ponds": 42 if clear else 0,
        "rejected": {"channel": 12, "shadow": 30},
        "mask": "product",
    }
    return row | changed


SETTINGS = "[sites]\ndistance_m = 200.0\nmin_ponds = 2\n\n[confidence]\nmin_confidence = 0.5\n"
VERSIONS = {"pondscan": "0.1.0", "gdal": "3.9.3", "numpy": "2.4.0"}


def example(**changed: object) -> ReportInput:
    """Five sites and two lone ponds over nine looks of two sensors: two clouded out, one partly."""
    ponds = ponds_table(_rows_of_ponds())
    sites = sites_table(ponds)
    area = float(ponds["area_m2"].sum())
    survey = [
        survey_row("year", "2024-01-14T04:01", "2024-12-01T04:01", 0.83, area, len(ponds), len(sites)),
        *(
            survey_row("look", when, when, observed, None if factor is None else area * factor, len(ponds), len(sites))
            for _, when, _, observed, factor in LOOKS
        ),
    ]
    scenes = [scene_row(scene_id, when, sensor, observed) for scene_id, when, sensor, observed, _ in LOOKS]
    scenes[1]["warnings"] = [
        "B03 is offset by the product (-1000) and by the STAC item (-0.1); the product is believed"
    ]
    values: dict[str, object] = {
        "title": "Pangwa, two valleys",
        "ponds": ponds,
        "sites": sites,
        "timeseries": timeseries_table(sites),
        "survey": survey_table(survey),
        "scenes": pd.DataFrame(scenes),
        "quicklooks": (quicklook("S2A_20241201"), quicklook("S2A_20240706", seed=1, clouded=True)),
        "failures": (
            ("S2B_MSIL2A_20240915.zip", "S2B_MSIL2A_20240915.zip ends after 41 of 630 MB; download it again."),
        ),
        "ignored": ("notes/readme.txt", "old/preview.jpg"),
        "settings_toml": SETTINGS,
        "versions": VERSIONS,
    }
    return ReportInput(**(values | changed))  # type: ignore[arg-type]


def _rows_of_ponds() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    places = ((1500, 1700, 9), (1750, 2050, 14), (1350, 2150, 4), (2900, 900, 3), (3200, 3100, 6))
    for site, (x, y, n_ponds) in enumerate(places):
        for i in range(n_ponds):
            radius = 5.0 + 3.5 * ((i * 7 + site) % 5) / 4
            place = (WEST + x + 26 * (i % 5), NORTH - y - 28 * (i // 5) - 4 * (i % 5))
            status = "gone" if site == 3 else "present"
            rows.append(pond(len(rows), *place, radius, site_id=f"S-47R-{site + 3071}", status=status))
    rows.append(pond(len(rows), WEST + 620, NORTH - 3300, 7.0))
    rows.append(pond(len(rows), WEST + 3500, NORTH - 400, 16.0, kind="dark", status="unobserved"))
    return rows


def nothing_found() -> ReportInput:
    """One clear scene without a pond."""
    ponds = ponds_table([])
    scene = scene_row("S2A_20240114", "2024-01-14T04:01", S2, 0.97, n_candidates=38, n_ponds=0)
    row = survey_row("look", "2024-01-14T04:01", "2024-01-14T04:01", 0.97, 0.0, 0, 0)
    return example(
        ponds=ponds,
        sites=gpd.GeoDataFrame([], columns=[*names(SITES), "geometry"], geometry="geometry", crs=CRS),
        timeseries=pd.DataFrame([], columns=names(TIMESERIES)),
        survey=survey_table([row]),
        scenes=pd.DataFrame([scene]),
        quicklooks=(quicklook("S2A_20240114"),),
        failures=(),
        ignored=(),
    )


def undated() -> ReportInput:
    """One undated raw scene with a few ponds that form no site."""
    ponds = ponds_table(
        [pond(i, WEST + 900 * i + 500, NORTH - 2000, 9.0, first_seen=None, last_seen=None) for i in range(3)]
    )
    scene = scene_row(
        "scene_ab12cd34", None, "generic", 1.0, calibrated="dn", product="GeoTIFF", gsd_m=5.0, mask="none"
    )
    return example(
        ponds=ponds,
        sites=gpd.GeoDataFrame([], columns=[*names(SITES), "geometry"], geometry="geometry", crs=CRS),
        timeseries=pd.DataFrame([], columns=names(TIMESERIES)),
        survey=survey_table([survey_row("look", None, None, 1.0, float(ponds["area_m2"].sum()), 3, 0)]),
        scenes=pd.DataFrame([scene]),
        quicklooks=(quicklook("scene_ab12cd34"),),
        failures=(),
    )


def all_clouded() -> ReportInput:
    """One scene entirely under cloud: nothing is known."""
    base = nothing_found()
    return example(
        ponds=base.ponds,
        sites=base.sites,
        timeseries=base.timeseries,
        survey=survey_table([survey_row("look", "2024-07-06T04:01", "2024-07-06T04:01", 0.0, None, 0, 0)]),
        scenes=pd.DataFrame([scene_row("S2A_20240706", "2024-07-06T04:01", S2, 0.0, n_candidates=0)]),
        quicklooks=(quicklook("S2A_20240706", clouded=True),),
        failures=(),
    )


def survey_of(n_sites: int, ponds_per_site: int) -> ReportInput:
    """Build a survey of the size of the published one, spread over 40 km."""
    rng = np.random.default_rng(5)
    rows = []
    for site in range(n_sites):
        x, y = rng.uniform(500, 39_500, 2)
        for i in range(ponds_per_site):
            place = (WEST + x + 25 * (i % 4), NORTH - y - 25 * (i // 4))
            rows.append(pond(len(rows), *place, float(rng.uniform(4, 12)), site_id=f"S-{site:04d}"))
    ponds = ponds_table(rows)
    sites = sites_table(ponds)
    looks = tuple(_every_37_days(number) for number in range(30))
    area = float(ponds["area_m2"].sum())
    survey = [
        survey_row("look", w[:16], w[:16], o, None if f is None else area * f, len(ponds), n_sites)
        for _, w, _, o, f in looks
    ]  # type: ignore[index]
    return example(
        title="A survey of three hundred sites",
        ponds=ponds,
        sites=sites,
        timeseries=timeseries_table(sites, looks),
        survey=survey_table(
            [*survey, survey_row("year", "2022-01-01T00:00", "2022-12-31T00:00", 0.93, area, len(ponds), n_sites)]
        ),
        scenes=pd.DataFrame([scene_row(str(s), str(w)[:16], S2, float(o)) for s, w, _, o, _ in looks]),  # type: ignore[arg-type]
        quicklooks=tuple(quicklook(str(s), 1000, 40.0, seed=k) for k, (s, *_) in enumerate(looks[1:4])),
        failures=(),
    )


def _every_37_days(number: int) -> tuple[str, str, str, float, float | None]:
    """One of a series of looks, every fourth of them clouded out."""
    when = (time("2020-01-04T04:01") + timedelta(days=37 * number)).isoformat()
    seen: tuple[float, float | None] = (1.0, 0.7 + number / 100) if number % 4 else (0.0, None)
    return (f"S2A_{number:03d}", when, S2, *seen)


def event(date: str, label: str = "Taken", **said: object) -> Event:
    values: dict[str, object] = {
        "about": "",
        "value": None,
        "unit": "",
        "definition": "",
        "source": "NMS",
        "remark": "",
    }
    return Event(when=span(date), written=date, label=label, **(values | said))  # type: ignore[arg-type]


def value(period: str, number: float, series: str = "imports", unit: str = "t", definition: str = "oxides") -> Value:
    return Value(series, span(period), period, number, unit, definition, "customs", "")


EVENTS = (event("2002"), event("2024", "A year"), event("2024-10", "<taken> & kept"), event("2025-02-14"))
SERIES = (
    value("2024-09", 700),
    value("2024-10", 650),
    value("2024-12", 300),
    value("2024", 41_700),
    value("2023", 50_000),
)


STUDY = (
    Effect(EVENTS[0], 3, 0, reason="no look in the 365 days before"),
    Effect(EVENTS[1], 3, 0, reason="no look in the 365 days before"),
    Effect(
        EVENTS[2], 3, 1, "sentinel-2", Change(5000.0, 3500.0, -2700.0, -300.0, 2, 4, 1),
        Change(9.0, 6.5, -5.0, 0.0, 2, 4, 1), None, 0.84, 0.6,
    ),
    Effect(EVENTS[3], 3, 0, reason="no look in the 365 days after"),
)  # fmt: skip
