"""Counts corrected for what is wrong among the found and for what was never found."""

from __future__ import annotations

import math

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
    (1 - P̂)/(P̂ m₁) + (1 - R̂)/(R̂ m₂). The interval is that of a log-normal of this CV, which a ratio of shares is nearer
    to than to a normal one.
    """
    if not recall.value > 0 or math.isnan(precision.value):
        return Estimate(math.nan, math.nan, math.nan, math.nan)
    value = n_found * precision.value / recall.value
    if value == 0:
        return Estimate(0.0, 0.0, 0.0, 0.0)
    relative = math.hypot(precision.standard_error / precision.value, recall.standard_error / recall.value)
    return log_normal(value, value * relative)


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
    for a shift of spread τ in the log-odds of p. The interval is log-normal on what was not found, so it never falls
    below what is expected among the found.

    Examples
    --------
    >>> horvitz_thompson([0.5, 0.5, 1.0]).value
    5.0
    """
    p, a, real = np.broadcast_arrays(*(np.asarray(one, np.float64) for one in (chance, amount, probability)))
    weight = real * a / p
    variance = float((a**2 * (real * (1 - p) + real * (1 - real)) / p**2).sum())
    at = np.arange(len(p)) if site is None else np.asarray(site, np.int64)
    variance += site_spread**2 * float((np.bincount(at, weight * (1 - p)) ** 2).sum())
    if gradient is not None and covariance is not None:
        slope = (weight[:, None] * np.asarray(gradient, np.float64)).sum(axis=0)
        variance += float(slope @ np.asarray(covariance, np.float64) @ slope)
    return _above(float(weight.sum()), math.sqrt(variance), float((a * real).sum()))


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
