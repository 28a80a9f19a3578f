from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import geopandas as gpd
import pandas as pd
import pytest
from export_examples import publish

from pondscan import handover
from pondscan.errors import WorkspaceError
from pondscan.export import shapefile
from pondscan.tables import OBSERVATIONS, PONDS, SITES, Column


@pytest.fixture
def folder(workspace):
    handover.export(workspace, "shapefile")
    return workspace / "export" / "shapefile"


@pytest.mark.parametrize("columns", [PONDS, SITES, OBSERVATIONS])
def test_short_names_are_ten_characters_and_each_is_once(columns):
    short = shapefile.short_names(columns)
    assert list(short) == [column.name for column in columns]
    assert len(set(short.values())) == len(short)
    assert all(len(name.encode()) <= 10 for name in short.values())


def test_names_that_begin_alike_are_told_apart():
    columns = tuple(Column(f"reserve_of_the_{end}", "number", "") for end in ("north", "south", "west"))
    assert list(shapefile.short_names(columns).values()) == ["reserve_of", "reserve_o1", "reserve_o2"]


def test_the_list_of_fields_names_every_field_there_is(folder):
    fields = pd.read_csv(folder / "fields.csv")
    for layer in ("ponds", "sites", "observations"):
        there = gpd.read_file(folder / f"{layer}.shp").columns.drop("geometry").tolist()
        assert fields.loc[fields["file"] == f"{layer}.shp", "field"].tolist() == there


def test_nulls_and_times_survive(folder):
    ponds = gpd.read_file(folder / "ponds.shp").set_index("pond_id")
    assert ponds.crs.to_epsg() == 32647
    assert pd.isna(ponds.loc["p3", "site_id"])
    assert pd.isna(ponds.loc["p2", "not_before"])
    assert ponds.loc["p1", "not_before"] == "2024-02-17T04:12:00Z"
    assert (ponds.loc["p2", "n_seen"], ponds.loc["p2", "area_m2"]) == (1, 200.12)
    sites = gpd.read_file(folder / "sites.shp")
    assert sites["trend_m2yr"].isna().all()


def test_limits_are_told(workspace):
    assert "shorten names to ten characters" in handover.export(workspace, "shapefile").notes[0]


def test_text_that_is_cut_is_said(census, tmp_path):
    scenes = ["é" * 200, "b", "c"]
    long = replace(census, ponds=census.ponds.assign(scene_id=scenes))
    exported = handover.export(publish(long, tmp_path / "long"), "shapefile")
    assert "ponds.shp: 1 values of scene_id (scene_id) are cut after 254 bytes" in exported.notes[1]
    kept = gpd.read_file(tmp_path / "long" / "export" / "shapefile" / "ponds.shp")["scene_id"]
    assert sorted(kept)[-1] == "é" * 127


def test_a_layer_too_large_for_the_format_is_refused(workspace, monkeypatch):
    monkeypatch.setattr(shapefile, "LARGEST_FILE", 500)
    with pytest.raises(WorkspaceError, match=r"larger than the 2 GB a shapefile may have"):
        handover.export(workspace, "shapefile")
    assert not list((workspace / "export" / "shapefile").iterdir())


def test_ogrinfo_opens_it(folder):
    if not shutil.which("ogrinfo"):
        pytest.skip("OGRINFO NOT TESTED: it is not installed (Debian package gdal-bin)")
    command = ["ogrinfo", "-so", "-al", str(folder / "sites.shp")]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    assert "Feature Count: 1" in answer.stdout
    assert "Geometry: Polygon" in answer.stdout
