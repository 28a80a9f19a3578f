"""What the screen of a scene says of itself."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pondscan.model import Coverage, Grid, Window
from pondscan.scenes.screening import Screened, _warnings, screened


@pytest.mark.parametrize(
    ("thin", "unsure", "is_scaled", "told"),
    [
        (0.1, 0.01, True, []),
        (0.9, 0.01, True, ["thin cloud or haze seems to lie over 90 % of the ground"]),
        (0.1, 0.12, True, ["12 % of the scene is as pale as cloud"]),
        (0.9, 0.01, False, ["in raw numbers haze, and cloud without a shadow in sight, pass for clear ground"]),
    ],
)
def test_what_is_not_masked_is_said(thin, unsure, is_scaled, told):
    said = _warnings(thin, unsure, is_scaled=is_scaled)
    assert len(said) == len(told)
    assert all(sentence.startswith(start) for sentence, start in zip(said, told, strict=True))


def test_cells_are_spread_evenly_over_the_pixels_of_any_window():
    cells = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    screened = Screened(cells, Grid("EPSG:32647", 0.0, 0.0, 10.0, 7, 5), ())
    assert screened.window(Window(0, 5, 0, 7)).tolist() == [[1, 1, 1, 2, 2, 3, 3]] * 3 + [[4, 4, 4, 5, 5, 6, 6]] * 2
    assert screened.window(Window(2, 4, 4, 6)).tolist() == [[2, 3], [5, 6]]


class Reduced:
    """A scene of one colour with a white square in it, that remembers what was asked of it."""

    def __init__(self, side_cells: int) -> None:
        grid = Grid("EPSG:32647", 500_000.0, 2_800_000.0, 10.0, 400, 400)
        self.scene = SimpleNamespace(grid=grid, calibrated="reflectance", datetime=None, bands={})
        self.scene.sun_elevation_deg = self.scene.sun_azimuth_deg = None
        self.side_cells = side_cells
        self.asked = []

    def reduced(self, roles, shape):
        self.asked.append((tuple(roles), shape))
        counts = np.full((len(roles), *shape), 400, np.int16)
        counts[:, 20 : 20 + self.side_cells, 20 : 20 + self.side_cells] = 6000
        return counts


@pytest.mark.parametrize(("side_cells", "is_read_whole"), [(0, False), (2, False), (3, True)])
def test_a_scene_too_dark_for_cloud_is_read_in_blue_alone(side_cells, is_read_whole):
    reader = Reduced(side_cells)
    found = screened(reader)
    whole = (("blue", "green", "red", "nir"), (100, 100))
    assert reader.asked[0] == (("blue",), (100, 100))
    assert (whole in reader.asked) == is_read_whole
    assert (found.window(Window(0, 400, 0, 400)) == Coverage.CLEAR).all()  # a bright roof is no cloud either way
