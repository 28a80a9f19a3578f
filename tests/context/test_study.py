"""Before and after an event: worked by hand, by painted series, and against simulated series without a change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from pondscan.context.records import Event
from pondscan.context.spans import span
from pondscan.context.study import event_study, matched_change
from pondscan.tables import SURVEY, TIMESERIES, names

NAN = np.nan
T_975_1 = 12.7062  # Student's t with one degree of freedom, 97.5 %


def after(n_before: int, n_after: int) -> np.ndarray:
    return np.arange(n_before + n_after) >= n_before


def test_one_look_a_side_has_the_error_of_measurement_alone():
    told = matched_change(np.array([[100.0, 60.0], [50.0, 20.0]]), after(1, 1), np.array([0.1, 0.2]))
    assert (told.before, told.after, told.change) == (150.0, 80.0, -70.0)
    half = 1.96 * np.hypot(0.1 * 150, 0.2 * 80)  # 1.96 · 21.93
    assert (told.lower, told.upper) == pytest.approx((-70 - half, -70 + half))
    assert not told.is_scatter_known


def test_the_scatter_of_looks_counts_with_its_few_degrees_of_freedom():
    # One site: 10 and 12 before (mean 11, standard error 1, one degree of freedom), 20 once after.
    told = matched_change(np.array([[10.0, 12.0, 20.0]]), after(2, 1), np.zeros(3))
    assert told.change == 9.0
    assert (told.lower, told.upper) == pytest.approx((9 - T_975_1, 9 + T_975_1), rel=1e-5)
    assert (told.n_looks_before, told.n_looks_after) == (2, 1)


def test_only_sites_seen_on_both_sides_are_compared():
    values = np.array([[10.0, NAN, 14.0], [NAN, NAN, 99.0], [5.0, 7.0, NAN], [2.0, 4.0, 1.0]])
    told = matched_change(values, after(2, 1), np.zeros(3))
    assert (told.before, told.after, told.n_sites) == (10.0 + 3.0, 14.0 + 1.0, 2)
    assert matched_change(values[1:3], after(2, 1), np.zeros(3)) is None


def test_errors_of_measurement_do_not_shrink_with_the_number_of_looks():
    values = np.full((3, 20), 100.0)
    told = matched_change(values, after(10, 10), np.full(20, 0.05))
    assert told.upper == pytest.approx(1.96 * np.hypot(15, 15))


@pytest.mark.parametrize(("n_before", "n_after", "share_seen"), [(6, 6, 0.8), (3, 3, 0.7), (10, 4, 0.5), (1, 1, 1.0)])
def test_intervals_hold_no_change_where_there_is_none(n_before, n_after, share_seen):
    rng = np.random.default_rng(7)
    held, n_looks, haze = [], n_before + n_after, 0.06
    for _ in range(400):
        ponds = rng.lognormal(7, 0.8, 30)[:, None]
        values = ponds * (1 + rng.normal(0, haze, n_looks)) * (1 + rng.normal(0, 0.1, (30, n_looks)))
        values[rng.random(values.shape) > share_seen] = NAN
        sigma = np.full(n_looks, 0.02 if n_before > 1 else np.hypot(haze, 0.1 / np.sqrt(30)))
        told = matched_change(values, after(n_before, n_after), sigma)
        held.append(told.lower <= 0 <= told.upper)
    assert 0.92 <= np.mean(held) <= 1.0


EVENT = datetime(2024, 2, 1, tzinfo=UTC)


def event(date: str = "2024-02-01", label: str = "Closed") -> Event:
    return Event(span(date), date, label, "", None, "", "", "", "")


def tables(looks: list[tuple[int, str, dict[str, tuple[float, int, float]]]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Day after the event, sensor, and area, ponds and observed fraction of each site; an area below 0 is unseen."""
    series, survey = [], []
    for day, sensor, sites in looks:
        when = EVENT + timedelta(days=day)
        for site, (area, n_ponds, observed) in sites.items():
            seen = {"area_m2": area, "n_ponds": n_ponds} if area >= 0 else {}
            row = {"site_id": site, "datetime": when, "scene_id": f"{sensor}{day}", "sensor": sensor, **seen}
            series.append(row | {"observed_fraction": observed})
        total = sum(max(area, 0.0) for area, *_ in sites.values())
        bounds = {"pond_area_m2": total, "pond_area_lower_m2": 0.9 * total, "pond_area_upper_m2": 1.1 * total}
        counts = {"n_ponds": 10, "n_ponds_lower": 9, "n_ponds_upper": 11}
        survey.append({"period": "look", "period_start": when, "period_end": when, **bounds, **counts})
    frames = pd.DataFrame(series, columns=names(TIMESERIES)), pd.DataFrame(survey, columns=names(SURVEY))
    return frames[0].assign(datetime=pd.to_datetime(frames[0]["datetime"], utc=True)), frames[1].assign(
        period_start=pd.to_datetime(frames[1]["period_start"], utc=True)
    )


def study(looks, events=None, window_days=365.0):
    series, survey = tables(looks)
    sensors = {
        str(scene): (str(scene).rstrip("-0123456789"), 3.0 if "fine" in scene else 10.0) for scene in series["scene_id"]
    }
    return event_study(events or [event()], series, survey, sensors, window_days=window_days)


def both(area: float, n_ponds: int = 5, observed: float = 1.0) -> dict[str, tuple[float, int, float]]:
    return {"S1": (area, n_ponds, observed), "S2": (2 * area, n_ponds, observed)}


def test_area_and_ponds_are_compared_at_the_sites_with_the_ground_seen():
    clouded = {"S1": (-1.0, 0, 0.0), "S2": (-1.0, 0, 0.5)}
    (told,) = study([(-100, "coarse", both(100.0)), (-50, "coarse", clouded), (10, "coarse", both(40.0, 2))])
    assert (told.sensor, told.n_sites, told.reason) == ("coarse", 2, "")
    area, ponds = told.area_m2, told.n_ponds
    assert (area.before, area.after, area.n_sites, area.n_looks_before, area.n_looks_after) == (300.0, 120.0, 2, 1, 1)
    sigma = 0.1 / 1.96  # the survey's interval is ±10 %
    assert area.upper == pytest.approx(-180 + 1.96 * sigma * np.hypot(300, 120))
    assert (ponds.before, ponds.after) == (10.0, 4.0)
    assert (told.observed_before, told.observed_after) == (pytest.approx((1 + 1 + 0 + 0.5) / 4), 1.0)
    assert told.earlier_area_m2 is None


def test_sensors_are_never_held_against_each_other():
    looks = [(-100, "coarse", both(100.0)), (-90, "fine", both(130.0)), (20, "fine", both(120.0))]
    (told,) = study(looks)
    assert (told.sensor, told.area_m2.before, told.area_m2.after) == ("fine", 390.0, 360.0)
    (told,) = study([(-100, "coarse", both(100.0)), (20, "fine", both(120.0))])
    assert told.area_m2 is None
    assert told.reason in {"no look in the 365 days before", "no look in the 365 days after"}


def test_a_clouded_site_is_neither_gone_nor_changed():
    partly = {"S1": (40.0, 2, 1.0), "S2": (10.0, 1, 0.4)}  # the second lay under cloud, its area is what was seen
    (told,) = study([(-100, "coarse", both(100.0)), (10, "coarse", partly)])
    assert (told.area_m2.before, told.area_m2.after, told.area_m2.n_sites) == (100.0, 40.0, 1)


def test_too_few_sites_are_no_comparison_and_the_reason_is_said():
    three = dict.fromkeys(("S1", "S2", "S3"), (100.0, 5, 1.0))
    one = {"S1": (50.0, 2, 1.0), "S2": (-1.0, 0, 0.0), "S3": (20.0, 1, 0.6)}
    (told,) = study([(-100, "coarse", three), (10, "coarse", one)])
    assert told.reason == "only 1 of 3 sites were seen whole by one sensor on both sides"
    (told,) = study([(-100, "coarse", three), (10, "coarse", dict.fromkeys(three, (-1.0, 0, 0.3)))])
    assert told.reason == "no site was seen whole by one sensor on both sides"
    assert told.observed_after == pytest.approx(0.3)
    assert study([])[0].reason == "there is no dated look at a site"


def test_looks_within_the_event_and_beyond_the_windows_are_not_used():
    month = event("2024-02")
    looks = [(-400, "coarse", both(1.0)), (-300, "coarse", both(100.0)), (10, "coarse", both(7.0))]
    (told,) = study([*looks, (40, "coarse", both(90.0))], [month])
    assert (told.area_m2.before, told.area_m2.after) == (300.0, 270.0)
    assert study(looks, [month])[0].reason == "no look in the 365 days after"
    assert study(looks, [month], window_days=90)[0].reason == "no look in the 90 days before"


def test_a_change_already_under_way_shows_one_window_earlier():
    looks = [(day, "coarse", both(area)) for day, area in ((-500, 100.0), (-100, 90.0), (100, 80.0))]
    (told,) = study(looks)
    assert (told.area_m2.change, told.earlier_area_m2.change) == (-30.0, -30.0)


def test_other_events_in_the_windows_are_counted():
    events = [event(), event("2024-02-01"), event("2024-12"), event("2027")]
    told = study([(-100, "coarse", both(100.0)), (100, "coarse", both(100.0))], events)
    assert [one.n_other_events for one in told] == [2, 2, 2, 0]


def test_nothing_before_and_nothing_after_is_no_change_and_no_number_is_divided_by_nothing():
    (told,) = study([(-100, "coarse", both(0.0, 0)), (100, "coarse", both(0.0, 0))])
    assert (told.area_m2.change, told.area_m2.lower, told.area_m2.upper) == (0.0, 0.0, 0.0)
