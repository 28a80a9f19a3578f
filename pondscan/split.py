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
    surface: Floats, is_inside: NDArray[np.bool_], *, min_peak: float, max_saddle: float, noise: Floats
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

    Returns
    -------
    (n, h, w) int32
        0 outside, else the basin's number from 1, counted through the stack.
    """
    from skimage.segmentation import watershed

    in_chip = np.zeros((3, 3, 3), bool)
    in_chip[1] = True
    is_peak = is_inside & (surface >= min_peak) & (surface == ndi.maximum_filter(surface, size=(1, 3, 3)))
    markers, n_markers = ndi.label(is_peak, structure=in_chip)
    if n_markers == 0:
        return np.zeros(surface.shape, np.int32)
    label = watershed(-surface, markers, mask=is_inside, connectivity=in_chip).astype(np.int32)
    return _merge_shallow(surface, label, n_markers, max_saddle, MIN_DIP_SIGMA * noise)


def _merge_shallow(surface: Floats, label: Labels, n_labels: int, max_saddle: float, min_dip: Floats) -> Labels:
    """Join basins between which the surface hardly dips."""
    chip, row, col = np.nonzero(label)
    basin = label[chip, row, col]
    peak = np.full(n_labels + 1, -np.inf)
    np.maximum.at(peak, basin, surface[chip, row, col])
    dip = np.zeros(n_labels + 1)
    dip[basin] = min_dip[chip]
    pairs, heights = [], []
    for axis in (1, 2):
        low = [slice(None)] * 3
        high = [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        one, other = label[tuple(low)], label[tuple(high)]
        is_border = (one != other) & (one > 0) & (other > 0)
        pairs.append(np.stack([one[is_border], other[is_border]], axis=1))
        heights.append(np.minimum(surface[tuple(low)][is_border], surface[tuple(high)][is_border]))
    pair, height = np.sort(np.concatenate(pairs), axis=1), np.concatenate(heights)
    if not len(pair):
        return label
    key, inverse = np.unique(pair, axis=0, return_inverse=True)
    saddle = np.full(len(key), -np.inf)
    np.maximum.at(saddle, inverse.ravel(), height)
    lower = np.minimum(peak[key[:, 0]], peak[key[:, 1]])
    is_one = saddle > np.minimum(max_saddle * lower, lower - dip[key[:, 0]])
    joined = key[is_one]
    graph = coo_array((np.ones(len(joined), np.int8), joined.T), shape=(n_labels + 1, n_labels + 1))
    _, merged = connected_components(graph, directed=False)
    _, number = np.unique(merged, return_inverse=True)
    return number.astype(np.int32)[label]
