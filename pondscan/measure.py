"""From chips around candidates to measured segments: place, area with its sigma, colour, shape.

The chain for every object of a stack of equal chips: ground from a ring around it; liquid colour and a first water
fraction; division into basins of the fraction's peaks; and for every basin its own liquid colour, its fraction weights
and so its area, the sum of unclipped fractions over the basin and the blur around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from pondscan import fraction, split
from pondscan.model import Coverage

Floats = NDArray[np.float64]

OPTICAL = ("blue", "green", "red", "nir")
"""Bands that make the fraction; short-wave infrared is blurred over 20 m and only helps to judge."""

TEXTURE_CORRELATION_PX = 2.0
"""Pixels over which ground texture hangs together: a sum's variance is so many times that of independent pixels."""

COLOUR_ERROR = 0.06
"""Relative error of the liquid's contrast, common to the ponds of a scene (unsourced;
domain notes give 0.05 to 0.1)."""

MAX_SADDLE = (0.88, 0.95)
"""Neighbouring peaks are one pond when the saddle between them is higher than this share of the lower one: for
pixels finer than ``COARSE_GSD_M``, where a rim of 1 m dips by a fifth, and for coarser ones (domain notes E)."""

COARSE_GSD_M = 5.0

MIN_PEAK = 0.15
"""Least water fraction of a peak."""


@dataclass(frozen=True, slots=True)
class Chips:
    """A stack of equal windows, one around each of n candidate objects."""

    roles: tuple[str, ...]
    reflectance: Floats
    """(n, bands, h, w), NaN where there is no data."""
    is_object: NDArray[np.bool_]
    """(n, h, w) pixels of the chip's own candidate."""
    is_candidate: NDArray[np.bool_]
    """(n, h, w) pixels of any candidate."""
    coverage: NDArray[np.uint8]
    """(n, h, w) ``model.Coverage`` codes."""
    row_start: NDArray[np.int64]
    """(n,) scene row of each chip's first row."""
    col_start: NDArray[np.int64]

    def band(self, role: str) -> Floats:
        """Reflectance of one band, (n, h, w)."""
        return self.reflectance[:, self.roles.index(role)]


@dataclass(frozen=True, slots=True)
class Segments:
    """Measured segments, m of them; every array has length m unless said otherwise."""

    chip: NDArray[np.int64]
    """The chip (object) each segment was cut from."""
    chip_row: NDArray[np.int64]
    """Scene row and column of that chip's first pixel."""
    chip_col: NDArray[np.int64]
    row: Floats
    """Centroid in scene pixels; whole numbers are upper left pixel corners."""
    col: Floats
    area_px: Floats
    """Liquid area in pixels."""
    area_sigma_px: Floats
    shared_sigma_px: Floats
    n_pixels: Floats
    peak_fraction: Floats
    surface_peak: Floats
    """Peak of the smoothed surface the segment was cut from."""
    snr: Floats
    liquid: Floats
    """(m, bands) estimated reflectance of the liquid."""
    ground: Floats
    """(m, bands) reflectance of the ground around."""
    wettest: Floats
    """(m, bands) reflectance of the pixel of the highest fraction."""
    moments: Floats
    """(m, 3) fraction-weighted second moments rr, rc, cc, pixels²."""
    half_area_px: Floats
    """Area where the fraction exceeds half the segment's peak."""
    masked_fraction: Floats
    ring_masked_fraction: Floats
    """(m,) share of the ring around the object that is masked."""
    is_cut: NDArray[np.bool_]
    """Whether the segment touches pixels without data."""
    label: NDArray[np.int32]
    """(n, h·factor, w·factor) segment of every subpixel of the stack, from 1; 0 is none."""
    fraction: Floats
    """(n, h·factor, w·factor) water fraction the segments were cut from."""
    factor: int

    def __len__(self) -> int:
        return len(self.chip)


def upsampling(gsd_m: float) -> int:
    """Subpixels per pixel side for the splitting: a step of about 3.3 m."""
    return int(np.clip(round(gsd_m / 3.3), 1, 4))


def ring_pixels(ring_m: float, gsd_m: float) -> int:
    """Width of the ring of ground around an object, in pixels."""
    return int(np.clip(round(ring_m / gsd_m), 4, 24))


def measure(chips: Chips, *, gsd_m: float, smoothing_m: float, ring_m: float, noise: float) -> Segments:
    """Measure the ponds in a stack of chips.

    Parameters
    ----------
    chips : Chips
    gsd_m : float
        Ground sample distance.
    smoothing_m : float
        Standard deviation of the smoothing before peaks are sought.
    ring_m : float
        Width of the ring of ground around an object.
    noise : float
        Sensor noise, reflectance.
    """
    optical = [chips.roles.index(role) for role in OPTICAL]
    is_seen = np.asarray(np.isfinite(chips.reflectance[:, optical]).all(axis=1))
    filled = np.nan_to_num(chips.reflectance)
    ring_px = ring_pixels(ring_m, gsd_m)
    is_ring, is_near = _ring(chips, is_seen, ring_px)
    ground = fraction.ground_around(filled, is_ring, noise=noise)
    factor = upsampling(gsd_m)
    surface, gain = _fraction_surface(chips, filled, ground, optical, factor, smoothing_m / gsd_m)
    reach = _grow(chips.is_object, 1) & is_seen & ~(chips.is_candidate & ~chips.is_object)
    inside = reach.repeat(factor, axis=1).repeat(factor, axis=2)
    max_saddle = MAX_SADDLE[int(gsd_m > COARSE_GSD_M)]
    label = split.basins(surface, inside, min_peak=MIN_PEAK, max_saddle=max_saddle, noise=noise * gain)
    ring_masked = _share(is_near & (chips.coverage != Coverage.CLEAR), is_near)
    return _segments(chips, filled, ground, optical, label, surface, factor, ring_masked, is_seen)


def _grow(mask: NDArray[np.bool_], n_pixels: int) -> NDArray[np.bool_]:
    """Dilate every chip of a stack by a square of ``n_pixels``."""
    size = (1, 2 * n_pixels + 1, 2 * n_pixels + 1)
    grown: NDArray[np.bool_] = ndi.maximum_filter(mask.view(np.uint8), size=size, mode="constant").view(np.bool_)
    return grown


def _share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> Floats:
    share: Floats = part.sum(axis=(1, 2)) / np.maximum(whole.sum(axis=(1, 2)), 1)
    return share


def _ring(chips: Chips, is_seen: NDArray[np.bool_], ring_px: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Ground pixels around each object, and all pixels of that ring whether usable or not."""
    is_near = _grow(chips.is_object, ring_px) & ~_grow(chips.is_object, 1)
    is_free = is_seen & ~_grow(chips.is_candidate, 1)
    is_ring = is_near & is_free & (chips.coverage == Coverage.CLEAR)
    for wider in (is_near & is_free, is_free, is_seen):
        is_few = is_ring.sum(axis=(1, 2)) < fraction.MIN_RING_PIXELS
        is_ring = np.where(is_few[:, None, None], wider, is_ring)
    return is_ring, is_near


def _fraction_surface(
    chips: Chips, filled: Floats, ground: fraction.Ground, optical: list[int], factor: int, sigma_px: float
) -> tuple[Floats, Floats]:
    """Water fraction by the liquid colour of the object as a whole, smoothed and upsampled; and the gain (n,)
    that sensor noise has in it."""
    red, nir = OPTICAL.index("red"), OPTICAL.index("nir")
    mean = ground.mean[:, optical]
    covariance = ground.covariance[:, optical][:, :, optical]
    reflectance = filled[:, optical]
    darkening = np.clip(1 - reflectance[:, nir] / np.maximum(mean[:, nir], 0.03)[:, None, None], 0, 1)
    weight = darkening * chips.is_object
    excess = np.einsum("nhw,nbhw->nb", weight, reflectance) - weight.sum(axis=(1, 2))[:, None] * mean
    colour = fraction.liquid_colour(excess, mean, red=red, nir=nir)
    weights, _ = fraction.fraction_weights(colour - mean, covariance)
    fractions = fraction.project(reflectance, mean, weights)
    return split.resample(fractions, factor, sigma_px), np.linalg.norm(weights, axis=1)


def _segments(
    chips: Chips,
    filled: Floats,
    ground: fraction.Ground,
    optical: list[int],
    label: NDArray[np.int32],
    surface: Floats,
    factor: int,
    ring_masked: Floats,
    is_seen: NDArray[np.bool_],
) -> Segments:
    n_segments = int(label.max())
    chip, sub_row, sub_col = np.nonzero(label)
    segment = label[chip, sub_row, sub_col].astype(np.int64) - 1
    row, col = sub_row // factor, sub_col // factor
    share = 1 / factor**2

    def total(values: Floats | NDArray[np.bool_]) -> Floats:
        return np.bincount(segment, values, n_segments).astype(np.float64)

    n_pixels: Floats = np.bincount(segment, minlength=n_segments).astype(np.float64) * share
    home = np.zeros(n_segments, np.int64)
    home[segment] = chip
    pixels = filled[chip, :, row, col]
    mean = ground.mean[home]
    excess = np.stack([total(pixels[:, b]) * share for b in range(pixels.shape[1])], axis=1) - n_pixels[:, None] * mean
    height = np.clip(surface[chip, sub_row, sub_col], 0.02, 1.0)
    tilted = np.stack([total((pixels[:, b] - mean[segment, b]) * height) for b in range(pixels.shape[1])], axis=1)
    liquid = fraction.liquid_colour(tilted, mean, red=chips.roles.index("red"), nir=chips.roles.index("nir"))
    covariance = ground.covariance[:, optical][:, :, optical][home]
    weights, variance = fraction.fraction_weights((liquid - mean)[:, optical], covariance)
    area_px = np.einsum("mb,mb->m", weights, excess[:, optical])
    wet = np.einsum("kb,kb->k", weights[segment], (pixels - mean[segment])[:, optical])
    peak, wettest = _peaks(segment, wet, pixels, n_segments)
    ground_variance = (
        variance * TEXTURE_CORRELATION_PX * (n_pixels + n_pixels**2 / np.maximum(ground.n_pixels[home], 1))
    )
    shared = COLOUR_ERROR * np.abs(area_px)
    centroid, moments = _moments(segment, sub_row, sub_col, height, n_segments, factor)
    is_masked = chips.coverage[chip, row, col] != Coverage.CLEAR
    is_cut = total(_grow(~is_seen, 1)[chip, row, col]) > 0
    return Segments(
        chip=home,
        chip_row=chips.row_start[home],
        chip_col=chips.col_start[home],
        row=centroid[:, 0] + chips.row_start[home],
        col=centroid[:, 1] + chips.col_start[home],
        area_px=area_px,
        area_sigma_px=np.sqrt(ground_variance + shared**2),
        shared_sigma_px=shared,
        n_pixels=n_pixels,
        peak_fraction=peak,
        surface_peak=_largest(segment, surface[chip, sub_row, sub_col], n_segments),
        snr=peak / np.sqrt(variance),
        liquid=liquid,
        ground=mean,
        wettest=wettest,
        moments=moments,
        half_area_px=total(wet > 0.5 * peak[segment]) * share,
        masked_fraction=total(is_masked) * share / n_pixels,
        ring_masked_fraction=ring_masked[home],
        is_cut=is_cut,
        label=label,
        fraction=surface,
        factor=factor,
    )


def _peaks(segment: NDArray[np.int64], wet: Floats, pixels: Floats, n_segments: int) -> tuple[Floats, Floats]:
    """Highest fraction of every segment, and the reflectance of that pixel."""
    order = np.lexsort((wet, segment))
    last = np.cumsum(np.bincount(segment, minlength=n_segments)) - 1
    top = order[last]
    return wet[top], pixels[top]


def _largest(segment: NDArray[np.int64], values: Floats, n_segments: int) -> Floats:
    largest = np.full(n_segments, -np.inf)
    np.maximum.at(largest, segment, values)
    return largest


def _moments(
    segment: NDArray[np.int64],
    sub_row: NDArray[np.intp],
    sub_col: NDArray[np.intp],
    weight: Floats,
    n_segments: int,
    factor: int,
) -> tuple[Floats, Floats]:
    """Weighted centroid (m, 2) in chip pixels, and second moments rr, rc, cc (m, 3) in pixels²."""
    y, x = (sub_row + 0.5) / factor, (sub_col + 0.5) / factor
    mass = np.bincount(segment, weight, n_segments)
    row = np.bincount(segment, weight * y, n_segments) / mass
    col = np.bincount(segment, weight * x, n_segments) / mass
    dy, dx = y - row[segment], x - col[segment]
    products = (dy * dy, dy * dx, dx * dx)
    moments = [np.bincount(segment, weight * product, n_segments) / mass for product in products]
    return np.stack([row, col], axis=1), np.stack(moments, axis=1)
