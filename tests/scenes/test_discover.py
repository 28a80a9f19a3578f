"""Walking, naming, archives, duplicates: what becomes a scene, a failure, or is passed over."""

from __future__ import annotations

import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pondscan.config import Settings
from pondscan.errors import ConfigError, InputError
from pondscan.scenes import Discovery, discover, superseded

WriteRaster = Callable[..., Path]
SIZE = 8
NAMED = ("blue", "green", "red", "nir")


def found(*inputs: Path | str, **values: Any) -> Discovery:
    return discover(inputs, Settings.model_validate({"input": values}))


def sources(discovery: Discovery) -> list[str]:
    return [Path(scene.source).name for scene in discovery.scenes]


def test_scenes_come_by_date_whatever_the_order_of_inputs(raster: WriteRaster, tmp_path: Path) -> None:
    paths = [raster(tmp_path / f"{n}_{day}.tif", names=NAMED) for n, day in (("a", 20200303), ("b", 20200101))]
    forward, backward = found(*paths), found(*reversed(paths))
    assert sources(forward) == ["b_20200101.tif", "a_20200303.tif"]
    assert forward == backward


def test_the_same_file_named_twice_is_one_scene(raster: WriteRaster, tmp_path: Path) -> None:
    path = raster(tmp_path / "a_20200101.tif", names=NAMED)
    assert len(found(path, path, tmp_path, str(tmp_path / "*.tif")).scenes) == 1


def test_what_is_met_on_the_way_is_ignored_and_listed(raster: WriteRaster, tmp_path: Path) -> None:
    raster(tmp_path / "deep" / "er" / "a_20200101.tif", names=NAMED)
    raster(tmp_path / "dem.tif", np.ones((SIZE, SIZE), np.float32))
    (tmp_path / "README.md").write_text("words")
    (tmp_path / ".hidden").write_text("nothing")
    (tmp_path / "deep" / "er" / "a_20200101.tif.aux.xml").write_text("<PAMDataset/>")
    discovery = found(tmp_path)
    assert sources(discovery) == ["a_20200101.tif"]
    assert [Path(path).name for path in discovery.ignored] == ["README.md", "dem.tif"]
    assert not discovery.failures


def test_an_unreadable_raster_met_on_the_way_is_a_failure(raster: WriteRaster, tmp_path: Path) -> None:
    raster(tmp_path / "a_20200101.tif", names=NAMED)
    (tmp_path / "broken.tif").write_bytes(b"II*\0 this is no TIFF")
    discovery = found(tmp_path)
    assert len(discovery.scenes) == 1
    ((source, sentence),) = discovery.failures
    assert source.endswith("broken.tif")
    assert "cannot be read as a raster" in sentence


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.tif", "does not exist"),
        ("*.tiff", "matches no file"),
        ("README.md", "cannot be read as a raster"),
        ("empty", "holds no scene pondscan recognises among 0 files"),
        ("x.clear.tif", "belongs to no product pondscan recognises"),
        ("broken.zip", "cannot be read as an archive"),
        ("words.zip", "holds no scene pondscan recognises"),
    ],
)
def test_what_the_user_names_and_is_no_scene_is_a_failure(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "README.md").write_text("words")
    (tmp_path / "x.clear.tif").write_bytes(b"")
    (tmp_path / "broken.zip").write_bytes(b"PK no archive")
    (tmp_path / "empty").mkdir()
    with zipfile.ZipFile(tmp_path / "words.zip", "w") as archive:
        archive.writestr("README.md", "words")
    discovery = found(tmp_path / name)
    assert not discovery.scenes
    ((source, sentence),) = discovery.failures
    assert source == str(tmp_path / name)
    assert reason in sentence
    assert "\n" not in sentence


def test_one_bad_input_leaves_the_good_ones(raster: WriteRaster, tmp_path: Path) -> None:
    path = raster(tmp_path / "a_20200101.tif", names=NAMED)
    discovery = found(path, tmp_path / "missing.tif")
    assert (len(discovery.scenes), len(discovery.failures)) == (1, 1)


def test_only_the_named_files_of_a_folder_are_taken(raster: WriteRaster, tmp_path: Path) -> None:
    for day in (1, 2, 3):
        raster(tmp_path / f"a_2020010{day}.tif", names=NAMED)
    assert sources(found(tmp_path / "a_20200102.tif")) == ["a_20200102.tif"]
    assert len(found(str(tmp_path / "a_2020010[12].tif")).scenes) == 2


def test_a_named_band_file_brings_no_strangers(raster: WriteRaster, tmp_path: Path) -> None:
    for role in NAMED:
        raster(tmp_path / f"a_20200101_{role}.tif", np.ones((SIZE, SIZE), np.uint16))
    raster(tmp_path / "b_20200102.tif", names=NAMED)
    assert len(found(str(tmp_path / "a_*.tif")).scenes) == 1
    discovery = found(tmp_path / "a_20200101_red.tif")
    assert "has 1 band" in discovery.failures[0][1]


def test_several_undated_scenes_are_refused_in_one_sentence(raster: WriteRaster, tmp_path: Path) -> None:
    for name in ("a", "b"):
        raster(tmp_path / f"{name}.tif", names=NAMED)
    with pytest.raises(InputError, match="2 scenes have no date"):
        found(tmp_path)
    with pytest.raises(ConfigError, match="--datetime dates one scene"):
        found(tmp_path, acquired="2020-01-01T00:00:00Z")
    (scene,) = found(tmp_path / "a.tif", acquired="2020-01-01T02:00:00+02:00").scenes
    assert scene.datetime == datetime(2020, 1, 1, tzinfo=UTC)


def test_a_copy_under_another_name_is_superseded(raster: WriteRaster, tmp_path: Path) -> None:
    path = raster(tmp_path / "a_20200101.tif", names=NAMED)
    shutil.copy(path, tmp_path / "b_20200101.tif")
    discovery = found(tmp_path)
    first, second = (scene.scene_id for scene in discovery.scenes)
    assert superseded(discovery.scenes) == {first: second}


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_rasters_in_archives_are_read_in_place(raster: WriteRaster, tmp_path: Path, kind: str) -> None:
    path = raster(tmp_path / "outside" / "a_20200101.tif", names=NAMED)
    archive = tmp_path / "inputs" / f"scenes.{kind}"
    archive.parent.mkdir()
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as packed:
            packed.write(path, "in/a_20200101.tif")
    else:
        with tarfile.open(archive, "w") as packed:
            packed.add(path, "./in/a_20200101.tif")
    for named in (archive, archive.parent):
        (scene,) = found(named).scenes
        assert scene.files == (str(archive),)
        assert scene.bands["red"].path == f"/vsi{kind}/{archive}/in/a_20200101.tif"


def test_the_same_product_met_twice_is_read_once_and_says_so(raster: WriteRaster, tmp_path: Path) -> None:
    path = raster(tmp_path / "x" / "a_20200101.tif", names=NAMED)
    (tmp_path / "y").mkdir()
    shutil.copy(path, tmp_path / "y")
    (scene,) = found(tmp_path).scenes
    assert scene.source == str(path)
    assert f"also found as {tmp_path / 'y' / path.name}, which is not read" in scene.warnings


# STAC


def item(path: Path, identifier: str = "item", **properties: Any) -> Path:
    assets = {role: {"href": f"./{role}.tif", "raster:bands": [{"scale": 1e-4, "offset": 0}]} for role in NAMED}
    document = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": identifier,
        "properties": {"datetime": "2020-01-02T03:04:05Z", **properties},
        "assets": assets,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def stac_folder(raster: WriteRaster, tmp_path: Path) -> Path:
    folder = tmp_path / "item"
    for role in NAMED:
        raster(folder / f"{role}.tif", np.ones((SIZE, SIZE), np.uint16))
    return folder


def test_an_item_is_found_by_itself_its_folder_and_a_collection(stac_folder: Path, tmp_path: Path) -> None:
    path = item(stac_folder / "item.json")
    collection = tmp_path / "collection.json"
    links = [{"rel": "item", "href": "./item/item.json"}, {"rel": "root", "href": "./catalog.json"}]
    collection.write_text(json.dumps({"type": "Collection", "stac_version": "1.0.0", "links": links}))
    for named in (path, stac_folder, collection, tmp_path):
        (scene,) = found(named).scenes
        assert scene.scene_id == "item"
        assert scene.datetime == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
        assert scene.bands["nir"].scale == 1e-4


def test_a_collection_without_local_items_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "collection.json"
    links = [{"rel": "item", "href": "https://example.com/item.json"}]
    path.write_text(json.dumps({"type": "Collection", "stac_version": "1.0.0", "links": links}))
    assert "links to no local item" in found(path).failures[0][1]


def test_an_item_without_its_files_names_what_is_missing(stac_folder: Path) -> None:
    path = item(stac_folder / "item.json")
    (stac_folder / "nir.tif").unlink()
    assert "has no nir band (found: blue = blue, green = green, red = red)" in found(path).failures[0][1]


def test_a_broken_item_is_a_failure(stac_folder: Path) -> None:
    (stac_folder / "item.json").write_text('{"stac_version": "1.0.0", "type": ')
    sentences = [sentence for _, sentence in found(stac_folder).failures]
    assert any("is no valid JSON" in sentence for sentence in sentences)


@pytest.mark.parametrize(
    ("properties", "offset", "warned"),
    [
        ({"earthsearch:boa_offset_applied": True}, 0.0, None),
        ({"earthsearch:boa_offset_applied": False, "s2:processing_baseline": "05.09"}, -0.1, "is used, not 0"),
        ({"earthsearch:boa_offset_applied": False, "s2:processing_baseline": "02.14"}, 0.0, None),
    ],
)
def test_offset_flags(stac_folder: Path, properties: dict[str, Any], offset: float, warned: str | None) -> None:
    (scene,) = found(item(stac_folder / "item.json", constellation="sentinel-2", **properties)).scenes
    assert scene.bands["red"].offset == offset
    assert any(warned in warning for warning in scene.warnings) if warned else "offset" not in str(scene.warnings)


def test_a_baseline_that_leaves_the_offset_open_is_warned_of(stac_folder: Path) -> None:
    path = item(stac_folder / "item.json", constellation="sentinel-2", **{"s2:processing_baseline": "04.00"})
    document = json.loads(path.read_text())
    for asset in document["assets"].values():
        del asset["raster:bands"]
    path.write_text(json.dumps(document))
    (scene,) = found(path).scenes
    assert (scene.bands["red"].scale, scene.bands["red"].offset) == (1e-4, 0.0)
    assert any("does not say whether" in warning for warning in scene.warnings)


def test_bands_of_stac_1_1_and_multiband_assets(raster: WriteRaster, tmp_path: Path) -> None:
    raster(tmp_path / "ortho.tif")
    bands = [{"eo:common_name": role, "raster:scale": 2e-4, "raster:offset": -0.1} for role in NAMED]
    document = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": "x",
        "properties": {"datetime": "2020-01-02T03:04:05Z"},
        "assets": {"ortho": {"href": "ortho.tif", "bands": bands}},
    }
    (tmp_path / "x.json").write_text(json.dumps(document))
    (scene,) = found(tmp_path).scenes
    assert {role: band.index for role, band in scene.bands.items()} == {"blue": 1, "green": 2, "red": 3, "nir": 4}
    assert (scene.bands["nir"].scale, scene.bands["nir"].offset) == (2e-4, -0.1)


def test_the_deepest_product_is_taken_first(stac_folder: Path, raster: WriteRaster) -> None:
    inner = stac_folder / "inner"
    for role in NAMED:
        raster(inner / f"{role}.tif", np.ones((SIZE, SIZE), np.uint16))
    item(stac_folder / "item.json", "outer")
    item(inner / "item.json", "inner")
    assert {scene.scene_id for scene in found(stac_folder).scenes} == {"outer", "inner"}
