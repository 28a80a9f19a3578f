"""Held against the truth: which detected ponds are which true ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

MIN_IOU = 0.3
"""Least overlap (intersection over union) of a pair whose centroids do not lie in each other."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """One-to-one pairs: ``found[k]`` is ``true[k]``; and the found ones that merely touch some truth."""

    found: NDArray[np.int64]
    true: NDArray[np.int64]
    touching: NDArray[np.int64]
    """Found outlines that overlap a true one, paired or not."""
    touched: NDArray[np.int64]
    """The true ones they overlap, one entry per overlap like ``touching``."""


def match(found: NDArray[np.object_], true: NDArray[np.object_]) -> Pairs:
    """Pair found outlines with true ones, one to one.

    Parameters
    ----------
    found, true : (n,), (m,) arrays of polygons
        In one metric coordinate reference system.

    Returns
    -------
    Pairs
        A pair has an intersection over union of at least ``MIN_IOU``, or each holds the other's centroid; of all
        one-to-one pairings the one with the largest total overlap is taken.
    """
    import shapely

    i, j = shapely.STRtree(true).query(found, predicate="intersects") if len(true) else np.zeros((2, 0), np.int64)
    overlap = shapely.area(shapely.intersection(found[i], true[j]))
    iou = overlap / (shapely.area(found[i]) + shapely.area(true[j]) - overlap)
    is_mutual = shapely.contains(found[i], shapely.centroid(true[j]))
    is_mutual &= shapely.contains(true[j], shapely.centroid(found[i]))
    is_pair = (iou >= MIN_IOU) | is_mutual
    a, b = _assign(i[is_pair], j[is_pair], iou[is_pair] + 0.01, len(found), len(true))
    return Pairs(a, b, i.astype(np.int64), j.astype(np.int64))


def _assign(
    i: NDArray[np.int64], j: NDArray[np.int64], gain: NDArray[np.float64], n_found: int, n_true: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Best one-to-one pairing, solved cluster by cluster of candidates that share a partner."""
    if not len(i):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    size = n_found + n_true
    graph = coo_array((np.ones(len(i), np.int8), (i, n_found + j)), shape=(size, size))
    _, cluster = connected_components(graph, directed=False)
    order = np.argsort(cluster[i], kind="stable")
    ends = np.flatnonzero(np.diff(cluster[i][order])) + 1
    left, right = [], []
    for members in np.split(order, ends):  # clusters are few and small: rows of ponds against one blob
        rows, row = np.unique(i[members], return_inverse=True)
        cols, col = np.unique(j[members], return_inverse=True)
        gains = np.zeros((len(rows), len(cols)))
        gains[row, col] = gain[members]
        a, b = linear_sum_assignment(gains, maximize=True)
        is_real = gains[a, b] > 0
        left.append(rows[a[is_real]])
        right.append(cols[b[is_real]])
    return np.concatenate(left).astype(np.int64), np.concatenate(right).astype(np.int64)
