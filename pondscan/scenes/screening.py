"""A screen for a scene without a mask: its bands reduced to coarse cells, and what `detect.clouds` says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pondscan.model import INVALID, REFLECTANCE_UNIT, REQUIRED_ROLES, Coverage, Grid, Scene, Window

THIN_SAID_FROM = 0.4
UNSURE_SAID_FROM = 0.05
"""Share of the scene from which thin cloud, and pale ground without a shadow, are worth a sentence."""

THIN_CELLS = 4
"""Cells, to each side, whose mean tells thin cloud where there is no other."""

MOST_CELL_PX = 64
"""Largest side of a cell, pixels: at finer sensors cells are smaller on the ground."""


class Reader(Protocol):
    """A scene's pixels, whole and in windows (see ``scenes.reader``)."""

    scene: Scene

    def read(self, roles: Sequence[str], window: Window) -> NDArray[np.int16]:
        """Counts of 1e-4 reflectance, (roles, h, w)."""
        ...

    def reduced(self, roles: Sequence[str], shape: tuple[int, int]) -> NDArray[np.int16]:
        """Whole bands averaged to a shape: (roles, *shape)."""
        ...


@dataclass(frozen=True, slots=True)
class Screened:
    """Coverage of a scene by cells."""

    codes: NDArray[np.uint8]
    """(cell rows, cell columns) ``model.Coverage`` codes CLEAR, CLOUD and SHADOW, spread evenly over the grid."""
    grid: Grid
    warnings: tuple[str, ...]

    def window(self, window: Window) -> NDArray[np.uint8]:
        """Codes of a window's pixels, ``uint8 (h, w)``."""
        n_rows, n_cols = self.codes.shape
        row = np.arange(window.row_start, window.row_stop) * n_rows // self.grid.height
        col = np.arange(window.col_start, window.col_stop) * n_cols // self.grid.width
        cells = self.codes[row[0] : row[-1] + 1, col[0] : col[-1] + 1]
        if (cells == cells[0, 0]).all():  # nearly every window of a clear scene
            return np.full((window.height, window.width), cells[0, 0])
        across = cells.take(col - col[0], axis=1)  # whole rows are then copied: a tenth of the time of single pixels
        return np.asarray(across.take(row - row[0], axis=0))


def screened(reader: Reader) -> Screened:
    """Screen a scene for cloud and shadow, each cell the mean of its pixels (of an overview's, where there is one).

    Most scenes are nowhere bright enough in blue for cloud: of those one band is reduced, not four.
    """
    from pondscan.detect import clouds
    from pondscan.detect.calibrate import adjustment
    from pondscan.scenes.elevation import sun_of

    scene, grid = reader.scene, reader.scene.grid
    is_scaled = scene.calibrated != "dn"
    cell_px = int(np.clip(round(clouds.CELL_M / grid.gsd_m), 1, MOST_CELL_PX))
    shape = -(-grid.height // cell_px), -(-grid.width // cell_px)
    adjust = adjustment(reader)

    def reflectance_of(roles: Sequence[str], shape: tuple[int, int]) -> NDArray[np.float32]:
        counts = adjust.apply(roles, reader.reduced(roles, shape))
        reflectance: NDArray[np.float32] = counts * np.float32(REFLECTANCE_UNIT)
        reflectance[counts == INVALID] = np.nan
        return reflectance

    if not clouds.may_hold_cloud(reflectance_of(("blue",), shape)[0]):
        coarse = -(-shape[0] // THIN_CELLS), -(-shape[1] // THIN_CELLS)
        thin = clouds.thin_share(*reflectance_of(("blue", "red"), coarse)) if is_scaled else 0.0
        return Screened(np.full((1, 1), Coverage.CLEAR, np.uint8), grid, _warnings(thin, 0.0, is_scaled=is_scaled))
    reflectance, sun = reflectance_of(REQUIRED_ROLES, shape), sun_of(scene)
    screen = clouds.screen(
        reflectance[:3],
        reflectance[3],
        cell_m=cell_px * grid.gsd_m,
        sun_azimuth_deg=sun[1] if sun else None,
        is_scaled=is_scaled,
    )
    # Where the scene ends its pixels know better than the cells do.
    codes = np.where(screen.codes == Coverage.OUTSIDE, np.uint8(Coverage.CLEAR), screen.codes)
    return Screened(codes, grid, _warnings(screen.thin_fraction, screen.unsure_fraction, is_scaled=is_scaled))


def _warnings(thin_fraction: float, unsure_fraction: float, *, is_scaled: bool) -> tuple[str, ...]:
    """Say what the screen saw and did not mask, and what it cannot tell."""
    said = [] if is_scaled else ["in raw numbers haze, and cloud without a shadow in sight, pass for clear ground"]
    if is_scaled and thin_fraction >= THIN_SAID_FROM:
        said.append(
            f"thin cloud or haze seems to lie over {100 * thin_fraction:.0f} % of the ground; it is not masked, "
            "and faint ponds under it may be missed"
        )
    if unsure_fraction >= UNSURE_SAID_FROM:
        said.append(
            f"{100 * unsure_fraction:.0f} % of the scene is as pale as cloud but casts no shadow: "
            "it was taken for ground"
        )
    return tuple(said)
