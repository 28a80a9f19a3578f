from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from report_examples import CRS, NORTH, WEST, pond, ponds_table, sites_table

from pondscan.report.map import (
    Outlines,
    View,
    anchor,
    degrees,
    graticule,
    north_angle_deg,
    padded,
    sheet,
    site_labels,
)

TO_LONLAT = Transformer.from_crs(CRS, "OGC:CRS84", always_xy=True)
VIEW = View((WEST, NORTH - 4000, WEST + 4000, NORTH), 1000.0)


def test_the_ground_lies_on_the_sheet_with_north_up() -> None:
    placed = VIEW.place(np.array([[WEST, NORTH], [WEST + 4000, NORTH - 4000], [WEST + 1000, NORTH - 3000]]))
    assert placed.tolist() == [[0, 0], [1000, 1000], [250, 750]]
    assert VIEW.px_per_m == 0.25


def test_angles_have_the_decimals_of_their_step() -> None:
    assert degrees(98.5, 0.01, "EW") == "98.50° E"
    assert degrees(-0.123, 0.001, "EW") == "0.123° W"
    assert degrees(25.0, 5.0, "NS") == "25° N"


def test_ticks_lie_where_the_coordinates_are() -> None:
    longitudes, latitudes, crosses = graticule(VIEW, TO_LONLAT)
    assert [tick.text for tick in longitudes] == ["98.48° E", "98.49° E", "98.50° E", "98.51° E"]
    lon, lat = TO_LONLAT.transform(WEST + longitudes[1].position * 4, NORTH - 4000)
    assert lon == pytest.approx(98.49, abs=2e-6)
    lat = TO_LONLAT.transform(WEST, NORTH - latitudes[0].position * 4)[1]
    assert lat == pytest.approx(float(latitudes[0].text[:5]), abs=2e-6)
    assert len(crosses) == len(longitudes) * len(latitudes)


def test_true_north_leans_away_from_the_central_meridian() -> None:
    # West of the central meridian (99° E) true north lies to the right of grid north: gamma = dlon * sin(lat).
    lon, lat = TO_LONLAT.transform(WEST + 2000, NORTH - 2000)
    convergence = (lon - 99.0) * np.sin(np.radians(lat))
    assert convergence < 0
    assert north_angle_deg(VIEW, TO_LONLAT) == pytest.approx(-convergence, abs=0.01)


def test_a_rectangle_grows_to_the_shape_wanted_about_its_middle() -> None:
    assert padded((0, 0, 1000, 100), 0.0, 50.0, (0.5, 2.0)) == (0, -200, 1000, 300)
    assert padded((0, 0, 10, 10), 0.5, 100.0, (1.0, 1.0)) == (-45, -45, 55, 55)


def test_small_ponds_are_dots_and_large_ones_outlines() -> None:
    ponds = ponds_table([pond(1, WEST + 2000, NORTH - 2000, 6.0), pond(2, WEST + 3000, NORTH - 1000, 40.0)])
    drawn = sheet(VIEW, CRS, Outlines(ponds), Outlines(sites_table(ponds.iloc[:0])))
    small, large = drawn.ponds
    assert (small.is_dot, small.path) == (True, "M500 500h0")
    assert not large.is_dot
    assert large.path.startswith("M760 250L")
    assert large.path.endswith("Z")


def test_holes_and_parts_of_an_outline_are_all_drawn() -> None:
    ring = shapely.Point(WEST + 2000, NORTH - 2000).buffer(300) - shapely.Point(WEST + 2000, NORTH - 2000).buffer(100)
    far = shapely.box(WEST + 3000, NORTH - 3000, WEST + 3100, NORTH - 2900)
    ponds = ponds_table([pond(1, 0, 0, 1, geometry=shapely.union(ring, far))])
    (shape,) = sheet(VIEW, CRS, Outlines(ponds), Outlines(sites_table(ponds.iloc[:0]))).ponds
    assert shape.path.count("M") == shape.path.count("Z") == 3


def test_what_lies_outside_the_view_is_not_drawn() -> None:
    ponds = ponds_table([pond(1, WEST - 500, NORTH + 500, 9.0)])
    assert sheet(VIEW, CRS, Outlines(ponds), Outlines(sites_table(ponds.iloc[:0]))).ponds == []


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 4000)), min_size=1, max_size=40, unique=True))
@settings(deadline=None)
def test_names_of_sites_never_lie_on_each_other(places: list[tuple[int, int]]) -> None:
    rows = [pond(i, WEST + x, NORTH - y, 9.0, site_id=f"S-{i:03d}") for i, (x, y) in enumerate(places)]
    labels = site_labels(VIEW, Outlines(sites_table(ponds_table(rows))).inside(VIEW))
    for i, one in enumerate(labels):
        for other in labels[:i]:
            assert abs(one.x - other.x) >= 4.6 * 5 or abs(one.y - other.y) >= 19.8


def test_no_site_no_label() -> None:
    empty = sites_table(ponds_table([]))
    assert isinstance(empty, gpd.GeoDataFrame)
    assert site_labels(VIEW, Outlines(empty).inside(VIEW)) == []


def test_anchors_are_fit_for_a_link() -> None:
    assert anchor("S-47R/3071 <b>") == "site-S-47R-3071--b-"
