"""Events and series from elsewhere in the report: numbered, drawn apart, beside the survey in time."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_examples import EVENTS, SERIES, STUDY, example, nothing_found, survey_row, survey_table, time, value

from pondscan.context.sources import Context
from pondscan.report import render, words
from pondscan.report.figures import area_over_time, chart_ticks
from pondscan.report.headline import periods
from pondscan.report.looks import Look
from pondscan.report.outside import MOST_PANELS, beside, groups_within, numbered, outside_of
from pondscan.report.overlays import DIGIT, GAP, effects_panel, labels, room_beside, series_panel

SPAN = (time("2023-01-01"), time("2025-12-31"))


@given(st.lists(st.tuples(st.floats(40, 420), st.integers(1, 99)), max_size=60))
def test_names_of_marks_never_touch_and_stay_on_the_chart(places: list[tuple[float, int]]) -> None:
    drawn = labels(places, 36.0, 430.0)
    for one, other in pairwise(drawn):
        assert one.x + len(one.text) * DIGIT / 2 + GAP <= other.x - len(other.text) * DIGIT / 2 + 1e-6
    assert all(one.x - one.half + 1e-6 >= 36 and one.x + one.half <= 430 + 1e-6 for one in drawn)


def test_marks_too_close_to_be_named_apart_share_a_name() -> None:
    drawn = labels([(100.0, 1), (104.0, 2), (108.0, 3), (300.0, 4)], 0.0, 400.0)
    assert [(one.x, one.text) for one in drawn] == [(104.0, "1–3"), (300.0, "4")]


def test_what_is_known_to_the_month_is_a_line_and_to_the_year_a_band() -> None:
    look = Look(time("2024-05-01"), "sentinel-2", 5000.0, 4500.0, 5500.0, 1.0)
    svg = area_over_time("chart", [look], SPAN, events=numbered(EVENTS[1:]))
    root = ET.fromstring(svg)  # noqa: S314 (own output)
    titles = [title.text for title in root.iter("title")]
    assert titles == ["1: 2024, A year", "2: 2024-10, <taken> & kept", "3: 2025-02-14, Taken"]
    assert svg.count('class="event"') == 2
    assert len([rect for rect in root.iter("rect") if rect.attrib.get("fill-opacity") == "0.07"]) == 1


def test_without_events_a_chart_is_as_it_was() -> None:
    look = Look(time("2024-05-01"), "sentinel-2", 5000.0, 4500.0, 5500.0, 1.0)
    assert area_over_time("chart", [look], SPAN) == area_over_time("chart", [look], SPAN, events=())
    assert "event" not in area_over_time("chart", [look], SPAN)


def test_values_share_an_axis_only_in_one_unit_and_over_periods_of_one_length() -> None:
    groups = groups_within(SERIES, *SPAN)
    assert [(group.title, len(group.values)) for group in groups] == [
        ("imports, t, by month", 3),
        ("imports, t, by year", 2),
    ]
    assert groups_within([value("2024-10", 3, unit="USD")], *SPAN) == []  # one date is no series
    assert groups_within(SERIES, time("2030-01-01"), time("2031-01-01")) == []


def test_a_line_joins_neighbouring_periods_alone() -> None:
    (by_month, by_year) = groups_within(SERIES, *SPAN)
    ticks = chart_ticks(SPAN, (432.0, 223.0))
    svg = series_panel("one", by_month, SPAN, ticks, left=40.0, is_last=True)
    (joined,) = re.findall(r'<path d="([^"]+)" stroke="[^"]+" stroke-opacity="0.5"', svg)
    assert joined.count("L") == 1  # September to October; nothing is known of November
    assert "2024-09: 700 t; oxides; customs" in svg
    assert "2024" not in re.findall(
        r"<text[^>]*>([^<]*)</text>", series_panel("a", by_year, SPAN, ticks, left=40.0, is_last=False)
    )


def test_panels_share_the_time_axis_of_the_chart_above() -> None:
    known = outside_of(Context(EVENTS, SERIES), STUDY, [], SPAN)
    groups, left = known.groups, room_beside(known)
    look = Look(time("2024-05-01"), "sentinel-2", 5e6, 4e6, 6e6, 1.0)
    charts = [area_over_time("chart", [look], SPAN, least_left=left)]
    charts += [
        series_panel(f"p{number}", group, SPAN, chart_ticks(SPAN, (432.0, 223.0)), left=left, is_last=False)
        for number, group in enumerate(groups)
    ]
    ticks = chart_ticks(SPAN, (432.0, 223.0))
    charts.append(effects_panel("e", known.effects, SPAN, ticks, title="Change", left=left, is_last=False))
    edges = {re.findall(r'<path d="M([\d.]+) [\d.]+H([\d.]+)M', svg)[0] for svg in charts}
    assert len(edges) == 1


def test_falling_numbers_hang_below_zero() -> None:
    (group,) = groups_within([value("2024-10", -40, unit="%"), value("2024-11", -78, unit="%")], *SPAN)
    svg = series_panel("one", group, SPAN, [], left=40.0, is_last=True)
    assert {"0", "−50"} <= set(re.findall(r"<text[^>]*>([^<]*)</text>", svg))


def test_events_and_values_stand_beside_the_periods_they_fall_into() -> None:
    rows = [
        survey_row("year", "2024-01-01", "2024-12-31T23:59:59", 0.9, 5000.0, 9, 2),
        survey_row("season", "2024-11-01", "2025-04-30T23:59:59", 0.9, 4000.0, 9, 2),
        survey_row("look", "2024-12-01", "2024-12-01", 0.9, 4000.0, 9, 2),
    ]
    report = example(survey=survey_table(rows))
    season, year = sorted(
        beside(periods(report.survey, report.scenes), numbered(EVENTS), SERIES), key=lambda row: row.name
    )
    assert (year.name, [one.number for one in year.events]) == ("Year 2024", [2, 3])
    assert [one.value for one in year.values] == [700, 650, 300, 41_700]
    assert [one.number for one in season.events] == [2, 4]  # the year-long one may have happened in it
    assert [one.value for one in season.values] == [300]  # a year's sum is not the season's


def test_only_as_many_series_are_drawn_as_there_is_room_for() -> None:
    many = tuple(value(month, 1.0, series=f"s{n}") for n in range(9) for month in ("2024-10", "2024-11"))
    known = outside_of(Context((), many), (), [], SPAN)
    assert (len(known.groups), known.n_groups_left) == (MOST_PANELS, 9 - MOST_PANELS)


def test_the_page_lists_events_and_values_and_escapes_them() -> None:
    html = render(replace(example(), context=Context(EVENTS, SERIES)))
    assert "&lt;taken&gt; &amp; kept" in html
    assert "<taken>" not in html
    assert "4 events in order of date; 2 of them fall into the time of the chart." in html
    assert "5 values of series, with unit, definition and source" in html
    assert 'aria-label="imports, t, by month; the numbers are in the table of series"' in html
    assert "does not say that one causes the other" in html


@pytest.mark.parametrize("make", [example, nothing_found])
def test_a_page_without_context_says_nothing_of_it(make) -> None:
    html = render(make())
    assert 'id="outside"' not in html
    assert "event" not in re.sub(r"<(script|style).*?</\1>", "", html, flags=re.DOTALL)


def test_a_single_look_makes_no_chart_and_still_lists_events() -> None:
    html = render(replace(nothing_found(), context=Context(EVENTS, SERIES)))
    assert "4 events in order of date." in html
    assert "Below, series from elsewhere" not in html


def test_changes_around_events_are_told_with_interval_ground_and_what_was_compared() -> None:
    html = render(replace(example(), context=Context(EVENTS, SERIES), study=STUDY))
    text = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    assert "5,000 → 3,500 −1,500 −2,700 … −300 – 9.0 → 6.5 −2.5 −5.0 … 0.0 84 %, 60 % 2 of 3 sites" in text
    assert "Sentinel-2, 4 and 1 looks: a single look shows no scatter" in text
    assert "Not compared: 1–2 (no look in the 365 days before); 4 (no look in the 365 days after)." in text
    assert "association in time" in text
    assert not re.search(
        r"(caused|due to|because of|led to|effect of)", text.partition("Before and after each event")[2][:3000]
    )
    assert html.count('class="effect"') == 1


def test_runs_of_numbers_are_drawn_together() -> None:
    assert words.runs([1, 2, 3, 7, 9, 10]) == "1–3, 7, 9–10"
    assert (words.signed(-0.04, 0.1), words.signed(-1234.5), words.signed(None)) == ("0.0", "−1,234", "–")
