"""Sites: ponds that belong together, by single linkage in metres, and the worked ground around them.

Distance is between pond centres, where each pond was first seen: outlines come and go with the looks, the first place
stays, and so do the sites. Every pond ever seen counts, gone ones too.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Polygons = NDArray[np.object_]

SHARES = 2
"""Threads that draw footprints."""

ALONE = -1
"""Label of a pond that belongs to no site."""

CURVE_DISTANCES_M = (50.0, 100.0, 150.0, 200.0, 250.0, 300.0, 400.0, 500.0, 600.0)
"""Where the count-versus-distance curve is read."""


def link(xy: Floats, *, distance_m: float, min_ponds: int) -> Integers:
    """Group ponds by single linkage: neighbours no farther apart than ``distance_m`` share a site.

    Parameters
    ----------
    xy : (n, 2)
        Pond centres, metres.
    distance_m
        Between centres; exactly so far apart still belongs together.
    min_ponds
        Groups of fewer ponds are no site.

    Returns
    -------
    (n,) int64
        Site of each pond, numbered in the order of their first ponds; ``ALONE`` for isolated ponds.

    Examples
    --------
    >>> link(np.array([[0, 0], [900, 0], [50, 0], [100, 0]]), distance_m=60, min_ponds=2).tolist()
    [0, -1, 0, 0]
    """
    return _components(_near_pairs(xy, distance_m), len(xy), min_ponds)


def grow(xy: Floats, is_believed: Booleans, *, distance_m: float, min_ponds: int) -> tuple[Integers, Integers]:
    """Group ponds by single linkage as they come, and say which pond each group is named after.

    Every pond counts from the look that first believed it, and never leaves, so groups only grow. A group takes a name
    at the first look with ``min_ponds`` believed ponds in it: its earliest pond's. Groups that grow together keep the
    older name. So what comes later never renames a site.

    Parameters
    ----------
    xy : (n, 2)
        Pond centres, metres, in the order of first sightings.
    is_believed : (n, n_looks)
        Whether each pond was believed after each look; each at least once.
    distance_m, min_ponds
        As ``link`` takes them.

    Returns
    -------
    group : (n,) int64
        Group of each pond, isolated ones each in their own.
    namesake : (n_groups,) int64
        The pond each group is named after, -1 where it never had enough ponds.
    """
    n_ponds = len(xy)
    since = is_believed.argmax(axis=1) if n_ponds else np.empty(0, np.int64)
    order = np.argsort(since, kind="stable")
    rank = np.argsort(order)
    forest = _forest(xy, since, distance_m)
    number, namesakes = np.full(n_ponds, n_ponds), np.empty(0, np.int64)
    group, best = np.arange(n_ponds), number
    for look in range(is_believed.shape[1]):
        joined = forest[:, 2] <= look
        group = _labels(forest[joined, :2], n_ponds)
        n_groups = int(group.max(initial=-1)) + 1
        best, first = np.full(n_groups, n_ponds), np.full(n_groups, n_ponds)
        np.minimum.at(best, group, number)
        np.minimum.at(first, group, rank)
        is_new = (np.bincount(group, is_believed[:, look], n_groups) >= min_ponds) & (best == n_ponds)
        fresh = np.flatnonzero(is_new)[np.argsort(first[is_new])]
        best[fresh] = len(namesakes) + np.arange(len(fresh))
        namesakes = np.append(namesakes, order[first[fresh]])
        number = best[group]
    return group, np.append(namesakes, np.full(n_ponds + 1 - len(namesakes), -1))[best]


def count_by_distance(
    xy: Floats, *, min_ponds: int, distances_m: Sequence[float] = CURVE_DISTANCES_M
) -> tuple[tuple[float, int, int], ...]:
    """Sites and isolated ponds as functions of the linkage distance: a flat stretch is a choice that does not matter.

    Returns
    -------
    tuple of (distance_m, n_sites, n_isolated)
    """
    pairs = _near_pairs(xy, max(distances_m))
    apart = np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T)
    curve = []
    for distance in distances_m:
        label = _components(pairs[apart <= distance], len(xy), min_ponds)
        curve.append((float(distance), int(label.max(initial=ALONE)) + 1, int((label == ALONE).sum())))
    return tuple(curve)


def footprints(outlines: Polygons, label: Integers, *, buffer_m: float) -> Polygons:
    """Worked ground of each site: everything within ``buffer_m`` of its ponds, gaps as wide as that closed.

    Ponds farther apart than two buffers and the gap leave a footprint of several parts.

    Returns
    -------
    (n_sites,) polygons or multipolygons
    """
    n_sites = int(label.max(initial=ALONE)) + 1
    members = np.split(np.argsort(label, kind="stable"), np.searchsorted(np.sort(label), np.arange(n_sites + 1)))[1:-1]

    def around(some: Sequence[Integers]) -> Polygons:
        united = [shapely.union_all(shapely.buffer(outlines[of_site], 1.5 * buffer_m)) for of_site in some]
        return np.asarray(shapely.buffer(np.array(united, dtype=object), -0.5 * buffer_m), dtype=object)

    with ThreadPoolExecutor(SHARES) as executor:  # geometry is worked out without the interpreter's lock
        parts = list(executor.map(around, (members[share::SHARES] for share in range(SHARES))))
    footprint = np.empty(n_sites, dtype=object)
    for share, part in enumerate(parts):
        footprint[share::SHARES] = part
    return footprint


def at_least(probability: Floats, label: Integers, *, n: int) -> Floats:
    """Probability that at least ``n`` ponds of each site are real, their errors taken as independent.

    The distribution of the number of real ponds (Poisson binomial), truncated at ``n``, is built up pond by pond for
    all sites at once.

    Examples
    --------
    >>> at_least(np.array([0.5, 0.5, 0.9]), np.array([0, 0, 0]), n=2).round(3).tolist()
    [0.7]
    """
    n_sites = int(label.max(initial=ALONE)) + 1
    members = np.flatnonzero(label != ALONE)
    members = members[np.argsort(label[members], kind="stable")]
    site = label[members]
    place = np.arange(len(site)) - np.searchsorted(site, site)
    table = np.zeros((n_sites, int(place.max(initial=-1)) + 1))
    table[site, place] = probability[members]
    # fewer[:, k] is the probability of k real ponds, for k below n
    fewer = np.zeros((n_sites, n))
    fewer[:, 0] = 1
    for column in table.T:  # the k-th pond of every site; a missing one is real with probability 0
        shifted = np.pad(fewer, ((0, 0), (1, 0)))[:, :n]
        fewer = fewer * (1 - column[:, None]) + shifted * column[:, None]
    return np.asarray(np.clip(1 - fewer.sum(axis=1), 0, 1))


def parts_of_sigma(sigma: pd.Series, shared_sigma: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Split standard deviations into the part common to all ponds of a scene, and the variance of each pond's own part.

    A shared part that is not known is taken as none.
    """
    shared = shared_sigma.fillna(0.0)
    return shared, (sigma**2 - shared**2).clip(lower=0.0)


def total_sigma(variance: ArrayLike, shared_sigma: ArrayLike) -> Floats:
    """Standard deviation of sums: own variances add, shared sigmas add linearly (also across scenes, to be safe).

    >>> total_sigma(np.array([9.0]), np.array([4.0])).tolist()
    [5.0]
    """
    return np.sqrt(np.asarray(variance, np.float64) + np.square(shared_sigma))


def _near_pairs(xy: Floats, distance_m: float) -> Integers:
    """(n_pairs, 2) indices of ponds within a distance."""
    if len(xy) < 2:
        return np.empty((0, 2), np.int64)
    pairs: Integers = cKDTree(xy).query_pairs(distance_m, output_type="ndarray").astype(np.int64)
    return pairs


def _forest(xy: Floats, since: Integers, distance_m: float) -> Integers:
    """(n_edges, 3) links (pond, pond, look) that connect, at any look, the same ponds as all near pairs do.

    That is the minimum spanning forest of the near pairs by the look at which both ponds are there.
    """
    pairs = _near_pairs(xy, distance_m)
    look = np.maximum(since[pairs[:, 0]], since[pairs[:, 1]])
    # A weight of 0 would be no edge.
    graph = coo_array((look + 1.0, (pairs[:, 0], pairs[:, 1])), shape=(len(xy), len(xy)))
    tree = minimum_spanning_tree(graph).tocoo() if len(xy) else graph
    return np.stack([*tree.coords, tree.data - 1], axis=1).astype(np.int64)


def _labels(pairs: Integers, n_ponds: int) -> Integers:
    """Connected component of each pond, from 0."""
    if not n_ponds:
        return np.empty(0, np.int64)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n_ponds, n_ponds))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _components(pairs: Integers, n_ponds: int, min_ponds: int) -> Integers:
    component = _labels(pairs, n_ponds)
    _, first, group, size = np.unique(component, return_index=True, return_inverse=True, return_counts=True)
    is_site = size >= min_ponds
    number = np.full(len(size), ALONE)
    by_first = np.argsort(first)
    number[by_first[is_site[by_first]]] = np.arange(is_site.sum())
    return np.asarray(number[group], dtype=np.int64)
