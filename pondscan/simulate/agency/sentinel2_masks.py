"""Sentinel-2 masks: scene classification, cloud masks of either age, and the percentages metadata give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.features import shapes
from rasterio.transform import Affine

from pondscan.model import Coverage
from pondscan.simulate.agency.delivery import write_xml
from pondscan.simulate.agency.surface import Surface

SCL_OF_COVERAGE = {
    Coverage.OUTSIDE: 0,  # no data
    Coverage.SATURATED: 1,  # saturated or defective
    Coverage.UNUSABLE: 1,
    Coverage.SHADOW: 3,  # cloud shadow
    Coverage.CLOUD: 9,  # cloud, high probability
    Coverage.CIRRUS: 10,  # thin cirrus
    Coverage.HAZE: 10,  # the classification knows no haze
    Coverage.SNOW: 11,
}
"""Scene classification of what is not clear; clear ground is 4 vegetation, 5 bare or 6 water."""

SCL_PERCENTAGES = {
    "NODATA_PIXEL_PERCENTAGE": (0,),
    "SATURATED_DEFECTIVE_PIXEL_PERCENTAGE": (1,),
    "DARK_FEATURES_PERCENTAGE": (2,),
    "CLOUD_SHADOW_PERCENTAGE": (3,),
    "VEGETATION_PERCENTAGE": (4,),
    "NOT_VEGETATED_PERCENTAGE": (5,),
    "WATER_PERCENTAGE": (6,),
    "UNCLASSIFIED_PERCENTAGE": (7,),
    "MEDIUM_PROBA_CLOUDS_PERCENTAGE": (8,),
    "HIGH_PROBA_CLOUDS_PERCENTAGE": (9,),
    "THIN_CIRRUS_PERCENTAGE": (10,),
    "SNOW_ICE_PERCENTAGE": (11,),
}
"""Elements of ``Image_Content_QI`` and the classes they count."""

_OPAQUE = (Coverage.CLOUD,)
_CIRRUS = (Coverage.CIRRUS, Coverage.HAZE)


def scene_classification(surface: Surface) -> NDArray[np.uint8]:
    """Return (height, width) SCL classes: coverage where it says something, else vegetation, bare ground or water."""
    green, red, nir = (surface.reflectance[role].astype(np.float64) for role in ("green", "red", "nir"))
    is_water = green > nir
    is_vegetation = nir - red > 0.3 * (nir + red)  # NDVI above 0.3 without dividing
    classes = np.select([is_water, is_vegetation], [6, 4], default=5).astype(np.uint8)
    for code, scl in SCL_OF_COVERAGE.items():
        classes[surface.coverage == code] = scl
    return classes


def content_percent(classes: NDArray[np.uint8]) -> dict[str, float]:
    """Share of each class in per cent, as metadata give it: of all pixels for no data, else of those with data."""
    counts = np.bincount(classes.ravel(), minlength=12)
    with_data = max(1, int(counts[1:].sum()))
    percent = {name: 100 * float(counts[list(codes)].sum()) / with_data for name, codes in SCL_PERCENTAGES.items()}
    percent["NODATA_PIXEL_PERCENTAGE"] = 100 * float(counts[0]) / classes.size
    percent["CLOUDY_PIXEL_PERCENTAGE"] = 100 * float(counts[[8, 9, 10]].sum()) / with_data
    return percent


def classification_mask(surface: Surface) -> NDArray[np.uint8]:
    """Return the (3, height, width) bands of ``MSK_CLASSI_B00``: opaque cloud, cirrus, snow; 1 where so."""
    groups = (_OPAQUE, _CIRRUS, (Coverage.SNOW,))
    return np.stack([np.isin(surface.coverage, group) for group in groups]).astype(np.uint8)


def cloud_probability(surface: Surface) -> NDArray[np.uint8]:
    """Return ``MSK_CLDPRB``: the simulator is certain, so 100 or 0 per cent."""
    return np.where(np.isin(surface.coverage, _OPAQUE + _CIRRUS), 100, 0).astype(np.uint8)


def snow_probability(surface: Surface) -> NDArray[np.uint8]:
    """Return ``MSK_SNWPRB``, likewise."""
    return np.where(surface.coverage == Coverage.SNOW, 100, 0).astype(np.uint8)


def write_cloud_polygons(path: Path, surface: Surface, *, identifier: str) -> None:
    """Write ``MSK_CLOUDS_B00.gml``: outlines of opaque cloud and cirrus, along pixel edges, holes as interiors."""
    features = [
        (kind, f"{kind}.{number}", rings)
        for kind, codes in (("OPAQUE", _OPAQUE), ("CIRRUS", _CIRRUS))
        for number, rings in enumerate(_outlines(np.isin(surface.coverage, codes), surface))
    ]
    write_xml(path, "MSK_CLOUDS.gml.xml", identifier=identifier, grid=surface.grid, features=features)


def _outlines(mask: NDArray[np.bool_], surface: Surface) -> list[list[str]]:
    """Per connected piece its rings as ``x y x y …``, the exterior first."""
    pieces = shapes(mask.astype(np.uint8), mask=mask, connectivity=4, transform=Affine(*surface.grid.transform))
    return [
        [" ".join(f"{x:.0f} {y:.0f}" for x, y in ring) for ring in geometry["coordinates"]] for geometry, _ in pieces
    ]
