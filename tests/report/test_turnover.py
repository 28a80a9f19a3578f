"""New and lost ponds by season, from brackets of looks worked by hand; a season nobody saw is a gap, not a zero."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest
from report_examples import S2, example, pond, ponds_table, scene_row, survey_row, survey_table, time

from pondscan.report import ReportInput, render
from pondscan.report.turnover import Season, turnover, turnover_chart

LOOKS = ("2022-12-01T04:00", "2023-03-01T04:00", "2023-12-15T04:00", "2024-02-01T04:00", "2024-12-01T04:00")
"""Two in one dry season, none in the wet one that follows, two in the next dry season, one a year later."""


def census(*rows: tuple[str, str | None, str, str]) -> ReportInput:
    """Ponds by first_seen, not_seen_before, last_seen (days) and the letters of their states."""
    ponds, states = [], {}
    for n, (first, before, last, letters) in enumerate(rows):
        dates = {
            "first_seen": time(first),
            "not_seen_before": time(before) if before else None,
            "last_seen": time(last),
        }
        status = "gone" if letters.endswith("g") else "present"
        ponds.append(pond(n, 447_500.0 + 99 * n, 2_837_000.0, 8.0, status=status, **dates))
        states[str(ponds[-1]["pond_id"])] = letters
    seasons = (("2022-11-01", "2023-04-30", 0.9), ("2023-11-01", "2024-04-30", 0.6), ("2024-11-01", "2025-04-30", 1.0))
    survey = [survey_row("season", s, f"{e}T23:59:59", seen, 1000.0, 5, 1) for s, e, seen in seasons]
    survey += [survey_row("look", when, when, 0.9, 1000.0, 5, 1) for when in LOOKS]
    return replace(
        example(),
        ponds=ponds_table(ponds),
        scenes=pd.DataFrame([scene_row(f"S{n}", when, S2, 0.9) for n, when in enumerate(LOOKS)]),
        survey=survey_table(survey),
        looks=tuple(f"S{n}" for n in range(len(LOOKS))),
        states=states,
    )


A, B, C, D, E = (when[:10] for when in LOOKS)
CENSUS = census(
    (A, None, E, "ppppp"),  # no look before it
    (B, A, E, "-pppp"),  # came within the first dry season
    (C, B, E, "--ppp"),  # came between two seasons
    (D, C, E, "---pp"),
    (A, None, B, "ppggg"),  # gone between two seasons
    (A, None, C, "pppgg"),  # gone within the second dry season
    (A, None, D, "ppppg"),
    (A, None, E, "pgggp"),  # came back: not lost
)


def told(season: Season) -> tuple[str, int, int, int, int, float]:
    return (
        season.name, season.n_new, season.n_new_perhaps_earlier, season.n_lost, season.n_lost_perhaps_earlier,
        season.observed,
    )  # fmt: skip


def test_ponds_count_in_the_season_their_looks_bracket():
    counted = turnover(CENSUS)
    assert [told(season) for season in counted.seasons] == [
        ("Nov 2022 – Apr 2023", 1, 0, 0, 0, 0.9),
        ("May – Oct 2023", 0, 0, 0, 0, 0.0),
        ("Nov 2023 – Apr 2024", 2, 1, 2, 1, 0.6),
        ("May – Oct 2024", 0, 0, 0, 0, 0.0),
        ("Nov 2024 – Apr 2025", 0, 0, 1, 1, 1.0),
    ]
    assert counted.n_undated == 5


def test_new_and_lost_agree_with_the_table_of_ponds():
    counted = turnover(CENSUS)
    assert sum(season.n_new for season in counted.seasons) == CENSUS.ponds["not_seen_before"].notna().sum()
    assert sum(season.n_lost for season in counted.seasons) == (CENSUS.ponds["status"] == "gone").sum()


def test_looks_of_one_season_or_without_a_date_say_nothing_of_seasons():
    assert turnover(replace(CENSUS, scenes=CENSUS.scenes.iloc[:2])) is None
    assert turnover(replace(CENSUS, scenes=CENSUS.scenes.assign(datetime=None))) is None


def test_a_season_nobody_saw_is_hatched_from_top_to_bottom():
    svg = turnover_chart("chart", turnover(CENSUS).seasons)
    heights = [float(height) for height in re.findall(r'class="hatch"[^>]* height="([\d.]+)"', svg)]
    whole = max(heights)
    assert heights == pytest.approx([0.1 * whole, whole, 0.4 * whole, whole], abs=0.1)


def test_the_page_tells_a_gap_from_a_zero():
    html = render(CENSUS)
    rows = re.findall(r"<tr><th scope=\"row\">([^<]+)</th>(<td.*?)</tr>", html.partition('id="turnover"')[2], re.DOTALL)
    text = {name: re.sub(r"<[^>]+>", " ", cells).split() for name, cells in rows[:5]}
    assert text["May – Oct 2023"] == ["–", "–", "not", "seen"]
    assert text["Nov 2023 – Apr 2024"] == ["2", "1", "2", "1", "60", "%"]
    assert text["Nov 2024 – Apr 2025"] == ["0", "1", "1", "100", "%"]
    assert "of 5 listed ponds there is no such look" in html


def test_without_any_change_there_is_a_sentence_and_no_chart():
    html = render(census((A, None, E, "ppppp")))
    assert "No listed pond is known to be new or lost between the looks." in html
    assert 'aria-label="New and lost ponds in each season' not in html
