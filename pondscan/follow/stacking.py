"""What several clear looks say of a pond together, beyond the mean of what each says by itself.

Noise, sub-pixel phase and the liquid's colour are drawn anew at every look; bare ground and roofs stay as they are. So
what tells ponds from clutter over several looks is how many of those that could have shown it did, and whether what
stands around it is seen again and again too. Both go into a small additive model stored as text (``stacking.json``,
fitted by ``scripts/fit_stacking``), whose log-odds are added to the mean. One look is believed as it is, and so are
ponds whose rims some look resolves: they need no company.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.spatial import cKDTree

from pondscan.detect import score
from pondscan.detect.detection import FINEST_M
from pondscan.follow.matching import FINER
from pondscan.follow.presence import CHANGE_DAYS
from pondscan.follow.tracks import Tracks

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

NEIGHBOUR_M = 60.0
"""Ponds of a row stand 14 to 40 m apart; this reaches two or three of them."""

RESOLVED_PX = 3.0
"""A pond this wide is resolved: its look speaks with full weight."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """What the model is asked about each pond; arrays of length n_ponds."""

    mean: Floats
    """Log-odds that it is a pond, on the mean of its sightings."""
    share: Floats
    """Of the clear looks of the finest pixels that saw it, the share that did."""
    near: Floats
    """Number of other ponds to expect within ``NEIGHBOUR_M`` at any look: the sum of probability times share."""
    n_looks: Floats
    """Those looks, whether they saw it or not."""
    is_fine: Booleans
    """Whether the finest pixels that saw it resolve ponds."""


def mean_log_odds(
    tracks: Tracks, *, look: NDArray[np.int64], probability: Floats, size_px: Floats, shape: tuple[int, ...]
) -> Floats:
    """(n_ponds, n_looks) weighted mean of the log-odds of the sightings so far; NaN before the first."""
    log_odds, weight = np.full(shape, -np.inf), np.zeros(shape)
    bounded = np.clip(probability, 0.001, 0.999)
    cell = (tracks.track, look[tracks.sighting])
    np.maximum.at(log_odds, cell, np.log(bounded / (1 - bounded))[tracks.sighting])
    np.maximum.at(weight, cell, np.clip(size_px / RESOLVED_PX, 0.1, 1)[tracks.sighting])
    total = (weight * np.where(weight > 0, log_odds, 0)).cumsum(axis=1)  # none where it was only measured by force
    so_far = weight.cumsum(axis=1)
    return np.where(so_far > 0, total / np.maximum(so_far, np.finfo(float).tiny), np.nan)


def stack(
    is_seen: Booleans, is_empty: Booleans, mean: Floats, *, neighbours: coo_array, gsd_m: Floats, day: Floats
) -> Stack:
    """Work out the model's features from the looks so far.

    Looks before the first sighting and after the last count the less, the longer they are from it: what was not there
    a year ago may well have come since.

    Parameters
    ----------
    is_seen, is_empty : (n_ponds, n_looks)
        Where a look saw the pond, and where it was clear and showed nothing.
    mean : (n_ponds,)
        Log-odds on the mean of the sightings; NaN where there is none.
    neighbours
        As ``near_pairs`` gives it.
    gsd_m, day : (n_looks,)
        Pixel size and time of each look; days may be NaN.
    """
    finest = np.where(is_seen, gsd_m, np.inf).min(axis=1, initial=np.inf)
    is_alike = gsd_m < FINER * finest[:, None]
    seen, empty = is_seen & is_alike, is_empty & is_alike
    missed = (empty * _fading(seen, day)).sum(axis=1)
    n_seen = seen.sum(axis=1)
    share = n_seen / np.maximum(n_seen + missed, 1.0)
    real = np.where(np.isnan(mean), 0.0, 1 / (1 + np.exp(-mean)))
    return Stack(
        mean=mean,
        share=np.asarray(share),
        near=np.asarray(neighbours @ (real * share)),
        n_looks=np.asarray(n_seen + empty.sum(axis=1), dtype=np.float64),
        is_fine=finest < FINEST_M["10m"],
    )


def _fading(is_seen: Booleans, day: Floats) -> Floats:
    """Weight of each look: 1 between the first and the last sighting, less by e for each ``CHANGE_DAYS`` outside."""
    n_looks = is_seen.shape[1]
    look = np.arange(n_looks)
    first = np.where(is_seen, look, n_looks - 1).min(axis=1, initial=max(n_looks - 1, 0))[:, None]
    last = np.where(is_seen, look, 0).max(axis=1, initial=0)[:, None]
    outside = np.maximum(np.maximum(day[first] - day, day - day[last]), 0.0)
    return np.asarray(np.exp(-np.nan_to_num(outside) / CHANGE_DAYS))


def near_pairs(x: Floats, y: Floats) -> coo_array:
    """(n, n) matrix, 1 where two ponds stand within ``NEIGHBOUR_M`` of each other."""
    if len(x) < 2:
        return coo_array((len(x), len(x)))
    pairs = cKDTree(np.stack([x, y], axis=1)).query_pairs(NEIGHBOUR_M, output_type="ndarray")
    both = np.concatenate([pairs, pairs[:, ::-1]])
    return coo_array((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(len(x), len(x)))


def supplement(of: Stack, target: str) -> Floats:
    """(n_ponds,) log-odds to be added to the mean; 0 for one look, for resolved ponds, for targets without a model.

    It grows with the number of looks n as 1 - 1/n, as the scatter of independent draws about their mean falls.

    Parameters
    ----------
    of
        As ``stack`` gives it.
    target
        As ``config.ConfidenceSettings`` has it.
    """
    fitted = models()["models"].get(target)
    if fitted is None:
        return np.zeros(len(of.mean))
    features = {"mean": of.mean, "share": of.share, "near": of.near}
    told = score.log_odds(features, fitted) * (1 - 1 / np.maximum(of.n_looks, 1.0))
    return np.where(of.is_fine, 0.0, told)


@lru_cache(maxsize=1)
def models() -> dict[str, Any]:
    """Fitted models by target, as stored in ``stacking.json``."""
    text = resources.files("pondscan.follow").joinpath("stacking.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
