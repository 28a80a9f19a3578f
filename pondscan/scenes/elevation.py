"""The elevation model under a scene: any raster of elevations, brought to the scene's reference system and lit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pondscan.errors import InputError
from pondscan.model import Grid, Scene
from pondscan.relief import LitRelief, Relief, illuminate
from pondscan.sun import sun_position

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

REACH_M = 6000.0
"""Ground around a scene that may cast shadows into it: 2,000 m of relief under a sun 18° high."""

MOST_POSTS = 16_000_000
"""Posts of one relief; a larger scene gets them farther apart."""

LEAST_SUN_DEG = 5.0
"""A lower sun lights no scene: the time of day is not known then."""

ON_EARTH_M = (-600.0, 9000.0)
"""Elevations of dry land; anything else is a fill value that the file does not own up to."""

FEET_M = {"ft": 0.3048, "foot": 0.3048, "feet": 0.3048, "us survey foot": 1200 / 3937}


def bounds_of(path: str | Path) -> tuple[float, float, float, float]:
    """West, south, east, north of an elevation model, degrees.

    Raises
    ------
    InputError
        When it is no raster of one band of elevations with a CRS.
    """
    from rasterio.warp import transform_bounds

    with _opened(path) as dem:
        west, south, east, north = transform_bounds(dem.crs, "OGC:CRS84", *dem.bounds)
    return float(west), float(south), float(east), float(north)


def ground_under(scene: Scene, path: str | None) -> tuple[LitRelief | None, tuple[str, ...]]:
    """Light the ground under a scene; without an elevation model there is none, and nothing to say.

    Returns
    -------
    LitRelief or None, sentences
        What a reader of the products must know: ground without elevations, a sun that is not known.

    Raises
    ------
    InputError
        When the elevation model cannot be read.
    """
    if path is None:
        return None, ()
    relief, known = read_relief(path, scene.grid)
    if relief is None:
        return None, (f"the elevation model {Path(path).name} does not reach this scene: shadow and slopes not judged",)
    sun = sun_of(scene)
    told = []
    if known < 0.999:
        told.append(f"the elevation model covers {known:.0%} of this scene: elsewhere shadow and slopes are not judged")
    if sun is None:
        when = scene.datetime.isoformat() if scene.datetime else "an unknown time"
        told.append(f"the sun does not shine there at {when}: mountain shadow is not judged, say with --datetime when")
    return illuminate(relief, sun), tuple(told)


def sun_of(scene: Scene) -> tuple[float, float] | None:
    """Elevation and azimuth of the sun, degrees: the product's, else those of its time and place; None if not known."""
    from rasterio.warp import transform

    if scene.sun_elevation_deg is not None and scene.sun_azimuth_deg is not None:
        return scene.sun_elevation_deg, scene.sun_azimuth_deg
    if scene.datetime is None:
        return None
    west, south, east, north = scene.grid.bounds
    (longitude,), (latitude,) = transform(scene.grid.crs, "OGC:CRS84", [(west + east) / 2], [(south + north) / 2])
    elevation, azimuth = sun_position(scene.datetime, longitude, latitude)
    return (elevation, azimuth) if elevation >= LEAST_SUN_DEG else None


def read_relief(path: str | Path, grid: Grid) -> tuple[Relief | None, float]:
    """Read the elevations under a scene and around it, and the share of the scene that has any.

    Posts stand as far apart as the model's own, but no closer than the scene's pixels. None where the scene has none.

    Raises
    ------
    InputError
        As `bounds_of`.
    """
    import rasterio
    from rasterio.enums import Resampling
    from rasterio.errors import RasterioError
    from rasterio.transform import Affine
    from rasterio.warp import reproject

    west, south, east, north = grid.bounds
    with _opened(path) as dem:
        own_m = _posting_m(dem, grid)
        area_m2 = (east - west + 2 * REACH_M) * (north - south + 2 * REACH_M)
        posting_m = max(own_m, grid.gsd_m, math.sqrt(area_m2 / MOST_POSTS))
        reach = math.ceil(REACH_M / posting_m)
        width, height = (math.ceil(side / posting_m) + 2 * reach + 1 for side in (east - west, north - south))
        x_west, y_north = west - reach * posting_m, north + reach * posting_m
        elevation_m = np.full((height, width), np.nan, np.float32)
        try:
            reproject(
                rasterio.band(dem, 1),
                elevation_m,
                src_nodata=dem.nodata,
                dst_nodata=np.nan,
                dst_crs=grid.crs,
                dst_transform=Affine(posting_m, 0, x_west - posting_m / 2, 0, -posting_m, y_north + posting_m / 2),
                resampling=Resampling.average if posting_m > 2 * own_m else Resampling.bilinear,
            )
        except RasterioError as error:
            raise InputError(f"{path}: the elevation model cannot be read ({error}): check that it is whole") from error
        elevation_m = _in_metres(elevation_m, dem)
    known = float(np.isfinite(elevation_m[reach:-reach, reach:-reach]).mean())
    return (Relief(x_west, y_north, posting_m, elevation_m) if known else None), known


def _opened(path: str | Path) -> DatasetReader:
    """Open an elevation model, or refuse it."""
    import rasterio
    from rasterio.errors import RasterioIOError

    remedy = "give a raster of elevations in metres, such as SRTM or Copernicus DEM, with --dem"
    try:
        dem: DatasetReader = rasterio.open(path)
    except (RasterioIOError, OSError) as error:
        what = "cannot be read as a raster" if Path(path).exists() else "is not there"
        raise InputError(f"{path}: the elevation model {what}: {remedy}") from error
    reason = ""
    if dem.crs is None:
        reason = "does not say its CRS: save it with one"
    elif dem.count != 1:
        reason = f"has {dem.count} bands: {remedy}"
    elif np.dtype(dem.dtypes[0]).kind not in "iuf":
        reason = f"holds {dem.dtypes[0]}: {remedy}"
    if reason:
        dem.close()
        raise InputError(f"{path}: the elevation model {reason}")
    return dem


def _posting_m(dem: DatasetReader, grid: Grid) -> float:
    """Side of the model's pixels at the middle of a scene, metres."""
    from rasterio.warp import transform

    west, south, east, north = grid.bounds
    (x,), (y,) = transform(grid.crs, dem.crs, [(west + east) / 2], [(south + north) / 2])
    steps = dem.transform.a, dem.transform.b, dem.transform.d, dem.transform.e
    xs, ys = [x, x + steps[0], x + steps[1]], [y, y + steps[2], y + steps[3]]
    east_m, north_m = transform(dem.crs, grid.crs, xs, ys)
    sides = [math.hypot(east_m[k] - east_m[0], north_m[k] - north_m[0]) for k in (1, 2)]
    return math.sqrt(sides[0] * sides[1])


def _in_metres(elevation_m: NDArray[np.float32], dem: DatasetReader) -> NDArray[np.float32]:
    """Elevations in metres, NaN where a number is no elevation on Earth."""
    unit = FEET_M.get((dem.units[0] or "").strip().lower(), 1.0)
    metres = (elevation_m * dem.scales[0] + dem.offsets[0]) * unit
    is_land = (metres > ON_EARTH_M[0]) & (metres < ON_EARTH_M[1])
    return np.where(is_land, metres, np.nan).astype(np.float32)
