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


def graded(green: NDArray[np.int16], nir: NDArray[np.int16], **changed: float) -> NDArray[np.bool_]:
    sums = segment.cell_sums(green, nir, green == INVALID)
    found = segment.graded(green, nir, segment.background(sums, 2), **SETTINGS | changed)
    is_candidate = np.zeros(green.shape, np.bool_)
    is_candidate.ravel()[found.place] = True
    return is_candidate


def pixels(is_candidate: NDArray[np.bool_]) -> segment.Graded:
    return segment.Graded(np.flatnonzero(is_candidate), is_candidate.shape[1])


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


def test_a_half_filled_pixel_is_a_candidate_and_shading_is_none() -> None:
    green, nir = forest()
    green[20, 20], nir[20, 20] = 0.5 * 340 + 0.5 * 1755, 0.5 * 2870 + 0.5 * 100
    green[40, 40], nir[40, 40] = 0.3 * 340, 0.3 * 2870  # deep shade
    green[50, 10], nir[50, 10] = 1370, 3230  # laterite: bright, but not dark in the near infrared
    assert np.argwhere(graded(green, nir)).tolist() == [[20, 20]]


def test_open_water_needs_no_surroundings() -> None:
    green, nir = np.full((32, 32), 1755, np.int16), np.full((32, 32), 100, np.int16)
    assert graded(green, nir).all()


def test_pixels_without_data_are_never_candidates() -> None:
    green, nir = forest((24, 24))
    green[3:9, 3:9] = nir[3:9, 3:9] = INVALID
    assert not graded(green, nir).any()


def every_sign(green: NDArray[np.int16], nir: NDArray[np.int16], ground: segment.Background) -> NDArray[np.bool_]:
    """Candidates by both signs, worked out everywhere."""
    on_pixels = np.repeat(np.repeat(np.stack([ground.green, ground.nir]), 8, axis=1), 8, axis=2)
    ground_green, ground_nir = (plane[: len(green), : green.shape[1]] for plane in on_pixels)
    with np.errstate(all="ignore"):
        drop = (ground_nir - nir * 1e-4) / (ground_nir - 0.02) / SETTINGS["min_fraction"]
        spread = np.hypot(0.004, segment.TEXTURE * ground_green) * SETTINGS["min_snr"]
        rise = (green * 1e-4 - nir * 1e-4 * ground_green / ground_nir) / spread
    ndwi = SETTINGS["absolute_ndwi"]
    is_open = ((1 - ndwi) * green > (1 + ndwi) * nir) & (green > 200)
    is_candidate = (drop > 1) & (rise > segment.LEAST_RISE) & (drop + rise > segment.BOTH) | is_open
    return np.asarray(is_candidate & (nir != INVALID))


@given(st.integers(0, 2**32 - 1), st.sampled_from([200, 400, 1500, 4000]), st.integers(9, 40), st.integers(9, 40))
@settings(deadline=None)
def test_looking_at_dark_pixels_alone_misses_none(seed: int, brightest: int, height: int, width: int) -> None:
    random = np.random.default_rng(seed)
    green, nir = random.integers(-300, brightest, (2, height, width)).astype(np.int16)
    green[random.random(green.shape) < 0.05] = INVALID
    nir[random.random(nir.shape) < 0.05] = INVALID
    ground = segment.background(segment.cell_sums(green, nir, green == INVALID), 1)
    found = segment.graded(green, nir, ground, **SETTINGS)
    is_candidate = np.zeros(green.shape, np.bool_)
    is_candidate.ravel()[found.place] = True
    is_other = is_candidate != every_sign(green, nir, ground)
    assert is_other.mean() < 0.002  # 32-bit numbers may fall on the other side of a threshold


def test_black_water_is_told_by_darkness_alone_where_it_is_looked_for() -> None:
    green, nir = forest()
    ground_nir = int(np.median(nir))
    green[20, 20], nir[20, 20] = 1, 210  # black in every band: greener than nothing
    green[30, 30], nir[30, 30] = 1, ground_nir // 3  # two thirds of the way to liquid
    assert not graded(green, nir).any()
    assert np.argwhere(graded(green, nir, black_share=0.85)).tolist() == [[20, 20]]


def test_water_may_be_told_by_an_ndwi_below_zero() -> None:
    green, nir = forest()
    green[20, 20], nir[20, 20] = 1000, 1100
    assert not graded(green, nir, min_snr=1e6).any()
    assert np.argwhere(graded(green, nir, min_snr=1e6, absolute_ndwi=-0.1)).tolist() == [[20, 20]]


masks = hnp.arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24)))


@given(masks)
@settings(deadline=None)
def test_runs_say_the_same_as_the_pixels(mask: NDArray[np.bool_]) -> None:
    found = segment.runs(pixels(mask), 5, 7)
    painted = np.zeros_like(mask)
    for row, start, stop in zip(found.row - 5, found.start - 7, found.stop - 7, strict=True):
        painted[row, start:stop] = True
    assert (painted == mask).all()


@given(masks, st.integers(1, 12), st.integers(1, 12))
@settings(deadline=None)
def test_runs_of_pieces_join_to_the_runs_of_the_whole(mask: NDArray[np.bool_], height: int, width: int) -> None:
    pieces = [
        segment.runs(pixels(mask[r : r + height, c : c + width]), r, c)
        for r in range(0, mask.shape[0], height)
        for c in range(0, mask.shape[1], width)
    ]
    joined, whole = segment.concatenate(pieces[::-1]), segment.runs(pixels(mask), 0, 0)
    for name in ("row", "start", "stop"):
        assert getattr(joined, name).tolist() == getattr(whole, name).tolist()


@given(masks)
@settings(deadline=None)
def test_connecting_runs_is_labelling_pixels(mask: NDArray[np.bool_]) -> None:
    found = segment.runs(pixels(mask), 0, 0)
    label = segment.connect(found, mask.shape[1])
    expected, n_objects = ndi.label(mask)
    assert len(np.unique(label)) == n_objects
    painted = np.zeros(mask.shape, np.int64)
    for row, start, stop, number in zip(found.row, found.start, found.stop, label, strict=True):
        painted[row, start:stop] = number + 1
    assert (painted == expected).all()
