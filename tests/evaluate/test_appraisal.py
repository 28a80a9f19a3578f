"""Truth files, and which of their rows speak of which scene."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from pondscan import evaluate
from pondscan.appraisal import appraise
from pondscan.appraisal.figure import draw_recall, draw_reliability
from pondscan.appraisal.truth import read_truth, truth_for, truth_on
from pondscan.errors import InputError

HEADER = "lon,lat,date,diameter_m,status\n"


def csv(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "truth.csv"
    path.write_text(text)
    return path


def test_a_csv_gives_discs_of_their_diameter(tmp_path):
    truth = read_truth(csv(tmp_path, HEADER + "98.1,25.3,2022-03-12,20,present\n98.2,25.3,2022-03-12,10,\n"))
    assert truth["area_m2"].tolist() == pytest.approx([math.pi * 100, math.pi * 25])
    assert shapely.area(truth.geometry).tolist() == pytest.approx([math.pi * 100, math.pi * 25], rel=0.01)
    assert truth["status"].tolist() == ["present", "present"]
    assert truth["day"].tolist() == [date(2022, 3, 12)] * 2
    lon, lat = shapely.get_coordinates(truth.centroid.to_crs("EPSG:4326")).T
    assert (lon.tolist(), lat.tolist()) == (pytest.approx([98.1, 98.2]), pytest.approx([25.3, 25.3]))


def test_points_and_polygons_may_stand_in_one_file(tmp_path):
    outlines = [shapely.Point(500_000, 2_800_000), shapely.box(500_100, 2_800_000, 500_110, 2_800_010)]
    path = tmp_path / "truth.gpkg"
    gpd.GeoDataFrame({"diameter_m": [8.0, None]}, geometry=outlines, crs="EPSG:32647").to_file(path)
    assert read_truth(path)["area_m2"].tolist() == pytest.approx([math.pi * 16, 100])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("lon,lat\n98,25\n", "column diameter_m is missing among lon, lat"),
        (HEADER + "98,95,2022-03-12,10,present\n", "lat of row 1 is '95'"),
        (HEADER + "98,25,2022-03-12,10,present\n,25,2022-03-12,10,present\n", "lon of row 2 is empty"),
        (HEADER + "98,25,2022-03-12,0,present\n", "diameter_m of row 1 is '0'"),
        (HEADER + "98,25,2022-03-12,,present\n", "diameter_m of row 1 is empty"),
        (HEADER + "98,25,tomorrow,10,present\n", "date of row 1 is 'tomorrow'"),
        (HEADER + "98,25,2022-03-12,10,present\n98,25,,10,present\n", "date of row 2 is empty"),
        (HEADER + "98,25,2022-03-12,10,filled\n", "status of row 1 is 'filled', which is none of present, covered"),
        ("", "cannot be read as CSV"),
    ],
)
def test_values_that_make_no_sense_are_named(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence):
        read_truth(csv(tmp_path, text))


@pytest.mark.parametrize(
    ("outline", "sentence"),
    [
        (shapely.LineString([(0, 0), (1, 1)]), "feature 1 has an outline of type LineString"),
        (shapely.Polygon(), "feature 1 has an outline of type Polygon"),
        (shapely.Polygon([(0, 0), (1, 1), (2, 2)]), "feature 1 is an outline without area"),
    ],
)
def test_outlines_that_are_none_are_named(tmp_path, outline, sentence):
    path = tmp_path / "truth.parquet"
    gpd.GeoDataFrame(geometry=[outline], crs="EPSG:32647").to_parquet(path)
    with pytest.raises(InputError, match=sentence):
        read_truth(path)


def test_outlines_that_cross_themselves_are_mended(tmp_path):
    path = tmp_path / "truth.parquet"
    bow_tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    gpd.GeoDataFrame(geometry=[bow_tie], crs="EPSG:32647").to_parquet(path)
    assert shapely.area(read_truth(path).geometry).tolist() == [50.0]


def truth(*rows: tuple[str, str | None, str]) -> gpd.GeoDataFrame:
    """Rows of (pond and state, sensor, day)."""
    table = pd.DataFrame(
        {
            "pond_id": [row[0].split()[0] for row in rows],
            "status": [row[0].split()[1] for row in rows],
            "sensor": [row[1] for row in rows],
            "day": [date.fromisoformat(row[2]) if row[2] else None for row in rows],
        }
    )
    return gpd.GeoDataFrame(table, geometry=[shapely.box(0, 0, 1, 1)] * len(rows), crs="EPSG:32647")


def test_a_scene_is_held_against_its_day_and_sensor():
    rows = truth(
        ("a present", "planetscope", "2022-03-12"),
        ("b present", "sentinel-2", "2022-03-12"),
        ("c present", None, "2022-03-12"),
        ("d present", "planetscope", "2022-03-13"),
    )
    day = date(2022, 3, 12)
    assert truth_for(rows, day=day, sensor="planetscope", gsd_m=3.0)["pond_id"].tolist() == ["a", "c"]
    assert truth_for(rows, day=day, sensor="generic", gsd_m=10.0)["pond_id"].tolist() == ["b", "c"]
    assert truth_for(rows, day=date(2022, 3, 14), sensor="generic", gsd_m=10.0) is None
    assert truth_for(rows[:2], day=day, sensor="skysat", gsd_m=0.8) is None


def test_a_truth_without_dates_speaks_of_every_day():
    rows = truth(("a present", None, ""))
    assert len(truth_for(rows, day=date(2022, 3, 14), sensor="skysat", gsd_m=0.8)) == 1


def test_products_are_held_against_the_best_known_state_of_each_pond():
    rows = truth(
        ("a clouded", "planetscope", "2022-03-12"),
        ("a present", "sentinel-2", "2022-03-12"),
        ("b gone", "planetscope", "2022-03-12"),
        ("a gone", "planetscope", "2022-03-13"),
    )
    told = truth_on(rows, date(2022, 3, 12))
    assert dict(zip(told["pond_id"], told["status"], strict=True)) == {"a": "present", "b": "gone"}


def test_ponds_no_longer_there_are_not_claimed(tmp_path):
    outlines = [shapely.box(x, 2_800_000, x + 10, 2_800_010) for x in (500_000, 500_100)]
    found = gpd.GeoDataFrame({"status": ["present", "gone"]}, geometry=outlines, crs="EPSG:32647")
    for name in ("found", "true"):
        (found if name == "found" else found[["geometry"]]).to_crs("EPSG:4326").to_file(tmp_path / f"{name}.geojson")
    (part,) = appraise(tmp_path / "found.geojson", tmp_path / "true.geojson").parts
    assert part.score.found["outcome"].tolist() == ["hit", "rejected"]
    assert part.score.true["reason"].tolist() == ["", "rejected: gone"]
    assert part.day is None
    assert math.isnan(part.gsd_m)


@pytest.mark.parametrize("empty", ["found", "true", "both"])
def test_files_without_ponds_are_compared_too(tmp_path, empty):
    one = gpd.GeoDataFrame(geometry=[shapely.box(98.0, 25.0, 98.0001, 25.0001)], crs="EPSG:4326")
    for name in ("found", "true"):
        (one.iloc[:0] if empty in (name, "both") else one).to_parquet(tmp_path / f"{name}.parquet")
    (part,) = appraise(tmp_path / "found.parquet", tmp_path / "true.parquet").parts
    assert part.score.found["outcome"].tolist() == ([] if empty != "true" else ["false"])
    assert part.score.true["outcome"].tolist() == ([] if empty != "found" else ["missed"])


def test_curves_show_the_measures_with_their_intervals():
    from matplotlib.figure import Figure

    outlines = [shapely.Point(100.0 * k, 0).buffer(size / 2) for k, size in enumerate((9, 9, 20, 20))]
    true = gpd.GeoDataFrame(geometry=outlines, crs="EPSG:32647")
    found = true.iloc[1:].assign(confidence=0.8)
    whole = evaluate.measures(evaluate.score(found, true, gsd_m=3.0))
    recall, reliability, empty = Figure().subplots(1, 3)
    draw_recall(recall, whole)
    assert recall.lines[0].get_ydata().tolist() == [0.5, 1.0]
    assert [label.get_text() for label in recall.get_xticklabels()] == ["8-12\n2", "16-24\n2"]
    draw_reliability(reliability, whole)
    stated, are_ponds = reliability.lines[1].get_data()
    assert stated.tolist() == pytest.approx([0.8])
    assert are_ponds.tolist() == [1.0]
    draw_reliability(empty, evaluate.measures(evaluate.score(found.iloc[:0], true, gsd_m=3.0)))
    assert [text.get_text() for text in empty.texts] == ["nothing to show"]
