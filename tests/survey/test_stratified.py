"""Worked examples of the literature, and a brute-force simulation beside them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pondscan.survey.stratified import error_matrix, most_unseen, ratio, total

HA_PER_PX = 0.09

OLOFSSON_2014 = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
"""Table 8 of Olofsson et al. 2014: deforestation, forest gain, stable forest, stable other land."""
MAPPED_2014 = [200_000, 150_000, 3_200_000, 6_450_000]

OLOFSSON_2013 = [[97, 0, 3], [3, 279, 18], [2, 1, 97]]
"""The example of Olofsson et al. 2013: deforestation, forest, other land."""
MAPPED_2013 = [22_353, 1_122_543, 610_228]

STEHMAN_STRATUM = "A" * 10 + "B" * 10 + "C" * 10 + "D" * 10
STEHMAN_MAP = "AAAAAAABBB" + "A" + "B" * 9 + "BBCCCCCCBB" + "D" * 10
STEHMAN_TRUE = "AAAAACBABC" + "ABBBBBAABB" + "CCCCCDDBBA" + "DDDDDDDCCB"
STEHMAN_SIZES = [40_000, 30_000, 20_000, 10_000]
"""Stehman 2014, Table 2: strata that are no map classes."""


def test_olofsson_2014_areas_come_out_as_printed():
    area = error_matrix(OLOFSSON_2014, MAPPED_2014).area
    assert round(area[0].value) == 235_086
    hectares = [(round(one.value * HA_PER_PX), round(one.standard_error * 1.96 * HA_PER_PX)) for one in area]
    assert hectares == [(21_158, 6_158), (11_686, 3_756), (285_770, 15_510), (581_386, 16_282)]


def test_olofsson_2014_accuracies_come_out_as_printed():
    found = error_matrix(OLOFSSON_2014, MAPPED_2014)
    assert [round(one.value, 2) for one in found.users] == [0.88, 0.73, 0.93, 0.96]
    assert [round(one.value, 2) for one in found.producers] == [0.75, 0.85, 0.93, 0.96]
    assert (round(found.overall.value, 2), round(1.96 * found.overall.standard_error, 2)) == (0.95, 0.02)


def test_olofsson_2013_area_of_deforestation_by_hand():
    """0.97 * 22353 + 0.01 * 1122543 + 0.02 * 610228 hectares, twice of what is mapped."""
    found = error_matrix(OLOFSSON_2013, MAPPED_2013)
    assert found.area[0].value == pytest.approx(45_112.4)
    parts = [22_353**2 * 0.97 * 0.03 / 99, 1_122_543**2 * 0.01 * 0.99 / 299, 610_228**2 * 0.02 * 0.98 / 99]
    assert found.area[0].standard_error == pytest.approx(math.sqrt(sum(parts)))
    assert [round(one.value, 2) for one in found.users] == [0.97, 0.93, 0.97]
    assert found.producers[0].value == pytest.approx(0.97 * 22_353 / 45_112.4)


def test_stehman_2014_strata_that_are_no_map_classes():
    stratum = [ord(one) - ord("A") for one in STEHMAN_STRATUM]
    mapped, true = np.array(list(STEHMAN_MAP)), np.array(list(STEHMAN_TRUE))
    one = np.ones(40)

    def share(y, x=one):
        found = ratio(y, x, stratum, STEHMAN_SIZES)
        return round(found.value, 3), round(found.standard_error, 3)

    assert share(true == "A") == (0.35, 0.082)
    assert share(true == "C") == (0.2, 0.064)
    assert share(true == mapped) == (0.63, 0.085)
    assert share((true == "B") & (mapped == "B"), mapped == "B") == (0.574, 0.125)
    assert share((true == "B") & (mapped == "B"), true == "B") == (0.794, 0.117)
    assert share((mapped == "B") & (true == "C"))[0] == 0.08


def test_a_total_by_hand():
    """N 10 and 4, samples (1, 3) and (0, 2, 4, 2) of all: 10 * 2 + 4 * 2; variance 100 * 0.8 * 2 / 2 and 0."""
    found = total([1, 3, 0, 2, 4, 2], [0, 0, 1, 1, 1, 1], [10, 4])
    assert found.value == 28
    assert found.standard_error == pytest.approx(math.sqrt(80))
    assert found.upper - found.value == pytest.approx(12.7062 * math.sqrt(80), rel=1e-4)  # Student's t of one degree


def test_one_unit_of_many_leaves_the_error_unknown():
    assert math.isnan(total([1, 3, 2], [0, 0, 1], [10, 4]).standard_error)


def test_one_unit_of_one_is_no_sample_and_has_no_error():
    assert total([5], [0], [1]).standard_error == 0


@pytest.mark.parametrize(
    ("sizes", "why"), [([10, 4], "stratum 1 has units"), ([1, 0], "fewer units than were sampled")]
)
def test_a_sample_that_cannot_be_is_refused(sizes, why):
    with pytest.raises(ValueError, match=why):
        total([1, 3], [0, 0], sizes)


def test_a_map_class_needs_two_units():
    with pytest.raises(ValueError, match="two sampled units"):
        error_matrix([[5, 1], [0, 1]], [100, 100])


def test_a_class_that_is_nowhere_has_no_accuracy():
    found = error_matrix([[5, 0], [0, 0]], [100, 0])
    assert math.isnan(found.producers[1].value)
    assert found.area[1].value == 0


def test_the_variance_is_that_of_drawing_again():
    rng = np.random.default_rng(4)
    truth = [rng.poisson(2.0, 60).astype(float), rng.poisson(0.3, 200).astype(float)]
    size, n = np.array([60, 200]), (20, 40)
    stratum = np.repeat([0, 1], n)
    found = [
        total(
            np.concatenate([rng.choice(one, k, replace=False) for one, k in zip(truth, n, strict=True)]), stratum, size
        )
        for _ in range(4000)
    ]
    values = np.array([one.value for one in found])
    assert values.mean() == pytest.approx(sum(one.sum() for one in truth), rel=0.01)
    assert values.var() == pytest.approx(np.mean([one.standard_error**2 for one in found]), rel=0.06)


@given(st.lists(st.integers(0, 9), min_size=2, max_size=30), st.floats(1, 50))
def test_a_share_does_not_depend_on_the_unit_of_its_parts(values, unit):
    stratum, size, one = [0] * len(values), [100], np.ones(len(values))
    plain, scaled = ratio(values, one, stratum, size), ratio(np.array(values) * unit, one * unit, stratum, size)
    assert plain.value == pytest.approx(scaled.value)
    assert plain.standard_error == pytest.approx(scaled.standard_error, abs=1e-9)


def test_none_seen_is_not_none():
    assert most_unseen(300, 10_000) == 100
    assert most_unseen(4, 5) == 1
    assert most_unseen(0, 50) == 50
