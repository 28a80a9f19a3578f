"""What counts, what counts neither way, and why ponds are missed; scores pooled."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pondscan.evaluate import Score, measures, pool, score

CRS = "EPSG:32647"


def ponds(*rows: dict, x0: float = 500_000.0) -> gpd.GeoDataFrame:
    """Squares of 10 m with their lower left corner at ``at`` (metres east), and whatever else is said of them."""
    table = pd.DataFrame([{key: value for key, value in row.items() if key != "at"} for row in rows])
    geometry = [shapely.box(x0 + row["at"], 0, x0 + row["at"] + 10, 10) for row in rows]
    return gpd.GeoDataFrame(table, geometry=geometry, crs=CRS)


def outcomes(found: gpd.GeoDataFrame, true: gpd.GeoDataFrame, **numbers) -> tuple[list[str], list[str]]:
    result = score(found, true, gsd_m=3.0, **numbers)
    return result.found["outcome"].tolist(), result.true["outcome"].tolist()


def test_hits_misses_and_false_ones():
    found = ponds({"at": 2, "confidence": 0.9}, {"at": 300, "confidence": 0.5}, {"at": 101, "confidence": 0.49})
    assert outcomes(found, ponds({"at": 0}, {"at": 100})) == (["hit", "false", "low confidence"], ["hit", "missed"])
    assert outcomes(found, ponds({"at": 0}, {"at": 100}), min_confidence=0.4)[1] == ["hit", "hit"]


@pytest.mark.parametrize(
    "said",
    [
        *({"status": status} for status in ("covered", "gone", "clouded", "other_water")),
        {"kind": "other_water", "status": "present"},
    ],
)
def test_what_counts_neither_way_is_neither_missed_nor_makes_false(said):
    """Two found objects: one is the pond, one touches it only at the rim."""
    true = ponds({"at": 0, **said}, {"at": 500, "kind": None, "status": None})
    assert outcomes(ponds({"at": 1}, {"at": -9}), true) == (["neutral", "neutral"], ["neutral", "missed"])


def test_an_object_on_both_goes_by_what_it_overlaps_most():
    """4 m over a counted pond it does not pair with, 3 m over a covered one; then 3 and 4."""
    covered = {"status": "covered"}
    assert outcomes(ponds({"at": 6}), ponds({"at": 0}, {"at": 13, **covered}))[0] == ["false"]
    assert outcomes(ponds({"at": 7}), ponds({"at": 0}, {"at": 13, **covered}))[0] == ["neutral"]


def test_why_ponds_are_missed():
    found = ponds(
        {"at": 1, "confidence": 0.2, "rejected": ""},
        {"at": 101, "confidence": 0.0, "rejected": "too dark"},
        {"at": 207, "confidence": 0.9, "rejected": None},
    )
    true = ponds({"at": 0}, {"at": 100}, {"at": 200}, {"at": 300})
    reasons = ["low confidence", "rejected: too dark", "outline elsewhere", "never a candidate"]
    assert score(found, true, gsd_m=3.0).true["reason"].tolist() == reasons
    # without rejected candidates nobody knows whether there was one
    assert score(found.iloc[[0, 2]], true, gsd_m=3.0).true["reason"].tolist()[1::2] == ["no candidate kept"] * 2


def test_a_merged_pond_says_so():
    blob = gpd.GeoDataFrame({"confidence": [0.9]}, geometry=[shapely.box(500_000, 0, 500_022, 10)], crs=CRS)
    result = score(blob, ponds({"at": 0}, {"at": 12}), gsd_m=3.0).true
    assert sorted(result["reason"]) == ["", "merged"]


def test_pairs_carry_what_was_measured():
    found = ponds({"at": 3, "area_m2": 120.0, "area_sigma_m2": 15.0, "confidence": 0.8})
    (pair,) = score(found, ponds({"at": 0, "area_m2": 100.0}), gsd_m=3.0).pairs.to_dict("records")
    told = (pair["area_m2"], pair["found_area_m2"], pair["found_sigma_m2"], pair["found_confidence"])
    assert told == (100.0, 120.0, 15.0, 0.8)
    assert pair["offset_px"] == pytest.approx(1.0)
    assert pair["diameter_m"] == pytest.approx(np.sqrt(400 / np.pi))


def test_labels_of_confidence_begin_below_what_is_believed():
    found = ponds(
        {"at": 0, "confidence": 0.35}, {"at": 100, "confidence": 0.9}, {"at": 200, "confidence": 0.2}, {"at": 300}
    )
    true = ponds({"at": 0}, {"at": 200}, {"at": 300})
    labels = score(found, true, gsd_m=3.0).found["is_pond"]
    assert labels.tolist()[:2] == [1.0, 0.0]
    assert labels.isna().tolist() == [False, False, True, True]


def test_sites_are_linked_by_the_rule_and_met_by_touch():
    """Three true sites of two, the last too small to be asked for; found: the first, a false one, and the last."""
    tiny = {"diameter_m": 2.0}
    true = ponds({"at": 0}, {"at": 150}, {"at": 1000}, {"at": 1150}, {"at": 3000, **tiny}, {"at": 3100, **tiny})
    found = ponds({"at": 2}, {"at": 140}, {"at": 2000}, {"at": 2100}, {"at": 3000}, {"at": 3100})
    result = score(found, true, gsd_m=3.0)
    assert result.true_sites["outcome"].tolist() == ["hit", "missed"]
    assert result.found_sites["outcome"].tolist() == ["hit", "false", "hit"]
    assert result.found_sites["n_ponds"].tolist() == [2, 2, 2]


def test_a_site_of_covered_ponds_counts_neither_way():
    covered = ponds({"at": 0, "status": "covered"}, {"at": 100, "status": "covered"})
    result = score(ponds({"at": 0}, {"at": 100}), covered, gsd_m=3.0)
    assert result.found_sites["outcome"].tolist() == ["neutral"]
    assert measures(result).sites.precision.value is None


def test_other_reference_systems_are_brought_together():
    true = ponds({"at": 0}).to_crs("EPSG:4326")
    assert outcomes(ponds({"at": 0}), true) == (["hit"], ["hit"])


def test_degrees_and_flat_outlines_are_refused():
    with pytest.raises(ValueError, match="does not count in metres"):
        score(ponds({"at": 0}).to_crs("EPSG:4326"), ponds({"at": 0}), gsd_m=3.0)
    flat = gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (1, 1)])], crs=CRS)
    with pytest.raises(ValueError, match="row 0 of the true ponds is an outline without area"):
        score(ponds({"at": 0}), flat, gsd_m=3.0)


def test_inputs_are_left_as_they_are():
    found, true = ponds({"at": 0, "confidence": 0.9}), ponds({"at": 0, "status": "present"})
    before = found.copy(), true.copy()
    score(found, true, gsd_m=3.0)
    assert found.equals(before[0])
    assert true.equals(before[1])


@settings(deadline=None, max_examples=40)  # the machine may be busy
@given(st.lists(st.integers(0, 60), min_size=1, max_size=20, unique=True))
def test_a_perfect_census_scores_one(places):
    true = ponds(*[{"at": 25.0 * place} for place in places])
    told = measures(score(true.assign(confidence=0.9), true, gsd_m=3.0))
    assert (told.overall.precision.value, told.overall.recall.value, told.overall.f1.value) == (1.0, 1.0, 1.0)
    assert told.area.bias == pytest.approx(0.0)
    assert told.hoover_true == {"matched": len(places)}
    assert told.count_errors[0].error == 0.0
    assert told.sites.precision.value in (None, 1.0)


def scene(number: int, found_at: list[float], true_at: list[float]) -> Score:
    found = [{"at": at, "confidence": 0.3 + 0.02 * k, "area_m2": 80.0 + k} for k, at in enumerate(found_at)]
    empty = ponds({"at": 0, "confidence": 0.5, "area_m2": 1.0}).iloc[:0]
    frames = [ponds(*rows) if rows else empty for rows in (found, [{"at": at} for at in true_at])]
    return score(*frames, gsd_m=10.0 if number % 2 else 3.0, scene=f"scene {number}", sensor=f"s{number % 2}")


places = st.lists(st.integers(0, 40).map(lambda k: 13.0 * k), max_size=12, unique=True)


@settings(deadline=None, max_examples=40)  # the machine may be busy
@given(st.lists(st.tuples(places, places), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_pooling_knows_no_order(scenes, random):
    scores = [scene(number, found, true) for number, (found, true) in enumerate(scenes)]
    shuffled = random.sample(scores, len(scores))
    one, other = measures(pool(scores)), measures(pool(shuffled))
    assert one.overall == other.overall
    assert (one.by_diameter_px, one.by_sensor, one.hoover_true) == (
        other.by_diameter_px,
        other.by_sensor,
        other.hoover_true,
    )
    assert one.area.bias == pytest.approx(other.area.bias)
    assert one.calibration.brier == pytest.approx(other.calibration.brier)
    assert one.overall.n_hits == sum(measures(part).overall.n_hits for part in scores)
    assert pool([pool(scores[:1]), *scores[1:]]).found.equals(pool(scores).found)


def test_scores_of_different_confidence_are_not_pooled():
    one = score(ponds({"at": 0}), ponds({"at": 0}), gsd_m=3.0)
    other = score(ponds({"at": 0}), ponds({"at": 0}), gsd_m=3.0, min_confidence=0.7)
    for scores in ([], [one, other]):
        with pytest.raises(ValueError, match="one least confidence"):
            pool(scores)
