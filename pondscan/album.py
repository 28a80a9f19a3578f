"""What stored scenes show of places: pixels kept at full resolution where there are any, the quicklook elsewhere.

Crops lie on the scene's own pixels, nothing is resampled: a place is taken to the scene, with the shift by which the
scene lies off the others, and outlines are taken there too.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pondscan.detect import crops
from pondscan.follow.registration import ALONE, Placement
from pondscan.grid import between
from pondscan.hashing import file_sha256
from pondscan.memory import Remember, forgetful
from pondscan.model import Grid, Window
from pondscan.store import CoverageMap, StoredScene, Workspace

Floats = NDArray[np.float64]
Pixels = NDArray[np.float32]
Picture = NDArray[np.uint8]
Fit = tuple[float, float]
"""Reflectance of a grey value of the quicklook, and of the value nought."""

NATURAL = ("red", "green", "blue")
FALSE = ("nir", "red", "green")
"""Plants are red and water is black: ponds stand out from forest, and wet ground from dry."""

UNFITTED = 0.25 / 255
"""Reflectance of a grey value of a quicklook, where no kept pixels say better."""

LEAST_FIT_PX = 30
"""Pixels that both show before the quicklook is fitted to what is kept."""

NO_PICTURE = (226, 231, 233)
STRETCH_PERCENT = (1.0, 99.5)
LEAST_RANGE = 0.06
"""Reflectance from black to white at least: even ground is not stretched into noise."""
GAMMA = 0.75
"""Below 1 brightens what is dark: forest keeps its grain."""


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A square of one scene in three bands."""

    scene_id: str
    window: Window
    """Where it lies on the scene's grid; it may reach over the edge."""
    values: Pixels
    """(3, h, w) reflectance, NaN where the scene shows nothing; coarse where it comes from the quicklook."""
    is_kept: NDArray[np.bool_]
    """(h, w) pixels kept at full resolution."""
    gsd_m: float
    quicklook_m: float
    """Side of the quicklook's pixels, which the other pixels come from."""

    @property
    def kept(self) -> float:
        """Share that is kept at full resolution."""
        return float(self.is_kept.mean())

    @property
    def shown(self) -> float:
        """Share of which there is any picture."""
        return float(np.isfinite(self.values[0]).mean())


class Album:
    """Crops of the scenes of a workspace.

    Parameters
    ----------
    workspace
        What was kept of the scenes.
    crs
        CRS of the places asked for, metres: that of the products.
    placements
        By scene_id: how far a scene lies off the others; one that is not named lies where it says.
    remember
        Where the scale of a scene's quicklook is looked up first.
    """

    def __init__(
        self,
        workspace: Workspace,
        crs: str,
        placements: Mapping[str, Placement] | None = None,
        remember: Remember = forgetful,
    ) -> None:
        self._workspace, self._crs, self._remember = workspace, crs, remember
        self._placements = placements or {}
        self._fits: dict[str, Fit] = {}
        self.scenes: dict[str, StoredScene] = {one.scene_id: one for one in workspace.scenes()}

    def has_pictures(self, scene_id: str) -> bool:
        """Whether any pixel of a scene was kept."""
        known = self._workspace
        return known.imagery(scene_id) is not None or known.quicklook(scene_id) is not None

    def coverage(self, scene_id: str) -> CoverageMap:
        """What of a scene was seen."""
        return self._workspace.coverage(scene_id)

    def pixels_of(self, scene_id: str, xy: Floats) -> Floats:
        """Columns and rows (n, 2) at which a scene shows places (n, 2) of the album's CRS."""
        grid = self.scenes[scene_id].scene.grid
        moved = xy + self._placements.get(scene_id, ALONE).shift_at(xy[:, 0], xy[:, 1])
        if grid.crs != self._crs:
            moved = np.stack(between(self._crs, grid.crs).transform(*moved.T), axis=1)
        return np.stack([moved[:, 0] - grid.x_origin, grid.y_origin - moved[:, 1]], axis=1) / grid.gsd_m

    def crops(
        self, scene_id: str, middles: Floats, sides_m: Floats, bands: tuple[str, str, str] = NATURAL
    ) -> list[Crop | None]:
        """Cut squares of ground out of a scene.

        Parameters
        ----------
        middles : (n, 2) array
            In the album's CRS.
        sides_m : (n,) array
        bands
            Shown as red, green and blue. A quicklook has no infrared: it is shown in grey there.

        Returns
        -------
        list of Crop or None
            None where the scene shows nothing of the square.
        """
        grid = self.scenes[scene_id].scene.grid
        windows = _windows(grid, self.pixels_of(scene_id, middles), sides_m)
        imagery = self._workspace.imagery(scene_id)
        is_near = [_meets(grid, window) for window in windows]
        near = [window for window, meets in zip(windows, is_near, strict=True) if meets]
        kept = _kept(*imagery.read(near), bands) if imagery and near else [_nothing(window) for window in near]
        quicklook = self._quicklook(scene_id, bands)
        coarse = [_under(quicklook, grid, window) for window in near]
        scale = self._fit(scene_id)
        parts = zip(near, kept, coarse, strict=True)
        made = iter([self._joined(scene_id, *part, scale=scale, quicklook=quicklook) for part in parts])
        return [next(made) if meets else None for meets in is_near]

    def _fit(self, scene_id: str) -> Fit:
        """Scale of a scene's quicklook by which it shows the reflectance of what is kept; asked once."""
        if scene_id not in self._fits:
            imagery, png = self._workspace.imagery(scene_id), self._workspace.quicklook(scene_id)
            if imagery is None or png is None:
                self._fits[scene_id] = (UNFITTED, 0.0)
            else:
                picture = np.moveaxis(_decoded(png, is_grey=False), 2, 0)
                key = ("fit", file_sha256(imagery.path), hashlib.sha256(png).hexdigest())
                fit = self._remember(key, lambda: np.array(_fit(picture, imagery.thinned(picture.shape[1:]))))
                self._fits[scene_id] = (float(fit[0]), float(fit[1]))
        return self._fits[scene_id]

    def _quicklook(self, scene_id: str, bands: tuple[str, str, str]) -> Picture:
        """Picture of the whole scene, a single pixel that shows nothing where there is none."""
        png = self._workspace.quicklook(scene_id)
        return np.zeros((1, 1, 3), np.uint8) if png is None else _decoded(png, is_grey=bands != NATURAL)

    def _joined(
        self,
        scene_id: str,
        window: Window,
        kept: Pixels,
        coarse: Pixels,
        *,
        scale: tuple[float, float],
        quicklook: Picture,
    ) -> Crop | None:
        """Crop of what is kept, filled up from the quicklook; None where neither shows anything."""
        grid = self.scenes[scene_id].scene.grid
        is_kept = np.asarray(np.isfinite(kept).all(axis=0))
        values = np.where(is_kept, kept, coarse * np.float32(scale[0]) + np.float32(scale[1]))
        if not np.isfinite(values[0]).any():
            return None
        return Crop(scene_id, window, values, is_kept, grid.gsd_m, grid.gsd_m * grid.width / quicklook.shape[1])


def painted(shown: Sequence[Crop], *, is_clear: Sequence[bool], is_natural: bool = True) -> list[Picture]:
    """Paint crops of one place, all with one stretch, so that a change of brightness is a change on the ground.

    Parameters
    ----------
    is_clear
        Which of them are free of cloud: these decide on the stretch, where there are any.

    Returns
    -------
    list of (h, w, 3) array
    """
    if not shown:
        return []
    clear = [one for one, clear in zip(shown, is_clear, strict=True) if clear] or list(shown)
    low, high = _limits(clear, is_natural=is_natural)
    return [_painted(one, low, high) for one in shown]


def _limits(shown: Sequence[Crop], *, is_natural: bool) -> tuple[Floats, Floats]:
    """Reflectance that is black, and white, in each band. Natural colours share one range, so hues are true."""
    fine = [one.values[:, one.is_kept] for one in shown]
    values = np.concatenate(fine, axis=1)
    if not values.shape[1]:
        values = np.concatenate([one.values.reshape(3, -1) for one in shown], axis=1)
    values = values[:, np.isfinite(values).all(axis=0)]
    if not values.shape[1]:
        return np.zeros(3), np.ones(3)
    low, high = np.percentile(values, STRETCH_PERCENT, axis=1)
    span = np.maximum(high - low, LEAST_RANGE)
    return low, low + (span.max() if is_natural else span)


def _painted(crop: Crop, low: Floats, high: Floats) -> Picture:
    scaled = (np.moveaxis(crop.values, 0, 2) - low) / (high - low)
    is_shown = np.isfinite(scaled).all(axis=2, keepdims=True)
    bright = 255 * np.clip(np.where(is_shown, scaled, 0), 0, 1) ** GAMMA
    return np.where(is_shown, bright.round(), NO_PICTURE).astype(np.uint8)


@lru_cache(maxsize=4)
def _decoded(png: bytes, *, is_grey: bool) -> Picture:
    with Image.open(io.BytesIO(png)) as picture:
        rgb = np.asarray(picture.convert("RGB"), np.uint8)
    if not is_grey:
        return rgb
    grey = np.where((rgb > 0).any(axis=2), np.maximum(rgb.mean(axis=2), 1), 0).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _windows(grid: Grid, middles: Floats, sides_m: Floats) -> list[Window]:
    sides = np.maximum(np.ceil(sides_m / grid.gsd_m), 1).astype(int)
    first = np.floor(middles - sides[:, None] / 2 + 0.5).astype(int)
    return [
        Window(row, row + side, col, col + side)
        for (col, row), side in zip(first.tolist(), sides.tolist(), strict=True)
    ]


def _meets(grid: Grid, window: Window) -> bool:
    rows, cols = (window.row_start, window.row_stop), (window.col_start, window.col_stop)
    return rows[0] < grid.height and rows[1] > 0 and cols[0] < grid.width and cols[1] > 0


def _nothing(window: Window) -> Pixels:
    return np.full((3, window.height, window.width), np.nan, np.float32)


def _kept(roles: tuple[str, ...], read: Sequence[NDArray[np.uint8]], bands: tuple[str, str, str]) -> list[Pixels]:
    numbers = [roles.index(band) for band in bands]
    return [crops.reflectance(values[numbers]) for values in read]


def _under(picture: Picture, grid: Grid, window: Window) -> Pixels:
    """Pixels of a picture of the whole scene that lie nearest to those of a window, NaN where it shows nothing."""
    rows, cols = np.arange(window.row_start, window.row_stop), np.arange(window.col_start, window.col_stop)
    is_inside = ((rows >= 0) & (rows < grid.height))[:, None] & ((cols >= 0) & (cols < grid.width))
    row = np.clip(((rows + 0.5) * (picture.shape[0] / grid.height)).astype(int), 0, picture.shape[0] - 1)
    col = np.clip(((cols + 0.5) * (picture.shape[1] / grid.width)).astype(int), 0, picture.shape[1] - 1)
    shown = np.moveaxis(picture[row[:, None], col], 2, 0).astype(np.float32)
    shown[:, ~(is_inside & (shown > 0).any(axis=0))] = np.nan
    return np.asarray(shown)


def _fit(quicklook: Picture, known: Picture) -> Fit:
    """Regression of kept pixels (3, h, w) on those of the quicklook around them, all bands together."""
    is_both = (known > 0) & (known < 255) & (quicklook > 1) & (quicklook < 255)
    grey, value = quicklook[is_both].astype(float), crops.reflectance(known[is_both]).astype(float)
    if len(grey) < LEAST_FIT_PX or grey.std() < 1:
        return UNFITTED, 0.0
    gain = max(float(np.mean((grey - grey.mean()) * (value - value.mean()))) / float(grey.var()), UNFITTED / 4)
    return gain, float(value.mean()) - gain * float(grey.mean())
