from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pondscan.detect import outline


def disc_label(size: int, row: float, col: float, radius: float) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:size, :size] + 0.5
    surface = np.clip(radius + 0.5 - np.hypot(y - row, x - col), 0, 1)[None]
    return surface, (surface > 0).astype(np.int32)


def test_rays_of_a_disc_are_its_radius() -> None:
    surface, label = disc_label(40, 20.3, 19.6, 8.0)
    found = outline.rays(surface, label, np.array([0]), np.array([20.3]), np.array([19.6]), np.array([1.0]))
    assert found.shape == (1, outline.N_RAYS)
    assert found.mean() == pytest.approx(8.0, abs=0.3)


def test_the_polygon_has_the_area_asked_for_and_runs_counter_clockwise() -> None:
    made = outline.draw(np.ones((1, outline.N_RAYS)), np.array([10.0]), np.array([-5.0]), np.array([113.1]))
    polygon = made[0]
    assert polygon.area == pytest.approx(113.1)
    assert polygon.centroid.coords[0] == pytest.approx((10.0, -5.0))
    assert polygon.exterior.is_ccw


@given(st.integers(2, 25), st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_neighbours_keep_their_areas_and_do_not_overlap(n_ponds: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # a row of touching ponds, jittered: what a 10 m pixel makes of berms
    diameter = rng.uniform(8, 20, n_ponds)
    x = np.cumsum(diameter) - diameter / 2 + rng.normal(0, 1.0, n_ponds)
    y = rng.normal(0, 2.0, n_ponds)
    target = np.pi / 4 * diameter**2
    made = outline.draw(np.ones((n_ponds, outline.N_RAYS)), x, y, target)
    assert_areas_without_overlap(made, target)
    assert all(not polygon.interiors for polygon in made), "lines hold the ponds of a row apart"


@given(st.integers(2, 40), st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_waters_of_any_size_in_any_crowd_keep_their_areas(n_ponds: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # lakes, marshes and puddles thrown together: centres may lie in each other, and more water than ground
    x, y = rng.uniform(0, 200, (2, n_ponds))
    target = 10 ** rng.uniform(1.5, 4.5, n_ponds)
    shape = rng.uniform(0.3, 1.0, (n_ponds, outline.N_RAYS))
    assert_areas_without_overlap(outline.draw(shape, x, y, target), target)


def test_a_marsh_is_drawn_around_the_ponds_in_it() -> None:
    # a disc of 10,000 m² with two ponds of 200 m² near its centre: it ends where 10,400 m² and their shores do
    x, y, target = np.array([0.0, 12.0, -12.0]), np.array([0.0, 3.0, -3.0]), np.array([10_000.0, 200.0, 200.0])
    marsh, *ponds = outline.draw(np.ones((3, outline.N_RAYS)), x, y, target)
    assert_areas_without_overlap(np.array([marsh, *ponds]), target)
    assert len(marsh.interiors) == 2
    assert all(shapely.Polygon(marsh.exterior).contains(pond) for pond in ponds)
    reach = np.hypot(*np.array(marsh.exterior.coords).T)
    assert reach.max() - reach.min() < 0.01, "the disc stays a disc"
    assert 10_400 < shapely.Polygon(marsh.exterior).area < 10_600


def test_no_ponds_make_no_outlines() -> None:
    nothing = np.zeros(0)
    assert len(outline.draw(np.zeros((0, outline.N_RAYS)), nothing, nothing, nothing)) == 0


def assert_areas_without_overlap(made: np.ndarray, target: np.ndarray) -> None:
    assert shapely.is_valid(made).all()
    assert shapely.area(made) == pytest.approx(target, rel=2 * outline.MAX_AREA_ERROR)
    one, other = shapely.STRtree(made).query(made, predicate="intersects")
    assert shapely.area(shapely.intersection(made[one], made[other]))[one != other] == pytest.approx(0, abs=1e-6)
