"""Elevation models read under a scene."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from pondscan.errors import InputError
from pondscan.model import Grid, Scene
from pondscan.scenes import elevation

GRID = Grid("EPSG:32647", 600_000.0, 2_900_000.0, 10.0, 100, 80)


def scene(**changes):
    whole = Scene(
        "s", "generic", None, "GeoTIFF", datetime(2022, 1, 4, 4, 12, tzinfo=UTC), GRID, {}, (), "reflectance", "s", ()
    )
    return replace(whole, **changes)


def from_origin(west, north, x_step, y_step):
    """As rasterio's, which multiplies in a way that affine warns of."""
    return Affine(x_step, 0, west, 0, -y_step, north)


def write(path, values, transform, crs="EPSG:32647", units=None, **options):
    values = np.atleast_3d(values).transpose(2, 0, 1) if values.ndim == 2 else values
    count, height, width = values.shape
    profile = {"driver": "GTiff", "width": width, "height": height, "count": count, "dtype": values.dtype, "crs": crs}
    with rasterio.open(path, "w", **profile, transform=transform, **options) as file:
        if units:
            file.units = (units,) * count
        file.write(values)
    return path


def ramp(path, *, margin_m=9000.0, posting_m=30.0, **options):
    """Ground that rises one metre in ten towards east, and reaches ``margin_m`` beyond the scene."""
    west, _, _, north = GRID.bounds
    width, height = (int((side + 2 * margin_m) / posting_m) for side in (1000, 800))
    x = west - margin_m + (np.arange(width) + 0.5) * posting_m
    values = np.tile(1000 + (x - west) / 10, (height, 1)).astype(np.float32)
    return write(path, values, from_origin(west - margin_m, north + margin_m, posting_m, posting_m), **options)


def test_relief_lies_under_the_scene_and_reaches_beyond(tmp_path):
    relief, known = elevation.read_relief(ramp(tmp_path / "dem.tif"), GRID)
    assert known == 1.0
    assert relief.posting_m == pytest.approx(30.0, rel=1e-3)
    assert relief.x_west == pytest.approx(600_000 - elevation.REACH_M, abs=60)
    height, width = relief.elevation_m.shape
    col, row = width // 2, height // 2
    x = relief.x_west + col * relief.posting_m
    assert relief.elevation_m[row, col] == pytest.approx(1000 + (x - 600_000) / 10, abs=0.1)


def test_geographic_model_of_another_reference_system_is_brought_over(tmp_path):
    west, south, east, north = 99.5, 25.6, 100.5, 26.8
    step = 1 / 3600
    values = np.full((round((north - south) / step), round((east - west) / step)), 1234, np.int16)
    path = write(tmp_path / "dem.tif", values, from_origin(west, north, step, step), crs="EPSG:4326", nodata=-32768)
    relief, known = elevation.read_relief(path, GRID)
    assert known == pytest.approx(1.0)
    assert relief.posting_m == pytest.approx(math.sqrt(30.8 * 27.7), rel=0.02)
    assert np.nanmin(relief.elevation_m) == np.nanmax(relief.elevation_m) == 1234


def test_posts_are_no_closer_than_the_scene_s_pixels(tmp_path):
    relief, _ = elevation.read_relief(ramp(tmp_path / "dem.tif", margin_m=100.0, posting_m=2.0), GRID)
    assert relief.posting_m == GRID.gsd_m


def test_feet_are_turned_into_metres(tmp_path):
    metres, _ = elevation.read_relief(ramp(tmp_path / "m.tif"), GRID)
    feet, _ = elevation.read_relief(ramp(tmp_path / "ft.tif", units="ft"), GRID)
    assert np.nanmax(feet.elevation_m) == pytest.approx(0.3048 * np.nanmax(metres.elevation_m))


def test_numbers_that_are_no_elevation_are_not_known(tmp_path):
    values = np.full((800, 800), 500.0, np.float32)
    values[:, 300:] = -9999.0  # a fill value the file says nothing of
    path = write(tmp_path / "dem.tif", values, from_origin(591_000, 2_909_000, 30, 30))
    ground, told = elevation.ground_under(scene(), str(path))
    assert ground is None
    assert told == ("the elevation model dem.tif does not reach this scene: shadow and slopes not judged",)


def test_half_a_model_is_told_of(tmp_path):
    path = ramp(tmp_path / "dem.tif", margin_m=0.0)
    with rasterio.open(path) as dem:
        values = dem.read(1)
    half = write(tmp_path / "half.tif", values[:, : values.shape[1] // 2], from_origin(600_000, 2_900_000, 30, 30))
    ground, (told,) = elevation.ground_under(scene(), str(half))
    assert ground is not None
    assert "covers 4" in told or "covers 5" in told
    at = ground.at(np.array([600_250.0, 600_900.0]), np.array([2_899_600.0, 2_899_600.0]))
    assert np.isfinite(at.slope_deg).tolist() == [True, False]


def test_sun_is_the_product_s_or_that_of_its_time_and_place():
    assert elevation.sun_of(scene(sun_elevation_deg=41.0, sun_azimuth_deg=150.0)) == (41.0, 150.0)
    height, azimuth = elevation.sun_of(scene())
    assert height == pytest.approx(38.0, abs=1.0)
    assert 140 < azimuth < 160
    assert elevation.sun_of(scene(datetime=None)) is None


def test_a_date_without_a_time_judges_slopes_and_no_shadow(tmp_path):
    midnight = datetime(2022, 1, 4, 17, tzinfo=UTC)
    ground, (told,) = elevation.ground_under(scene(datetime=midnight), str(ramp(tmp_path / "dem.tif")))
    assert "say with --datetime when" in told
    at = ground.at(np.array([600_500.0]), np.array([2_899_600.0]))
    assert at.slope_deg[0] == pytest.approx(math.degrees(math.atan(0.1)), abs=0.01)
    assert at.depth_m[0] < 0


def test_what_is_no_elevation_model_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "text.tif").write_text("no raster", encoding="utf-8")
    for name, make, word in (
        ("gone.tif", None, "is not there"),
        ("text.tif", None, "cannot be read as a raster"),
        ("nowhere.tif", lambda path: ramp(path, crs=None), "does not say its CRS"),
        ("many.tif", lambda path: write(path, np.zeros((3, 9, 9), np.int16), from_origin(0, 0, 30, 30)), "has 3 bands"),
        (
            "waves.tif",
            lambda path: write(path, np.zeros((9, 9), np.complex64), from_origin(0, 0, 30, 30)),
            "holds complex64",
        ),
    ):
        path = tmp_path / name
        if make:
            make(path)
        with pytest.raises(InputError, match=word) as refused:
            elevation.bounds_of(path)
        assert str(refused.value).startswith(f"{path}: the elevation model")
        assert "\n" not in str(refused.value)
