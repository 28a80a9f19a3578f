"""The scene's grid, and where each band's pixels lie on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pondscan.errors import InputError
from pondscan.grid import MAX_AREA_SCALE_ERROR, area_scale_error, utm_crs_at
from pondscan.model import Grid
from pondscan.scenes.raster import Affine6, RasterInfo, shown

_SQUARE_TOLERANCE = 1e-4
"""Relative difference of pixel sides below which pixels count as square (0.01 % of area)."""

_ALIGNED_TOLERANCE_PX = 0.02
"""Shift of a band against the grid that is taken for rounding of the corner coordinates."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A band whose pixels are whole blocks of grid pixels: grid row r shows band row (r + row_shift) // ratio."""

    ratio: int
    """Grid pixels along a side of a band pixel."""
    row_shift: int
    col_shift: int


def scene_grid(info: RasterInfo) -> tuple[Grid, bool]:
    """Grid of a scene from its finest band, and whether pixels have to be warped onto it.

    The file's own grid where it is north-up, square and, within 0.5 %, of equal area; else a square north-up grid in
    the file's CRS, or in the UTM zone where that CRS distorts areas.

    Raises
    ------
    InputError
        If the file has no coordinate reference system.
    """
    if info.crs is None:
        raise InputError(
            f"{shown(info.path)} has no coordinate reference system, so nothing in it can be placed or measured: "
            "assign one, for instance with gdal_edit -a_srs EPSG:32647"
        )
    a, b, c, d, e, f = info.transform
    is_equal_area = _worst_area_error(info) <= MAX_AREA_SCALE_ERROR
    if is_equal_area and b == d == 0 and a > 0 > e and abs(a + e) <= _SQUARE_TOLERANCE * a:
        return Grid(info.crs, c, f, a, info.width, info.height), False
    return _north_up_grid(info, info.crs if is_equal_area else utm_crs_at(*_lonlat(info)[4])), True


def native_gsd_m(info: RasterInfo, grid: Grid, *, is_warped: bool) -> float:
    """Side of a square as large as the band's pixel on the ground, metres."""
    if not is_warped:
        return math.sqrt(_pixel_area(info.transform))
    return float(f"{_ground_pixel_m(info, grid.crs):.4g}")


def placement(info: RasterInfo, grid: Grid) -> Placement | None:
    """Where a band lies on the grid; None where its pixels do not coincide with it and have to be resampled."""
    a, b, c, d, e, f = info.transform
    if info.crs != grid.crs or b != 0 or d != 0 or a <= 0 or e >= 0:
        return None
    ratio, shift_x, shift_y = a / grid.gsd_m, (grid.x_origin - c) / grid.gsd_m, (f - grid.y_origin) / grid.gsd_m
    whole = round(ratio)
    drift = max(abs(ratio - whole), abs(-e / grid.gsd_m - whole)) * max(info.width, info.height)
    misfit = max(abs(shift_x - round(shift_x)), abs(shift_y - round(shift_y)), drift)
    return Placement(whole, round(shift_y), round(shift_x)) if whole >= 1 and misfit < _ALIGNED_TOLERANCE_PX else None


def covers(info: RasterInfo, grid: Grid) -> bool:
    """Whether a band in the grid's CRS reaches over the grid, but for less than two of its own pixels."""
    a, _, c, _, e, f = info.transform
    west, south, east, north = grid.bounds
    slack = 2 * max(abs(a), abs(e), grid.gsd_m)
    return (
        c <= west + slack
        and c + a * info.width >= east - slack
        and f >= north - slack
        and f + e * info.height <= south + slack
    )


def _pixel_area(transform: Affine6) -> float:
    a, b, _, d, e, _ = transform
    return abs(a * e - b * d)


def _lattice(info: RasterInfo) -> tuple[np.ndarray, np.ndarray]:
    """Three by three points over the raster in its CRS; the fifth is the centre."""
    cols, rows = np.meshgrid(np.array([0.0, 0.5, 1.0]) * info.width, np.array([0.0, 0.5, 1.0]) * info.height)
    return _apply(info.transform, cols.ravel(), rows.ravel())


def _apply(transform: Affine6, cols: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b, c, d, e, f = transform
    return a * cols + b * rows + c, d * cols + e * rows + f


def _lonlat(info: RasterInfo) -> list[tuple[float, float]]:
    from pyproj import Transformer

    to_wgs84 = Transformer.from_crs(info.crs, "EPSG:4326", always_xy=True)
    lon, lat = to_wgs84.transform(*_lattice(info))
    points = list(zip(lon.tolist(), lat.tolist(), strict=True))
    if not all(math.isfinite(value) for point in points for value in point):
        raise InputError(
            f"{shown(info.path)} lies outside the area its coordinate reference system is valid in: check its "
            "georeferencing"
        )
    return points


def _worst_area_error(info: RasterInfo) -> float:
    return max(area_scale_error(str(info.crs), lon, lat) for lon, lat in _lonlat(info))


def _ground_pixel_m(info: RasterInfo, crs: str) -> float:
    """Side of a square of the same ground area as the central pixel, measured in ``crs``."""
    from pyproj import Transformer

    to_target = Transformer.from_crs(info.crs, crs, always_xy=True)
    centre_col, centre_row = info.width / 2, info.height / 2
    cols = np.array([centre_col - 0.5, centre_col + 0.5, centre_col, centre_col])
    rows = np.array([centre_row, centre_row, centre_row - 0.5, centre_row + 0.5])
    x, y = to_target.transform(*_apply(info.transform, cols, rows))
    return math.sqrt(abs((x[1] - x[0]) * (y[3] - y[2]) - (x[3] - x[2]) * (y[1] - y[0])))


def _north_up_grid(info: RasterInfo, crs: str) -> Grid:
    """Smallest square north-up grid around the raster's outline, its lines at whole multiples of the pixel."""
    from pyproj import Transformer

    gsd_m = float(f"{_ground_pixel_m(info, crs):.4g}")
    along = np.linspace(0.0, 1.0, 65)
    zeros, ones = np.zeros_like(along), np.ones_like(along)
    cols = np.concatenate([along, ones, along, zeros]) * info.width
    rows = np.concatenate([zeros, along, ones, along]) * info.height
    to_target = Transformer.from_crs(info.crs, crs, always_xy=True)
    x, y = to_target.transform(*_apply(info.transform, cols, rows))
    west, north = math.floor(x.min() / gsd_m) * gsd_m, math.ceil(y.max() / gsd_m) * gsd_m
    width, height = math.ceil((x.max() - west) / gsd_m), math.ceil((north - y.min()) / gsd_m)
    return Grid(crs, west, north, gsd_m, width, height)
