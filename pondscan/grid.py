"""Pixel geometry: how far a map projection distorts areas, and the UTM zone of a place."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from pondscan.model import Window

if TYPE_CHECKING:
    from pyproj import Transformer

MAX_AREA_SCALE_ERROR = 0.005
"""A grid whose pixels are off by more than this share of their area is warped before anything is measured on it."""


def area_scale_error(crs: str, lon: float, lat: float) -> float:
    """Relative error of areas measured in a projection's own units at a place.

    Parameters
    ----------
    crs
        Authority code or WKT.
    lon, lat
        The place, degrees east and north, WGS84.

    Returns
    -------
    float
        ``|map area / true area - 1|``; infinite for a CRS whose units are not lengths (geographic coordinates).
    """
    from pyproj import CRS, Proj

    parsed = CRS.from_user_input(crs)
    if not parsed.is_projected:
        return math.inf
    to_metres = parsed.axis_info[0].unit_conversion_factor
    factors = Proj(parsed).get_factors(lon, lat)
    # Proj works in metres: an area counted in feet is off by the square of the conversion.
    return float(abs(factors.areal_scale / to_metres**2 - 1))


@lru_cache(maxsize=64)
def between(one: str, other: str) -> Transformer:
    """Transformer from one CRS to another, easting or longitude first; each pair is understood once.

    >>> [round(float(metres)) for metres in between("EPSG:4326", "EPSG:32647").transform(99.0, 0.0)]
    [500000, 0]
    """
    from pyproj import Transformer

    return Transformer.from_crs(one, other, always_xy=True)


def utm_crs_at(lon: float, lat: float) -> str:
    """Code of the WGS84 UTM zone a place lies in (of the polar stereographic grid beyond 84° N and 80° S).

    The widened zones of Norway and Svalbard are not followed: every zone is 6° wide, the scale error stays the same.

    Examples
    --------
    >>> utm_crs_at(98.5, 25.6), utm_crs_at(-60.0, -3.0)
    ('EPSG:32647', 'EPSG:32721')
    """
    if lat > 84:
        return "EPSG:32661"
    if lat < -80:
        return "EPSG:32761"
    zone = min(60, int((lon + 180) // 6) % 60 + 1)
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"


def sample_lattice(width: int, height: int, *, block_px: int = 256, per_side: int = 4) -> list[Window]:
    """Blocks of full resolution spread over a raster, the same ones whatever it is later cut into.

    Parameters
    ----------
    width, height
        Size of the raster, pixels.
    block_px
        Side of a block; every block starts at a multiple of it.
    per_side
        Blocks along each side, fewer where the raster is small.

    Returns
    -------
    list of Window
        Row by row.
    """
    rows, cols = (_lattice_starts(size, block_px, per_side) for size in (height, width))
    return [Window(row, min(row + block_px, height), col, min(col + block_px, width)) for row in rows for col in cols]


def _lattice_starts(size: int, block_px: int, count: int) -> list[int]:
    n_blocks = math.ceil(size / block_px)
    if n_blocks <= count:
        return [i * block_px for i in range(n_blocks)]
    return [(2 * i + 1) * n_blocks // (2 * count) * block_px for i in range(count)]
