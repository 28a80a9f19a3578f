from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from painted_scenes import circle

from pondscan.follow.apart import hold_apart, radii


def array(*polygons) -> np.ndarray:
    return np.array(polygons, dtype=object)


def test_radii_of_a_square():
    square = array(shapely.box(-10, -10, 10, 10))
    reach = radii(square, np.array([0.0]), np.array([0.0]))[0]
    # rays 0, 9, 18, 27 of 36 point along the axes
    assert reach[[0, 9, 18, 27]].tolist() == pytest.approx([10] * 4)
    assert reach.max() <= 10 * np.sqrt(2)


def test_outlines_that_do_not_overlap_are_left_alone():
    outlines = array(circle(0, 0, 12), circle(12.5, 0, 12))
    assert hold_apart(outlines, np.array([0.0, 12.5]), np.zeros(2), shapely.area(outlines)) is outlines
    nothing = np.empty(0, dtype=object)
    assert hold_apart(nothing, np.empty(0), np.empty(0), np.empty(0)).tolist() == []


def test_overlapping_neighbours_share_no_ground_and_keep_their_areas():
    x, y = np.array([0.0, 9.0, 500.0]), np.zeros(3)
    outlines = array(circle(0, 0, 12), circle(9, 0, 12), circle(500, 0, 12))
    area = shapely.area(outlines)
    held = hold_apart(outlines, x, y, area)
    assert shapely.intersection(held[0], held[1]).area == 0
    assert shapely.area(held).tolist() == pytest.approx(area.tolist(), rel=1e-3)
    assert held[2] is outlines[2]
    assert shapely.is_valid(held).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_row_off_by_its_registration(seed):
    rng = np.random.default_rng(seed)
    x = np.arange(8) * 15.0 + rng.uniform(-3, 3, 8)
    y = rng.uniform(-3, 3, 8)
    outlines = array(*[circle(a, b, 12) for a, b in zip(x, y, strict=True)])
    area = shapely.area(outlines)
    held = hold_apart(outlines, x, y, area)
    one, other = shapely.STRtree(held).query(held)
    overlap = shapely.area(shapely.intersection(held[one], held[other]))[one != other]
    assert overlap.max(initial=0) < 0.01
    assert shapely.area(held).tolist() == pytest.approx(area.tolist(), rel=0.01)
