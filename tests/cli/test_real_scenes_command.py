"""``pondscan run`` on real scenes, as an analyst would call it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

CONFIGS = Path(__file__).resolve().parents[2] / "configs"

pytestmark = pytest.mark.scenes


def n_ponds(out: Path) -> int:
    return len(json.loads((out / "ponds.geojson").read_text("utf-8"))["features"])


def test_a_town_among_mountains_holds_hardly_a_pond(pondscan, scenes_dir, tmp_path):
    options = ("--bands", "red,green,blue,nir,scl", "--datetime", "2022-06-12", "--out", tmp_path)
    assert pondscan("run", scenes_dir / "s2_bolzano", *options).exit_code == 0
    assert n_ponds(tmp_path) <= 5


@pytest.mark.parametrize("bands", ["red,green,blue,nir,-,-,-,-", "-,-,-,-,red,green,blue,nir"])
def test_a_turquoise_river_holds_hardly_a_pond(pondscan, scenes_dir, tmp_path, bands):
    options = ("--bands", bands, "--datetime", "2021-07-01", "--set", "input.sensor=sentinel-2", "--out", tmp_path)
    assert pondscan("run", scenes_dir / "s2_inn_river", *options).exit_code == 0
    assert n_ponds(tmp_path) <= 5


def test_natural_ponds_hold_more_water_in_the_wet_year(pondscan, scenes_dir, tmp_path):
    result = pondscan("run", scenes_dir / "naip_potholes", "--config", CONFIGS / "small_water.toml", "--out", tmp_path)
    assert result.exit_code == 0
    with (tmp_path / "survey.csv").open(encoding="utf-8") as file:
        looks = {row["period_start"][:4]: row for row in csv.DictReader(file) if row["period"] == "look"}
    assert list(looks) == ["2009", "2010", "2012", "2014", "2015", "2016"]
    assert float(looks["2015"]["pond_area_m2"]) > 1.2 * float(looks["2009"]["pond_area_m2"])
    assert min(int(row["n_ponds"]) for row in looks.values()) > 10


def test_bands_in_degrees_and_an_odd_scale_are_read_with_the_example_settings(pondscan, scenes_dir, tmp_path):
    config = CONFIGS / "scaled_bands.toml"
    result = pondscan("run", scenes_dir / "s2_aquileia", "--config", config, "--out", tmp_path, "--json")
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert any("resampled from EPSG:4326" in warning for warning in summary["warnings"])


@pytest.mark.parametrize("folder", ["s2_aquileia", "landsat7_saltponds", "s2_bolzano"])
def test_bands_that_cannot_be_told_apart_are_refused_with_the_remedy(pondscan, scenes_dir, tmp_path, folder):
    result = pondscan("run", scenes_dir / folder, "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert "--bands" in result.stderr or "input.band_files" in result.stderr
    assert not (tmp_path / "out").exists()
