"""Military grid squares: the names Sentinel-2 and HLS give their tiles."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyproj import Transformer

from pondscan.errors import InputError
from pondscan.model import Grid

_COLUMNS = ("STUVWXYZ", "ABCDEFGH", "JKLMNPQR")
"""Letters of the 100 km columns, by zone number modulo 3."""
_ROWS = "ABCDEFGHJKLMNPQRSTUV"
"""Letters of the 100 km rows in odd zones; even zones begin five letters later."""
_BANDS = "CDEFGHJKLMNPQRSTUVWX"
"""Letters of the latitude bands of 8 degrees, from 80° south."""


@dataclass(frozen=True, slots=True)
class UtmZone:
    """A zone of the Universal Transverse Mercator projection on WGS84."""

    number: int
    is_north: bool

    @property
    def name(self) -> str:
        """What metadata call it: ``47N``."""
        return f"{self.number}{'N' if self.is_north else 'S'}"

    @property
    def epsg(self) -> int:
        """Authority code."""
        return (32600 if self.is_north else 32700) + self.number


def utm_zone(grid: Grid, product: str) -> UtmZone:
    """Return the UTM zone of a grid; agencies deliver nothing else, so another CRS is refused."""
    match = re.fullmatch(r"EPSG:32([67])(0[1-9]|[1-5]\d|60)", grid.crs)
    if match is None:
        raise InputError(f"{product} comes in UTM only, not in {grid.crs}: simulate in a CRS like EPSG:32647")
    return UtmZone(number=int(match[2]), is_north=match[1] == "6")


def tile_name(grid: Grid, product: str) -> str:
    """Return the 100 km square the grid's centre lies in, such as ``47RNJ``."""
    zone = utm_zone(grid, product)
    west, south, east, north = grid.bounds
    x, y = (west + east) / 2, (south + north) / 2
    _, latitude = Transformer.from_crs(zone.epsg, 4326, always_xy=True).transform(x, y)
    band = _BANDS[min(max(int((latitude + 80) // 8), 0), len(_BANDS) - 1)]
    columns = _COLUMNS[zone.number % 3]
    column = columns[min(max(int(x // 100_000) - 1, 0), len(columns) - 1)]
    row = _ROWS[(int(y // 100_000) + (5 if zone.number % 2 == 0 else 0)) % len(_ROWS)]
    return f"{zone.number:02d}{band}{column}{row}"
