from __future__ import annotations

import pandas as pd
import pytest
import shapely

from pondscan import handover


@pytest.fixture
def folder(workspace):
    handover.export(workspace, "csv")
    return workspace / "export" / "csv"


def test_ponds_have_a_place_and_an_outline_in_degrees(folder, census):
    ponds = pd.read_csv(folder / "ponds.csv").set_index("pond_id")
    exact = census.ponds.set_index("pond_id").to_crs("OGC:CRS84").geometry["p2"]
    outline = shapely.from_wkt(ponds.loc["p2", "wkt"])
    assert shapely.area(outline) == pytest.approx(exact.area, rel=0.006)
    assert outline.contains(shapely.Point(ponds.loc["p2", "lon"], ponds.loc["p2", "lat"]))


def test_nulls_are_empty_and_times_iso(folder):
    ponds = pd.read_csv(folder / "ponds.csv", dtype=str, keep_default_na=False).set_index("pond_id")
    assert ponds.loc["p3", "site_id"] == ""
    assert ponds.loc["p2", "not_seen_before"] == ""
    assert ponds.loc["p1", "first_seen"] == "2024-02-17T04:12:00Z"


def test_observations_keep_their_own_place(folder):
    columns = pd.read_csv(folder / "observations.csv").columns.tolist()
    assert columns.count("lon") == columns.count("lat") == 1
    assert columns[-1] == "wkt"


def test_every_column_is_explained(folder):
    meanings = pd.read_csv(folder / "columns.csv")
    for path in folder.glob("*.csv"):
        if path.name != "columns.csv":
            header = path.read_text("utf-8").splitlines()[0].split(",")
            assert meanings.loc[meanings["file"] == path.name, "column"].tolist() == header
    assert meanings["meaning"].notna().all()


def test_tables_without_outlines_are_the_products_themselves(folder, workspace):
    for name in ("timeseries.csv", "survey.csv", "aliases.csv"):
        assert (folder / name).read_bytes() == (workspace / name).read_bytes()


def test_gdal_takes_the_outline_for_geometry(folder):
    import pyogrio

    frame = pyogrio.read_dataframe(folder / "ponds.csv", GEOM_POSSIBLE_NAMES="wkt")
    assert set(frame.geom_type) == {"Polygon"}
