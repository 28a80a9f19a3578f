from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage as ndi

from pondscan.detect import segment
from pondscan.model import INVALID

SETTINGS = {"min_fraction": 0.3, "min_snr": 4.0, "absolute_ndwi": 0.1}
FOREST = (340, 2870)
"""Counts of green and near infrared."""


def forest(shape: tuple[int, int] = (64, 64)) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    return np.full(shape, FOREST[0], np.int16), np.full(shape, FOREST[1], np.int16)


def graded(green: NDArray[np.int16], nir: NDArray[np.int16], **changed: float) -> NDArray[np.uint8]:
    sums = segment.cell_sums(green, nir, green == INVALID)
    found = segment.graded(green, nir, segment.background(sums, 2), **SETTINGS | changed)
    level = np.zeros(green.shape, np.uint8)
    level.ravel()[found.place] = 1 + found.is_seed
    return level


def pixels(level: NDArray[np.uint8]) -> segment.Graded:
    place = np.flatnonzero(level)
    return segment.Graded(place, level.ravel()[place] == 2, level.shape[1])


def test_cell_sums_count_ground_only() -> None:
    green, nir = forest((16, 20))
    green[0, 0], nir[0, 0] = 1755, 100  # open water is no ground
    green[0, 1] = nir[0, 1] = INVALID
    hidden = green == INVALID
    hidden[0, 2] = True
    sums = segment.cell_sums(green, nir, hidden)
    assert sums.n_ground.tolist() == [[61, 64, 32], [64, 64, 32]]
    assert sums.green[0, 0] == 61 * 340
    assert sums.nir[1, 2] == 32 * 2870


def test_background_is_the_mean_of_the_box_and_unknown_without_ground() -> None:
    n_ground = np.zeros((1, 7), np.int64)
    n_ground[0, :2] = 64
    sums = segment.CellSums(n_ground * 300, n_ground * np.array([1000, 2000, 0, 0, 0, 0, 0]), n_ground)
    ground = segment.background(sums, 1)
    assert ground.nir[0, :3] == pytest.approx([0.15, 0.15, 0.20])
    assert np.isnan(ground.nir[0, 3:]).all()


def test_a_half_filled_pixel_seeds_and_shading_does_not() -> None:
    green, nir = forest()
    green[20, 20], nir[20, 20] = 0.5 * 340 + 0.5 * 1755, 0.5 * 2870 + 0.5 * 100
    green[40, 40], nir[40, 40] = 0.3 * 340, 0.3 * 2870  # deep shade
    green[50, 10], nir[50, 10] = 1370, 3230  # laterite: bright, but not dark in the near infrared
    level = graded(green, nir)
    assert level[20, 20] == 2
    assert level[40, 40] == level[50, 10] == 0
    assert (level > 0).sum() == 1


def test_open_water_needs_no_surroundings() -> None:
    green, nir = np.full((32, 32), 1755, np.int16), np.full((32, 32), 100, np.int16)
    assert (graded(green, nir) == 2).all()


def test_pixels_without_data_are_never_candidates() -> None:
    green, nir = forest((24, 24))
    green[3:9, 3:9] = nir[3:9, 3:9] = INVALID
    assert (graded(green, nir) == 0).all()


def every_sign(green: NDArray[np.int16], nir: NDArray[np.int16], ground: segment.Background) -> NDArray[np.uint8]:
    """Level of every pixel by both signs, worked out everywhere."""
    on_pixels = np.repeat(np.repeat(np.stack([ground.green, ground.nir]), 8, axis=1), 8, axis=2)
    ground_green, ground_nir = (plane[: len(green), : green.shape[1]] for plane in on_pixels)
    with np.errstate(all="ignore"):
        drop = (ground_nir - nir * 1e-4) / (ground_nir - 0.02) / SETTINGS["min_fraction"]
        spread = np.hypot(0.004, 0.2 * ground_green) * SETTINGS["min_snr"]
        rise = (green * 1e-4 - nir * 1e-4 * ground_green / ground_nir) / spread
    ndwi = SETTINGS["absolute_ndwi"]
    is_open = ((1 - ndwi) * green > (1 + ndwi) * nir) & (green > 200)
    is_seed = (drop > 1) & (rise > 0.5) & (drop + rise > 2.3) | is_open
    is_extent = (drop > 0.9) & (rise > 0.45) & (drop + rise > 0.9 * 2.3)
    return np.where(nir == INVALID, 0, 1 * (is_seed | is_extent) + is_seed).astype(np.uint8)


@given(st.integers(0, 2**32 - 1), st.sampled_from([200, 400, 1500, 4000]), st.integers(9, 40), st.integers(9, 40))
@settings(deadline=None)
def test_looking_at_dark_pixels_alone_misses_none(seed: int, brightest: int, height: int, width: int) -> None:
    random = np.random.default_rng(seed)
    green, nir = random.integers(-300, brightest, (2, height, width)).astype(np.int16)
    green[random.random(green.shape) < 0.05] = INVALID
    nir[random.random(nir.shape) < 0.05] = INVALID
    ground = segment.background(segment.cell_sums(green, nir, green == INVALID), 1)
    found = segment.graded(green, nir, ground, **SETTINGS)
    level = np.zeros(green.shape, np.uint8)
    level.ravel()[found.place] = 1 + found.is_seed
    is_other = level != every_sign(green, nir, ground)
    assert is_other.mean() < 0.002  # 32-bit numbers may fall on the other side of a threshold


def test_water_may_be_told_by_an_ndwi_below_zero() -> None:
    green, nir = forest()
    green[20, 20], nir[20, 20] = 1000, 1100
    assert (graded(green, nir, min_snr=1e6) == 0).all()
    assert np.argwhere(graded(green, nir, min_snr=1e6, absolute_ndwi=-0.1)).tolist() == [[20, 20]]


masks = hnp.arrays(np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24)), elements=st.integers(0, 2))


@given(masks)
@settings(deadline=None)
def test_runs_say_the_same_as_the_pixels(level: NDArray[np.uint8]) -> None:
    found = segment.runs(pixels(level), 5, 7)
    painted = np.zeros_like(level)
    for row, start, stop in zip(found.row - 5, found.start - 7, found.stop - 7, strict=True):
        painted[row, start:stop] = 1
    assert (painted == (level > 0)).all()
    assert found.n_seeds.sum() == (level == 2).sum()


@given(masks, st.integers(1, 12), st.integers(1, 12))
@settings(deadline=None)
def test_runs_of_pieces_join_to_the_runs_of_the_whole(level: NDArray[np.uint8], height: int, width: int) -> None:
    pieces = [
        segment.runs(pixels(level[r : r + height, c : c + width]), r, c)
        for r in range(0, level.shape[0], height)
        for c in range(0, level.shape[1], width)
    ]
    joined, whole = segment.concatenate(pieces[::-1]), segment.runs(pixels(level), 0, 0)
    for name in ("row", "start", "stop", "n_seeds"):
        assert getattr(joined, name).tolist() == getattr(whole, name).tolist()


@given(masks)
@settings(deadline=None)
def test_connecting_runs_is_labelling_pixels(level: NDArray[np.uint8]) -> None:
    found = segment.runs(pixels(level), 0, 0)
    label = segment.connect(found, level.shape[1])
    expected, n_objects = ndi.label(level > 0)
    assert len(np.unique(label)) == n_objects
    painted = np.zeros(level.shape, np.int64)
    for row, start, stop, number in zip(found.row, found.start, found.stop, label, strict=True):
        painted[row, start:stop] = number + 1
    assert (painted == expected).all()
