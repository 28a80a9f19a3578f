"""The cloud screen, on painted ground: forest, and bright things above and upon it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pondscan.detect import clouds
from pondscan.model import Coverage

CELL_M = 40.0
SIDE = 120
FOREST = np.array([0.03, 0.05, 0.04, 0.32], np.float32)
CLOUD = np.array([0.68, 0.68, 0.68, 0.70], np.float32)
SAND = np.array([0.34, 0.38, 0.42, 0.50], np.float32)
SLURRY = np.array([0.55, 0.56, 0.50, 0.20], np.float32)
SHADE = 0.25
SHADOW_FROM = (-20, -15)
"""Shadows lie 20 cells up and 15 left of their clouds: the sun stands in the south-east, at 143°."""
SUN_DEG = 143.1


def disc(row: int, col: int, radius: float) -> np.ndarray:
    rows, cols = np.mgrid[:SIDE, :SIDE]
    return (rows - row) ** 2 + (cols - col) ** 2 <= radius**2


def ground(seed: int = 0) -> np.ndarray:
    """Forest (4, h, w) with a texture."""
    texture = np.random.default_rng(seed).normal(1, 0.08, (SIDE, SIDE)).astype(np.float32)
    return FOREST[:, None, None] * texture


def under(bands: np.ndarray, row: int, col: int, radius: float) -> np.ndarray:
    """Put a cloud over the ground, and its shadow beside it."""
    shadow = disc(row + SHADOW_FROM[0], col + SHADOW_FROM[1], radius)
    bands = np.where(shadow, bands * np.float32(SHADE), bands)
    return np.where(disc(row, col, radius), CLOUD[:, None, None], bands)


def on(bands: np.ndarray, colour: np.ndarray, place: np.ndarray) -> np.ndarray:
    return np.where(place, colour[:, None, None], bands)


def codes(bands: np.ndarray, **said: object) -> np.ndarray:
    return clouds.screen(bands[:3], bands[3], **{"cell_m": CELL_M, "sun_azimuth_deg": SUN_DEG} | said).codes


@pytest.mark.parametrize("sun_azimuth_deg", [SUN_DEG, None])
@pytest.mark.parametrize("is_scaled", [True, False])
def test_a_cloud_and_its_shadow_are_masked_and_nothing_else(sun_azimuth_deg, is_scaled):
    found = codes(under(ground(), 70, 60, 8), sun_azimuth_deg=sun_azimuth_deg, is_scaled=is_scaled)
    assert (found[disc(70, 60, 7)] == Coverage.CLOUD).all()
    assert (found[disc(50, 45, 7)] == Coverage.SHADOW).all()
    assert (found[~disc(70, 60, 11) & ~disc(50, 45, 11)] == Coverage.CLEAR).all()


@given(seed=st.integers(0, 10_000), level=st.floats(0.05, 0.35), spread=st.floats(0.0, 0.2))
def test_where_blue_is_nowhere_bright_there_is_no_cloud_whatever_the_other_bands(seed, level, spread):
    bands = np.random.default_rng(seed).normal(level, spread, (4, 30, 30)).astype(np.float32)
    bands[:, :2] = np.nan
    screen = clouds.screen(bands[:3], bands[3], cell_m=CELL_M)
    if not clouds.may_hold_cloud(bands[0]):
        assert not np.isin(screen.codes, [Coverage.CLOUD, Coverage.SHADOW]).any()
        assert screen.unsure_fraction == 0
        assert clouds.thin_share(bands[0], bands[2]) == pytest.approx(screen.thin_fraction)


def test_nine_bright_cells_together_may_be_cloud_and_eight_are_not():
    blue = ground()[0]
    blue[10:13, 10:13] = 0.5
    assert clouds.may_hold_cloud(blue)
    blue[11, 11] = 0.03
    assert not clouds.may_hold_cloud(blue)


def test_the_sky_turns_with_the_ground():
    bands = under(under(ground(), 70, 60, 8), 40, 100, 5)
    turned = np.rot90(bands, axes=(1, 2))  # anticlockwise: what lay north lies west
    assert np.array_equal(np.rot90(codes(bands)), codes(turned, sun_azimuth_deg=SUN_DEG - 90))


@pytest.mark.parametrize("colour", [SAND, CLOUD])
def test_bright_ground_casts_no_shadow(colour):
    bands = on(ground(), colour, disc(70, 60, 8))
    screen = clouds.screen(bands[:3], bands[3], cell_m=CELL_M, sun_azimuth_deg=SUN_DEG)
    assert (screen.codes == Coverage.CLEAR).all()
    assert screen.unsure_fraction == pytest.approx(disc(70, 60, 8).mean() if colour is CLOUD else 0.0)


def test_bright_ground_in_a_cloudy_scene_stays():
    bands = under(on(ground(), CLOUD, disc(30, 95, 5)), 70, 60, 8)
    found = codes(bands)
    assert (found[disc(30, 95, 5)] == Coverage.CLEAR).all()
    assert (found[disc(70, 60, 7)] == Coverage.CLOUD).all()


def test_a_lake_beside_a_bright_roof_on_the_wrong_side_is_no_shadow():
    bands = under(ground(), 70, 60, 8)
    assert (codes(bands, sun_azimuth_deg=(SUN_DEG + 180) % 360) == Coverage.CLEAR).all()


def test_white_ponds_and_roofs_are_no_cloud_even_with_shade_beside_them():
    bands = on(ground(), SLURRY, disc(70, 60, 8))
    bands = np.where(disc(50, 45, 8), bands * np.float32(SHADE), bands)
    assert (codes(bands) == Coverage.CLEAR).all()
    assert (codes(under(ground(), 70, 60, 1)) == Coverage.CLEAR).all()


def test_a_closed_cover_needs_no_shadow_but_in_raw_numbers():
    bands = on(ground(), CLOUD, disc(60, 60, 40))
    assert (codes(bands)[disc(60, 60, 40)] == Coverage.CLOUD).all()
    assert (codes(bands, is_scaled=False) == Coverage.CLEAR).all()


def test_a_cloud_whose_shadow_falls_out_of_sight_is_believed_but_in_raw_numbers():
    bands = under(ground(), 70, 60, 8)[:, 62:79, 52:69]  # the cloud alone
    assert (codes(bands)[4:13, 4:13] == Coverage.CLOUD).all()
    assert (codes(bands, is_scaled=False) == Coverage.CLEAR).all()


def test_the_thin_rim_of_a_cloud_is_masked_with_it():
    rim = (disc(70, 60, 10) & ~disc(70, 60, 8))[None]
    bands = under(ground(), 70, 60, 8)
    bands = np.where(rim, bands + np.float32(0.15) * (CLOUD[:, None, None] - bands), bands)
    assert (codes(bands)[disc(70, 60, 10)] == Coverage.CLOUD).all()
    alone = ground() + rim * np.float32(0.1)
    assert (codes(alone) == Coverage.CLEAR).all()


def test_thin_cloud_is_said_and_not_masked():
    bands = ground() + np.array([0.06, 0.056, 0.053, 0.05], np.float32)[:, None, None]
    screen = clouds.screen(bands[:3], bands[3], cell_m=CELL_M)
    assert (screen.codes == Coverage.CLEAR).all()
    assert screen.thin_fraction > 0.9
    assert clouds.screen(ground()[:3], ground()[3], cell_m=CELL_M).thin_fraction < 0.1


def test_cells_without_data_are_outside_and_a_scene_may_be_empty_or_tiny():
    bands = under(ground(), 70, 60, 8)
    bands[:, :, :10] = np.nan
    found = codes(bands)
    assert ((found == Coverage.OUTSIDE) == (np.arange(SIDE) < 10)).all()
    assert (codes(np.full((4, 5, 7), np.nan, np.float32)) == Coverage.OUTSIDE).all()
    assert codes(on(ground()[:, :1, :1], CLOUD, np.ones((1, 1), bool))).tolist() == [[Coverage.CLEAR]]
