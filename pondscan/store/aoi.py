"""The area of interest: read from any vector file, kept in the workspace as WGS84 GeoJSON."""

from __future__ import annotations

import json
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from pondscan.errors import InputError

DECIMALS = 9
"""Of a degree: a tenth of a millimetre, so that keeping the area does not move it."""


def read_aoi(path: Path) -> BaseGeometry:
    """Read the polygons of a vector file, united, longitude and latitude in WGS84.

    Raises
    ------
    InputError
        When the file cannot be read, holds no area, or does not say its CRS.
    """
    import geopandas as gpd
    import pyogrio.errors

    try:
        frame = gpd.read_file(path)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as error:
        message = f"{path}: the area of interest cannot be read as a vector file"
        raise InputError(f"{message}: give a GeoPackage, GeoJSON or shapefile of polygons with --aoi") from error
    if not isinstance(frame, gpd.GeoDataFrame) or frame.crs is None:
        raise InputError(f"{path}: the area of interest does not say its CRS: save it with one, or as GeoJSON in WGS84")
    parts = frame.geometry.dropna().make_valid().explode(ignore_index=True)
    polygons = parts[parts.geom_type == "Polygon"].to_crs("OGC:CRS84")
    united = shapely.union_all(polygons.to_numpy())
    if united.is_empty or not united.area:
        raise InputError(f"{path}: the area of interest is empty: draw at least one polygon in it")
    return united


def aoi_bytes(aoi: BaseGeometry) -> bytes:
    """Write an area of interest as GeoJSON; the same area gives the same bytes."""
    rounded = shapely.normalize(shapely.set_precision(aoi, 10.0**-DECIMALS))
    feature = {"type": "Feature", "properties": {}, "geometry": json.loads(shapely.to_geojson(rounded))}
    document = {"type": "FeatureCollection", "features": [feature]}
    return (json.dumps(document) + "\n").encode()
