"""What a count lacks: ponds corrected for the measured chance to be missed, in columns of their own.

A sighting of a pond stands for 1/p ponds of its size, p being the chance that clear pixels count one of that size
(Horvitz and Thompson 1952; ``survey.counts``). That holds for sizes which are found at least every other time, so the
estimate speaks of ponds from that diameter upwards, and says which it is. Nothing is said of raw numbers, for which no
curve was measured, of other targets than leach ponds, and of pixels where neighbours blur into one: there the
intervals do not hold what they promise (``benchmarks/survey``).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from pondscan.detect import detection
from pondscan.survey.counts import horvitz_thompson
from pondscan.survey.stratified import Estimate

Floats = NDArray[np.float64]
Row = dict[str, object]

COARSEST_M = 5.0
"""Pixels beyond which rims do not show and neighbours merge, as for the parting of ponds (``measure.COARSE_GSD_M``)."""

N_LIKELY = 15
LEAST_SPREAD = 0.2
"""OWN: ponds differ at least so much in the logarithm of their area."""


def corrected(seen: pd.DataFrame) -> Row:
    """Estimate the ponds that clear looks would count if they missed none.

    Parameters
    ----------
    seen
        The sightings that are counted, as ``places.seen_at`` gives them, each place at one look.

    Returns
    -------
    dict
        The columns of ``tables.SURVEY`` that hold ``corrected``; none where nothing was seen.
    """
    if not len(seen) or float(seen["gsd_m"].max()) > COARSEST_M:
        return {}
    gsd_m = seen["gsd_m"].to_numpy(float)
    least = math.ceil(10 * detection.diameter_of(detection.EVEN, float(gsd_m.max()), "counted")) / 10
    ponds = _ponds(seen, likely_diameters(seen["area_m2"], seen["area_sigma_m2"]), least)
    return {
        "corrected_from_diameter_m": least,
        "n_ponds_corrected": ponds.value,
        "n_ponds_corrected_lower": ponds.lower,
        "n_ponds_corrected_upper": ponds.upper,
    }


def likely_diameters(area_m2: ArrayLike, sigma_m2: ArrayLike) -> Floats:
    """Diameters that ponds may have given what was measured, ``N_LIKELY`` equally likely ones of each, (n, N_LIKELY) m.

    Measured sizes scatter about the true ones, so near any limit more small ponds are taken for large ones than the
    reverse where small ones are more frequent. Sizes are taken to be log-normal, their spread that of the measured ones
    less that of the errors, and each pond's is what both together say of it (empirical Bayes: Robbins 1956).
    """
    area, sigma = np.asarray(area_m2, np.float64), np.asarray(sigma_m2, np.float64)
    size, error2 = np.log(area), (sigma / np.maximum(area, 1e-9)) ** 2
    error2 = np.log1p(error2)
    spread2 = max(float(np.var(size)) - float(error2.mean()), LEAST_SPREAD**2)
    weight = 1 / (1 / error2.clip(1e-9) + 1 / spread2)
    middle = weight * (size / error2.clip(1e-9) + float(size.mean()) / spread2)
    step = ndtri((np.arange(N_LIKELY) + 0.5) / N_LIKELY)
    return np.asarray(2 * np.sqrt(np.exp(middle[:, None] + np.sqrt(weight)[:, None] * step) / np.pi))


def _ponds(seen: pd.DataFrame, diameter_m: Floats, least_m: float) -> Estimate:
    """Ponds of the least diameter and more; what a scene has in common is common to all of its ponds."""
    gsd_m = np.repeat(seen["gsd_m"].to_numpy(float), N_LIKELY)
    known = detection.known_chance(diameter_m.ravel(), gsd_m, "counted")
    is_large = (diameter_m >= least_m).astype(float)
    stands_for = is_large / known.chance.reshape(diameter_m.shape)
    share, amount = is_large.mean(axis=1), stands_for.mean(axis=1)
    gradient = known.gradient.reshape(*diameter_m.shape, -1)
    mean = (stands_for[:, :, None] * gradient).sum(axis=1) / np.maximum(stands_for.sum(axis=1), 1e-9)[:, None]
    return horvitz_thompson(
        np.where(amount > 0, share / np.maximum(amount, 1e-9), 1.0),
        probability=share * seen["real"].to_numpy(float),
        gradient=mean,
        covariance=known.covariance,
        site=pd.factorize(seen["look"])[0],
        site_spread=known.scene_spread,
    )
