"""Which ponds a sensor can show: the measured detection curves in words, stated wherever the report counts ponds.

The curves (``detection.json``, by class of pixel size) are measured on simulated scenes: guidance on what a count
leaves out, not a measurement on these scenes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from pondscan.detect.detection import EVEN, diameter_of, known_chance
from pondscan.report import words
from pondscan.report.words import Z_95

RELIABLE = 0.9
"""Chance from which a pond counts as usually seen."""
APART_BELOW_M = 20.0
"""Pixels from this size on blur neighbouring ponds together."""
MEASURED_UP_TO_M = 15.0
"""Coarser pixels than this were not simulated; the curve of 10 m is carried over to them."""


@dataclass(frozen=True, slots=True)
class SizeLimit:
    """Diameters at which ponds begin to be seen, metres; infinite where no size is seen so often."""

    often_missed_below_m: float
    """Seen with a chance of 50 %."""
    reliable_from_m: float
    """Seen with a chance of 90 %."""
    tells_ponds_apart: bool = True
    """False where neighbours blur together and only the water of a site can be told."""


def size_limit(gsd_m: float) -> SizeLimit:
    """Limit of pixels of this size."""
    even_m, sure_m = (diameter_of(share, gsd_m, "counted") for share in (EVEN, RELIABLE))
    return SizeLimit(even_m, sure_m, tells_ponds_apart=gsd_m < APART_BELOW_M)


def chance_interval(
    diameter_m: NDArray[np.float64], gsd_m: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Chance (n,) that a clear look counts ponds of these sizes, with the 95 % interval of the fitted curve.

    The interval is even in log-odds, so that it stays between 0 and 1.
    """
    known = known_chance(diameter_m, np.full(len(diameter_m), gsd_m), "counted")
    sigma = np.sqrt(np.einsum("ij,jk,ik->i", known.gradient, known.covariance, known.gradient))
    logit, half = np.log(known.chance / (1 - known.chance)), Z_95 * sigma / (1 - known.chance)
    return known.chance, expit(logit - half), expit(logit + half)


def scene_limits(scenes: pd.DataFrame) -> list[tuple[str, float, SizeLimit]]:
    """(sensor, gsd_m, limit) of every sensor and pixel size among the scenes, finest first."""
    pairs = {(str(row["sensor"]), float(row["gsd_m"])) for row in scenes.to_dict("records")}
    return sorted(
        ((sensor, gsd_m, size_limit(gsd_m)) for sensor, gsd_m in pairs),
        key=lambda item: (item[2].often_missed_below_m, item[0], item[1]),
    )


def limit_sentence(sensor: str, gsd_m: float, limit: SizeLimit) -> str:
    """What can and cannot be seen, in words."""
    name = words.sensor(sensor)
    who = f"{name[0].upper()}{name[1:]} at {gsd_m:.3g} m"
    if not limit.tells_ponds_apart:
        return (
            f"{who}: single ponds are not resolved and neighbours blur together; read it as the water of a site, not "
            "as a count of ponds."
        )
    even = words.metres(limit.often_missed_below_m)
    sure = f", nine in ten of {words.metres(limit.reliable_from_m)} m" if math.isfinite(limit.reliable_from_m) else ""
    return f"{who}: a clear look lets every second open pond be counted that is {even} m across{sure}; fewer below."
