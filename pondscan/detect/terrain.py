"""What the lie of the land says against a candidate: mountain shadow, and slopes on which no liquid stands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pondscan.model import Coverage, Grid, Window
from pondscan.relief import Field, LitRelief

Floats = NDArray[np.float64]

SHADOW = "terrain shadow"
SLOPE = "on a slope"

SURE_DEPTH_M = 12.0
"""Height that ground must lack to be in the sun before it is taken for shaded: models of 30 m err by some metres."""

FACING_AWAY = -0.02
"""Cosine of the sun's incidence below which a slope is taken to shade itself: one degree past grazing light."""

SHADED_VISIBLE = 0.06
"""Liquid reflectance in the visible below which a candidate in shade is taken for shade alone. The sky gives a fifth of
the light at most, so that the brightest liquid (0.3) shows this much; what is brighter is not in shade (own choice: no
simulated pond and no object believed at 0.1 lay in shade, see scripts/choose_terrain)."""

STEEPEST_DEG = 45.0
"""Slope of the hillside (over ``relief.SLOPE_BASE_M``) beyond which there is no pond. Ponds stand on terraces that a
model of 30 m, or one older than the mine, does not show: 207 of 1,317 simulated ones on more than 30°, 31 on more than
35°, one on more than 42°, none on more than 45° (scripts/choose_terrain)."""


def rejection(ground: LitRelief, x: Floats, y: Floats, visible: Floats) -> NDArray[np.object_]:
    """Reason why each candidate is no pond, empty where the lie of the land says nothing against it.

    Parameters
    ----------
    ground : LitRelief
    x, y : (m,)
        Candidates, in the ground's reference system.
    visible : (m,)
        Liquid reflectance, mean of blue, green and red.
    """
    at = ground.at(x, y)
    is_dark = is_shaded(at.depth_m, at.incidence) & (visible < SHADED_VISIBLE)
    is_steep = at.slope_deg > STEEPEST_DEG
    reasons: NDArray[np.object_] = np.select([is_dark, is_steep], [SHADOW, SLOPE], "").astype(object)
    return reasons


def is_shaded(depth_m: Floats | Field, incidence: Floats | Field) -> NDArray[np.bool_]:
    """Whether ground surely lies in cast or self shadow; never where its elevation is not known."""
    return np.asarray((depth_m > SURE_DEPTH_M) | (incidence < FACING_AWAY))


def with_shade(codes: NDArray[np.uint8], ground: LitRelief, grid: Grid, window: Window) -> NDArray[np.uint8]:
    """Coverage codes with clear ground in mountain shadow called shadow: nobody could have seen a pond there."""
    x = grid.x_origin + (np.arange(window.col_start, window.col_stop, dtype=np.float64) + 0.5) * grid.gsd_m
    y = grid.y_origin - (np.arange(window.row_start, window.row_stop, dtype=np.float64) + 0.5) * grid.gsd_m
    is_dark = is_shaded(ground.on_raster(ground.depth_m, x, y), ground.on_raster(ground.incidence, x, y))
    return np.where(is_dark & (codes == Coverage.CLEAR), np.uint8(Coverage.SHADOW), codes)
