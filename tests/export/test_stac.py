from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pystac
import pytest
import shapely
from export_examples import publish
from pystac.validation import JsonSchemaSTACValidator

from pondscan import handover, manifest
from pondscan.errors import WorkspaceError
from pondscan.tables import PONDS, names

EXTENSIONS = os.environ.get("PONDSCAN_STAC_EXTENSIONS")
"""Folder of extension schemas, each as ``<extension>/<version>/schema.json``: no package brings them."""


class Offline(JsonSchemaSTACValidator):
    """What pystac validates with, from the schemas in its wheel alone."""

    def _get_schema(self, schema_uri):
        assert schema_uri in self.schema_cache, f"{schema_uri} is not in pystac's wheel"
        return super()._get_schema(schema_uri)


@pytest.fixture
def folder(workspace) -> Path:
    handover.export(workspace, "stac")
    return workspace / "export" / "stac"


@pytest.fixture
def collection(folder) -> pystac.Collection:
    return pystac.Collection.from_file(str(folder / "collection.json"))


def everything(collection: pystac.Collection) -> list[pystac.Collection | pystac.Item]:
    return [collection, *collection.get_items()]


def test_the_core_of_every_object_is_valid(collection):
    validator = Offline()
    for one in everything(collection):
        uri = validator.validate_core(one.to_dict(), one.STAC_OBJECT_TYPE, pystac.get_stac_version())
        assert uri.startswith("https://schemas.stacspec.org/v1.1.0/")


def test_what_the_core_forbids_is_found(collection):
    broken = next(collection.get_items()).to_dict()
    del broken["properties"]["start_datetime"]
    with pytest.raises(pystac.errors.STACValidationError):
        Offline().validate_core(broken, pystac.STACObjectType.ITEM, pystac.get_stac_version())


@pytest.mark.parametrize("extension", ["file/v2.1.0", "projection/v2.0.0", "table/v1.2.0", "processing/v1.2.0"])
def test_extensions_are_valid(collection, extension):
    schema = Path(EXTENSIONS or "") / extension / "schema.json"
    if EXTENSIONS is None or not schema.is_file():
        pytest.skip(
            f"STAC EXTENSION NOT TESTED: no {extension}/schema.json in the folder PONDSCAN_STAC_EXTENSIONS names"
        )
    uri = f"https://stac-extensions.github.io/{extension}/schema.json"
    validator = Offline()
    validator.schema_cache[uri] = json.loads(schema.read_text("utf-8"))
    users = [one for one in everything(collection) if uri in one.stac_extensions]
    assert users
    for one in users:
        validator.validate_extension(one.to_dict(), one.STAC_OBJECT_TYPE, pystac.get_stac_version(), uri)


def test_it_can_be_moved_and_holds_what_it_speaks_of(folder, tmp_path):
    moved = folder.rename(tmp_path / "elsewhere")
    collection = pystac.Collection.from_file(str(moved / "collection.json"))
    assert collection.catalog_type == pystac.CatalogType.SELF_CONTAINED
    assets = [asset for one in everything(collection) for asset in one.assets.values()]
    files = {Path(asset.get_absolute_href()).relative_to(moved.resolve()).as_posix() for asset in assets}
    assert files == {
        "pondscan.gpkg", "report.html", "run.json", "ponds/ponds.geojson", "sites/sites.geojson",
        "timeseries/timeseries.csv", "survey/survey.csv", "aliases/aliases.csv",
    }  # fmt: skip
    for asset in assets:
        content = Path(asset.get_absolute_href()).read_bytes()
        assert asset.href.startswith("./")
        assert asset.extra_fields["file:size"] == len(content)
        assert asset.extra_fields["file:checksum"] == "1220" + hashlib.sha256(content).hexdigest()
    written = b"".join(path.read_bytes() for path in moved.rglob("*.json") if path.name != "run.json")
    assert str(tmp_path).encode() not in written


def test_products_are_copied_byte_for_byte(folder, workspace):
    for name in ("ponds/ponds.geojson", "pondscan.gpkg", "run.json"):
        assert (folder / name).read_bytes() == (workspace / Path(name).name).read_bytes()


def test_an_item_says_when_and_where(collection):
    item = collection.get_item("ponds")
    assert item.datetime is None
    assert item.properties["start_datetime"] == "2023-01-31T04:12:00Z"
    assert item.properties["end_datetime"] == "2024-02-17T04:12:00Z"
    ground = shapely.geometry.shape(item.geometry)
    assert list(ground.bounds) == item.bbox
    west, south, east, north = item.bbox
    assert (round(west, 2), round(south, 2)) == (98.01, 24.41)
    assert 0.0095 < east - west < 0.0105
    assert 0.0088 < north - south < 0.0095
    assert collection.extent.spatial.bboxes == [item.bbox]
    assert [when.year for when in collection.extent.temporal.intervals[0]] == [2023, 2024]


def test_an_item_describes_its_table(collection):
    ponds = collection.get_item("ponds").properties
    columns = {column["name"]: column for column in ponds["table:columns"]}
    assert list(columns) == [*names(PONDS), "geometry"]
    assert columns["area_sigma_m2"] == {
        "name": "area_sigma_m2", "type": "float64", "description": "its standard deviation"
    }  # fmt: skip
    assert (ponds["table:row_count"], ponds["table:primary_geometry"]) == (3, "geometry")
    survey = collection.get_item("survey").properties
    assert (survey["table:row_count"], "table:primary_geometry" in survey) == (1, False)
    assert ponds["processing:software"] == {"pondscan": "1.2.3"}
    assert "scenes a, b;" in ponds["processing:lineage"]


def test_the_geopackage_names_its_projection(collection):
    assert collection.assets["pondscan.gpkg"].extra_fields["proj:code"] == "EPSG:32647"
    assert collection.get_item("sites").assets["data"].extra_fields["proj:code"] == "OGC:CRS84"


def test_ground_where_nothing_was_found_is_still_ground_looked_at(census, tmp_path):
    empty = replace(census, ponds=census.ponds.iloc[:0], sites=census.sites.iloc[:0])
    folder = publish(empty, tmp_path / "nothing here")
    handover.export(folder, "stac")
    collection = pystac.Collection.from_file(str(folder / "export" / "stac" / "collection.json"))
    assert collection.id == "nothing-here"
    assert collection.get_item("ponds").properties["table:row_count"] == 0
    assert shapely.geometry.shape(collection.get_item("ponds").geometry).area > 0


def changed(workspace: Path, change) -> None:
    document = manifest.read(workspace)
    for scene in document["scenes"]:
        change(scene)
    (workspace / manifest.NAME).write_bytes(manifest.written(document))


def test_a_census_without_a_date_is_refused(workspace):
    changed(workspace, lambda scene: scene.update(datetime=None))
    with pytest.raises(WorkspaceError, match=r"its scene has no date, .*: run it again with --datetime"):
        handover.export(workspace, "stac")
    assert not (workspace / "export" / "stac" / "collection.json").exists()


def test_a_census_without_a_place_is_refused(workspace):
    changed(workspace, lambda scene: scene["grid"].pop("bounds"))
    with pytest.raises(WorkspaceError, match=r"run\.json does not say where scenes lie"):
        handover.export(workspace, "stac")
