"""Totals and shares out of a stratified random sample; areas and accuracies of a map out of its error matrix.

One estimator serves all of them: a total is the sum over the strata of their size times the mean of their sample, a
share (accuracy) is the ratio of two totals. Of an error matrix the values of a unit are zeros and ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from pondscan.survey.intervals import Z_95

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

WORST = 1.6
"""Times more than expected that may be where nothing was found (benchmarks/survey, seeds from 1000)."""

ENOUGH = 2
"""Units of a stratum below which its spread, and with it the error of the whole, is not known."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its standard error and 95 % interval; these three are NaN where they are not known."""

    value: float
    standard_error: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Accuracy and area of a map, classes in the order of the error matrix."""

    overall: Estimate
    users: tuple[Estimate, ...]
    """Of what is mapped as a class, the share that is of it: one less the error of commission."""
    producers: tuple[Estimate, ...]
    """Of what is of a class, the share that is mapped as it: one less the error of omission."""
    area: tuple[Estimate, ...]
    """In the unit of the sizes given."""


def total(values: ArrayLike, stratum: ArrayLike, sizes: ArrayLike) -> Estimate:
    """Total over all units of all strata, from a simple random sample without replacement of each.

    Parameters
    ----------
    values : (n,) array
        What was found in each unit of the sample.
    stratum : (n,) array of int
        Its stratum, an index into ``sizes``.
    sizes : (k,) array
        Units there are in each stratum.

    Returns
    -------
    Estimate
        The standard error is NaN when a stratum that is not wholly known has fewer than ``ENOUGH`` sampled units.

    Raises
    ------
    ValueError
        When a stratum that has units was not sampled at all.

    Notes
    -----
    W. G. Cochran, Sampling Techniques, 3rd edition, 1977: Ŷ = Σ N_h ȳ_h (5.1), V(Ŷ) = Σ N_h² (1 - n_h/N_h) s_h² / n_h
    (5.10), the interval with Student's t of the effective degrees of freedom after Satterthwaite (5.16).

    Examples
    --------
    Ten of a hundred units, three of which hold one:

    >>> total([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], [0] * 10, [100]).value
    30.0
    """
    y, of, size = _checked(values, stratum, sizes)
    return _with_t(float((size * _means(y, of, len(size))).sum()), *_variance(y, of, size))


def ratio(numerator: ArrayLike, denominator: ArrayLike, stratum: ArrayLike, sizes: ArrayLike) -> Estimate:
    """Ratio of two totals, a share where each unit's numerator is a part of its denominator.

    Parameters
    ----------
    numerator, denominator : (n,) arrays
        What was found in each unit of the sample.
    stratum, sizes
        As for ``total``.

    Returns
    -------
    Estimate
        NaN where the denominator's total is 0.

    Notes
    -----
    Cochran 1977, 6.11: R̂ = Ŷ/X̂, V(R̂) = V(total of y - R̂ x) / X̂², to first order. S. V. Stehman, Estimating area and map
    accuracy for stratified random sampling when the strata are different from the map classes, International Journal
    of Remote Sensing 35(13), 2014, 4923-4939, (27) and (28), is this estimator for accuracies.
    """
    y, of, size = _checked(numerator, stratum, sizes)
    x, _, _ = _checked(denominator, stratum, sizes)
    y_total, x_total = (float((size * _means(one, of, len(size))).sum()) for one in (y, x))
    if x_total == 0:
        return Estimate(math.nan, math.nan, math.nan, math.nan)
    share = y_total / x_total
    variance, freedom = _variance(y - share * x, of, size)
    return _with_t(share, variance / x_total**2, freedom)


def share_found(found: Estimate, missed: Estimate, standard_error: float) -> Estimate:
    """Share that was found of everything, from what was found and what was missed.

    Parameters
    ----------
    found, missed : Estimate
        Totals from units of different strata, each with its own interval.
    standard_error
        Of the share, as ``ratio`` gives it.

    Notes
    -----
    The interval of missed/found is put together from both (MOVER-R: A. Donner and G. Y. Zou, Closed-form confidence
    intervals for functions of the normal mean and standard deviation, Statistical Methods in Medical Research 21(4),
    2012, 347-359), so that of the share 1/(1 + missed/found) keeps what ``total_with_rare`` says of the missed.

    Examples
    --------
    >>> share = share_found(Estimate(80, 0, 80, 80), Estimate(20, 8, 8, 40), 0.06)
    >>> [round(end, 3) for end in (share.lower, share.value, share.upper)]
    [0.667, 0.8, 0.909]
    """
    whole = found.value + missed.value
    if whole == 0 or math.isnan(whole):
        return Estimate(math.nan, math.nan, math.nan, math.nan)
    fewest, most = _quotient(missed, found)
    return Estimate(found.value / whole, standard_error, 1 / (1 + most), 1 / (1 + fewest))


def _quotient(above: Estimate, below: Estimate) -> tuple[float, float]:
    """95 % interval of the ratio of two totals that were estimated independently, neither below 0."""
    product = above.value * below.value
    ends = []
    # An interval of the divisor that is wider than twice itself bounds the ratio on one side only.
    divisors = min(below.upper, 2 * below.value), max(below.lower, 0.0)
    for sign, end, divisor in zip((-1, 1), (max(above.lower, 0.0), above.upper), divisors, strict=True):
        base = divisor * (2 * below.value - divisor)
        root = math.sqrt(max(product**2 - end * (2 * above.value - end) * base, 0.0))
        ends.append((product + sign * root) / base if base > 0 else (0.0 if sign < 0 else math.inf))
    return ends[0], ends[1]


def total_with_rare(
    values: ArrayLike,
    stratum: ArrayLike,
    sizes: ArrayLike,
    is_rare: ArrayLike,
    *,
    expected: ArrayLike = 0.0,
    each: float = 1.0,
) -> Estimate:
    """Total, as ``total``, where some strata hold little of it in many units.

    Parameters
    ----------
    values, stratum, sizes
        As for ``total``.
    is_rare : (k,) array of bool
        Strata of which few units hold anything: their total is skewed, and more often far too low than far too high.
    expected : (k,) array or number
        Finds per unit of each stratum that were expected when the sample was drawn: a stratum in whose sample nothing
        was found would otherwise count as known to hold nothing.
    each
        What a find adds to the total.

    Notes
    -----
    The arms of the two parts' intervals are added in quadrature, each side for itself (MOVER: G. Y. Zou and A. Donner,
    Construction of confidence limits about effect measures, Statistics in Medicine 27(10), 2008, 1693-1702). The upper
    arm of the rare part is the longest of three: the symmetric one, that of a log-normal, and that of Student's t with
    as many degrees of freedom as units held anything, less one; the lower one is the symmetric one.
    A third arm is WORST times what strata without a find may be expected to hold nevertheless: see ``_unseen``.
    How much more they may hold at worst is another question: see ``most_unseen``.
    """
    y, of, size = _checked(values, stratum, sizes)
    rare = np.asarray(is_rare, bool)[of]
    usual, other = (total(np.where(kept, y, 0.0), of, size) for kept in (~rare, rare))
    upper = other.upper - other.value
    if other.value > 0 and other.standard_error > 0:
        times = upper / other.standard_error
        spread = math.sqrt(math.log1p((other.standard_error / other.value) ** 2))
        n_hits = int(np.count_nonzero(y[rare]))
        few = float(stdtrit(max(n_hits - 1, ENOUGH), 0.975)) * other.standard_error
        upper = max(upper, few, other.value * math.expm1(times * spread))
    n = np.bincount(of, minlength=len(size))
    is_empty = (np.bincount(of, y != 0, len(size)) == 0) & (n > 0)
    may_be = _unseen(n, size, np.broadcast_to(np.asarray(expected, np.float64), size.shape))
    unseen = WORST * each * float(may_be[is_empty].sum())
    value = usual.value + other.value
    down = math.hypot(usual.value - usual.lower, other.value - other.lower)
    error = math.hypot(usual.standard_error, other.standard_error)
    return Estimate(value, error, value - down, value + math.hypot(usual.upper - usual.value, upper, unseen))


def _unseen(n: Integers, size: Floats, expected: Floats) -> Floats:
    """Finds left in strata in whose sample there was none, from what was expected of them and how many are empty.

    With a mean per unit that is exponentially distributed about the expected one beforehand, n empty units leave
    expected / (1 + n · expected) of it (Gamma prior of shape 1, Poisson counts).
    """
    return np.asarray((size - n) * expected / (1 + n * expected))


def error_matrix(counts: ArrayLike, sizes: ArrayLike) -> Accuracy:
    """Accuracy and area of the classes of a map, whose classes are the strata of the sample.

    Parameters
    ----------
    counts : (k, k) array of int
        Sampled units by map class (row) and reference class (column).
    sizes : (k,) array
        Pixels, or area, mapped as each class.

    Raises
    ------
    ValueError
        When a class that is mapped has fewer than two sampled units.

    Notes
    -----
    P. Olofsson, G. M. Foody, M. Herold, S. V. Stehman, C. E. Woodcock and M. A. Wulder, Good practices for estimating
    area and assessing accuracy of land change, Remote Sensing of Environment 148, 2014, 42-57, (1) to (11): the sizes
    are taken as without end beside the sample, and intervals are ± 1.96 standard errors.
    """
    seen = np.asarray(counts, np.int64)
    size = np.asarray(sizes, np.float64)
    mapped, true = (index.ravel() for index in np.indices(seen.shape))
    mapped, true = np.repeat(mapped, seen.ravel()), np.repeat(true, seen.ravel())
    if (seen.sum(axis=1)[size > 0] < ENOUGH).any():
        raise ValueError("a class that is mapped needs two sampled units or more")

    def endless(y: Floats, x: Floats | None = None) -> Estimate:
        """Ratio of totals; without ``x`` the total itself."""
        value = float((size * _means(y, mapped, len(size))).sum())
        base = float((size * _means(x, mapped, len(size))).sum()) if x is not None else 1.0
        if base == 0:
            return Estimate(math.nan, math.nan, math.nan, math.nan)
        rest = y if x is None else y - value / base * x
        variance, _ = _variance(rest, mapped, size, is_endless=True)
        return _with_z(value / base, variance / base**2)

    everything = np.ones(len(true))
    is_true, is_mapped = ([one == j for j in range(len(size))] for one in (true, mapped))
    both = [(a & b).astype(float) for a, b in zip(is_true, is_mapped, strict=True)]
    return Accuracy(
        overall=endless((true == mapped).astype(float), everything),
        users=tuple(endless(hit, one.astype(float)) for hit, one in zip(both, is_mapped, strict=True)),
        producers=tuple(endless(hit, one.astype(float)) for hit, one in zip(both, is_true, strict=True)),
        area=tuple(endless(one.astype(float)) for one in is_true),
    )


def most_unseen(n: int, size: float) -> float:
    """Units of a stratum that may hold something although none of ``n`` sampled ones did, 95 % sure.

    Notes
    -----
    The "rule of three": (1 - 3/n)^n is about e^-3 = 0.05. J. A. Hanley and A. Lippman-Hand, If nothing goes wrong, is
    everything all right?, Journal of the American Medical Association 249(13), 1983, 1743-1745.

    Examples
    --------
    >>> most_unseen(100, 5000)
    150.0
    """
    return min(3.0 * size / n, size - n) if n else size


def _checked(values: ArrayLike, stratum: ArrayLike, sizes: ArrayLike) -> tuple[Floats, Integers, Floats]:
    y, of, size = np.asarray(values, np.float64), np.asarray(stratum, np.int64), np.asarray(sizes, np.float64)
    n = np.bincount(of, minlength=len(size))
    if ((n == 0) & (size > 0)).any():
        raise ValueError(f"stratum {int(((n == 0) & (size > 0)).argmax())} has units, none of them in the sample")
    if (n > size).any():
        raise ValueError(f"stratum {int((n > size).argmax())} has fewer units than were sampled")
    return y, of, size


def _means(values: Floats, of: Integers, n_strata: int) -> Floats:
    n = np.bincount(of, minlength=n_strata)
    return np.bincount(of, values, n_strata) / np.maximum(n, 1)


def _variance(values: Floats, of: Integers, size: Floats, *, is_endless: bool = False) -> tuple[float, float]:
    """Variance of the total, and its effective degrees of freedom."""
    n = np.bincount(of, minlength=len(size)).astype(float)
    squares = np.bincount(of, (values - _means(values, of, len(size))[of]) ** 2, len(size))
    spread = np.divide(squares, n - 1, out=np.full(len(size), np.nan), where=n > 1)
    unseen = np.ones(len(size)) if is_endless else 1 - np.divide(n, size, out=np.ones(len(size)), where=size > 0)
    spread[(unseen == 0) | (size == 0)] = 0.0
    parts = size**2 * unseen * spread / np.maximum(n, 1)
    variance = float(parts.sum())
    fourth = float((parts**2 / np.maximum(n - 1, 1)).sum())
    return variance, variance**2 / fourth if fourth > 0 else math.inf


def _with_t(value: float, variance: float, freedom: float) -> Estimate:
    error = math.sqrt(variance) if variance >= 0 else math.nan
    half = (Z_95 if math.isinf(freedom) else float(stdtrit(freedom, 0.975))) * error
    return Estimate(value, error, value - half, value + half)


def _with_z(value: float, variance: float) -> Estimate:
    error = math.sqrt(variance)
    return Estimate(value, error, value - Z_95 * error, value + Z_95 * error)
