"""How right the areas are, and whether their error bars are honest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pondscan.evaluate.score import Score
from pondscan.evaluate.sizes import SIZES_M, size_class, size_name
from pondscan.survey.intervals import Share, wilson

ONE_SIGMA = 0.6827
"""Share of a normal distribution within one standard deviation."""


@dataclass(frozen=True, slots=True)
class PairError:
    """Errors of single areas, relative to the true ones."""

    n_pairs: int
    bias: float | None
    """Sum found over sum true, less one."""
    median_absolute_error: float | None
    within_one_sigma: Share
    """Share of pairs whose error is smaller than their ``area_sigma_m2``: 0.68 when that is honest."""
    sigma_over_error: float | None
    """Median relative sigma over the 68.27 % quantile of the relative absolute error: 1 when sigma is honest."""


@dataclass(frozen=True, slots=True)
class AreaError:
    """Areas of what was found against what is there."""

    true_m2: float | None
    """Of all ponds that count; null where somebody has yet to draw or measure one of them."""
    found_m2: float
    """Of all objects that count."""
    bias: float | None
    """``found_m2 / true_m2 - 1``: what is missed, false and mismeasured, together."""
    pairs: PairError
    by_diameter_m: Mapping[str, PairError]
    """By the true diameter."""


def area_error(score: Score) -> AreaError:
    """Compute the errors of areas, in total, over pairs, and by class of diameter."""
    pairs = score.pairs[score.pairs["is_area_known"]]
    number = size_class(pairs["diameter_m"].to_numpy(np.float64), SIZES_M)
    by_class = {size_name(SIZES_M, k): pair_error(pairs[number == k]) for k in np.unique(number) if k >= 0}
    true, found_m2 = score.counted_true, float(score.counted_found["area_m2"].sum())
    true_m2 = float(true["area_m2"].sum()) if true["is_area_known"].all() else None
    bias = found_m2 / true_m2 - 1 if true_m2 else None
    return AreaError(true_m2, found_m2, bias, pair_error(pairs), by_class)


def pair_error(pairs: pd.DataFrame) -> PairError:
    """Errors of the areas of some pairs (rows of ``Score.pairs``); those without a sigma say nothing of sigma."""
    if pairs.empty:
        return PairError(0, None, None, wilson(0, 0), None)
    true_m2, found_m2, sigma_m2 = (
        pairs[name].to_numpy(np.float64) for name in ("area_m2", "found_area_m2", "found_sigma_m2")
    )
    error = np.abs(found_m2 - true_m2)
    relative = error / true_m2
    has_sigma = np.isfinite(sigma_m2)
    within = wilson(int((error[has_sigma] < sigma_m2[has_sigma]).sum()), int(has_sigma.sum()))
    ratio = None
    if has_sigma.any():
        actual = float(np.quantile(relative[has_sigma], ONE_SIGMA))
        ratio = float(np.median(sigma_m2[has_sigma] / true_m2[has_sigma])) / actual if actual > 0 else None
    bias = float(found_m2.sum() / true_m2.sum() - 1)
    return PairError(len(pairs), bias, float(np.median(relative)), within, ratio)
