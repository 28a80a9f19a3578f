"""From chips around candidates to measured segments: place, area with its sigma, colour, shape.

The chain for every object of a stack of equal chips: ground from a ring around it; liquid colour and a first water
fraction; division into basins of the fraction's peaks; and for every basin its own liquid colour, its fraction weights
and so its area, the sum of unclipped fractions over the basin and the blur around it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pondscan.detect import fraction, split
from pondscan.model import Coverage

Floats = NDArray[np.float64]
Pixels = NDArray[np.float32]

OPTICAL = ("blue", "green", "red", "nir")
"""Bands that make the fraction; short-wave infrared is blurred over 20 m and only helps to judge."""

GREEN, RED, NIR = 1, 2, 3
"""Places of bands in ``OPTICAL``."""

TEXTURE_CORRELATION_PX = 3.0
"""Pixels over which ground texture hangs together: a sum's variance is so many times that of independent pixels."""

BESIDE_PIXELS = 24
"""Ground pixels that the level of the ground beside an object is the median of (OWN; docs/design.md)."""

INNER_PX = 3
MIN_INNER_PIXELS = 4
"""A segment's inside: pixels so far from its margin (one pixel of which is blur), and how many of them are enough."""

BORDER_ERROR_PX = 0.09
"""How far the line between two touching ponds may be off, pixels: what one gains the other loses."""

COLOUR_ERROR = 0.06
"""Relative error of the liquid's contrast, common to the ponds of a scene (unsourced;
domain notes give 0.05 to 0.1)."""

MAX_SADDLE = 0.87
"""Neighbouring peaks are one pond when the saddle between them is higher than this share of the lower one."""

COARSE_GSD_M = 5.0
"""Pixels coarser than this do not resolve rims: there the fraction is sharpened before peaks are sought."""

SHARPENING = 0.35
"""Second difference taken off at coarse pixels, about twice what undoes Sentinel-2's blur to first order (half its
variance, 0.13 square pixels); chosen with ``MAX_SADDLE`` by scripts/choose_constants, among pairs of like F1 for the
least bias of area."""

MIN_PEAK = 0.15
"""Least water fraction of a peak."""

CORE_REACH_M = 9.5
"""How far around a pixel its core is sought, at least a pixel: about a pond's width (OWN; docs/design.md)."""

COARSE_BLUR_PX = 1
FINE_BLUR_PX = 2
"""Pixels around a core over which its liquid is blurred. At pixels up to 5 m the core leaves out more of a pond's edge:
with one pixel 4 % of the area at 3 m was lost (seeds from 1500), with two 2 %."""

CORE_SHARE = 0.7
"""A candidate's pixel is kept if its darkness is at least this share of the highest beside it. What
falls short is blur, berm or worked ground beside a pond that looks wet against the fields or forest around."""

GREEN_IN_DARKNESS = 0.5
"""*Darkness* is how much lower the near infrared less this share of the green is than on the ground around: liquid is
dark in the one and seldom in the other. Chosen with ``CORE_SHARE`` by scripts/choose_constants."""


@dataclass(frozen=True, slots=True)
class Chips:
    """A stack of equal windows, one around each of n candidate objects."""

    roles: tuple[str, ...]
    reflectance: Pixels
    """(n, bands, h, w), NaN where there is no data; the ``OPTICAL`` bands first."""
    is_object: NDArray[np.bool_]
    """(n, h, w) pixels of the chip's own candidate."""
    is_candidate: NDArray[np.bool_]
    """(n, h, w) pixels of any candidate."""
    coverage: NDArray[np.uint8]
    """(n, h, w) ``model.Coverage`` codes."""
    row_start: NDArray[np.int64]
    """(n,) scene row of each chip's first row."""
    col_start: NDArray[np.int64]

    def cropped(self, margin: int) -> Chips:
        """Return the chips without the outermost ``margin`` pixels."""
        inner = (..., slice(margin, -margin or None), slice(margin, -margin or None))
        return Chips(
            self.roles,
            self.reflectance[inner],
            self.is_object[inner],
            self.is_candidate[inner],
            self.coverage[inner],
            self.row_start + margin,
            self.col_start + margin,
        )


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
    return int(np.clip(round(ring_m / gsd_m), 2, 24))


def measure(chips: Chips, *, gsd_m: float, smoothing_m: float, ring_m: float, noise: float, nir_band: str) -> Segments:
    """Measure the ponds in a stack of chips.

    Parameters
    ----------
    chips : Chips
    gsd_m : float
        Ground sample distance.
    smoothing_m : float
        Standard deviation of the smoothing before peaks are sought, where pixels are fine.
    ring_m : float
        Width of the ring of ground around an object.
    noise : float
        Sensor noise, reflectance.
    nir_band : str
        A key of ``fraction.LIQUID_NIR``.
    """
    is_seen = np.asarray(np.isfinite(chips.reflectance[:, : len(OPTICAL)]).all(axis=1))
    ring_px = ring_pixels(ring_m, gsd_m)
    chips = _cored(chips, is_seen, ring_px, reach_px=max(1, int(CORE_REACH_M // gsd_m)))
    is_ring, is_near = _ring(chips, is_seen, ring_px)
    filled = np.nan_to_num(chips.reflectance)
    is_beside = _nearest(chips.is_object, is_ring, ring_px)
    ground = fraction.ground_around(filled, is_ring, is_beside, noise=noise, n_spread=len(OPTICAL))
    ring_masked = _share(is_near & (chips.coverage != Coverage.CLEAR), is_near)
    margin = ring_px - 1  # the ring has served; what is left around an object is its blur and the splines' reach
    chips, is_seen = chips.cropped(margin), is_seen[:, margin:-margin, margin:-margin]
    filled = filled[..., margin:-margin, margin:-margin]
    factor = upsampling(gsd_m)
    surface, plain, gain = _fraction_surface(
        chips.is_object, filled[:, : len(OPTICAL)], ground, factor, nir_band, gsd_m=gsd_m, smoothing_m=smoothing_m
    )
    blur_px = COARSE_BLUR_PX if gsd_m > COARSE_GSD_M else FINE_BLUR_PX
    reach = _grow(chips.is_object, blur_px) & is_seen & ~(chips.is_candidate & ~chips.is_object)
    inside = reach.repeat(factor, axis=1).repeat(factor, axis=2)
    label = split.basins(surface, inside, min_peak=MIN_PEAK, max_saddle=MAX_SADDLE, noise=noise * gain, plain=plain)
    return _segments(chips, filled, ground, label, surface, factor, ring_masked, is_seen, nir_band=nir_band)


def _cored(chips: Chips, is_seen: NDArray[np.bool_], ring_px: int, *, reach_px: int) -> Chips:
    """Take out of objects what lies beside a pond: pixels much less dark than one within ``reach_px`` of them."""
    is_ring, _ = _ring(chips, is_seen, ring_px)
    green, nir = chips.reflectance[:, GREEN], chips.reflectance[:, NIR]
    brightness = nir - np.float32(GREEN_IN_DARKNESS) * green
    ground = fraction.median_of(brightness, is_ring).astype(np.float32)
    darkness = np.where(chips.is_candidate & is_seen, ground[:, None, None] - brightness, np.float32(-np.inf))
    darkest = darkness
    for _ in range(reach_px):
        darkest = split.highest_around(darkest)
    is_core = darkness >= np.float32(CORE_SHARE) * darkest
    return replace(chips, is_object=chips.is_object & is_core, is_candidate=chips.is_candidate & is_core)


def _grow(mask: NDArray[np.bool_], n_pixels: int) -> NDArray[np.bool_]:
    """Dilate every chip of a stack by a square of ``n_pixels``.

    Shifted copies are joined, each step reaching three times as far: five times as fast as a filter of scipy's.
    """
    grown = mask.copy()
    for lines in (grown, grown.swapaxes(1, 2)):
        reach = 0
        while reach < n_pixels:
            step = min(n_pixels - reach, 2 * reach + 1)
            before = lines.copy()
            lines[:, step:] |= before[:, :-step]
            lines[:, :-step] |= before[:, step:]
            reach += step
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


def _nearest(is_object: NDArray[np.bool_], is_ring: NDArray[np.bool_], ring_px: int) -> NDArray[np.bool_]:
    """Those pixels of the ring that are nearest to the object, as many as its level needs.

    What a pond's rim is mixed with is the ground beside it, and that is often a clearing narrower than the ring.
    """
    is_beside, left = is_ring.copy(), np.arange(len(is_ring))
    grown, width = _grow(is_object, 1), 1
    while len(left) and width < ring_px:
        step = max(1, width // 2)
        grown, width = _grow(grown, step), width + step
        nearer = is_ring[left] & grown
        is_enough = nearer.sum(axis=(1, 2)) >= BESIDE_PIXELS
        is_beside[left[is_enough]] = nearer[is_enough]
        grown, left = grown[~is_enough], left[~is_enough]
    return is_beside


def _fraction_surface(
    is_object: NDArray[np.bool_],
    reflectance: Pixels,
    ground: fraction.Ground,
    factor: int,
    nir_band: str,
    *,
    gsd_m: float,
    smoothing_m: float,
) -> tuple[Floats, Floats | None, Floats]:
    """Water fraction by the liquid colour of each object as a whole, upsampled, and its gain (n,) on sensor noise.

    Where pixels are coarse it is sharpened; how it was before comes second, else None.
    """
    mean = ground.mean[:, : len(OPTICAL)]
    darkening = np.clip(1 - reflectance[:, NIR] / np.maximum(mean[:, NIR], 0.03)[:, None, None], 0, 1)
    weight = darkening * is_object
    excess = np.einsum("nhw,nbhw->nb", weight, reflectance) - weight.sum(axis=(1, 2))[:, None] * mean
    colour = fraction.liquid_colour(excess, mean, green=GREEN, red=RED, nir=NIR, nir_band=nir_band)
    weights, _ = fraction.fraction_weights(colour - mean, ground.covariance)
    fractions, gain = fraction.project(reflectance, mean, weights), np.linalg.norm(weights, axis=1)
    if gsd_m > COARSE_GSD_M:
        plain = split.resample(fractions, factor, sigma_px=0.0, sharpening=0.0)
        return split.resample(fractions, factor, sigma_px=0.0, sharpening=SHARPENING), plain, gain
    return split.resample(fractions, factor, sigma_px=smoothing_m / gsd_m, sharpening=0.0), None, gain


@dataclass(frozen=True, slots=True)
class _Subpixels:
    """The subpixels that belong to segments: one entry each, k in all, ordered by chip, row, column."""

    label: NDArray[np.int32]
    chip: NDArray[np.intp]
    sub_row: NDArray[np.intp]
    sub_col: NDArray[np.intp]
    segment: NDArray[np.int64]
    n_segments: int
    factor: int

    @classmethod
    def of(cls, label: NDArray[np.int32], factor: int) -> _Subpixels:
        place, chip = fraction.places(label > 0)
        sub_row, sub_col = np.divmod(place - chip * label[0].size, label.shape[2])
        segment = label.ravel()[place].astype(np.int64) - 1
        return cls(label, chip, sub_row, sub_col, segment, int(label.max(initial=0)), factor)

    @property
    def share(self) -> float:
        """Share of a pixel that a subpixel is."""
        return 1 / self.factor**2

    def home(self) -> NDArray[np.int64]:
        """Chip of every segment, (m,)."""
        home = np.zeros(self.n_segments, np.int64)
        home[self.segment] = self.chip
        return home

    def total(self, values: Floats | NDArray[np.bool_]) -> Floats:
        """Sum of a value per subpixel (k,) over every segment, (m,), in pixels."""
        return np.bincount(self.segment, values, self.n_segments).astype(np.float64) * self.share

    def totals(self, values: Floats) -> Floats:
        """Sums of values (k, bands) over every segment, (m, bands), in pixels."""
        return np.stack([self.total(column) for column in values.T], axis=1)

    def borders(self) -> Floats:
        """Length of the border every segment shares with others, (m,), pixels."""
        length = np.zeros(self.n_segments + 1)
        is_divided = np.bincount(self.home(), minlength=len(self.label)) > 1
        label = self.label[is_divided]
        for one, other in ((label[:, :-1], label[:, 1:]), (label[:, :, :-1], label[:, :, 1:])):
            is_border = (one != other) & (one > 0) & (other > 0)
            for side in (one, other):
                length += np.bincount(side[is_border], minlength=self.n_segments + 1)
        return length[1:] / self.factor

    def on(self, planes: NDArray[np.generic]) -> NDArray[Any]:
        """Values of planes (n, h, w) of whole pixels at the subpixels, (k,)."""
        return np.asarray(planes[self.chip, self.sub_row // self.factor, self.sub_col // self.factor])


def _segments(
    chips: Chips,
    filled: Pixels,
    ground: fraction.Ground,
    label: NDArray[np.int32],
    surface: Floats,
    factor: int,
    ring_masked: Floats,
    is_seen: NDArray[np.bool_],
    *,
    nir_band: str,
) -> Segments:
    sub = _Subpixels.of(label, factor)
    home = sub.home()
    mean = ground.mean[home]
    pixels = np.moveaxis(filled, 1, -1)[sub.chip, sub.sub_row // factor, sub.sub_col // factor]
    departure = pixels - mean[sub.segment]
    height = surface[sub.chip, sub.sub_row, sub.sub_col]
    weight = np.clip(height, 0.02, 1.0)
    optical = slice(0, len(OPTICAL))
    tilted = sub.totals(departure * weight[:, None])
    liquid = fraction.liquid_colour(tilted, mean, green=GREEN, red=RED, nir=NIR, nir_band=nir_band)
    n_pixels = sub.total(np.ones(len(sub.segment)))
    weights, variance = fraction.fraction_weights((liquid - mean)[:, optical], ground.covariance[home])
    plateau = _plateau(sub, np.einsum("kb,kb->k", weights[sub.segment], departure[:, optical]))
    liquid = mean + (liquid - mean) * plateau[:, None]
    weights, variance = weights / plateau[:, None], variance / plateau**2
    wet = np.einsum("kb,kb->k", weights[sub.segment], departure[:, optical])
    area_px = fraction.covered(sub.totals(departure), liquid, mean, ground.covariance[home])
    shared = COLOUR_ERROR * np.abs(area_px)
    top = _highest(sub.segment, wet, sub.n_segments)
    centroid, moments = _moments(sub, weight)
    return Segments(
        chip=home,
        chip_row=chips.row_start[home],
        chip_col=chips.col_start[home],
        row=centroid[:, 0] + chips.row_start[home],
        col=centroid[:, 1] + chips.col_start[home],
        area_px=area_px,
        area_sigma_px=np.sqrt(
            _ground_sigma(variance, n_pixels, ground.n_pixels[home]) ** 2
            + (BORDER_ERROR_PX * sub.borders()) ** 2
            + (fraction.scale_error(liquid[:, NIR], mean[:, NIR]) * area_px) ** 2
            + shared**2
        ),
        shared_sigma_px=shared,
        n_pixels=n_pixels,
        peak_fraction=wet[top],
        surface_peak=height[_highest(sub.segment, height, sub.n_segments)],
        snr=wet[top] / np.sqrt(variance),
        liquid=liquid,
        ground=mean,
        wettest=pixels[top].astype(np.float64),
        moments=moments,
        half_area_px=sub.total(wet > 0.5 * wet[top][sub.segment]),
        masked_fraction=sub.total(sub.on(chips.coverage) != Coverage.CLEAR) / n_pixels,
        ring_masked_fraction=ring_masked[home],
        is_cut=sub.total(sub.on(_grow(~is_seen, 1))) > 0,
        label=label,
        fraction=surface,
        factor=factor,
    )


def _plateau(sub: _Subpixels, wet: Floats) -> Floats:
    """Mean fraction well inside each segment: what a pixel full of the liquid shows, (m,).

    Where a pond is wide enough to show itself unmixed, its own colour is better known than any table. Only what exceeds
    1 is believed: less may as well be a berm that is not resolved.
    """
    reach = INNER_PX * sub.factor
    is_wide = np.bincount(sub.chip, minlength=len(sub.label)) >= (2 * reach + 1) ** 2  # else nothing is so far inside
    is_inner = np.zeros(sub.label.shape, bool)
    is_inner[is_wide] = ~_grow(sub.label[is_wide] == 0, reach)
    inner = is_inner[sub.chip, sub.sub_row, sub.sub_col]
    n_inner = sub.total(inner)
    plateau = sub.total(wet * inner) / np.maximum(n_inner, 1e-9)
    return np.where(n_inner >= MIN_INNER_PIXELS, np.clip(plateau, 1.0, 1.4), 1.0)


def _ground_sigma(variance: Floats, n_pixels: Floats, n_ground: NDArray[np.int64]) -> Floats:
    """Standard deviation of an area from the ground's texture: under the segment itself, and in its mean level."""
    spread = variance * TEXTURE_CORRELATION_PX
    return np.sqrt(spread * (n_pixels + n_pixels**2 / np.maximum(n_ground, 1)))


def _highest(segment: NDArray[np.int64], values: Floats, n_segments: int) -> NDArray[np.intp]:
    """Where in ``values`` (k,) each segment has its largest one, (m,)."""
    highest = np.full(n_segments, -np.inf)
    np.maximum.at(highest, segment, values)
    candidate = np.flatnonzero(values == highest[segment])
    place = np.zeros(n_segments, np.intp)
    np.maximum.at(place, segment[candidate], candidate)  # the last one of equals
    return place


def _moments(sub: _Subpixels, weight: Floats) -> tuple[Floats, Floats]:
    """Weighted centroid (m, 2) in chip pixels, and second moments rr, rc, cc (m, 3) in pixels²."""
    y, x = (sub.sub_row + 0.5) / sub.factor, (sub.sub_col + 0.5) / sub.factor
    mass = sub.total(weight)
    row, col = sub.total(weight * y) / mass, sub.total(weight * x) / mass
    dy, dx = y - row[sub.segment], x - col[sub.segment]
    moments = [sub.total(weight * product) / mass for product in (dy * dy, dy * dx, dx * dx)]
    return np.stack([row, col], axis=1), np.stack(moments, axis=1)
