"""Chips of ground: the same ground in any scene, bounded, and independent of how a scene is read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyproj
import pytest
from ground_examples import GRID, chips_of, texture, tiles_of

from pondscan.detect.ground import CELL_M, CHIP_PX, PIXEL_M, GroundSampler, lattice_points
from pondscan.model import Coverage, Grid


def test_points_are_multiples_of_the_cell_inside_the_grid():
    grid = Grid("EPSG:32647", 320_000.0, 2_880_640.0, 10.0, 64, 64)
    points = lattice_points(grid, 100)
    # The grid spans 640 m from 320 000 east and 2 880 640 north downwards: one point is wholly inside.
    assert points.tolist() == [[47, 1001, 9001]]
    assert CELL_M == 320.0


def test_a_sparser_lattice_is_part_of_the_denser_one():
    dense, sparse = (lattice_points(GRID, most) for most in (10_000, 20))
    assert 5 <= len(sparse) <= 20 < len(dense)
    assert {tuple(point) for point in sparse.tolist()} <= {tuple(point) for point in dense.tolist()}


def test_points_do_not_depend_on_the_scene_s_own_zone():
    to_46 = pyproj.Transformer.from_crs("EPSG:32647", "EPSG:32646", always_xy=True)
    west, _, east, north = to_46.transform_bounds(*GRID.bounds)
    side = round((east - west) / 10) + 40
    other = Grid("EPSG:32646", round(west, -1) - 200, round(north, -1) + 200, 10.0, side, side)
    own = {tuple(point) for point in lattice_points(GRID, 10_000).tolist()}
    assert own <= {tuple(point) for point in lattice_points(other, 10_000).tolist()}


@pytest.mark.parametrize("side", [64, 100, 1000])
def test_tiles_do_not_change_chips(side):
    whole, cut = chips_of(GRID), chips_of(GRID, tile_px=side)
    assert np.array_equal(whole.points, cut.points)
    assert np.array_equal(whole.levels, cut.levels)


def test_a_chip_shows_the_ground_around_its_point():
    chips = chips_of(GRID)
    number = len(chips) // 2
    zone, i, j = chips.points[number]
    offset = (np.arange(CHIP_PX) + 0.5 - CHIP_PX / 2) * PIXEL_M
    assert zone == 47
    true = texture(i * CELL_M + offset[None, :], j * CELL_M - offset[:, None])
    correlation = np.corrcoef(true.ravel(), chips.levels[number].ravel().astype(float))[0, 1]
    assert correlation > 0.98


def test_masked_ground_is_unseen_and_a_chip_mostly_masked_is_not_kept():
    codes = np.full((GRID.height, GRID.width), Coverage.CLEAR, np.uint8)
    codes[:, : GRID.width // 2] = Coverage.CLOUD
    clouded, clear = chips_of(GRID, codes=codes), chips_of(GRID)
    assert clouded.n_points == clear.n_points == len(clear)
    assert 0 < len(clouded) < len(clear)
    assert (clouded.levels == 0).sum() > (clear.levels[: len(clouded)] == 0).sum()
    assert ((clouded.levels > 0).mean(axis=(1, 2)) >= 0.5).all()


def test_fine_pixels_are_averaged_to_the_same_chip():
    coarse, fine = chips_of(GRID), chips_of(replace(GRID, gsd_m=2.5, width=4 * GRID.width, height=4 * GRID.height))
    _, one, other = np.intersect1d(
        coarse.points[:, 1] * 100_000 + coarse.points[:, 2],
        fine.points[:, 1] * 100_000 + fine.points[:, 2],
        return_indices=True,
    )
    assert len(one) > 4
    off = coarse.levels[one].astype(float) - fine.levels[other].astype(float)
    assert np.abs(off).mean() < 0.3


def test_none_are_kept_when_none_are_wanted():
    sampler = GroundSampler(GRID, 0)
    for window, green, codes in tiles_of(GRID, 64):
        sampler(window, green, codes)
    assert len(sampler.chips()) == 0
