"""Outlines of different looks, held apart: two ponds never share ground, and each keeps its area."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pondscan.detect.outline import ANGLES, draw, polygons
from pondscan.detect.shore import STAR_SHARE

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Polygons = NDArray[np.object_]

MIN_OVERLAP_M2 = 0.01


def hold_apart(outlines: Polygons, x: Floats, y: Floats, area_m2: Floats) -> Polygons:
    """Redraw outlines that overlap, so that none does and areas stay.

    Outlines of one look never overlap, but those of neighbours last seen at different looks may: they are off by the
    registration between these looks. They and their near neighbours are fitted again as radial outlines
    (``outline.draw``), held behind a line between each two; those with a traced shore keep it. All other outlines
    are left as they are.

    Parameters
    ----------
    outlines
        In a metric CRS.
    x, y, area_m2 : (n,)
        Centre and area of each.
    """
    is_crowded = _crowded(outlines)
    if not is_crowded.any():
        return outlines
    chosen = np.flatnonzero(is_crowded)
    radius = radii(outlines[chosen], x[chosen], y[chosen])
    redrawn = outlines.copy()
    redrawn[chosen] = draw(
        radius, x[chosen], y[chosen], area_m2[chosen], _shores(outlines[chosen], radius, x[chosen], y[chosen])
    )
    return redrawn


def _shores(outlines: Polygons, radius: Floats, x: Floats, y: Floats) -> Polygons:
    """Outlines that rays from their centres do not describe, to be kept as they are; None for the others."""
    held = shapely.area(shapely.intersection(polygons(radius, x, y), outlines))
    shores = outlines.copy()
    shores[held >= STAR_SHARE * shapely.area(outlines)] = None
    return shores


def radii(outlines: Polygons, x: Floats, y: Floats) -> Floats:
    """(n, n_rays) how far each outline reaches from its centre in the directions ``outline.ANGLES``."""
    far = np.hypot(*(np.reshape(shapely.bounds(outlines), (-1, 4))[:, 2:] - np.stack([x, y], 1)).T)
    far = far + np.sqrt(shapely.area(shapely.envelope(outlines))) + shapely.length(outlines)
    tip = np.stack([x[:, None] + far[:, None] * np.cos(ANGLES), y[:, None] - far[:, None] * np.sin(ANGLES)], axis=-1)
    centre = np.broadcast_to(np.stack([x, y], 1)[:, None], tip.shape)
    rays = shapely.linestrings(np.stack([centre, tip], axis=2))
    inside = shapely.length(shapely.intersection(rays, outlines[:, None]))
    return np.maximum(inside, 1e-3 * np.sqrt(shapely.area(outlines))[:, None])


def _crowded(outlines: Polygons) -> Booleans:
    """Whether an outline is in a cluster of near ones in which two overlap."""
    is_crowded = np.zeros(len(outlines), bool)
    # Twice the half-diagonal of the box is as far as fit_areas looks for neighbours, and a little farther.
    bounds = np.reshape(shapely.bounds(outlines), (-1, 4))
    reach = np.hypot(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    near = shapely.STRtree(outlines)
    one, other = near.query(shapely.box(*(bounds + np.outer(reach, [-1, -1, 1, 1])).T))
    touching = shapely.intersects(outlines[one], outlines[other]) & (one < other)
    one_touching, other_touching = one[touching], other[touching]
    overlap = shapely.area(shapely.intersection(outlines[one_touching], outlines[other_touching]))
    overlapping = one_touching[overlap > MIN_OVERLAP_M2]
    if len(overlapping):
        graph = coo_array((np.ones(len(one)), (one, other)), shape=(len(outlines), len(outlines)))
        _, cluster = connected_components(graph, directed=False)
        is_crowded = np.isin(cluster, cluster[overlapping])
    return is_crowded
