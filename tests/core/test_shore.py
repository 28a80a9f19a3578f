from __future__ import annotations

import numpy as np
import pytest
import shapely

from pondscan.detect import outline, shore

HORSESHOE = shapely.Polygon([(5, 5), (35, 5), (35, 35), (25, 35), (25, 15), (15, 15), (15, 35), (5, 35)])
"""700 square pixels around a bay, the centroid on dry land."""


def painted(shape: shapely.Geometry, size: int = 40) -> tuple[np.ndarray, np.ndarray]:
    row, col = np.mgrid[:size, :size] + 0.5
    surface = shapely.contains_xy(shape, col, row).astype(float)
    return surface, surface > 0


def overlap(one: shapely.Geometry, other: shapely.Geometry) -> float:
    return shapely.area(shapely.intersection(one, other)) / shapely.area(shapely.union(one, other))


def test_a_horseshoe_is_traced_around_its_bay() -> None:
    surface, is_own = painted(HORSESHOE)
    traced = shore.trace(surface, is_own, 700.0, 1)
    assert overlap(traced, HORSESHOE) > 0.97
    assert not traced.contains(shapely.Point(20, 25))


def test_an_island_stays_dry_and_a_speck_does_not() -> None:
    lake = shapely.Point(20, 20).buffer(15)
    island, speck = shapely.box(16, 16, 22, 22), shapely.box(25, 25, 26, 26)
    surface, is_own = painted(lake.difference(island).difference(speck))
    traced = shore.trace(surface, is_own, float(surface.sum()), 1)
    assert len(traced.interiors) == 1
    assert not traced.contains(shapely.Point(19, 19))
    assert traced.contains(shapely.Point(25.5, 25.5))


def test_subpixels_are_brought_back_to_pixels() -> None:
    surface, is_own = painted(HORSESHOE)
    traced = shore.trace(surface, is_own, 700.0, 2)
    assert overlap(traced, shapely.transform(HORSESHOE, lambda xy: xy / 2)) > 0.9


@pytest.mark.parametrize("target", [500.0, 700.0, 900.0])
def test_a_shore_is_moved_until_it_holds_the_area_measured(target: float) -> None:
    fitted = shore.fit(HORSESHOE, target, np.zeros(0, object))
    assert fitted.area == pytest.approx(target, rel=shore.MAX_AREA_ERROR)


def test_a_lake_is_drawn_around_the_pond_in_its_bay() -> None:
    radius = np.ones((2, outline.N_RAYS))
    x, y, target = np.array([20.0, 20.0]), np.array([16.0, 20.0]), np.array([700.0, 60.0])
    lake, pond = outline.draw(radius, x, y, target, np.array([HORSESHOE, None], object))
    assert [lake.area, pond.area] == pytest.approx([700.0, 60.0], rel=2 * shore.MAX_AREA_ERROR)
    assert shapely.area(shapely.intersection(lake, pond)) == pytest.approx(0, abs=1e-6)
    assert overlap(lake, HORSESHOE) > 0.9


def test_what_its_middle_sees_and_what_is_small_needs_no_tracing() -> None:
    # a disc of 300 pixels, a horseshoe of which a third is seen, the same of 40 pixels, and a disc too large for rays
    found = shore.is_ragged(np.array([296.0, 230.0, 13.0, 3000.0]), np.array([300.0, 700.0, 40.0, 3000.0]))
    assert found.tolist() == [False, True, False, True]


def test_where_no_ring_closes_there_is_no_contour() -> None:
    assert shore.trace(np.zeros((9, 9)), np.ones((9, 9), np.bool_), 20.0, 1).is_empty


def test_a_contour_that_touches_itself_is_a_contour() -> None:
    quarters = [[0, 2, 3, 1, 2], [4, 3, 1, 0, 0], [1, 4, 1, 4, 1], [3, 2, 4, 2, 4], [4, 3, 3, 4, 4]]
    traced = shore.trace(np.array(quarters) / 4, np.ones((5, 5), np.bool_), 13.0, 1)
    assert shapely.area(traced) == pytest.approx(13.0, abs=2.0)
