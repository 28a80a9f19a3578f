"""Cloud polygons of Sentinel-2 L1C products before baseline 04.00 (``MSK_CLOUDS_B00.gml``), drawn as a mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from pondscan.errors import InputError
from pondscan.model import Grid, Window
from pondscan.scenes.listing import read_gdal_path
from pondscan.scenes.metadata import parse_xml
from pondscan.scenes.raster import shown

_CLASSES = ("OPAQUE", "CIRRUS")

Rings = list[list[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class CloudRaster:
    """Cloud polygons drawn on a grid ``ratio`` times as coarse as the scene's."""

    classes: NDArray[np.uint8]
    """(opaque and cirrus, rows, columns), 1 inside a polygon."""
    ratio: int

    def window(self, window: Window) -> NDArray[np.uint8]:
        """Both classes in a window of the scene's grid."""
        rows = np.arange(window.row_start, window.row_stop) // self.ratio
        cols = np.arange(window.col_start, window.col_stop) // self.ratio
        return np.asarray(self.classes[:, rows][:, :, cols])


def rasterize_clouds(path: str, grid: Grid, gsd_m: float) -> CloudRaster:
    """Draw the polygons once, on the grid they were traced on (``gsd_m``) as near as the scene's pixels allow.

    Raises
    ------
    InputError
        If the file is not readable, or is in another CRS than the scene.
    """
    from rasterio import Affine
    from rasterio.features import rasterize

    polygons = cloud_polygons(parse_xml(read_gdal_path(path), shown(path)), shown(path), grid.crs)
    ratio = max(1, round(gsd_m / grid.gsd_m))
    shape = (-(-grid.height // ratio), -(-grid.width // ratio))
    transform = Affine(grid.gsd_m * ratio, 0.0, grid.x_origin, 0.0, -grid.gsd_m * ratio, grid.y_origin)
    drawn = [
        rasterize([_geometry(rings) for rings in polygons[kind]], shape, transform=transform, dtype="uint8")
        if polygons[kind]
        else np.zeros(shape, np.uint8)
        for kind in _CLASSES
    ]
    return CloudRaster(np.stack(drawn), ratio)


def cloud_polygons(root: ET.Element, where: str, crs: str) -> dict[str, list[Rings]]:
    """Rings of the polygons by cloud type, the outer ring first.

    Raises
    ------
    InputError
        If the polygons are in another CRS than the scene, or their coordinates are broken.
    """
    envelope = root.find(".//Envelope")
    code = (envelope.get("srsName", "") if envelope is not None else "").rpartition(":")[2]
    if code and f"EPSG:{code}" != crs:
        raise InputError(f"{where} is in EPSG:{code}, the scene in {crs}: the product is damaged, fetch it again")
    found: dict[str, list[Rings]] = {kind: [] for kind in _CLASSES}
    for feature in root.iterfind(".//MaskFeature"):
        kind = (feature.findtext("maskType") or "").strip()
        for polygon in feature.iterfind(".//Polygon") if kind in found else ():
            found[kind].append([_ring(element, where) for element in polygon.iterfind(".//posList")])
    return found


def _ring(element: ET.Element, where: str) -> list[tuple[float, float]]:
    try:
        numbers = [float(text) for text in (element.text or "").split()]
    except ValueError as error:
        raise InputError(f"{where} has broken coordinates ({error}): fetch the product again") from error
    stride = int(element.get("srsDimension", "2"))
    return list(zip(numbers[::stride], numbers[1::stride], strict=True))


def _geometry(rings: Rings) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": rings}
