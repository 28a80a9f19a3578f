"""GeoJSON as RFC 7946 asks: longitude and latitude in WGS84, exterior rings counterclockwise, no ``crs`` member."""

from __future__ import annotations

import json
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from pondscan.export.values import Value, plain_rows, prepared
from pondscan.tables import Column

DECIMALS_TRIED = (6, 7)
"""Decimals of a degree: 11 cm is enough for most ponds, 1 cm for the smallest."""

AREA_TOLERANCE = 0.006
"""Share of its area by which rounding may change a polygon before another decimal is used."""

ROUNDS = 8
"""Corners that neighbours hand each other may ask for further ones; two or three rounds are usual."""


def geojson_bytes(frame: gpd.GeoDataFrame, table: Sequence[Column]) -> bytes:
    """Write a table of polygons in any CRS, one feature per line, in the order of its rows."""
    names = [column.name for column in table]
    rows = plain_rows(prepared(frame, table), table)
    polygons = lonlat_polygons(frame.geometry)
    features = [_feature(names, row, polygon) for row, polygon in zip(rows, polygons, strict=True)]
    return ('{"type":"FeatureCollection","features":[\n' + ",\n".join(features) + "\n]}\n").encode()


def lonlat_polygons(geometry: gpd.GeoSeries) -> NDArray[np.object_]:
    """Turn polygons to WGS84, rounded on one grid so that they stay valid and neighbours stay apart."""
    exact = geometry.to_crs("OGC:CRS84").to_numpy()
    for decimals in DECIMALS_TRIED:
        snapped = _snapped(exact, 10.0**-decimals)
        change = np.abs(shapely.area(snapped) - shapely.area(exact))
        if np.all(change <= AREA_TOLERANCE * shapely.area(exact)):
            break
    rounded = shapely.transform(snapped, lambda lonlat: np.round(lonlat, decimals) + 0.0)
    oriented: NDArray[np.object_] = shapely.orient_polygons(rounded, exterior_cw=False)
    return oriented


def _snapped(exact: NDArray[np.object_], step: float) -> NDArray[np.object_]:
    """Round polygons to a grid; where that pushes neighbours over each other, they are fitted together."""
    snapped = shapely.set_precision(exact, step)
    pairs = shapely.STRtree(snapped).query(snapped, predicate="overlaps")
    first, second = pairs[:, pairs[0] < pairs[1]]
    were_apart = shapely.area(shapely.intersection(exact[first], exact[second])) < step**2
    for one, other in zip(first[were_apart], second[were_apart], strict=True):
        snapped[one], snapped[other] = _fitted(snapped[one], snapped[other], step)
    return snapped


def _fitted(one: BaseGeometry, other: BaseGeometry, step: float) -> tuple[BaseGeometry, BaseGeometry]:
    """Cut two polygons on a grid along one line: each takes on the corners of the other where they meet."""
    for _ in range(ROUNDS):
        if not shapely.overlaps(one, other):
            break
        other = shapely.difference(other, one, grid_size=step)
        one = shapely.difference(one, other, grid_size=step)
    return one, other


def _feature(names: list[str], row: tuple[Value, ...], polygon: BaseGeometry) -> str:
    feature = {
        "type": "Feature",
        "properties": dict(zip(names, row, strict=True)),
        "geometry": polygon.__geo_interface__,
    }
    return json.dumps(feature, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
