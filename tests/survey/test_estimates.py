from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from pondscan.survey.estimates import MEANINGS, WRONG_SHARE, Recall, Sample, Strata, estimate
from pondscan.survey.stratified import WORST
from pondscan.survey.words import paragraph

STRATA = Strata(
    name=("mapped", "doubted", "beside", "rest"),
    is_mapped=np.array([True, False, False, False]),
    is_ground=np.array([False, False, True, True]),
    size=np.array([20, 10, 100, 1000]),
    mapped_m2=np.array([2000.0, 0, 0, 0]),
    ground_m2=11e6,
    expected_missed=np.zeros(4),
    expected_wrong=np.zeros(4),
)


def judged(n_ponds, area_m2=None, agreed_m2=None) -> Sample:
    """Ten of each stratum."""
    number = np.concatenate([np.resize(np.array(one, float), 10) for one in n_ponds])
    area = 100.0 * number if area_m2 is None else area_m2
    agreed = np.where(np.arange(40) < 10, area, 0.0) if agreed_m2 is None else agreed_m2
    return Sample(np.repeat(np.arange(4), 10), number, area, agreed, np.arange(40), np.zeros(40), np.zeros(40))


def test_the_parts_add_up():
    """Mapped 9 of 10 of 20, doubted 2 of 10 of 10, beside 1 in 10 of 100."""
    found = estimate(judged([[1] * 9 + [0], [1, 1] + [0] * 8, [1] + [0] * 9, [0]]), STRATA)
    assert found.n_mapped == 20
    value = {name: one.value for name, one in found.estimates.items()}
    assert value["n_ponds"] == pytest.approx(18 + 2 + 10)
    assert value["n_ponds_missed"] == pytest.approx(12)
    assert value["pond_area_m2"] == pytest.approx(3000)
    assert value["users_accuracy"] == pytest.approx(0.9)
    assert value["producers_accuracy"] == pytest.approx(18 / 30)
    assert value["users_accuracy_area"] == pytest.approx(1800 / 2000)
    assert value["producers_accuracy_area"] == pytest.approx(1800 / 3000)
    assert value["n_ponds_precision_recall"] == pytest.approx(value["n_ponds"])
    assert value["overall_accuracy"] == pytest.approx(1 - (3000 - 1800 + 200) / 11e6)
    assert set(value) <= set(MEANINGS)


def test_where_nothing_was_found_something_may_be():
    found = estimate(judged([[1] * 9 + [0], [0], [1] + [0] * 9, [0]]), STRATA)
    assert [one.name for one in found.unseen] == ["rest"]
    assert found.most_unseen == 300
    told = paragraph(found, ground_m2=11e6, n_judged=40, n_units=42, n_unsure=1, least_diameter_m=5.0)
    assert "'rest') there may still be up to 300 (95 %)" in told
    assert "2 of 42 units have no verdict, 1 of them because the reviewer was unsure" in told
    assert "28 (" in told


def test_an_interval_never_falls_below_what_was_seen():
    found = estimate(judged([[1], [1], [1] + [0] * 9, [1] + [0] * 9]), STRATA)
    assert found.estimates["n_ponds"].lower >= 22


def test_one_outline_over_two_ponds_counts_two_and_maps_one():
    found = estimate(judged([[2] + [1] * 9, [0], [0], [0]]), STRATA).estimates
    assert found["n_ponds"].value == pytest.approx(22)
    assert found["users_accuracy"].value == 1
    assert found["producers_accuracy"].value == pytest.approx(20 / 22)


def test_the_error_of_the_areas_is_in_the_interval():
    plain = judged([[1], [0], [0], [0]])
    common = Sample(*(getattr(plain, name) for name in plain.__slots__[:5]), 5.0 * plain.n_ponds, 0.0 * plain.n_ponds)
    assert estimate(plain, STRATA).estimates["pond_area_m2"].standard_error == 0
    assert estimate(common, STRATA).estimates["pond_area_m2"].standard_error == pytest.approx(20 * 5)
    alone = Sample(*(getattr(plain, name) for name in plain.__slots__[:5]), 0.0 * plain.n_ponds, 5.0 * plain.n_ponds)
    assert estimate(alone, STRATA).estimates["pond_area_m2"].standard_error == pytest.approx(2 * 5 * math.sqrt(10))


def test_the_count_by_detection_divides_by_the_chance():
    n = 40
    recall = Recall(np.full(n, 0.8), np.ones((n, 1)), np.array([[0.01]]), 0.0, np.ones(n, bool))
    found = estimate(judged([[1], [0], [0], [0]]), STRATA, recall=recall).estimates["n_ponds_by_detection"]
    assert found.value == pytest.approx(25)
    assert found.standard_error == pytest.approx(math.sqrt(20 * 0.2 / 0.64 + (25 * 0.1) ** 2))


def test_a_stratum_without_verdicts_is_named():
    few = judged([[1], [0], [0], [0]])
    keep = few.stratum < 3
    fewer = Sample(*(getattr(few, name)[keep] for name in few.__slots__))
    with pytest.raises(ValueError, match="of the 1000 units of 'rest' 0 were judged: judge at least 2"):
        estimate(fewer, STRATA)


def test_without_any_pond_there_is_nothing_to_share():
    found = estimate(judged([[0], [0], [0], [0]]), STRATA).estimates
    assert found["n_ponds"].value == 0
    assert math.isnan(found["producers_accuracy"].value)
    assert math.isnan(found["n_ponds_precision_recall"].value)


def test_ground_where_nothing_was_found_widens_the_interval_upwards():
    """Ten empty squares of a thousand, a pond expected in each twenty: 990 * 0.05 / (1 + 10 * 0.05) may be there."""
    sample = judged([[1], [0], [0], [0]])
    strata = replace(STRATA, expected_missed=np.array([0, 0, 0, 0.05]))
    sure, unsure = (estimate(sample, one).estimates for one in (STRATA, strata))
    assert sure["n_ponds"].upper == sure["n_ponds"].value == 20
    assert unsure["n_ponds"].lower == 20
    assert unsure["n_ponds"].upper == pytest.approx(20 + WORST * 33)
    assert unsure["n_ponds_missed"].upper == pytest.approx(WORST * 33)
    assert unsure["pond_area_m2"].upper == pytest.approx(100 * unsure["n_ponds"].upper)
    assert unsure["producers_accuracy"].lower == pytest.approx(20 / (20 + WORST * 33))


def test_a_stratum_without_a_wrong_outline_is_not_taken_for_faultless():
    sample = judged([[1], [0], [0], [0]])
    found = estimate(sample, replace(STRATA, expected_wrong=np.array([0.1, 0, 0, 0]))).estimates["users_accuracy"]
    assert found.value == found.upper == 1
    assert found.lower == pytest.approx(1 - WORST * WRONG_SHARE * (10 * 0.1 / 2) / 20)


def test_no_bound_of_the_missed_is_a_bound_of_the_share():
    """The same sample says both: producer's accuracy is mapped / (mapped + missed), and so are its ends."""
    found = estimate(judged([[1], [1, 1] + [0] * 8, [1] + [0] * 9, [0]]), STRATA).estimates
    missed, share = found["n_ponds_missed"], found["producers_accuracy"]
    assert share.value == pytest.approx(20 / (20 + missed.value))
    assert share.lower == pytest.approx(20 / (20 + missed.upper))
    assert share.upper == pytest.approx(20 / (20 + missed.lower))
