"""Files of a real scene with simulated mines in it: the scene, its mask, and the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pondscan.errors import ConfigError, InputError, WorkspaceError
from pondscan.model import INVALID, REFLECTANCE_UNIT, Coverage, Grid, Scene, Window
from pondscan.simulate import film
from pondscan.simulate.census import pixels_in, truth
from pondscan.simulate.ground import Ground
from pondscan.simulate.host import READ_PX, Levels, Reader, check_host, find_places, is_eight_bit, levels_of, optics_of
from pondscan.simulate.implant import Imprint, blocks, imprints
from pondscan.simulate.optics import Optics
from pondscan.simulate.place import Place, bare_place
from pondscan.simulate.series import TRUTH_FILE
from pondscan.simulate.write import profile, write_truth

if TYPE_CHECKING:
    import geopandas

SITES_PER_KM2 = 0.5
MOST_SITES = 300
"""How many sites are laid in at most where nobody says how many."""
_OPENED_DAYS_BEFORE = (1300, 200)
"""Sites are opened between so many days before the scene was taken: some are new, some left."""
_SUN_DEG = (50.0, 140.0)
"""Nominal sun: mines are laid in under the light of level ground, whatever the sun."""


@dataclass(frozen=True)
class Implanted:
    """What `simulate_into` wrote."""

    scene_path: Path
    mask_path: Path
    truth_path: Path
    truth: geopandas.GeoDataFrame
    """In the scene's reference system."""
    left_out: tuple[str, ...]
    """Bands of the scene that mines cannot be simulated in; the written scene is without them."""


def simulate_into(
    reader: Reader,
    out_dir: Path,
    *,
    seed: int = 1,
    n_sites: int | None = None,
    median_diameter_m: float = 12.0,
    variety: float = 1.0,
    on_share: Callable[[float], None] | None = None,
) -> Implanted:
    """Lay simulated mines into a real scene and write it, with its mask and the truth.

    Pixels without mines keep their numbers as pondscan reads them: counts of 1e-4 reflectance, or eight-bit raw
    numbers. Memory is bounded whatever the scene's size.

    Parameters
    ----------
    reader : Reader
        The scene, open.
    out_dir : Path
        Made if missing; files are named after the scene.
    seed : int
        Same scene and arguments, same bytes.
    n_sites : int, optional
        By default one per two square kilometres, as far as there is room, at most `MOST_SITES`.
    median_diameter_m : float
    variety : float
        How much the sites differ in colour, as in `Preset`.
    on_share : callable, optional
        Told the share of the work that is done.

    Raises
    ------
    InputError
        For scenes that `host.check_host` refuses, or without a clear dry place.
    ConfigError
        When there is no room for ``n_sites``.
    WorkspaceError
        When a file is in the way.
    """
    scene = reader.scene
    check_host(scene)
    scene_path = out_dir / f"{scene.scene_id}_implanted.tif"
    for path in (scene_path, scene_path.with_suffix(".clear.tif"), out_dir / TRUTH_FILE):
        if path.exists():
            raise WorkspaceError(f"{path} exists already; choose another folder or remove it")
    eye = optics_of(scene)
    levels = levels_of(reader, eye.roles)
    place = _place(reader, levels, seed, n_sites, median_diameter_m, variety)
    when = _taken(scene)
    table = truth(place, when)
    bounds = table.bounds.to_numpy().reshape(-1, 4)
    out_dir.mkdir(parents=True, exist_ok=True)
    ground = Ground(place, when, eye.roles, eye.responses, *_SUN_DEG)
    n_hidden = _write(reader, scene_path, ground, eye, levels, bounds, on_share)
    seen = _as_seen(table, bounds, n_hidden, scene)
    write_truth(seen, out_dir / TRUTH_FILE)
    left_out = tuple(role for role in scene.bands if role not in eye.roles)
    return Implanted(scene_path, scene_path.with_suffix(".clear.tif"), out_dir / TRUTH_FILE, seen, left_out)


def _taken(scene: Scene) -> datetime:
    if scene.datetime is None:
        raise InputError(f"{scene.source} has no date: give one with --datetime 2022-03-12T10:00:00Z")
    return scene.datetime


def _place(
    reader: Reader, levels: Levels, seed: int, n_sites: int | None, median_diameter_m: float, variety: float
) -> Place:
    """Mines where the scene has room for them."""
    scene, grid = reader.scene, reader.scene.grid
    area_km2 = grid.width * grid.height * grid.pixel_area_m2 / 1e6
    wanted = min(max(round(SITES_PER_KM2 * area_km2), 1), MOST_SITES) if n_sites is None else n_sites
    x, y = find_places(reader, levels, wanted, np.random.default_rng([seed, 909]))
    if wanted and x.size == 0:
        raise InputError(f"{scene.source} has no clear dry ground 300 m wide: choose another scene, or --mask off")
    if n_sites is not None and x.size < n_sites:
        raise ConfigError(f"only {x.size} of {n_sites} sites find clear dry ground in {scene.source}: ask for fewer")
    day = _taken(scene).date()
    first, last = (day - timedelta(days=days) for days in _OPENED_DAYS_BEFORE)
    opens: tuple[date, date] = (first, last)
    return bare_place(
        seed, x, y, grid.bounds, grid.crs, opens=opens, median_diameter_m=median_diameter_m, variety=variety
    )


def _write(
    reader: Reader,
    path: Path,
    ground: Ground,
    eye: Optics,
    levels: Levels,
    bounds: NDArray[np.float64],
    on_share: Callable[[float], None] | None,
) -> NDArray[np.int64]:
    """Write scene and mask block by block; return the hidden pixels of every pond."""
    import rasterio

    grid, is_raw = reader.scene.grid, is_eight_bit(reader.scene)
    dtype, nodata = ("uint8", reader.scene.bands["green"].nodata) if is_raw else ("int16", INVALID)
    n_hidden = np.zeros(len(bounds), dtype=np.int64)
    windows = list(blocks(Window(0, grid.height, 0, grid.width), READ_PX))
    with (
        rasterio.open(path, "w", **profile(grid, dtype, len(eye.roles)), nodata=nodata) as file,
        rasterio.open(path.with_suffix(".clear.tif"), "w", **profile(grid, "uint8", 1)) as mask_file,
    ):
        _describe(file, ground, eye.roles, is_raw=is_raw)
        mask_file.descriptions = ("clear",)
        for number, window in enumerate(windows, start=1):
            counts = reader.read(eye.roles, window)
            _lay(counts, ground, eye, grid, window, levels)
            area = _as_rasterio(window)
            file.write(_raw_numbers(counts, nodata) if is_raw else counts, window=area)
            is_clear = reader.read_mask(window) == Coverage.CLEAR
            mask_file.write(is_clear.astype(np.uint8), 1, window=area)
            n_hidden += pixels_in(bounds, ~is_clear, _part(grid, window))
            if on_share is not None:
                on_share(number / len(windows))
    return n_hidden


def _lay(counts: NDArray[np.int16], ground: Ground, eye: Optics, grid: Grid, window: Window, levels: Levels) -> None:
    """Lay the mines of a window into its counts, in place."""
    for block in blocks(window):
        rows = slice(block.row_start - window.row_start, block.row_stop - window.row_start)
        cols = slice(block.col_start - window.col_start, block.col_stop - window.col_start)
        for role, imprint in imprints(ground, eye, grid, block).items():
            plane = counts[eye.roles.index(role), rows, cols]
            plane[...] = _mixed(plane, imprint, levels, role)


def _mixed(counts: NDArray[np.int16], imprint: Imprint, levels: Levels, role: str) -> NDArray[np.int16]:
    """Counts with the mine in them; untouched where there is none, and where the scene has no data."""
    mine = (levels.slope[role] * imprint.laid + levels.base[role] * imprint.cover) / REFLECTANCE_UNIT
    mixed = np.clip(np.rint(counts * (1.0 - imprint.cover) + mine), *levels.limits).astype(np.int16)
    return np.where((imprint.cover > 0.0) & (counts != INVALID), mixed, counts)


def _raw_numbers(counts: NDArray[np.int16], nodata: float | None) -> NDArray[np.uint8]:
    """Eight-bit numbers of counts that were read from such."""
    numbers = np.clip(np.rint(counts * (REFLECTANCE_UNIT / film.UNIT)), 0, 255)
    return np.where(counts == INVALID, nodata or 0, numbers).astype(np.uint8)


def _describe(file: Any, ground: Ground, roles: tuple[str, ...], *, is_raw: bool) -> None:
    file.update_tags(
        TIFFTAG_DATETIME=ground.when.strftime("%Y:%m:%d %H:%M:%S"),
        TIFFTAG_IMAGEDESCRIPTION="A real scene into which pondscan laid simulated mines",
    )
    file.descriptions = roles
    if not is_raw:
        file.scales = (REFLECTANCE_UNIT,) * len(roles)
        file.offsets = (0.0,) * len(roles)


def _as_rasterio(window: Window) -> Any:
    from rasterio.windows import Window as RasterioWindow

    return RasterioWindow(window.col_start, window.row_start, window.width, window.height)


def _part(grid: Grid, window: Window) -> Grid:
    """The grid of a window."""
    x, y = grid.x_origin + window.col_start * grid.gsd_m, grid.y_origin - window.row_start * grid.gsd_m
    return Grid(grid.crs, x, y, grid.gsd_m, window.width, window.height)


def _as_seen(
    table: geopandas.GeoDataFrame, bounds: NDArray[np.float64], n_hidden: NDArray[np.int64], scene: Scene
) -> geopandas.GeoDataFrame:
    """Leave out the ponds beyond the scene's edge and mark those that it hides."""
    west, south, east, north = scene.grid.bounds
    is_inside = (bounds[:, 0] > west) & (bounds[:, 1] > south) & (bounds[:, 2] < east) & (bounds[:, 3] < north)
    seen = table.assign(sensor=scene.sensor)
    seen.loc[(n_hidden > 0) & (seen["status"] != "gone").to_numpy(), "status"] = "clouded"
    kept: geopandas.GeoDataFrame = seen[is_inside].reset_index(drop=True)
    return kept
