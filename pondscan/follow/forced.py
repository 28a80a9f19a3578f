"""What every look measured at the places of known ponds, where it has no sighting of them.

A scene keeps all that was measured in it, however unlikely (``tables.EVIDENCE``), so a pond is asked for at looks that
came before it was known, and without their pixels. What is not in that table was fainter than the first pass sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pondscan.follow.looks import Look
from pondscan.follow.matching import Objects, feasible_pairs
from pondscan.follow.tracks import HALF
from pondscan.grid import between

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

SIGHTED_LOG_ODDS = float(np.log(0.1 / 0.9))
"""What is likelier than this is stored as an observation and has been matched, to this pond or to another."""

FAINT_LOG_ODDS = -3.0
"""Below this an object at the place of a pond does not count as the pond, however well it lies."""

LEAST_AREA = 0.3
MOST_AREA = 3.0
"""Share of the pond's area that such an object must at least, and may at most, have."""

SHEET_NDWI = (-0.06, 0.15)
SHEET_VISIBLE = 0.08
SHEET_PX = 2.5
"""A black sheet is grey and dark. Between these NDWI lie the sheets of simulated 3 m scenes (-0.04 to 0.13), empty
basins below (to -0.1), dark liquor above (nearly all); it is told apart on ponds at least so many pixels wide."""

WETTEST_SHEET_NDWI = 0.05
"""Where pixels are too coarse to tell a sheet, ground shines through and makes it drier (-0.3 to 0.02 in simulated 10 m
scenes, nine in ten ponds are above): such a look does not say of a pond under a sheet that the sheet is off."""


@dataclass(frozen=True, slots=True, eq=False)
class Forced:
    """What looks (columns) without a sighting measured at the places of ponds (rows)."""

    is_faint: Booleans
    """Whether it may be the pond, only fainter, or run together with others: such a look is no miss, and no sighting
    either."""
    is_cover: Booleans
    """Whether it is a black sheet."""

    @classmethod
    def nothing(cls, n_ponds: int, n_looks: int) -> Forced:
        """Nothing measured anywhere."""
        return cls(np.zeros((n_ponds, n_looks), bool), np.zeros((n_ponds, n_looks), bool))


def is_sheet(ndwi_peak: Floats, visible: Floats, size_px: Floats) -> Booleans:
    """Whether objects are black sheets, not liquid.

    >>> is_sheet(np.array([0.02, 0.4]), np.array([0.04, 0.04]), np.array([4.0, 4.0])).tolist()
    [True, False]
    """
    is_grey = (ndwi_peak > SHEET_NDWI[0]) & (ndwi_peak < SHEET_NDWI[1])
    return is_grey & (visible < SHEET_VISIBLE) & (size_px >= SHEET_PX)


def measure(looks: Sequence[Look], ponds: Objects, shift_m: Floats, is_sighted: Booleans, crs: str) -> Forced:
    """Measure every pond at every look that does not show it.

    Parameters
    ----------
    looks
        All looks.
    ponds
        Where each pond is, and how wide.
    shift_m : (n_looks, 2)
        How far each look lies off the places of the ponds, east and north, once its scenes are placed.
    is_sighted : (n_ponds, n_looks)
        Where there is a sighting.
    crs
        CRS of ``ponds``.
    """
    forced = Forced.nothing(len(ponds), len(looks))
    for number, look in enumerate(looks):
        asked = np.flatnonzero(~is_sighted[:, number])
        for view in reversed(look.views):  # the better view last, so that it has the last word
            rows = _unsighted(view.evidence)
            if not len(rows["x"]) or not len(asked):
                continue
            to_working = between(view.scene.grid.crs, crs)
            x, y = to_working.transform(rows["x"], rows["y"])
            off = view.placement.shift_at(x, y) + shift_m[number]
            pond, row = _nearest(ponds, asked, np.stack([x, y], axis=1) - off)
            size_px = ponds.diameter_m[pond] / look.gsd_m
            share = rows["area_m2"][row] * 4 / np.pi / ponds.diameter_m[pond] ** 2
            fits = (share >= LEAST_AREA) & (share <= MOST_AREA)
            cover = fits & is_sheet(rows["ndwi_peak"][row], rows["visible"][row], size_px)
            cover &= view.scene.calibrated != "dn"  # raw numbers cannot tell plastic from dark water
            forced.is_cover[pond, number] = cover
            forced.is_faint[pond, number] = fits & ~cover & (rows["log_odds"][row] >= FAINT_LOG_ODDS)
    return forced


def run_together(ponds: Objects, seen: Objects, look: Integers, shift_m: Floats, is_sighted: Booleans) -> Booleans:
    """Find ponds without a sighting at a look that shows an object over half of their outline.

    What is known of a pond today says that it may have been part of a larger object before.

    Parameters
    ----------
    ponds, shift_m, is_sighted
        As ``measure`` takes them.
    seen
        All sightings.
    look : (n_sightings,)
        Look of each.

    Returns
    -------
    (n_ponds, n_looks)
    """
    is_within = np.zeros_like(is_sighted)
    for number in range(is_sighted.shape[1]):
        asked, there = np.flatnonzero(~is_sighted[:, number]), np.flatnonzero(look == number)
        if len(asked) and len(there):
            east, north = -shift_m[number]
            pairs = feasible_pairs(ponds.take(asked), seen.take(there).moved(east, north))
            is_over = (pairs.share_of_known >= HALF) & ~pairs.is_finer
            is_within[asked[pairs.known[is_over]], number] = True
    return is_within


def _unsighted(evidence: pd.DataFrame) -> dict[str, Floats]:
    """Columns of the objects that are no observations."""
    columns = {name: evidence[name].to_numpy(float) for name in evidence.columns}
    is_left = ~(columns["log_odds"] >= SIGHTED_LOG_ODDS)  # NaN stays: it was rejected
    return {name: values[is_left] for name, values in columns.items()}


def _nearest(ponds: Objects, asked: NDArray[np.int64], place: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ponds asked for that have an object in reach, and that object; each object is given to the nearest pond alone."""
    centre = np.stack([ponds.x[asked], ponds.y[asked]], axis=1)
    found = cKDTree(place).query(centre)
    distance, row = np.asarray(found[0]), np.asarray(found[1], dtype=np.int64)
    order = np.argsort(distance, kind="stable")
    reach = ponds.diameter_m[asked] / 4 + ponds.slack_m[asked]
    order = order[distance[order] <= reach[order]]
    _, first = np.unique(row[order], return_index=True)
    chosen = order[np.sort(first)]
    return asked[chosen], row[chosen]
