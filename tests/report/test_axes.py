from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pondscan.report.axes import Plot, number_ticks, time_ticks


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def labels(start: str, end: str, most: int) -> list[tuple[str, str]]:
    return [(tick.label, tick.under) for tick in time_ticks(at(start), at(end), most)]


@given(st.floats(1e-3, 1e9), st.integers(1, 9))
@settings(deadline=None)
def test_ticks_of_numbers_go_from_zero_up_to_the_top(top: float, most: int) -> None:
    ticks = number_ticks(top, most)
    assert ticks[0].at == 0
    assert len(ticks) <= most + 1
    assert ticks[-1].at <= top * (1 + 1e-9)
    assert ticks[-1].at + ticks[1].at > top * (1 - 1e-6) if len(ticks) > 1 else most == 1


def test_counts_are_ticked_at_whole_numbers() -> None:
    assert [tick.label for tick in number_ticks(2.2, 4, is_whole=True)] == ["0", "1", "2"]
    assert [tick.label for tick in number_ticks(10, 4, is_whole=True)] == ["0", "3", "6", "9"]
    assert [tick.label for tick in number_ticks(4400, 4, is_whole=True)] == ["0", "2,000", "4,000"]


def test_times_are_ticked_at_days_months_or_years() -> None:
    assert labels("2023-12-25", "2024-01-12", 4) == [
        ("26 Dec", "2023"),
        ("1 Jan", "2024"),
        ("6 Jan", ""),
        ("11 Jan", ""),
    ]
    assert labels("2022-11-10", "2023-05-20", 4) == [("Jan", "2023"), ("Mar", ""), ("May", "")]
    assert labels("2022-09-10", "2023-05-20", 3) == [("Oct", "2022"), ("Jan", "2023"), ("Apr", "")]
    assert labels("2016-02-01", "2023-05-20", 5) == [("2018", ""), ("2020", ""), ("2022", "")]


@given(st.integers(0, 30_000), st.integers(8, 20_000), st.integers(3, 8))
@settings(deadline=None)
def test_there_are_some_ticks_of_time_and_not_too_many(start_day: int, n_days: int, most: int) -> None:
    first = at("1972-01-01") + timedelta(days=start_day)
    last = first + timedelta(days=n_days)
    ticks = time_ticks(first, last, most)
    assert 1 <= len(ticks) <= most
    assert all(first.timestamp() <= tick.at <= last.timestamp() for tick in ticks)
    assert len({(tick.label, tick.under) for tick in ticks}) == len(ticks) or any(tick.under for tick in ticks[1:])


def test_values_lie_between_the_edges() -> None:
    plot = Plot("p", (200.0, 100.0), (10.0, 20.0), 5.0, [], number_ticks(5, 4), "m")
    assert (plot.x(10), plot.x(20)) == (plot.left, plot.right)
    assert (plot.y(0), plot.y(5)) == (plot.bottom, plot.top)
    assert plot.x(15) == pytest.approx((plot.left + plot.right) / 2)
