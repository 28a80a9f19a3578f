"""Numbers brought near reflectance: haze taken off at the top of the atmosphere."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pondscan.detect import calibrate
from pondscan.model import Grid, Window

ROLES = ("blue", "green", "red", "nir")
HAZE = np.array([0.08, 0.0613, 0.0434, 0.0272])
"""0.08 in blue, falling with the square of the wavelength."""

EARTH = (0.05, 0.08, 0.11, 0.15)
FOREST = (0.01, 0.04, 0.02, 0.25)
WATER = (0.01, 0.01, 0.01, 0.01)


class Stripes:
    """Reader of a scene at the top of the atmosphere: stripes of surfaces, ten pixels high, under haze."""

    def __init__(self, *surfaces: Sequence[float]) -> None:
        colours = np.array(surfaces) + HAZE
        self.counts = np.rint(colours.T[:, :, None] * 1e4).repeat(10, 1).repeat(60, 2).astype(np.int16)
        grid = Grid("EPSG:32650", 0.0, 0.0, 10.0, 60, 10 * len(surfaces))
        self.scene: Any = SimpleNamespace(bands=dict.fromkeys(ROLES), calibrated="toa", grid=grid)

    def read(self, roles: Sequence[str], window: Window) -> NDArray[np.int16]:
        assert tuple(roles) == ROLES
        return self.counts[:, window.row_start : window.row_stop, window.col_start : window.col_stop]

    def cleared(self) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Reflectance (surfaces, bands) with the haze taken off, and what is said about it."""
        found = calibrate.adjustment(self)
        return found.apply(ROLES, self.counts)[:, ::10, 0].T * 1e-4, found.warnings


def test_water_shows_the_haze_of_every_band() -> None:
    reflectance, warnings = Stripes(EARTH, FOREST, WATER).cleared()
    assert reflectance == pytest.approx(np.array([EARTH, FOREST, WATER]), abs=0.002)
    assert warnings == ()


def test_bare_ground_is_not_taken_for_a_dark_object() -> None:
    # blue is 0.13 at its darkest: 0.12 of haze with a dark object of 0.01, and 0.12 (0.49 / 0.84)² = 0.041 in nir
    reflectance, warnings = Stripes(EARTH).cleared()
    assert reflectance[0, 3] == pytest.approx(0.15 + 0.0272 - 0.041, abs=0.001)
    assert warnings == ("nothing dark in green, red, nir: haze there is judged by blue",)


def test_forest_is_dark_in_blue_and_not_in_the_near_infrared() -> None:
    reflectance, warnings = Stripes(FOREST, EARTH).cleared()
    assert reflectance[:, 3] == pytest.approx([0.25, 0.15], abs=0.002)
    assert warnings == ("nothing dark in green, nir: haze there is judged by blue",)
