"""The values the pipeline passes around: a grid, the bands and masks of a scene, the scene itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Literal

Calibration = Literal["reflectance", "toa", "dn"]
"""How far the numbers can be trusted: surface reflectance, top of atmosphere, or raw digital numbers."""

BAND_ROLES = ("coastal", "blue", "green", "red", "rededge", "nir", "nir08", "swir16", "swir22")
"""STAC common names of the bands pondscan knows, short wavelengths first."""

REQUIRED_ROLES = ("blue", "green", "red", "nir")
"""The four bands without which nothing works."""

MASK_ROLES = ("scl", "qa_pixel", "qa_radsat", "fmask", "udm2", "l1c_clouds", "clear")
"""Mask bands pondscan can read; each has its own codes (see ``scenes.masks``)."""

REFLECTANCE_UNIT = 1e-4
"""Pixels travel through the core as ``int16`` counts of this reflectance (sums stay exact)."""

INVALID = -32768
"""The ``int16`` value of a pixel without data."""


class Coverage(IntEnum):
    """What a pixel of a scene shows; the codes of ``coverage/<scene_id>.tif``."""

    OUTSIDE = 0
    """No data, or outside the area of interest."""
    CLEAR = 1
    CLOUD = 2
    CIRRUS = 3
    HAZE = 4
    SHADOW = 5
    SNOW = 6
    SATURATED = 7
    MARGIN = 8
    """Within the dilation distance of cloud or shadow."""
    UNUSABLE = 9
    """Masked by a mask that gives no reason (``clear`` sidecars, defective pixels)."""


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of pixels: rows ``row_start`` to ``row_stop`` (exclusive), columns likewise."""

    row_start: int
    row_stop: int
    col_start: int
    col_stop: int

    @property
    def height(self) -> int:
        """Rows of the window."""
        return self.row_stop - self.row_start

    @property
    def width(self) -> int:
        """Columns of the window."""
        return self.col_stop - self.col_start


@dataclass(frozen=True, slots=True)
class Grid:
    """A north-up pixel grid in a projected coordinate reference system, in metres.

    ``x_origin``/``y_origin`` is the outer corner of the upper left pixel.
    """

    crs: str
    """An authority code such as ``EPSG:32647``, or WKT where there is none."""
    x_origin: float
    y_origin: float
    gsd_m: float
    """Ground sample distance: side of a (square) pixel, metres."""
    width: int
    height: int

    @property
    def pixel_area_m2(self) -> float:
        """Area of a pixel."""
        return self.gsd_m**2

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in the grid's CRS."""
        east = self.x_origin + self.width * self.gsd_m
        south = self.y_origin - self.height * self.gsd_m
        return (self.x_origin, south, east, self.y_origin)

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients (a, b, c, d, e, f) from (col, row) to (x, y)."""
        return (self.gsd_m, 0.0, self.x_origin, 0.0, -self.gsd_m, self.y_origin)


@dataclass(frozen=True, slots=True)
class Band:
    """Where one band's pixels are and what their numbers mean: reflectance = DN * scale + offset."""

    role: str
    """A STAC common name out of ``BAND_ROLES``."""
    path: str
    """Anything GDAL opens, ``/vsizip/`` and ``/vsitar/`` included."""
    index: int
    """Band number in the file, from 1."""
    scale: float
    offset: float
    nodata: float | None
    gsd_m: float
    """Native ground sample distance; coarser than the scene's grid for 20 m bands among 10 m ones."""
    name: str = ""
    """What the product calls it (``B03``, ``SR_B3``, a band description)."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Where a mask band is; its role says how its codes are read."""

    role: str
    path: str
    index: int
    gsd_m: float


@dataclass(frozen=True, slots=True)
class Scene:
    """One acquisition as pondscan sees it, whatever product it came in."""

    scene_id: str
    sensor: str
    """A key of ``sensors.SENSORS``: ``sentinel-2``, ``planetscope``, ``skysat``, ``landsat``, ``hls``, ``generic``."""
    platform: str | None
    """``Sentinel-2A``, a Dove's number … when the product says so."""
    product: str
    """What was recognised, in words a person uses: ``Sentinel-2 L2A SAFE``, ``GeoTIFF`` …"""
    datetime: datetime | None
    """Time of acquisition, aware, UTC."""
    grid: Grid
    bands: dict[str, Band]
    masks: tuple[Mask, ...]
    calibrated: Calibration
    source: str
    """The path the user would recognise: the file, folder or archive."""
    files: tuple[str, ...]
    """Every file the scene is read from, for hashing."""
    sun_elevation_deg: float | None = None
    sun_azimuth_deg: float | None = None
    processing: str | None = None
    """Processing baseline or product generation; of two versions of one acquisition the higher one wins."""
    acquisition: str | None = None
    """Key shared by every version of the same acquisition; None where there is nothing to tell by."""
    warped: bool = False
    """True when ``grid`` is not the files' own and pixels are resampled on reading."""
    warnings: tuple[str, ...] = field(default=())

    @property
    def gsd_m(self) -> float:
        """Ground sample distance of the scene's grid."""
        return self.grid.gsd_m

    @property
    def has_swir(self) -> bool:
        """Whether a short-wave infrared band is there."""
        return "swir16" in self.bands or "swir22" in self.bands


def pixel_window(grid: Grid, bounds: tuple[float, float, float, float]) -> Window:
    """Smallest window of whole pixels that holds ``bounds`` (in the grid's CRS), cut to the grid."""
    west, south, east, north = bounds
    col_start = max(0, math.floor((west - grid.x_origin) / grid.gsd_m))
    col_stop = min(grid.width, math.ceil((east - grid.x_origin) / grid.gsd_m))
    row_start = max(0, math.floor((grid.y_origin - north) / grid.gsd_m))
    row_stop = min(grid.height, math.ceil((grid.y_origin - south) / grid.gsd_m))
    return Window(row_start, max(row_start, row_stop), col_start, max(col_start, col_stop))
