"""A real scene that mines are laid into: where there is room for them, and what its numbers mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pondscan.errors import InputError
from pondscan.grid import sample_lattice
from pondscan.model import INVALID, REFLECTANCE_UNIT, Coverage, Scene, Window
from pondscan.simulate import film
from pondscan.simulate.implant import BLOCK_PX, blocks
from pondscan.simulate.optics import OPTICS, Optics, fitted

FloatArray = NDArray[np.float64]

READ_PX = 1024
"""Side of the windows a scene is read in."""
SITE_SPACING_M = 420.0
_SITE_REACH_M = 140.0
"""Ground around the middle of a site that must be dry, clear and inside the scene."""
_CELL_M = 50.0
_LEVELS = {"blue": (0.02, 0.10), "green": (0.03, 0.12), "red": (0.02, 0.15), "nir": (0.05, 0.35)}
"""Reflectance taken for the 2nd and the 90th percentile of the ground where numbers are raw. Own choice: what scenes
of mixed country have."""
_LEVEL_PERCENTILES = (2.0, 90.0)
_RESEMBLES = (
    ("landsat", "landsat", 0.0),
    ("hls", "landsat", 0.0),
    ("planetscope", "planetscope-8", 0.0),
    ("skysat", "skysat", 0.0),
    ("sentinel-2", "sentinel-2-all", 0.0),
    ("generic", "landsat", 20.0),
    ("generic", "sentinel-2-all", 6.0),
    ("generic", "planetscope-8", 2.0),
    ("generic", "skysat", 0.0),
)
"""Scene's sensor, the optics it gets, and the least pixel size (m) for that; the first that fits."""


class Reader(Protocol):
    """A scene's pixels and mask."""

    scene: Scene

    def read(self, roles: Sequence[str], window: Window) -> NDArray[np.int16]:
        """Counts of 1e-4 reflectance, (roles, h, w)."""
        ...

    def read_mask(self, window: Window) -> NDArray[np.uint8]:
        """``model.Coverage`` codes."""
        ...


@dataclass(frozen=True)
class Levels:
    """How reflectance is said in the scene's numbers: number = slope · reflectance + base, by role."""

    slope: dict[str, float]
    base: dict[str, float]
    limits: tuple[float, float] = (INVALID + 1, -INVALID - 1)
    """Lowest and highest count that can be said; of raw numbers neither 0 nor 255, which may mean no data."""

    def reflectance(self, role: str, numbers: NDArray[np.floating]) -> NDArray[np.floating]:
        """The scene's numbers as reflectance."""
        return np.asarray((numbers - self.base[role]) / self.slope[role])


def optics_of(scene: Scene) -> Optics:
    """Optics like those of a scene's sensor, at the scene's pixel size, with the bands the two share."""
    name = next(key for sensor, key, gsd_m in _RESEMBLES if sensor == scene.sensor and scene.gsd_m >= gsd_m)
    eye = fitted(OPTICS[name], scene.gsd_m, is_native=scene.sensor == "generic")
    bands = []
    for band in eye.bands:
        if band.role in scene.bands:
            native_m = max(scene.bands[band.role].gsd_m, band.gsd_m)
            repeat = max(round(native_m / scene.gsd_m), 1)
            growth = repeat * scene.gsd_m / band.gsd_m
            grown = replace(band, gsd_m=band.gsd_m * growth, sigma_m=band.sigma_m * growth)
            bands += [grown] if BLOCK_PX % repeat == 0 else []
    return replace(eye, bands=tuple(bands))


def check_host(scene: Scene) -> None:
    """Refuse scenes whose numbers mines cannot be said in.

    Raises
    ------
    InputError
        For top-of-atmosphere reflectance, raw numbers of more than eight bits, and scenes without a date.
    """
    if scene.calibrated == "toa":
        raise InputError(
            f"{scene.source} holds top-of-atmosphere reflectance, which simulated ground would look too clear in: give "
            "its surface-reflectance product"
        )
    if scene.calibrated == "dn" and not is_eight_bit(scene):
        raise InputError(
            f"{scene.source} holds raw numbers of more than eight bits and unknown scale: give their scale with "
            "--set input.scale=0.0001"
        )
    if scene.datetime is None:
        raise InputError(f"{scene.source} has no date: give one with --datetime 2022-03-12T10:00:00Z")


def is_eight_bit(scene: Scene) -> bool:
    """Whether the scene's numbers are raw and of eight bits."""
    return scene.calibrated == "dn" and all(abs(band.scale / film.UNIT - 1) < 1e-6 for band in scene.bands.values())


def levels_of(reader: Reader, roles: tuple[str, ...]) -> Levels:
    """Say how the scene says reflectance: plainly, or by the levels of its own ground where numbers are raw.

    Raises
    ------
    InputError
        When nothing in the sampled blocks tells light from dark.
    """
    scene = reader.scene
    if scene.calibrated != "dn":
        return Levels(dict.fromkeys(roles, 1.0), dict.fromkeys(roles, 0.0))
    windows = sample_lattice(scene.grid.width, scene.grid.height)
    sample = np.concatenate([reader.read(roles, window).reshape(len(roles), -1) for window in windows], axis=1)
    sample = sample[:, (sample != INVALID).all(axis=0)] * REFLECTANCE_UNIT
    if sample.shape[1] == 0:
        raise InputError(f"{scene.source} has no data in the blocks sampled: choose another scene")
    slope, base = {}, {}
    for role, numbers in zip(roles, sample, strict=True):
        low, high = np.percentile(numbers, _LEVEL_PERCENTILES)
        dark, light = _LEVELS.get(role, _LEVELS["nir"])
        if high - low < 4 * film.UNIT:
            raise InputError(f"the {role} band of {scene.source} is nearly uniform: mines cannot be matched to it")
        slope[role] = float((high - low) / (light - dark))
        base[role] = float(low - slope[role] * dark)
    return Levels(slope, base, (film.UNIT / REFLECTANCE_UNIT, 254 * film.UNIT / REFLECTANCE_UNIT))


def find_places(
    reader: Reader, levels: Levels, n_sites: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw places for mines: clear, dry, inside the scene and apart; fewer than asked where there is no more room."""
    grid = reader.scene.grid
    cell_px = max(round(_CELL_M / grid.gsd_m), 1)
    taken = _unusable(reader, levels, cell_px)
    reach = int(np.ceil(_SITE_REACH_M / (cell_px * grid.gsd_m)))
    is_free = ~ndimage.maximum_filter(taken, 2 * reach + 1, mode="constant", cval=1).astype(bool)
    row, col = np.nonzero(is_free)
    order = rng.permutation(row.size)
    jitter = rng.uniform(0.2, 0.8, (2, row.size))
    x = grid.x_origin + (col + jitter[0])[order] * cell_px * grid.gsd_m
    y = grid.y_origin - (row + jitter[1])[order] * cell_px * grid.gsd_m
    chosen: list[int] = []
    for candidate in range(min(x.size, 200 * n_sites + 2000)):
        if len(chosen) == n_sites:
            break
        if np.all(np.hypot(x[chosen] - x[candidate], y[chosen] - y[candidate]) > SITE_SPACING_M):
            chosen.append(candidate)
    return x[chosen], y[chosen]


def _unusable(reader: Reader, levels: Levels, cell_px: int) -> NDArray[np.bool_]:
    """Coarse raster of the ground that is masked, missing or water in more than a tenth of a cell."""
    grid = reader.scene.grid
    n_bad = np.zeros((-(-grid.height // cell_px), -(-grid.width // cell_px)), dtype=np.int32)
    for window in blocks(Window(0, grid.height, 0, grid.width), READ_PX):
        green, nir = (
            levels.reflectance(role, plane * REFLECTANCE_UNIT)
            for role, plane in zip(("green", "nir"), reader.read(("green", "nir"), window), strict=True)
        )
        bad = (reader.read_mask(window) != Coverage.CLEAR) | (green > nir)
        rows, cols = (
            np.arange(start, stop) // cell_px
            for start, stop in ((window.row_start, window.row_stop), (window.col_start, window.col_stop))
        )
        sums = np.add.reduceat(bad.astype(np.int32), _first_of_each(rows), axis=0)
        sums = np.add.reduceat(sums, _first_of_each(cols), axis=1)
        n_bad[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1] += sums
    return np.asarray(n_bad > 0.1 * cell_px**2)


def _first_of_each(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.flatnonzero(np.diff(numbers, prepend=-1))
