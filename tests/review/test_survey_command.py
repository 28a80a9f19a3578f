"""The survey through the command line: drawn, judged by one who knows the truth, estimated."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from click.testing import CliRunner

from pondscan.cli.entry import cli
from pondscan.detect import detection
from pondscan.review.desk import Desk
from pondscan.review.sheet import read_sheet
from pondscan.simulate.series import simulate_series
from pondscan.store import Workspace


def pondscan(*arguments: str | Path):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="pondscan")


@pytest.fixture(scope="module")
def census(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("surveyed")
    size = {"width_m": 1200.0, "height_m": 1200.0, "n_sites": 1}
    simulate_series(folder / "scenes", seed=5, sensors=["planetscope"], dates=[date(2023, 2, 5)], **size)
    answer = pondscan("run", "-q", "--keep-rejected", folder / "scenes", "--out", folder / "census")
    assert answer.exit_code == 0, answer.output
    return folder / "census"


@pytest.fixture(scope="module")
def drawn(census, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("drawn") / "sample.gpkg"
    answer = pondscan("survey", "design", census, "--out", path)
    assert answer.exit_code == 0, answer.output
    return path


@pytest.fixture
def sheet(drawn, tmp_path) -> Path:
    shutil.copy(drawn.with_suffix(".csv"), tmp_path)
    return Path(shutil.copy(drawn, tmp_path))


def filled_in(sheet: Path, **of: str) -> pd.DataFrame:
    """The CSV with every outline accepted and every square empty; ``of`` names units to judge otherwise."""
    table = pd.read_csv(sheet.with_suffix(".csv"), dtype="string")
    is_pond = table["unit_id"].str.startswith("P")
    table["verdict"] = np.where(is_pond, "accepted", "rejected")
    table["verdict"] = [of.get(unit, said) for unit, said in zip(table["unit_id"], table["verdict"], strict=True)]
    return table


def estimated(sheet: Path, *files: Path) -> dict:
    answer = pondscan("survey", "estimate", sheet, *files, "--json")
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def test_a_sample_of_outlines_and_ground_is_drawn(census, drawn):
    known = read_sheet(drawn)
    assert (known.strata["n_sample"] <= known.strata["n_units"]).all()
    assert set(known.strata["sort"]) >= {"mapped", "ground"}
    assert len(known.squares) == known.strata.loc[known.strata["sort"] == "ground", "n_sample"].sum()
    assert known.strata.loc[known.strata["sort"] == "ground", "n_units"].sum() * 1e4 == float(known.facts["ground_m2"])
    mapped = gpd.read_file(census / "ponds.geojson")
    assert known.strata.loc[known.strata["sort"] == "mapped", "n_units"].sum() == (mapped["status"] == "present").sum()
    assert known.squares.geometry.area.round(3).eq(1e4).all()
    assert known.squares["square_id"].is_unique


def test_the_same_seed_draws_the_same_bytes_and_another_does_not(census, drawn, tmp_path):
    for seed, is_alike in ((0, True), (1, False)):
        path = tmp_path / f"{seed}.gpkg"
        assert pondscan("survey", "design", census, "--seed", seed, "--out", path).exit_code == 0
        same = path.with_suffix(".csv").read_bytes() == drawn.with_suffix(".csv").read_bytes()
        assert same == is_alike
    assert (tmp_path / "0.gpkg").read_bytes() == drawn.read_bytes()


def test_a_size_that_was_asked_for_is_kept(census, tmp_path):
    answer = pondscan("survey", "design", census, "--sample", "40", "--out", tmp_path / "few.gpkg", "--json")
    told = json.loads(answer.stdout)
    assert 40 <= told["n_units"] <= 44
    assert told["expected_half_width"] > 0


def test_verdicts_in_the_csv_become_numbers(sheet):
    table = filled_in(sheet)
    square = table.loc[table["unit_id"].str.startswith("Q"), "unit_id"].iloc[0]
    wrong = table.loc[table["stratum"].str.startswith("mapped"), "unit_id"].iloc[0]
    table = filled_in(sheet, **{wrong: "rejected"})
    table.loc[table["unit_id"] == square, ["verdict", "n_ponds", "pond_area_m2"]] = ["accepted", "2", "230"]
    table.to_csv(sheet.with_suffix(".csv"), index=False)
    told = estimated(sheet, sheet.with_suffix(".csv"))
    assert told["n_judged"] == told["n_units"] == len(table)
    found = {name: one["value"] for name, one in told["estimates"].items()}
    strata = read_sheet(sheet).strata.set_index("stratum")
    weight = strata["n_units"] / strata["n_sample"]
    of = table.set_index("unit_id")["stratum"]
    outlines = strata.loc[strata["sort"] != "ground", "n_units"].sum()
    assert found["n_ponds"] == pytest.approx(outlines - weight[of[wrong]] + 2 * weight[of[square]], rel=1e-5)
    assert found["users_accuracy"] < 1
    assert told["paragraph"].startswith("On the ")
    assert told["n_missed_ponds_of_unknown_area"] == 0


def test_outlines_that_may_hold_several_ponds_have_no_chance_of_their_own(sheet, monkeypatch):
    filled_in(sheet).to_csv(sheet.with_suffix(".csv"), index=False)
    assert "n_ponds_by_detection" in estimated(sheet, sheet.with_suffix(".csv"))["estimates"]
    monkeypatch.setattr(detection, "RESOLVING_GSD_M", 2.0)
    told = estimated(sheet, sheet.with_suffix(".csv"))
    assert "n_ponds_by_detection" not in told["estimates"]
    assert "chance of detection" not in told["paragraph"]


def test_edits_in_a_gis_become_the_same_numbers(sheet):
    """One outline deleted, one redrawn, and a pond drawn into a square."""
    known = read_sheet(sheet)
    ponds, squares = known.ponds.copy(), known.squares.copy()
    ponds["verdict"], squares["verdict"] = "accepted", "rejected"
    squares.loc[0, "verdict"] = None
    x, y = squares.geometry.iloc[0].centroid.coords[0]
    ponds.loc[1, "geometry"] = ponds.geometry.iloc[1].buffer(3)
    new = gpd.GeoDataFrame({"verdict": [None]}, geometry=[shapely.Point(x, y).buffer(6)], crs=ponds.crs)
    edited = gpd.GeoDataFrame(pd.concat([ponds.iloc[1:], new], ignore_index=True), crs=ponds.crs)
    edited.to_file(sheet, layer="ponds")
    squares.to_file(sheet, layer="squares")
    told = estimated(sheet)
    strata = known.strata.set_index("stratum")
    weight = strata["n_units"] / strata["n_sample"]
    outlines = strata.loc[strata["sort"] != "ground", "n_units"].sum()
    expected = outlines - weight[ponds["stratum"].iloc[0]] + weight[squares["stratum"].iloc[0]]
    assert told["estimates"]["n_ponds"]["value"] == pytest.approx(expected, rel=1e-5)
    assert told["n_judged"] == told["n_units"]
    assert told["n_missed_ponds_of_unknown_area"] == 0


def test_the_page_shows_squares_and_its_file_is_read(census, sheet):
    from pondscan.cli.review import _survey_units

    units, whole = _survey_units(census, sheet)
    path = sheet.with_suffix(".geojson")
    desk = Desk(Workspace(census), units, path, "Ann", whole.ponds, whole.placements)
    listing = desk.listing()
    assert len(listing) == len(units)
    square = next(number for number, unit in enumerate(listing) if unit["is_square"])
    assert desk.picture(square, 0, is_wide=False)[:4] == b"\x89PNG"
    when = datetime(2024, 1, 1, tzinfo=UTC)
    for unit in listing:
        desk.say(unit["pond_id"], "rejected" if unit["is_square"] else "accepted", "", when)
    desk.say(listing[square]["pond_id"], "accepted", "two more", when, 2)
    again = Desk(Workspace(census), units, path, "Ann", whole.ponds, whole.placements)
    assert again.said == desk.said
    told = estimated(sheet, path)
    assert told["n_judged"] == told["n_units"]
    assert told["n_missed_ponds_of_unknown_area"] == 2
    copy = Path(shutil.copytree(census, sheet.parent / "census"))
    answer = pondscan("review", "apply", copy, path)
    n_ponds = sum(not unit["is_square"] for unit in listing)
    assert answer.stdout == f"{n_ponds} verdicts: {n_ponds} accepted; all of them new\n"


def test_two_reviewers_are_compared(sheet):
    for name, share in (("Ann", 0), ("Bob", 2)):
        table = filled_in(sheet).assign(reviewer=name, judged="2024-01-01T00:00:00Z")
        is_mapped = table["stratum"].str.startswith("mapped")
        table.loc[is_mapped & (is_mapped.cumsum() <= share), "verdict"] = "rejected"
        table.to_csv(sheet.parent / f"{name}.csv", index=False)
    two = estimated(sheet, sheet.parent / "Ann.csv", sheet.parent / "Bob.csv")["interpreters"]
    assert (two["names"], two["n_first"] - two["n_second"], two["n_both"]) == (["Ann", "Bob"], 2, two["n_second"])
    assert two["n_ponds_chapman"]["value"] == two["n_first"]


def test_unsure_and_silent_units_are_told(sheet):
    table = filled_in(sheet)
    squares = table.index[table["unit_id"].str.startswith("Q")]
    table.loc[squares[0], "verdict"] = "unsure"
    table.loc[squares[1], "verdict"] = pd.NA
    table.to_csv(sheet.with_suffix(".csv"), index=False)
    told = estimated(sheet, sheet.with_suffix(".csv"))
    assert (told["n_unsure"], told["n_units"] - told["n_judged"]) == (1, 2)
    assert "2 of " in told["paragraph"]


def test_numbers_go_into_a_table_too(sheet):
    filled_in(sheet).to_csv(sheet.with_suffix(".csv"), index=False)
    answer = pondscan("survey", "estimate", sheet, sheet.with_suffix(".csv"), "--csv", sheet.parent / "out.csv")
    assert answer.exit_code == 0, answer.output
    rows = pd.read_csv(sheet.parent / "out.csv").set_index("measure")
    assert rows.loc["n_ponds", "lower"] <= rows.loc["n_ponds", "value"] <= rows.loc["n_ponds", "upper"]
    assert "Intervals are 95 %" in answer.stdout


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("verdict", "yes", "which is none of accepted, rejected, unsure"),
        ("n_ponds", "many", "which is no number from 0 to 999"),
        ("n_ponds", "1.5", "which is no whole number"),
        ("pond_area_m2", "-3", "which is no number"),
        ("judged", "yesterday", "which is no time"),
        ("unit_id", "Pabc", "which is no unit of this survey"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_in_a_sentence(sheet, column, value, why):
    table = filled_in(sheet)
    table.loc[3, column] = value
    table.to_csv(sheet.with_suffix(".csv"), index=False)
    answer = pondscan("survey", "estimate", sheet, sheet.with_suffix(".csv"))
    assert answer.exit_code == 1
    assert f"{column} of row 4 is '{value}'" in answer.stderr
    assert why in answer.stderr


def test_what_is_no_survey_is_refused(census, sheet, tmp_path):
    wrong = tmp_path / "no.csv"
    wrong.write_text("a,b\n1,2\n", encoding="utf-8")
    for arguments, why in (
        ((sheet,), "0 were judged"),
        ((census / "pondscan.gpkg",), "this is no survey"),
        ((tmp_path / "none.gpkg",), "there is no such file"),
        ((sheet, wrong), "no columns unit_id and verdict"),
        ((sheet, tmp_path / "none.csv"), "there is no such file"),
    ):
        answer = pondscan("survey", "estimate", *arguments)
        assert (answer.exit_code, answer.stderr.count("\n")) == (1, 1), answer.output
        assert why in answer.stderr
    assert pondscan("survey", "design", tmp_path, "--out", tmp_path / "x.gpkg").exit_code == 1
    assert pondscan("survey", "design", census, "--out", tmp_path / "x.shp").exit_code == 2
    assert pondscan("review", "serve", census, "--survey", sheet, "--all").exit_code == 2


def test_an_estimate_is_kept_in_its_census_and_printed_by_the_report(census, sheet, tmp_path):
    kept = Path(shutil.copytree(census, tmp_path / "kept"))
    before = {path.name: path.read_bytes() for path in kept.glob("*.geojson")}
    table = filled_in(sheet)
    table.to_csv(sheet.with_suffix(".csv"), index=False)
    numbers = tmp_path / "numbers.csv"
    answer = pondscan("survey", "estimate", sheet, sheet.with_suffix(".csv"), "--csv", numbers, "--keep", kept)
    assert answer.exit_code == 0, answer.output
    html = (kept / "report.html").read_text("utf-8")
    told = html.split('<section id="estimate">')[1].split("</section>")[0]
    paragraph = estimated(sheet, sheet.with_suffix(".csv"))["paragraph"]
    assert paragraph in unescape(told)
    shown = [float(value) for value in re.findall(r'<data value="([^"]+)"', told)]
    assert shown == pd.read_csv(numbers)["value"].dropna().tolist(), "the numbers of the report are those of the CSV"
    assert {path.name: path.read_bytes() for path in kept.glob("*.geojson")} == before, "nothing measured has changed"
    assert pondscan("run", "-q", census.parent / "scenes", "--out", kept).exit_code == 0
    assert (kept / "report.html").read_text("utf-8") == html, "it survives a run"


def test_an_estimate_of_another_census_is_refused(drawn, sheet, tmp_path):
    size = {"width_m": 900.0, "height_m": 900.0, "n_sites": 1}
    simulate_series(tmp_path / "elsewhere", seed=8, sensors=["planetscope"], dates=[date(2023, 2, 5)], **size)
    assert pondscan("run", "-q", tmp_path / "elsewhere", "--out", tmp_path / "other").exit_code == 0
    filled_in(sheet).to_csv(sheet.with_suffix(".csv"), index=False)
    answer = pondscan("survey", "estimate", sheet, sheet.with_suffix(".csv"), "--keep", tmp_path / "other")
    assert answer.exit_code == 1
    assert "no pond of this survey is in" in answer.stderr
    assert not (tmp_path / "other" / "estimate.json").exists()
