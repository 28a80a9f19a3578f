"""How far an estimate would move with other sites in the sample: the bootstrap by site."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pondscan.survey.stratified import Estimate

Floats = NDArray[np.float64]

N_DRAWS = 2000


def by_site(
    values: ArrayLike, stratum: ArrayLike, sizes: ArrayLike, site: ArrayLike, *, seed: int, n_draws: int = N_DRAWS
) -> Floats:
    """Totals of a stratified sample as they come out when whole sites are drawn anew, with replacement.

    Parameters
    ----------
    values, stratum, sizes
        As for ``stratified.total``.
    site : (n,) array of int
        Site of every unit of the sample, numbered from 0; a unit of its own where it belongs to none.
    seed
        The same seed gives the same draws.

    Returns
    -------
    (n_draws,) array
        A draw that leaves a stratum without any unit takes its mean from the whole sample.

    Notes
    -----
    A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application, 1997, 3.8: errors of the ponds of one site
    go together (light, haze, workings), so sites are resampled and not ponds.
    """
    y, of, at = np.asarray(values, np.float64), np.asarray(stratum, np.int64), np.asarray(site, np.int64)
    size = np.asarray(sizes, np.float64)
    n_sites = int(at.max()) + 1 if len(at) else 0
    shape = (n_sites, len(size))
    cell = at * len(size) + of
    n = np.bincount(cell, minlength=n_sites * len(size)).reshape(shape).astype(float)
    sums = np.bincount(cell, y, n_sites * len(size)).reshape(shape)
    mean = sums.sum(axis=0) / np.maximum(n.sum(axis=0), 1)
    drawn = np.random.default_rng(seed).multinomial(n_sites, np.full(n_sites, 1 / max(n_sites, 1)), size=n_draws)
    n_drawn, sums_drawn = drawn @ n, drawn @ sums
    means = np.where(n_drawn > 0, sums_drawn / np.maximum(n_drawn, 1), mean)
    return np.asarray(means @ size, np.float64)


def widened(found: Estimate, draws: Floats) -> Estimate:
    """Estimate of the total with the error that the draws have, and its interval as much wider as theirs is.

    Notes
    -----
    The design effect (L. Kish, Survey Sampling, 1965, 5.4) is the variance of a sample of whole sites over that of one
    of single units. The arms of the interval grow by its root, so that what they say of skew, and of strata where
    nothing was found, of which no resampling of the sample knows anything, stays. An effect below one is taken for one.
    """
    error = float(draws.std(ddof=1))
    root = max(error / found.standard_error, 1.0) if found.standard_error > 0 else 1.0
    down, up = root * (found.value - found.lower), root * (found.upper - found.value)
    return Estimate(found.value, error, found.value - down, found.value + up)
