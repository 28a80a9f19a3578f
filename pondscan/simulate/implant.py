"""Simulated mines laid into a real scene, so that clutter is real and truth is known.

The mines are drawn with their opacity on a fine lattice, both go through the sensor's point spread, and the real pixels
shine through where the mine is not: ``real · (1 − opacity) + mine``. Outside the mines the scene stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pondscan.model import Grid, Window
from pondscan.simulate import canvas
from pondscan.simulate.canvas import Image
from pondscan.simulate.ground import Ground
from pondscan.simulate.mines import RAGGEDNESS_M, Mines
from pondscan.simulate.optics import BandOptics, Optics, fitted, optics
from pondscan.simulate.place import Place
from pondscan.simulate.render import Rendered, cells_under, point_spread, sensor_noise, sun_over

BLOCK_PX = 256
"""Side of the blocks mines are drawn in: bounds the memory. A multiple of every coarser band's pixels."""


@dataclass(frozen=True)
class Imprint:
    """What the mines add to one band of a block, on the scene's grid."""

    laid: Image
    """Reflectance times cover, noise included."""
    cover: Image
    """Share of the pixel's light that comes from the mines, 0 to 1."""


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
        A key of `optics.OPTICS`: spectral responses, point spread and noise; pixels may be of another size.
    when : datetime
        Aware; decides the state of the ponds.
    real : mapping of role to (h, w) float32
        Reflectance of the real scene; bands the sensor does not have are left out. NaN stays NaN.
    grid : Grid
        The real scene's.
    clear : (h, w) uint8, optional
        The real scene's mask, 1 usable; by default all is.
    """
    eye = fitted(optics(sensor), grid.gsd_m)
    elevation, azimuth = sun_over(place, when)
    ground = Ground(place, when, eye.roles, eye.responses, elevation, azimuth)
    bands = {role: np.array(real[role], dtype=np.float32) for role in eye.roles if role in real}
    for window in blocks(Window(0, grid.height, 0, grid.width)):
        block = np.s_[window.row_start : window.row_stop, window.col_start : window.col_stop]
        for role, imprint in imprints(ground, eye, grid, window).items():
            if role in bands:
                bands[role][block] = bands[role][block] * (1 - imprint.cover) + imprint.laid
    mask = np.ones((grid.height, grid.width), np.uint8) if clear is None else clear
    gsd_m = {band.role: band.gsd_m for band in eye.bands if band.role in bands}
    return Rendered(grid, bands, gsd_m, mask, np.zeros_like(mask), sensor, when, elevation, azimuth)


def blocks(window: Window, side_px: int = BLOCK_PX) -> Iterator[Window]:
    """Cut a window into squares of ``side_px`` from its upper left corner; those at the edges are smaller."""
    for top in range(window.row_start, window.row_stop, side_px):
        for left in range(window.col_start, window.col_stop, side_px):
            yield Window(top, min(top + side_px, window.row_stop), left, min(left + side_px, window.col_stop))


def imprints(ground: Ground, eye: Optics, grid: Grid, window: Window) -> dict[str, Imprint]:
    """Draw the mines of a window of at most `BLOCK_PX`, by role; empty where there are none.

    Parameters
    ----------
    ground : Ground
        In the bands of ``eye``.
    eye : Optics
        Fitted to the grid's pixels.
    grid : Grid
    window : Window
        Begins at a whole pixel of every band.
    """
    cells = cells_under(eye, grid, window)
    if not _has_mines(ground.place.mines, cells):
        return {}
    mine, opacity = ground.draw_mines(cells)
    rng = np.random.default_rng([ground.place.seed, window.row_start, window.col_start])
    return {
        band.role: _seen(mine[index], opacity, band, cells, grid, window, rng) for index, band in enumerate(eye.bands)
    }


def _has_mines(mines: Mines, cells: canvas.Cells) -> bool:
    is_cleared = len(canvas.inside(mines.clearings, cells, RAGGEDNESS_M)) > 0
    return is_cleared or len(canvas.inside(mines.camps, cells)) > 0


def _seen(
    mine: Image,
    opacity: Image,
    band: BandOptics,
    cells: canvas.Cells,
    grid: Grid,
    window: Window,
    rng: np.random.Generator,
) -> Imprint:
    """One band of a block through its point spread, with noise as far as the mine covers the pixel."""
    repeat = round(band.gsd_m / grid.gsd_m)
    col = np.arange(window.col_start // repeat, -(-window.col_stop // repeat), dtype=np.float64)
    row = np.arange(window.row_start // repeat, -(-window.row_stop // repeat), dtype=np.float64)
    x, y = grid.x_origin + (col + 0.5) * band.gsd_m, grid.y_origin - (row + 0.5) * band.gsd_m
    across = point_spread(x, cells.x, cells.cell_m, band.sigma_m)
    down = point_spread(y, cells.y, cells.cell_m, band.sigma_m)
    laid, cover = ((across @ np.ascontiguousarray((down @ layer).T)).T for layer in (mine, opacity))
    cover = np.where(cover > _LEAST_COVER, cover, 0.0)
    laid = np.where(cover > 0.0, laid + cover * sensor_noise(rng, laid, band.noise), 0.0)
    laid, cover = (
        layer.repeat(repeat, 0).repeat(repeat, 1)[: window.height, : window.width].astype(np.float32)
        for layer in (laid, cover)
    )
    return Imprint(laid, cover)


_LEAST_COVER = 1e-4
"""Less than this is no mine: the far tail of the point spread leaves real pixels as they are."""
