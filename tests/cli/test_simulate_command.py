"""``pondscan simulate``."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from pondscan.cli.entry import cli
from pondscan.simulate.presets import PRESETS


def simulate(*arguments: str):
    return CliRunner().invoke(cli, ["simulate", "--size", "900", "--sites", "1", *arguments], prog_name="pondscan")


def test_scenes_masks_and_truth_are_written_and_counted(tmp_path):
    out = tmp_path / "invented"
    result = simulate(
        "--out", str(out), "--date", "2022-03-12", "--date", "2023-02-05", "--cloud", "0", "--cloud", "0.3"
    )
    assert result.exit_code == 0
    names = ["sentinel-2_20220312", "sentinel-2_20230205"]
    assert sorted(path.name for path in out.iterdir()) == [
        "dem.tif",
        *(f"{name}.{ending}" for name in names for ending in ("clear.tif", "tif")),
        "truth.geojson",
    ]
    present = {
        feature["properties"]["pond_id"]
        for feature in json.loads((out / "truth.geojson").read_text("utf-8"))["features"]
        if feature["properties"]["status"] == "present" and feature["properties"]["kind"] != "other_water"
    }
    assert f"with {len(present)} pond" in result.stdout
    assert "2 scenes, truth.geojson and dem.tif" in result.stdout
    assert result.stderr == "".join(f"{name}.tif is written\n" for name in names)


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        assert simulate("-q", "--out", str(tmp_path / name), "--seed", "7").exit_code == 0
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "word"),
    [
        (["--sensor", "sentinel-9"], 2, "choose one of sentinel-2"),
        (["--preset", "moon"], 2, "choose one of mixed"),
        (["--cloud", "2"], 2, "'--cloud'"),
        (["--date", "12 March"], 2, "'--date'"),
        (["--size", "10"], 2, "too small"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_one_sentence(tmp_path, arguments, exit_code, word):
    out = tmp_path / "invented"
    result = simulate("--out", str(out), *arguments)
    assert result.exit_code == exit_code
    assert word in result.stderr
    assert result.stderr.count("\n") == 1
    assert not out.exists()


def test_a_file_in_the_way_is_left_as_it_is(tmp_path):
    (tmp_path / "truth.geojson").write_text("mine")
    result = simulate("--out", str(tmp_path))
    assert result.exit_code == 1
    assert "truth.geojson exists already" in result.stderr
    assert (tmp_path / "truth.geojson").read_text() == "mine"


def test_mines_are_laid_into_a_scene_that_run_then_reads(tmp_path):
    assert simulate("-q", "--out", str(tmp_path / "country"), "--size", "2000", "--sites", "0").exit_code == 0
    (scene,) = (tmp_path / "country").glob("*0312.tif")
    result = CliRunner().invoke(
        cli,
        ["simulate", "--into", str(scene), "--out", str(tmp_path / "mixed"), "--sites", "2", "--seed", "3"],
        prog_name="pondscan",
    )
    assert result.exit_code == 0, result.stderr
    assert "of 2 sites to be found" in result.stdout
    (mixed,) = (tmp_path / "mixed").glob("*_implanted.tif")
    assert sorted(path.name for path in mixed.parent.iterdir()) == [
        f"{mixed.stem}.clear.tif",
        mixed.name,
        "truth.geojson",
    ]
    told = CliRunner().invoke(cli, ["info", "--json", str(mixed)], prog_name="pondscan")
    (found,) = json.loads(told.stdout)["scenes"]
    assert found["calibrated"] == "reflectance"
    assert set(found["bands"]) == {"blue", "green", "red", "nir", "swir16", "swir22"}
    assert found["datetime"] == "2022-03-12T04:12:00Z"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "word"),
    [
        (["--into", "nowhere.tif"], 1, "nowhere.tif"),
        (["--into", "nowhere.tif", "--preset", "town"], 2, "--preset is for invented places"),
        (["--bands", "red"], 2, "--bands needs --into"),
    ],
)
def test_into_is_refused_in_one_sentence(tmp_path, arguments, exit_code, word):
    out = tmp_path / "mixed"
    result = CliRunner().invoke(cli, ["simulate", "--out", str(out), *arguments], prog_name="pondscan")
    assert result.exit_code == exit_code
    assert word in result.stderr
    assert result.stderr.count("\n") == 1
    assert not out.exists()


def test_the_help_names_every_country():
    help_text = " ".join(CliRunner().invoke(cli, ["simulate", "--help"]).stdout.split())
    assert ", ".join(PRESETS) in help_text
