"""What a count lacks: ponds and sites corrected for what pixels of a size miss, in columns of their own.

Where pixels tell ponds apart (``RESOLVING_GSD_M``) a sighting stands for 1/p ponds of its size, p being the chance that
clear pixels count one of that size (Horvitz and Thompson 1952; ``survey.counts``). At pixels of some 10 m neighbours
blur into one find, of which no chance can be said; there finds stand for as many ponds as they did in simulated scenes,
by their measured size (``survey.counts.calibrated``, ``scripts/fit_detection``), and so do the sites they make.

Either speaks of sizes which are found at least every other time, so the estimate is of ponds from that diameter
upwards, and says which it is; sites are those with two such ponds. Nothing is said of raw numbers and of other targets
than leach ponds, for which nothing was measured; of pixels between and beyond both; and of few sightings (``FEWEST``)
of coarse pixels, which say next to nothing of all there is.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from pondscan.detect import detection
from pondscan.detect.detection import COARSE_M, RESOLVING_GSD_M
from pondscan.survey.counts import added, calibrated, horvitz_thompson
from pondscan.survey.stratified import Estimate

Floats = NDArray[np.float64]
Row = dict[str, object]

FEWEST = 20
"""OWN: sightings of coarse pixels, below which nothing is estimated from them."""

N_LIKELY = 15
LEAST_SPREAD = 0.2
"""OWN: ponds differ at least so much in the logarithm of their area."""


def corrected(seen: pd.DataFrame) -> Row:
    """Estimate the ponds and sites that clear looks would count if they missed none.

    Parameters
    ----------
    seen
        The sightings that are counted, as ``places.seen_at`` gives them, each place at one look.

    Returns
    -------
    dict
        The columns of ``tables.SURVEY`` that hold ``corrected``; none where nothing was seen, or nothing can be said.
    """
    gsd_m = seen["gsd_m"].to_numpy(float)
    is_fine = gsd_m <= RESOLVING_GSD_M
    coarse = seen[~is_fine]
    if not len(seen) or not np.all(is_fine | ((gsd_m >= COARSE_M[0]) & (gsd_m <= COARSE_M[1]))):
        return {}
    if len(coarse) and coarse["confidence"].sum() < FEWEST:
        return {}
    least = math.ceil(10 * _least_diameter(gsd_m.max())) / 10
    if not len(coarse):
        return {"corrected_from_diameter_m": least} | _columns("n_ponds", _fine_ponds(seen, least))
    parts = [_coarse_ponds(coarse)] + ([_fine_ponds(seen[is_fine], least)] if is_fine.any() else [])
    sites = {} if is_fine.any() else _columns("n_sites", _coarse_sites(coarse))
    return {"corrected_from_diameter_m": least} | _columns("n_ponds", added(parts)) | sites


def _least_diameter(coarsest_m: float) -> float:
    """Diameter that pixels of this size count every other time."""
    if coarsest_m > RESOLVING_GSD_M:
        return detection.coarse_from_px() * coarsest_m
    return detection.diameter_of(detection.EVEN, coarsest_m, "counted")


def _columns(name: str, found: Estimate) -> Row:
    ends = {"": found.value, "_lower": found.lower, "_upper": found.upper}
    return {f"{name}_corrected{end}": value for end, value in ends.items()}


def _coarse_ponds(seen: pd.DataFrame) -> Estimate:
    """Ponds that sightings of coarse pixels stand for, each believed as its look alone does: so it was measured."""
    known = detection.known_of_ponds(seen["area_m2"], seen["gsd_m"])
    return _calibrated("ponds", known, seen["confidence"].to_numpy(float))


def _coarse_sites(seen: pd.DataFrame) -> Estimate:
    """Sites that the places where coarse pixels show ponds stand for, one or more at each."""
    is_believed = seen["confidence"] >= detection.EVEN
    return _calibrated("sites", detection.known_of_places(is_believed.groupby(seen["place"]).sum()), 1.0)


def _calibrated(what: Literal["ponds", "sites"], known: Floats, probability: Floats | float) -> Estimate:
    fitted = detection.stands_for(what)
    return calibrated(
        known,
        fitted.values,
        covariance=fitted.covariance,
        chance_variance=fitted.chance_variance,
        scene_spread=fitted.scene_spread,
        probability=probability,
    )


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


def _fine_ponds(seen: pd.DataFrame, least_m: float) -> Estimate:
    """Ponds of the least diameter and more; what a scene has in common is common to all of its ponds."""
    diameter_m = likely_diameters(seen["area_m2"], seen["area_sigma_m2"])
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
