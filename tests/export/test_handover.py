from __future__ import annotations

import threading
from dataclasses import replace

import geopandas as gpd
import pandas as pd
import pytest
from export_examples import publish

from pondscan import handover
from pondscan.errors import WorkspaceError
from pondscan.export import snapshot
from pondscan.tables import PONDS, SITES, SURVEY, TIMESERIES, names

FILES = [name for name, one in handover.FORMATS.items() if one.needs is None and not one.is_drawn]
"""Formats that are files of the census."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(handover, "PAUSE_S", 0.01)


def test_a_snapshot_holds_what_was_published(workspace, census):
    snapshot = handover.published(workspace)
    ponds = snapshot.layers["ponds"].set_index("pond_id")
    assert (snapshot.name, snapshot.notes) == ("census", ())
    assert list(ponds.index) == ["p1", "p2", "p3"]
    assert ponds.loc["p2", "area_m2"] == 200.12
    assert ponds.geometry["p2"].equals_exact(census.ponds.geometry.iloc[0], 1e-9)
    assert set(ponds.geom_type) == {"Polygon"}
    assert list(snapshot.layers["sites"].columns) == [*names(SITES), "geometry"]
    series = snapshot.tables["timeseries"]
    assert list(series.columns) == names(TIMESERIES)
    assert series["n_ponds"].tolist() == [2, pd.NA]
    assert series["datetime"].iloc[0] == pd.Timestamp("2024-02-17T04:12:00Z")
    assert [when.year for when in snapshot.acquired] == [2023, 2024]


def test_a_folder_without_a_census_is_refused(tmp_path):
    with pytest.raises(WorkspaceError, match=r"there is no census in this folder \(run.json is missing"):
        handover.export(tmp_path, "csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["ponds.geojson", "timeseries.csv"])
def test_an_edited_product_is_refused_and_an_earlier_export_stays(workspace, name):
    handover.export(workspace, "csv")
    before = (workspace / "export" / "csv" / "ponds.csv").read_bytes()
    (workspace / name).write_bytes((workspace / name).read_bytes() + b"\n")
    with pytest.raises(WorkspaceError, match=f"{name}: it is not what run.json says was published: wait for a run"):
        handover.export(workspace, "csv")
    assert (workspace / "export" / "csv" / "ponds.csv").read_bytes() == before


def test_a_missing_product_is_refused(workspace):
    (workspace / "survey.csv").unlink()
    with pytest.raises(WorkspaceError, match=r"survey\.csv: it is not what"):
        handover.published(workspace)


def test_products_that_a_run_is_just_replacing_are_waited_for(workspace, census, tmp_path, monkeypatch):
    monkeypatch.setattr(handover, "PAUSE_S", 0.1)
    newer = publish(replace(census, ponds=census.ponds.assign(area_m2=111.0)), tmp_path / "newer")
    names_in_order = sorted(file.name for file in newer.iterdir() if file.is_file() and file.name != "run.json")
    (newer / names_in_order[0]).replace(workspace / names_in_order[0])
    (newer / "ponds.geojson").replace(workspace / "ponds.geojson")

    def finish():
        for name in names_in_order:
            if (newer / name).exists():
                (newer / name).replace(workspace / name)
        (newer / "run.json").replace(workspace / "run.json")

    timer = threading.Timer(0.25, finish)
    timer.start()
    snapshot = handover.published(workspace)
    timer.join()
    assert set(snapshot.layers["ponds"]["area_m2"]) == {111.0}


def touch(workspace, sql):
    import sqlite3

    connection = sqlite3.connect(workspace / "pondscan.gpkg")
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")  # they call functions that only GDAL and QGIS bring
    connection.execute("PRAGMA journal_mode = wal")
    with connection:
        connection.execute(sql)
    connection.close()


def test_a_geopackage_that_qgis_merely_opened_is_still_used(workspace):
    touch(workspace, "CREATE TABLE qgis_projects (name TEXT)")
    snapshot = handover.published(workspace)
    assert len(snapshot.layers["ponds"]) == 3
    assert snapshot.notes[0].startswith("pondscan.gpkg has been written to by another program")


def test_a_geopackage_whose_ponds_were_edited_is_refused(workspace):
    touch(workspace, "UPDATE ponds SET area_m2 = 999 WHERE pond_id = 'p1'")
    with pytest.raises(WorkspaceError, match=r"pondscan\.gpkg: its ponds were edited"):
        handover.published(workspace)


@pytest.mark.parametrize("format_name", FILES)
def test_equal_products_give_equal_exports(workspace, format_name):
    files = handover.export(workspace, format_name).files
    first = {file: file.read_bytes() for file in files}
    assert {file: file.read_bytes() for file in handover.export(workspace, format_name).files} == first
    assert not list((workspace / "export").glob(".*"))


@pytest.mark.parametrize("format_name", FILES)
def test_an_empty_census_can_be_handed_on(census, tmp_path, format_name):
    layers = ("ponds", "sites", "observations", "timeseries", "survey")
    empty = replace(census, **{name: getattr(census, name).iloc[:0] for name in layers})
    exported = handover.export(publish(empty, tmp_path / "empty"), format_name)
    assert exported.files
    assert all(file.stat().st_size for file in exported.files)


def test_every_format_reads_the_same_ponds(workspace):
    for name in ("csv", "geoparquet", "kml", "shapefile"):
        handover.export(workspace, name)
    folder = workspace / "export"
    ponds = gpd.read_parquet(folder / "geoparquet" / "ponds.parquet")
    assert list(pd.read_csv(folder / "csv" / "ponds.csv").columns[: len(PONDS)]) == names(PONDS)
    found = {
        "csv": pd.read_csv(folder / "csv" / "ponds.csv")["pond_id"].tolist(),
        "geoparquet": ponds["pond_id"].tolist(),
        "kml": gpd.read_file(folder / "kml" / "census.kml", layer="Ponds")["pond_id"].tolist(),
        "shapefile": gpd.read_file(folder / "shapefile" / "ponds.shp")["pond_id"].tolist(),
    }
    assert set(map(tuple, found.values())) == {("p1", "p2", "p3")}


def test_a_table_of_an_older_version_is_refused_with_the_remedy():
    with pytest.raises(
        WorkspaceError, match=r"survey\.csv: it cannot be read \(the table lacks the columns .*pondscan run"
    ):
        snapshot._read_csv("survey.csv", b"period,n_scenes\nyear,1\n", SURVEY)
