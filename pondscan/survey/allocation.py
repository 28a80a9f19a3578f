"""How many units to judge, and how many of them in which stratum."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pondscan.survey.intervals import Z_95

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def needed(sizes: ArrayLike, spreads: ArrayLike, *, half_width: float) -> int:
    """Units to judge for a 95 % interval of ± ``half_width`` of the total, with the best allocation.

    Parameters
    ----------
    sizes : (k,) array
        Units there are in each stratum.
    spreads : (k,) array
        Standard deviation expected between the units of each.
    half_width
        In the unit of the total.

    Notes
    -----
    Cochran 1977, (5.25) with Neyman's allocation: n = (Σ N_h S_h)² / (V + Σ N_h S_h²), V = (half_width / 1.96)².

    Examples
    --------
    >>> needed([1000], [0.5], half_width=98)  # ± 0.098 of a share near one half
    91
    """
    size, spread = np.asarray(sizes, np.float64), np.asarray(spreads, np.float64)
    variance = (half_width / Z_95) ** 2
    weight = float((size * spread).sum())
    return math.ceil(weight**2 / (variance + float((size * spread**2).sum()))) if weight > 0 else 0


def allocate(sizes: ArrayLike, spreads: ArrayLike, n: int, *, least: int) -> Integers:
    """Share a sample out among strata.

    Parameters
    ----------
    sizes, spreads : (k,) arrays
        As for ``needed``.
    n
        Units to judge; more where the least of every stratum takes more.
    least
        Units of a stratum to judge at least, all of them where it has fewer.

    Returns
    -------
    (k,) array of int
        Nowhere more than there are.

    Notes
    -----
    J. Neyman, On the two different aspects of the representative method, Journal of the Royal Statistical Society
    97(4), 1934, 558-625: n_h in proportion to N_h S_h. What a full stratum cannot take goes to the others (Cochran
    1977, 5.8).

    Examples
    --------
    >>> allocate([100, 10000], [0.5, 0.05], 110, least=5).tolist()
    [10, 100]
    """
    size = np.asarray(sizes, np.int64)
    weight = size * np.asarray(spreads, np.float64)
    taken = np.minimum(size, least)
    is_open = (taken < size) & (weight > 0)
    while is_open.any() and n > taken[~is_open].sum():
        rest = n - taken[~is_open].sum()
        wanted = rest * weight / weight[is_open].sum()
        is_full = is_open & (wanted >= size)
        is_low = is_open & (wanted <= np.minimum(size, least))
        settled = is_full if is_full.any() else is_low
        if not settled.any():
            return np.where(is_open, np.minimum(_rounded(wanted, is_open, int(rest)), size), taken).astype(np.int64)
        taken = np.where(is_full, size, taken)
        is_open &= ~settled
    return taken.astype(np.int64)


def _rounded(wanted: Floats, is_open: NDArray[np.bool_], n: int) -> Integers:
    """Whole numbers that add up to ``n`` over the open strata, those of the largest remainders rounded up."""
    whole = np.where(is_open, np.floor(wanted), 0.0)
    remainder = np.where(is_open, wanted - whole, -1.0)
    up = np.argsort(-remainder, kind="stable")[: max(n - int(whole.sum()), 0)]
    whole[up[is_open[up]]] += 1
    return whole.astype(np.int64)


SUREST = 0.97
"""OWN: before it is judged no stratum of outlines is taken to be righter than this, or wronger than one less it."""

CLUMPED = 1.5
"""OWN: variance over mean of the ponds missed in a square; they come in rows and sites."""


def spread_of_outlines(probability: ArrayLike) -> Floats:
    """Standard deviation expected between outlines that are ponds with this probability.

    >>> spread_of_outlines([0.5]).tolist()
    [0.5]
    """
    p = np.clip(np.asarray(probability, np.float64), 1 - SUREST, SUREST)
    return np.asarray(np.sqrt(p * (1 - p)))


def spread_of_ground(n_expected: ArrayLike, sizes: ArrayLike) -> Floats:
    """Standard deviation expected between squares that hold so many missed ponds in all, one at least."""
    rate = np.maximum(np.asarray(n_expected, np.float64), 1.0) / np.maximum(np.asarray(sizes, np.float64), 1.0)
    return np.asarray(np.sqrt(CLUMPED * rate))


def expected_wrong(spread: ArrayLike) -> Floats:
    """Share of outlines expected to be wrong, of strata in which most are right: ``spread_of_outlines`` undone.

    >>> expected_wrong(spread_of_outlines([0.9])).round(6).tolist()
    [0.1]
    """
    p_times_q = np.minimum(np.asarray(spread, np.float64) ** 2, 0.25)
    return np.asarray((1 - np.sqrt(1 - 4 * p_times_q)) / 2)


def expected_missed(spread: ArrayLike) -> Floats:
    """Missed ponds expected in a square: ``spread_of_ground`` undone.

    >>> expected_missed(spread_of_ground([50.0], [1000])).round(6).tolist()
    [0.05]
    """
    return np.asarray(np.asarray(spread, np.float64) ** 2 / CLUMPED)
