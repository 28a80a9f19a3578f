"""How each simulated sensor sees: bands, point spread, noise.

These numbers are the simulator's own and not taken from ``pondscan.sensors``, so that a wrong number there is not
confirmed by a simulation that shares it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from pondscan.errors import ConfigError
from pondscan.model import Calibration


@dataclass(frozen=True, slots=True)
class BandOptics:
    """One band of a sensor."""

    role: str
    gsd_m: float
    """Native ground sample distance."""
    sigma_m: float
    """Standard deviation of the Gaussian point spread, the detector's own box included: sample at pixel centres."""
    noise: float
    """Standard deviation of the noise of a dark pixel, reflectance."""


@dataclass(frozen=True, slots=True)
class Optics:
    """A sensor."""

    name: str
    responses: str
    """Key of its spectral responses among the endmembers."""
    gsd_m: float
    """Of the grid it is delivered on."""
    cell_m: float
    """Side of the cells the ground is drawn on before the point spread; divides every gsd."""
    bands: tuple[BandOptics, ...]
    pass_hour_utc: float
    """Time of day at which it passes over 98.5° E, hours UTC."""
    family: str
    """The sensor a reader takes its scenes for: a key of ``sensors.SENSORS``."""
    calibrated: Calibration = "reflectance"

    @property
    def roles(self) -> tuple[str, ...]:
        """Band roles in file order."""
        return tuple(band.role for band in self.bands)

    @property
    def coarsest_gsd_m(self) -> float:
        """Ground sample distance of the coarsest band."""
        return max(band.gsd_m for band in self.bands)


def sigma_of_mtf(mtf_at_nyquist: float, gsd_m: float) -> float:
    """Gaussian point spread of a modulation transfer at half the sampling frequency: exp(−π²σ²/2) = MTF, σ in pixels.

    >>> round(sigma_of_mtf(0.26, 10.0), 2)
    5.22
    """
    return gsd_m * math.sqrt(-2.0 * math.log(mtf_at_nyquist)) / math.pi


def _bands(gsd_m: float, mtf: float, noise: float, *roles: str) -> tuple[BandOptics, ...]:
    return tuple(BandOptics(role, gsd_m, sigma_of_mtf(mtf, gsd_m), noise) for role in roles)


_SENTINEL_2_VNIR = (
    *_bands(10.0, 0.26, 0.0018, "blue"),
    *_bands(10.0, 0.28, 0.0018, "green"),
    *_bands(10.0, 0.24, 0.0018, "red"),
    *_bands(10.0, 0.26, 0.0020, "nir"),
)
_SENTINEL_2_SWIR = (*_bands(20.0, 0.22, 0.0008, "swir16"), *_bands(20.0, 0.23, 0.0008, "swir22"))

OPTICS = {
    # Modulation transfer as published with super-resolution code for Sentinel-2; noise from the signal-to-noise
    # specification at the reference radiance.
    "sentinel-2": Optics("sentinel-2", "sentinel-2", 10.0, 2.5, _SENTINEL_2_VNIR + _SENTINEL_2_SWIR, 4.2, "sentinel-2"),
    "sentinel-2-4": Optics("sentinel-2-4", "sentinel-2", 10.0, 2.5, _SENTINEL_2_VNIR, 4.2, "sentinel-2"),
    "sentinel-2-all": Optics(
        "sentinel-2-all",
        "sentinel-2",
        10.0,
        2.5,
        (
            *_SENTINEL_2_VNIR[:3],
            *_bands(20.0, 0.38, 0.0018, "rededge"),
            _SENTINEL_2_VNIR[3],
            *_bands(20.0, 0.33, 0.0018, "nir08"),
            *_SENTINEL_2_SWIR,
        ),
        4.2,
        "sentinel-2",
    ),
    # No published figure is at hand for the following three: modulation 0.10 … 0.15 at Nyquist assumed, as usual for
    # small optics; Landsat's is about 0.30.
    "planetscope": Optics(
        "planetscope",
        "planetscope",
        3.0,
        1.0,
        _bands(3.0, 0.10, 0.004, "blue", "green", "red", "nir"),
        3.6,
        "planetscope",
    ),
    "planetscope-8": Optics(
        "planetscope-8",
        "planetscope",
        3.0,
        1.0,
        _bands(3.0, 0.10, 0.004, "coastal", "blue", "green", "red", "rededge", "nir"),
        3.6,
        "planetscope",
    ),
    "skysat": Optics(
        "skysat", "skysat", 1.0, 0.5, _bands(1.0, 0.15, 0.005, "blue", "green", "red", "nir"), 4.0, "skysat"
    ),
    # Aerial photographs: bands in the order of the National Agriculture Imagery Program, numbers without calibration.
    "naip": Optics(
        "naip", "naip", 1.0, 0.5, _bands(1.0, 0.15, 0.005, "red", "green", "blue", "nir"), 4.6, "generic", "dn"
    ),
    "landsat": Optics(
        "landsat",
        "landsat",
        30.0,
        5.0,
        _bands(30.0, 0.30, 0.0015, "blue", "green", "red", "nir", "swir16", "swir22"),
        3.9,
        "landsat",
    ),
}
"""Sensors by name."""


def fitted(eye: Optics, gsd_m: float, *, is_native: bool = False) -> Optics:
    """The sensor with pixels of another size.

    Parameters
    ----------
    eye : Optics
    gsd_m : float
    is_native : bool
        Whether another instrument of the kind has such pixels, so that its point spread grows alike. Else coarser
        pixels are averages of the sensor's own, and the larger box adds its variance.
    """
    if math.isclose(eye.gsd_m, gsd_m):
        return eye
    growth = gsd_m / eye.gsd_m
    bands = []
    for band in eye.bands:
        box_variance = ((growth * band.gsd_m) ** 2 - band.gsd_m**2) / 12.0
        grows_alike = is_native or growth < 1.0
        sigma_m = growth * band.sigma_m if grows_alike else math.sqrt(band.sigma_m**2 + box_variance)
        bands.append(replace(band, gsd_m=growth * band.gsd_m, sigma_m=sigma_m))
    return replace(eye, gsd_m=gsd_m, cell_m=eye.cell_m * growth, bands=tuple(bands))


def optics(sensor: str) -> Optics:
    """Look a sensor up.

    Raises
    ------
    ConfigError
        When there is no such sensor.
    """
    if sensor not in OPTICS:
        raise ConfigError(f"sensor '{sensor}' is not simulated; choose one of {', '.join(OPTICS)}")
    return OPTICS[sensor]
