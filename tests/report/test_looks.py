from __future__ import annotations

from datetime import datetime

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from report_examples import PS, S2, example, scene_row, survey_row, survey_table, time

from pondscan.report.looks import Look, joined_runs, site_looks, survey_looks
from pondscan.report.palette import sensor_style
from pondscan.report.words import sensor


def look(day: int, sensor: str = S2, area: float | None = 100.0, observed: float = 1.0) -> Look:
    return Look(datetime(2024, 1, day, tzinfo=time("2024-01-01").tzinfo), sensor, area, None, None, observed)


def test_a_clouded_look_breaks_the_line() -> None:
    looks = [look(1), look(2), look(3, area=None, observed=0.0), look(4), look(5)]
    assert [[one.when.day for one in run] for run in joined_runs(looks)] == [[1, 2], [4, 5]]


def test_a_partial_look_breaks_the_line() -> None:
    looks = [look(1), look(2, observed=0.6), look(3)]
    assert joined_runs(looks) == []


def test_sensors_are_never_joined_to_each_other() -> None:
    looks = [look(1), look(2, PS), look(3), look(4, PS)]
    assert [[one.when.day for one in run] for run in joined_runs(looks)] == [[2, 4], [1, 3]]


@given(
    st.lists(
        st.tuples(st.sampled_from([S2, PS]), st.sampled_from([None, 0.0, 5.0]), st.sampled_from([0.0, 0.5, 0.9, 1.0]))
    )
)
def test_runs_hold_one_sensor_and_whole_looks_without_a_gap(rows: list[tuple[str, float | None, float]]) -> None:
    looks = [look(day, *row) for day, row in enumerate(rows[:28], start=1)]
    for run in joined_runs(looks):
        assert len({one.sensor for one in run}) == 1
        assert all(one.is_whole for one in run)
        between = [one for one in looks if one.sensor == run[0].sensor and run[0].when <= one.when <= run[-1].when]
        assert between == run


def test_unobserved_is_no_zero() -> None:
    looks = site_looks(example().timeseries, example().scenes)["S-47R-3071"]
    unseen = [one for one in looks if one.observed == 0]
    assert len(looks) == 9
    assert [one.value for one in unseen] == [None, None]
    assert [one.lower for one in unseen] == [None, None]
    assert not any(one.is_seen for one in unseen)


def test_site_intervals_are_two_sided_and_not_below_zero() -> None:
    row = {
        "site_id": "S",
        "datetime": time("2024-01-01"),
        "scene_id": "a",
        "sensor": S2,
        "area_m2": 100.0,
        "area_sigma_m2": 10.0,
        "observed_fraction": 1.0,
    }
    wide = row | {"area_sigma_m2": 90.0, "datetime": time("2024-01-02")}
    first, second = site_looks(pd.DataFrame([wide, row]), example().scenes)["S"]
    assert (first.lower, first.upper) == (100 - 1.96 * 10, 100 + 1.96 * 10)
    assert second.lower == 0.0


def test_looks_of_the_survey_know_their_sensor_and_leave_undated_ones_out() -> None:
    scenes = pd.DataFrame([
        scene_row("a", "2024-01-01T04:00", S2, 1.0),
        scene_row("b", "2024-01-02T03:00", PS, 1.0),
        scene_row("c", "2024-01-02T03:10", PS, 1.0),
    ])  # fmt: skip
    survey = survey_table([
        survey_row("look", "2024-01-02T03:00", "2024-01-02T03:10", 1.0, 50.0, 2, 1),
        survey_row("look", "2024-01-01T04:00", "2024-01-01T04:00", 0.0, None, 2, 1),
        survey_row("look", None, None, 1.0, 50.0, 2, 1),
        survey_row("year", "2024-01-01T00:00", "2024-12-31T23:59", 1.0, 50.0, 2, 1),
    ])  # fmt: skip
    looks = survey_looks(survey, scenes)
    assert [(one.sensor, one.value) for one in looks] == [(S2, None), (PS, 50.0)]


def test_unnamed_sensors_are_told_apart_by_their_pixels() -> None:
    scenes = pd.DataFrame([
        scene_row("a", "2024-01-01T03:36", "generic", 1.0, gsd_m=3.0),
        scene_row("b", "2024-01-01T04:12", "generic", 1.0, gsd_m=10.0),
    ])  # fmt: skip
    survey = survey_table([
        survey_row("look", "2024-01-01T03:36", "2024-01-01T03:36", 1.0, 50.0, 2, 1),
        survey_row("look", "2024-01-01T04:12", "2024-01-01T04:12", 1.0, 40.0, 2, 1),
    ])  # fmt: skip
    looks = survey_looks(survey, scenes)
    assert [one.sensor for one in looks] == ["generic@3", "generic@10"]
    assert joined_runs(looks) == []
    assert [sensor(one.sensor) for one in looks] == ["unnamed sensor (3 m)", "unnamed sensor (10 m)"]
    assert sensor_style("generic@3") != sensor_style("generic@10")
