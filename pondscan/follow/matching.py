"""Which object of one look is which object of another: feasible pairs, then one assignment over all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import convolve
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Polygons = NDArray[np.object_]

REGISTRATION_M = 5.0
"""Two looks are taken to be off by up to this much, or a pixel where that is more, until they are co-registered."""

MAX_SHIFT = 1.5
"""A look may be shifted as a whole by up to so many times its registration."""

MIN_TIES = 8
TIE_TOLERANCE_M = 2.0
"""A shift is believed when so many objects, and half of those with a neighbour in reach, agree on it so closely."""

FINER = 1.5
"""A sensor is clearly finer than another from this ratio of their pixel sizes."""


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """Objects on the ground, in one metric CRS."""

    x: Floats
    y: Floats
    diameter_m: Floats
    gsd_m: Floats
    """Pixel size of the look each was seen in."""
    outline: Polygons

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: Integers) -> Objects:
        """Objects at ``index``, in that order."""
        return Objects(self.x[index], self.y[index], self.diameter_m[index], self.gsd_m[index], self.outline[index])

    def moved(self, dx: float, dy: float) -> Objects:
        """The objects moved by (dx, dy)."""
        outline = shapely.transform(self.outline, lambda xy: xy + np.array([dx, dy]))
        return Objects(self.x + dx, self.y + dy, self.diameter_m, self.gsd_m, outline)

    @property
    def slack_m(self) -> Floats:
        """Half of what registration may add to a distance: half a pixel, at least half of ``REGISTRATION_M``."""
        return np.maximum(self.gsd_m, REGISTRATION_M) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of a known and a seen object that may be the same, as parallel arrays."""

    known: Integers
    seen: Integers
    affinity: Floats
    """0 to 1: how well they agree in place and shape."""
    overlap_m2: Floats
    """Area that the outlines share."""
    is_covered: Booleans
    """Whether the seen object lies over the known one's centre, give or take the registration."""
    share_of_known: Floats
    """Of the known object's outline, the share within the seen one's."""
    share_of_seen: Floats
    """Of the seen object's outline, the share within the known one's."""
    is_finer: Booleans
    """Whether the seen object's look is clearly finer."""
    is_coarser: Booleans


def shift_of(known: Objects, seen: Objects) -> tuple[float, float]:
    """Displacement that the seen objects share against the known ones; (0, 0) where there is none to be sure of.

    Taken from the displacements of all pairs within ``MAX_SHIFT`` registrations: the median of those within
    ``TIE_TOLERANCE_M`` of where they are densest. Rows of ponds repeat, so a shift is believed only when most objects
    agree on it; it is left alone when as many agree on none, or when it is no larger than what they agree to.

    Returns
    -------
    dx, dy
        Metres to be taken from the seen objects.
    """
    if not (len(known) and len(seen)):
        return 0.0, 0.0
    reach = MAX_SHIFT * float(max(REGISTRATION_M, known.gsd_m.max(), seen.gsd_m.max()))
    one, other = (cKDTree(np.stack([objects.x, objects.y], axis=1)) for objects in (known, seen))
    near = one.sparse_distance_matrix(other, reach, output_type="ndarray")
    near = near[np.lexsort((near["j"], near["i"]))]
    apart = other.data[near["j"]] - one.data[near["i"]]
    agrees = np.hypot(*(apart - _densest(apart, reach)).T) <= TIE_TOLERANCE_M
    n_ties, n_still = int(agrees.sum()), int((np.hypot(*apart.T) <= TIE_TOLERANCE_M).sum())
    if n_ties < max(MIN_TIES, len(np.unique(near["j"])) / 2) or n_still >= n_ties:
        return 0.0, 0.0
    dx, dy = np.median(apart[agrees], axis=0)
    return (float(dx), float(dy)) if np.hypot(dx, dy) > TIE_TOLERANCE_M else (0.0, 0.0)


def _densest(apart: Floats, reach: float) -> Floats:
    """Where displacements are densest: the middle of the fullest 3 × 3 cells of 1 m."""
    half = int(np.ceil(reach)) + 1
    column, row = (np.round(apart) + half).astype(np.int64).T
    side = 2 * half + 1
    counts = np.bincount(row * side + column, minlength=side**2).reshape(side, side)
    crowd = convolve(counts, np.ones((3, 3), np.int64), mode="constant")
    fullest_row, fullest_column = np.unravel_index(int(np.argmax(crowd)), crowd.shape)
    return np.array([fullest_column - half, fullest_row - half], dtype=np.float64)


def feasible_pairs(known: Objects, seen: Objects) -> Pairs:
    """Pairs that may be one object.

    A pair is feasible when the centroids are no farther apart than a quarter of both diameters plus half of both
    pixels (or of ``REGISTRATION_M``), or the smaller outline lies half inside the other, or the seen object covers the
    centre of the known one. Affinity is the mean of the outlines' intersection over union and of the squared closeness
    ``(1 - distance / reach)²``; the square keeps a row of ponds from sliding by one place.

    Parameters
    ----------
    known, seen
        Objects in the same CRS.
    """
    i, j = _near(known, seen)
    one, other = known.take(i), seen.take(j)
    distance = np.hypot(one.x - other.x, one.y - other.y)
    reach = (one.diameter_m + other.diameter_m) / 4 + one.slack_m + other.slack_m
    overlap = _overlap_m2(one.outline, other.outline)
    area, other_area = shapely.area(one.outline), shapely.area(other.outline)
    is_covered = np.asarray(shapely.distance(other.outline, shapely.points(one.x, one.y))) <= other.slack_m
    is_feasible = (distance <= reach) | (overlap >= np.minimum(area, other_area) / 2) | is_covered
    closeness = np.clip(1 - distance / reach, 0, None) ** 2
    least = np.finfo(float).tiny
    affinity = (overlap / np.maximum(area + other_area - overlap, least) + closeness) / 2
    keep = np.flatnonzero(is_feasible)
    return Pairs(
        known=i[keep],
        seen=j[keep],
        affinity=affinity[keep],
        overlap_m2=overlap[keep],
        is_covered=is_covered[keep],
        share_of_known=(overlap / np.maximum(area, least))[keep],
        share_of_seen=(overlap / np.maximum(other_area, least))[keep],
        is_finer=(other.gsd_m * FINER < one.gsd_m)[keep],
        is_coarser=(one.gsd_m * FINER < other.gsd_m)[keep],
    )


def assign(pairs: Pairs, *, n_known: int, n_seen: int) -> Integers:
    """One-to-one assignment of the greatest total affinity.

    Every known object may also stay without a partner, at affinity 0: that is a column of its own in a sparse
    assignment problem, solved at once (``scipy.sparse.csgraph.min_weight_full_bipartite_matching``).

    Returns
    -------
    (n_known,) int64
        The seen object of each known one, -1 where there is none.
    """
    partner = np.full(n_known, -1, np.int64)
    if not len(pairs.known):
        return partner
    active, row = np.unique(pairs.known, return_inverse=True)
    alone = np.arange(len(active))
    # Costs are 2 - affinity, 2 for staying alone: never 0, which a sparse matrix would not hold as an edge.
    cost = np.concatenate([2 - pairs.affinity, np.full(len(active), 2.0)])
    columns = np.concatenate([pairs.seen, n_seen + alone])
    rows = np.concatenate([row, alone])
    problem = csr_array((cost, (rows, columns)), shape=(len(active), n_seen + len(active)))
    rows, columns = min_weight_full_bipartite_matching(problem)
    is_pair = columns < n_seen
    partner[active[rows[is_pair]]] = columns[is_pair]
    return partner


def best_per(group: Integers, value: Floats) -> Integers:
    """Index of the greatest ``value`` within each group (the first of equals), ordered by group.

    >>> best_per(np.array([7, 3, 7]), np.array([1.0, 0.0, 2.0])).tolist()
    [1, 2]
    """
    order = np.lexsort((-value, group))
    return order[np.r_[True, group[order][1:] != group[order][:-1]]] if len(order) else order


def _near(known: Objects, seen: Objects) -> tuple[Integers, Integers]:
    """Pairs whose boxes, grown by what registration allows, touch; sorted."""
    tree = shapely.STRtree(_boxes(known))
    j, i = tree.query(_boxes(seen))
    order = np.lexsort((j, i))
    return i[order].astype(np.int64), j[order].astype(np.int64)


def _overlap_m2(one: Polygons, other: Polygons) -> Floats:
    """Area that each pair of outlines shares; most pairs are neighbours whose boxes say already that it is none."""
    west, south, east, north = shapely.bounds(one).reshape(-1, 4).T
    other_west, other_south, other_east, other_north = shapely.bounds(other).reshape(-1, 4).T
    touches = (west < other_east) & (other_west < east) & (south < other_north) & (other_south < north)
    overlap = np.zeros(len(one))
    overlap[touches] = shapely.area(shapely.intersection(one[touches], other[touches]))
    return overlap


def _boxes(objects: Objects) -> Polygons:
    """Box around each outline and around a quarter diameter, grown by the slack."""
    west, south, east, north = shapely.bounds(objects.outline).reshape(-1, 4).T
    quarter, slack = objects.diameter_m / 4, objects.slack_m
    boxes: Polygons = shapely.box(
        np.minimum(west, objects.x - quarter) - slack,
        np.minimum(south, objects.y - quarter) - slack,
        np.maximum(east, objects.x + quarter) + slack,
        np.maximum(north, objects.y + quarter) + slack,
    )
    return boxes
