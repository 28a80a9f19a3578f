"""Counts corrected for the measured chance to be missed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pondscan.detect import detection
from pondscan.follow.corrected import corrected, likely_diameters


def sightings(diameter_m, gsd_m=3.0, real=1.0, look=0, sigma=0.0, place=0) -> pd.DataFrame:
    area = np.pi / 4 * np.asarray(diameter_m, float) ** 2
    said = {"look": look, "place": place, "real": real, "confidence": real, "area_m2": area}
    return pd.DataFrame({**said, "area_sigma_m2": sigma * area, "gsd_m": gsd_m})


def test_every_sighting_stands_for_all_of_its_size():
    found = corrected(sightings([6.0] * 50))
    chance = float(detection.chance(6.0, 3.0, "counted"))
    assert 0.6 < chance < 0.95
    assert found["n_ponds_corrected"] == pytest.approx(50 / chance, rel=1e-6)
    assert found["n_ponds_corrected_lower"] < 50 / chance < found["n_ponds_corrected_upper"]


def test_ponds_below_the_stated_diameter_are_left_out():
    found = corrected(sightings([4.0] * 5 + [12.0] * 5))
    assert found["corrected_from_diameter_m"] == pytest.approx(detection.diameter_of(0.5, 3.0, "counted"), abs=0.1)
    assert found["n_ponds_corrected"] == pytest.approx(5, rel=0.05)


def test_doubt_takes_ponds_off():
    assert corrected(sightings([12.0] * 10, real=0.5))["n_ponds_corrected"] == pytest.approx(5, rel=0.05)


def test_errors_of_one_scene_do_not_average_out():
    one = corrected(sightings([6.0] * 400))
    many = corrected(sightings([6.0] * 400, look=np.arange(400)))
    width = [found["n_ponds_corrected_upper"] - found["n_ponds_corrected_lower"] for found in (one, many)]
    assert width[0] > 1.2 * width[1]


def test_a_size_badly_known_is_drawn_towards_the_others():
    area = np.pi / 4 * np.array([10.0, 12.0, 14.0, 40.0]) ** 2
    sure, unsure = likely_diameters(area, 0.01 * area), likely_diameters(area, 0.6 * area)
    assert sure.mean(axis=1) == pytest.approx([10, 12, 14, 40], rel=0.01)
    assert unsure[3].mean() < 35
    assert np.ptp(unsure, axis=1).min() > np.ptp(sure, axis=1).max()


@pytest.mark.parametrize(
    "seen",
    [
        sightings([]),
        sightings([20.0] * 19, gsd_m=10.0),
        sightings([20.0] * 50, gsd_m=6.0),
        sightings([60.0] * 50, gsd_m=30.0),
    ],
    ids=["nothing seen", "few coarse sightings", "pixels between", "pixels beyond"],
)
def test_nothing_is_said_where_nothing_can_be(seen):
    assert corrected(seen) == {}


def test_coarse_sightings_stand_for_what_they_did_where_the_truth_was_known():
    found = corrected(sightings([18.0] * 30 + [14.0] * 20, gsd_m=10.0, place=np.repeat(np.arange(10), 5)))
    at_18, slope, bend = detection.stands_for("ponds").values
    size = np.log(1.4 / 1.8)
    assert found["n_ponds_corrected"] == pytest.approx(
        30 * np.exp(at_18) + 20 * np.exp(at_18 + slope * size + bend * size**2)
    )
    assert found["corrected_from_diameter_m"] == pytest.approx(10 * detection.coarse_from_px(), abs=0.1)
    assert found["n_sites_corrected"] == pytest.approx(10 * np.exp(detection.stands_for("sites").values[0]))
    assert found["n_ponds_corrected_lower"] < found["n_ponds_corrected"] < found["n_ponds_corrected_upper"]


def test_a_place_that_shows_one_pond_is_less_than_a_site():
    alone, together = (
        corrected(sightings([18.0] * 40, gsd_m=10.0, place=place))["n_sites_corrected"]
        for place in (np.arange(40), np.repeat(np.arange(20), 2))
    )
    assert alone / 40 < 0.6 * together / 20


def test_of_two_pixel_sizes_the_coarser_says_from_which_diameter():
    coarse, fine = sightings([18.0] * 30, gsd_m=10.0), sightings([18.0] * 10 + [8.0] * 10, look=1, place=1)
    found, of_coarse = corrected(pd.concat([coarse, fine])), corrected(coarse)
    assert found["corrected_from_diameter_m"] == of_coarse["corrected_from_diameter_m"] > 8
    assert found["n_ponds_corrected"] == pytest.approx(of_coarse["n_ponds_corrected"] + 10, rel=0.02)
    assert "n_sites_corrected" not in found


def test_the_gradient_is_that_of_the_curve(monkeypatch):
    known = detection.known_chance(np.array([5.0, 8.0]), np.array([3.0, 3.0]), "counted")
    table = {**detection.curves(), "counted": {k: dict(v) for k, v in detection.curves()["counted"].items()}}
    step = 1e-5
    table["counted"]["3m"]["half_px"] *= np.exp(step)
    monkeypatch.setattr(detection, "curves", lambda: table)
    moved = detection.chance(np.array([5.0, 8.0]), np.array([3.0, 3.0]), "counted")
    block = 3 * list(detection.FINEST_M).index("3m")
    assert np.log(moved / known.chance) / step == pytest.approx(known.gradient[:, block + 1], rel=1e-3)
