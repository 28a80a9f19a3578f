"""What finds of coarse pixels stand for: the fit gives what was put in, scenes are counted as the census counts."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import Point


@pytest.fixture
def fitting(program):
    return program("scripts/fit_detection")


def worlds(scene_spread, n_scenes=300):
    """Designs, probabilities and true totals of scenes in which a find stands for exp(0.4 - 0.6 x), by chance."""
    rng = np.random.default_rng(5)
    designs = [np.stack([np.ones(n), rng.normal(0, 0.5, n)], 1) for n in rng.integers(20, 60, n_scenes)]
    chances = [rng.uniform(0.5, 1.0, len(one)) for one in designs]
    mean = np.array([(p * np.exp(x @ [0.4, -0.6])).sum() for x, p in zip(designs, chances, strict=True)])
    return designs, chances, rng.poisson(mean * (1 + scene_spread * rng.normal(size=n_scenes))).tolist()


def test_what_was_put_in_comes_out(fitting):
    told = fitting.calibration(*worlds(0.0))
    error = np.sqrt(np.diag(told["covariance"]))
    assert (np.abs(np.array(told["values"]) - [0.4, -0.6]) < 3 * error).all()
    assert (error < [0.02, 0.1]).all()
    assert told["chance_variance"] == pytest.approx(1.0, abs=0.3)
    assert told["scene_spread"] == fitting.LEAST_SCENE_SPREAD


def test_what_a_scene_has_in_common_is_told_from_chance(fitting):
    assert fitting.calibration(*worlds(0.3))["scene_spread"] == pytest.approx(0.3, abs=0.06)


def test_a_scene_is_counted_as_the_census_does(fitting):
    """Believed finds at one place and one alone, doubted ones near and far; ponds too small, alone and gone."""
    at = np.array([[0, 0], [50, 0], [5000, 0], [5050, 0], [9000, 0]], float)
    found = gpd.GeoDataFrame(
        {"x": at[:, 0], "y": at[:, 1], "confidence": [0.9, 0.8, 0.6, 0.2, 0.2], "area_m2": 250.0},
        geometry=[Point(*one).buffer(9) for one in at],
    )
    true = gpd.GeoDataFrame(
        {
            "status": ["present", "present", "present", "present", "gone"],
            "site_id": ["a", "a", "a", "b", "c"],
            "diameter_m": [14.0, 15.0, 9.0, 20.0, 20.0],
        },
        geometry=[Point(0, 0), Point(50, 0), Point(100, 0), Point(5000, 0), Point(9000, 0)],
    )
    told = fitting.counted_in(found, true, 10.0, 1.21)
    assert told.probability.tolist() == [0.9, 0.8, 0.6, 0.2]
    assert sorted(map(tuple, told.sites)) == [(0.0, 1.0), (1.0, 0.0)]
    assert (told.n_ponds, told.n_sites) == (3, 1)
