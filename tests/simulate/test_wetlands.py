"""Natural waters: hollows of any shape that fill and dry, with a truth that is what was drawn."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely

from pondscan.simulate import make_place, render, truth, wetlands
from pondscan.simulate.canvas import Cells

WHEN = datetime(2022, 7, 1, 4, tzinfo=UTC)
BOUNDS = (0.0, 0.0, 2000.0, 2000.0)


@pytest.fixture(scope="module")
def wet():
    return wetlands.make_wetlands(5, BOUNDS, 25.0, 1.0)


def test_no_wetlands_where_none_are_asked_for():
    assert len(wetlands.nothing_wet()) == 0
    assert len(make_place(3, preset="mixed", width_m=900.0, height_m=900.0, n_sites=1).country.wetlands) == 0


def test_waters_do_not_touch_where_they_are_centred(wet):
    assert 60 <= len(wet) <= 110
    assert set(wet.water) == set(range(len(wet)))
    first = np.append(True, np.diff(wet.water) > 0)
    apart = np.hypot(wet.x[first][:, None] - wet.x[first], wet.y[first][:, None] - wet.y[first])
    assert apart[np.triu_indices(len(wet), 1)].min() > 6.0


def test_what_is_drawn_is_the_truth(wet):
    """Of white liquid on black ground, without reeds in it, each cell shows its share of the truth's polygons."""
    cells = Cells(np.arange(1.0, 2000.0, 2.0), np.arange(1999.0, 0.0, -2.0), 2.0)
    image, light = np.zeros((1, 1_000_000), np.float32), np.ones((1, 1_000_000), np.float32)
    still = wetlands.replace(wet, marsh=np.zeros(len(wet)))
    level = np.where(np.arange(len(wet)) % 5 == 0, 0.0, 0.7)
    black, white = np.zeros((len(wet), 1), np.float32), np.ones((len(wet), 1), np.float32)
    wetlands.paint(image, cells, light, still, level, [black, black, black, white, white], 5)
    outlines = wetlands.outlines(still, level)[level > 0.0]
    seen = shapely.intersection(shapely.union_all(outlines), shapely.box(*BOUNDS))
    assert seen.area > 50_000.0
    assert 4.0 * image.sum() == pytest.approx(seen.area, rel=0.02)
    x, y = np.meshgrid(cells.x, cells.y)
    is_inside = shapely.contains_xy(seen.buffer(-6.0), x, y).ravel()
    assert image[0, is_inside].min() == 1.0
    assert image[0, ~shapely.contains_xy(seen.buffer(6.0), x, y).ravel()].max() == 0.0


def test_levels_are_a_function_of_the_day_and_fall_in_summer(wet):
    spring, autumn = (wetlands.levels(wet, WHEN.replace(month=month), 5) for month in (5, 10))
    assert np.array_equal(spring, wetlands.levels(wet, WHEN.replace(month=5), 5))
    assert np.all(autumn <= spring)
    assert (autumn == 0.0).sum() > (spring == 0.0).sum()
    assert not np.array_equal(spring, wetlands.levels(wet, WHEN.replace(month=5, year=2023), 5))


def test_a_country_of_potholes_has_waters_and_no_mines():
    place = make_place(4, preset="potholes", width_m=1500.0, height_m=1500.0)
    scene = render(place, "naip", WHEN, seed=4, gsd_m=5.0)
    assert scene.grid.gsd_m == 5.0
    assert scene.bands["nir"].shape == (300, 300)
    true = truth(place, WHEN, scene)
    assert set(true["kind"]) == {"other_water"}
    assert set(true["status"]) <= {"present", "gone"}
    assert true.geometry.is_valid.all()
    big = true[(true["area_m2"] > 2000.0) & (true["status"] == "present")]
    assert len(big) > 2
    col = ((big.geometry.representative_point().x - scene.grid.x_origin) / 5.0).astype(int)
    row = ((scene.grid.y_origin - big.geometry.representative_point().y) / 5.0).astype(int)
    assert np.median(scene.bands["nir"][row, col]) < 0.4 * np.median(scene.bands["nir"])
