from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pondscan.relief import Relief, illuminate
from pondscan.simulate import presets, terrain


def relief_of(elevation_m, posting_m=30.0):
    """Relief with its first post at easting 0, northing 0."""
    return Relief(0.0, 0.0, posting_m, np.asarray(elevation_m, np.float32))


def wall(height_m):
    """Flat ground with a wall of one column of posts."""
    elevation = np.zeros((9, 41))
    elevation[:, 20] = height_m
    return relief_of(elevation)


def test_plane_has_its_slope_and_lambert_s_cosine():
    x = np.arange(12) * 30.0
    eastward = relief_of(np.tile(x * math.tan(math.radians(25)), (12, 1)))
    ground = illuminate(eastward, (40.0, 270.0))
    assert ground.slope_deg[3:-3, 3:-3] == pytest.approx(25.0, abs=1e-3)
    assert ground.incidence[3:-3, 3:-3] == pytest.approx(math.cos(math.radians(90 - 40 - 25)), abs=1e-4)
    away = illuminate(eastward, (20.0, 90.0))  # the sun stands behind the slope
    assert (away.incidence[3:-3, 3:-3] < 0).all()


def test_wall_casts_a_shadow_as_long_as_the_sun_is_low():
    ground = illuminate(wall(60.0), (math.degrees(math.atan(0.25)), 270.0))  # from the west: 240 m, eight posts
    is_shadow = ground.depth_m[4] > 0
    assert np.flatnonzero(is_shadow).tolist() == list(range(21, 28))
    assert ground.depth_m[4, 22] == pytest.approx(60 - 0.25 * 60, abs=1e-3)  # two posts behind it


@pytest.mark.parametrize(("azimuth", "lit", "dark"), [(90.0, 22, 18), (270.0, 18, 22)])
def test_shadow_falls_away_from_the_sun(azimuth, lit, dark):
    depth_m = illuminate(wall(40.0), (30.0, azimuth)).depth_m[4]
    assert depth_m[dark] > 0 > depth_m[lit]


def test_sun_in_the_north_casts_shadows_to_the_south():
    elevation = np.zeros((41, 9))
    elevation[20] = 40.0
    depth_m = illuminate(relief_of(elevation), (30.0, 0.0)).depth_m[:, 4]
    assert depth_m[22] > 0 > depth_m[18]  # rows run southwards


def test_shadows_agree_with_the_simulator_s_which_are_marched():
    hills = terrain.make_terrain(3, presets.PRESETS["shadow"], (0.0, 0.0, 3000.0, 3000.0))
    marched = terrain.light(hills, 32.0, 152.0).lit
    turned = illuminate(relief_of(hills.elevation_m, terrain.POSTING_M), (32.0, 152.0)).depth_m
    inner = np.s_[85:-85, 85:-85]
    is_sure = np.abs(turned[inner]) > 4.0
    assert 0.02 < (marched[inner] < 0.5).mean() < 0.6
    assert ((turned[inner] > 0) == (marched[inner] < 0.5))[is_sure].mean() > 0.99


@settings(max_examples=25, deadline=None)
@given(azimuth=st.floats(0, 360), elevation=st.floats(5, 85))
def test_level_ground_is_in_the_sun_wherever_it_stands(azimuth, elevation):
    ground = illuminate(relief_of(np.full((23, 31), 812.0)), (elevation, azimuth))
    assert (ground.depth_m < 0).all()
    assert ground.incidence == pytest.approx(math.sin(math.radians(elevation)), abs=1e-5)


def test_unknown_ground_casts_no_shadow_and_is_not_judged():
    elevation = np.zeros((9, 41))
    elevation[:, 20] = np.nan
    ground = illuminate(relief_of(elevation), (10.0, 270.0))
    assert np.isnan(ground.depth_m[4, 20])
    assert (ground.depth_m[4, 22:] < 0).all()
    at = ground.at(np.array([600.0, 1000.0, -500.0]), np.array([-120.0, -120.0, -120.0]))
    assert np.isnan(at.slope_deg).tolist() == [True, False, True]


def test_without_a_sun_nothing_lies_in_shadow():
    ground = illuminate(wall(500.0), None)
    assert (ground.depth_m < 0).all()
    assert (ground.incidence == 1).all()
    assert ground.slope_deg.max() > 60


def test_raster_takes_the_nearest_post_and_nothing_outside():
    relief = relief_of(np.arange(12.0).reshape(3, 4))
    values = illuminate(relief, None).on_raster(
        relief.elevation_m, np.array([-40.0, 0.0, 31.0, 200.0]), np.array([0.0, -61.0])
    )
    assert values[:, 1:3].tolist() == [[0.0, 1.0], [8.0, 9.0]]
    assert np.isnan(values[:, [0, 3]]).all()


def test_slope_is_that_of_the_hillside_and_not_of_a_bank():
    """A terrace of a fine model: a wall of 4 m in an even slope of 20°."""
    x = np.arange(60) * 3.0
    hillside = x * math.tan(math.radians(20))
    terraced = relief_of(np.tile(np.floor(x / 12) * 12 * math.tan(math.radians(20)), (60, 1)), posting_m=3.0)
    even = relief_of(np.tile(hillside, (60, 1)), posting_m=3.0)
    assert illuminate(even, None).slope_deg[30, 12:-12] == pytest.approx(20, abs=0.1)
    assert illuminate(terraced, None).slope_deg[30, 12:-12] == pytest.approx(20, abs=6)
