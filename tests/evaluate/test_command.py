"""``pondscan evaluate`` on the census of the sample tiles."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pytest
from click.testing import CliRunner, Result

from pondscan.cli.entry import cli

SAMPLES = Path(__file__).resolve().parents[2] / "sample_tiles"
TRUTH = SAMPLES / "truth.geojson"
PNG = b"\x89PNG\r\n\x1a\n"


def pondscan(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="pondscan")


@pytest.fixture(scope="module")
def census(tmp_path_factory) -> Path:
    """Workspace of the sample tiles' planetscope scenes, rejected candidates kept; not to be changed."""
    out = tmp_path_factory.mktemp("evaluated") / "census"
    tiles = sorted(SAMPLES.glob("planetscope_*[0-9].tif"))
    assert pondscan("run", "-q", *tiles, "--out", out, "--keep-rejected").exit_code == 0
    return out


@pytest.fixture(scope="module")
def document(census) -> dict:
    result = pondscan("evaluate", census, TRUTH, "--json")
    assert result.exit_code == 0
    return json.loads(result.stdout)


def test_every_scene_is_held_against_its_own_day(document):
    assert [(scene["date"], scene["sensor"]) for scene in document["scenes"]] == [
        ("2021-02-10", "planetscope"),
        ("2022-03-12", "planetscope"),
        ("2023-01-31", "planetscope"),
    ]
    truth = gpd.read_file(TRUTH)
    is_wanted = (truth["sensor"] == "planetscope") & (truth["kind"] != "other_water")
    n_present = (truth[is_wanted & (truth["status"] == "present")]).groupby("date").size()
    neither = [sum(scene["measures"]["neither_way"].values()) for scene in document["scenes"]]
    counted = [scene["measures"]["overall"]["n_true"] for scene in document["scenes"]]
    assert counted[::2] == n_present.tolist()[::2]
    assert [sum(both) for both in zip(neither, counted, strict=True)] == truth[is_wanted].groupby(
        "date"
    ).size().tolist()


def test_ponds_under_the_mask_or_its_margin_count_neither_way(document):
    cloudy = document["scenes"][1]["measures"]
    assert cloudy["neither_way"]["clouded"] == 17
    assert cloudy["neither_way"]["not seen clear"] > 0
    assert cloudy["overall"]["n_true"] < 19


def test_the_census_is_good_and_every_measure_is_there(document):
    whole = document["all"]
    assert whole["overall"]["f1"]["value"] > 0.8
    assert whole["overall"]["f1"]["lower"] < whole["overall"]["f1"]["value"] <= whole["overall"]["f1"]["upper"]
    assert whole["overall"]["n_hits"] == sum(scene["measures"]["overall"]["n_hits"] for scene in document["scenes"])
    assert abs(whole["area"]["bias"]) < 0.5
    assert 0 <= whole["offset_px"] < 0.5
    assert whole["sites"]["recall"]["value"] > 0.7
    assert 0 < whole["calibration"]["brier"] < 0.25
    assert whole["hoover_true"]["matched"] == whole["overall"]["n_hits"]
    assert sum(whole["miss_reasons"].values()) == whole["overall"]["n_true"] - whole["overall"]["n_hits"]


def test_the_table_says_the_same(census, document):
    text = pondscan("evaluate", census, TRUTH).stdout
    overall = document["all"]["overall"]
    (line,) = [line for line in text.splitlines() if line.startswith("all ")]
    assert line.split()[1:4] == [str(overall[name]) for name in ("n_true", "n_found", "n_hits")]
    assert f"{overall['f1']['value']:.2f} ({overall['f1']['lower']:.2f}–{overall['f1']['upper']:.2f})" in line
    for words in ("By kind", "missed because", "area sigma", "sites", "Calibration of"):
        assert words in text
    assert max(map(len, text.splitlines())) <= 120


def test_a_higher_confidence_finds_less(census, document):
    strict = json.loads(pondscan("evaluate", census, TRUTH, "--json", "--confidence", "0.99").stdout)["all"]
    assert strict["overall"]["n_found"] < document["all"]["overall"]["n_found"]
    assert strict["calibration"] == document["all"]["calibration"]


def test_one_day_alone(census, document):
    one = json.loads(pondscan("evaluate", census, TRUTH, "--json", "--date", "2021-02-10").stdout)
    assert one["scenes"] == document["scenes"][:1]


@pytest.mark.parametrize("name", ["ponds.geojson", "pondscan.gpkg"])
def test_products_are_held_against_the_newest_day(census, name):
    told = json.loads(pondscan("evaluate", census / name, TRUTH, "--json").stdout)
    (part,) = told["scenes"]
    assert part["date"] == "2023-01-31"
    assert part["measures"]["overall"]["n_true"] == 41
    assert part["measures"]["overall"]["f1"]["value"] > 0.8


def test_observations_are_held_against_the_day_of_their_scene(census):
    (path,) = (census / "observations").glob("planetscope_20210210*.parquet")
    (part,) = json.loads(pondscan("evaluate", path, TRUTH, "--json").stdout)["scenes"]
    assert (part["date"], part["gsd_m"], part["measures"]["overall"]["n_true"]) == ("2021-02-10", 3.0, 13)
    wrong = pondscan("evaluate", path, TRUTH, "--date", "2022-03-12")
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (1, 1)


def test_the_picture_is_the_same_every_time(census, tmp_path):
    for name in ("a.png", "b.png"):
        assert pondscan("-q", "evaluate", census, TRUTH, "--figure", tmp_path / name).exit_code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_the_command_itself_reads_a_csv(census, tmp_path):
    truth = gpd.read_file(TRUTH)
    truth = truth[(truth["sensor"] == "planetscope") & (truth["date"] == "2023-01-31")].to_crs("EPSG:32647")
    centre = truth.centroid.to_crs("EPSG:4326")
    table = truth.assign(lon=centre.x, lat=centre.y)[["lon", "lat", "date", "diameter_m", "status"]]
    table.to_csv(tmp_path / "truth.csv", index=False)
    command = [sys.executable, "-m", "pondscan", "evaluate", str(census), str(tmp_path / "truth.csv"), "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    told = json.loads(answer.stdout)
    assert [scene["date"] for scene in told["scenes"]] == ["2023-01-31"]
    assert told["all"]["overall"]["f1"]["value"] > 0.7
    assert [one["name"][:20] for one in told["skipped"]] == ["planetscope_20210210", "planetscope_20220312"]
    assert answer.stderr.count("is left out: the truth has no rows for") == 2


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["{census}", "{tmp}/none.geojson"], 1, "there is no such file"),
        (["{tmp}/none.gpkg", str(TRUTH)], 1, "there is no such file"),
        (["{tmp}", str(TRUTH)], 1, "there is no census in this folder"),
        (["{census}", str(TRUTH), "--date", "2020-01-01"], 1, "no scene of 2020-01-01: its scenes are of 2021-02-10"),
        (["{census}/ponds.geojson", str(TRUTH), "--date", "2020-01-01"], 1, "the truth has no rows for 2020-01-01"),
        (["{census}", "{census}/run.json"], 1, "run.json: "),
        (["{census}", str(TRUTH), "--confidence", "2"], 2, "--confidence"),
        (["{census}", str(TRUTH), "--date", "today"], 2, "--date"),
        (["{census}", str(TRUTH), "--figure", "hits.jpg"], 2, "does not end in .png"),
        (["{census}", str(TRUTH), "--figure", "{tmp}/none/hits.png"], 1, "hits.png: cannot be written"),
        (["{census}"], 2, "TRUTH"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_sentence(census, tmp_path, arguments, exit_code, words):
    filled = [argument.format(census=census, tmp=tmp_path) for argument in arguments]
    result = pondscan("evaluate", *filled)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_truth_without_dates_needs_one_day(census, tmp_path):
    undated = gpd.read_file(TRUTH).drop(columns=["date", "sensor"])
    undated[gpd.read_file(TRUTH)["date"] == "2021-02-10"].to_file(tmp_path / "truth.geojson")
    result = pondscan("evaluate", census, tmp_path / "truth.geojson")
    assert result.exit_code == 1
    assert "say with --date which is meant" in result.stderr
    assert pondscan("evaluate", census, tmp_path / "truth.geojson", "--date", "2021-02-10").exit_code == 0


def test_the_census_is_left_as_it_was(census, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in census.rglob("*") if path.is_file()}
    shutil.copy(TRUTH, tmp_path)
    pondscan("evaluate", census, tmp_path / "truth.geojson", "--figure", tmp_path / "hits.png")
    after = {path: path.stat().st_mtime_ns for path in census.rglob("*") if path.is_file()}
    assert {path for path in after if after[path] != before.get(path)} <= set(census.glob("ledger.sqlite-*"))
