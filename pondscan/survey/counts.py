"""Counts corrected for what is wrong among the found and for what was never found."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pondscan.survey.intervals import Z_95
from pondscan.survey.stratified import Estimate

Floats = NDArray[np.float64]


def corrected(n_found: int, *, precision: Estimate, recall: Estimate) -> Estimate:
    """Count corrected by precision and recall that were estimated independently of each other.

    Parameters
    ----------
    n_found
        Objects found in all.
    precision
        Share of them that are right.
    recall
        Share of the true ones that were found.

    Returns
    -------
    Estimate
        NaN where precision or recall is not known, or nothing true was found.

    Notes
    -----
    N̂ = n P̂/R̂; by the delta method CV² = (SE_P / P̂)² + (SE_R / R̂)², which for samples of m₁ and m₂ objects is
    (1 - P̂)/(P̂ m₁) + (1 - R̂)/(R̂ m₂). The interval adds the arms of those of ln P̂ and of ln R̂ in quadrature, each side
    for itself (MOVER, as ``stratified.total_with_rare``): what precision and recall say of skew is not lost.
    """
    if not recall.value > 0 or math.isnan(precision.value):
        return Estimate(math.nan, math.nan, math.nan, math.nan)
    value = n_found * precision.value / recall.value
    if value == 0:
        return Estimate(0.0, 0.0, 0.0, 0.0)
    relative = math.hypot(precision.standard_error / precision.value, recall.standard_error / recall.value)
    down = math.hypot(_log_ratio(precision.value, precision.lower), _log_ratio(recall.upper, recall.value))
    up = math.hypot(_log_ratio(precision.upper, precision.value), _log_ratio(recall.value, recall.lower))
    return Estimate(value, value * relative, value * math.exp(-down), value * math.exp(up))


def _log_ratio(above: float, below: float) -> float:
    return math.log(above / below) if below > 0 else math.inf


def horvitz_thompson(
    chance: ArrayLike,
    *,
    amount: ArrayLike = 1.0,
    probability: ArrayLike = 1.0,
    gradient: ArrayLike | None = None,
    covariance: ArrayLike | None = None,
    site: ArrayLike | None = None,
    site_spread: float = 0.0,
) -> Estimate:
    """Total over all there are, from those found and the chance each had to be found.

    Parameters
    ----------
    chance : (n,) array
        Chance of each object found to be found, above 0.
    amount : (n,) array or number
        What it adds to the total: 1 for a count, its area for an area.
    probability : (n,) array or number
        Probability that it is real.
    gradient : (n, k) array, optional
        Derivatives of ln(chance) by the k parameters it was computed with.
    covariance : (k, k) array, optional
        Covariance of these parameters.
    site : (n,) array of int, optional
        Site of each object, numbered from 0; without it every one is alone.
    site_spread
        Standard deviation, from site to site, of the log-odds of being found.

    Notes
    -----
    D. G. Horvitz and D. J. Thompson, A generalization of sampling without replacement from a finite universe, Journal
    of the American Statistical Association 47(260), 1952, 663-685: T̂ = Σ P_i a_i / p_i. Its variance has three parts.
    Objects found and real independently of each other: Σ a_i² [P_i (1 - p_i) + P_i (1 - P_i)] / p_i². The parameters of
    the chance: gᵀ C g, with g = Σ (P_i a_i / p_i) ∂ln p_i. What the objects of a site have in common (light, haze,
    ground) and the data themselves cannot show, since the missed are missing: τ² Σ_sites (Σ P_i a_i (1 - p_i) / p_i)²,
    for a shift of spread τ in the log-odds of p. The last two multiply what is missed, so the product of their relative
    variances is added. The interval adds the arms of two parts in quadrature (MOVER, as
    ``stratified.total_with_rare``): what is real among the found, Σ P_i a_i of variance Σ a_i² P_i (1 - P_i); and what
    was not found, with the rest of the variance, its upper arm the longer of a normal's and a log-normal's,
    its lower one no longer than itself, since it may well be that nothing was missed.

    Examples
    --------
    >>> horvitz_thompson([0.5, 0.5, 1.0]).value
    5.0
    """
    p, a, real = np.broadcast_arrays(*(np.asarray(one, np.float64) for one in (chance, amount, probability)))
    weight = real * a / p
    at = np.arange(len(p)) if site is None else np.asarray(site, np.int64)
    found, doubt = float((a * real).sum()), float((a**2 * real * (1 - real)).sum())
    value = float(weight.sum())
    missed = value - found
    by_chance = float((a**2 * (real * (1 - p) + real * (1 - real)) / p**2).sum()) - doubt
    common = site_spread**2 * float((np.bincount(at, weight * (1 - p)) ** 2).sum())
    of_curve = 0.0
    if gradient is not None and covariance is not None:
        slope = (weight[:, None] * np.asarray(gradient, np.float64)).sum(axis=0)
        of_curve = float(slope @ np.asarray(covariance, np.float64) @ slope)
    both = common * of_curve / missed**2 if missed > 0 else 0.0
    rest = math.sqrt(max(by_chance + common + of_curve + both, 0.0))
    up = max(Z_95 * rest, _skewed_arm(missed, rest))
    sure = Z_95 * math.sqrt(doubt)
    down = math.hypot(sure, min(Z_95 * rest, max(missed, 0.0)))
    return Estimate(value, math.hypot(rest, math.sqrt(doubt)), value - down, value + math.hypot(sure, up))


def calibrated(
    design: ArrayLike,
    values: ArrayLike,
    *,
    covariance: ArrayLike,
    chance_variance: float,
    scene_spread: float,
    probability: ArrayLike = 1.0,
) -> Estimate:
    """Total of what there is, from what was found and how much of it each find stood for where the truth was known.

    Parameters
    ----------
    design : (n, k) array
        What is known of each find.
    values : (k,) array
        A find stands for exp(design · values) of what there is.
    covariance : (k, k) array
        Of the values.
    chance_variance
        Variance over mean of a total about its expectation, by chance.
    scene_spread
        Relative standard deviation of what all finds of a scene have in common.
    probability : (n,) array or number
        Of each find to be counted.

    Notes
    -----
    T̂ = Σ P_i w_i, w = exp(X θ), the calibration estimator of a log-linear (quasi-Poisson) model (P. McCullagh and J. A.
    Nelder, Generalized Linear Models, 2nd edition, 1989, 6.2 and 9.2). Unlike Horvitz and Thompson's it asks for no
    chance of single objects, which has no meaning where several blur into one find. Variance: φ T̂ + τ² T̂² + gᵀ C g,
    with g = Σ P_i w_i x_i. The interval is log-normal.

    Examples
    --------
    >>> found = calibrated([[1.0], [1.0]], [0.0], covariance=[[0.0]], chance_variance=1.0, scene_spread=0.0)
    >>> found.value, round(found.standard_error**2, 6)
    (2.0, 2.0)
    """
    known = np.asarray(design, np.float64)
    weight = np.asarray(probability, np.float64) * np.exp(known @ np.asarray(values, np.float64))
    total, slope = float(weight.sum()), weight @ known
    variance = chance_variance * total + (scene_spread * total) ** 2
    variance += float(slope @ np.asarray(covariance, np.float64) @ slope)
    return log_normal(total, math.sqrt(variance))


def added(parts: Sequence[Estimate]) -> Estimate:
    """Sum of estimates made independently of each other, arms of their intervals added in quadrature (MOVER)."""
    value = sum(one.value for one in parts)
    down, up = (math.hypot(*(end(one) for one in parts)) for end in (_down, _up))
    return Estimate(value, math.hypot(*(one.standard_error for one in parts)), value - down, value + up)


def _down(one: Estimate) -> float:
    return one.value - one.lower


def _up(one: Estimate) -> float:
    return one.upper - one.value


def _skewed_arm(mean: float, error: float) -> float:
    """How far the upper 2.5 % of a log-normal distribution of this mean and standard deviation lie above the mean."""
    if mean <= 0:
        return 0.0
    variance = math.log1p((error / mean) ** 2)
    return mean * math.expm1(Z_95 * math.sqrt(variance) - variance / 2)


def chapman(n_first: int, n_second: int, n_both: int) -> Estimate:
    """Number there are, from two who looked independently of each other.

    Parameters
    ----------
    n_first, n_second
        What each found.
    n_both
        What both found.

    Returns
    -------
    Estimate
        A lower bound where what one misses the other tends to miss too.

    Notes
    -----
    D. G. Chapman, Some properties of the hypergeometric distribution with applications to zoological sample censuses,
    University of California Publications in Statistics 1(7), 1951, 131-160: N̂ = (n₁+1)(n₂+1)/(m+1) - 1. Variance after
    G. A. F. Seber, The effects of trap response on tag recapture estimates, Biometrics 26, 1970, 13-22:
    (n₁+1)(n₂+1)(n₁-m)(n₂-m) / ((m+1)²(m+2)). Interval: log-normal on those that neither found (K. P. Burnham and
    others, Design and analysis methods for fish survival experiments, 1987), so it never falls below those found.

    Examples
    --------
    >>> chapman(60, 50, 40).value
    74.87804878048780
    """
    value = (n_first + 1) * (n_second + 1) / (n_both + 1) - 1
    variance = (n_first + 1) * (n_second + 1) * (n_first - n_both) * (n_second - n_both)
    error = math.sqrt(variance / ((n_both + 1) ** 2 * (n_both + 2)))
    return _above(value, error, float(n_first + n_second - n_both))


def log_normal(value: float, error: float) -> Estimate:
    """Estimate with the 95 % interval of a log-normal distribution of this mean and standard error."""
    if value <= 0:
        return Estimate(value, error, value, value)
    factor = math.exp(Z_95 * math.sqrt(math.log1p((error / value) ** 2)))
    return Estimate(value, error, value / factor, value * factor)


def _above(value: float, error: float, floor: float) -> Estimate:
    """Estimate whose interval is log-normal on its excess over a floor; symmetric where there is no excess."""
    excess = value - floor
    if excess <= 0 or error == 0:
        return Estimate(value, error, value - Z_95 * error, value + Z_95 * error)
    around = log_normal(excess, error)
    return Estimate(value, error, floor + around.lower, floor + around.upper)
