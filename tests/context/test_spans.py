"""Dates as people write them: what is not known more nearly than to the month is the whole month."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pondscan.context.spans import span


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end", "length"),
    [
        ("2024", "2024-01-01", "2025-01-01", "year"),
        ("2024-12", "2024-12-01", "2025-01-01", "month"),
        ("2024-02-29", "2024-02-29", "2024-03-01", "day"),
        ("2025-01/2025-05", "2025-01-01", "2025-06-01", "5 months"),
        ("2024-10-18/2024-10-19", "2024-10-18", "2024-10-20", "2 days"),
        ("2017 / 2018", "2017-01-01", "2019-01-01", "2 years"),
        ("2024/2024-03", "2024-01-01", "2025-01-01", "year"),
    ],
)
def test_both_ends_are_included(text, start, end, length):
    read = span(text)
    assert (read.start, read.end, read.length) == (at(start), at(end), length)


@pytest.mark.parametrize(
    "text", ["", "24", "2024-13", "2023-02-29", "2024-1", "Oct 2024", "2024-10-18T04:00", "0000", "2024/"]
)
def test_what_is_no_date_is_refused_with_what_is_allowed(text):
    with pytest.raises(ValueError, match="write YYYY, YYYY-MM or YYYY-MM-DD"):
        span(text)


def test_an_end_before_the_start_is_refused():
    with pytest.raises(ValueError, match="2024-09 is before 2024-10: give the earlier one first"):
        span("2024-10/2024-09")


@given(st.dates(min_value=datetime(1900, 1, 1).date(), max_value=datetime(2200, 1, 1).date()))  # noqa: DTZ001
def test_a_day_lies_in_its_month_and_its_month_in_its_year(day):
    text = day.isoformat()
    year, month, date = span(text[:4]), span(text[:7]), span(text)
    assert year.start <= month.start <= date.start < date.end <= month.end <= year.end


def test_a_span_meets_what_touches_any_of_it():
    october = span("2024-10")
    assert october.overlaps(at("2024-10-31"), at("2025-01-01"))
    assert not october.overlaps(at("2024-11-01"), at("2025-01-01"))
    assert october.middle == datetime(2024, 10, 16, 12, tzinfo=UTC)
