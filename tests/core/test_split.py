from __future__ import annotations

import numpy as np
import pytest

from pondscan.detect import split


def two_domes(distance: float, size: int = 32, width: float = 3.0) -> np.ndarray:
    y, x = np.mgrid[:size, :size].astype(float)
    centre = size / 2
    left = np.exp(-((y - centre) ** 2 + (x - centre + distance / 2) ** 2) / (2 * width**2))
    right = np.exp(-((y - centre) ** 2 + (x - centre - distance / 2) ** 2) / (2 * width**2))
    return np.maximum(left, right)[None]


def count(surface: np.ndarray, *, max_saddle: float = 0.9, noise: float = 0.0) -> int:
    label = split.basins(
        surface, surface > 0.05, min_peak=0.15, max_saddle=max_saddle, noise=np.full(len(surface), noise)
    )
    return int(label.max())


def test_two_peaks_are_two_ponds_when_the_dip_is_deep_enough() -> None:
    surface = two_domes(6.0)  # saddle exp(-3²/18) = 0.607
    assert count(surface) == 2
    assert count(surface, max_saddle=0.55) == 1


def test_a_dip_within_the_noise_parts_nothing() -> None:
    assert count(two_domes(6.0), noise=0.25) == 1


def wide_pond(dip: float, size: int = 32) -> np.ndarray:
    surface = np.zeros((1, size, size))
    surface[0, 8:24, 4:28] = 1.0 - dip * np.exp(-((np.arange(4, 28) - 15.5) ** 2) / 8.0)
    return surface


@pytest.mark.parametrize(("dip", "n_ponds"), [(0.03, 1), (0.10, 2)])
def test_a_ripple_of_sharpening_parts_no_pond_that_was_full_before(dip: float, n_ponds: int) -> None:
    rippled, plain = wide_pond(0.3), wide_pond(dip)
    assert count(rippled) == 2
    label = split.basins(rippled, rippled > 0.05, min_peak=0.15, max_saddle=0.9, noise=np.zeros(1), plain=plain)
    assert label.max() == n_ponds


def test_small_ponds_that_blur_together_are_parted_by_what_sharpening_shows() -> None:
    rippled, plain = wide_pond(0.3), 0.7 * wide_pond(0.03)
    label = split.basins(rippled, rippled > 0.05, min_peak=0.15, max_saddle=0.9, noise=np.zeros(1), plain=plain)
    assert label.max() == 2


def test_a_faint_maximum_starts_no_basin() -> None:
    assert count(0.1 * two_domes(8.0)) == 0


def test_chips_of_a_stack_do_not_touch_each_other() -> None:
    surface = np.concatenate([two_domes(6.0), two_domes(6.0), np.zeros((1, 32, 32))])
    label = split.basins(surface, surface > 0.05, min_peak=0.15, max_saddle=0.9, noise=np.zeros(3))
    assert sorted(np.unique(label[0])) == [0, 1, 2]
    assert sorted(np.unique(label[1])) == [0, 3, 4]
    assert not label[2].any()


@pytest.mark.parametrize("factor", [1, 3])
def test_resampling_keeps_the_mean_and_the_place(factor: int) -> None:
    surface = two_domes(0.0)
    fine = split.resample(surface, factor, sigma_px=0.0, sharpening=0.0)
    assert fine.shape == (1, 32 * factor, 32 * factor)
    assert fine.mean() == pytest.approx(surface.mean(), rel=1e-3)
    row, col = np.unravel_index(fine[0].argmax(), fine[0].shape)
    assert (row + 0.5) / factor == pytest.approx(16.5, abs=0.2)
    assert (col + 0.5) / factor == pytest.approx(16.5, abs=0.2)


def test_sharpening_undoes_a_small_blur_to_first_order() -> None:
    sharp, blurred = two_domes(0.0, width=3.0), two_domes(0.0, width=np.hypot(3.0, 0.5))
    blurred = blurred * 9.0 / 9.25  # same volume
    again = split.resample(blurred, 1, sigma_px=0.0, sharpening=0.5**2 / 2)
    assert np.abs(again - sharp).max() < 0.1 * np.abs(blurred - sharp).max()
