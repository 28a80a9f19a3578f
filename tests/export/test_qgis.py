"""The GeoPackages in QGIS itself: opened, seen, edited, and taken back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from click.testing import CliRunner

from pondscan.cli.entry import cli

SESSION = Path(__file__).with_name("qgis_session.py")
SAMPLE_TILES = Path(__file__).parents[2] / "sample_tiles"
PYTHON = next((one for one in ("/usr/bin/python3", shutil.which("python3")) if one and Path(one).exists()), "python3")
"""Of the system: QGIS is installed for that one."""

pytestmark = pytest.mark.qgis


def qgis(*arguments: str | Path) -> dict:
    command = [PYTHON, SESSION, *arguments]
    surroundings = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    surroundings |= {"QT_QPA_PLATFORM": "offscreen", "QT_LOGGING_RULES": "*=false"}
    answer = subprocess.run(command, capture_output=True, text=True, env=surroundings, timeout=300, check=False)  # noqa: S603
    if "No module named 'qgis'" in answer.stderr:
        pytest.skip("QGIS NOT TESTED: it is not installed (Debian packages python3-qgis and qgis-providers)")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout.splitlines()[-1])


def pondscan(*arguments: str | Path) -> str:
    answer = CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="pondscan")
    assert answer.exit_code == 0, answer.output
    return answer.stdout


@pytest.fixture(scope="module")
def first_census(tmp_path_factory) -> Path:
    """A census of the newest sample scene; not to be changed."""
    folder = tmp_path_factory.mktemp("qgis") / "census"
    pondscan("run", "-q", SAMPLE_TILES / "planetscope_20230131.tif", "--out", folder)
    return folder


@pytest.fixture
def census(first_census, tmp_path) -> Path:
    return Path(shutil.copytree(first_census, tmp_path / "census"))


def test_qgis_shows_three_styled_layers_in_their_place(census, tmp_path):
    told = qgis("look", census / "pondscan.gpkg", tmp_path / "ponds.png")
    largest = told.pop("largest")
    assert set(told) == {"ponds", "sites", "observations"}
    assert all(layer["is_valid"] and layer["n"] and layer["crs"] == "EPSG:32647" for layer in told.values())
    for name in ("ponds", "sites"):
        published = gpd.read_file(census / f"{name}.geojson")
        assert told[name]["n"] == len(published)
        assert np.allclose(told[name]["bounds"], published.total_bounds, atol=2e-5)
    assert (told["ponds"]["renderer"], told["ponds"]["attribute"]) == ("categorizedSymbol", "kind")
    assert (told["sites"]["renderer"], told["sites"]["attribute"]) == ("categorizedSymbol", "status")
    assert told["observations"]["renderer"] == "RuleRenderer"
    assert len({tuple(color) for color in told["ponds"]["colors"].values()}) >= 11
    red, green, blue, alpha = told["ponds"]["colors"][largest["kind"]]
    on_white = [round(255 + (value - 255) * alpha / 255) for value in (red, green, blue)]
    assert np.allclose(largest["color"][:3], on_white, atol=4)


def test_edits_made_in_qgis_go_back_in(census, tmp_path):
    path = tmp_path / "judge.gpkg"
    pondscan("review", "export", census, "--all", "--out", path)
    before = gpd.read_file(census / "ponds.geojson")
    done = qgis("edit", path)
    answer = pondscan("review", "apply", census, path, "--reviewer", "Ann")
    assert answer == "4 verdicts: 2 accepted, 2 rejected (1 redrawn, 1 added); all of them new\n"
    ponds = gpd.read_file(census / "ponds.geojson").set_index("pond_id")
    assert set(done["deleted"]) <= set(before["pond_id"])
    assert not set(done["deleted"]) & set(ponds.index)
    assert ponds.loc[done["redrawn"], "area_m2"] == pytest.approx(done["area_m2"], rel=2e-3)
    assert np.isclose(ponds["area_m2"], 400.0, rtol=2e-3).sum() == 1
    assert len(ponds) == len(before) - 1
