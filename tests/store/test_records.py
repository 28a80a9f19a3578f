from __future__ import annotations

import dataclasses
import json

import pytest
from store_examples import PIXELS, scene_named

from pondscan.config import Settings
from pondscan.store import StoredScene
from pondscan.store.fingerprint import scan_hash
from pondscan.store.records import (
    canonical_json,
    content_of,
    description,
    order_key,
    scene_from_dict,
    scene_to_dict,
    stored_from_dict,
    stored_to_dict,
)


def hash_of(scene, settings=None, version="1"):
    return scan_hash(scene, settings or Settings(), version=version)


def changed(**sections) -> Settings:
    return Settings.model_validate(sections)


@pytest.mark.parametrize("scene", [scene_named(), scene_named(datetime=None, masks=(), platform=None)])
def test_a_scene_survives_json(scene):
    again = scene_from_dict(json.loads(canonical_json(scene_to_dict(scene))))
    assert again == scene
    assert list(again.bands) == list(scene.bands)


def test_a_record_survives_json():
    stored = StoredScene(scene_named(), (PIXELS,), "h", {"candidates": 3}, {"clear": 9}, ("beware",))
    assert stored_from_dict(json.loads(canonical_json(stored_to_dict(stored)))) == stored


def test_canonical_json_has_one_form():
    assert canonical_json({"b": [1, 2.5], "a": "ä"}) == '{"a":"ä","b":[1,2.5]}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


def test_scenes_sort_by_time_then_id_and_undated_first():
    scenes = [scene_named("b"), scene_named("a"), scene_named("z", datetime=None)]
    assert [scene.scene_id for scene in sorted(scenes, key=order_key)] == ["z", "a", "b"]


def test_content_does_not_depend_on_names():
    other = dataclasses.replace(PIXELS, path="/elsewhere/b.tif")
    assert content_of((PIXELS,)) == content_of((other,))


def test_a_description_does_not_say_where_a_scene_lies():
    moved = scene_named(source="/b/x.tif", files=("/b/x.tif",), warnings=())
    moved = dataclasses.replace(
        moved, bands={role: dataclasses.replace(band, path="/b/x.tif") for role, band in moved.bands.items()}
    )
    assert description(moved) == description(scene_named())
    assert "somewhere" not in canonical_json(description(moved))
    assert hash_of(moved) == hash_of(scene_named())


@pytest.mark.parametrize(
    "settings",
    [
        changed(mask={"use": "off"}),
        changed(mask={"dilation_m": 41.0}),
        changed(detect={"min_snr": 5.0}),
        changed(pond={"max_diameter_m": 80.0}),
        changed(confidence={"target": "small_water"}),
        changed(confidence={"expected_ponds_per_km2": 2.0}),
        changed(products={"keep_rejected": True}),
    ],
)
def test_settings_that_reach_the_observations_change_the_scan(settings):
    assert hash_of(scene_named(), settings) != hash_of(scene_named())


@pytest.mark.parametrize(
    "settings",
    [
        changed(confidence={"min_confidence": 0.7}),
        changed(sites={"distance_m": 300.0}),
        changed(products={"crs": "EPSG:32648"}),
        changed(tiles={"size_px": 512}),
        changed(aoi={"path": "aoi.geojson"}),
        changed(input={"bands": ("blue", "green", "red", "nir")}),
    ],
)
def test_settings_that_only_reach_the_products_do_not(settings):
    assert hash_of(scene_named(), settings) == hash_of(scene_named())


def test_what_a_scene_was_taken_for_changes_the_scan():
    bands = {role: dataclasses.replace(band, offset=0.0) for role, band in scene_named().bands.items()}
    assert hash_of(scene_named(bands=bands)) != hash_of(scene_named())
    assert hash_of(scene_named(calibrated="dn")) != hash_of(scene_named())
    assert hash_of(scene_named(), version="2") != hash_of(scene_named())
