"""Random fields that are functions of ground coordinates: any window, at any resolution, shows the same ground.

A lattice node's number is a hash of its indices, so nothing is stored and nothing depends on what was asked before.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float32]

_SPLINE_RMS = 0.479
"""Root mean square of a unit-variance lattice after cubic B-spline smoothing in two dimensions (sum of squared
weights, averaged over the cell: 151/315 in each direction)."""


def salt(seed: int, name: str) -> int:
    """Derive the seed of one field of a place from the place's seed and the field's name."""
    return zlib.crc32(f"{seed}/{name}".encode())


def hash_uniform(i: NDArray[np.int64], j: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1) that belong to integer pairs.

    Parameters
    ----------
    i, j : int64 arrays, broadcast against each other
    seed : int
        Another seed gives an independent set of numbers.

    Notes
    -----
    The finaliser of splitmix64, applied twice.
    """
    start = np.uint64(seed * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)
    mixed = _scramble(start ^ i.astype(np.uint64) * np.uint64(0xD1342543DE82EF95))
    mixed = _scramble(mixed ^ j.astype(np.uint64) * np.uint64(0xAF251AF3B0F025B5))
    return np.asarray((mixed >> np.uint64(11)).astype(np.float64) / 2.0**53)


def _scramble(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(bits ^ (bits >> np.uint64(31)))


def value_noise(x: NDArray[np.float64], y: NDArray[np.float64], spacing_m: float, seed: int) -> FloatArray:
    """Smooth random field of mean 0 and variance 1 on the raster spanned by ``x`` and ``y``.

    Parameters
    ----------
    x, y : float64 arrays of shape (w,) and (h,)
        Ground coordinates of the columns and rows, metres.
    spacing_m : float
        Lattice spacing: the field's correlation length.
    seed : int

    Returns
    -------
    float32 array (h, w)
    """
    first_col, weights_x = _spline_weights(x / spacing_m)
    first_row, weights_y = _spline_weights(y / spacing_m)
    rows = first_row + np.arange(weights_y.shape[1], dtype=np.int64)
    cols = first_col + np.arange(weights_x.shape[1], dtype=np.int64)
    uniform = hash_uniform(rows[:, None], cols[None, :], seed)
    lattice = ((uniform - 0.5) * (np.sqrt(12.0) / _SPLINE_RMS)).astype(np.float32)
    along_x = np.ascontiguousarray((weights_x @ lattice.T).T)
    return np.asarray(weights_y @ along_x)


def fractal(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    spacings_m: Sequence[float],
    seed: int,
    roughness: float = 0.5,
) -> FloatArray:
    """Sum of value noises of falling size and weight, mean 0 and variance 1.

    ``roughness`` is the ratio of one octave's amplitude to the octave before; arguments else as in `value_noise`.
    """
    weights = roughness ** np.arange(len(spacings_m))
    weights /= np.sqrt(np.sum(weights**2))
    total = np.zeros((y.size, x.size), dtype=np.float32)
    for octave, (spacing_m, weight) in enumerate(zip(spacings_m, weights, strict=True)):
        total += np.float32(weight) * value_noise(x, y, spacing_m, seed + 7919 * octave)
    return total


def _spline_weights(position: NDArray[np.float64]) -> tuple[int, sparse.csr_matrix]:
    """First lattice node and the sparse matrix of uniform cubic B-spline weights at positions in lattice units."""
    node = np.floor(position).astype(np.int64)
    t = position - node
    weights = np.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3],
        axis=1,
    ) / np.float64(6.0)
    first = int(node.min()) - 1
    columns = (node - 1 - first)[:, None] + np.arange(4)
    rows = np.repeat(np.arange(position.size), 4)
    shape = (position.size, int(columns.max()) + 1)
    return first, sparse.csr_matrix((weights.ravel().astype(np.float32), (rows, columns.ravel())), shape=shape)
