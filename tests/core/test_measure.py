"""detect/measure.py: what of a candidate is pond."""

from __future__ import annotations

import numpy as np
import pytest

from pondscan.detect import measure
from pondscan.model import Coverage

FIELD = (0.04, 0.06, 0.05, 0.45)
EARTH = (0.08, 0.10, 0.14, 0.20)
LIQUID = (0.10, 0.12, 0.06, 0.02)
"""Blue, green, red, near infrared."""

CLEARING = np.s_[0, 9:19, 9:19]
POND = np.s_[0, 12:15, 12:15]
BESIDE = np.s_[0, 11:16, 11:16]


def clearing_with_a_pond() -> measure.Chips:
    """A pond three pixels wide on a clearing of bare earth amid fields; all of the clearing looks wet beside them."""
    reflectance = np.empty((1, 4, 28, 28), np.float32)
    is_candidate = np.zeros((1, 28, 28), np.bool_)
    reflectance[:] = np.array(FIELD)[:, None, None]
    for band in range(4):
        reflectance[:, band][CLEARING] = EARTH[band]
        reflectance[:, band][POND] = LIQUID[band]
    is_candidate[CLEARING] = True
    return measure.Chips(
        roles=measure.OPTICAL,
        reflectance=reflectance,
        is_object=is_candidate,
        is_candidate=is_candidate,
        coverage=np.full((1, 28, 28), Coverage.CLEAR, np.uint8),
        row_start=np.zeros(1, np.int64),
        col_start=np.zeros(1, np.int64),
    )


def test_what_lies_beside_a_pond_is_taken_out_of_the_object() -> None:
    chips = clearing_with_a_pond()
    cored = measure._cored(chips, np.ones((1, 28, 28), np.bool_), 3, reach_px=1)
    expected = chips.is_object.copy()
    expected[BESIDE] = False
    expected[POND] = True
    assert (cored.is_object == expected).all()
    assert (cored.is_candidate == expected).all()


@pytest.mark.parametrize("gsd_m", [3.0, 10.0])
def test_a_pond_on_a_clearing_is_held_against_the_earth_beside_it(gsd_m: float) -> None:
    chips = clearing_with_a_pond()
    chips.is_object[:], chips.is_candidate[:] = False, False
    chips.is_object[BESIDE], chips.is_candidate[BESIDE] = True, True
    found = measure.measure(chips, gsd_m=gsd_m, smoothing_m=2.0, ring_m=30.0, noise=0.003, nir_band="broad")
    pond = int(np.argmax(found.peak_fraction))
    assert found.wettest[pond] == pytest.approx(LIQUID, abs=1e-6)
    assert found.ground[pond] == pytest.approx(EARTH, abs=1e-6)
    assert found.area_px.sum() == pytest.approx(9.0, rel=0.1)


def test_middle_ground_is_ground_of_the_pixels_used() -> None:
    from pondscan.detect import fraction

    plane = np.array([[[1, 2, 30]], [[5, 7, 9]]], np.float32)
    is_used = np.array([[[True, True, False]], [[True, True, True]]])
    assert fraction.median_of(plane, is_used).tolist() == [1.5, 7.0]
