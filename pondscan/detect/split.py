"""One candidate, several ponds: peaks of the water fraction, the basins around them, and what was split in vain."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
Labels = NDArray[np.int32]

MIN_DIP_SIGMA = 2.0
"""A saddle must lie so many standard deviations of the noise below the lower peak to part two ponds."""

FULL_PEAK = 0.75
FULL_SADDLE = 0.95
"""Where pixels are as coarse as ponds, sharpening leaves ripples on a wide one. Two peaks of at least this fraction,
before sharpening, are one pond when it never falls below this share of the lower one between them: a berm of 2 m would
show."""


@lru_cache(maxsize=64)
def resampling(size: int, factor: int, sigma_px: float, sharpening: float) -> Floats:
    """Matrix (size · factor, size) that smooths or sharpens a line and interpolates it by cubic splines.

    Applied to rows and columns it resamples a whole stack of chips by two matrix products; each output depends on its
    own chip alone.
    """
    lines = np.eye(size)
    if sigma_px > 0:
        lines = ndi.gaussian_filter1d(lines, sigma_px, axis=1, mode="nearest", truncate=4.0)
    if sharpening > 0:
        lines = lines - sharpening * ndi.correlate1d(lines, [1.0, -2.0, 1.0], axis=1, mode="nearest")
    if factor > 1:
        lines = ndi.zoom(lines, (1, factor), order=3, mode="nearest", grid_mode=True)
    return np.ascontiguousarray(lines.T)


def resample(chips: Floats, factor: int, *, sigma_px: float, sharpening: float) -> Floats:
    """Smooth or sharpen chips (n, h, w), and upsample them to (n, h · factor, w · factor).

    Parameters
    ----------
    chips : (n, h, w)
    factor : int
    sigma_px : float
        Standard deviation of a Gaussian smoothing, pixels; 0 for none.
    sharpening : float
        Share of the second difference that is taken off. Half the variance of a blur undoes it to first order (van
        Cittert 1931, doi 10.1007/BF01351862).
    """
    rows = resampling(chips.shape[1], factor, sigma_px, sharpening)
    cols = resampling(chips.shape[2], factor, sigma_px, sharpening)
    return rows @ chips @ cols.T


def basins(
    surface: Floats,
    is_inside: NDArray[np.bool_],
    *,
    min_peak: float,
    max_saddle: float,
    noise: Floats,
    plain: Floats | None = None,
) -> Labels:
    """Divide every object of a stack of chips into the basins of its peaks.

    Parameters
    ----------
    surface : (n, h, w)
        Water fraction, smoothed and upsampled.
    is_inside : (n, h, w) bool
        Pixels to divide.
    min_peak : float
        Lower local maxima start no basin.
    max_saddle : float
        Two basins whose saddle is higher than this share of the lower peak are one pond.
    noise : (n,)
        Standard deviation of each chip's surface over plain liquid; a dip of less than ``MIN_DIP_SIGMA`` times
        that is none.
    plain : (n, h, w), optional
        The fraction as it was before it was sharpened, where it was.

    Returns
    -------
    (n, h, w) int32
        0 outside, else the basin's number from 1, counted through the stack.
    """
    from skimage.segmentation import watershed

    in_chip = np.zeros((3, 3, 3), bool)
    in_chip[1] = True
    is_peak = is_inside & (surface >= min_peak) & (surface == highest_around(surface))
    markers, n_markers = ndi.label(is_peak, structure=in_chip)
    label = np.zeros(surface.shape, np.int32)
    if n_markers == 0:
        return label
    top, bottom = markers.max(axis=(1, 2)), np.where(markers > 0, markers, n_markers + 1).min(axis=(1, 2))
    is_shared = top > bottom  # most chips hold one peak: theirs is all that hangs together with it
    label[is_shared] = watershed(
        -surface[is_shared], markers[is_shared], mask=is_inside[is_shared], connectivity=in_chip
    )
    is_single = top == bottom
    label[is_single] = _with_marker(is_inside[is_single], markers[is_single], top[is_single], in_chip)
    if not is_shared.any():
        return label
    shared = label[is_shared]
    joined = _shallow(surface[is_shared], shared, n_markers, max_saddle, MIN_DIP_SIGMA * noise[is_shared])
    if plain is not None:
        joined = np.concatenate([joined, _full(plain[is_shared], shared, n_markers)])
    graph = coo_array((np.ones(len(joined), np.int8), joined.T), shape=(n_markers + 1, n_markers + 1))
    _, number = connected_components(graph, directed=False)  # in order of each part's first: 0 stays 0
    return number.astype(np.int32)[label]


def highest_around(surface: Floats) -> Floats:
    """Highest value of the three by three pixels around each one of a stack of chips."""
    rows = surface.copy()
    np.maximum(rows[:, 1:], surface[:, :-1], out=rows[:, 1:])
    np.maximum(rows[:, :-1], surface[:, 1:], out=rows[:, :-1])
    highest = rows.copy()
    np.maximum(highest[:, :, 1:], rows[:, :, :-1], out=highest[:, :, 1:])
    np.maximum(highest[:, :, :-1], rows[:, :, 1:], out=highest[:, :, :-1])
    return highest


def _with_marker(is_inside: NDArray[np.bool_], markers: Labels, number: Labels, structure: NDArray[np.bool_]) -> Labels:
    """Fill the part of each chip that hangs together with the chip's only marker with its ``number`` (n,)."""
    part, n_parts = ndi.label(is_inside, structure=structure)
    is_marked = np.zeros(n_parts + 1, bool)
    is_marked[part[markers > 0]] = True
    return is_marked[part] * number[:, None, None]


def _shallow(surface: Floats, label: Labels, n_labels: int, max_saddle: float, min_dip: Floats) -> Labels:
    """Pairs of basins (k, 2) between which the surface hardly dips."""
    pair, saddle, peak = _saddles(surface, label, n_labels)
    place = np.flatnonzero(label > 0)
    dip = np.zeros(n_labels + 1)
    dip[label.ravel()[place]] = min_dip[place // label[0].size]
    lower = peak[pair].min(axis=1)
    shallow: Labels = pair[saddle > np.minimum(max_saddle * lower, lower - dip[pair[:, 0]])]
    return shallow


def _full(plain: Floats, label: Labels, n_labels: int) -> Labels:
    """Pairs of basins (k, 2) of pixels full of liquid that meet in such pixels."""
    pair, saddle, peak = _saddles(plain, label, n_labels)
    lower = peak[pair].min(axis=1)
    full: Labels = pair[(lower > FULL_PEAK) & (saddle > FULL_SADDLE * lower)]
    return full


def _saddles(surface: Floats, label: Labels, n_labels: int) -> tuple[Labels, Floats, Floats]:
    """Pairs of basins that meet (k, 2), the highest point of their border (k,), and every basin's peak."""
    border, height = _borders(surface, label)
    place = np.flatnonzero(label > 0)
    peak = np.full(n_labels + 1, -np.inf)
    np.maximum.at(peak, label.ravel()[place], surface.ravel()[place])
    pair, inverse = np.unique(border, axis=0, return_inverse=True)
    saddle = np.full(len(pair), -np.inf)
    np.maximum.at(saddle, inverse.ravel(), height)
    return pair, saddle, peak


def _borders(surface: Floats, label: Labels) -> tuple[Labels, Floats]:
    """Pairs of basins (k, 2) that meet at a pixel's side, the lower number first, and how high the surface is there."""
    pairs, heights = [], []
    for axis in (1, 2):
        low = [slice(None)] * 3
        high = [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        one, other = label[tuple(low)], label[tuple(high)]
        border = np.nonzero((one != other) & (one > 0) & (other > 0))
        pairs.append(np.stack([one[border], other[border]], axis=1))
        heights.append(np.minimum(surface[tuple(low)][border], surface[tuple(high)][border]))
    return np.sort(np.concatenate(pairs), axis=1), np.concatenate(heights)
