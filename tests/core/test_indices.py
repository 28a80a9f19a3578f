from __future__ import annotations

import numpy as np
import pytest

from pondscan import indices


def test_ndwi_of_modelled_turquoise_water_and_laterite() -> None:
    green, nir = np.array([0.1755, 0.137]), np.array([0.0100, 0.323])
    assert indices.ndwi(green, nir) == pytest.approx([0.892, -0.404], abs=1e-3)


def test_ratios_survive_reflectance_at_and_below_zero() -> None:
    values = indices.ndwi(np.array([0.0, -0.004, 0.002]), np.array([0.0, -0.004, -0.004]))
    assert np.isfinite(values).all()
    assert (np.abs(values) <= 1).all()


def test_aweinsh_subtracts_both_terms_so_that_laterite_is_far_below_zero() -> None:
    laterite = indices.aweinsh(*(np.array(v) for v in (0.137, 0.323, 0.453, 0.373)))
    # 4 (0.137 - 0.453) - (0.25 * 0.323 + 2.75 * 0.373) = -1.264 - 1.1065
    assert float(laterite) == pytest.approx(-2.3705)


def test_turquoise_tells_cyan_from_brown() -> None:
    blue, green, red = np.array([0.174, 0.081]), np.array([0.175, 0.155]), np.array([0.058, 0.237])
    cyan = indices.turquoise(blue, green, red)
    assert cyan[0] > 0.4
    assert cyan[1] < -0.3
