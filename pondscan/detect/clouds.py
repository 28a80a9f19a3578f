"""Cloud and its shadow in a scene that came without a mask, on a coarse grid: arrays in, arrays out.

A cloud is bright, hardly coloured, larger than any pond or roof, and casts a shadow: dark ground of its own shape,
beside it, at a distance that all clouds of the scene nearly share. Bright ground casts none. Four bands are enough, and
nothing but the scene itself is asked, so that what a scene saw never depends on which others there are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy import ndimage as ndi

from pondscan.model import Coverage

Floats = NDArray[np.float32]
Booleans = NDArray[np.bool_]
Labels = NDArray[np.int32]

CELL_M = 40.0
"""Side of a cell of the screen: a pond or a roof fills none, a cloud fills many."""

PALE_BLUE = 0.20
PALE_SPREAD = 0.40
"""What may be cloud: blue at least so bright (nearly all ground is dark in blue), and red, green and blue no farther
apart, range over mean."""

NIR_OVER_VISIBLE = (0.70, 2.4)
"""Of what may be cloud: white liquid lies below, since water takes the near infrared away; leaves lie above."""

BRIGHT = 0.42
BRIGHT_SPREAD = 0.25
BRIGHT_NIR_OVER_VISIBLE = 1.35
"""What is cloud at the heart: mean visible reflectance, spread, and near infrared that shows no leaves below."""

MIN_CLOUD_M2 = 50_000.0
"""Smaller pale objects are taken for roofs (one of 45,000 m² in Bolzano had a dark neighbour), quarries or sheets."""

DARK = 0.62
"""Near infrared of shadow, over that of the ground around."""

SURROUNDINGS_M = 1500.0
"""Half-width of the window that says how bright the ground is in the near infrared."""

REACH_M = (150.0, 4500.0)
MOST_REACH_M = 2000.0
"""Least and greatest distance of a shadow from its cloud; the latter less where the sun is not known, for somewhere all
around a single bright roof there is always something dark of its size."""

SUN_ERROR_DEG = 15.0
"""Shadows are sought so far to both sides of the line away from the sun."""

MATCH_SIDE = 768
"""Cells along the longer side of the grid on which shadows are matched."""

MIN_SHADED = (0.35, 0.20)
MIN_GAIN = (0.20, 0.12)
"""Least share of the place of a cloud's shadow that must be dark, and how much more often than elsewhere it must be so;
less where the sun tells the direction. Thin parts of a cloud cast no dark shadow."""

USUAL_REACH_M = (300.0, 1500.0)
MIN_TOLD = 0.3
"""Where a shadow most often lies; whether there is one can be told where so much of that is in sight."""

RIM_CELLS, RIM_BLUE = 3, 0.045
DIM = 0.85
"""How far the rims of clouds and shadows are followed, in cells; how much bluer than ground a rim of cloud is (see
``HAZE_SLOPE``), and how much darker than the ground around a rim of shadow."""

MIN_SEEN = 0.2
"""Least share of a shadow's place that must be ground in sight for it to be judged."""

STRETCHES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5)
"""Heights of single clouds over the height most have."""

HAZE_SLOPE, HAZE_BLUE = 0.5, 0.026
"""Thin cloud and haze add more to blue than to red: blue less half of red is below 0.026 over three quarters of the
ground of three real scenes under clear sky, above it over more than half under haze."""

MIN_SHEET_M2 = 4e6
MIN_SHEET_SHARE = 0.5
"""A bright object that hides its own shadow, or lies where none can show, is cloud when it is so large, and so much of
it bright through and through."""

_SQUARE = np.ones((3, 3), bool)


@dataclass(frozen=True, slots=True)
class Screen:
    """What the screen says of the cells of a scene."""

    codes: NDArray[np.uint8]
    """(h, w) ``model.Coverage``: CLEAR, CLOUD or SHADOW; OUTSIDE without data."""
    thin_fraction: float
    """Share of the cells taken for clear over which thin cloud or haze seems to lie."""
    unsure_fraction: float
    """Share of the cells with data that are pale like cloud and were not masked, for no shadow lies beside them."""


def screen(
    visible: Floats,
    nir: Floats,
    *,
    cell_m: float,
    sun_azimuth_deg: float | None = None,
    is_scaled: bool = True,
) -> Screen:
    """Tell cloud and shadow from ground.

    Parameters
    ----------
    visible : (3, h, w) float32
        Reflectance of blue, green and red, cell means; NaN without data.
    nir : (h, w) float32
        The same of near infrared.
    cell_m : float
        Side of a cell.
    sun_azimuth_deg : float, optional
        Clockwise from north; where it is not known shadows are sought all around.
    is_scaled : bool
        Whether the numbers are reflectance; of raw numbers only what casts a shadow is believed to be cloud.
    """
    is_data = np.isfinite(visible).all(axis=0) & np.isfinite(nir)
    pale, bright = _pale(visible, nir, is_data, cell_m)
    label, n_clouds = _labelled(pale)
    is_cloud, is_shadow = np.zeros(n_clouds + 1, bool), np.zeros(pale.shape, bool)
    if n_clouds:
        is_ground = is_data & ~pale
        light = _light(nir, is_ground, cell_m)
        least = MIN_SHADED[sun_azimuth_deg is not None]
        offset, is_told = _shadow_offset(pale, light < DARK, is_ground, cell_m, sun_azimuth_deg)
        if offset is not None:
            is_cloud, is_shadow = _with_shadow(label, n_clouds, light, is_ground, offset, least)
        elif is_scaled and not is_told:
            is_cloud[1:] = True
    if is_scaled:
        is_cloud |= _sheets(label, n_clouds, bright, cell_m)
    codes = np.where(is_data, np.uint8(Coverage.CLEAR), np.uint8(Coverage.OUTSIDE))
    codes[is_shadow & is_data] = Coverage.SHADOW
    codes[_with_rims(is_cloud[label], visible)] = Coverage.CLOUD
    unsure = float((pale & ~is_cloud[label]).sum()) / max(int(is_data.sum()), 1)
    return Screen(codes, _thin(visible, codes == Coverage.CLEAR), unsure)


def may_hold_cloud(blue: Floats) -> bool:
    """Whether any place is bright enough in blue for cloud: where none is, `screen` finds none.

    Parameters
    ----------
    blue : (h, w) float32
        Reflectance, cell means; NaN without data.
    """
    rows = blue > PALE_BLUE
    rows = rows[:-2] & rows[1:-1] & rows[2:]
    return bool((rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]).any())  # squares of three by three: what opening leaves


def thin_share(blue: Floats, red: Floats) -> float:
    """Share of the cells with data over which thin cloud or haze seems to lie, where nothing is masked."""
    return _thin(np.stack([blue, blue, red]), np.isfinite(blue) & np.isfinite(red))


def _pale(visible: Floats, nir: Floats, is_data: Booleans, cell_m: float) -> tuple[Booleans, Booleans]:
    """Cells that may be cloud, in patches no pond or roof makes, and those of them that are cloud at the heart."""
    is_pale, is_bright = np.zeros((2, *nir.shape), bool)
    place = np.nonzero(is_data & (visible[0] > PALE_BLUE))  # the rest is for these alone: few under a clear sky
    bands = np.stack([band[place] for band in visible])
    level = bands.mean(axis=0)
    spread, ratio = (bands.max(axis=0) - bands.min(axis=0)) / level, nir[place] / level
    may_be = (spread < PALE_SPREAD) & (ratio > NIR_OVER_VISIBLE[0]) & (ratio < NIR_OVER_VISIBLE[1])
    is_pale[place] = may_be
    is_bright[place] = may_be & (level > BRIGHT) & (spread < BRIGHT_SPREAD) & (ratio < BRIGHT_NIR_OVER_VISIBLE)
    heart = ndi.binary_opening(is_pale, _SQUARE)
    label, n = _labelled(ndi.binary_propagation(heart, _SQUARE, mask=is_pale))
    size = np.bincount(label.ravel(), minlength=n + 1)
    n_bright = np.bincount(label.ravel(), is_bright.ravel(), minlength=n + 1)
    keeps = (size * cell_m**2 >= MIN_CLOUD_M2) & (n_bright > 0)
    keeps[0] = False
    kept: Booleans = keeps[label]
    return kept, is_bright & kept


def _labelled(flags: Booleans) -> tuple[Labels, int]:
    """Patches of cells that touch, corners too, numbered from 1."""
    label, n_patches = ndi.label(flags, structure=_SQUARE)
    return np.asarray(label, np.int32), n_patches


def _with_rims(is_cloud: Booleans, visible: Floats) -> Booleans:
    """Clouds with the thin rims around them: cells bluer than ground, a few cells out."""
    is_thin = _blueness(visible) > np.float32(RIM_BLUE)
    return np.asarray(ndi.binary_dilation(is_cloud, _SQUARE, iterations=RIM_CELLS, mask=is_cloud | is_thin))


def _light(nir: Floats, is_ground: Booleans, cell_m: float) -> Floats:
    """Near infrared of ground over that of the ground around it; infinite where there is no ground."""
    size = 2 * max(1, round(SURROUNDINGS_M / cell_m)) + 1
    share = ndi.uniform_filter(is_ground.astype(np.float32), size, mode="constant")
    total = ndi.uniform_filter(np.where(is_ground, nir, np.float32(0)), size, mode="constant")
    return np.asarray(np.divide(nir * share, total, out=np.full_like(nir, np.inf), where=is_ground & (total > 0)))


def _shadow_offset(
    pale: Booleans, is_dark: Booleans, is_ground: Booleans, cell_m: float, sun_azimuth_deg: float | None
) -> tuple[tuple[float, float] | None, bool]:
    """How many cells down and right of the clouds their shadows lie, and whether that can be told.

    None with True where no shadow lies beside the clouds, with False where its place is out of sight.

    Notes
    -----
    The share of dark ground in the place of the clouds, moved by every offset within reach, is a correlation. At the
    true offset it stands out above what the same clouds meet elsewhere.
    """
    factor = max(1, -(-max(pale.shape) // MATCH_SIDE))
    clouds, dark, ground = (_block_means(part, factor) for part in (pale, is_dark, is_ground))
    reach = min(math.ceil(REACH_M[1] / cell_m / factor), max(clouds.shape) - 1)
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
    shaded, seen = (_meeting(clouds, part, reach) for part in (dark, ground))
    is_told = seen > MIN_SEEN * clouds.sum()
    share = np.divide(shaded, seen, out=np.zeros_like(shaded), where=is_told)
    distance_m = np.hypot(down, right) * cell_m * factor
    is_within = is_told & (distance_m >= REACH_M[0])
    is_within &= distance_m <= (MOST_REACH_M if sun_azimuth_deg is None else REACH_M[1])
    usual = float(np.median(share[is_within])) if is_within.any() else 1.0
    is_sought = (distance_m >= USUAL_REACH_M[0]) & (distance_m <= USUAL_REACH_M[1])
    if sun_azimuth_deg is not None:
        azimuth = np.degrees(np.arctan2(-right, down))
        is_along = np.abs((azimuth - sun_azimuth_deg + 180) % 360 - 180) <= SUN_ERROR_DEG
        is_within &= is_along
        is_sought &= is_along
    n_sought = int(is_sought.sum())
    best = int(np.argmax(np.where(is_within, share, -1.0)))
    is_known = sun_azimuth_deg is not None
    if not is_within.flat[best] or share.flat[best] < max(MIN_SHADED[is_known], usual + MIN_GAIN[is_known]):
        return None, bool((is_within & is_sought).sum() >= MIN_TOLD * max(n_sought, 1))
    return (float(down.flat[best] * factor), float(right.flat[best] * factor)), True


def _block_means(flags: Booleans, factor: int) -> NDArray[np.float64]:
    height, width = flags.shape
    padded = np.pad(flags, ((0, -height % factor), (0, -width % factor)))
    blocks = padded.reshape(padded.shape[0] // factor, factor, padded.shape[1] // factor, factor)
    return np.asarray(blocks.mean(axis=(1, 3)))


def _meeting(clouds: NDArray[np.float64], other: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Sum of ``clouds`` times ``other`` that many cells down and right of it, (2 reach + 1, 2 reach + 1)."""
    shape = [fft.next_fast_len(side + reach, real=True) for side in clouds.shape]
    product = np.conj(fft.rfft2(clouds, shape)) * fft.rfft2(other, shape)
    correlation = fft.irfft2(product, shape)
    offsets = np.arange(-reach, reach + 1)
    return np.maximum(correlation[np.ix_(offsets % shape[0], offsets % shape[1])], 0.0)


def _with_shadow(
    label: Labels, n_clouds: int, light: Floats, is_ground: Booleans, offset: tuple[float, float], least: float
) -> tuple[Booleans, Booleans]:
    """Which clouds have a shadow near the common offset, and the cells in it.

    Clouds differ in height: each takes the stretch of the offset at which its shadow fits best. One whose shadow's
    place cannot be seen is believed, as others of the scene have theirs.

    Returns
    -------
    is_cloud : (n_clouds + 1,) bool
        By label; ground, 0, is none.
    is_shadow : (h, w) bool
    """
    moves = [(round(offset[0] * stretch), round(offset[1] * stretch)) for stretch in STRETCHES]
    size = np.maximum(np.bincount(label.ravel(), minlength=n_clouds + 1), 1)
    shares = []
    for move in moves:
        seen, shaded = (_counted(label, n_clouds, part, move) for part in (is_ground, light < DARK))
        shares.append(np.where(seen > MIN_SEEN * size, shaded / np.maximum(seen, 1), np.nan))
    share = np.array(shares)
    is_hidden = np.isnan(share).all(axis=0)
    best = np.where(is_hidden, STRETCHES.index(1.0), np.argmax(np.nan_to_num(share, nan=-1.0), axis=0))
    is_cloud = is_hidden | (np.nan_to_num(share, nan=-1.0).max(axis=0) >= least)
    is_cloud[0] = False
    place = np.zeros(label.shape, bool)
    for number, (down, right) in enumerate(moves):
        is_one = (is_cloud & (best == number))[label]
        to, origin = _overlap(label.shape, down, right)
        place[to] |= is_one[origin]
    near = ndi.binary_dilation(place, _SQUARE, iterations=RIM_CELLS)
    return is_cloud, np.asarray(place | (near & (light < DIM)))


def _counted(label: Labels, n_clouds: int, flags: Booleans, move: tuple[int, int]) -> NDArray[np.float64]:
    """Cells flagged in the place of every cloud, moved down and right."""
    to, origin = _overlap(label.shape, *move)
    return np.bincount(label[origin].ravel(), flags[to].ravel(), minlength=n_clouds + 1).astype(np.float64)


def _overlap(shape: tuple[int, ...], down: int, right: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where moved cells come to lie within the grid, and where they come from."""
    (to_row, from_row), (to_col, from_col) = (
        (slice(max(move, 0), max(size + min(move, 0), 0)), slice(max(-move, 0), max(size - max(move, 0), 0)))
        for size, move in zip(shape, (down, right), strict=True)
    )
    return (to_row, to_col), (from_row, from_col)


def _sheets(label: Labels, n_clouds: int, bright: Booleans, cell_m: float) -> Booleans:
    """Clouds so large that they need no shadow to be told from ground, by label."""
    size = np.bincount(label.ravel(), minlength=n_clouds + 1)
    n_bright = np.bincount(label.ravel(), bright.ravel(), minlength=n_clouds + 1)
    is_sheet = (size * cell_m**2 >= MIN_SHEET_M2) & (n_bright >= MIN_SHEET_SHARE * size)
    is_sheet[0] = False
    return is_sheet


def _thin(visible: Floats, is_clear: Booleans) -> float:
    """Share of the clear cells that are bluer than ground is for its red (Zhang et al. 2002, "haze optimised")."""
    if not is_clear.any():
        return 0.0
    return float((_blueness(visible)[is_clear] > np.float32(HAZE_BLUE)).mean())


def _blueness(visible: Floats) -> Floats:
    """Blue less what ground of that red has of it; nearly zero on ground of every brightness."""
    return np.asarray(visible[0] - np.float32(HAZE_SLOPE) * visible[2])
