from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pondscan import outline


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
    radius = outline.fit_areas(np.ones((1, outline.N_RAYS)), np.array([10.0]), np.array([-5.0]), np.array([113.1]))
    polygon = outline.polygons(radius, np.array([10.0]), np.array([-5.0]))[0]
    assert polygon.area == pytest.approx(113.1)
    assert polygon.centroid.coords[0] == pytest.approx((10.0, -5.0))
    assert polygon.exterior.is_ccw


@given(st.integers(2, 25), st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_neighbours_keep_their_areas_and_do_not_overlap(n_ponds: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # a row of touching ponds, jittered: what a 10 m pixel makes of berms
    diameter = rng.uniform(8, 20, n_ponds)
    x = np.cumsum(diameter) + rng.normal(0, 1.0, n_ponds)
    y = rng.normal(0, 2.0, n_ponds)
    target = np.pi / 4 * diameter**2
    radius = outline.fit_areas(np.ones((n_ponds, outline.N_RAYS)), x, y, target)
    made = outline.polygons(radius, x, y)
    assert shapely.is_valid(made).all()
    assert shapely.area(made) == pytest.approx(target, rel=0.01)
    first, second = shapely.STRtree(made).query(made, predicate="overlaps")
    assert len(first) == len(second) == 0
