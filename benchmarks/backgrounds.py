"""Real scenes without leach ponds, into which simulated mines are laid: real clutter, known truth.

There are real backgrounds at 10 m only. Taken as if their pixels were finer they keep real spectra and texture, if not
their true scale; that use is for fitting, never for a reported figure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pondscan import scenes, simulate
from pondscan.config import Settings
from pondscan.model import INVALID, REFLECTANCE_UNIT, Coverage, Grid, Window
from pondscan.simulate.implant import implant

BACKGROUNDS: dict[str, tuple[str, dict[str, object]]] = {
    "bolzano": ("s2_bolzano", {"bands": ("red", "green", "blue", "nir", "scl"), "scale": 1e-4}),
    "inn_a": ("s2_inn_river", {"bands": ("red", "green", "blue", "nir", "-", "-", "-", "-"), "scale": 1e-4}),
    "inn_b": ("s2_inn_river", {"bands": ("-", "-", "-", "-", "red", "green", "blue", "nir"), "scale": 1e-4}),
    "aquileia": ("s2_aquileia", {"scale": 1 / 65535}),
}
"""Sentinel-2 scenes: folder, and what must be said of the files. Bolzano: a town, rivers, shaded slopes, no short-wave
infrared. Inn: two dates of a turquoise and a turbid river, villages, panels. Aquileia: lagoon, braided river, fish
valleys, bare fields; resampled from geographic pixels of 14 m; its own fish ponds count as false."""

NATURAL_WATER = ("aquileia", "inn_a", "inn_b")
"""Backgrounds with small natural water of their own: their unlabelled objects say nothing of `small_water`."""

SITES_PER_KM2 = 0.5
MOST_SITES = 25
WHEN = datetime(2022, 3, 12, 10, tzinfo=UTC)

Real = dict[str, NDArray[np.float32]]


def read(scenes_dir: Path, name: str, *, gsd_m: float | None) -> tuple[Real, NDArray[np.uint8], Grid]:
    """Reflectance, mask and grid of a background; its pixels taken to be ``gsd_m`` wide, if that is given."""
    folder, said = BACKGROUNDS[name]
    settings = Settings.model_validate({"input": said | {"sensor": "sentinel-2", "acquired": WHEN}})
    (scene,) = scenes.discover([str(scenes_dir / folder)], settings).scenes
    with scenes.open_scene(scene, settings) as reader:
        whole = Window(0, scene.grid.height // 6 * 6, 0, scene.grid.width // 6 * 6)
        roles = tuple(scene.bands)
        counts = reader.read(roles, whole)
        clear = (reader.read_mask(whole) == Coverage.CLEAR).astype(np.uint8)
    real = {
        role: np.where(plane == INVALID, np.nan, plane * REFLECTANCE_UNIT).astype(np.float32)
        for role, plane in zip(roles, counts, strict=True)
    }
    return real, clear, replace(scene.grid, height=whole.height, width=whole.width, gsd_m=gsd_m or scene.grid.gsd_m)


def implant_mines(
    real: Real,
    clear: NDArray[np.uint8],
    grid: Grid,
    *,
    seed: int,
    median_diameter_m: float,
    sensor: str = "sentinel-2",
    has_mines: bool = True,
) -> tuple[simulate.Place, simulate.Rendered]:
    """Lay the mines of an invented place into a background; ``has_mines`` False leaves it as it is."""
    width_m, height_m = grid.width * grid.gsd_m, grid.height * grid.gsd_m
    n_sites = min(round(SITES_PER_KM2 * width_m * height_m / 1e6 * (10.0 / grid.gsd_m) ** 0.5), MOST_SITES)
    place = simulate.make_place(
        seed,
        width_m=width_m,
        height_m=height_m,
        n_sites=n_sites if has_mines else 0,
        median_diameter_m=median_diameter_m,
        origin=(grid.x_origin, grid.y_origin),
        crs=grid.crs,
    )
    return place, implant(place, sensor, WHEN, real, grid, clear=clear)
