from __future__ import annotations

import pandas as pd
import pytest
from report_examples import S2, scene_row, survey_row, survey_table

from pondscan.report.headline import Census, Estimate, head_of, period_name, periods

SCENES = pd.DataFrame([scene_row("a", "2024-01-01T04:00", S2, 1.0)])


def census_of(*rows: dict[str, object]) -> list[Census]:
    return periods(survey_table(list(rows)), SCENES)


def test_the_newest_year_seen_at_least_by_half_heads_the_report() -> None:
    every = census_of(
        survey_row("look", "2025-02-01T00:00", "2025-02-01T00:00", 1.0, 9.0, 1, 1),
        survey_row("year", "2023-01-01T00:00", "2023-12-31T23:59", 0.9, 1.0, 1, 1),
        survey_row("year", "2024-01-01T00:00", "2024-12-31T23:59", 0.6, 2.0, 1, 1),
        survey_row("year", "2025-01-01T00:00", "2025-12-31T23:59", 0.4, 3.0, 1, 1),
    )
    assert [period.name for period in every] == ["Year 2025", "Year 2024", "Year 2023", "Look of 2025-02-01"]
    head = head_of(every)
    assert head is not None
    assert head.name == "Year 2024"


def test_what_was_seen_best_heads_the_report_when_little_was_seen() -> None:
    every = census_of(
        survey_row("look", "2024-01-01T00:00", "2024-01-01T00:00", 0.1, 1.0, 1, 1),
        survey_row("look", "2024-02-01T00:00", "2024-02-01T00:00", 0.3, 2.0, 1, 1),
        survey_row("look", "2024-03-01T00:00", "2024-03-01T00:00", 0.0, None, 1, 1),
    )
    head = head_of(every)
    assert head is not None
    assert head.observed == 0.3
    assert head_of([]) is None


def test_zero_is_known_and_unknown_is_not_zero() -> None:
    clear, clouded = census_of(
        survey_row("look", "2024-02-01T00:00", "2024-02-01T00:00", 1.0, 0.0, 0, 0),
        survey_row("look", "2024-01-01T00:00", "2024-01-01T00:00", 0.0, None, 0, 0),
    )
    assert clear.has_nothing
    assert not clouded.has_nothing
    assert clear.pond_area.in_words == "0"
    assert clouded.pond_area.in_words == "–"


def test_even_intervals_are_plus_minus_and_lopsided_ones_are_not() -> None:
    assert Estimate(100.0, 90.0, 110.0).is_even
    assert not Estimate(100.0, 98.0, 130.0).is_even
    assert not Estimate(100.0).is_even
    row = survey_row("year", "2024-01-01T00:00", "2024-12-31T23:59", 1.0, 6280.0, 3, 1)
    (even,) = census_of(row)
    assert (even.pond_area.in_words, even.pond_area.unit.sign, even.pond_area.interval) == (
        "6,280 ± 440",
        "m²",
        "5,840 – 6,720",
    )
    (lopsided,) = census_of(row | {"pond_area_lower_m2": 6200.0, "pond_area_upper_m2": 8000.0})
    assert lopsided.pond_area.in_words == "6,280"
    assert lopsided.pond_area.interval == "6,200 – 8,000"


@pytest.mark.parametrize(
    ("period", "start", "end", "name"),
    [
        ("year", "2024-01-01T00:00", "2024-12-31T23:59", "Year 2024"),
        ("season", "2023-11-01T00:00", "2024-04-30T23:59", "Nov 2023 – Apr 2024"),
        ("season", "2024-05-01T00:00", "2024-10-31T23:59", "May – Oct 2024"),
        ("look", "2024-03-01T10:00", "2024-03-01T10:20", "Look of 2024-03-01"),
        ("look", None, None, "Undated look"),
    ],
)
def test_periods_have_names(period: str, start: str | None, end: str | None, name: str) -> None:
    assert period_name(period, start, end) == name
