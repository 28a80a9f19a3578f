from __future__ import annotations

import math

import numpy as np
import pytest

from pondscan.survey.counts import added, calibrated, chapman, corrected, horvitz_thompson, log_normal
from pondscan.survey.stratified import Estimate


def share(n_hits: int, n: int) -> Estimate:
    value = n_hits / n
    error = math.sqrt(value * (1 - value) / n)
    return Estimate(value, error, value - 0.1, min(value + 0.1, 1.0))


NOTHING = Estimate(math.nan, math.nan, math.nan, math.nan)


def test_precision_and_recall_by_hand():
    found = corrected(1000, precision=share(90, 100), recall=share(40, 50))
    assert found.value == pytest.approx(1125)
    assert found.standard_error == pytest.approx(1125 * math.sqrt(0.1 / 90 + 0.2 / 40))
    down = math.hypot(math.log(0.9 / 0.8), math.log(0.9 / 0.8))
    up = math.hypot(math.log(1.0 / 0.9), math.log(0.8 / 0.7))
    assert (found.lower, found.upper) == pytest.approx((1125 * math.exp(-down), 1125 * math.exp(up)))


def test_nothing_checked_says_nothing():
    assert math.isnan(corrected(10, precision=NOTHING, recall=share(1, 2)).value)
    assert math.isnan(corrected(10, precision=share(1, 2), recall=NOTHING).value)
    assert math.isnan(corrected(10, precision=share(1, 2), recall=share(0, 2)).value)
    assert corrected(10, precision=share(0, 5), recall=share(1, 2)).value == 0


def test_chapman_by_hand():
    """61 * 51 / 41 - 1, and 61 * 51 * 20 * 10 / (41² * 42)."""
    found = chapman(60, 50, 40)
    assert found.value == pytest.approx(74.878, abs=1e-3)
    assert found.standard_error**2 == pytest.approx(622_200 / (1681 * 42))
    assert 70 < found.lower < found.value < found.upper
    assert chapman(50, 60, 40) == found


def test_two_who_agree_leave_nothing_unseen():
    found = chapman(30, 30, 30)
    assert (found.value, found.standard_error, found.lower, found.upper) == (30, 0, 30, 30)


def test_two_who_share_nothing_bound_little():
    found = chapman(5, 5, 0)
    assert found.value == 35
    assert found.lower > 10
    assert found.upper > 80


def test_horvitz_thompson_by_hand():
    """2 + 4 + 1; variance 0.5 / 0.25 + 0.75 / 0.0625 + 0."""
    found = horvitz_thompson([0.5, 0.25, 1.0])
    assert found.value == 7
    assert found.standard_error**2 == pytest.approx(2 + 12)
    assert found.lower == 3
    assert found.upper > 7 + 1.96 * math.sqrt(14)


def test_doubt_lowers_the_total_and_widens_it():
    sure, doubted = horvitz_thompson([0.5] * 10), horvitz_thompson([0.5] * 10, probability=[0.5] * 10)
    assert doubted.value == sure.value / 2
    assert doubted.standard_error / doubted.value > sure.standard_error / sure.value


def test_what_a_curve_does_not_know_is_common_to_all():
    """ln p known to 0.1: the total is known to a tenth, however many there are."""
    found = horvitz_thompson([1.0] * 400, gradient=np.ones((400, 1)), covariance=[[0.01]])
    assert found.standard_error == pytest.approx(40)


def test_what_a_site_has_in_common_does_not_average_out():
    alone = horvitz_thompson([0.5] * 40, site_spread=0.5)
    together = horvitz_thompson([0.5] * 40, site=[0] * 40, site_spread=0.5)
    assert alone.standard_error**2 == pytest.approx(80 + 0.25 * 40)
    assert together.standard_error**2 == pytest.approx(80 + 0.25 * 40**2)


def test_areas_count_by_size():
    assert horvitz_thompson([0.5, 1.0], amount=[100.0, 300.0]).value == 500


def test_nothing_found_is_nothing_known_of():
    found = horvitz_thompson(np.zeros(0))
    assert (found.value, found.lower, found.upper) == (0, 0, 0)


def test_what_finds_stand_for_by_hand():
    """Two finds that stand for 2 and one half each: 2.5, its variance 3 * 2.5 + (0.1 * 2.5)² + 2.5² * 0.04."""
    design = [[1.0, 0.0], [0.0, 1.0]]
    values, covariance = [math.log(2.0), math.log(0.5)], np.full((2, 2), 0.04)
    found = calibrated(design, values, covariance=covariance, chance_variance=3.0, scene_spread=0.1)
    assert found.value == pytest.approx(2.5)
    assert found.standard_error**2 == pytest.approx(7.5 + 0.0625 + 0.25)
    half = calibrated(
        design, values, covariance=covariance, chance_variance=3.0, scene_spread=0.1, probability=[0.5, 1]
    )
    assert half.value == pytest.approx(1.5)


def test_arms_of_a_sum_add_in_quadrature():
    found = added([Estimate(10, 3, 7, 14), Estimate(5, 4, 1, 8)])
    assert (found.value, found.standard_error, found.lower, found.upper) == (15, 5, 10, 20)


@pytest.mark.parametrize("error", [1.0, 30.0, 300.0])
def test_a_log_normal_interval_stays_above_zero(error):
    found = log_normal(100.0, error)
    assert 0 < found.lower < 100 < found.upper
