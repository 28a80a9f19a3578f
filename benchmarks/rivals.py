"""What others would do with the same scene: published water tests and masks, each cut into objects the same way.

Every rival gets the same valid pixels, the same size limits and the same watershed; only its mask is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.feature import canny
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

from pondscan import indices
from pondscan.model import Grid

Bands = Mapping[str, NDArray[np.float32]]
Mask = NDArray[np.bool_]


def ndwi_above(threshold: float) -> Callable[[Bands], Mask]:
    """McFeeters' NDWI above a threshold."""

    def test(bands: Bands) -> Mask:
        return np.asarray(indices.ndwi(bands["green"], bands["nir"]) > threshold)

    return test


def edge_otsu(bands: Bands) -> Mask:
    """Otsu's threshold on the NDWI of the pixels around its own Canny edges."""
    ndwi = np.asarray(indices.ndwi(bands["green"], bands["nir"]), np.float32)
    edges = ndi.binary_dilation(canny(ndwi, sigma=1.0), iterations=1)
    if edges.sum() < 20:
        return np.zeros(ndwi.shape, bool)
    return np.asarray(ndwi > threshold_otsu(ndwi[edges]))


def mndwi(bands: Bands) -> Mask:
    """Xu's modified NDWI above 0."""
    return np.asarray(indices.mndwi(bands["green"], bands["swir16"]) > 0)


def dswe(bands: Bands) -> Mask:
    """At least four of the five tests of the USGS Dynamic Surface Water Extent (high confidence)."""
    green, red, nir, swir16, swir22 = (bands[role] for role in ("green", "red", "nir", "swir16", "swir22"))
    wetness = indices.mndwi(green, swir16)
    ndvi = indices.ndvi(red, nir)
    tests = (
        wetness > 0.124,
        green + red > nir + swir16,
        indices.aweish(bands["blue"], green, nir, swir16, swir22) > 0,
        (wetness > -0.44) & (swir16 < 0.09) & (nir < 0.15) & (ndvi < 0.7),
        (wetness > -0.5) & (bands["blue"] < 0.1) & (swir16 < 0.3) & (swir22 < 0.1) & (nir < 0.25),
    )
    return np.sum(tests, axis=0) >= 4


def waterdetect(bands: Bands) -> Mask:
    """Cordeiro's WaterDetect 1.5 (clustering; without short-wave infrared by NDWI and near infrared)."""
    import tempfile
    from pathlib import Path

    import waterdetect as wd

    ini = _configuration()
    has_swir = "swir16" in bands
    if not has_swir:
        ini = _with(ini, clustering_bands="[['ndwi', 'Nir']]", detect_water_cluster="maxndwi")
    names = {"Blue": "blue", "Green": "green", "Red": "red", "Nir": "nir", "Mir": "swir16", "Mir2": "swir22"}
    empty = np.zeros_like(bands["green"])
    given = {name: np.asarray(bands.get(role, empty)) for name, role in names.items()}
    keys = ["mndwi", "ndwi", "Mir2"] if has_swir else ["ndwi", "Nir"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "WaterDetect.ini"
        path.write_text(ini, encoding="utf-8")
        config = wd.DWConfig(config_file=str(path))
        clustering = wd.DWImageClustering(
            bands=given, bands_keys=keys, invalid_mask=np.zeros(empty.shape, bool), config=config
        )
        clustering.run_detect_water()
    return np.asarray(clustering.water_mask == 1)


def _configuration() -> str:
    """Return the configuration that WaterDetect's wheel brings."""
    from importlib import metadata

    (path,) = [path for path in metadata.files("waterdetect") or [] if path.name == "WaterDetect.ini"]
    return path.read_text(encoding="utf-8")


def _with(ini: str, **changes: str) -> str:
    """Return the configuration text with some keys of its clustering section set anew."""
    from configparser import ConfigParser
    from io import StringIO

    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(ini)
    parser["Clustering"].update(changes)
    text = StringIO()
    parser.write(text)
    return text.getvalue()


RIVALS: dict[str, tuple[Callable[[Bands], Mask], bool]] = {
    "NDWI > 0": (ndwi_above(0.0), False),
    "NDWI > 0.15": (ndwi_above(0.15), False),
    "edge-Otsu NDWI": (edge_otsu, False),
    "MNDWI > 0": (mndwi, True),
    "DSWE, 4 of 5": (dswe, True),
    "WaterDetect": (waterdetect, False),
}
"""Name → its mask, and whether it needs short-wave infrared."""


def objects(
    mask: Mask, is_valid: Mask, grid: Grid, *, min_diameter_m: float, max_diameter_m: float
) -> gpd.GeoDataFrame:
    """Cut a mask into objects: watershed of its distance transform, size limits, outlines."""
    mask = mask & is_valid
    distance = ndi.distance_transform_edt(mask)
    smooth = ndi.gaussian_filter(distance, 0.7)
    peaks = (smooth == ndi.maximum_filter(smooth, 3)) & mask
    markers, _ = ndi.label(peaks, structure=np.ones((3, 3)))
    label = watershed(-smooth, markers, mask=mask).astype(np.int32)
    size_m2 = np.bincount(label.ravel()) * grid.pixel_area_m2
    diameter_m = 2 * np.sqrt(size_m2 / np.pi)
    is_kept = (diameter_m >= min_diameter_m) & (diameter_m <= max_diameter_m)
    is_kept[0] = False
    label[~is_kept[label]] = 0
    shapes = rasterio.features.shapes(label, mask=label > 0, connectivity=4, transform=rasterio.Affine(*grid.transform))
    parts = [(value, shapely.geometry.shape(outline)) for outline, value in shapes]
    frame = gpd.GeoDataFrame({"label": [value for value, _ in parts]}, geometry=[p for _, p in parts], crs=grid.crs)
    return frame.dissolve("label").reset_index(drop=True) if len(frame) else frame


def oracle_cover(outlines: NDArray[np.object_], grid: Grid, sigma_m: float, *, noise: float, seed: int) -> Bands:
    """True liquid cover as the sensor's blur shows it, with noise: what a perfect detector would have to split."""
    finer = max(1, round(grid.gsd_m / 0.75))
    step = grid.gsd_m / finer
    shape = (grid.height * finer, grid.width * finer)
    transform = rasterio.Affine(step, 0, grid.x_origin, 0, -step, grid.y_origin)
    cover = np.zeros(shape, np.float32)
    if len(outlines):
        cover = rasterio.features.rasterize(outlines, shape, transform=transform, dtype="uint8").astype(np.float32)
    blurred = ndi.gaussian_filter(cover, sigma_m / step, truncate=4)
    first = finer // 2
    sampled = blurred[first::finer, first::finer]
    if finer % 2 == 0:
        sampled = ndi.uniform_filter(blurred, 2, origin=-1)[first - 1 :: finer, first - 1 :: finer]
    rng = np.random.default_rng(seed)
    return {"cover": (sampled + rng.normal(0, noise, sampled.shape)).astype(np.float32)}
