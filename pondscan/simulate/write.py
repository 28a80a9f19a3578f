"""Files of a simulated scene: a GeoTIFF with everything a reader needs inside it, its mask, and the truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pondscan.model import REFLECTANCE_UNIT, Grid
from pondscan.simulate import film
from pondscan.simulate.render import Rendered

if TYPE_CHECKING:
    import geopandas

_COORDINATE_DECIMALS = 7


def write_geotiff(rendered: Rendered, path: Path) -> tuple[Path, Path]:
    """Write a scene as one GeoTIFF and the mask beside it.

    Bands are ``uint16`` with scale 1e-4 and offset 0 in the header, 0 where there is no data, and carry their role as
    description. Bands coarser than the grid are repeated on it: one file is one scene, and a reader needs no rule for
    which files belong together. Raw numbers are ``uint8`` without a scale. The mask is ``NAME.clear.tif``, ``uint8``, 1
    usable and 0 not.

    Parameters
    ----------
    rendered : Rendered
    path : Path
        Ends in ``.tif``; its folder exists.

    Returns
    -------
    Path, Path
        The scene and its mask.
    """
    import rasterio

    mask_path = path.with_suffix(".clear.tif")
    is_raw = rendered.calibrated == "dn"
    unit, dtype = (film.UNIT, np.dtype(np.uint8)) if is_raw else (REFLECTANCE_UNIT, np.dtype(np.uint16))
    digital = [np.clip(np.rint(band / unit), 1, np.iinfo(dtype).max).astype(dtype) for band in rendered.bands.values()]
    with rasterio.open(path, "w", **profile(rendered.grid, dtype.name, len(digital)), nodata=0) as file:
        file.update_tags(
            TIFFTAG_DATETIME=rendered.datetime.strftime("%Y:%m:%d %H:%M:%S"),
            TIFFTAG_IMAGEDESCRIPTION="Simulated by pondscan: an invented place, no observation",
            SENSOR=rendered.sensor,
            SUN_ELEVATION=f"{rendered.sun_elevation_deg:.3f}",
            SUN_AZIMUTH=f"{rendered.sun_azimuth_deg:.3f}",
        )
        file.descriptions = tuple(rendered.bands)
        if not is_raw:
            file.scales = (unit,) * len(digital)
            file.offsets = (0.0,) * len(digital)
        for number, band in enumerate(digital, start=1):
            file.write(band, number)
    with rasterio.open(mask_path, "w", **profile(rendered.grid, "uint8", 1)) as file:
        file.descriptions = ("clear",)
        file.write(rendered.clear, 1)
    return path, mask_path


def write_truth(table: geopandas.GeoDataFrame, path: Path) -> None:
    """Write a truth table as GeoJSON after RFC 7946: WGS84, right-hand rule, 7 decimals, nulls where nothing is."""
    import shapely

    shapes = shapely.transform(
        np.asarray(table.geometry.to_crs("EPSG:4326").normalize()),
        lambda degrees: np.round(degrees, _COORDINATE_DECIMALS),
    )
    outlines = shapely.orient_polygons(shapes, exterior_cw=False)
    columns = [name for name in table.columns if name != "geometry"]
    features = [
        {
            "type": "Feature",
            "properties": {name: _plain(value) for name, value in zip(columns, row, strict=True)},
            "geometry": shapely.geometry.mapping(outline),
        }
        for row, outline in zip(table[columns].itertuples(index=False), outlines, strict=True)
    ]
    lines = ",\n".join(json.dumps(feature, separators=(",", ":")) for feature in features)
    path.write_text(f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n', encoding="utf-8")


def profile(grid: Grid, dtype: str, count: int) -> dict[str, Any]:
    """How rasterio is to create the GeoTIFFs of simulated scenes: tiled, compressed without loss."""
    from rasterio.transform import Affine

    return {
        "driver": "GTiff",
        "width": grid.width,
        "height": grid.height,
        "count": count,
        "dtype": dtype,
        "crs": grid.crs,
        "transform": Affine(*grid.transform),
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "deflate",
        "predictor": 2,
        "zlevel": 9,
        "interleave": "band",
        # Else GDAL takes four bands of bytes for red, green, blue and transparency.
        "photometric": "minisblack",
    }


def _plain(value: object) -> object:
    """A value as JSON has it: numbers to the centimetre or square centimetre, missing as null."""
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else round(float(value), 2)
    return value
