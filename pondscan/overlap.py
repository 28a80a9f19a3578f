"""When two outlines are of the same water: the rule by which verdicts find their ponds and found ponds their truth."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Polygons = NDArray[np.object_]

SAME_IOU = 0.3
"""Least overlap (intersection over union) of two outlines of one pond, unless they hold each other's centre."""


def common_m2(one: Polygons, other: Polygons) -> Floats:
    """Area that outlines share, pair by pair; arrays of one length, in one metric reference system."""
    return np.asarray(shapely.area(shapely.intersection(one, other)), np.float64)


def iou(one: Polygons, other: Polygons, common: Floats | None = None) -> Floats:
    """Intersection over union of outlines, pair by pair; ``common`` is ``common_m2`` of them where it is known."""
    shared = common_m2(one, other) if common is None else common
    union = shapely.area(one) + shapely.area(other) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def holds_centre(one: Polygons, other: Polygons) -> Booleans:
    """Whether an outline holds the centroid of the other, pair by pair."""
    return np.asarray(shapely.contains(one, shapely.centroid(other)), bool)
