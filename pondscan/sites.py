"""Sites: ponds that belong together, by single linkage in metres, and the worked ground around them.

Distance is between pond centres, where each pond was first seen: outlines come and go with the looks, the first place
stays, and so do the sites. Every pond ever seen counts, gone ones too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Polygons = NDArray[np.object_]

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
    grown = shapely.buffer(outlines, 1.5 * buffer_m)
    n_sites = int(label.max(initial=ALONE)) + 1
    united = np.array([shapely.union_all(grown[label == site]) for site in range(n_sites)], dtype=object)
    closed: Polygons = np.asarray(shapely.buffer(united, -0.5 * buffer_m), dtype=object)
    return closed


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


def total_sigma(variance: Floats, shared_sigma: Floats) -> Floats:
    """Standard deviation of sums: own variances add, shared sigmas add linearly (also across scenes, to be safe).

    >>> total_sigma(np.array([9.0]), np.array([4.0])).tolist()
    [5.0]
    """
    return np.asarray(np.sqrt(variance + shared_sigma**2))


def _near_pairs(xy: Floats, distance_m: float) -> Integers:
    """(n_pairs, 2) indices of ponds within a distance."""
    if len(xy) < 2:
        return np.empty((0, 2), np.int64)
    pairs: Integers = cKDTree(xy).query_pairs(distance_m, output_type="ndarray").astype(np.int64)
    return pairs


def _components(pairs: Integers, n_ponds: int, min_ponds: int) -> Integers:
    if not n_ponds:
        return np.empty(0, np.int64)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n_ponds, n_ponds))
    _, component = connected_components(graph, directed=False)
    _, first, group, size = np.unique(component, return_index=True, return_inverse=True, return_counts=True)
    is_site = size >= min_ponds
    number = np.full(len(size), ALONE)
    by_first = np.argsort(first)
    number[by_first[is_site[by_first]]] = np.arange(is_site.sum())
    return np.asarray(number[group], dtype=np.int64)
