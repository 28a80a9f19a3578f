"""Boxes: area, outline, cover of cells, and what is left of them behind a point spread."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pondscan.simulate import canvas, shapes
from pondscan.simulate.canvas import Cells
from pondscan.simulate.optics import OPTICS
from pondscan.simulate.render import point_spread


def raster(cell_m: float, side_m: float = 200.0) -> Cells:
    centres = -side_m / 2 + cell_m / 2 + np.arange(round(side_m / cell_m)) * cell_m
    return Cells(centres, centres[::-1], cell_m)


def disc(diameter_m: float, x: float = 0.0, y: float = 0.0) -> shapes.Boxes:
    radius = diameter_m / 2
    return shapes.boxes(x, y, radius, radius, radius=radius, surface=0)


def fraction(table: shapes.Boxes, cells: Cells, finer: int = 4) -> np.ndarray:
    covered = canvas.cover(table, cells, finer=finer)
    share = np.bincount(covered.cell, covered.share, minlength=cells.x.size * cells.y.size)
    return share.reshape(cells.shape)


def test_areas_by_hand():
    assert disc(10.0).area_m2[0] == pytest.approx(math.pi * 25.0)
    assert shapes.boxes(0.0, 0.0, 10.0, 5.0, surface=0).area_m2[0] == 200.0
    # A 10 m × 4 m box with corners of 1 m radius: 40 less the four corners, 4 - pi.
    assert shapes.boxes(0.0, 0.0, 5.0, 2.0, radius=1.0, surface=0).area_m2[0] == pytest.approx(36.0 + math.pi)


@settings(max_examples=60, deadline=None)
@given(
    half_length=st.floats(2.5, 40.0),
    ratio=st.floats(0.2, 1.0),
    roundness=st.floats(0.0, 1.0),
    angle=st.floats(-4.0, 4.0),
)
def test_an_outline_has_the_area_of_its_box(half_length, ratio, roundness, angle):
    half_width = half_length * ratio
    box = shapes.boxes(7.0, -3.0, half_length, half_width, radius=roundness * half_width, angle=angle, surface=0)
    outline = box.polygons()[0]
    assert outline.is_valid
    assert outline.area == pytest.approx(box.area_m2[0], rel=1e-3)
    assert outline.centroid.distance(shapely.Point(7.0, -3.0)) < 1e-6


@settings(max_examples=40, deadline=None)
@given(
    diameter_m=st.floats(5.0, 40.0),
    x=st.floats(-9.0, 9.0),
    y=st.floats(-9.0, 9.0),
    cell_m=st.sampled_from([0.5, 1.0, 2.5]),
)
def test_cover_sums_to_the_area_wherever_the_box_lies(diameter_m, x, y, cell_m):
    cells = raster(cell_m)
    box = disc(diameter_m, x, y)
    share = fraction(box, cells)
    assert share.max() <= 1.0 + 1e-9
    assert share.sum() * cell_m**2 == pytest.approx(box.area_m2[0], rel=0.01)
    assert (share.sum(axis=0) @ cells.x) / share.sum() == pytest.approx(x, abs=0.1)
    assert (share.sum(axis=1) @ cells.y) / share.sum() == pytest.approx(y, abs=0.1)


def test_a_box_covers_the_cells_it_covers():
    cells = raster(1.0, 10.0)
    share = fraction(shapes.boxes(0.5, 1.0, 2.0, 1.0, surface=0), cells)
    expected = np.zeros((10, 10))
    expected[3:5, 3:8] = [0.5, 1.0, 1.0, 1.0, 0.5]
    np.testing.assert_allclose(share, expected, atol=1e-12)


@pytest.mark.parametrize("sensor", sorted(OPTICS))
@pytest.mark.parametrize("phase", [0.0, 0.31, 0.5])
def test_liquid_area_survives_the_point_spread(sensor, phase):
    """The sum of what all pixels see of a pond is the pond's area, for every band, at any sub-pixel phase."""
    eye = OPTICS[sensor]
    cells = raster(eye.cell_m, 60.0 * eye.gsd_m if eye.gsd_m < 10 else 480.0)
    ponds = shapes.stack([disc(1.2 * max(eye.gsd_m, 8.0)), disc(15.0, -30.0, 12.0)])
    share = fraction(ponds.take(np.abs(ponds.x) < cells.x.max() - 40.0 * (eye.gsd_m >= 3)), cells)
    for band in eye.bands:
        centres = np.arange(cells.x[0] + 5 * band.sigma_m, cells.x[-1] - 5 * band.sigma_m, band.gsd_m)
        centres = centres + phase * band.gsd_m
        centres = centres[centres < cells.x[-1] - 4.5 * band.sigma_m]
        across = point_spread(centres, cells.x, eye.cell_m, band.sigma_m)
        down = point_spread(centres, cells.y, eye.cell_m, band.sigma_m)
        seen = (across @ (down @ share).T).sum() * band.gsd_m**2
        assert seen == pytest.approx(share.sum() * eye.cell_m**2, rel=0.01)


def test_the_blur_is_as_wide_as_asked_cells_included():
    cells = np.arange(-100.0, 100.0, 2.5)
    weights = point_spread(np.array([0.3]), cells, 2.5, 5.22).toarray()[0]
    mean = weights @ cells
    # The variance seen is that of the weights and that of the cell itself.
    assert weights.sum() == pytest.approx(1.0)
    assert mean == pytest.approx(0.3, abs=1e-3)
    assert math.sqrt(weights @ (cells - mean) ** 2 + 2.5**2 / 12) == pytest.approx(5.22, rel=2e-3)


def test_disjoint_boxes_add_up_in_a_shared_cell_and_overlapping_ones_do_not():
    cells = raster(1.0, 4.0)
    halves = shapes.boxes([-0.25, 0.25], [0.0, 0.0], 0.25, 2.0, surface=0)
    covered = canvas.cover(halves, cells, finer=4)
    light = np.ones((1, 16), dtype=np.float32)
    colours = np.array([[0.2], [0.6]], dtype=np.float32)
    summed = np.zeros((1, 16), dtype=np.float32)
    canvas.paint(summed, covered, colours, light, joined="sum")
    # Each box is half a metre wide: one covers half of the column left of 0, the other half of the one right of it.
    np.testing.assert_allclose(summed.reshape(4, 4)[1], [0.0, 0.1, 0.3, 0.0], atol=1e-6)
    twice = shapes.stack([halves.take(np.array([0])), halves.take(np.array([0]))])
    image = np.zeros((1, 16), dtype=np.float32)
    canvas.paint(image, canvas.cover(twice, cells, finer=4), colours[[0, 0]], light)
    np.testing.assert_allclose(image.reshape(4, 4)[1], [0.0, 0.1, 0.0, 0.0], atol=1e-6)


def test_an_empty_table_covers_nothing():
    covered = canvas.cover(shapes.stack([]), raster(1.0))
    assert covered.cell.size == 0


def test_a_capsule_chain_is_as_wide_as_asked():
    y = np.arange(-80.0, 81.0, 10.0)
    road = shapes.capsules(np.zeros_like(y), y, 6.0, surface=0)
    covered = canvas.cover(road, raster(1.0), finer=2)
    share = canvas.union_share(covered, np.ones(len(road)), 200 * 200).reshape(200, 200)
    np.testing.assert_allclose(share[100].sum(), 6.0, atol=1e-6)
    assert share[100].max() == 1.0
    across = np.flatnonzero(share[100] > 1e-6)
    assert across.size == 6
