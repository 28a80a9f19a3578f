from __future__ import annotations

import numpy as np
import pytest

from pondscan.detect import fraction

FOREST = np.array([0.022, 0.034, 0.026, 0.287])
LATERITE = np.array([0.078, 0.137, 0.264, 0.323])
TURQUOISE = np.array([0.1745, 0.1755, 0.058, 0.010])
WHITE = np.array([0.422, 0.481, 0.486, 0.230])
BROWN = np.array([0.081, 0.155, 0.237, 0.072])


def test_grouped_median_by_hand() -> None:
    median = fraction.grouped_median(np.array([3.0, 1.0, 2.0, 10.0, 4.0]), np.array([0, 0, 0, 2, 2]), 3)
    assert median[0] == 2.0
    assert np.isnan(median[1])
    assert median[2] == 7.0


def test_ground_is_robust_to_a_roof_in_the_ring() -> None:
    rng = np.random.default_rng(1)
    chip = FOREST[:, None, None] + rng.normal(0, 0.004, (4, 16, 16))
    chip[:, 2, 2:6] = 0.6
    everywhere = np.ones((1, 16, 16), bool)
    ground = fraction.ground_around(chip[None], everywhere, everywhere, noise=0.002, n_spread=4)
    assert ground.mean[0] == pytest.approx(FOREST, abs=0.002)
    assert np.sqrt(ground.covariance[0, 0, 0]) == pytest.approx(0.0045, abs=0.002)
    assert ground.n_pixels.tolist() == [256]


def test_forest_around_a_clearing_is_ignored_and_not_taken_for_its_ground() -> None:
    rng = np.random.default_rng(1)
    chip = np.broadcast_to(FOREST[:, None, None], (4, 24, 24)).copy()
    chip[:, 8:16, 8:16] = LATERITE[:, None, None]
    chip += rng.normal(0, 0.004, chip.shape)
    is_clearing = np.zeros((1, 24, 24), bool)
    is_clearing[:, 8:16, 8:16] = True
    ground = fraction.ground_around(chip[None], np.ones_like(is_clearing), is_clearing, noise=0.002, n_spread=4)
    assert ground.mean[0] == pytest.approx(LATERITE, abs=0.002)
    assert ground.n_pixels.tolist() == [64]
    weights, _ = fraction.fraction_weights((TURQUOISE - LATERITE)[None], ground.covariance)
    assert weights[0] @ (FOREST - LATERITE) == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("liquid", [TURQUOISE, BROWN])
@pytest.mark.parametrize("ground", [FOREST, LATERITE])
@pytest.mark.parametrize("water", [0.2, 0.7, 3.0])
def test_colour_is_recovered_from_mixed_pixels_whatever_their_fractions(
    liquid: np.ndarray, ground: np.ndarray, water: float
) -> None:
    excess = water * (liquid - ground)
    colour = fraction.liquid_colour(excess[None], ground[None], green=1, red=2, nir=3, nir_band="broad")[0]
    assert colour == pytest.approx(liquid, abs=0.02)


@pytest.mark.parametrize("ground", [FOREST, LATERITE])
def test_white_slurry_nearly_as_bright_as_the_ground_is_known_by_its_red(ground: np.ndarray) -> None:
    colour = fraction.liquid_colour(0.4 * (WHITE - ground)[None], ground[None], green=1, red=2, nir=3, nir_band="broad")
    assert colour[0] == pytest.approx(WHITE, abs=0.06)


def test_clay_is_brighter_in_the_near_infrared_than_white_slurry_as_red() -> None:
    red = np.array([0.24])
    brown, white = (fraction.liquid_nir(red / ratio, red, "broad")[0] for ratio in (1.5, 1.0))
    assert (brown, white) == pytest.approx((0.072, 0.045))


def test_the_scale_of_a_colour_is_as_sure_as_its_contrast_in_the_near_infrared() -> None:
    turquoise, brown, white = fraction.scale_error(np.array([0.01, 0.072, 0.23]), np.array([0.3, 0.3, 0.3]))
    assert (turquoise, brown, white) == pytest.approx((0.0069, 0.063, 0.2), abs=3e-4)


def test_fraction_of_mixed_pixels_is_exact_without_noise() -> None:
    contrast = (TURQUOISE - LATERITE)[None]
    weights, variance = fraction.fraction_weights(contrast, np.diag([0.01, 0.02, 0.04, 0.03])[None] ** 2)
    share = np.array([[0.0, 0.25], [0.6, 1.0]])
    pixels = LATERITE[:, None, None] + share * (TURQUOISE - LATERITE)[:, None, None]
    assert fraction.project(pixels[None], LATERITE[None], weights)[0] == pytest.approx(share)
    assert variance[0] > 0


def test_weights_ignore_the_direction_in_which_the_ground_varies() -> None:
    shade = 0.3 * LATERITE
    covariance = np.outer(shade, shade) + np.eye(4) * 0.002**2
    weights, _ = fraction.fraction_weights((TURQUOISE - LATERITE)[None], covariance[None])
    shaded = (LATERITE - shade)[None, :, None, None]
    assert abs(fraction.project(shaded, LATERITE[None], weights)[0, 0, 0]) < 0.05
