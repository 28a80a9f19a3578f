"""The elevation model one would have of an invented place: coarser than the ground, and wrong by some metres."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage as ndi

from pondscan.model import Grid
from pondscan.relief import Relief
from pondscan.simulate import terrain, write
from pondscan.simulate.place import Place

POSTING_M = 30.0
SIGMA_M = 2.4
"""Standard deviation of the error: Copernicus DEM GLO-30 asks for less than 4 m in nine of ten places."""

CORRELATED_POSTS = 1.0
"""OWN: smoothing of the error, posts."""


def elevation_model(place: Place, *, posting_m: float = POSTING_M, sigma_m: float = SIGMA_M) -> Relief:
    """Measure the elevations of a place, and of the ground around that can cast shadows into it.

    Parameters
    ----------
    place : Place
    posting_m : float
        Distance between posts.
    sigma_m : float
        Standard deviation of their error.
    """
    ground = place.terrain
    rows, cols = ground.elevation_m.shape
    height, width = (int((n - 1) * terrain.POSTING_M / posting_m) for n in (rows, cols))
    x = ground.west + (np.arange(width, dtype=np.float64) + 0.5) * posting_m
    y = ground.north - (np.arange(height, dtype=np.float64) + 0.5) * posting_m
    smooth = ndi.gaussian_filter(ground.elevation_m, 0.4 * posting_m / terrain.POSTING_M, mode="nearest")
    error = ndi.gaussian_filter(np.random.default_rng([place.seed, 707]).normal(size=(height, width)), CORRELATED_POSTS)
    elevation_m = ground.on_raster(smooth, x, y) + sigma_m * error / error.std()
    return Relief(float(x[0]), float(y[0]), posting_m, elevation_m.astype(np.float32))


def write_dem(place: Place, path: Path) -> Path:
    """Write the elevation model of a place as a GeoTIFF of metres."""
    import rasterio

    relief = elevation_model(place)
    height, width = relief.elevation_m.shape
    half = relief.posting_m / 2
    grid = Grid(place.crs, relief.x_west - half, relief.y_north + half, relief.posting_m, width, height)
    with rasterio.open(path, "w", **{**write.profile(grid, "float32", 1), "predictor": 3}) as file:
        file.update_tags(TIFFTAG_IMAGEDESCRIPTION="Simulated by pondscan: elevations of an invented place")
        file.units = ("m",)
        file.write(relief.elevation_m, 1)
    return path
