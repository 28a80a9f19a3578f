"""benchmarks/accuracy: the truth it measures with, on cases small enough to count by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import geopandas as gpd
import numpy as np
import pytest
import shapely

from pondscan import evaluate, simulate

Load = Callable[[str], ModuleType]
CRS = "EPSG:32647"


def ponds(centres: list[tuple[float, float]], diameters: list[float]) -> gpd.GeoDataFrame:
    """Discs with their areas."""
    outlines = [shapely.Point(*centre).buffer(size / 2) for centre, size in zip(centres, diameters, strict=True)]
    columns = {"diameter_m": diameters, "area_m2": [math.pi / 4 * size**2 for size in diameters], "confidence": 0.9}
    return gpd.GeoDataFrame(columns, geometry=outlines, crs=CRS)


@pytest.fixture
def accuracy(program: Load) -> ModuleType:
    return program("benchmarks/accuracy")


@pytest.fixture
def report(accuracy: ModuleType) -> ModuleType:
    module = accuracy.accuracy_report
    assert isinstance(module, ModuleType)
    return module


@pytest.fixture
def trial(accuracy: ModuleType) -> object:
    """A village with a mine at 3 m, six hundred metres wide."""
    place = simulate.make_place(31, preset="village", width_m=600, height_m=600, n_sites=1, median_diameter_m=12)
    rendered = simulate.render(place, "planetscope", accuracy.WHEN, seed=31)
    return accuracy.Trial(rendered, simulate.truth(place, accuracy.WHEN, rendered), accuracy.FOUR, name="village 31")


def test_limit_is_nought_where_all_were_found_and_infinite_where_none_was(report: ModuleType) -> None:
    true = ponds([(0, 0), (100, 0), (200, 0)], [10, 15, 20])
    everything = evaluate.score(true, true, gsd_m=3.0)
    nothing = evaluate.score(true.iloc[:0], true, gsd_m=3.0)
    assert report.limit_m(everything, 0.9) == 0.0
    assert report.limit_m(nothing, 0.5) == math.inf


def test_limit_lies_between_the_ponds_missed_and_those_found(report: ModuleType) -> None:
    sizes = [8.0, 9.0, 10.0, 11.0, 20.0, 21.0, 22.0, 23.0]
    true = ponds([(100.0 * k, 0) for k in range(8)], sizes)
    limit = report.limit_m(evaluate.score(true.iloc[4:], true, gsd_m=10.0), 0.5)
    assert 11 < limit < 20


def test_oracle_finds_ponds_that_stand_apart(accuracy: ModuleType, trial: object) -> None:
    true = ponds([(600_100, 2_899_800), (600_300, 2_899_600)], [18, 30]).assign(status="present")
    grid = replace(trial.rendered.grid, crs=CRS, x_origin=600_000.0, y_origin=2_900_000.0)  # type: ignore[attr-defined]
    small = replace(trial, rendered=replace(trial.rendered, grid=grid), true=true)  # type: ignore[attr-defined,type-var]
    found = accuracy.oracle(small)
    assert len(found) == 2
    assert evaluate.measures(evaluate.score(found, true, gsd_m=3.0)).overall.f1.value == 1.0
    assert np.sort(found["area_m2"]) == pytest.approx([math.pi * 81, math.pi * 225], rel=0.1)


def test_group_is_judged_and_told(
    accuracy: ModuleType, report: ModuleType, trial: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = accuracy.judge(iter([trial]), iter([trial]), quick=True)
    assert {"pondscan", "oracle", "NDWI > 0", "NDWI > 0.15", "edge-Otsu NDWI"} == outcome.scores.keys()
    assert len(outcome.scores["oracle"].counted_true) > 3
    assert outcome.assumed_ponds_per_km2[0] == outcome.assumed_ponds_per_km2[1] > 0
    tables = {"3 m, four bands": outcome, report.IMPLANTS: outcome}
    bare = {"bolzano": report.Empty(2, 0, 50.0)}
    mountains = {(4, True): (outcome.scores["oracle"], {"stored": 7, "shadow": 10, "clear": 30, "on a slope": 2})}
    report.write(tables, {"3 m, four bands": report.Empty(1, 3, 4.0)}, bare, mountains, tmp_path)
    text = (tmp_path / "accuracy.md").read_text(encoding="utf-8")
    assert "| 3 m, four bands | 4 | 1 | 0.250 | 3 |" in text
    assert "| bare_hills | not there |" in text
    assert "| 7 | 0 | 2 | 25% |" in text
    assert "nan" not in text
    assert "None" not in text
    widths = [line.count("|") for line in text.splitlines() if line.startswith("|")]
    heads = [k for k, line in enumerate(line for line in text.splitlines() if line.startswith("|")) if "---" in line]
    assert all(widths[k - 1] == widths[k] for k in heads)
    assert (tmp_path / "accuracy_detection.svg").stat().st_size > 1000
    assert capsys.readouterr().out.startswith("# Accuracy")


def test_ponds_larger_than_the_limit_make_the_sites_that_must_be_found(accuracy: ModuleType, trial: object) -> None:
    two_sites = ponds(
        [(600_100, 2_899_800), (600_130, 2_899_800), (600_100, 2_899_200), (600_130, 2_899_200)], [9, 9, 30, 30]
    )
    true = two_sites.assign(status="present", kind="turquoise")
    grid = replace(trial.rendered.grid, crs=CRS, x_origin=600_000.0, y_origin=2_900_000.0)  # type: ignore[attr-defined]
    small = replace(trial, rendered=replace(trial.rendered, grid=grid), true=true)  # type: ignore[attr-defined,type-var]
    large_only = true.iloc[2:]
    assert evaluate.sites(accuracy.score_of(small, large_only, limit_m=0.0)).recall.value == 0.5
    assert evaluate.sites(accuracy.score_of(small, large_only, limit_m=20.0)).recall.value == 1.0
