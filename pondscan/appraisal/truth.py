"""The truth: outlines or discs of ponds, with their state on a day, from a vector file or a CSV."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pondscan.appraisal.vectors import (
    in_metres,
    read_csv_words,
    read_vectors,
    refuse_first,
    refuse_shapeless,
    with_outlines,
    with_valid_outlines,
)
from pondscan.errors import InputError
from pondscan.sensors import SENSORS

CSV_COLUMNS = ("lon", "lat", "diameter_m")
"""Columns a CSV must have; ``date``, ``status``, ``kind``, ``sensor`` and ``pond_id`` may be there too."""

STATES = ("present", "covered", "gone", "clouded", "other_water")
"""What ``status`` may say, the one that speaks when sensors disagree about a day first."""

OUTLINES = ("Polygon", "MultiPolygon")


def read_truth(path: Path) -> gpd.GeoDataFrame:
    """Read true ponds as outlines.

    Returns
    -------
    GeoDataFrame
        The file's columns, with ``status`` (one of ``STATES``), ``kind``, ``day`` (``date``, None where the file has
        no dates) and ``sensor`` (None where it has none); ``diameter_m`` where the file has it. Points with a
        ``diameter_m`` become discs.

    Raises
    ------
    InputError
        When the file cannot be read, or a value makes no sense; the sentence names the first.
    """
    is_csv = path.suffix.lower() == ".csv"
    truth = _read_csv(path) if is_csv else read_vectors(path, "true ponds")
    if "verdict" in truth.columns:
        remedy = "take them into their census (`pondscan review apply`) and give its folder"
        raise InputError(f"{path}: these are verdicts that are in no census yet: {remedy}")
    refuse_shapeless(path, truth, (*OUTLINES, "Point"), "true ponds are polygons, or points with a diameter_m")
    truth = with_valid_outlines(path, _with_discs(path, truth))
    status = _words(truth, "status").str.lower().fillna("present")
    refuse_first(path, ~status.isin(STATES), "status", status, f"is none of {', '.join(STATES)}")
    return truth.assign(
        status=status, kind=_words(truth, "kind"), sensor=_words(truth, "sensor"), day=_days(path, truth)
    )


def truth_for(truth: gpd.GeoDataFrame, *, day: date | None, sensor: str, gsd_m: float) -> gpd.GeoDataFrame | None:
    """Take the rows that speak of one scene; None when there are none.

    Rows without a date speak of every day. Rows of a day that name sensors speak of a scene of that sensor; a scene
    of an unnamed one (``generic``) takes those of the sensor whose pixels are closest to its own in size.
    """
    if truth.empty:
        return truth
    of_day = _of_day(truth, day)
    named = sorted(of_day["sensor"].dropna().unique())
    if sensor == "generic" and named and math.isfinite(gsd_m):
        sensor = min(named, key=lambda name: abs(math.log(nominal_gsd_m(name) / gsd_m)))
    rows = of_day[of_day["sensor"].isna() | (of_day["sensor"] == sensor)]
    return rows if len(rows) else None


def truth_on(truth: gpd.GeoDataFrame, day: date | None) -> gpd.GeoDataFrame:
    """Take the rows of a day, each pond once: where sensors disagree about it, the first of ``STATES`` speaks."""
    of_day = _of_day(truth, day)
    if "pond_id" not in of_day.columns:
        return of_day
    rank = of_day["status"].map(STATES.index)
    return of_day.assign(rank=rank).sort_values("rank", kind="stable").drop_duplicates("pond_id").sort_index()


def _of_day(truth: gpd.GeoDataFrame, day: date | None) -> gpd.GeoDataFrame:
    rows: gpd.GeoDataFrame = truth[(truth["day"] == day) | truth["day"].isna()]
    return rows


def nominal_gsd_m(sensor: str) -> float:
    """Pixel size of a sensor by name, metres; NaN for one that is not known or has none of its own."""
    known = SENSORS.get(sensor)
    return known.gsd_m.get("green", math.nan) if known else math.nan


def _read_csv(path: Path) -> gpd.GeoDataFrame:
    remedy = f"give a header line {','.join(CSV_COLUMNS)},date,status and a line per pond"
    table = read_csv_words(path, remedy)
    missing = [name for name in CSV_COLUMNS if name not in table.columns]
    if missing:
        message = f"{path}: column {missing[0]} is missing among {', '.join(table.columns)}"
        raise InputError(f"{message}: the header must name {', '.join(CSV_COLUMNS)}")
    numbers = {name: pd.to_numeric(table[name], errors="coerce").astype("float64") for name in CSV_COLUMNS}
    for name, (least, most) in {"lon": (-180, 180), "lat": (-90, 90)}.items():
        remedy = f"is no number between {least} and {most}: give degrees in WGS84"
        refuse_first(path, ~numbers[name].between(least, most), name, table[name], remedy)
    points = gpd.points_from_xy(numbers["lon"], numbers["lat"])
    return gpd.GeoDataFrame(table.drop(columns=["lon", "lat"]), geometry=points, crs="OGC:CRS84")


def _with_discs(path: Path, truth: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Draw points as discs of their diameter, in the UTM zone of the place."""
    truth = truth.copy()
    if "diameter_m" in truth.columns:
        given = truth["diameter_m"]
        truth["diameter_m"] = pd.to_numeric(given, errors="coerce").astype("float64")
        is_wrong = given.notna() & ~(truth["diameter_m"] > 0)
        refuse_first(path, is_wrong, "diameter_m", given, "is no positive number: give metres")
    is_point = truth.geometry.geom_type == "Point"
    if not is_point.any():
        return truth
    diameter_m = truth["diameter_m"] if "diameter_m" in truth.columns else pd.Series(np.nan, truth.index)
    refuse_first(path, is_point & diameter_m.isna(), "diameter_m", diameter_m, "says nothing of a point: give metres")
    truth = in_metres(truth)
    outlines = truth.geometry.to_numpy().copy()
    where = is_point.to_numpy()
    outlines[where] = shapely.buffer(outlines[where], diameter_m[where].to_numpy() / 2)
    area_m2 = np.where(where, np.pi / 4 * diameter_m**2, shapely.area(outlines))
    return with_outlines(truth, outlines).assign(area_m2=area_m2)


def _days(path: Path, truth: gpd.GeoDataFrame) -> pd.Series:
    """Day of each row, None in a file without dates."""
    if "date" not in truth.columns or truth["date"].isna().all():
        return pd.Series(None, truth.index, dtype=object)
    times: pd.Series = pd.to_datetime(truth["date"], errors="coerce", utc=True, format="ISO8601")
    refuse_first(path, times.isna(), "date", truth["date"], "is no date: give YYYY-MM-DD for every pond, or for none")
    days: pd.Series = times.dt.date.astype(object)
    return days


def _words(truth: gpd.GeoDataFrame, name: str) -> pd.Series:
    """Column of words, null where there is none."""
    if name not in truth.columns:
        return pd.Series(pd.NA, truth.index, dtype="string")
    words: pd.Series = truth[name].astype("string").str.strip()
    return words.mask(words == "")
