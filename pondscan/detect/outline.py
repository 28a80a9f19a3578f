"""Outlines whose area is the area that was measured.

A pond's outline is *radial*: seen from its centroid, the distance in each of ``N_RAYS`` directions at which the water
fraction falls to half its peak, all scaled together until the polygon holds the measured area. Radial outlines are
simple by construction, and where neighbours would overlap both are held behind a line between them and swell elsewhere.
Where such lines leave no room (a marsh around small ponds), the larger water is drawn around the smaller; so is one
whose bays no ray from its middle reaches, along its traced shore (``shore``).
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pondscan.detect import shore
from pondscan.detect.shore import MAX_AREA_ERROR, SHORE_SHARE

Floats = NDArray[np.float64]

N_RAYS = 36
ANGLES = np.arange(N_RAYS) * (2 * np.pi / N_RAYS)
"""Directions of the rays: 0 along +col, a quarter turn along +row."""

MAX_STRETCH = 3.0
"""A ray is stretched at most so far to make up for area lost to a neighbour."""

MAX_CUT = 0.3
"""Where the lines towards neighbours cut off more of an outline than this, it is drawn around them instead."""


def draw(
    radius: Floats, x: Floats, y: Floats, target: Floats, shores: NDArray[np.object_] | None = None
) -> NDArray[np.object_]:
    """Draw outlines of the areas asked for, none of which overlaps another.

    A water whose shore was traced, or that the lines between neighbours would cut out of shape, is drawn last, smaller
    ones before larger ones: its outline grows over its neighbours, and what is theirs is taken out of it.

    Parameters
    ----------
    radius : (m, N_RAYS)
        Outline of each pond around (x, y); any units, its shape counts.
    x, y : (m,)
        Centroids, metres; the ray of angle 0 points to +x, a quarter turn to −y (rows run south).
    target : (m,)
        Areas to hold, square metres.
    shores : (m,) polygons, optional
        Traced outlines, metres; None where the radial one will do.

    Returns
    -------
    (m,) polygons
        Metres; areas are right to ``MAX_AREA_ERROR``.
    """
    is_radial = np.ones(len(target), bool) if shores is None else shapely.is_missing(shores)
    shape = radius * np.sqrt(target / area(radius))[:, None]
    limit = np.full(shape.shape, np.inf)
    limit[is_radial] = _limits(shape[is_radial], x[is_radial], y[is_radial], target[is_radial])
    fitted = _stretch(shape, limit, target)
    is_drawn = (
        is_radial
        & (area(np.minimum(shape, limit)) >= (1 - MAX_CUT) * target)
        & (np.abs(area(fitted) / target - 1) < MAX_AREA_ERROR)
    )
    made = polygons(fitted, x, y)
    waiting = np.flatnonzero(~is_drawn)
    for i in waiting[np.lexsort((y[waiting], x[waiting], target[waiting]))]:  # a handful in the wettest scene
        if shores is not None and not is_radial[i]:
            made[i] = shore.fit(shores[i], float(target[i]), made[is_drawn])
        else:
            made[i] = _draw_around(shape[i : i + 1], x[i : i + 1], y[i : i + 1], float(target[i]), made[is_drawn])
        is_drawn[i] = True
    return made


def _draw_around(shape: Floats, x: Floats, y: Floats, target: float, others: NDArray[np.object_]) -> shapely.Geometry:
    """Grow one outline, without the ground of others, until it holds its area.

    Each step adds to the square of the scale what the area falls short of. Free ground grows no faster than the whole
    outline does, so no step goes too far, and where others bar the way the outline grows on until it is past them.
    """
    strip = SHORE_SHARE * np.sqrt(target)
    theirs: shapely.Geometry = shapely.Polygon()
    is_met, growth = np.zeros(len(others), bool), 1.0
    while True:
        whole = polygons(shape * np.sqrt(growth), x, y)[0]
        is_new = ~is_met & shapely.dwithin(others, whole, strip)
        if is_new.any():
            theirs = shapely.union_all([theirs, *shore.with_strip(others[is_new], strip)])
            is_met |= is_new
        free: shapely.Geometry = shapely.difference(whole, theirs)
        shortfall = 1 - float(shapely.area(free)) / target
        if shortfall < MAX_AREA_ERROR:
            return free
        growth += shortfall


def rays(
    surface: Floats,
    label: NDArray[np.int32],
    chip: NDArray[np.int64],
    row: Floats,
    col: Floats,
    peak: Floats,
) -> Floats:
    """Distance from each segment's centroid to its half-peak contour.

    Parameters
    ----------
    surface : (n, h, w)
        Water fraction, upsampled.
    label : (n, h, w) int32
        Segment of every subpixel, from 1.
    chip : (m,)
        Chip of every segment.
    row, col : (m,)
        Centroids in subpixels of the chip, corners at whole numbers.
    peak : (m,)
        Peak of each segment's surface.

    Returns
    -------
    (m, N_RAYS)
        Subpixels; at least half a subpixel.
    """
    n_segments = len(chip)
    height, width = surface.shape[1:]
    flat_label, flat_surface = label.ravel(), surface.ravel()
    down, right = np.sin(ANGLES), np.cos(ANGLES)
    distance = np.arange(2 * int(np.ceil(np.hypot(height, width) / 2))) / 2
    reached = np.full(n_segments * N_RAYS, distance[-1])
    running = np.arange(n_segments * N_RAYS)
    previous = np.full(n_segments * N_RAYS, np.nan)
    for step in distance:  # a loop over ray steps, all running rays at once
        segment, ray = np.divmod(running, N_RAYS)
        y = np.floor(row[segment] + step * down[ray]).astype(np.int64)
        x = np.floor(col[segment] + step * right[ray]).astype(np.int64)
        is_inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        place = np.where(is_inside, (chip[segment] * height + y) * width + x, 0)
        is_own = is_inside & (flat_label[place] == segment + 1)
        value = np.where(is_own, flat_surface[place] / peak[segment], 0.0)
        is_stopped = value < 0.5
        before, after = previous[is_stopped], value[is_stopped]
        part = np.nan_to_num(np.clip((before - 0.5) / np.maximum(before - after, 1e-9), 0, 1), nan=1.0)
        reached[running[is_stopped]] = np.maximum(step - 0.5 + 0.5 * part, 0.5)
        running, previous = running[~is_stopped], value[~is_stopped]
        if not len(running):
            break
    return smooth(reached.reshape(n_segments, N_RAYS))


def smooth(radius: Floats) -> Floats:
    """Round off the outline: each ray the weighted mean (1, 2, 1) of itself and its neighbours, once."""
    rounded: Floats = (np.roll(radius, 1, axis=1) + 2 * radius + np.roll(radius, -1, axis=1)) / 4
    return rounded


def area(radius: Floats) -> Floats:
    """Area of radial polygons, in squared units of the radius.

    >>> bool(np.isclose(area(np.ones((1, N_RAYS)))[0], np.pi, rtol=0.01))
    True
    """
    total: Floats = 0.5 * np.sin(ANGLES[1]) * (radius * np.roll(radius, -1, axis=1)).sum(axis=1)
    return total


def _stretch(shape: Floats, limit: Floats, target: Floats) -> Floats:
    """Scale outlines until they hold their areas within their limits, to 1e-6 where these leave room."""
    low, high = np.zeros(len(target)), np.full(len(target), MAX_STRETCH)
    for _ in range(40):
        middle = (low + high) / 2
        is_small = area(np.minimum(shape * middle[:, None], limit)) < target
        low, high = np.where(is_small, middle, low), np.where(is_small, high, middle)
    held: Floats = np.minimum(shape * high[:, None], limit)
    return held


def _limits(shape: Floats, x: Floats, y: Floats, target: Floats) -> Floats:
    """How far every ray may reach before it crosses the line towards a near neighbour."""
    limit = np.full(shape.shape, np.inf)
    if len(x) < 2:
        return limit
    reach = shape.max(axis=1)
    tree = cKDTree(np.stack([x, y], axis=1))
    pairs = tree.query_pairs(MAX_STRETCH * 2 * float(reach.max()), output_type="ndarray")
    distance = np.hypot(x[pairs[:, 0]] - x[pairs[:, 1]], y[pairs[:, 0]] - y[pairs[:, 1]])
    pairs = pairs[distance < MAX_STRETCH * (reach[pairs[:, 0]] + reach[pairs[:, 1]])]
    one, other = np.concatenate([pairs, pairs[:, ::-1]]).T
    dx, dy = x[other] - x[one], y[other] - y[one]
    size = np.sqrt(target)
    room = 0.999 * np.hypot(dx, dy) * size[one] / (size[one] + size[other])
    towards = np.cos(ANGLES[None, :] - np.arctan2(-dy, dx)[:, None])
    bound = np.where(towards > 1e-6, room[:, None] / np.maximum(towards, 1e-6), np.inf)
    np.minimum.at(limit, one, bound)
    return limit


def polygons(radius: Floats, x: Floats, y: Floats) -> NDArray[np.object_]:
    """Radial outlines as polygons, counter-clockwise."""
    east = x[:, None] + radius * np.cos(ANGLES)
    north = y[:, None] - radius * np.sin(ANGLES)
    ring = np.stack([east, north], axis=-1)[:, ::-1]
    return np.asarray(shapely.polygons(np.concatenate([ring, ring[:, :1]], axis=1)))
