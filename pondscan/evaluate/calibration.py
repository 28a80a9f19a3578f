"""Whether a confidence of 0.7 means that seven in ten are ponds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pondscan.evaluate.score import Score
from pondscan.survey.intervals import Share, wilson

MOST_BINS = 10
LEAST_IN_BIN = 20
"""Objects a bin should have at least: fewer would make the calibration error a measure of chance."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Objects of like confidence."""

    n: int
    confidence: float
    """Their mean."""
    share: Share
    """Share of them that are ponds."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Confidence against truth, over the objects of confidence ≥ ``score.CALIBRATED_FROM``."""

    n: int
    n_ponds: int
    brier: float | None
    expected_calibration_error: float | None
    bins: tuple[Bin, ...]
    """Equally many objects in each, low confidence first: the table of a reliability plot."""


def calibration(score: Score) -> Calibration:
    """Compute Brier score, expected calibration error and reliability table.

    Notes
    -----
    G. W. Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78(1), 1950, 1-3:
    the mean of (confidence - outcome)² (half of Brier's sum over both outcomes).
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural networks, ICML 2017: the mean of
    abs(share of ponds - mean confidence) over bins, weighted by their objects; here the bins hold equally many objects,
    at least about ``LEAST_IN_BIN`` and at most ``MOST_BINS`` of them.
    """
    tried = score.found[score.found["is_pond"].notna()]
    order = np.argsort(tried["confidence"].to_numpy(), kind="stable")
    confidence, is_pond = (tried[name].to_numpy(np.float64)[order] for name in ("confidence", "is_pond"))
    n, n_ponds = len(confidence), int(is_pond.sum())
    if not n:
        return Calibration(0, 0, None, None, ())
    parts = np.array_split(np.arange(n), int(np.clip(n // LEAST_IN_BIN, 1, MOST_BINS)))
    bins = tuple(
        Bin(len(part), float(confidence[part].mean()), wilson(int(is_pond[part].sum()), len(part))) for part in parts
    )
    gaps = [part.n * abs((part.share.value or 0.0) - part.confidence) for part in bins]
    return Calibration(n, n_ponds, float(np.mean((confidence - is_pond) ** 2)), sum(gaps) / n, bins)
