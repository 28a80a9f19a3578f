"""How likely a scene is to show a pond that is there: the measured detection curves.

The curves are stored as text beside the confidence models (``detection.json``), one for each class of pixel size:
``top / (1 + exp(-slope · ln(diameter_px / half_px)))``. They are fitted by ``scripts/fit_detection``.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

LIMIT_PX = 1.5
"""Diameter in pixels above which ponds are asked for where nobody states a limit (``evaluate``)."""

RESOLVING_GSD_M = 5.0
"""Finer pixels than this tell ponds apart across rims of 2 to 5 m (modelled, domain notes E)."""

EVEN = 0.5
"""A look counts as a miss only where it had at least this chance to show the pond."""


@lru_cache(maxsize=1)
def curves() -> dict[str, Any]:
    """Fitted detection curves by class of pixel size, as stored in ``detection.json``."""
    text = resources.files("pondscan.detect").joinpath("detection.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


FINEST_M = {"1m": 0.0, "3m": 1.8, "10m": 6.5}
"""Finest pixels of each class, those of the confidence models."""


def chance(diameter_m: ArrayLike, gsd_m: ArrayLike) -> Floats:
    """Probability that a clear look shows a pond of this size, 0 to 1; arrays that broadcast.

    >>> bool(chance(8.0, 10.0) < chance(8.0, 3.0))
    True
    """
    fitted = [curves()["curves"][name] for name in FINEST_M]
    pixel_m = np.asarray(gsd_m, dtype=np.float64)
    number = np.searchsorted(list(FINEST_M.values()), pixel_m, side="right") - 1
    top, half_px, slope = (np.array([curve[name] for curve in fitted])[number] for name in ("top", "half_px", "slope"))
    size_px = np.maximum(np.asarray(diameter_m, dtype=np.float64) / pixel_m, 1e-3)
    return np.asarray(top / (1 + (half_px / size_px) ** slope))


def false_sighting() -> float:
    """Probability that a clear look shows an object where a pond was, and is no longer."""
    return float(curves()["false_sighting"])
