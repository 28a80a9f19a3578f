"""GeoJSON as RFC 7946 asks: longitude and latitude in WGS84, exterior rings counterclockwise, no ``crs`` member."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

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

SMALLEST_SHARE = 20
"""Rounding is tried on the smallest of so many polygons first: they lose their areas before the others do."""

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
    smallest = exact[np.argsort(shapely.area(exact))[: len(exact) // SMALLEST_SHARE + 1]]
    for decimals in DECIMALS_TRIED:
        step = 10.0**-decimals
        is_last = decimals == DECIMALS_TRIED[-1]
        if not is_last and not _keep_area(smallest, shapely.set_precision(smallest, step)):
            continue
        snapped = _snapped(exact, step)
        if _keep_area(exact, snapped):
            break
    rounded = shapely.transform(snapped, lambda lonlat: np.round(lonlat, decimals) + 0.0)
    oriented: NDArray[np.object_] = shapely.orient_polygons(rounded, exterior_cw=False)
    return oriented


def _keep_area(exact: NDArray[np.object_], snapped: NDArray[np.object_]) -> bool:
    """Whether rounding changes no polygon's area by more than is allowed."""
    change = np.abs(shapely.area(snapped) - shapely.area(exact))
    return bool(np.all(change <= AREA_TOLERANCE * shapely.area(exact)))


def _snapped(exact: NDArray[np.object_], step: float) -> NDArray[np.object_]:
    """Round polygons to a grid; where that pushes neighbours over each other, they are fitted together."""
    snapped = shapely.set_precision(exact, step)
    first, second = shapely.STRtree(snapped).query(snapped)
    first, second = first[first < second], second[first < second]  # not with itself, and no pair twice
    is_over = shapely.overlaps(snapped[first], snapped[second])
    first, second = first[is_over], second[is_over]
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
    feature = {"type": "Feature", "properties": dict(zip(names, row, strict=True)), "geometry": _geometry(polygon)}
    return json.dumps(feature, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _geometry(polygon: BaseGeometry) -> dict[str, Any]:
    """GeoJSON of a polygon or multipolygon; shapely's own takes three times as long."""
    parts = [
        [shapely.get_coordinates(ring).tolist() for ring in shapely.get_rings(part)]
        for part in shapely.get_parts(polygon)
    ]
    is_single = polygon.geom_type == "Polygon"
    return {"type": polygon.geom_type, "coordinates": (parts or [[]])[0] if is_single else parts}
