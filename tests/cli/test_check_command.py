"""``pondscan check``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pondscan.cli import check as check_command
from pondscan.cli.entry import cli

AREA = {
    "type": "Polygon",
    "coordinates": [[[98.1, 25.1], [98.2, 25.1], [98.2, 25.2], [98.1, 25.2], [98.1, 25.1]]],
}


def check(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["check", *map(str, arguments)], prog_name="pondscan")


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text("[sites]\ndistance_m = 300\n", encoding="utf-8")
    return path


def test_what_differs_from_the_defaults_is_named(config, tmp_path):
    result = check(config, "--out", tmp_path / "census")
    assert result.exit_code == 0
    assert f"ok     settings  {config}: sites.distance_m: 200.0 → 300.0\n" in result.stdout
    assert f"ok     folder    {tmp_path / 'census'}: can be written, " in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


def test_wrong_settings_are_a_configuration_error(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[sites]\ndistance = 300\n", encoding="utf-8")
    result = check(path)
    assert result.exit_code == 2
    assert "the nearest is sites.distance_m" in result.stderr
    assert not result.stdout


def test_the_area_of_interest_is_read(config, tmp_path):
    (tmp_path / "area.geojson").write_text(json.dumps(AREA), encoding="utf-8")
    config.write_text("[aoi]\npath = 'area.geojson'\n", encoding="utf-8")
    result = check(config, "--out", tmp_path)
    assert result.exit_code == 0
    assert "98.1000° to 98.2000° east, 25.1000° to 25.2000° north" in result.stdout


def test_a_missing_area_of_interest_is_wrong(config, tmp_path):
    config.write_text("[aoi]\npath = 'none.geojson'\n", encoding="utf-8")
    result = check(config, "--out", tmp_path)
    assert result.exit_code == 1
    assert f"wrong  aoi       {tmp_path / 'none.geojson'}: " in result.stdout


def test_a_file_where_the_workspace_should_be_is_wrong(config):
    result = check(config, "--out", config)
    assert result.exit_code == 1
    assert "this is a file, give a folder with --out" in result.stdout


def test_a_disk_without_room_is_wrong(config, tmp_path, monkeypatch):
    usage = check_command.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(check_command.shutil, "disk_usage", lambda _folder: usage._replace(free=1_000_000))
    result = check(config, "--out", tmp_path)
    assert result.exit_code == 1
    assert "0.0 GB free, about 0.25 GB needed" in result.stdout


def test_the_answers_are_there_as_json(config, tmp_path):
    result = check(config, "--out", tmp_path, "--json")
    findings = json.loads(result.stdout)
    assert [(finding["about"], finding["is_well"]) for finding in findings] == [("settings", True), ("folder", True)]


def test_events_and_series_are_read(config, tmp_path):
    (tmp_path / "events.csv").write_text("date,label,mine\n2024-10,Taken,x\n2019,Closed,\n", encoding="utf-8")
    (tmp_path / "series.csv").write_text("series,period,value,unit\nimports,2024-10,many,t\n", encoding="utf-8")
    config.write_text("[context]\nevents = ['events.csv']\nseries = ['series.csv']\n", encoding="utf-8")
    result = check(config, "--out", tmp_path)
    assert result.exit_code == 1
    assert f"{tmp_path / 'events.csv'}: 2 events, 2019 to 2024-10; columns not used: mine\n" in result.stdout
    assert f"wrong  series    {tmp_path / 'series.csv'}, line 2: value = 'many': this is no number" in result.stdout
