"""Which detected ponds are which true ones: overlaps, and one-to-one pairs out of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pondscan.overlap import SAME_IOU, common_m2, holds_centre, iou

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Polygons = NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class Overlaps:
    """Every found outline that touches a true one: ``found[k]`` touches ``true[k]``."""

    found: Integers
    true: Integers
    area_m2: Floats
    """Area common to both."""
    iou: Floats
    """Intersection over union."""
    is_mutual: Booleans
    """Whether each holds the other's centroid."""

    def of_found(self, is_kept: Booleans) -> Overlaps:
        """Overlaps of some found outlines only, all of them numbered as before."""
        return self._only(is_kept[self.found])

    def of_true(self, is_kept: Booleans) -> Overlaps:
        """Overlaps with some true outlines only, all of them numbered as before."""
        return self._only(is_kept[self.true])

    def _only(self, kept: Booleans) -> Overlaps:
        return Overlaps(self.found[kept], self.true[kept], self.area_m2[kept], self.iou[kept], self.is_mutual[kept])


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """One-to-one pairs: ``found[k]`` is ``true[k]``; and the found ones that merely touch some truth."""

    found: Integers
    true: Integers
    touching: Integers
    """Found outlines that overlap a true one, paired or not."""
    touched: Integers
    """The true ones they overlap, one entry per overlap like ``touching``."""


def overlaps(found: Polygons, true: Polygons) -> Overlaps:
    """Find every overlap of found outlines with true ones, (n,) and (m,) polygons of one metric reference system."""
    i, j = shapely.STRtree(true).query(found, predicate="intersects") if len(true) else np.zeros((2, 0), np.int64)
    one, other = found[i], true[j]
    is_mutual = holds_centre(one, other) & holds_centre(other, one)
    common = common_m2(one, other)
    return Overlaps(i.astype(np.int64), j.astype(np.int64), common, iou(one, other, common), is_mutual)


def one_to_one(touches: Overlaps) -> tuple[Integers, Integers]:
    """Pair found outlines with true ones: (k,) indices of either, ``found[k]`` is ``true[k]``.

    A pair has an intersection over union of at least ``overlap.SAME_IOU``, or each holds the other's centroid; of all
    one-to-one pairings the one with the largest total overlap is taken.
    """
    is_pair = (touches.iou >= SAME_IOU) | touches.is_mutual
    return _assign(touches.found[is_pair], touches.true[is_pair], touches.iou[is_pair] + 0.01)


def match(found: Polygons, true: Polygons) -> Pairs:
    """Pair found outlines with true ones, one to one (see ``one_to_one``).

    Parameters
    ----------
    found, true : (n,), (m,) arrays of polygons
        In one metric coordinate reference system.
    """
    touches = overlaps(found, true)
    return Pairs(*one_to_one(touches), touches.found, touches.true)


def _assign(i: Integers, j: Integers, gain: Floats) -> tuple[Integers, Integers]:
    """Best one-to-one pairing, solved cluster by cluster of candidates that share a partner."""
    if not len(i):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    n_found = int(i.max()) + 1
    size = n_found + int(j.max()) + 1
    graph = coo_array((np.ones(len(i), np.int8), (i, n_found + j)), shape=(size, size))
    _, cluster = connected_components(graph, directed=False)
    is_alone = np.bincount(cluster[i])[cluster[i]] == 1
    left, right = [i[is_alone]], [j[is_alone]]
    contested = np.flatnonzero(~is_alone)
    contested = contested[np.argsort(cluster[i[contested]], kind="stable")]
    ends = np.flatnonzero(np.diff(cluster[i[contested]])) + 1
    for members in np.split(contested, ends) if len(contested) else ():  # few and small: a blob over a row of ponds
        rows, row = np.unique(i[members], return_inverse=True)
        cols, col = np.unique(j[members], return_inverse=True)
        gains = np.zeros((len(rows), len(cols)))
        gains[row, col] = gain[members]
        a, b = linear_sum_assignment(gains, maximize=True)
        is_real = gains[a, b] > 0
        left.append(rows[a[is_real]])
        right.append(cols[b[is_real]])
    return np.concatenate(left).astype(np.int64), np.concatenate(right).astype(np.int64)
