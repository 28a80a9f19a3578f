"""Band names, point spread and noise of sensors; distortion of projections, zones, the sample lattice."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pondscan import sensors
from pondscan.grid import area_scale_error, sample_lattice, utm_crs_at
from pondscan.model import BAND_ROLES


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("B02", "B2"),
        ("B2", "B2"),
        ("b8a", "B8A"),
        ("SR_B7", "B7"),
        ("band 4", "B4"),
        ("aquileia_20190416_B12", "B12"),
        ("B6_VCID_2", "B6"),
        ("green", None),
        ("SCL", None),
        ("20190416", None),
        ("rgb2", None),
    ],
)
def test_canonical_band(name: str, wanted: str | None) -> None:
    assert sensors.canonical_band(name) == wanted


def test_sentinel2_roles_prefer_the_10_m_near_infrared() -> None:
    roles = sensors.roles_of_bands("sentinel-2", ["B02", "B03", "B04", "B05", "B08", "B8A", "B11", "B12"])
    assert roles["nir"] == "B08"
    assert roles["nir08"] == "B8A"
    assert roles["rededge"] == "B05"
    only_20_m = sensors.roles_of_bands("sentinel-2", ["B02", "B03", "B04", "B8A"])
    assert only_20_m["nir"] == "B8A"
    assert "nir08" not in only_20_m


def test_landsat_numbering_is_told_from_the_names_or_left_open() -> None:
    etm = sensors.roles_of_bands("landsat", ["B1", "B2", "B3", "B4", "B5", "B6_VCID_2", "B7"])
    assert (etm["blue"], etm["nir"], etm["swir16"]) == ("B1", "B4", "B5")
    tm_reflectance = sensors.roles_of_bands("landsat", [f"SR_B{i}" for i in (1, 2, 3, 4, 5, 7)])
    assert tm_reflectance["green"] == "SR_B2"
    oli = sensors.roles_of_bands("landsat", ["B2", "B3", "B4", "B5", "B6", "B7"])
    assert (oli["blue"], oli["nir"], oli["swir22"]) == ("B2", "B5", "B7")
    assert sensors.roles_of_bands("landsat", [f"B{i}" for i in range(1, 8)]) == {}
    assert sensors.roles_of_bands("generic", ["B2", "B3"]) == {}


def test_harmonised_numbering_follows_the_granule() -> None:
    assert sensors.roles_of_bands("hls", ["B02", "B03", "B04", "B05", "B06", "B07"])["nir"] == "B05"
    assert sensors.roles_of_bands("hls", ["B02", "B03", "B04", "B08", "B8A", "B11", "B12"])["nir"] == "B8A"


@pytest.mark.parametrize("sensor", sorted(sensors.SENSORS))
def test_every_sensor_is_whole(sensor: str) -> None:
    known = sensors.SENSORS[sensor]
    assert known.name == sensor
    for role in BAND_ROLES:
        assert 0 < sensors.noise(sensor, role, "reflectance") < 0.01
        assert sensors.noise(sensor, role, "dn") >= 0.006
        assert sensors.psf_sigma_m(sensor, role, known.gsd_m.get(role, 10.0)) > 0
    for table in known.numbering:
        assert set(table) <= set(BAND_ROLES)
    for order in (known.band_order or {}).values():
        assert {"blue", "green", "red", "nir"} <= set(order) <= {*BAND_ROLES, "-"}


def test_point_spread_follows_the_transfer_function() -> None:
    # sigma = gsd * sqrt(-2 ln MTF) / pi at Nyquist
    for role, gsd_m, mtf in (("green", 10, 0.28), ("nir", 10, 0.26), ("swir16", 20, 0.22), ("coastal", 60, 0.32)):
        wanted = gsd_m * math.sqrt(-2 * math.log(mtf)) / math.pi
        assert sensors.psf_sigma_m("sentinel-2", role, gsd_m) == pytest.approx(wanted, abs=0.006)


def test_point_spread_grows_on_a_coarser_grid_only() -> None:
    assert sensors.psf_sigma_m("sentinel-2", "green", 5.0) == 5.08
    assert sensors.psf_sigma_m("sentinel-2", "green", 20.0) == pytest.approx(math.sqrt(5.08**2 + 300 / 12))
    assert sensors.psf_sigma_m("generic", "green", 2.0) == pytest.approx(1.24)


@pytest.mark.parametrize(
    ("crs", "lon", "lat", "low", "high"),
    [
        ("EPSG:32647", 99.0, 25.6, 0.0007, 0.0009),  # the central meridian is 0.04 % short
        ("EPSG:32647", 102.0, 25.6, 0.0, 0.0025),
        ("EPSG:3857", 98.5, 60.0, 2.9, 3.1),  # 1 / cos² of the latitude, less one
        ("EPSG:3035", 10.0, 52.0, 0.0, 1e-6),  # an equal-area projection
        ("EPSG:2263", -74.0, 40.7, 9.0, 11.0),  # in feet
    ],
)
def test_area_scale_error(crs: str, lon: float, lat: float, low: float, high: float) -> None:
    assert low <= area_scale_error(crs, lon, lat) <= high


def test_degrees_are_no_areas() -> None:
    assert area_scale_error("EPSG:4326", 98.5, 25.6) == math.inf


@pytest.mark.parametrize(
    ("lon", "lat", "wanted"),
    [
        (98.5, 25.6, "EPSG:32647"),
        (-180.0, 10.0, "EPSG:32601"),
        (180.0, 10.0, "EPSG:32601"),
        (179.99, -10.0, "EPSG:32760"),
        (0.0, 0.0, "EPSG:32631"),
        (5.0, 85.0, "EPSG:32661"),
        (5.0, -85.0, "EPSG:32761"),
    ],
)
def test_utm_zone(lon: float, lat: float, wanted: str) -> None:
    assert utm_crs_at(lon, lat) == wanted


@given(st.integers(1, 6000), st.integers(1, 6000))
def test_the_lattice_lies_inside_on_whole_blocks(width: int, height: int) -> None:
    windows = sample_lattice(width, height, block_px=256, per_side=4)
    assert 1 <= len(windows) <= 16
    assert len(set(windows)) == len(windows)
    for window in windows:
        assert window.row_start % 256 == window.col_start % 256 == 0
        assert 0 <= window.row_start < window.row_stop <= height
        assert 0 <= window.col_start < window.col_stop <= width


def test_a_small_raster_is_sampled_whole() -> None:
    seen = np.zeros((700, 300), int)
    for window in sample_lattice(300, 700):
        seen[window.row_start : window.row_stop, window.col_start : window.col_stop] += 1
    assert (seen == 1).all()
