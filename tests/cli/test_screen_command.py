"""A scene under cloud that brings no mask, as an analyst would run it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio

from pondscan import simulate
from pondscan.simulate.write import write_geotiff


@pytest.fixture(scope="module")
def cloudy(tmp_path_factory):
    """A cloudy scene without its mask, and where cloud truly was."""
    place = simulate.make_place(31, width_m=5000, height_m=5000)
    rendered = simulate.render(place, "sentinel-2", datetime(2022, 3, 12, 4, tzinfo=UTC), seed=31, cloud_fraction=0.3)
    folder = tmp_path_factory.mktemp("cloudy")
    _, mask = write_geotiff(rendered, folder / "scene.tif")
    mask.unlink()
    return folder, rendered.cloud_truth


def coverage(out) -> np.ndarray:
    (path,) = (out / "coverage").glob("*.tif")
    with rasterio.open(path) as dataset:
        return dataset.read(1)


def test_the_screen_masks_cloud_and_every_product_says_whose_mask_it_was(pondscan, cloudy, tmp_path):
    folder, truth = cloudy
    assert pondscan("run", folder, "--out", tmp_path).exit_code == 0
    is_masked = coverage(tmp_path) != 1
    assert is_masked[truth == 1].mean() > 0.8
    assert is_masked[truth == 0].mean() < 0.25, "with its margin of 40 m"
    document = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    (scene,) = document["scenes"]
    assert scene["mask"] == "screen"
    assert "no cloud mask of its own: screened by pondscan's own cloud test" in scene["warnings"]
    assert scene["coverage_px"]["cloud"] > 0
    assert scene["coverage_px"]["shadow"] > 0
    assert "pondscan&#39;s own cloud test" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", [("--set", "mask.screen=false"), ("--mask", "off")])
def test_the_screen_can_be_switched_off(pondscan, cloudy, tmp_path, option):
    folder, _ = cloudy
    assert pondscan("run", folder, *option, "--out", tmp_path).exit_code == 0
    assert (coverage(tmp_path) == 1).all()
    (scene,) = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["scenes"]
    assert scene["mask"] == "none"
    assert "no cloud mask is used: every pixel with data counts as clear" in scene["warnings"]


def test_info_says_that_a_scene_will_be_screened(pondscan, cloudy):
    folder, _ = cloudy
    assert "none: screened by pondscan's own cloud test" in pondscan("info", folder).stdout
    assert "own cloud test" not in pondscan("info", folder, "--set", "mask.screen=false").stdout


def test_tiles_do_not_change_what_is_screened(pondscan, cloudy, tmp_path):
    folder, _ = cloudy
    for size in (256, 512):
        options = ("--set", f"tiles.size_px={size}", "--out", tmp_path / str(size))
        assert pondscan("run", folder, *options).exit_code == 0
    assert np.array_equal(coverage(tmp_path / "256"), coverage(tmp_path / "512"))
