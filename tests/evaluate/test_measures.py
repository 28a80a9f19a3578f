"""Each measure on rows whose answer is computed by hand."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from pondscan.evaluate import Score, count_error, detection, detection_curve, measures
from pondscan.evaluate.area import pair_error
from pondscan.evaluate.calibration import calibration
from pondscan.evaluate.sizes import SIZES_M, SIZES_PX, size_class, size_name


def rows(outcome: list[str], **columns: object) -> pd.DataFrame:
    """Rows of a score's table, of 3 m pixels."""
    known = {"scene": "a", "sensor": "planetscope", "gsd_m": 3.0, "kind": "dark", "diameter_m": 10.0, "area_m2": 80.0}
    partner = {"found_area_m2": 80.0, "found_sigma_m2": 8.0, "found_confidence": 0.9, "offset_px": 0.2}
    other = {
        "hoover": "",
        "is_area_known": True,
        "reason": "",
        "confidence": 0.9,
        "is_pond": np.nan,
        "pond_equivalents": 1.0,
    }
    return pd.DataFrame({"outcome": outcome} | known | partner | other | columns, index=range(len(outcome)))


def of(true: pd.DataFrame, found: pd.DataFrame) -> Score:
    no_sites = pd.DataFrame({"scene": [], "sensor": [], "n_ponds": [], "outcome": []})
    return Score(found, true, no_sites, no_sites, 0.5)


def test_detection_counts_pairs_false_and_missed():
    score = of(rows(["hit", "hit", "missed", "neutral"]), rows(["hit", "hit", "false", "neutral", "low confidence"]))
    told = detection(score.counted_true, score.counted_found)
    assert (told.n_true, told.n_found, told.n_hits) == (3, 3, 2)
    assert told.precision.value == told.recall.value == told.f1.value == pytest.approx(2 / 3)


def test_sizes_go_by_ones_own_diameter():
    """True: 6 m found, 11 m missed. Found: the first at 9 m, and a false one at 11 m."""
    score = of(rows(["hit", "missed"], diameter_m=[6.0, 11.0]), rows(["hit", "false"], diameter_m=[9.0, 11.0]))
    told = measures(score)
    assert list(told.by_diameter_m) == ["0-8", "8-12"]
    assert told.by_diameter_m["0-8"].recall.value == 1.0
    assert told.by_diameter_m["0-8"].precision.value is None
    assert told.by_diameter_m["8-12"].precision.value == 0.5
    assert told.by_diameter_m["8-12"].f1.value == 0.0
    assert list(told.by_diameter_px) == ["2-3", "3-5"]  # 6 m are 2 pixels


def test_size_classes_hold_their_lower_edge():
    assert size_class(np.array([0.99, 1.0, 12.0, np.nan]), SIZES_PX).tolist() == [0, 1, 6, -1]
    assert (size_name(SIZES_M, 0), size_name(SIZES_M, 5), size_name(SIZES_PX, 1)) == ("0-8", "40+", "1-1.5")


def test_counts_of_all_sizes_and_above_a_diameter():
    score = of(
        rows(["hit", "missed", "hit", "missed", "neutral"], diameter_m=[4.0, 4.0, 9.0, 12.0, 30.0]),
        rows(["hit", "hit", "false", "rejected"], diameter_m=[5.0, 9.5, 20.0, 30.0], pond_equivalents=[1, 2, 4, 8]),
    )
    everything, large = measures(score, detection_diameter_m=9.0).count_errors
    assert (everything.n_true, everything.n_found, everything.error) == (4, 3, -0.25)
    assert everything.n_pond_equivalents == 7
    assert (large.n_true, large.n_found, large.error) == (2, 2, 0.0)
    assert count_error(score, from_diameter_px=4.0).n_true == 1  # 12 m and more
    assert measures(score).count_errors[1].from_diameter_px == 1.5


def test_without_a_pixel_size_nothing_is_said_in_pixels():
    told = measures(of(rows(["hit"], gsd_m=np.nan, offset_px=np.nan), rows(["hit"], gsd_m=np.nan)))
    assert told.by_diameter_px == {}
    assert told.offset_px is None
    assert len(told.count_errors) == 1


def test_areas_of_pairs_by_hand():
    """Errors 10, 20, 30, 40 of 100 with sigmas 15, 15, 45, 45: within 1, no, 1, 1."""
    pairs = rows(["hit"] * 4, area_m2=100.0, found_area_m2=[110.0, 80.0, 130.0, 60.0], found_sigma_m2=[15, 15, 45, 45])
    told = pair_error(pairs)
    assert told.bias == pytest.approx(-0.05)
    assert told.median_absolute_error == pytest.approx(0.25)
    assert told.within_one_sigma.value == 0.75
    # 68.27 % quantile of 0.1 0.2 0.3 0.4 lies at rank 2.0481: 0.30481; median sigma 0.30
    assert told.sigma_over_error == pytest.approx(0.30 / 0.30481, abs=1e-4)


def test_a_pair_without_sigma_says_nothing_of_sigma():
    told = pair_error(rows(["hit", "hit"], found_area_m2=[90.0, 70.0], found_sigma_m2=[np.nan, 20.0]))
    assert (told.n_pairs, told.within_one_sigma.value) == (2, 1.0)
    assert pair_error(rows(["hit"], found_sigma_m2=np.nan)).sigma_over_error is None
    assert pair_error(rows([])).bias is None


def test_total_area_counts_the_missed_and_the_false():
    score = of(
        rows(["hit", "missed", "neutral"], area_m2=[100.0, 60.0, 500.0], found_area_m2=[90.0, np.nan, np.nan]),
        rows(["hit", "false", "neutral"], area_m2=[90.0, 50.0, 400.0]),
    )
    area = measures(score).area
    assert (area.true_m2, area.found_m2, area.bias) == (160.0, 140.0, -0.125)
    assert area.pairs.bias == pytest.approx(-0.1)


def test_honest_sigmas_are_called_honest():
    rng = np.random.default_rng(7)
    true_m2 = rng.uniform(50, 500, 4000)
    sigma = 0.1 * true_m2
    told = pair_error(
        rows(["hit"] * 4000, area_m2=true_m2, found_area_m2=rng.normal(true_m2, sigma), found_sigma_m2=sigma)
    )
    assert told.within_one_sigma.value == pytest.approx(0.683, abs=0.02)
    assert told.sigma_over_error == pytest.approx(1.0, abs=0.04)


def test_brier_and_calibration_error_by_hand():
    """20 of confidence 0.4 with 10 ponds, 20 of 0.9 with 20: gaps 0.1 and 0.1."""
    found = rows(["hit"] * 40, confidence=[0.4] * 20 + [0.9] * 20, is_pond=[0.0, 1.0] * 10 + [1.0] * 20)
    told = calibration(of(rows([]), found))
    assert (told.n, told.n_ponds) == (40, 30)
    assert told.brier == pytest.approx((10 * 0.16 + 10 * 0.36 + 20 * 0.01) / 40)
    assert told.expected_calibration_error == pytest.approx(0.1)
    assert [(one.n, one.share.value) for one in told.bins] == [(20, 0.5), (20, 1.0)]


def test_objects_that_count_neither_way_are_not_calibrated():
    told = calibration(of(rows([]), rows(["hit", "neutral"], is_pond=[1.0, np.nan])))
    assert told.n == 1
    assert calibration(of(rows([]), rows([]))).brier is None


def test_the_detection_curve_finds_the_limit_it_was_drawn_from():
    """Probability 1 / (1 + exp(-(6 ln d - 6 ln 10))): a half at 10 m, nine tenths at 10 · 9^(1/6) = 14.4 m."""
    rng = np.random.default_rng(3)
    diameter_m = rng.uniform(4, 30, 6000)
    is_hit = rng.random(6000) < 1 / (1 + (10 / diameter_m) ** 6)
    true = rows(list(np.where(is_hit, "hit", "missed")), diameter_m=diameter_m)
    curve = detection_curve(of(true, rows([])))
    assert curve.diameter(0.5) == pytest.approx(10.0, rel=0.02)
    assert curve.diameter(0.9) == pytest.approx(14.4, rel=0.03)
    assert detection_curve(of(true, rows([])), in_pixels=True).diameter(0.5) == pytest.approx(10 / 3, rel=0.02)
    assert curve.diameter(0.9999999) is None  # larger than any pond it knows


def test_no_limit_shows_where_all_are_found_or_larger_ones_are_missed():
    assert detection_curve(of(rows(["hit", "hit"]), rows([]))) is None
    upside_down = rows(["hit", "hit", "missed", "missed"], diameter_m=[5.0, 6.0, 20.0, 30.0])
    assert detection_curve(of(upside_down, rows([]))).diameter(0.5) is None


def test_measures_are_json():
    text = json.dumps(asdict(measures(of(rows([]), rows([])))), allow_nan=False)
    assert json.loads(text)["overall"]["f1"]["value"] is None
