"""Cloud-optimised GeoTIFF: the Sentinel-2 layout of public archives with its STAC item, and a plain single file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from pondscan.errors import InputError
from pondscan.model import BAND_ROLES, Coverage, Grid
from pondscan.simulate.agency.delivery import iso_z, new_product
from pondscan.simulate.agency.mgrs import utm_zone
from pondscan.simulate.agency.raster import write_geotiff
from pondscan.simulate.agency.sentinel2 import msi_digital_numbers
from pondscan.simulate.agency.sentinel2_masks import content_percent, scene_classification
from pondscan.simulate.agency.sentinel2_metadata import (
    QUANTIFICATION,
    MsiBand,
    SafeProduct,
    bands_of,
    safe_product,
    write_granule_metadata,
)
from pondscan.simulate.agency.surface import Surface, digital_numbers

_EXTENSIONS = ("raster/v1.1.0", "mgrs/v1.0.0", "grid/v1.0.0", "projection/v1.1.0", "eo/v1.1.0", "view/v1.0.0")
_COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
_ASSET_KEYS = {"rededge": "rededge1"}
"""Asset keys of the archive where they are not the role."""


def write_cog_stac(
    surface: Surface,
    folder: Path,
    *,
    harmonised: bool = True,
    contradictory: bool = False,
    baseline: str = "05.09",
    platform: str = "S2A",
    processed: datetime | None = None,
) -> Path:
    """Write Sentinel-2 L2A as public archives keep it: a GeoTIFF per band and a STAC item. Return the folder.

    Parameters
    ----------
    surface, folder, baseline, platform, processed
        As for `sentinel2.write_safe_l2a`; the baseline is 04.00 or later.
    harmonised
        The archive has taken the offset out of the numbers (``earthsearch:boa_offset_applied``).
    contradictory
        Leave ``raster:bands`` saying −0.1 although the offset is out, as real items do.

    Raises
    ------
    InputError
        If the grid does not fit, the product exists already, or ``contradictory`` has nothing to contradict.
    """
    if contradictory and not harmonised:
        raise InputError("contradictory flags need harmonised numbers: the item of unharmonised ones is right")
    product = safe_product(
        surface,
        "L2A",
        baseline=baseline,
        platform=platform,
        relative_orbit=4,
        absolute_orbit=35_000,
        processed=processed,
    )
    if not product.has_offset:
        raise InputError(f"baseline {baseline} has no offset to harmonise: use 04.00 or later")
    name = f"{platform}_{product.tile}_{product.surface.acquired_utc:%Y%m%d}_0_L2A"
    stated_offset = 0.0 if harmonised and not contradictory else product.offset_dn / QUANTIFICATION
    with new_product(folder, name) as root:
        classes = _write_images(product, root, offset_dn=0 if harmonised else product.offset_dn)
        write_granule_metadata(product, root / "granule_metadata.xml", (), content_percent(classes))
        item = _item(product, name, is_harmonised=harmonised, stated_offset=stated_offset)
        (root / f"{name}.json").write_text(json.dumps(item, indent=2) + "\n", encoding="utf-8")
    return folder / name


def _write_images(product: SafeProduct, root: Path, *, offset_dn: int) -> NDArray[np.uint8]:
    """Write the bands at their own pixel size and the scene classification, which is returned."""
    for band in bands_of(product.surface):
        surface = product.surfaces[band.gsd_m]
        numbers = msi_digital_numbers(surface, band.role, offset_dn=offset_dn)
        write_geotiff(root / f"{band.name}.tif", numbers, surface.grid, nodata=0, is_cog=True)
    coarse = product.surfaces[20]
    classes = scene_classification(coarse)
    write_geotiff(root / "SCL.tif", classes, coarse.grid, nodata=0, is_cog=True)
    return classes


def _item(product: SafeProduct, name: str, *, is_harmonised: bool, stated_offset: float) -> dict[str, Any]:
    grid = product.surface.grid
    ring = footprint(grid)
    longitudes, latitudes = zip(*ring, strict=True)
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [f"https://stac-extensions.github.io/{name}/schema.json" for name in _EXTENSIONS],
        "id": name,
        "collection": "sentinel-2-l2a",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [min(longitudes), min(latitudes), max(longitudes), max(latitudes)],
        "properties": _properties(product, is_harmonised=is_harmonised),
        "links": [],
        "assets": _assets(product, stated_offset=stated_offset),
    }


def _properties(product: SafeProduct, *, is_harmonised: bool) -> dict[str, Any]:
    surface, tile = product.surface, product.tile
    zone = utm_zone(surface.grid, "Sentinel-2")
    return {
        "datetime": iso_z(surface.acquired_utc, "microseconds"),
        "created": iso_z(product.processed),
        "updated": iso_z(product.processed),
        "platform": f"sentinel-{product.platform[1:].lower()}",
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "eo:cloud_cover": content_percent(scene_classification(surface))["CLOUDY_PIXEL_PERCENTAGE"],
        "proj:epsg": zone.epsg,
        "mgrs:utm_zone": zone.number,
        "mgrs:latitude_band": tile[2],
        "mgrs:grid_square": tile[3:],
        "grid:code": f"MGRS-{tile}",
        "view:sun_azimuth": surface.sun_azimuth_deg,
        "view:sun_elevation": surface.sun_elevation_deg,
        "s2:product_type": "S2MSI2A",
        "s2:processing_baseline": product.baseline,
        "s2:product_uri": product.name,
        "s2:generation_time": iso_z(product.processed, "microseconds"),
        "s2:sequence": "0",
        "earthsearch:boa_offset_applied": is_harmonised,
    }


def _assets(product: SafeProduct, *, stated_offset: float) -> dict[str, Any]:
    grid = product.surface.grid
    assets = {
        _ASSET_KEYS.get(band.role, band.role): _band_asset(band, grid, stated_offset)
        for band in bands_of(product.surface)
    }
    assets["scl"] = {
        "href": "SCL.tif",
        "type": _COG_TYPE,
        "title": "Scene classification map (SCL)",
        **_asset_grid(grid, 20),
        "raster:bands": [{"nodata": 0, "data_type": "uint8", "spatial_resolution": 20}],
        "roles": ["data", "reflectance"],  # sic: the archive says so of its classification too
    }
    assets["granule_metadata"] = {"href": "granule_metadata.xml", "type": "application/xml", "roles": ["metadata"]}
    return assets


def _band_asset(band: MsiBand, grid: Grid, stated_offset: float) -> dict[str, Any]:
    shortest, centre, longest = band.wavelength_nm
    return {
        "href": f"{band.name}.tif",
        "type": _COG_TYPE,
        "title": f"{band.role} (band {band.physical_name[1:]}) - {band.gsd_m}m",
        "eo:bands": [
            {
                "name": _ASSET_KEYS.get(band.role, band.role),
                "common_name": band.role,
                "center_wavelength": round(centre / 1000, 3),
                "full_width_half_max": round((longest - shortest) / 1000, 3),
            }
        ],
        "gsd": band.gsd_m,
        **_asset_grid(grid, band.gsd_m),
        "raster:bands": [
            {
                "nodata": 0,
                "data_type": "uint16",
                "bits_per_sample": 15,
                "spatial_resolution": band.gsd_m,
                "scale": 1 / QUANTIFICATION,
                "offset": stated_offset,
            }
        ],
        "roles": ["data", "reflectance"],
    }


def _asset_grid(grid: Grid, gsd_m: int) -> dict[str, Any]:
    factor = gsd_m / grid.gsd_m
    return {
        "proj:shape": [round(grid.height / factor), round(grid.width / factor)],
        "proj:transform": [gsd_m, 0, grid.x_origin, 0, -gsd_m, grid.y_origin],
    }


def footprint(grid: Grid) -> list[tuple[float, float]]:
    """Return the grid's corners as a closed ring of longitude and latitude, counter-clockwise."""
    west, south, east, north = grid.bounds
    xs, ys = (west, east, east, west, west), (south, south, north, north, south)
    longitudes, latitudes = Transformer.from_crs(grid.crs, 4326, always_xy=True).transform(xs, ys)
    return [(round(lon, 7), round(lat, 7)) for lon, lat in zip(longitudes, latitudes, strict=True)]


def write_cog(
    surface: Surface,
    path: Path,
    *,
    scale: float = 1 / QUANTIFICATION,
    offset: float = 0.0,
    roles: Sequence[str] | None = None,
) -> Path:
    """Write one cloud-optimised GeoTIFF: a band per role with its name, GDAL scale and offset, 0 for no data.

    ``TIFFTAG_DATETIME`` holds the time of acquisition. Clouds are not written: a generic file has no mask.

    Raises
    ------
    InputError
        If the file exists, or a reflectance does not fit into 1 to 65535 at this scale and offset.
    """
    if path.exists():
        raise InputError(f"{path} exists already: remove it, or choose another name")
    chosen = list(roles or [role for role in BAND_ROLES if role in surface.reflectance])
    numbers = np.stack([digital_numbers(surface.reflectance[role], scale=scale, offset=offset) for role in chosen])
    inside = numbers[:, surface.is_inside]
    if inside.size and (inside.min() < 1 or inside.max() > 65535):
        raise InputError(
            f"{path}: reflectance at scale {scale:g} and offset {offset:g} gives numbers from {inside.min()} to "
            f"{inside.max()}, which do not fit into 1 to 65535: choose another scale or offset"
        )
    write_geotiff(
        path,
        np.where(surface.coverage == Coverage.OUTSIDE, 0, numbers).astype(np.uint16),
        surface.grid,
        nodata=0,
        descriptions=chosen,
        tags={"TIFFTAG_DATETIME": f"{surface.acquired_utc:%Y:%m:%d %H:%M:%S}"},
        scale=scale,
        offset=offset,
        is_cog=True,
    )
    return path
