"""Clouds, the shadows they cast, and the imperfect mask an agency would deliver with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import ndtri

from pondscan.simulate import noise

FloatArray = NDArray[np.float64]
Image = NDArray[np.float32]

CLEAR, CLOUD, SHADOW, MISTAKEN = 0, 1, 2, 3
"""Codes of the true cloud raster; a thin veil, through which the ground is seen, is clear. ``MISTAKEN`` is bright
ground that the delivered mask takes for cloud."""
_BRIGHT = 0.24
_MOST_COLOUR = 0.55
"""A mask takes for cloud what is at least so bright in the visible and at most so far from white (range over mean)."""
_VEIL_OCTAVES_M = (2600.0, 1100.0, 450.0)
_VEIL_STRETCH = 4.0
"""Cirrus is so much longer along the wind than across."""
_BASE_M = 900.0
"""Height of the clouds above the ground."""
_OCTAVES_M = (1700.0, 800.0, 380.0, 180.0, 85.0, 40.0, 19.0)
_SHADOW_DEPTH = 0.92


@dataclass(frozen=True)
class Sky:
    """Clouds over a raster of pixels, all arrays (h, w)."""

    opacity: Image
    """Of cloud, 0 to 1."""
    shade: Image
    """Direct sunlight taken away by cloud, 0 to 1."""
    truth: NDArray[np.uint8]
    """`CLEAR`, `CLOUD`, `SHADOW` or `MISTAKEN`."""
    clear: NDArray[np.uint8]
    """The delivered mask: 1 usable, 0 not; misses thin edges and takes away some good ground."""


def make_sky(
    x: FloatArray,
    y: FloatArray,
    cloud_fraction: float,
    sun_elevation_deg: float,
    sun_azimuth_deg: float,
    seed: int,
) -> Sky:
    """Clouds that cover about ``cloud_fraction`` of the raster of columns ``x`` and rows ``y``."""
    if cloud_fraction <= 0.0:
        nothing = np.zeros((y.size, x.size), dtype=np.float32)
        return Sky(nothing, nothing, nothing.astype(np.uint8), np.ones_like(nothing, dtype=np.uint8))
    field = noise.fractal(x, y, _OCTAVES_M, seed, 0.55)
    threshold = np.float32(np.quantile(field, 1.0 - cloud_fraction))
    reach_m = _BASE_M / math.tan(math.radians(sun_elevation_deg))
    azimuth = math.radians(sun_azimuth_deg)
    above = noise.fractal(x + reach_m * math.sin(azimuth), y + reach_m * math.cos(azimuth), _OCTAVES_M, seed, 0.55)
    opacity, shade = _thickness(field, threshold), _SHADOW_DEPTH * _thickness(above, threshold)
    truth = np.where(opacity > 0.05, CLOUD, np.where(shade > 0.12, SHADOW, CLEAR)).astype(np.uint8)
    return Sky(opacity, shade, truth, _delivered(x, y, opacity, shade, seed + 1))


def veil(x: FloatArray, y: FloatArray, amount: float, seed: int) -> Image:
    """Thin high cloud: its thickness over the raster of columns ``x`` and rows ``y``, float32 (h, w).

    ``amount`` is about its mean, 0 for none; a thickness of 1 adds the reflectance of thin cirrus
    (``cirrus_addon`` of the palette) and takes a tenth of the light from the ground.
    """
    if amount <= 0.0:
        return np.zeros((y.size, x.size), dtype=np.float32)
    stretch = (1.0, _VEIL_STRETCH) if seed % 2 else (_VEIL_STRETCH, 1.0)
    streaks = noise.fractal(x / stretch[0], y / stretch[1], _VEIL_OCTAVES_M, seed, 0.6)
    return np.asarray(np.float32(amount) * np.clip(1.0 + 0.8 * streaks, 0.0, 3.0))


def taking_bright(sky: Sky, bands: Mapping[str, Image], x: FloatArray, y: FloatArray, share: float, seed: int) -> Sky:
    """Let the delivered mask take a share of the bright and nearly white ground for cloud, as agencies' masks do.

    Parameters
    ----------
    sky : Sky
    bands : mapping of role to float32 (h, w)
        Reflectance; ``blue``, ``green`` and ``red`` are looked at.
    x, y : float64 arrays
        Centres of the columns and rows, metres.
    share : float
        0 to 1: mistakes come in patches of some two hundred metres.
    seed : int
    """
    if share <= 0.0:
        return sky
    visible = np.stack([bands[role] for role in ("blue", "green", "red")])
    level = visible.mean(axis=0)
    is_bright = (level > _BRIGHT) & (np.ptp(visible, axis=0) < _MOST_COLOUR * level)
    patch = noise.value_noise(x, y, 200.0, noise.salt(seed, "mistaken"))
    is_mistaken = ndimage.binary_dilation(is_bright & (patch < ndtri(share)))
    is_mistaken &= (sky.truth == CLEAR) & (sky.clear == 1)
    truth, clear = sky.truth.copy(), sky.clear.copy()
    truth[is_mistaken], clear[is_mistaken] = MISTAKEN, 0
    return replace(sky, truth=truth, clear=clear)


def _thickness(field: Image, threshold: np.float32) -> Image:
    rise = np.clip((field - threshold) / np.float32(0.6), 0.0, 1.0)
    return np.asarray(rise * np.float32(0.97))


def _delivered(x: FloatArray, y: FloatArray, opacity: Image, shade: Image, seed: int) -> NDArray[np.uint8]:
    """Judge cloud at 0.1 opacity and shadow at 0.2, give or take a little that varies over a hundred metres."""
    error = 0.04 * noise.value_noise(x, y, 110.0, seed)
    is_flagged = (opacity + error > 0.1) & (opacity > 0.0)
    is_flagged |= (shade + error > 0.2) & (shade > 0.0)
    return np.where(is_flagged, 0, 1).astype(np.uint8)
