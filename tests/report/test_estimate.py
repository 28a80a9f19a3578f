"""The estimate of a survey in the report: set apart from what was measured, with the numbers it was given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from report_examples import example

from pondscan.errors import WorkspaceError
from pondscan.report import render
from pondscan.store.estimate import read_estimate, save_estimate

DOCUMENT = {
    "paragraph": "On the 12.0 km² that were seen clear there are 41 (35 to 47) ponds.",
    "n_judged": 120,
    "n_units": 130,
    "n_ponds_mapped": 36,
    "rows": [
        {"measure": "n_ponds_mapped", "value": 36.0, "lower": None, "upper": None, "meaning": "ponds that the map has"},
        {"measure": "n_ponds", "value": 41.25, "lower": 35.1, "upper": 47.4, "meaning": "ponds there are"},
        {"measure": "users_accuracy", "value": 0.9512, "lower": 0.91, "upper": 0.98, "meaning": "mapped that are"},
        {"measure": "producers_accuracy", "value": None, "lower": None, "upper": None, "meaning": "of none"},
    ],
}


def section(html: str) -> str:
    found = re.search(r'<section id="estimate">(.*?)</section>', html, flags=re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def test_a_report_without_a_survey_says_nothing_of_one() -> None:
    html = render(example())
    assert 'id="estimate"' not in html
    assert "#estimate" not in html


def test_the_paragraph_and_every_number_stand_in_a_section_of_their_own() -> None:
    html = render(example(estimate=DOCUMENT))
    told = section(html)
    assert "120 of 130 units of a stratified random sample were judged by people" in told
    assert DOCUMENT["paragraph"] in told
    assert "Ponds ponds there are 41 35 – 47" in told
    assert "95.1 % 91.0 % – 98.0 %" in told
    assert '<data value="41.25">' in html
    assert '<a href="#estimate">' in html


def test_it_says_when_the_map_is_another_than_the_sample_was_drawn_from() -> None:
    n_now = int(example().ponds["status"].isin(["present", "unobserved"]).sum())
    assert "so the estimate is of the map as it was" not in section(
        render(example(estimate=DOCUMENT | {"n_ponds_mapped": n_now}))
    )
    told = section(render(example(estimate=DOCUMENT | {"n_ponds_mapped": n_now + 1})))
    assert f"drawn from a map of {n_now + 1} ponds; the map has {n_now} now" in told


def test_it_is_kept_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    assert read_estimate(tmp_path) is None
    save_estimate(tmp_path, DOCUMENT)
    assert read_estimate(tmp_path) == DOCUMENT
    for wrong in ({"rows": [{"value": "many"}]}, {"paragraph": 3}, {"n_judged": None}):
        save_estimate(tmp_path, DOCUMENT | wrong)
        with pytest.raises(WorkspaceError, match="the estimate of a survey is damaged"):
            read_estimate(tmp_path)
