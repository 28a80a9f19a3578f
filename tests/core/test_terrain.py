"""What the lie of the land says against candidates."""

from __future__ import annotations

import numpy as np

from pondscan.detect import terrain
from pondscan.model import Coverage, Grid, Window
from pondscan.relief import LitRelief, Relief


def ground(*, slope_deg=0.0, incidence=0.7, depth_m=-50.0, posting_m=30.0):
    """Ground of 5 by 5 posts from easting 0, northing 0, the same everywhere unless an array says otherwise."""
    fields = (
        np.broadcast_to(np.asarray(value, np.float32), (5, 5)).copy() for value in (slope_deg, incidence, depth_m)
    )
    return LitRelief(Relief(0.0, 0.0, posting_m, np.zeros((5, 5), np.float32)), *fields)


def reasons(land, visible=0.02):
    middle = np.array([2 * land.posting_m])
    return terrain.rejection(land, middle, -middle, np.array([visible])).tolist()


def test_dark_candidates_in_shade_are_rejected_and_bright_ones_are_not():
    cast, own = ground(depth_m=60.0), ground(incidence=-0.2)
    for land in (cast, own):
        assert reasons(land, visible=0.02) == ["terrain shadow"]
        assert reasons(land, visible=0.30) == [""]
    assert reasons(ground()) == [""]


def test_the_edge_of_a_shadow_is_no_shade():
    """Elevation models err by some metres."""
    assert reasons(ground(depth_m=terrain.SURE_DEPTH_M - 1)) == [""]
    assert reasons(ground(depth_m=terrain.SURE_DEPTH_M + 1)) == ["terrain shadow"]


def test_no_liquid_stands_on_a_cliff_however_bright():
    assert reasons(ground(slope_deg=60.0), visible=0.3) == ["on a slope"]
    assert reasons(ground(slope_deg=30.0)) == [""]


def test_ground_without_elevations_says_nothing():
    assert reasons(ground(slope_deg=np.nan, incidence=np.nan, depth_m=np.nan)) == [""]
    far = np.array([9000.0])
    assert terrain.rejection(ground(slope_deg=60.0), far, far, np.array([0.02])).tolist() == [""]


def test_clear_ground_in_shade_is_called_shadow_and_other_ground_stays():
    depth_m = np.full((5, 5), -10.0)
    depth_m[:, 3:] = 100.0
    codes = np.full((4, 4), Coverage.CLEAR, np.uint8)
    codes[0] = Coverage.CLOUD
    codes[1] = Coverage.OUTSIDE
    grid = Grid("EPSG:32647", 0.0, 0.0, 30.0, 4, 4)
    shaded = terrain.with_shade(codes, ground(depth_m=depth_m), grid, Window(0, 4, 0, 4))
    assert (shaded[:2] == codes[:2]).all()
    assert shaded[2].tolist() == [Coverage.CLEAR, Coverage.CLEAR, Coverage.SHADOW, Coverage.SHADOW]
    beyond = terrain.with_shade(codes, ground(depth_m=np.nan), grid, Window(0, 4, 0, 4))
    assert (beyond == codes).all()
