"""How much of a pixel is liquid: the ground around, the liquid's colour, and a noise-weighted fraction.

Works on *chips*, stacks of equal windows around candidates: reflectance (n, bands, h, w), masks (n, h, w). A chip's
numbers depend on its own pixels alone, so it does not matter which chips are worked on together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LIQUID_RED = (0.00, 0.06, 0.14, 0.30, 0.50)
LIQUID_NIR = {
    "broad": (0.004, 0.010, 0.020, 0.060, 0.230),
    "narrow": (0.004, 0.008, 0.013, 0.038, 0.170),
}
"""Near-infrared reflectance of liquid against its red: dark and clear liquids absorb all of it, white slurry does not.
For bands that reach down to 780 nm (Sentinel-2's B8, SkySat) and for those around 865 nm (PlanetScope, Landsat). Read
off modelled spectra (Lee shallow-water model, domain notes B1), not measured."""

CLAY_RED = (0.00, 0.06, 0.11, 0.18, 0.24, 0.28)
CLAY_NIR = {
    "broad": (0.004, 0.008, 0.017, 0.035, 0.072, 0.140),
    "narrow": (0.004, 0.006, 0.011, 0.022, 0.045, 0.088),
}
"""The same for liquids brown with clay. It absorbs red light, which white precipitate does not: to be as red it must be
more, and scatters more in the near infrared. The modelled brown pond (Lee model as above), thinned and thickened."""

CLAY_COLOUR = (1.05, 1.45)
"""Red over green at which a liquid's near infrared begins to be that of clay, and is; the modelled white slurry has
1.01, the brown pond 1.53."""

BRIGHTEST = 0.65
"""Reflectance at which an estimated colour is cut off; brighter than any liquid."""

MOST_OF_GROUND = 0.8
"""Liquid is no brighter in the near infrared than this share of the ground: what is as bright does not show."""

ROUNDS = 9
"""Halvings of the near infrared: to 0.0005."""

SLURRY = (0.49, 0.55, 0.56)
"""Blue, green and red of the densest white slurry modelled, and a standard deviation more: the brightest liquid. Slurry
is nearly as bright in the near infrared as the ground, which then says little of its colour's scale."""

NIR_ERROR = 0.2
VISIBLE_ERROR = 0.2
"""Relative spread of a liquid's near infrared about the table, and of the brightness of slurry (domain notes B1:
log-normal, 15 to 25 %): what they leave of the scale is the smaller error of both."""

MIN_RING_PIXELS = 12
"""Fewer ground pixels around than this, and the ground is taken from the whole chip."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The ground around each of n candidates."""

    mean: Floats
    """(n, bands) robust mean reflectance."""
    covariance: Floats
    """(n, k, k) of the first k bands of ground pixels about it, sensor noise included."""
    n_pixels: NDArray[np.int64]
    """(n,) pixels beside the object that the mean is of."""


def grouped_median(values: NDArray[np.floating], group: NDArray[np.int64], n_groups: int) -> Floats:
    """Median of ``values`` (m,) in each of ``n_groups`` groups, which come in order; NaN for an empty group.

    >>> grouped_median(np.array([1.0, 9.0, 2.0, 5.0]), np.array([0, 0, 0, 2]), 3)
    array([ 2., nan,  5.])
    """
    count = np.bincount(group, minlength=n_groups)
    first = np.cumsum(count) - count
    # A row for each group, filled up with infinity: sorting rows is six times as fast as sorting values within groups.
    table = np.full((n_groups, max(count.max(initial=0), 1)), np.inf, values.dtype)
    table[group, np.arange(len(group)) - first[group]] = values
    table.sort(axis=1)
    is_filled = np.flatnonzero(count)
    low, high = (count[is_filled] - 1) // 2, count[is_filled] // 2
    median = np.full(n_groups, np.nan)
    median[is_filled] = (table[is_filled, low] + table[is_filled, high]) / 2
    return median


def median_of(plane: NDArray[np.float32], is_used: NDArray[np.bool_]) -> Floats:
    """Median of the pixels used of every chip, (n,): plane and mask are (n, h, w)."""
    place, chip = places(is_used)
    return grouped_median(plane.ravel()[place], chip, len(plane))


def places(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Flat index of the pixels flagged in a stack (n, h, w), ascending, and the chip of each; `nonzero` is slow."""
    place = np.flatnonzero(mask)
    return place, place // mask[0].size if len(mask) else place


def ground_around(
    reflectance: NDArray[np.float32],
    is_ring: NDArray[np.bool_],
    is_beside: NDArray[np.bool_],
    *,
    noise: float,
    n_spread: int,
) -> Ground:
    """Level of the ground beside each chip's object, and how the ground around departs from it.

    Parameters
    ----------
    reflectance : (n, bands, h, w)
    is_ring : (n, h, w) bool
        Ground pixels to use; at least one per chip.
    is_beside : (n, h, w) bool
        Those of them whose level counts; at least one per chip.
    noise : float
        Sensor noise, reflectance: added to the spread, so that flat ground is not believed infinitely.
    n_spread : int
        How many bands, from the first, the covariance is wanted of.

    Notes
    -----
    The mean is the median; the covariance is of deviations cut short at three robust standard deviations
    (1.4826 × median absolute deviation), so that a roof in the ring does not blind the detector. They are cut as a
    whole, never band by band: forest around a clearing departs from its soil in all bands together, and what is to be
    ignored is that direction.
    """
    n_chips, n_bands = reflectance.shape[:2]
    place, chip = places(is_ring)
    row, col = np.divmod(place % is_ring[0].size, is_ring.shape[2])
    values = reflectance[chip, :, row, col]
    n_pixels = np.bincount(chip, minlength=n_chips)
    beside = is_beside.ravel()[place]
    mean = np.stack([grouped_median(values[beside, b], chip[beside], n_chips) for b in range(n_bands)], axis=1)
    deviation = values[:, :n_spread] - mean[chip, :n_spread]
    spread = np.stack([grouped_median(np.abs(column), chip, n_chips) for column in deviation.T], axis=1)
    limit = 3 * 1.4826 * np.maximum(spread, noise)
    deviation /= np.maximum((np.abs(deviation) / limit[chip]).max(axis=1), 1.0)[:, None]
    covariance = np.empty((n_chips, n_spread, n_spread))
    for i, j in zip(*np.triu_indices(n_spread), strict=True):
        product = np.bincount(chip, deviation[:, i] * deviation[:, j], n_chips)
        covariance[:, i, j] = covariance[:, j, i] = product / np.maximum(n_pixels, 1)
    covariance += np.eye(n_spread) * noise**2
    return Ground(mean, covariance, np.bincount(chip[beside], minlength=n_chips))


def liquid_nir(green: Floats, red: Floats, nir_band: str) -> Floats:
    """Near-infrared reflectance to expect of a liquid of this green and red in a ``LIQUID_NIR`` band."""
    clay = np.interp(red / np.maximum(green, 1e-3), CLAY_COLOUR, (0.0, 1.0))
    pale = np.interp(red, LIQUID_RED, LIQUID_NIR[nir_band])
    return pale + clay * (np.interp(red, CLAY_RED, CLAY_NIR[nir_band]) - pale)


def liquid_colour(excess: Floats, ground: Floats, *, green: int, red: int, nir: int, nir_band: str) -> Floats:
    """Reflectance of the liquid itself, from how the pixels of an object depart from the ground.

    Parameters
    ----------
    excess : (n, bands)
        Sum over the object's pixels of (reflectance − ground); each pixel contributes its water fraction times
        (liquid − ground), so the ratios between bands are those of the liquid, whatever the fractions.
    ground : (n, bands)
        Reflectance of the ground.
    green, red, nir : int
        Places of the green, red and near-infrared bands.
    nir_band : str
        A key of ``LIQUID_NIR``.

    Returns
    -------
    (n, bands)
        Within 0 to ``BRIGHTEST``. The near infrared is the anchor: it is known a priori but for white slurry and clay,
        where it follows the red, which follows from it: the more it is, the less liquid and the more red. Where both
        agree is found by halving what the ground allows.
    """
    darkening = np.minimum(excess[:, nir], -1e-6)
    ground_nir = ground[:, nir]

    def colour_of(liquid: Floats) -> Floats:
        reach = np.minimum(liquid - ground_nir, -0.02)
        return np.clip(ground + excess * (reach / darkening)[:, None], 0.0, BRIGHTEST)

    low, high = np.zeros(len(excess)), MOST_OF_GROUND * ground_nir
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        colour = colour_of(middle)
        is_more = liquid_nir(colour[:, green], colour[:, red], nir_band) > middle
        low, high = np.where(is_more, middle, low), np.where(is_more, high, middle)
    nir_liquid = (low + high) / 2
    colour = colour_of(nir_liquid)
    colour[:, nir] = nir_liquid
    return colour


def scale_error(liquid_nir: Floats, ground_nir: Floats) -> Floats:
    """Relative error of a fraction because liquids of one colour differ in the near infrared, or slurries in white."""
    contrast = np.maximum(ground_nir - liquid_nir, 1e-3)
    return np.minimum(NIR_ERROR * liquid_nir / contrast, VISIBLE_ERROR)


def covered(total: Floats, liquid: Floats, ground: Floats, covariance: Floats) -> Floats:
    """Pixels of liquid in sums of departures from the ground (n, bands); none is taken for brighter than ``SLURRY``.

    Bands beyond those of the covariance do not count.
    """
    optical = slice(0, covariance.shape[1])
    weights, _ = fraction_weights(np.minimum(liquid[:, optical], (*SLURRY, np.inf)) - ground[:, optical], covariance)
    n_pixels: Floats = np.einsum("nb,nb->n", weights, total[:, optical])
    return n_pixels


def fraction_weights(contrast: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Weights that turn a pixel's departure from the ground into its water fraction, and their variance.

    Parameters
    ----------
    contrast : (n, bands)
        Liquid minus ground.
    covariance : (n, bands, bands)
        Of ground pixels.

    Returns
    -------
    weights : (n, bands)
        ``fraction = weights · (reflectance − ground)``: the unbiased estimate of least variance (generalised
        least squares, the matched filter of Manolakis & Shaw 2002, doi 10.1109/79.974724).
    variance : (n,)
        Variance of that fraction at a pixel of plain ground.
    """
    whitened = np.linalg.solve(covariance, contrast[:, :, None])[:, :, 0]
    strength = np.maximum(np.einsum("nb,nb->n", contrast, whitened), 1e-9)
    return whitened / strength[:, None], 1 / strength


def project(reflectance: NDArray[np.float32], ground: Floats, weights: Floats) -> Floats:
    """Water fraction of every pixel of every chip, unclipped: (n, h, w)."""
    level = np.einsum("nb,nb->n", weights, ground)
    fractions: Floats = np.einsum("nb,nbhw->nhw", weights, reflectance) - level[:, None, None]
    return fractions
