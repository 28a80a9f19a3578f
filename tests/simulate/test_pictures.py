"""Raw aerial numbers, masks that eat bright ponds, snow: what makes scenes harder than reflectance under clear sky."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio

from pondscan.config import Settings
from pondscan.model import Window
from pondscan.scenes import discover, open_scene
from pondscan.sensors import SENSORS
from pondscan.simulate import Place, make_place, render, truth, write_geotiff
from pondscan.simulate.clouds import MISTAKEN
from pondscan.simulate.film import UNIT, Balance
from pondscan.simulate.optics import OPTICS
from pondscan.simulate.reader import RenderedReader

WHEN = datetime(2022, 3, 12, 4, 36, tzinfo=UTC)


@pytest.fixture(scope="module")
def place() -> Place:
    return make_place(3, preset="town", width_m=360.0, height_m=360.0, n_sites=1)


def test_a_balance_turns_black_and_white_into_the_ends_of_the_scale():
    numbers = Balance(0.02, 0.42, 1.0).develop(np.array([-1.0, 0.02, 0.22, 0.42, 2.0], np.float32)) / UNIT
    np.testing.assert_allclose(numbers, [1, 1, 128, 255, 255], atol=1e-3)
    bent = Balance(0.02, 0.42, 0.5).develop(np.array([0.056], np.float32)) / UNIT
    assert bent[0] == pytest.approx(76, abs=1e-3)  # 255 · √0.09 = 76.5, a hair less in float32


def test_aerial_pictures_hold_whole_numbers_whose_balance_changes_by_the_year(place):
    spring, summer = (render(place, "naip", when, seed=1, haze=0.0) for when in (WHEN, WHEN.replace(month=6)))
    later = render(place, "naip", WHEN.replace(year=2023), seed=1, haze=0.0)
    assert list(spring.bands) == ["red", "green", "blue", "nir"]
    assert spring.calibrated == "dn"
    for band in spring.bands.values():
        numbers = band / UNIT
        np.testing.assert_allclose(numbers, np.rint(numbers), atol=1e-3)
        assert numbers.min() >= 1 - 1e-3
        assert numbers.max() <= 255 + 1e-3
    means = [[float(band.mean()) for band in scene.bands.values()] for scene in (spring, summer, later)]
    assert np.abs(np.subtract(means[0], means[2])).max() > 0.04
    assert np.abs(np.subtract(means[0], means[1])).max() < np.abs(np.subtract(means[0], means[2])).max()


def test_aerial_pictures_are_read_as_raw_numbers_from_file_and_memory_alike(place, tmp_path):
    scene = render(place, "naip", WHEN, seed=1)
    write_geotiff(scene, tmp_path / "naip_20220312.tif")
    with rasterio.open(tmp_path / "naip_20220312.tif") as file:
        assert file.dtypes == ("uint8",) * 4
        assert file.descriptions == ("red", "green", "blue", "nir")
        assert rasterio.enums.ColorInterp.alpha not in file.colorinterp
    (found,) = discover([str(tmp_path)], Settings()).scenes
    assert found.calibrated == "dn"
    window, roles = Window(20, 300, 30, 310), ("green", "nir", "red")
    memory = RenderedReader(scene)
    assert memory.scene.calibrated == "dn"
    assert memory.scene.sensor == "generic"
    with open_scene(found, Settings()) as reader:
        np.testing.assert_array_equal(reader.read(roles, window), memory.read(roles, window))


def test_every_simulated_sensor_is_read_as_one_that_pondscan_knows():
    assert {eye.family for eye in OPTICS.values()} <= set(SENSORS)


def test_a_mask_that_takes_the_bright_for_cloud_hides_no_pond_from_the_truth():
    place = make_place(2, preset="town", width_m=1200.0, height_m=1200.0, n_sites=2)
    calm = {"haze": 0.0, "cirrus": 0.0, "stripes": 0.0, "snow": 0.0}
    honest, eating = (render(place, "planetscope", WHEN, seed=1, mask_takes_bright=s, **calm) for s in (0.0, 1.0))
    for role in honest.bands:
        np.testing.assert_array_equal(honest.bands[role], eating.bands[role])
    taken = eating.cloud_truth == MISTAKEN
    assert honest.clear.all()
    assert 0.0005 < taken.mean() < 0.2
    np.testing.assert_array_equal(eating.clear, (~taken).astype(np.uint8))
    assert eating.bands["green"][taken].mean() > 2.0 * eating.bands["green"][~taken].mean()
    assert truth(place, WHEN, eating)["status"].tolist() == truth(place, WHEN, honest)["status"].tolist()
    half = render(place, "planetscope", WHEN, seed=1, mask_takes_bright=0.5, **calm)
    assert 0 < (half.cloud_truth == MISTAKEN).sum() < taken.sum()


def test_snow_lies_on_the_heights():
    place = make_place(4, preset="shadow", width_m=3000.0, height_m=3000.0, n_sites=0)
    bare, snowy = (render(place, "sentinel-2", WHEN, seed=1, haze=0.0, snow=s) for s in (0.0, 0.1))
    is_white = snowy.bands["green"] - bare.bands["green"] > 0.15
    x = place.x_origin + 10.0 * np.arange(300) + 5.0
    y = place.y_origin - 10.0 * np.arange(300) - 5.0
    elevation_m = place.terrain.on_raster(place.terrain.elevation_m, x, y)
    assert 0.01 < is_white.mean() < 0.3
    assert elevation_m[is_white].min() > np.median(elevation_m)
    assert (snowy.bands["swir16"] - bare.bands["swir16"])[is_white].mean() < 0.05
