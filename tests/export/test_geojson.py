from __future__ import annotations

import json
import re

import geojson_validator
import geopandas as gpd
import numpy as np
import pytest
import shapely
from export_examples import discs, table_of
from hypothesis import given, settings
from hypothesis import strategies as st

from pondscan.export.geojson import geojson_bytes, lonlat_polygons
from pondscan.tables import PONDS, SITES, Column

ID = (Column("pond_id", "string", ""),)


def written(frame: gpd.GeoDataFrame) -> dict:
    return json.loads(geojson_bytes(frame, ID))


def ponds_of(polygons: list[shapely.Polygon], crs: str = "EPSG:32647") -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"pond_id": [f"p{i}" for i in range(len(polygons))]}, geometry=polygons, crs=crs)


@pytest.mark.parametrize(("table", "name"), [(PONDS, "ponds"), (SITES, "sites")])
def test_geojson_validator_has_nothing_to_say(census, table, name):
    document = json.loads(geojson_bytes(getattr(census, name), table))
    assert geojson_validator.validate_structure(document, check_crs=True) == {}
    found = geojson_validator.validate_geometries(document)
    assert found["invalid"] == {}
    assert found["problematic"] == {}


def test_there_is_no_crs_member_and_nothing_foreign(census):
    document = json.loads(geojson_bytes(census.ponds, PONDS))
    assert set(document) == {"type", "features"}
    assert all(set(feature) == {"type", "properties", "geometry"} for feature in document["features"])


def test_a_known_corner_lands_where_it_is():
    """The central meridian of zone 47 is 99 degrees east; northing 0 is the equator."""
    square = shapely.box(500_000, 0, 500_100, 100)
    (ring,) = written(ponds_of([square]))["features"][0]["geometry"]["coordinates"]
    assert [99.0, 0.0] in ring
    assert max(lon for lon, _ in ring) == pytest.approx(99.0 + 100 / 0.9996 / 111_319.49, abs=1e-6)


def test_exterior_rings_run_counterclockwise_and_holes_clockwise():
    ring = shapely.Point(500_000, 100).buffer(100).difference(shapely.Point(500_000, 100).buffer(50))
    exterior, hole = written(ponds_of([ring]))["features"][0]["geometry"]["coordinates"]
    assert shapely.LinearRing(exterior).is_ccw
    assert not shapely.LinearRing(hole).is_ccw


def test_nulls_are_null_and_columns_are_in_order(census):
    feature = json.loads(geojson_bytes(census.ponds, PONDS))["features"][2]
    assert list(feature["properties"]) == [column.name for column in PONDS]
    assert feature["properties"]["site_id"] is None
    assert feature["properties"]["not_seen_before"] is None
    assert feature["properties"]["first_seen"] == "2024-02-17T04:12:00Z"
    assert feature["properties"]["n_seen"] == 3


def test_no_ponds_give_an_empty_collection():
    assert written(gpd.GeoDataFrame({"pond_id": []}, geometry=[], crs="EPSG:32647")) == {
        "type": "FeatureCollection",
        "features": [],
    }


def test_numbers_are_never_nan(census):
    assert b"NaN" not in geojson_bytes(census.sites, SITES)


@pytest.mark.parametrize(("radius_m", "most_decimals"), [(10.0, 6), (0.6, 7)])
def test_small_ponds_get_one_decimal_more(radius_m, most_decimals):
    text = geojson_bytes(ponds_of(discs(3, radius_m)), ID).decode()
    assert max(len(digits) for digits in re.findall(r"\d+\.(\d+)", text)) == most_decimals


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    radius_m=st.floats(2.0, 60.0),
    lon=st.floats(-179, 179),
    lat=st.floats(-70, 70),
)
def test_polygons_stay_valid_and_keep_their_area(seed, radius_m, lon, lat):
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, 25)[:-1]
    radius = radius_m * rng.uniform(0.7, 1.3, 24)
    blob = shapely.Polygon(np.column_stack([500_000 + radius * np.cos(angle), 2e6 + radius * np.sin(angle)]))
    zone = f"+proj=tmerc +lat_0={lat} +lon_0={lon} +x_0=500000 +y_0=2000000 +ellps=WGS84"
    (there,) = lonlat_polygons(gpd.GeoSeries([blob], crs=zone))
    (back,) = gpd.GeoSeries([there], crs="OGC:CRS84").to_crs(zone)
    assert there.is_valid
    assert there.geom_type == "Polygon"
    assert back.area == pytest.approx(blob.area, rel=0.01)


def test_neighbours_that_touch_do_not_overlap_after_rounding():
    rng = np.random.default_rng(7)
    cut = np.column_stack([500_000 + rng.uniform(-2, 2, 12), np.linspace(0, 60, 12)])
    west = shapely.Polygon([(499_960, 0), *cut, (499_960, 60)])
    east = shapely.Polygon([(500_040, 0), *cut, (500_040, 60)])
    first, second = lonlat_polygons(gpd.GeoSeries([west, east], crs="EPSG:32647"))
    assert shapely.intersection(first, second).area == 0


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), drift_m=st.floats(-40, 40))
def test_neighbours_whose_corners_do_not_meet_do_not_overlap_either(seed, drift_m):
    """Corners of one lie along a straight edge of the other: rounding moves them to either side of it."""
    share = np.concatenate([[0.0], np.sort(np.random.default_rng(seed).uniform(0, 1, 12)), [1.0]])
    edge = np.column_stack([500_000 + drift_m * share, 60 * share])
    west = shapely.Polygon([(499_900, 0), *edge[[0, -1]], (499_900, 60)])
    east = shapely.Polygon([(500_100, 0), *edge, (500_100, 60)])
    first, second = lonlat_polygons(gpd.GeoSeries([west, east], crs="EPSG:32647"))
    assert not shapely.overlaps(first, second)
    assert first.is_valid
    assert second.is_valid
    assert shapely.touches(first, second)


def test_polygons_that_overlap_are_written_as_they_are():
    first, second = shapely.box(500_000, 0, 500_060, 60), shapely.box(500_030, 30, 500_090, 90)
    lonlat = lonlat_polygons(gpd.GeoSeries([first, second], crs="EPSG:32647"))
    shared = gpd.GeoSeries([shapely.intersection(*lonlat)], crs="OGC:CRS84").to_crs("EPSG:32647").area[0]
    assert shared == pytest.approx(900, rel=0.01)


def test_the_table_is_not_changed(census):
    before = census.ponds.copy()
    geojson_bytes(census.ponds, PONDS)
    assert census.ponds.equals(before)


def test_rows_stay_in_the_order_given():
    frame = table_of(PONDS, 2, pond_id=["z", "a"])
    ponds = gpd.GeoDataFrame(frame, geometry=discs(2), crs="EPSG:32647")
    assert [f["properties"]["pond_id"] for f in json.loads(geojson_bytes(ponds, PONDS))["features"]] == ["z", "a"]
