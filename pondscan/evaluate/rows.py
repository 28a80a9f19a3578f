"""The rows of a score before anything is compared: what is said of every object, found or true."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

OTHER_WATER = "other_water"
"""Marks water that is no leach pond: counts neither as found nor as false."""

REFUTED = "rejected"
"""Status of a place that a person judged to hold no pond: whatever is found there is false."""

NOT_KNOWN = "unknown"
"""Kind of an object whose kind nobody named."""


def in_one_crs(found: gpd.GeoDataFrame, true: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Bring the truth into the reference system of what was found, and refuse what cannot be measured.

    Raises
    ------
    ValueError
        When that system does not count in metres, or an outline has no area.
    """
    if found.crs is not None and not counts_in_metres(found.crs):
        raise ValueError(f"found ponds are in {found.crs.to_string()}, which does not count in metres: project them")
    moved = true if true.crs is None or found.crs is None else true.to_crs(found.crs)
    for name, frame in (("found", found), ("true", moved)):
        is_flat = ~(shapely.area(frame.geometry.to_numpy()) > 0)
        if is_flat.any():
            raise ValueError(f"row {int(is_flat.argmax())} of the {name} ponds is an outline without area")
    return moved


def counts_in_metres(crs: pyproj.CRS) -> bool:
    """Whether coordinates are metres on a plane."""
    return bool(crs.is_projected and crs.axis_info[0].unit_conversion_factor == 1.0)


def found_rows(found: gpd.GeoDataFrame, labels: dict[str, object]) -> pd.DataFrame:
    """``scene sensor gsd_m kind confidence diameter_m area_m2 area_sigma_m2 pond_equivalents rejected``."""
    area_m2 = _numbers(found, "area_m2", shapely.area(found.geometry.to_numpy()))
    columns = {
        "kind": _words(found, "kind", NOT_KNOWN),
        "confidence": _numbers(found, "confidence", np.nan),
        "diameter_m": _numbers(found, "diameter_m", _disc_diameter_m(area_m2)),
        "area_m2": area_m2,
        "area_sigma_m2": _numbers(found, "area_sigma_m2", np.nan),
        "pond_equivalents": _numbers(found, "pond_equivalents", 1.0),
        "rejected": _words(found, "rejected", ""),
    }
    return _table(labels, columns, len(found))


def true_rows(true: gpd.GeoDataFrame, labels: dict[str, object]) -> pd.DataFrame:
    """``scene sensor gsd_m kind status diameter_m area_m2 is_area_known reason``; why one counts neither way."""
    area_m2 = _numbers(true, "area_m2", shapely.area(true.geometry.to_numpy()))
    kind, status = _words(true, "kind", NOT_KNOWN), _words(true, "status", "present")
    is_other = (kind == OTHER_WATER) | (status == OTHER_WATER)
    columns = {
        "kind": np.where(is_other, OTHER_WATER, kind),
        "status": status,
        "diameter_m": _numbers(true, "diameter_m", _disc_diameter_m(area_m2)),
        "area_m2": area_m2,
        "is_area_known": _flags(true, "is_area_known"),
        "reason": np.select([is_other, status != "present"], [OTHER_WATER, status], ""),
    }
    return _table(labels, columns, len(true))


def _table(labels: dict[str, object], columns: dict[str, NDArray[np.generic]], n_rows: int) -> pd.DataFrame:
    return pd.DataFrame({**labels, **columns}, index=pd.RangeIndex(n_rows))


def _disc_diameter_m(area_m2: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(2 * np.sqrt(area_m2 / np.pi))


def _numbers(frame: pd.DataFrame, name: str, default: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Column as float64; ``default`` for a column that is not there, and for nulls."""
    if name not in frame.columns:
        return np.broadcast_to(np.asarray(default, np.float64), len(frame)).copy()
    given = pd.to_numeric(frame[name]).to_numpy(np.float64, na_value=np.nan)
    return np.asarray(np.where(np.isnan(given), default, given))


def _flags(frame: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    """Column of yes and no; yes where there is none."""
    return frame[name].to_numpy(bool) if name in frame.columns else np.ones(len(frame), bool)


def _words(frame: pd.DataFrame, name: str, default: str) -> NDArray[np.object_]:
    """Column of words; ``default`` for a column that is not there, for nulls and for empty words."""
    if name not in frame.columns:
        return np.full(len(frame), default, object)
    given = frame[name].astype("string").fillna("").to_numpy(object)
    return np.asarray(np.where(given == "", default, given))
