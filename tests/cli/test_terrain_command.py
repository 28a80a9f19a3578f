"""``pondscan run --dem``, through the real pipeline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from pondscan.model import Coverage

WEST, NORTH = 500_000.0, 2_800_000.0


def write_scene(path: Path) -> Path:
    """A flat four-band scene of 64 by 64 pixels of 10 m, dated by its name."""
    profile = {"driver": "GTiff", "width": 64, "height": 64, "count": 4, "dtype": "uint16", "crs": "EPSG:32647"}
    with rasterio.open(path, "w", **profile, transform=Affine(10, 0, WEST, 0, -10, NORTH)) as file:
        file.write(np.full((4, 64, 64), 1200, np.uint16))
        file.descriptions = ("blue", "green", "red", "nir")
        file.scales = (1e-4,) * 4
    return path


def write_dem(path: Path, elevation_m, *, west=WEST - 900.0, north=NORTH + 900.0, crs="EPSG:32647") -> Path:
    values = np.asarray(elevation_m, np.float32)
    profile = {"driver": "GTiff", "width": values.shape[1], "height": values.shape[0], "count": 1, "dtype": "float32"}
    with rasterio.open(path, "w", **profile, crs=crs, transform=Affine(30, 0, west, 0, -30, north)) as file:
        file.write(values, 1)
    return path


def ridge(height_m: float) -> np.ndarray:
    """A ridge on the scene's eastern edge, where the sun stands in the morning."""
    elevation_m = np.full((82, 82), 1000.0)
    elevation_m[:, 51:53] += height_m
    return elevation_m


@pytest.fixture
def scene(tmp_path) -> Path:
    return write_scene(tmp_path / "flat_20220104T030000.tif")


def scanned(result) -> int:
    assert result.exit_code == 0, result.stderr
    return len(json.loads(result.stdout)["done"])


def test_ground_in_the_shadow_of_a_mountain_was_not_seen(pondscan, scene, tmp_path):
    dem = write_dem(tmp_path / "dem.tif", ridge(150.0))
    assert scanned(pondscan("run", scene, "--out", tmp_path / "out", "--dem", dem, "--json")) == 1
    (path,) = (tmp_path / "out" / "coverage").glob("*.tif")
    with rasterio.open(path) as file:
        codes = file.read(1)
    assert (codes[:, 55:60] == Coverage.SHADOW).mean() > 0.8
    assert (codes[:, :20] == Coverage.CLEAR).all()
    off = ("--mask", "off")
    assert scanned(pondscan("run", scene, "--out", tmp_path / "off", "--dem", dem, "--json", *off)) == 1
    (path,) = (tmp_path / "off" / "coverage").glob("*.tif")
    with rasterio.open(path) as file:
        assert (file.read(1) == Coverage.CLEAR).all()


def test_a_scene_is_scanned_again_when_the_model_says_something_else(pondscan, scene, tmp_path):
    dem, out = write_dem(tmp_path / "dem.tif", ridge(150.0)), tmp_path / "out"
    run = ("run", scene, "--out", out, "--json")
    assert scanned(pondscan(*run)) == 1
    assert scanned(pondscan(*run, "--dem", dem)) == 1
    assert scanned(pondscan(*run)) == 0, "the workspace keeps its elevation model"
    moved = shutil.copy(dem, tmp_path / "moved.tif")
    assert scanned(pondscan(*run, "--dem", moved)) == 0
    assert scanned(pondscan(*run, "--dem", write_dem(tmp_path / "other.tif", ridge(90.0)))) == 1
    assert scanned(pondscan(*run, "--set", "terrain.dem=")) == 1


def test_no_pond_stands_on_a_cliff(pondscan, invented, tmp_path):
    (first, *_) = sorted(path for path in invented.glob("*.tif") if ".clear" not in path.name)
    with rasterio.open(first) as file:
        west, _, _, north = file.bounds
    cliff = np.tile(np.arange(100) * 60.0, (100, 1))
    dem = write_dem(tmp_path / "dem.tif", cliff, west=west - 900, north=north + 900)
    out = tmp_path / "out"
    result = pondscan("run", first, "--out", out, "--dem", dem, "--keep-rejected")
    assert result.exit_code == 0
    assert json.loads((out / "ponds.geojson").read_text("utf-8"))["features"] == []
    (table,) = (out / "observations").glob("*.parquet")
    reasons = gpd.read_parquet(table)["rejected"].value_counts()
    assert reasons["on a slope"] > 3


def test_what_is_no_model_of_this_place_is_refused_before_anything_is_done(pondscan, scene, tmp_path):
    (tmp_path / "text.tif").write_text("no raster", encoding="utf-8")
    elsewhere = write_dem(tmp_path / "elsewhere.tif", ridge(10.0), west=WEST + 90_000)
    nowhere = write_dem(tmp_path / "nowhere.tif", ridge(10.0), crs=None)
    for dem, word in (
        (tmp_path / "gone.tif", "is not there"),
        (tmp_path / "text.tif", "cannot be read as a raster"),
        (nowhere, "does not say its CRS"),
        (elsewhere, "lies under none of the scenes (1)"),
    ):
        result = pondscan("run", scene, "--out", tmp_path / "out", "--dem", dem)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"pondscan: {dem}: the elevation model {word}")
        assert result.stderr.count("\n") == 1
        assert not (tmp_path / "out").exists()


def test_check_reads_the_elevation_model(pondscan, tmp_path):
    config = tmp_path / "mine.toml"
    config.write_text("[terrain]\ndem = 'dem.tif'\n", encoding="utf-8")
    result = pondscan("check", config, "--out", tmp_path)
    assert result.exit_code == 1
    assert f"wrong  dem       {tmp_path / 'dem.tif'}: the elevation model is not there" in result.stdout
    write_dem(tmp_path / "dem.tif", ridge(10.0))
    result = pondscan("check", config, "--out", tmp_path)
    assert result.exit_code == 0
    assert "ok     dem" in result.stdout
    assert "° north" in result.stdout
