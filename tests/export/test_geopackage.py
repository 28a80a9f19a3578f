from __future__ import annotations

import sqlite3
import xml.etree.ElementTree as ET
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest

from pondscan import export
from pondscan.errors import WorkspaceError
from pondscan.export import geopackage
from pondscan.tables import OBSERVATIONS, PONDS, SITES, names

WHEN = datetime(2024, 2, 17, 4, 12, 0, 25_000, tzinfo=UTC)
LAYERS = {"ponds": PONDS, "sites": SITES, "observations": OBSERVATIONS}


@pytest.fixture
def path(census, tmp_path) -> Path:
    export.write(census, tmp_path, newest=WHEN)
    return tmp_path / "pondscan.gpkg"


def query(path: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("layer", LAYERS)
def test_geopandas_reads_every_layer_with_its_crs(path, layer):
    frame = gpd.read_file(path, layer=layer)
    assert frame.crs == "EPSG:32647"
    assert list(frame.columns) == [*names(LAYERS[layer]), "geometry"]
    assert len(frame) == (1 if layer == "sites" else 3)
    assert frame.geometry.is_valid.all()


def test_values_survive(path, census):
    ponds = gpd.read_file(path, layer="ponds").set_index("pond_id")
    assert list(ponds.index) == ["p1", "p2", "p3"]
    assert ponds.loc["p2", "area_m2"] == 200.12
    assert pd.isna(ponds.loc["p3", "site_id"])
    assert ponds.loc["p1", "first_seen"] == pd.Timestamp("2024-02-17T04:12:00Z")
    assert pd.isna(ponds.loc["p2", "not_seen_before"])
    assert ponds.loc["p2", "n_seen"] == 1
    assert ponds.area["p2"] == pytest.approx(census.ponds.geometry.iloc[0].area, rel=1e-9)


def test_layers_are_in_the_census_crs_whatever_the_tables_are_in(census, tmp_path):
    other = replace(census, ponds=census.ponds.to_crs("EPSG:32648"), sites=census.sites.to_crs("EPSG:4326"))
    export.write(other, tmp_path, newest=WHEN)
    assert [gpd.read_file(tmp_path / "pondscan.gpkg", layer=layer).crs.to_epsg() for layer in LAYERS] == [32647] * 3


def test_every_layer_has_a_spatial_index(path):
    indexed = query(path, "SELECT table_name FROM gpkg_extensions WHERE extension_name = 'gpkg_rtree_index'")
    assert sorted(indexed) == [("observations",), ("ponds",), ("sites",)]


def test_the_file_is_dated_by_the_newest_scene(path):
    dates = {date for (date,) in query(path, "SELECT last_change FROM gpkg_contents")}
    assert dates == {"2024-02-17T04:12:00.025Z"}
    assert query(path, "SELECT DISTINCT update_time FROM layer_styles") == [("2024-02-17T04:12:00.025Z",)]


def test_equal_tables_give_equal_bytes_at_any_time(census, tmp_path):
    for name, clock in (("a", "1999-01-01T00:00:00.000Z"), ("b", "2031-01-01T00:00:00.000Z")):
        (tmp_path / name).mkdir()
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": clock})
        export.write(census, tmp_path / name, newest=WHEN)
        assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") == clock
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_the_order_of_rows_given_does_not_matter(census, tmp_path):
    turned = replace(census, ponds=census.ponds.iloc[::-1], observations=census.observations.iloc[[1, 2, 0]])
    for name, tables in (("a", census), ("b", turned)):
        (tmp_path / name).mkdir()
        export.write(tables, tmp_path / name, newest=WHEN)
    for name in export.PRODUCTS:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_gdals_clock_is_given_back(path):
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


def test_an_empty_census_has_all_its_layers_and_columns(census, tmp_path):
    empty = replace(
        census,
        **{name: getattr(census, name).iloc[:0] for name in ("ponds", "sites", "observations", "timeseries", "survey")},
    )
    export.write(empty, tmp_path, newest=None)
    for layer, table in LAYERS.items():
        info = pyogrio.read_info(tmp_path / "pondscan.gpkg", layer=layer)
        assert (info["features"], list(info["fields"]), info["crs"]) == (0, names(table), "EPSG:32647")
        assert info["geometry_type"] == "MultiPolygon"
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(export.PRODUCTS)


def test_qgis_finds_one_default_style_for_each_layer(path):
    sql = "SELECT f_table_name, f_table_catalog, f_table_schema, f_geometry_column, useAsDefault FROM layer_styles"
    assert sorted(query(path, sql)) == [(layer, "", "", "geom", 1) for layer in sorted(LAYERS)]
    assert {row[0] for row in query(path, "SELECT column_name FROM gpkg_geometry_columns")} == {"geom"}


@pytest.mark.parametrize("layer", LAYERS)
def test_styles_speak_of_columns_the_layer_has(layer):
    root = ET.fromstring(resources.files("pondscan.export").joinpath("styles", f"{layer}.qml").read_text())  # noqa: S314
    attribute = root.find("renderer-v2").get("attr")
    expressions = [rule.get("filter") for rule in root.iter("rule")]
    expressions += [style.get("fieldName") for style in root.iter("text-style")]
    quoted = {word for text in expressions for word in text.split('"')[1::2]} | ({attribute} if attribute else set())
    assert quoted
    assert quoted <= set(names(LAYERS[layer]))


@pytest.mark.parametrize("layer", LAYERS)
def test_every_class_of_a_style_has_its_own_symbol(layer):
    root = ET.fromstring(resources.files("pondscan.export").joinpath("styles", f"{layer}.qml").read_text())  # noqa: S314
    used = [item.get("symbol") for item in (*root.iter("category"), *root.iter("rule"))]
    assert sorted(used) == sorted(symbol.get("name") for symbol in root.iter("symbol"))
    assert len(set(used)) == len(used)


def test_every_kind_of_pond_and_status_of_a_site_is_drawn():
    def values(layer):
        text = resources.files("pondscan.export").joinpath("styles", f"{layer}.qml").read_text()
        return {category.get("value") for category in ET.fromstring(text).iter("category")}  # noqa: S314

    assert values("ponds") == {
        *("turquoise", "milky", "white", "dark", "algal", "brown", "yellow_green", "meshed"),
        *("sheeted", "dry", "unknown"),
    }
    assert values("sites") == {"present", "covered", "unobserved", "gone"}


def test_a_full_disk_is_one_sentence(census, tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise pyogrio.errors.FeatureError("sqlite3_step() failed: database or disk is full")

    monkeypatch.setattr(geopackage.pyogrio, "write_dataframe", full)
    with pytest.raises(WorkspaceError, match=r"pondscan\.gpkg: cannot be written .*disk is full.*: check"):
        export.write(census, tmp_path, newest=WHEN)
