"""Verdicts of reviewers as truth: what nobody judged counts neither way."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from click.testing import CliRunner
from reviewed_examples import CRS, census_of_two_days, review, said, table

from pondscan.appraisal import appraise
from pondscan.appraisal.reviewed import read_reviewed
from pondscan.cli.entry import cli
from pondscan.errors import InputError
from pondscan.evaluate import measures, score
from pondscan.follow.verdicts import standing


def squares(*at: float, side: float = 10.0, **columns) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=[shapely.box(x, 0, x + side, side) for x in at], crs=CRS)


def test_what_nobody_judged_is_neither_a_hit_nor_false():
    true = squares(0, 100, 200, 300, status=["present", "present", "rejected", "unsure"])
    found = squares(1, 201, 301, 401, 109, confidence=[0.9, 0.8, 0.7, 0.6, 0.9])
    whole = score(found, true, gsd_m=3.0, knows_all=False)
    assert whole.found["outcome"].tolist() == ["hit", "false", "neutral", "unjudged", "unjudged"]
    assert whole.found["is_pond"].fillna(-1).tolist() == [1, 0, -1, -1, -1], "the rim of a judged pond is not judged"
    assert whole.true["outcome"].tolist() == ["hit", "missed", "neutral", "neutral"]
    told = measures(whole)
    assert (told.overall.n_found, told.overall.n_hits, told.n_unjudged) == (2, 1, 2)
    assert told.neither_way == {"rejected": 1, "unsure": 1}
    everything = score(found, true, gsd_m=3.0)
    assert everything.found["outcome"].tolist() == ["hit", "false", "neutral", "false", "false"]


def test_a_piece_of_a_judged_pond_is_judged():
    true, found = squares(0, side=40.0, status=["present"]), squares(1, 20, side=10.0)
    assert score(found, true, gsd_m=3.0, knows_all=False).found["outcome"].tolist() == ["false", "false"]


def test_a_site_is_false_only_when_all_of_it_was_judged():
    found = squares(0, 50)
    half = score(found, squares(0, status=["rejected"]), gsd_m=3.0, knows_all=False)
    both = score(found, squares(0, 50, status=["rejected"] * 2), gsd_m=3.0, knows_all=False)
    assert half.found_sites["outcome"].tolist() == ["neutral"]
    assert both.found_sites["outcome"].tolist() == ["false"]


def test_only_areas_that_somebody_drew_are_compared():
    true = squares(0, 100, status=["present"] * 2, is_area_known=[True, False])
    told = measures(score(squares(1, 101, side=9.0), true, gsd_m=3.0)).area
    assert (told.pairs.n_pairs, told.true_m2, told.bias) == (1, None, None)
    assert told.pairs.bias == pytest.approx(81 / 100 - 1)


def test_the_newest_verdict_stands_with_the_outline_drawn_last():
    one, redrawn, elsewhere = shapely.box(0, 0, 10, 10), shapely.box(0, 0, 12, 10), shapely.box(500, 0, 510, 10)
    held = standing(
        table(
            said(one, "rejected", hour=1),
            said(redrawn, "accepted", hour=2, is_drawn=True),
            said(one, "accepted", hour=3),
            said(elsewhere, "accepted", hour=1, is_drawn=True),
            said(elsewhere, "rejected", hour=2),
        ),
        CRS,
    ).sort_values("verdict")
    assert held["verdict"].tolist() == ["accepted", "rejected"]
    assert held["is_drawn"].tolist() == [True, False]
    assert held.geometry.area.tolist() == pytest.approx([120, 100], rel=1e-3)


@pytest.fixture(scope="module")
def first_census(tmp_path_factory) -> Path:
    """A census of one invented place on two days; not to be changed."""
    return census_of_two_days(tmp_path_factory.mktemp("judged"))


@pytest.fixture
def reviewed(first_census: Path, tmp_path: Path) -> Path:
    census = Path(shutil.copytree(first_census, tmp_path / "census"))
    review(census)
    return census


def test_a_review_is_a_truth_that_knows_what_was_judged(reviewed: Path):
    truth = read_reviewed(reviewed)
    assert sorted(truth["status"]) == ["present"] * 4 + ["rejected"]
    assert set(truth.loc[truth["status"] == "present", "day"]) <= {date(2023, 2, 5), date(2023, 3, 7)}
    assert truth.loc[truth["status"] == "rejected", "day"].isna().all()
    # what the detector found is as it was: verdicts change the census, never the observations
    newest = appraise(reviewed, reviewed, day=date(2023, 3, 7)).parts[-1].score
    assert newest.counted_true["outcome"].value_counts().to_dict() == {"hit": 3, "missed": 1}
    assert newest.found["outcome"].value_counts()["false"] == 1
    assert newest.found["outcome"].value_counts()["unjudged"] > 0
    pairs = measures(newest).area.pairs
    assert pairs.n_pairs == 1, "of the pond that was redrawn"
    assert pairs.bias is not None
    assert pairs.bias < 0


def test_the_result_says_how_many_were_not_judged(reviewed: Path):
    answer = CliRunner().invoke(cli, ["evaluate", str(reviewed), str(reviewed), "--json"])
    assert answer.exit_code == 0, answer.output
    whole = json.loads(answer.stdout)["all"]
    assert whole["n_unjudged"] > 0
    told = CliRunner().invoke(cli, ["evaluate", str(reviewed), str(reviewed / "verdicts.geojson")]).stdout
    assert f"{whole['n_unjudged']} found objects that nobody judged count neither way" in told


def test_verdicts_that_are_in_no_census_are_no_truth(first_census: Path, tmp_path: Path):
    with pytest.raises(InputError, match="nobody has reviewed this census"):
        read_reviewed(first_census)
    strayed = tmp_path / "verdicts.geojson"
    strayed.write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(InputError, match="there is no census beside these verdicts"):
        appraise(first_census, strayed)
    sheet = tmp_path / "judge.gpkg"
    assert CliRunner().invoke(cli, ["review", "export", str(first_census), "--all", "--out", str(sheet)]).exit_code == 0
    with pytest.raises(InputError, match="these are verdicts that are in no census yet"):
        appraise(first_census, sheet)


def test_verdicts_lie_where_each_scene_shows_them(first_census: Path):
    from pondscan.appraisal.reviewed import as_shown
    from pondscan.follow.registration import Placement

    moved = as_shown(squares(0.0, 50.0), CRS, Placement("moved", east_m=7.0, north_m=-3.0))
    assert np.allclose(moved.bounds.to_numpy(), [[7, -3, 17, 7], [57, -3, 67, 7]])
