"""Harmonized Landsat Sentinel-2 v2.0, L30 and S30: a GeoTIFF per band, Fmask bits, metadata in the files' tags."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pondscan.errors import InputError
from pondscan.model import Coverage
from pondscan.simulate.agency.delivery import iso_z, new_product
from pondscan.simulate.agency.mgrs import tile_name, utm_zone
from pondscan.simulate.agency.raster import write_geotiff
from pondscan.simulate.agency.surface import Surface, digital_numbers

Flavour = Literal["L30", "S30"]

SCALE = 1e-4
FILL = -9999
FMASK_FILL = 255

BANDS_OF_FLAVOUR: dict[str, dict[str, str]] = {
    "L30": {
        "B01": "coastal",
        "B02": "blue",
        "B03": "green",
        "B04": "red",
        "B05": "nir",
        "B06": "swir16",
        "B07": "swir22",
    },
    "S30": {
        "B01": "coastal",
        "B02": "blue",
        "B03": "green",
        "B04": "red",
        "B05": "rededge",
        "B08": "nir",
        "B8A": "nir08",
        "B11": "swir16",
        "B12": "swir22",
    },
}
"""Band name → role; B05 is Landsat's nir in the one and Sentinel-2's red edge in the other."""

_CLOUD, _SHADOW, _SNOW, _WATER = (1 << bit for bit in (1, 3, 4, 5))
_AEROSOL_LOW, _AEROSOL_HIGH = 0b01 << 6, 0b11 << 6

FMASK_OF_COVERAGE = {
    Coverage.OUTSIDE: FMASK_FILL,
    Coverage.CLEAR: _AEROSOL_LOW,
    Coverage.SATURATED: _AEROSOL_LOW,  # the bits know no saturation
    Coverage.HAZE: _AEROSOL_HIGH,
    Coverage.CLOUD: _AEROSOL_LOW | _CLOUD,
    Coverage.CIRRUS: _AEROSOL_LOW | _CLOUD,  # bit 0 is reserved for cirrus but not used
    Coverage.SHADOW: _AEROSOL_LOW | _SHADOW,
    Coverage.SNOW: _AEROSOL_LOW | _SNOW,
}
"""Fmask of land; clear water has bit 5 besides."""


def write_hls(surface: Surface, folder: Path, *, flavour: Flavour = "L30", processed: datetime | None = None) -> Path:
    """Write a surface as an HLS granule and return its folder.

    Parameters
    ----------
    surface
        On a UTM grid whose pixels divide 30 m; it is averaged to 30 m.
    folder
        Where the folder named by the granule goes.
    flavour
        ``L30`` (bands numbered as Landsat's) or ``S30`` (as Sentinel-2's).
    processed
        Three days after acquisition unless given.

    Raises
    ------
    InputError
        If the grid does not fit 30 m or is not UTM, the coverage holds what Fmask cannot say, or the product exists.
    """
    coarse = surface.at_gsd(30, "HLS")
    moment = coarse.acquired_utc
    tile = tile_name(coarse.grid, "HLS")
    name = f"HLS.{flavour}.T{tile}.{moment:%Y%jT%H%M%S}.v2.0"
    fmask = fmask_bits(coarse)
    tags = _tags(coarse, flavour, processed or moment + timedelta(days=3))
    with new_product(folder, name) as root:
        for band, role in BANDS_OF_FLAVOUR[flavour].items():
            if role not in coarse.reflectance:
                continue
            numbers = digital_numbers(coarse.reflectance[role], scale=SCALE, offset=0.0)
            filled = np.where(coarse.is_inside, numbers, FILL).astype(np.int16)
            write_geotiff(
                root / f"{name}.{band}.tif",
                filled,
                coarse.grid,
                nodata=FILL,
                tags={**tags, "scale_factor": str(SCALE), "add_offset": "0.0", "_FillValue": str(FILL)},
                scale=SCALE,
                offset=0.0,
                is_cog=True,
            )
        path = root / f"{name}.Fmask.tif"
        write_geotiff(path, fmask, coarse.grid, nodata=FMASK_FILL, tags=tags, is_cog=True)
    return folder / name


def fmask_bits(surface: Surface) -> NDArray[np.uint8]:
    """Return the Fmask bits of a surface."""
    if (surface.coverage == Coverage.UNUSABLE).any():
        raise InputError("the surface's coverage holds unusable pixels, which Fmask cannot say: mark them as outside")
    table = np.zeros(256, dtype=np.uint8)
    table[list(FMASK_OF_COVERAGE)] = list(FMASK_OF_COVERAGE.values())
    is_clear_water = (surface.coverage == Coverage.CLEAR) & (surface.reflectance["green"] > surface.reflectance["nir"])
    return table[surface.coverage] | np.where(is_clear_water, _WATER, 0).astype(np.uint8)


def _tags(surface: Surface, flavour: Flavour, processed: datetime) -> dict[str, str]:
    grid = surface.grid
    zone = utm_zone(grid, "HLS")
    is_cloud = np.isin(surface.coverage, (Coverage.CLOUD, Coverage.CIRRUS))
    sensor = {"SENSOR": "OLI_TIRS"} if flavour == "L30" else {"SPACECRAFT_NAME": "Sentinel-2A"}
    return {
        "ACCODE": "LaSRC",
        "HLS_PROCESSING_TIME": iso_z(processed, "seconds"),
        "HORIZONTAL_CS_NAME": f"WGS84 / UTM zone {zone.name}",
        "HORIZONTAL_CS_CODE": f"EPSG:{zone.epsg}",
        "MEAN_SUN_AZIMUTH_ANGLE": f"{surface.sun_azimuth_deg:.8f}",
        "MEAN_SUN_ZENITH_ANGLE": f"{surface.sun_zenith_deg:.8f}",
        "NCOLS": str(grid.width),
        "NROWS": str(grid.height),
        "SENSING_TIME": iso_z(surface.acquired_utc, "microseconds"),
        "SPATIAL_RESOLUTION": "30",
        "ULX": f"{grid.x_origin:.0f}",
        "ULY": f"{grid.y_origin:.0f}",
        "cloud_coverage": f"{100 * float(is_cloud.mean()):.0f}",
        "spatial_coverage": f"{100 * float(surface.is_inside.mean()):.0f}",
        **sensor,
    }
