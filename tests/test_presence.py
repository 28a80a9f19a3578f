"""Whether a pond is there, from all its looks; and what is measured where no look has a sighting."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from painted_scenes import CRS, SOUTH, WEST, Disc, view

from pondscan.config import Settings
from pondscan.detect import detection
from pondscan.follow import products
from pondscan.follow.forced import is_sheet
from pondscan.follow.presence import CHANGE_DAYS, posterior
from pondscan.tables import EVIDENCE, conform


def by_enumeration(log_ratio: list[float], day: list[float]) -> list[float]:
    """Sum over every history."""
    total, there = 0.0, np.zeros(len(day))
    for history in itertools.product((0, 1), repeat=len(day)):
        weight = 0.5
        for look, state in enumerate(history):
            weight *= np.exp(log_ratio[look] * state)
            if look:
                change = (1 - np.exp(-2 * (day[look] - day[look - 1]) / CHANGE_DAYS)) / 2
                weight *= change if state != history[look - 1] else 1 - change
        total += weight
        there += weight * np.array(history)
    return (there / total).tolist()


@given(st.lists(st.tuples(st.floats(-4, 4), st.floats(0, 400)), min_size=1, max_size=6))
def test_the_posterior_is_the_sum_over_every_history(looks):
    log_ratio, day = [ratio for ratio, _ in looks], np.cumsum([step for _, step in looks])
    assert posterior(np.array([log_ratio]), day)[0].tolist() == pytest.approx(by_enumeration(log_ratio, list(day)))


def test_a_look_that_says_nothing_changes_nothing_but_by_time():
    with_it = posterior(np.array([[3.0, 0.0, -2.0]]), np.array([0.0, 50.0, 120.0]))
    without = posterior(np.array([[3.0, -2.0]]), np.array([0.0, 120.0]))
    assert with_it[0, [0, 2]].tolist() == pytest.approx(without[0].tolist())


def test_looks_without_a_time_share_one_state():
    found = posterior(np.array([[2.0, -1.0]]), np.array([np.nan, 10.0]))
    assert found[0].tolist() == pytest.approx([1 / (1 + np.exp(-1.0))] * 2)


def test_no_ponds_and_no_looks():
    assert posterior(np.empty((0, 3)), np.arange(3.0)).shape == (0, 3)
    assert posterior(np.empty((2, 0)), np.empty(0)).shape == (2, 0)


class TestDetection:
    @given(st.floats(0.3, 30), st.floats(1, 100), st.floats(0.1, 50))
    def test_larger_ponds_show_more_often(self, gsd_m, diameter_m, more_m):
        smaller, larger = detection.chance(np.array([diameter_m, diameter_m + more_m]), gsd_m)
        assert 0 <= smaller <= larger <= 1

    def test_every_look_has_the_curve_of_its_pixels(self):
        both = detection.chance(12.0, np.array([3.0, 10.0]))
        assert both.tolist() == [float(detection.chance(12.0, 3.0)), float(detection.chance(12.0, 10.0))]
        assert both[0] > both[1] > 0.2

    def test_a_pond_far_below_a_pixel_never_shows(self):
        assert float(detection.chance(1.0, 10.0)) < 0.01


def measured(x: float, y: float, area_m2: float, *, log_odds: float, ndwi: float, visible: float) -> pd.DataFrame:
    row = {"x": WEST + x, "y": SOUTH + y, "area_m2": area_m2, "area_sigma_m2": 10.0, "log_odds": log_odds}
    return conform(pd.DataFrame([row | {"ndwi_peak": ndwi, "visible": visible}]), EVIDENCE)


def with_evidence(when: str, evidence: pd.DataFrame, **marks):
    from dataclasses import replace

    return replace(view(when, **marks), evidence=evidence)


ROW = [Disc(x, 500.0, diameter=14.0) for x in (500.0, 530.0, 560.0)]
LATER = ("2024-02-01", "2024-03-01", "2024-04-01")


def status_of(*views) -> dict[float, str]:
    ponds = products.build(views, Settings()).ponds
    x = ponds.to_crs(CRS).geometry.centroid.x.round().to_numpy() - WEST
    return dict(zip(x.tolist(), ponds["status"].tolist(), strict=True))


class TestForced:
    def test_three_misses_close_a_pond_that_left_no_trace(self):
        status = status_of(view("2024-01-01", ROW), *(view(when, ROW[1:]) for when in LATER))
        assert status == {500.0: "gone", 530.0: "present", 560.0: "present"}

    def test_a_faint_trace_is_no_miss(self):
        trace = measured(501.0, 500.0, 120.0, log_odds=-2.5, ndwi=0.4, visible=0.1)
        status = status_of(view("2024-01-01", ROW), *(with_evidence(when, trace, discs=ROW[1:]) for when in LATER))
        assert status[500.0] == "present"

    @pytest.mark.parametrize(
        "trace",
        [
            measured(501.0, 500.0, 120.0, log_odds=-6.0, ndwi=0.4, visible=0.1),  # too unlikely
            measured(501.0, 500.0, 10.0, log_odds=-2.5, ndwi=0.4, visible=0.1),  # too small
            measured(515.0, 500.0, 120.0, log_odds=-2.5, ndwi=0.4, visible=0.1),  # beside it
        ],
    )
    def test_what_is_not_the_pond_does_not_keep_it(self, trace):
        status = status_of(view("2024-01-01", ROW), *(with_evidence(when, trace, discs=ROW[1:]) for when in LATER))
        assert status[500.0] == "gone"

    def test_a_black_sheet_covers_the_pond_and_is_no_water(self):
        sheet = measured(501.0, 500.0, 150.0, log_odds=np.nan, ndwi=0.02, visible=0.04)
        views = [view("2024-01-01", ROW), *(with_evidence(when, sheet, discs=ROW[1:]) for when in LATER)]
        assert status_of(*views)[500.0] == "covered"
        assert products.build(views, Settings()).timeseries["n_ponds"].tolist() == [3, 2, 2, 2]

    def test_coarse_looks_do_not_close_a_pond_under_a_sheet(self):
        sheet = measured(501.0, 500.0, 150.0, log_odds=np.nan, ndwi=0.02, visible=0.04)
        views = [view("2024-01-01", ROW), with_evidence("2024-01-10", sheet, discs=ROW[1:])]
        coarse = [view(when, ROW[1:], sensor="sentinel-2", gsd_m=10.0) for when in LATER]
        assert status_of(*views, *coarse)[500.0] == "covered"

    def test_evidence_under_cloud_is_none(self):
        import shapely

        sheet = measured(501.0, 500.0, 150.0, log_odds=np.nan, ndwi=0.02, visible=0.04)
        clouded = with_evidence("2024-02-01", sheet, discs=ROW[1:], cloud=shapely.box(480, 480, 515, 520))
        assert status_of(view("2024-01-01", ROW), clouded)[500.0] == "unobserved"

    def test_any_order_of_arrival_gives_the_same(self):
        trace = measured(501.0, 500.0, 120.0, log_odds=-2.5, ndwi=0.4, visible=0.1)
        views = [view("2024-01-01", ROW[1:]), *(with_evidence(when, trace, discs=ROW[1:]) for when in LATER)]
        views.append(view("2024-05-01", ROW))
        expected = products.build(views, Settings())
        for order in itertools.permutations(range(5)):
            again = products.build([views[i] for i in order], Settings())
            pd.testing.assert_frame_equal(again.ponds, expected.ponds)


@pytest.mark.parametrize(
    ("ndwi", "visible", "size_px", "expected"),
    [(0.02, 0.04, 4.0, True), (0.02, 0.04, 2.0, False), (-0.2, 0.03, 4.0, False), (0.4, 0.05, 4.0, False)],
)
def test_a_sheet_is_grey_dark_and_resolved(ndwi, visible, size_px, expected):
    assert is_sheet(np.array([ndwi]), np.array([visible]), np.array([size_px])).tolist() == [expected]
