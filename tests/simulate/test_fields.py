"""Random fields, the sun, the relief and the numbers of the sensors."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pondscan.errors import ConfigError
from pondscan.simulate import noise, presets, terrain
from pondscan.simulate.endmembers import palette, surface_code, surface_names
from pondscan.simulate.optics import OPTICS, optics, sigma_of_mtf
from pondscan.sun import sun_position


def test_a_field_has_mean_0_and_variance_1():
    x = y = np.arange(1200, dtype=float) * 4.0
    field = noise.value_noise(x, y, 20.0, seed=3)
    assert abs(field.mean()) < 0.03
    assert field.std() == pytest.approx(1.0, abs=0.03)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 60),
    st.integers(0, 60),
    st.floats(3.0, 80.0),
    st.floats(-4e5, 3e6),
)
def test_a_field_does_not_depend_on_the_window_it_is_asked_for(row, col, spacing_m, start):
    x, y = start + np.arange(80) * 2.5, start - np.arange(80) * 2.5
    whole = noise.value_noise(x, y, spacing_m, seed=9)
    part = noise.value_noise(x[col : col + 20], y[row : row + 20], spacing_m, seed=9)
    np.testing.assert_allclose(part, whole[row : row + 20, col : col + 20], atol=2e-6)


def test_seeds_and_indices_give_independent_numbers():
    i, j = np.arange(200)[:, None], np.arange(200)[None, :]
    one, other = noise.hash_uniform(i, j, 1), noise.hash_uniform(i, j, 2)
    assert one.min() >= 0.0
    assert one.max() < 1.0
    assert one.mean() == pytest.approx(0.5, abs=0.01)
    for shifted in (other, one.T, np.roll(one, 1, axis=0), np.roll(one, 1, axis=1)):
        assert abs(np.corrcoef(one.ravel(), shifted.ravel())[0, 1]) < 0.02


@pytest.mark.parametrize(
    ("month", "day", "elevation_deg"),
    [(12, 21, 36.8), (3, 21, 56.0), (6, 21, 69.9)],
)
def test_the_sun_over_kachin_at_half_past_ten(month, day, elevation_deg):
    elevation, azimuth = sun_position(datetime(2022, month, day, 4, 0, tzinfo=UTC), 98.5, 25.7)
    assert elevation == pytest.approx(elevation_deg, abs=0.1)
    assert 85.0 < azimuth < 160.0


def test_the_sun_stands_south_at_noon_and_overhead_on_the_tropic():
    noon = datetime(2022, 6, 21, 12, 2, tzinfo=UTC)
    assert sun_position(noon, 0.0, 23.44)[0] == pytest.approx(90.0, abs=0.3)
    elevation, azimuth = sun_position(datetime(2022, 12, 21, 11, 58, tzinfo=UTC), 0.0, 50.0)
    assert elevation == pytest.approx(90.0 - 50.0 - 23.44, abs=0.05)
    assert azimuth == pytest.approx(180.0, abs=0.5)


def test_point_spread_follows_from_the_modulation_transfer():
    assert sigma_of_mtf(0.30, 1.0) == pytest.approx(0.494, abs=1e-3)
    sigma = {band.role: band.sigma_m for band in optics("sentinel-2").bands}
    assert sigma == pytest.approx(
        {"blue": 5.22, "green": 5.08, "red": 5.38, "nir": 5.22, "swir16": 11.08, "swir22": 10.91}, abs=0.01
    )
    assert optics("planetscope").bands[0].sigma_m == pytest.approx(2.05, abs=0.01)


@pytest.mark.parametrize("sensor", sorted(OPTICS))
def test_cells_divide_the_pixels_of_every_sensor(sensor):
    eye = optics(sensor)
    for band in eye.bands:
        assert band.gsd_m % eye.gsd_m == 0
        assert eye.gsd_m % eye.cell_m == 0
        assert band.sigma_m > eye.cell_m


def test_an_unknown_sensor_or_preset_is_refused():
    with pytest.raises(ConfigError, match="sensor 'ikonos' is not simulated; choose one of sentinel-2"):
        optics("ikonos")
    with pytest.raises(ConfigError, match="preset 'moon' does not exist; choose one of mixed"):
        presets.preset("moon")


def test_spectra_are_reflectances_and_tell_liquids_from_roofs():
    roles = ("blue", "green", "red", "nir")
    for responses in {eye.responses for eye in OPTICS.values()}:
        table = palette(responses, roles)
        assert table.shape == (len(surface_names()), 4)
        assert table.min() > 0.0
        assert table.max() < 0.95
        ndwi = (table[:, 1] - table[:, 3]) / (table[:, 1] + table[:, 3])
        for name in surface_names():
            if name.startswith("pond"):
                assert ndwi[surface_code(name)] > 0.3
            if name.startswith(("roof", "tarp", "forest", "laterite")):
                assert ndwi[surface_code(name)] < 0.02


def test_vegetation_is_as_bright_in_red_as_measured():
    red = palette("sentinel-2", ("red",))[:, 0]
    assert 0.025 <= red[surface_code("forest")] <= 0.045
    assert 0.020 <= red[surface_code("scrub")] <= 0.045


@pytest.mark.parametrize("name", sorted(name for name, kind in presets.PRESETS.items() if kind.sites))
def test_the_country_has_flat_floors_and_slopes_a_mine_can_work(name):
    ground = terrain.make_terrain(4, presets.preset(name), (450e3, 2828e3, 454e3, 2832e3))
    to_east, to_north = ground.gradient()
    slope_deg = np.degrees(np.arctan(np.hypot(to_east, to_north)))
    assert np.mean((slope_deg > 7.0) & (slope_deg < 35.0)) > 0.2
    assert np.percentile(slope_deg, 99) < 70.0
    assert slope_deg.min() < 1.0


def test_a_wall_casts_a_shadow_of_its_height_over_the_tangent_of_the_sun():
    elevation = np.zeros((40, 120), dtype=np.float32)
    elevation[:, 60:63] = 100.0
    ground = terrain.Terrain(0.0, 800.0, elevation, terrain.Valleys(0.0, 10.0, 1))
    lit = terrain.light(ground, 30.0, 90.0).lit[20]
    dark = np.flatnonzero(lit[:60] < 0.5)
    # 100 m / tan 30° = 173 m west of the wall: posts 52 (160 m) to 59, the sun being in the east.
    assert dark.min() in (51, 52)
    assert dark.max() == 59
    assert lit[64:].min() == 1.0


def test_slopes_facing_the_sun_are_brighter():
    x = np.arange(120) * terrain.POSTING_M
    east_facing = np.tile((-0.3 * x).astype(np.float32), (40, 1))
    ground = terrain.Terrain(0.0, 800.0, east_facing, terrain.Valleys(0.0, 10.0, 1))
    towards = terrain.light(ground, 45.0, 90.0).incidence[20, 60]
    away = terrain.light(ground, 45.0, 270.0).incidence[20, 60]
    # cos of incidence over cos of zenith: (sin 45° ± 0.3 cos 45°) / sqrt(1.09) / sin 45° = (1 ± 0.3) / 1.044
    assert towards == pytest.approx(1.3 / np.sqrt(1.09), abs=1e-4)
    assert away == pytest.approx(0.7 / np.sqrt(1.09), abs=1e-4)


def test_interpolation_on_a_raster_and_at_points_agree():
    ground = terrain.make_terrain(4, presets.preset("mixed"), (450e3, 2831e3, 451e3, 2832e3))
    x, y = 450e3 + np.arange(30) * 7.3, 2832e3 - np.arange(20) * 7.3
    raster = ground.on_raster(ground.elevation_m, x, y)
    points = ground.at(ground.elevation_m, *np.meshgrid(x, y))
    np.testing.assert_allclose(raster, points, atol=0.01)
