from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from click.testing import CliRunner

from pondscan.cli.entry import cli
from pondscan.errors import InputError
from pondscan.follow.products import Products
from pondscan.review import selection
from pondscan.review.reading import read_verdicts
from pondscan.store import Workspace


def pondscan(*arguments: str | Path):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="pondscan")


@pytest.fixture(scope="module")
def first_census(tmp_path_factory) -> Path:
    """A census of one small invented scene; not to be changed."""
    from datetime import date

    from pondscan.simulate.series import simulate_series

    folder = tmp_path_factory.mktemp("reviewed")
    size = {"width_m": 1200.0, "height_m": 1200.0, "n_sites": 1}
    simulate_series(folder / "scenes", seed=5, sensors=["planetscope"], dates=[date(2023, 2, 5)], **size)
    answer = pondscan("run", "-q", folder / "scenes", "--out", folder / "census")
    assert answer.exit_code == 0, answer.output
    return folder / "census"


@pytest.fixture(scope="module")
def candidates(first_census) -> Products:
    return selection.candidates(Workspace(first_census))


@pytest.fixture
def census(first_census, tmp_path) -> Path:
    import shutil

    return Path(shutil.copytree(first_census, tmp_path / "census"))


def ponds_in(census: Path) -> gpd.GeoDataFrame:
    return gpd.read_file(census / "ponds.geojson")


def handed_out(census: Path) -> tuple[Path, gpd.GeoDataFrame]:
    path = census.parent / "judge.gpkg"
    answer = pondscan("review", "export", census, "--all", "--out", path)
    assert answer.exit_code == 0, answer.output
    return path, gpd.read_file(path, layer="ponds")


def test_edits_made_in_a_gis_go_back_in(census):
    path, judged = handed_out(census)
    sure = judged.sort_values("confidence", ascending=False, ignore_index=True)
    assert len(sure) >= 5
    deleted, redrawn = sure["pond_id"][:2].tolist(), sure["pond_id"][2]
    edited = sure.iloc[2:].reset_index(drop=True)
    edited.loc[0, "geometry"] = edited.geometry[0].buffer(2.0)
    west, south, _, _ = edited.total_bounds
    new = gpd.GeoDataFrame(
        {"verdict": [None]}, geometry=[shapely.box(west, south - 60, west + 20, south - 40)], crs=edited.crs
    )
    gpd.GeoDataFrame(pd.concat([edited, new], ignore_index=True), crs=edited.crs).to_file(path, layer="ponds")
    observed = (census / "observations").glob("*.parquet")
    before = {file: file.read_bytes() for file in observed}

    answer = pondscan("review", "apply", census, path, "--reviewer", "Ann")

    assert answer.stdout == "4 verdicts: 2 accepted, 2 rejected (1 redrawn, 1 added); all of them new\n"
    ponds = ponds_in(census).set_index("pond_id")
    assert not set(deleted) & set(ponds.index)
    assert ponds.loc[redrawn, "confidence"] == 1.0
    assert ponds.loc[redrawn, "area_m2"] == pytest.approx(edited.geometry[0].area, rel=2e-3)
    assert np.isclose(ponds["area_m2"], 400.0, rtol=2e-3).sum() == 1
    assert {file: file.read_bytes() for file in before} == before
    verdicts = Workspace(census).verdicts()
    assert set(verdicts["reviewer"]) == {"Ann"}
    assert verdicts.loc[verdicts["verdict"] == "rejected", "note"].tolist() == ["deleted from the file"] * 2


def test_applying_a_file_twice_changes_nothing_the_second_time(census):
    path = census.parent / "said.csv"
    pond = ponds_in(census)["pond_id"][0]
    path.write_text(f"pond_id,verdict,note\n{pond},rejected,a roof\n", encoding="utf-8")
    pondscan("review", "apply", census, path)
    before = {file.name: file.read_bytes() for file in census.iterdir() if file.is_file() and file.suffix != ".sqlite"}
    answer = pondscan("review", "apply", census, path)
    assert answer.stdout == "1 verdicts: 1 rejected; 0 of them new\n"
    assert {name: (census / name).read_bytes() for name in before} == before


def test_verdicts_survive_a_run_with_a_new_scene(census):
    from datetime import date

    from pondscan.simulate.series import simulate_series

    pond = ponds_in(census)["pond_id"][0]
    n_before = len(ponds_in(census))
    path = census.parent / "said.csv"
    path.write_text(f"pond_id,verdict\n{pond},rejected\n", encoding="utf-8")
    pondscan("review", "apply", census, path)
    later = census.parent / "later"
    size = {"width_m": 1200.0, "height_m": 1200.0, "n_sites": 1}
    simulate_series(later, seed=5, sensors=["planetscope"], dates=[date(2023, 3, 20)], **size)
    assert pondscan("run", "-q", later, "--out", census).exit_code == 0
    assert pond not in set(ponds_in(census)["pond_id"])
    assert len(ponds_in(census)) >= n_before - 1


def test_a_sample_stands_for_all_that_was_not_judged(census):
    path = census.parent / "sample.gpkg"
    answer = pondscan("review", "export", census, "--sample", 4, "--out", path)
    assert answer.exit_code == 0, answer.output
    _, everything = handed_out(census)
    drawn = gpd.read_file(path, layer="ponds")
    assert len(drawn) == 4
    assert drawn["weight"].sum() == pytest.approx(len(everything))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("pond_id,verdict\nPnowhere,accepted\n", "pond_id of row 1 is 'Pnowhere', which is no pond of this census"),
        (
            "pond_id,verdict\n{pond},perhaps\n",
            "verdict of row 1 is 'perhaps', which is none of accepted, rejected, unsure",
        ),
        ("pond_id,verdict\n{pond},accepted\n{pond},rejected\n", "which is there more than once: give each one verdict"),
        ("pond_id,verdict,judged\n{pond},accepted,soon\n", "judged of row 1 is 'soon', which is no time"),
        ("pond,verdict\n{pond},accepted\n", "there is no column pond_id in it"),
        ("pond_id,verdict\n,accepted\n", "pond_id of row 1 is empty, which a CSV must say"),
        ("pond_id,verdict,note\n{pond},accepted," + "x" * 2001 + "\n", "longer than 2000 characters"),
        ("", "this cannot be read as CSV"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_whole(candidates, tmp_path, content, sentence):
    path = tmp_path / "said.csv"
    path.write_text(content.replace("{pond}", candidates.ponds["pond_id"][0]), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(sentence)) as refused:
        read_verdicts(path, candidates, reviewer="Ann", now=datetime(2025, 1, 1, tzinfo=UTC))
    assert "\n" not in str(refused.value)


def test_a_refused_file_leaves_nothing_behind(first_census, tmp_path):
    path = tmp_path / "said.geojson"
    line = {"type": "LineString", "coordinates": [[98.5, 25.6], [98.6, 25.6]]}
    feature = {"type": "Feature", "properties": {"pond_id": None, "verdict": None}, "geometry": line}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    answer = pondscan("review", "apply", first_census, path)
    assert answer.exit_code == 1
    assert "draw ponds as polygons" in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert Workspace(first_census).verdicts() is None


def test_which_ponds_must_be_said(census):
    answer = pondscan("review", "export", census)
    assert answer.exit_code == 2
    assert "one of --sample N, --uncertain and --all" in answer.stderr


def test_no_workspace_is_one_sentence(tmp_path):
    answer = pondscan("review", "export", tmp_path, "--all", "--out", tmp_path / "a.gpkg")
    assert answer.exit_code == 1
    assert "there is no census with scenes in this folder" in answer.stderr
