"""Simulated mines laid into a real scene, so that clutter is real and truth is known.

The mines are drawn with their opacity on a fine lattice, both go through the sensor's point spread, and the real pixels
shine through where the mine is not: ``real · (1 − opacity) + mine``. Outside the mines the scene stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pondscan.model import Grid
from pondscan.simulate.ground import Ground
from pondscan.simulate.optics import optics
from pondscan.simulate.place import Place
from pondscan.simulate.render import Rendered, cells_under, point_spread, sample_centres, sun_over


def implant(
    place: Place,
    sensor: str,
    when: datetime,
    real: Mapping[str, NDArray[np.float32]],
    grid: Grid,
    *,
    clear: NDArray[np.uint8] | None = None,
) -> Rendered:
    """Lay a place's mines into a real picture.

    Parameters
    ----------
    place : Place
        Its upper left corner must be the grid's.
    sensor : str
        A key of `optics.OPTICS`: spectral responses and point spread.
    when : datetime
        Aware; decides the state of the ponds.
    real : mapping of role to (h, w) float32
        Reflectance of the real scene; bands the sensor does not have are left out. NaN stays NaN.
    grid : Grid
        The real scene's.
    clear : (h, w) uint8, optional
        The real scene's mask, 1 usable; by default all is.
    """
    eye = optics(sensor)
    elevation, azimuth = sun_over(place, when)
    ground = Ground(place, when, eye.roles, eye.responses, elevation, azimuth)
    cells = cells_under(eye, grid)
    mine, opacity = ground.draw_mines(cells)
    bands = {}
    for index, band in enumerate(eye.bands):
        if band.role not in real:
            continue
        x, y = sample_centres(grid, band.gsd_m)
        across = point_spread(x, cells.x, cells.cell_m, band.sigma_m)
        down = point_spread(y, cells.y, cells.cell_m, band.sigma_m)
        laid, cover = ((across @ np.ascontiguousarray((down @ layer).T)).T for layer in (mine[index], opacity))
        repeat = round(band.gsd_m / grid.gsd_m)
        shape = real[band.role].shape
        laid, cover = (layer.repeat(repeat, 0).repeat(repeat, 1)[: shape[0], : shape[1]] for layer in (laid, cover))
        bands[band.role] = (real[band.role] * (1 - cover) + laid).astype(np.float32)
    mask = np.ones((grid.height, grid.width), np.uint8) if clear is None else clear
    gsd_m = {band.role: band.gsd_m for band in eye.bands if band.role in bands}
    return Rendered(grid, bands, gsd_m, mask, np.zeros_like(mask), sensor, when, elevation, azimuth)
