"""Spectral indices on reflectance (0 to 1): arrays in, arrays out.

Ratios are regularised by ``FLOOR`` in the denominator, since atmospheric correction leaves dark pixels
near or below zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

FLOOR = 0.01
"""Least denominator of a normalised difference, reflectance."""


def normalised_difference(first: Array, second: Array) -> Array:
    """(first − second) / (first + second), the denominator held above ``FLOOR``, the result within ±1."""
    total = np.maximum(first + second, FLOOR)
    ratio: Array = np.clip((first - second) / total, -1.0, 1.0)
    return ratio


def ndwi(green: Array, nir: Array) -> Array:
    """Normalised difference water index (McFeeters 1996, doi 10.1080/01431169608948714).

    >>> float(ndwi(np.array(0.175), np.array(0.010)).round(2))
    0.89
    """
    return normalised_difference(green, nir)


def mndwi(green: Array, swir16: Array) -> Array:
    """Modified NDWI (Xu 2006, doi 10.1080/01431160600589179)."""
    return normalised_difference(green, swir16)


def ndvi(red: Array, nir: Array) -> Array:
    """Normalised difference vegetation index (Rouse 1974)."""
    return normalised_difference(nir, red)


def turquoise(blue: Array, green: Array, red: Array) -> Array:
    """Cyan excess: how much brighter blue and green are than red, normalised (pondscan's own index)."""
    return normalised_difference((blue + green) / 2, red)


def aweinsh(green: Array, nir: Array, swir16: Array, swir22: Array) -> Array:
    """Automated water extraction index, no shadow (Feyisa 2014, doi 10.1016/j.rse.2013.08.029).

    Both ``0.25·nir`` and ``2.75·swir22`` are subtracted; several public implementations lost that sign.
    """
    return 4 * (green - swir16) - (0.25 * nir + 2.75 * swir22)


def aweish(blue: Array, green: Array, nir: Array, swir16: Array, swir22: Array) -> Array:
    """Automated water extraction index for scenes with shadow (Feyisa 2014)."""
    return blue + 2.5 * green - 1.5 * (nir + swir16) - 0.25 * swir22
