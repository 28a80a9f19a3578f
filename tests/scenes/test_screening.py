"""What the screen of a scene says of itself."""

from __future__ import annotations

import numpy as np
import pytest

from pondscan.detect.clouds import Screen
from pondscan.model import Coverage, Grid, Window
from pondscan.scenes.screening import Screened, _warnings

NOTHING = np.full((2, 3), Coverage.CLEAR, np.uint8)


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
    said = _warnings(Screen(NOTHING, thin, unsure), is_scaled=is_scaled)
    assert len(said) == len(told)
    assert all(sentence.startswith(start) for sentence, start in zip(said, told, strict=True))


def test_cells_are_spread_evenly_over_the_pixels_of_any_window():
    cells = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    screened = Screened(cells, Grid("EPSG:32647", 0.0, 0.0, 10.0, 7, 5), ())
    assert screened.window(Window(0, 5, 0, 7)).tolist() == [[1, 1, 1, 2, 2, 3, 3]] * 3 + [[4, 4, 4, 5, 5, 6, 6]] * 2
    assert screened.window(Window(2, 4, 4, 6)).tolist() == [[2, 3], [5, 6]]
