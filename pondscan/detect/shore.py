"""Outlines of waters that no ray from their middle can describe: bays, arms, islands.

Such an outline is *traced*: the contour of the water fraction that encloses the measured area, along the very shore. It
costs a hundred times as much as a radial one (``outline``), so only those few are traced that a radial one would cut
short.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STAR_SHARE = 0.9
"""A radial outline stands for a segment if it holds at least this share of the segment's pixels above half its peak."""

TRACED_PX = (60.0, 500.0)
"""Smaller segments than the first, nine pixels across, have no shape to trace; on the shore of larger ones than the
second, 25 across, the rays are more than two pixels apart, and all of them are traced."""

LEAST_PART_PX = 3.0
"""Parts and islands smaller than this are left out."""

TOLERANCE_PX = 0.25
"""How far a traced outline may stray from the contour: a few points less for each point kept."""

LOWEST = 0.15
"""Fraction below which no contour is drawn, nor above half the peak, whatever area was measured."""

MAX_AREA_ERROR = 1e-3
"""How far an outline may be off its area, relative to it."""

SHORE_SHARE = 0.01
"""Strip left dry between a water and those it is drawn around, as a share of the square root of its area."""

_STEPS = 60


def is_ragged(radial_area_px: Floats, half_area_px: Floats) -> NDArray[np.bool_]:
    """Whether a segment's shore is to be traced: its radial outline misses part of it, or is too coarse.

    Parameters
    ----------
    radial_area_px : (m,)
        Area inside each radial outline: what is in plain view of the centroid.
    half_area_px : (m,)
        Area above half the peak.
    """
    least, most = TRACED_PX
    return (half_area_px >= least) & ((radial_area_px < STAR_SHARE * half_area_px) | (half_area_px > most))


def trace(surface: Floats, is_own: NDArray[np.bool_], n_subpixels: float, factor: int) -> shapely.Geometry:
    """Contour of the fraction within one segment that encloses an area.

    Parameters
    ----------
    surface : (h, w)
        Water fraction of one chip, upsampled.
    is_own : (h, w) bool
        Subpixels of the segment.
    n_subpixels : float
        Area to enclose.
    factor : int
        Subpixels per side of a pixel.

    Returns
    -------
    Polygon or MultiPolygon
        In pixels of the chip, x along the columns and y along the rows, corners at whole numbers. Its area is near the
        one asked for, unless that lies inside the half-peak contour; `fit` makes it the same. Empty where no ring
        closes.
    """
    from skimage.measure import find_contours

    row, col = np.nonzero(is_own)
    box = slice(row.min(), row.max() + 1), slice(col.min(), col.max() + 1)
    values = np.sort(surface[is_own])
    enclosing = values[-np.clip(round(n_subpixels), 1, len(values))]
    level = float(np.clip(enclosing, min(LOWEST, values[-1] / 2), values[-1] / 2))
    height = np.pad(np.where(is_own[box], surface[box], 0.0), 1)
    rings = [shapely.LineString(ring[:, ::-1]) for ring in find_contours(height, level) if len(ring) > 3]
    whole = shapely.build_area(shapely.node(shapely.MultiLineString(rings)))  # a ring may touch itself
    if shapely.is_empty(whole):
        return whole
    whole = shapely.transform(whole, lambda xy: (xy - 0.5 + [box[1].start, box[0].start]) / factor)
    return shapely.simplify(_without_specks(whole), TOLERANCE_PX)


def _without_specks(whole: shapely.Geometry) -> shapely.Geometry:
    """Leave out small parts, but never the largest, and fill small holes."""
    parts = shapely.get_parts(whole)
    size = shapely.area(parts)
    kept = parts[size >= min(LEAST_PART_PX, size.max())]
    filled = [
        shapely.Polygon(part.exterior, [hole for hole in part.interiors if shapely.Polygon(hole).area >= LEAST_PART_PX])
        for part in kept
    ]
    return filled[0] if len(filled) == 1 else shapely.MultiPolygon(filled)


def fit(shore: shapely.Geometry, target: float, others: NDArray[np.object_]) -> shapely.Geometry:
    """Move a shore out or in everywhere alike until it holds its area, without the ground of others.

    The area grows with the distance moved, so that Newton's steps (what is short, spread along the shore) are kept
    between bounds that close in.

    Parameters
    ----------
    shore : Polygon or MultiPolygon
        Metres.
    target : float
        Area to hold, square metres.
    others : array of polygons
        Whose ground, with a strip of ``SHORE_SHARE`` around it, is not to be covered.
    """
    strip = SHORE_SHARE * np.sqrt(target)
    reach = 0.25 * np.sqrt(target)
    while True:
        near = others[shapely.dwithin(others, shore, reach + strip)] if len(others) else others
        theirs = shapely.union_all(with_strip(near, strip))
        if shapely.area(_moved(shore, reach, theirs)) >= target:
            break
        reach *= 2
    low, high, distance = -np.sqrt(target), reach, 0.0
    for _ in range(_STEPS):
        free = _moved(shore, distance, theirs)
        missing = target - float(shapely.area(free))
        if abs(missing) < MAX_AREA_ERROR * target:
            break
        low, high = (distance, high) if missing > 0 else (low, distance)
        step = distance + missing / max(float(shapely.length(free)), 1e-9)
        distance = step if low < step < high else (low + high) / 2
    return free


def with_strip(others: NDArray[np.object_], strip: float) -> NDArray[np.object_]:
    """Outlines with a strip around; themselves too, since a mitred buffer may lose a sliver of thin parts."""
    return np.concatenate([others, shapely.buffer(others, strip, join_style="mitre")])


def _moved(shore: shapely.Geometry, distance: float, theirs: shapely.Geometry) -> shapely.Geometry:
    """Buffer a shore, and take out the ground of others."""
    free: shapely.Geometry = shapely.difference(shapely.buffer(shore, distance, quad_segs=2), theirs)
    return free
