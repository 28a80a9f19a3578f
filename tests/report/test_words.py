from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pondscan.report import words


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [
        (12341.0, 823.4, "12,340 ± 820"),
        (12341.0, 8.234, "12,341.0 ± 8.2"),
        (0.4567, 0.0321, "0.457 ± 0.032"),
        (5.0, 99.0, "5 ± 99"),
        (1234.0, 99.96, "1,234 ± 100"),
        (0.0, 0.0, "0"),
        (1234.5, 0.0, "1,230"),
        (1234.5, None, "1,230"),
        (None, 3.0, "–"),
        (float("nan"), 3.0, "–"),
    ],
)
def test_plus_minus_is_rounded_to_what_the_error_says(value: float | None, half: float | None, text: str) -> None:
    assert words.plus_minus(value, half) == text


@given(st.floats(1e-3, 1e9), st.floats(1e-3, 1e8))
def test_rounding_stays_within_a_twentieth_of_the_error(value: float, half: float) -> None:
    shown_value, shown_half = (float(part.replace(",", "")) for part in words.plus_minus(value, half).split(" ± "))
    assert abs(shown_value - value) <= 0.0501 * half
    assert abs(shown_half - half) <= 0.0501 * half


@pytest.mark.parametrize(
    ("area_m2", "text"),
    [
        (0.0, "0 m²"),
        (113.1, "113 m²"),
        (99_940.0, "99,900 m²"),
        (306_170.0, "30.6 ha"),
        (5_432_100.0, "543 ha"),
        (730e6, "730 km²"),
        (1234e6, "1,230 km²"),
        (None, "–"),
    ],
)
def test_areas_come_in_the_unit_of_their_size(area_m2: float | None, text: str) -> None:
    assert words.area(area_m2) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (0.001, "< 1 %"), (0.5, "50 %"), (0.996, "> 99 %"), (1.0, "100 %"), (None, "–")],
)
def test_a_share_is_never_rounded_to_none_or_all(share: float | None, text: str) -> None:
    assert words.percent(share) == text


@pytest.mark.parametrize("nothing", [None, float("nan"), pd.NA, pd.NaT, np.nan])
def test_every_kind_of_null_is_not_known_and_no_zero(nothing: object) -> None:
    assert words.number(nothing) is None
    assert words.count(nothing) == "–"
    assert words.moment(nothing) is None
    assert words.day(nothing) == "undated"
    assert words.kind(nothing) == "–"
    assert words.sensor(nothing) == "–"


def test_times_are_utc_whatever_they_came_in() -> None:
    bangkok = timezone(timedelta(hours=7))
    assert words.minute(datetime(2024, 3, 1, 3, 30, tzinfo=bangkok)) == "2024-02-29 20:30"
    assert words.minute("2024-03-01T10:32:11") == "2024-03-01 10:32"
    assert words.moment(pd.Timestamp("2024-03-01")) == datetime(2024, 3, 1, tzinfo=UTC)


def test_intervals() -> None:
    assert words.interval(5840.3, 6719.6) == "5,840 – 6,720"
    assert words.interval(-35.0, 860.0) == "−40 – 860"
    assert words.interval(7.0, 7.0) == "7.00"
    assert words.interval(None, 7.0) == "–"
    assert words.count_interval(35, 41) == "35 – 41"


def test_nouns_agree_with_their_number() -> None:
    assert words.plural(0, "site") == "no sites"
    assert words.plural(1, "site") == "1 site"
    assert words.plural(2714, "site") == "2,714 sites"
    assert words.plural(None, "site") == "an unknown number of sites"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.sensor("sentinel-2;planetscope") == "Sentinel-2 + PlanetScope"
