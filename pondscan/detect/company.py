"""The company a candidate keeps: neighbours of like size, chains of touching ones, ponds to expect around it.

Works on the frame of a whole scene (``ponds.tabulate``): place in ``row`` and ``col``, ``diameter_m``, ``rejected``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from pondscan.detect import score

Floats = NDArray[np.float64]

CHAIN_GAP_M = 15.0
CHAIN_GAP_PX = 3.0
"""Segments nearer than this (the larger of the two) belong to one chain."""

NEIGHBOUR_M = 60.0
"""Ponds of a row stand 14 to 40 m apart; this reaches two or three of them."""

COMPANY_M = 100.0
"""Ponds stand in sites: how many others are likely within this distance speaks for a candidate. Of 60 to 300 m the best
for F1 on training places and implants."""


def neighbours(frame: pd.DataFrame, gsd_m: float) -> NDArray[np.int64]:
    """Count candidates of like size (half to twice the diameter) within ``NEIGHBOUR_M`` of each candidate, (m,)."""
    count = np.zeros(len(frame), np.int64)
    alive = np.flatnonzero((frame["rejected"] == "") & (frame["snr"] > 4))
    if len(alive) < 2:
        return count
    place = frame[["row", "col"]].to_numpy()[alive] * gsd_m
    size = frame["diameter_m"].to_numpy()[alive]
    one, other = cKDTree(place).query_pairs(NEIGHBOUR_M, output_type="ndarray").T
    is_alike = np.abs(np.log(size[one] / size[other])) < np.log(2.0)
    pairs = np.concatenate([one[is_alike], other[is_alike]])
    count[alive] = np.bincount(pairs, minlength=len(alive))
    return count


def chains(frame: pd.DataFrame, gsd_m: float) -> tuple[Floats, Floats]:
    """Length and axis ratio of the chain of touching candidates that each one belongs to.

    Segments whose outlines come within ``CHAIN_GAP_PX`` of each other form a chain. The ponds of a site make a
    short, broad one; the pieces of a river make a long, thin one.
    """
    place = frame[["row", "col"]].to_numpy() * gsd_m
    radius = frame["diameter_m"].to_numpy() / 2
    n_segments = len(frame)
    if n_segments < 2:
        return frame["diameter_m"].to_numpy(), np.ones(n_segments)
    gap_m = max(CHAIN_GAP_PX * gsd_m, CHAIN_GAP_M)
    pairs = cKDTree(place).query_pairs(2 * np.quantile(radius, 0.98) + gap_m, output_type="ndarray")
    distance = np.linalg.norm(place[pairs[:, 0]] - place[pairs[:, 1]], axis=1)
    pairs = pairs[distance < radius[pairs[:, 0]] + radius[pairs[:, 1]] + gap_m]
    graph = coo_array((np.ones(len(pairs), np.int8), pairs.T), shape=(n_segments, n_segments))
    n_chains, chain = connected_components(graph, directed=False)
    major, minor = _axes(place, radius, chain, n_chains)
    return 4 * major[chain], (major / minor)[chain]


def _axes(place: Floats, radius: Floats, group: NDArray[np.int32], n_groups: int) -> tuple[Floats, Floats]:
    """Standard deviations along the principal axes of groups of discs, the discs' own extent included."""
    mass = np.bincount(group, radius**2, n_groups)
    mean = [np.bincount(group, radius**2 * place[:, k], n_groups) / mass for k in (0, 1)]
    offset = [place[:, k] - mean[k][group] for k in (0, 1)]

    def moment(i: int, j: int) -> Floats:
        own = radius**2 / 4 if i == j else 0.0
        return np.bincount(group, radius**2 * (offset[i] * offset[j] + own), n_groups) / mass

    rr, rc, cc = moment(0, 0), moment(0, 1), moment(1, 1)
    middle, half = (rr + cc) / 2, np.hypot((rr - cc) / 2, rc)
    return np.sqrt(middle + half), np.sqrt(np.maximum(middle - half, 1e-6))


def log_odds(frame: pd.DataFrame, model: Mapping[str, Any], gsd_m: float) -> Floats:
    """Log-odds of the segments of a scene: by what each one shows and, in a second step, by the company it keeps."""
    if "first" in model:
        frame = with_company(frame, _log_odds(frame, model["first"]), gsd_m)
    return _log_odds(frame, model)


def _log_odds(frame: pd.DataFrame, model: Mapping[str, Any]) -> Floats:
    return score.log_odds({name: frame[name].to_numpy(float) for name in model["terms"]}, model)


def with_company(frame: pd.DataFrame, alone: Floats, gsd_m: float) -> pd.DataFrame:
    """Give segments what the second step of a model asks for.

    Parameters
    ----------
    frame : DataFrame
        All segments of one scene.
    alone : (m,)
        Log-odds of each segment by what it shows itself.
    gsd_m : float
        Ground sample distance.

    Returns
    -------
    DataFrame
        With ``alone``, and ``company``: ponds to expect within ``COMPANY_M``, the segment itself left out. What is
        rejected is no company.
    """
    chance = np.where(frame["rejected"] == "", 1 / (1 + np.exp(-np.clip(alone, -30, 30))), 0.0)
    place = frame[["row", "col"]].to_numpy() * gsd_m
    if len(frame) < 2:
        return frame.assign(alone=alone, company=0.0)
    one, other = cKDTree(place).query_pairs(COMPANY_M, output_type="ndarray").T
    weight = np.concatenate([chance[other], chance[one]])
    company = np.bincount(np.concatenate([one, other]), weight, len(frame))
    return frame.assign(alone=alone, company=company)
