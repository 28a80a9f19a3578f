"""How likely a scene is to show a pond that is there: the measured detection curves.

The curves are stored as text beside the confidence models (``detection.json``), one for each class of pixel size:
``top / (1 + exp(-slope · ln(diameter_px / half_px)))``. They are fitted by ``scripts/fit_detection``. There are two of
each: ``shown``, whether a candidate lies over the pond (what a miss is evidence of), and ``counted``, whether the pond
has a candidate of its own (what a count lacks): neighbours that blur into one object are all shown, and counted once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Sort = Literal["shown", "counted"]

LIMIT_PX = 1.5
"""Diameter in pixels above which ponds are asked for where nobody states a limit (``evaluate``)."""

RESOLVING_GSD_M = 5.0
"""Finer pixels than this tell ponds apart across rims of 2 to 5 m (modelled, domain notes E)."""

EVEN = 0.5
"""A look counts as a miss only where it had at least this chance to show the pond."""

FINEST_M = {"1m": 0.0, "3m": 1.8, "10m": 6.5}
"""Finest pixels of each class, those of the confidence models."""

COARSE_M = (6.5, 12.0)
"""Pixels that ``stands_for`` was measured with, about: ponds of 8 to 19 m at 10 m."""

USUAL_PX, SIZES_PX = 1.8, (0.7, 6.0)
"""Usual measured diameter there, and the range in which it tells sizes apart."""

TOP_SPREAD = 1.0
"""OWN: where all large ponds show, nothing says how near to one the top is; its log-odds are held to be known to 1."""

PARAMETERS = 3
"""Of a curve: the log-odds of its top, and the logarithms of ``half_px`` and ``slope``."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A chance, and how well it is known; (n,) objects."""

    chance: Floats
    gradient: Floats
    """(n, k) derivatives of ln(chance) by the parameters of the curves of all classes."""
    covariance: Floats
    """(k, k) covariance of these parameters."""
    scene_spread: float
    """Standard deviation of the log-odds from scene to scene: the largest of the classes that occur."""


@lru_cache(maxsize=1)
def curves() -> dict[str, Any]:
    """Fitted detection curves by class of pixel size, as stored in ``detection.json``."""
    text = resources.files("pondscan.detect").joinpath("detection.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def chance(diameter_m: ArrayLike, gsd_m: ArrayLike, sort: Sort = "shown") -> Floats:
    """Probability that a clear look shows (or counts) a pond of this size, 0 to 1; arrays that broadcast.

    >>> bool(chance(8.0, 10.0) < chance(8.0, 3.0))
    True
    """
    top, half_px, slope, size_px, _ = _of(diameter_m, gsd_m, sort)
    return np.asarray(top / (1 + (half_px / size_px) ** slope))


def known_chance(diameter_m: ArrayLike, gsd_m: ArrayLike, sort: Sort) -> Known:
    """Chance with the uncertainty of the curves it is read from; (n,) arrays."""
    top, half_px, slope, size_px, number = _of(diameter_m, gsd_m, sort)
    odds = (half_px / size_px) ** slope
    share = odds / (1 + odds)
    parts = np.stack([1 - top, -slope * share, -slope * np.log(half_px / size_px) * share], axis=1)
    fitted = [curves()[sort][name] for name in FINEST_M]
    n = PARAMETERS * len(fitted)
    gradient, covariance = np.zeros((len(parts), n)), np.zeros((n, n))
    for k, curve in enumerate(fitted):
        block = slice(PARAMETERS * k, PARAMETERS * (k + 1))
        gradient[:, block] = np.where((number == k)[:, None], parts, 0.0)
        covariance[block, block] = covariance_of(curve)
    spread = max((fitted[k]["scene_spread"] for k in np.unique(number).tolist()), default=0.0)
    return Known(np.asarray(top / (1 + odds)), gradient, covariance, float(spread))


def covariance_of(curve: Mapping[str, Any]) -> Floats:
    """Covariance of a curve's parameters, its top held by a prior: ``TOP_SPREAD``."""
    precision = np.linalg.pinv(np.array(curve["covariance"], np.float64), hermitian=True)
    precision[0, 0] += 1 / TOP_SPREAD**2
    return np.asarray(np.linalg.inv(precision), np.float64)


def diameter_of(share: float, gsd_m: float, sort: Sort) -> float:
    """Diameter in metres that a clear look shows (or counts) with this probability; infinite beyond the curve's top."""
    top, half_px, slope, _, _ = (float(np.ravel(one)[0]) for one in _of(1.0, gsd_m, sort))
    return gsd_m * half_px * (top / share - 1) ** (-1 / slope) if share < top else float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class StandsFor:
    """What finds stand for where pixels are too coarse to tell neighbours apart: see ``survey.counts.calibrated``."""

    values: Floats
    covariance: Floats
    chance_variance: float
    scene_spread: float


def stands_for(what: Literal["ponds", "sites"]) -> StandsFor:
    """Calibration of coarse pixels (``COARSE_M``), of ponds from ``coarse_from_px`` on or of sites with two of them."""
    fitted = curves()["stands_for"]["10m"][what]
    values, covariance = (np.array(fitted[name], np.float64) for name in ("values", "covariance"))
    return StandsFor(values, covariance, fitted["chance_variance"], fitted["scene_spread"])


def coarse_from_px() -> float:
    """Diameter in pixels from which ``stands_for`` speaks."""
    return float(curves()["stands_for"]["10m"]["from_px"])


def known_of_ponds(area_m2: ArrayLike, gsd_m: ArrayLike) -> Floats:
    """What the calibration asks of a sighting, (n, 3): one, and two powers of the logarithm of its diameter."""
    size_px = 2 * np.sqrt(np.asarray(area_m2, np.float64) / np.pi) / np.asarray(gsd_m, np.float64)
    size = np.log(np.clip(size_px, *SIZES_PX) / USUAL_PX)
    return np.stack([np.ones_like(size), size, size**2], axis=-1)


def known_of_places(n_ponds: ArrayLike) -> Floats:
    """What the calibration asks of a place that shows this many ponds, (n, 2): whether two and more, whether one."""
    n = np.asarray(n_ponds)
    return np.stack([n >= 2, n == 1], axis=-1).astype(np.float64)


def false_sighting() -> float:
    """Probability that a clear look shows an object where a pond was, and is no longer."""
    return float(curves()["false_sighting"])


def _of(
    diameter_m: ArrayLike, gsd_m: ArrayLike, sort: Sort
) -> tuple[Floats, Floats, Floats, Floats, NDArray[np.int64]]:
    """Parameters of the curve of every object, its size in pixels and the number of its class."""
    fitted = [curves()[sort][name] for name in FINEST_M]
    pixel_m = np.asarray(gsd_m, dtype=np.float64)
    number = np.searchsorted(list(FINEST_M.values()), pixel_m, side="right") - 1
    top, half_px, slope = (np.array([curve[name] for curve in fitted])[number] for name in ("top", "half_px", "slope"))
    size_px = np.maximum(np.asarray(diameter_m, dtype=np.float64) / pixel_m, 1e-3)
    return top, half_px, slope, size_px, np.asarray(number, np.int64)
