"""Scenes: the ground seen through a sensor's point spread, the sky between, and noise."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pondscan.errors import ConfigError
from pondscan.model import Calibration, Grid, Window
from pondscan.simulate import clouds, film, noise
from pondscan.simulate.canvas import Cells, Image
from pondscan.simulate.endmembers import palette, surface_code
from pondscan.simulate.ground import Ground, diffuse_share
from pondscan.simulate.optics import BandOptics, Optics, fitted, optics
from pondscan.simulate.place import Place
from pondscan.sun import sun_position

_BLOCK_CELLS = 640
"""Side of the blocks the ground is drawn in, about: bounds the memory, never changes a result."""
_REACH_SIGMAS = 4.0
_WINTER = (12, 1, 2, 3)
_HAZE = {"coastal": 0.034, "blue": 0.028, "green": 0.019, "red": 0.013, "rededge": 0.011, "nir": 0.008}


@dataclass(frozen=True)
class Rendered:
    """A simulated scene."""

    grid: Grid
    bands: dict[str, Image]
    """Reflectance (h, w) by role on the grid; coarser bands are repeated. Raw numbers, where ``calibrated`` says so,
    are whole multiples of `film.UNIT`."""
    band_gsd_m: dict[str, float]
    clear: NDArray[np.uint8]
    """The mask delivered with the scene: 1 usable, 0 not."""
    cloud_truth: NDArray[np.uint8]
    """0 clear, 1 cloud, 2 cloud shadow, 3 bright ground that the delivered mask takes for cloud."""
    sensor: str
    datetime: datetime
    sun_elevation_deg: float
    sun_azimuth_deg: float
    calibrated: Calibration = "reflectance"


@dataclass(frozen=True)
class _Shot:
    """What one scene's random numbers decide."""

    gain: dict[str, float]
    offset: dict[str, float]
    haze: float
    shift_m: dict[str, tuple[float, float]]
    """How far east and north of its true place each band shows things."""
    cirrus: float = 0.0
    stripes: float = 0.0
    snow: float = 0.0
    veil_seed: int = 0


def render(
    place: Place,
    sensor: str,
    when: datetime,
    *,
    seed: int,
    cloud_fraction: float = 0.0,
    haze: float | None = None,
    cirrus: float | None = None,
    stripes: float | None = None,
    snow: float | None = None,
    mask_takes_bright: float = 0.0,
    misregistration_px: float = 0.1,
    gsd_m: float | None = None,
    shift_m: tuple[float, float] = (0.0, 0.0),
    gain_sigma: float = 0.025,
    noise_scale: float = 1.0,
) -> Rendered:
    """Render a place as a sensor sees it.

    Parameters
    ----------
    place : Place
    sensor : str
        A key of `optics.OPTICS`.
    when : datetime
        Aware; decides sun, season and the state of the ponds.
    seed : int
        Of the scene: clouds, haze, calibration and noise, each drawn anew for every sensor and time.
    cloud_fraction : float
        Share of the scene under cloud, 0 to 1.
    haze : float, optional
        0 none to 1 thick smoke; by default drawn, mostly thin.
    cirrus : float, optional
        Mean thickness of a veil of thin cloud, which no mask speaks of, 0 to about 1; by default none over a place
        without variety, else drawn: in one scene out of three.
    stripes : float, optional
        How unequal the detector's columns are: standard deviation of their offsets, in units of the noise (and of
        their gains, in per cent); by default none over a place without variety, else drawn.
    snow : float, optional
        Share of the ground, the highest, under patches of snow; by default none over a place without variety, else
        drawn, in one winter scene out of four.
    mask_takes_bright : float
        Share of bright things (white ponds, roofs, quarries) that the delivered mask takes for cloud, as masks do.
    misregistration_px : float
        Standard deviation of each band's shift against the grid, pixels of the band.
    gsd_m : float, optional
        Size of the pixels delivered, where they are averages of the sensor's own.
    shift_m : two floats
        Error of georeferencing: how far east and north of its true place everything appears.
    gain_sigma : float
        Standard deviation of each band's calibration; never more than twice that.
    noise_scale : float
        Multiplies the sensor's noise; 0 for none.

    Raises
    ------
    ConfigError
        For an unknown sensor, a naive time, a cloud fraction outside 0 to 1, or a sun below 10°.
    """
    eye = optics(sensor) if gsd_m is None else fitted(optics(sensor), gsd_m)
    _check(when, cloud_fraction)
    elevation, azimuth = sun_over(place, when)
    grid = _grid(place, eye)
    rng = np.random.default_rng([seed, noise.salt(seed, f"{sensor} {when.astimezone(UTC).isoformat()}")])
    shot = _shoot(rng, eye, gain_sigma, misregistration_px, shift_m, haze)
    said = {"cirrus": cirrus, "stripes": stripes, "snow": snow}
    shot = _under_sky(shot, noise.salt(seed, f"sky {sensor} {when.astimezone(UTC)}"), place.variety, when.month, said)
    ground = Ground(place, when, eye.roles, eye.responses, elevation, azimuth, shot.snow)
    seen = _expose(ground, eye, grid, shot)
    x, y = sample_centres(grid, grid.gsd_m)
    sky = clouds.make_sky(x, y, cloud_fraction, elevation, azimuth, int(rng.integers(2**31)))
    veil = clouds.veil(x, y, shot.cirrus, shot.veil_seed)
    bands = {}
    for index, band in enumerate(eye.bands):
        image = _through_air(seen[band.role], sky, veil, band, eye, shot, index)
        image = image + sensor_noise(rng, image, band.noise * noise_scale)
        image = _striped(image, index, band.noise * noise_scale, shot)
        repeat = round(band.gsd_m / grid.gsd_m)
        bands[band.role] = np.repeat(np.repeat(image, repeat, axis=0), repeat, axis=1)
    sky = clouds.taking_bright(sky, bands, x, y, mask_takes_bright, shot.veil_seed)
    if eye.calibrated == "dn":
        survey = np.random.default_rng(noise.salt(place.seed, f"{sensor} {when.year}"))
        balance = film.draw_balance(survey, eye.roles)
        bands = {role: balance[role].develop(image) for role, image in bands.items()}
    return Rendered(
        grid,
        bands,
        {band.role: band.gsd_m for band in eye.bands},
        sky.clear,
        sky.truth,
        sensor,
        when.astimezone(UTC),
        elevation,
        azimuth,
        eye.calibrated,
    )


def point_spread(
    centres: NDArray[np.float64], cells: NDArray[np.float64], cell_m: float, sigma_m: float
) -> sparse.csr_matrix:
    """Weights with which ground cells add up to samples, along one axis.

    Parameters
    ----------
    centres : float64 array (n,)
        Where the samples are taken, metres.
    cells : float64 array (m,)
        Centres of the cells, evenly spaced, ascending or descending.
    cell_m : float
    sigma_m : float
        Standard deviation of the Gaussian, detector included. The cells are averages themselves, so their own
        variance (a twelfth of their side squared) is taken off.

    Returns
    -------
    sparse float32 matrix (n, m), rows summing to one
    """
    sigma = math.sqrt(sigma_m**2 - cell_m**2 / 12.0)
    step = float(cells[1] - cells[0])
    n_reach = math.ceil(_REACH_SIGMAS * sigma / cell_m)
    nearest = np.rint((centres - cells[0]) / step).astype(np.int64)
    column = nearest[:, None] + np.arange(-n_reach, n_reach + 1)
    away = cells[0] + column * step - centres[:, None]
    weight = np.exp(-0.5 * (away / sigma) ** 2)
    weight /= weight.sum(axis=1, keepdims=True)
    row = np.repeat(np.arange(centres.size), column.shape[1])
    entries = (weight.astype(np.float32).ravel(), (row, column.ravel()))
    return sparse.csr_matrix(entries, shape=(centres.size, cells.size))


def _check(when: datetime, cloud_fraction: float) -> None:
    if when.tzinfo is None:
        raise ConfigError(f"the time {when.isoformat()} has no time zone; add one, for instance +00:00")
    if not 0.0 <= cloud_fraction <= 1.0:
        raise ConfigError(f"a cloud fraction of {cloud_fraction:g} is impossible; give a number from 0 to 1")


def sun_over(place: Place, when: datetime) -> tuple[float, float]:
    """Elevation and azimuth of the sun over a place, degrees."""
    from pyproj import Transformer

    west, south, east, north = place.bounds
    to_degrees = Transformer.from_crs(place.crs, "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform((west + east) / 2, (south + north) / 2)
    elevation, azimuth = sun_position(when, longitude, latitude)
    if elevation < 10.0:
        raise ConfigError(
            f"at {when.isoformat()} the sun stands {elevation:.0f}° high over {latitude:.1f}° N {longitude:.1f}° E; "
            "choose a time of day with the sun at least 10° high"
        )
    return elevation, azimuth


def _grid(place: Place, eye: Optics) -> Grid:
    """The sensor's grid over the place, in whole pixels of its coarsest band."""
    coarse = round(eye.coarsest_gsd_m / eye.gsd_m)
    width = int(place.width_m / eye.coarsest_gsd_m + 1e-9) * coarse
    height = int(place.height_m / eye.coarsest_gsd_m + 1e-9) * coarse
    return Grid(place.crs, place.x_origin, place.y_origin, eye.gsd_m, width, height)


def sample_centres(grid: Grid, gsd_m: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Easting of every column and northing of every row of a band, at pixel centres."""
    n_cols, n_rows = round(grid.width * grid.gsd_m / gsd_m), round(grid.height * grid.gsd_m / gsd_m)
    x = grid.x_origin + (np.arange(n_cols, dtype=np.float64) + 0.5) * gsd_m
    return x, grid.y_origin - (np.arange(n_rows, dtype=np.float64) + 0.5) * gsd_m


def _shoot(
    rng: np.random.Generator,
    eye: Optics,
    gain_sigma: float,
    misregistration_px: float,
    shift_m: tuple[float, float],
    haze: float | None,
) -> _Shot:
    gain = {band.role: 1.0 + gain_sigma * float(np.clip(rng.normal(), -2.0, 2.0)) for band in eye.bands}
    offset = {band.role: 0.08 * gain_sigma * float(np.clip(rng.normal(), -2.0, 2.0)) for band in eye.bands}
    drawn_haze = float(rng.beta(1.0, 6.0))
    shift = {}
    for band in eye.bands:
        own = np.clip(rng.normal(0.0, 1.0, 2), -2.0, 2.0) * misregistration_px * band.gsd_m
        shift[band.role] = (shift_m[0] + float(own[0]), shift_m[1] + float(own[1]))
    return _Shot(gain, offset, drawn_haze if haze is None else haze, shift)


def _expose(ground: Ground, eye: Optics, grid: Grid, shot: _Shot) -> dict[str, Image]:
    """Every band on its own grid, without air or noise."""
    coarse = round(eye.coarsest_gsd_m / eye.gsd_m)
    block_px = max(int(_BLOCK_CELLS * eye.cell_m / eye.coarsest_gsd_m), 1) * coarse
    seen = {}
    for band in eye.bands:
        x, y = sample_centres(grid, band.gsd_m)
        seen[band.role] = np.empty((y.size, x.size), dtype=np.float32)
    for top in range(0, grid.height, block_px):
        for left in range(0, grid.width, block_px):
            rows = (top, min(top + block_px, grid.height))
            cols = (left, min(left + block_px, grid.width))
            _expose_block(ground, eye, grid, shot, rows, cols, seen)
    return seen


def _expose_block(
    ground: Ground,
    eye: Optics,
    grid: Grid,
    shot: _Shot,
    rows: tuple[int, int],
    cols: tuple[int, int],
    seen: dict[str, Image],
) -> None:
    """Fill one block of every band."""
    cells = _cells_under(eye, grid, shot, rows, cols)
    image = ground.draw(cells)
    for index, band in enumerate(eye.bands):
        factor = round(band.gsd_m / grid.gsd_m)
        row, col = (slice(edge[0] // factor, edge[1] // factor) for edge in (rows, cols))
        x, y = sample_centres(grid, band.gsd_m)
        east, north = shot.shift_m[band.role]
        across = point_spread(x[col] - east, cells.x, cells.cell_m, band.sigma_m)
        down = point_spread(y[row] - north, cells.y, cells.cell_m, band.sigma_m)
        seen[band.role][row, col] = (across @ np.ascontiguousarray((down @ image[index]).T)).T


def cells_under(eye: Optics, grid: Grid, window: Window) -> Cells:
    """Cells of the ground that a window of a scene without misregistration sees, in whole pixels of every band."""
    still = _Shot({}, {}, 0.0, dict.fromkeys((band.role for band in eye.bands), (0.0, 0.0)))
    coarse = math.ceil(eye.coarsest_gsd_m / eye.gsd_m - 1e-9)
    rows, cols = (
        (start // coarse * coarse, math.ceil(stop / coarse) * coarse)
        for start, stop in ((window.row_start, window.row_stop), (window.col_start, window.col_stop))
    )
    return _cells_under(eye, grid, still, rows, cols)


def _cells_under(eye: Optics, grid: Grid, shot: _Shot, rows: tuple[int, int], cols: tuple[int, int]) -> Cells:
    """Cells of the ground that a block of pixels sees, on the lattice of the place's own cells."""
    farthest = max(max(abs(east), abs(north)) for east, north in shot.shift_m.values())
    reach_m = _REACH_SIGMAS * max(band.sigma_m for band in eye.bands) + farthest
    n_margin = math.ceil(reach_m / eye.cell_m) + 2
    per_px = round(eye.gsd_m / eye.cell_m)
    col = np.arange(cols[0] * per_px - n_margin, cols[1] * per_px + n_margin, dtype=np.float64)
    row = np.arange(rows[0] * per_px - n_margin, rows[1] * per_px + n_margin, dtype=np.float64)
    x = grid.x_origin + (col + 0.5) * eye.cell_m
    return Cells(x, grid.y_origin - (row + 0.5) * eye.cell_m, eye.cell_m)


def _under_sky(shot: _Shot, seed: int, variety: float, month: int, said: dict[str, float | None]) -> _Shot:
    """Draw what was not said of thin cloud, detector stripes and snow; the draws of other numbers stay as they are."""
    rng = np.random.default_rng(seed)
    drawn = {
        "cirrus": float(rng.uniform(0.05, 0.8)) * (rng.uniform() < 1 / 3),
        "stripes": float(rng.uniform(0.0, 0.6)),
    }
    veil_seed = int(rng.integers(2**31))
    drawn["snow"] = float(rng.uniform(0.02, 0.15)) * (rng.uniform() < 1 / 4) * (month in _WINTER)
    value = {name: variety * drawn[name] if given is None else given for name, given in said.items()}
    return replace(shot, cirrus=value["cirrus"], stripes=value["stripes"], snow=value["snow"], veil_seed=veil_seed)


def _striped(image: Image, index: int, dark_noise: float, shot: _Shot) -> Image:
    """Give every column the small gain and offset of its own detector."""
    if shot.stripes == 0.0:
        return image
    rng = np.random.default_rng([shot.veil_seed, index])
    gain = 1.0 + 0.01 * shot.stripes * rng.standard_normal(image.shape[1])
    offset = shot.stripes * dark_noise * rng.standard_normal(image.shape[1])
    return np.asarray(image * gain + offset, dtype=np.float32)


def _through_air(
    image: Image, sky: clouds.Sky, veil: Image, band: BandOptics, eye: Optics, shot: _Shot, index: int
) -> Image:
    """Add cloud shadow, cloud, haze, thin cloud and the band's calibration."""
    factor = round(band.gsd_m / eye.gsd_m)
    opacity, shade = _coarsened(sky.opacity, factor), _coarsened(sky.shade, factor)
    diffuse = diffuse_share(eye.roles)[index]
    white = palette(eye.responses, eye.roles)[surface_code("cloud"), index]
    shaded = image * (diffuse + (1.0 - diffuse) * (1.0 - shade))
    under_haze = shaded * (1.0 - 0.1 * shot.haze) + _HAZE.get(band.role, 0.002) * shot.haze
    if shot.cirrus > 0.0:
        thin = _coarsened(veil, factor)
        addon = palette(eye.responses, eye.roles)[surface_code("cirrus_addon"), index]
        under_haze = under_haze * np.maximum(1.0 - 0.1 * thin, 0.0) + addon * thin
    clouded = under_haze + opacity * (white - under_haze)
    return np.asarray(clouded * shot.gain[band.role] + shot.offset[band.role], dtype=np.float32)


def _coarsened(image: Image, factor: int) -> Image:
    rows, cols = image.shape[0] // factor, image.shape[1] // factor
    return np.asarray(image.reshape(rows, factor, cols, factor).mean(axis=(1, 3)), dtype=np.float32)


def sensor_noise(rng: np.random.Generator, image: Image, dark_noise: float) -> Image:
    """Read-out noise, and photon noise that grows with the light: a hundredfold at a hundred times the dark noise."""
    sigma = dark_noise * np.sqrt(1.0 + np.maximum(image, 0.0) / 0.1).astype(np.float32)
    return np.asarray(sigma * rng.standard_normal(image.shape, dtype=np.float32))
