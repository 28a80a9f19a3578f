"""benchmarks/reviewed.py: rows for the confidence fit from what people judged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import geopandas as gpd
import numpy as np
import pytest
import shapely
from reviewed_examples import CRS, census_of_two_days, review

from pondscan.errors import InputError
from pondscan.model import Grid

Load = Callable[[str], ModuleType]


@pytest.fixture
def fit_confidence(program: Load) -> ModuleType:
    return program("scripts/fit_confidence")


@pytest.fixture
def reviewed_rows(program: Load) -> ModuleType:
    return program("benchmarks/reviewed.py")


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory) -> Path:
    census = census_of_two_days(tmp_path_factory.mktemp("judged"))
    review(census)
    return census


def test_judged_candidates_are_rows_of_the_fit(fit_confidence: ModuleType, reviewed_rows: ModuleType, reviewed: Path):
    (frame,) = reviewed_rows.rows([reviewed], weight=3.0).values()
    assert set(fit_confidence.KNOTS) <= set(frame.columns), "everything that a model sees is measured"
    newest = frame[frame["scene"] == sorted(frame["scene"])[-1]]
    # three were accepted in the newest scene; the fourth was drawn where there is no candidate
    assert newest["leach_pond"].value_counts().to_dict() == {1.0: 3, 0.0: 1}
    assert newest["small_water"].value_counts().to_dict() == {1.0: 3}, "what is no leach pond may be water"
    assert newest["leach_pond"].isna().sum() > 3, "nobody judged the others"
    assert set(frame["background"]) == {"reviewed census"}
    assert (frame["weight"] == 3.0).all()
    assert frame["area_km2"].isna().all(), "what was chosen to be judged says nothing of how many there are"


def test_verdicts_pull_a_fitted_model(fit_confidence: ModuleType, reviewed_rows: ModuleType, reviewed: Path):
    from pondscan.detect import company

    judged = reviewed_rows.rows([reviewed], weight=1.0)
    frame = judged["3m", "reflectance"]
    known = frame[frame["leach_pond"].notna()]
    # as many simulated candidates of like features, whose truth is the other way round
    contrary = known.assign(leach_pond=1 - known["leach_pond"], background="simulated", area_km2=1.0, scene=1)
    chance = {}
    for weight in (0.1, 10.0):
        both = {"3m_only": contrary}
        weighed = {("3m", "3m_only"): frame.assign(weight=weight)}
        training = fit_confidence.with_judged(both, weighed, "3m")["3m_only"]
        model = fit_confidence.fit(training, "leach_pond", has_swir=False)
        chance[weight] = company.log_odds(known, model, 3.0)[known["leach_pond"] == 1].mean()
        assert model["n_reviewed"] == len(known)
        assert model["assumed_ponds_per_km2"] == contrary["leach_pond"].sum(), "of the simulated square kilometre alone"
    assert chance[10.0] > chance[0.1] + 1


def test_a_workspace_of_another_target_says_what_it_can(reviewed_rows: ModuleType):
    found = np.array([shapely.box(x, 0, x + 10, 10) for x in (0, 100, 200)], object)
    said = gpd.GeoDataFrame({"status": ["present", "rejected"]}, geometry=list(found[:2]), crs=CRS)
    grid = Grid(CRS, 0.0, 1000.0, 10.0, 100, 100)
    water = reviewed_rows.labels(found, said, grid, "small_water")
    assert np.nan_to_num(water["small_water"], nan=-1).tolist() == [1, 0, -1]
    assert np.nan_to_num(water["leach_pond"], nan=-1).tolist() == [-1, 0, -1]


def test_scenes_that_are_gone_or_changed_are_named(reviewed_rows: ModuleType, reviewed: Path, tmp_path: Path):
    scenes = reviewed.parent / "scenes"
    away = scenes.rename(tmp_path / "away")
    try:
        with pytest.raises(InputError, match="is not where it was: the fit measures reviewed scenes anew"):
            reviewed_rows.rows([reviewed], weight=1.0)
        shutil.copytree(away, scenes)
        tif = max(scenes.rglob("*.tif"))
        for one in scenes.rglob("*.tif"):
            one.write_bytes(tif.read_bytes() + b"0")
        with pytest.raises(InputError, match="has changed since it was scanned"):
            reviewed_rows.rows([reviewed], weight=1.0)
    finally:
        shutil.rmtree(scenes, ignore_errors=True)
        away.rename(scenes)
