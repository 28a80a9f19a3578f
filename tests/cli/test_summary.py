"""The closing words of a run, from summaries written by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from pondscan.cli.summary import as_document, as_text
from pondscan.store import Failure
from pondscan.summary import RunSummary, Totals

TOTALS = Totals(
    period="Year 2024",
    n_ponds=312,
    n_sites=9,
    area_m2=48_230.0,
    area_lower_m2=44_480.0,
    area_upper_m2=51_980.0,
    footprint_m2=613_000.0,
    envelope_m2=21_400_000.0,
    observed_fraction=0.82,
    n_ponds_listed=340,
    n_sites_listed=9,
)
FOUND = RunSummary(
    out_dir=Path("census"),
    exit_code=3,
    done=("a", "b"),
    unchanged=("c",),
    failed=(Failure("scenes/d.tif", "scenes/d.tif has no nir band: name it with --bands"),),
    ignored=(("scenes/notes.txt", "not recognised"),),
    n_scenes=3,
    totals=TOTALS,
    covered={"clear": 0.82, "cloud": 0.11, "shadow": 0.07},
    products=(Path("census/ponds.geojson"), Path("census/report.html")),
    was_rebuilt=True,
    notes=("1 of 3 scenes hold raw digital numbers.",),
    warnings=tuple(f"a: warning {number}" for number in range(7)),
)
NOTHING = replace(
    FOUND,
    exit_code=0,
    failed=(),
    totals=replace(
        TOTALS,
        n_ponds=0,
        n_sites=0,
        area_m2=0.0,
        area_lower_m2=0.0,
        area_upper_m2=0.0,
        n_ponds_listed=0,
        n_sites_listed=0,
    ),
    why_nothing=("No object stood out from the ground around it the way liquid does.",),
)


def row(summary: RunSummary, label: str) -> str:
    """Text of the first line with this label."""
    return next(line[10:] for line in _plain(as_text(summary)).splitlines() if line[:10].strip() == label)


def _plain(text: str) -> str:
    import click

    return click.unstyle(text)


def test_scenes_are_counted_by_what_became_of_them():
    assert row(FOUND, "scenes") == "2 done, 1 unchanged, 1 failed; 1 other file ignored; 3 in the census"


def test_the_census_is_named_with_its_period_and_what_was_seen():
    assert row(FOUND, "census") == "312 ponds, 9 sites (Year 2024, 82 % of the ground seen)"


def test_three_areas_have_three_names():
    assert row(FOUND, "liquid") == "48,200 ± 3,800 m² (95 % interval), the area of the ponds"
    assert row(FOUND, "footprint") == "61.3 ha, the worked ground of the sites"
    assert row(FOUND, "envelope") == "21.4 km², the hull around all sites"


def test_a_lopsided_interval_is_given_by_its_ends():
    cut_at_zero = replace(FOUND, totals=replace(TOTALS, area_m2=900.0, area_lower_m2=0.0, area_upper_m2=3_100.0))
    assert row(cut_at_zero, "liquid") == "900 m² (95 % interval 0 – 3,100), the area of the ponds"


def test_grounds_are_of_sites_and_left_out_without_one():
    alone = replace(FOUND, totals=replace(TOTALS, n_sites=0, footprint_m2=0.0, envelope_m2=0.0))
    text = _plain(as_text(alone))
    assert "312 ponds, no sites" in text
    assert "liquid" in text
    assert "footprint" not in text
    assert "envelope" not in text


def test_what_hid_the_ground_is_named_worst_first():
    assert row(FOUND, "seen") == "82 % clear over all looks; masked: cloud 11 %, shadow 7 %"


def test_a_failed_scene_is_named_once_with_its_reason():
    assert row(FOUND, "failed") == "scenes/d.tif has no nir band: name it with --bands"


def test_many_warnings_are_cut_short_with_the_place_of_the_rest():
    text = _plain(as_text(FOUND))
    assert "a: warning 4" in text
    assert "a: warning 5" not in text
    assert "and 2 more, in run.json and report.html" in text


def test_files_are_named_with_the_report_first():
    assert row(FOUND, "files") == "census: report.html, ponds.geojson"
    assert row(replace(FOUND, was_rebuilt=False), "files").endswith("(as they were: nothing in them changes)")


def test_nothing_found_says_why_and_gives_no_areas():
    assert row(NOTHING, "census").startswith("no ponds, no sites")
    assert row(NOTHING, "why none") == "No object stood out from the ground around it the way liquid does."
    labels = {line[:10].strip() for line in _plain(as_text(NOTHING)).splitlines()}
    assert labels & {"liquid", "footprint", "envelope"} == set()


def test_a_census_that_is_not_known_is_no_zero():
    unseen = replace(
        FOUND, totals=replace(TOTALS, n_ponds=None, n_sites=None, area_m2=None, area_lower_m2=None, area_upper_m2=None)
    )
    assert row(unseen, "census") == "not known: no scene saw enough of the ground clear"


def test_ponds_of_other_dates_are_told_apart_from_those_of_the_period():
    assert "340 ponds over all dates, gone and unseen ones too" in _plain(as_text(FOUND))


def test_lines_are_wrapped_under_their_labels():
    lines = _plain(as_text(FOUND, width=40)).splitlines()
    assert max(map(len, lines)) <= 40
    start = next(number for number, line in enumerate(lines) if line.startswith("failed"))
    assert lines[start : start + 3] == [
        "failed    scenes/d.tif has no nir band:",
        "          name it with --bands",
        "files     census: report.html,",
    ]


def test_the_document_is_json_and_complete():
    document = json.loads(json.dumps(as_document(FOUND)))
    assert document["exit_code"] == 3
    assert document["totals"]["area_upper_m2"] == 51_980.0
    assert document["failed"][0]["source"] == "scenes/d.tif"
    assert document["failed"][0]["reason"] == "scenes/d.tif has no nir band: name it with --bands"
    assert document["products"] == ["census/ponds.geojson", "census/report.html"]
