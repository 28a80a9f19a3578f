"""Ids that say where: the geohash of a place behind a letter, ``P`` for a pond and ``S`` for a site."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pondscan.tables import ALIASES, conform

Floats = NDArray[np.float64]
Strings = NDArray[np.str_]

BASE32 = np.array(list("0123456789bcdefghjkmnpqrstuvwxyz"))
LENGTH = 9
"""Characters of a place code: cells of 4.8 m by 4.8 m (narrower away from the equator), about the smallest pond."""


def place_codes(lon: Floats, lat: Floats) -> Strings:
    """Geohash of places: the bits of longitude and latitude interleaved, five to a character.

    Algorithm of G. Niemeyer, 2008, in the public domain; any geohash reader takes the codes back to the map.

    Parameters
    ----------
    lon, lat : (n,)
        Degrees east and north, WGS84.

    Examples
    --------
    >>> place_codes(np.array([-5.6]), np.array([42.6])).tolist()
    ['ezs42e44y']
    """
    n_bits = 5 * LENGTH
    n_lon, n_lat = (n_bits + 1) // 2, n_bits // 2
    column = np.clip((lon + 180) / 360 * 2**n_lon, 0, 2**n_lon - 1).astype(np.int64)
    row = np.clip((lat + 90) / 180 * 2**n_lat, 0, 2**n_lat - 1).astype(np.int64)
    code = np.zeros(len(column), np.int64)
    for bit in range(n_bits):  # longitude first, most significant bit first
        half = row if bit % 2 else column
        code = code << 1 | half >> ((n_lat if bit % 2 else n_lon) - 1 - bit // 2) & 1
    digits = code[:, None] >> np.arange(n_bits - 5, -1, -5) & 31
    return np.ascontiguousarray(BASE32[digits]).view(f"U{LENGTH}").ravel()


def tell_apart(codes: Strings) -> Strings:
    """Number the later owners of a code ``x`` as ``x-2``, ``x-3`` … in the order given (never that of arrival).

    >>> tell_apart(np.array(["u", "v", "u"])).tolist()
    ['u', 'v', 'u-2']
    """
    order = np.argsort(codes, kind="stable")
    ranked = codes[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if len(codes) else np.empty(0, np.int64)
    number = np.empty(len(codes), np.int64)
    number[order] = np.arange(len(codes)) - np.repeat(starts, np.diff(np.r_[starts, len(codes)]))
    return np.array(
        [f"{code}-{n + 1}" if n else str(code) for code, n in zip(codes, number, strict=True)], dtype=np.str_
    )


def aliases(claims: pd.DataFrame, *, live: Strings) -> pd.DataFrame:
    """Ids that a pond or site may have gone by: the table ``tables.ALIASES``, sorted by ``old_id``.

    An id that is in use is no alias, and of several claims to an old id the first one given holds.

    Parameters
    ----------
    claims
        `old_id`, `new_id` and `reason`, in an order that does not depend on arrival.
    live
        Every id in use.
    """
    free = claims[~claims["old_id"].isin(live)].drop_duplicates("old_id")
    return conform(free.sort_values("old_id", ignore_index=True), ALIASES)
