from __future__ import annotations

import json

import geopandas as gpd
import pyarrow.parquet as pq
import pyproj
import pytest
import shapely

from pondscan import handover
from pondscan.tables import OBSERVATIONS, PONDS, SITES, names

LAYERS = {"ponds": PONDS, "sites": SITES, "observations": OBSERVATIONS}


@pytest.fixture
def folder(workspace):
    handover.export(workspace, "geoparquet")
    return workspace / "export" / "geoparquet"


@pytest.mark.parametrize("layer", LAYERS)
def test_the_geo_metadata_is_as_the_specification_1_1_asks(folder, layer):
    path = folder / f"{layer}.parquet"
    geo = json.loads(pq.read_schema(path).metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    assert geo["primary_column"] == "geometry"
    assert set(geo["columns"]) == {"geometry"}
    column = geo["columns"]["geometry"]
    allowed = {"encoding", "geometry_types", "crs", "orientation", "edges", "bbox", "epoch", "covering"}
    assert set(column) <= allowed
    assert column["encoding"] == "WKB"
    assert column["geometry_types"] == ["Polygon"]
    assert column.get("edges", "planar") == "planar"
    assert pyproj.CRS.from_json_dict(column["crs"]) == pyproj.CRS("OGC:CRS84")
    assert column["covering"] == {
        "bbox": {side: ["bbox", side] for side in ("xmin", "ymin", "xmax", "ymax")},
    }
    west, south, east, north = column["bbox"]
    assert 98 < west < east < 100
    assert 24 < south < north < 25


@pytest.mark.parametrize("layer", LAYERS)
def test_boxes_hold_their_outlines_and_rows_are_wkb(folder, layer):
    table = pq.read_table(folder / f"{layer}.parquet")
    outlines = shapely.from_wkb(table["geometry"].to_pylist())
    for box, outline in zip(table["bbox"].to_pylist(), outlines, strict=True):
        assert shapely.box(box["xmin"], box["ymin"], box["xmax"], box["ymax"]).covers(outline)
    assert [name for name in table.column_names if name not in {"geometry", "bbox"}] == names(LAYERS[layer])


def test_columns_carry_their_meaning(folder):
    field = pq.read_schema(folder / "ponds.parquet").field("area_sigma_m2")
    assert field.metadata[b"description"] == b"its standard deviation"


def test_geopandas_reads_it_back(folder, census):
    ponds = gpd.read_parquet(folder / "ponds.parquet").set_index("pond_id")
    exact = census.ponds.set_index("pond_id").geometry["p2"]
    assert ponds.to_crs("EPSG:32647").geometry["p2"].symmetric_difference(exact).area < 1e-3
    near = gpd.read_parquet(folder / "ponds.parquet", bbox=ponds.geometry["p2"].bounds)
    assert near["pond_id"].tolist() == ["p2"]


def test_duckdb_reads_it(folder):
    duckdb = pytest.importorskip("duckdb", reason="DUCKDB NOT TESTED: it is not installed")
    rows = duckdb.sql(
        f"SELECT pond_id, area_m2, n_seen, year(first_seen), bbox.xmin FROM '{folder}/ponds.parquet' ORDER BY pond_id"  # noqa: S608
    ).fetchall()
    assert [row[:4] for row in rows] == [("p1", 199.0, 2, 2024), ("p2", 200.12, 1, 2024), ("p3", 201.0, 3, 2024)]
    assert 98 < rows[0][4] < 100
    [(kind,)] = duckdb.sql(f"SELECT DISTINCT typeof(geometry) FROM '{folder}/ponds.parquet'").fetchall()  # noqa: S608
    assert str(kind).startswith("GEOMETRY")
