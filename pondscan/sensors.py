"""What is known of each sensor: band names and roles, ground sample distance, point spread, noise, default scale.

Sources are named beside the numbers. Numbers marked OWN are domain knowledge without a published source: they are
starting values, to be replaced by a measured one as soon as there is one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pondscan.model import BAND_ROLES, Calibration

RoleTable = Mapping[str, tuple[str, ...]]
"""Role → canonical band names that can fill it, the preferred one first."""


WAVELENGTH_UM = {
    "coastal": 0.443,
    "blue": 0.49,
    "green": 0.56,
    "red": 0.665,
    "rededge": 0.705,
    "nir": 0.84,
    "nir08": 0.865,
    "swir16": 1.61,
    "swir22": 2.20,
}
"""Wavelength at the middle of each role, micrometres."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """A family of instruments whose scenes can be compared."""

    name: str
    """Key of ``SENSORS`` and value of ``Scene.sensor``."""
    title: str
    """What a person calls it."""
    constellation: str
    """Scenes of one constellation taken within 30 minutes are one look."""
    gsd_m: Mapping[str, float]
    """Native ground sample distance by role; empty where it is the file's own."""
    psf_sigma_m: Mapping[str, float]
    """Standard deviation of the whole system's Gaussian point spread (detector box included), metres."""
    noise: Mapping[str, float]
    """Standard deviation of reflectance over a uniform dark surface."""
    scale: float | None
    """Reflectance per digital number of its integer products, None where there is no convention."""
    offset: float
    """Reflectance of digital number 0 under that convention."""
    nodata: float | None
    """Digital number that means no data under that convention."""
    nir_band: Literal["broad", "narrow"] = "broad"
    """Near infrared from about 780 nm on, or around 865 nm only, where turbid water is darker."""
    numbering: tuple[RoleTable, ...] = ()
    """How numbered bands map to roles; more than one where the numbering changed between instruments."""
    band_order: Mapping[int, tuple[str, ...]] | None = None
    """Number of bands in a file → their roles in order, `-` for a band that has none."""
    caution: str = ""
    """What must be said where scale and offset are assumed, because products of this sensor differ in them."""


_SENTINEL2_NUMBERING: RoleTable = {
    "coastal": ("B1",),
    "blue": ("B2",),
    "green": ("B3",),
    "red": ("B4",),
    "rededge": ("B5",),
    "nir": ("B8", "B8A"),
    "nir08": ("B8A",),
    "swir16": ("B11",),
    "swir22": ("B12",),
}
_OLI_NUMBERING: RoleTable = {
    "coastal": ("B1",),
    "blue": ("B2",),
    "green": ("B3",),
    "red": ("B4",),
    "nir": ("B5",),
    "swir16": ("B6",),
    "swir22": ("B7",),
}
_TM_NUMBERING: RoleTable = {
    "blue": ("B1",),
    "green": ("B2",),
    "red": ("B3",),
    "nir": ("B4",),
    "swir16": ("B5",),
    "swir22": ("B7",),
}
# Harmonised Landsat–Sentinel pairs B8A, not the wide B08, with Landsat's near infrared.
_HLS_S30_NUMBERING: RoleTable = {**_SENTINEL2_NUMBERING, "nir": ("B8A", "B8"), "nir08": ()}

_PLANET_ORDER = {
    4: ("blue", "green", "red", "nir"),
    8: ("coastal", "blue", "-", "green", "-", "red", "rededge", "nir"),
}


_NAMES_IN_METADATA = (
    (re.compile(r"hls", re.IGNORECASE), "hls"),
    (re.compile(r"sentinel[-_ ]?2|^S2[A-Z]$", re.IGNORECASE), "sentinel-2"),
    (re.compile(r"landsat", re.IGNORECASE), "landsat"),
    (re.compile(r"planetscope|psscene|dove", re.IGNORECASE), "planetscope"),
    (re.compile(r"skysat", re.IGNORECASE), "skysat"),
)


def sensor_in_metadata(text: str) -> str | None:
    """Sensor that a metadata field (platform, constellation, collection …) names, None when it names none known.

    Examples
    --------
    >>> sensor_in_metadata("Sentinel-2B")
    'sentinel-2'
    """
    return next((sensor for pattern, sensor in _NAMES_IN_METADATA if pattern.search(text)), None)


def _every_role(value: float) -> dict[str, float]:
    return dict.fromkeys(BAND_ROLES, value)


SENSORS: Mapping[str, Sensor] = {
    "sentinel-2": Sensor(
        name="sentinel-2",
        title="Sentinel-2 MSI",
        constellation="sentinel-2",
        gsd_m={
            **dict.fromkeys(("blue", "green", "red", "nir"), 10.0),
            **dict.fromkeys(("rededge", "nir08", "swir16", "swir22"), 20.0),
            "coastal": 60.0,
        },
        # MTF at Nyquist used by the super-resolution community (.32 .26 .28 .24 .38 .26 .33 .22 .23 for
        # B1 B2 B3 B4 B5 B8 B8A B11 B12), sigma = gsd * sqrt(-2 ln MTF) / pi.
        psf_sigma_m={
            "coastal": 28.83,
            "blue": 5.22,
            "green": 5.08,
            "red": 5.38,
            "rededge": 8.86,
            "nir": 5.22,
            "nir08": 9.48,
            "swir16": 11.08,
            "swir22": 10.91,
        },
        # From the signal-to-noise specification at reference radiance (OWN conversion to reflectance).
        noise={**_every_role(0.002), "swir16": 0.0006, "swir22": 0.0006},
        scale=1e-4,
        offset=0.0,
        nodata=0.0,
        numbering=(_SENTINEL2_NUMBERING,),
        caution="since processing baseline 04.00 (January 2022) an offset of -0.1 belongs to the numbers unless it was "
        "removed: if the scene is 0.1 too bright, set input.offset=-0.1",
    ),
    "planetscope": Sensor(
        name="planetscope",
        nir_band="narrow",
        title="PlanetScope",
        constellation="planetscope",
        gsd_m=_every_role(3.0),
        psf_sigma_m=_every_role(2.2),  # OWN: MTF .05 to .15 at 3 m, full width 4.8 to 5.5 m
        noise=_every_role(0.0045),  # OWN: .003 to .006
        scale=1e-4,
        offset=0.0,
        nodata=0.0,
        band_order=_PLANET_ORDER,
    ),
    "skysat": Sensor(
        name="skysat",
        title="SkySat",
        constellation="skysat",
        gsd_m=_every_role(0.8),
        psf_sigma_m=_every_role(0.5),  # OWN: MTF .15 at 0.8 m
        noise=_every_role(0.005),  # OWN
        scale=1e-4,
        offset=0.0,
        nodata=0.0,
        band_order={4: _PLANET_ORDER[4]},
    ),
    "landsat": Sensor(
        name="landsat",
        nir_band="narrow",
        title="Landsat",
        constellation="landsat",
        gsd_m=_every_role(30.0),
        psf_sigma_m=_every_role(14.82),  # OWN: MTF .30 at 30 m
        noise=_every_role(0.001),  # OWN: signal-to-noise 200 to 370
        scale=2.75e-5,  # Collection 2 Level 2 surface reflectance
        offset=-0.2,
        nodata=0.0,
        numbering=(_OLI_NUMBERING, _TM_NUMBERING),
    ),
    "hls": Sensor(
        name="hls",
        nir_band="narrow",
        title="Harmonized Landsat Sentinel-2",
        constellation="hls",
        gsd_m=_every_role(30.0),
        psf_sigma_m=_every_role(14.82),  # OWN: as Landsat; S30 is made to match it
        noise=_every_role(0.002),  # OWN
        scale=1e-4,
        offset=0.0,
        nodata=-9999.0,
        numbering=(_OLI_NUMBERING, _HLS_S30_NUMBERING),
    ),
    "generic": Sensor(
        name="generic",
        title="unnamed sensor",
        constellation="generic",
        gsd_m={},
        psf_sigma_m={},
        noise=_every_role(0.004),  # OWN
        scale=None,
        offset=0.0,
        nodata=None,
    ),
}

_GENERIC_PSF_PX = 0.62  # OWN: MTF .15 at Nyquist, between a sharp and a soft sensor
_DN_NOISE = 0.006  # OWN: quantisation of 1/255 and compression, on numbers stretched to 0..1

_NUMBERED = re.compile(r"(?:^|[_\W])B(?:AND)?[ _]?0*(\d{1,2}A?)(?:_VCID_?\d)?$", re.IGNORECASE)
_THERMAL_ETM = re.compile(r"VCID", re.IGNORECASE)


def canonical_band(name: str) -> str | None:
    """Number of a numbered band name: ``B02``, ``SR_B2``, ``band 2`` → ``B2``; None for any other name.

    Examples
    --------
    >>> canonical_band("T32TPS_20190416_B8A"), canonical_band("green")
    ('B8A', None)
    """
    match = _NUMBERED.search(name.strip())
    return f"B{match.group(1).upper()}" if match else None


def _numbering_for(sensor: Sensor, names: set[str], *, is_etm: bool) -> RoleTable | None:
    """The one table that explains the band names, None when they leave it open."""
    if sensor.name == "landsat":
        # Six reflective bands of TM and ETM+ skip the thermal B6; OLI counts B1 to B7 without a gap.
        if is_etm or ("B7" in names and "B5" in names and "B6" not in names):
            return _TM_NUMBERING
        has_oli_only = bool(names & {"B9", "B10", "B11"})
        has_six_but_not_all = "B6" in names and not {"B1", "B2", "B3", "B4", "B5", "B7"} <= names
        return _OLI_NUMBERING if has_oli_only or has_six_but_not_all else None
    if sensor.name == "hls":
        return _HLS_S30_NUMBERING if names & {"B8", "B8A", "B11", "B12"} else _OLI_NUMBERING
    return sensor.numbering[0] if sensor.numbering else None


def roles_of_bands(sensor: str, names: Iterable[str]) -> dict[str, str]:
    """Roles of numbered bands of a known sensor.

    Parameters
    ----------
    sensor
        A key of ``SENSORS``.
    names
        Band names as the product writes them (``B02``, ``SR_B3``, ``B6_VCID_1`` …).

    Returns
    -------
    dict
        Role → the name that fills it. Empty when the sensor has no numbering, or has two (Landsat 4–7 and 8–9)
        and the names do not tell which one is meant.
    """
    original = list(names)
    by_number = {number: name for name in original if (number := canonical_band(name)) is not None}
    is_etm = any(_THERMAL_ETM.search(name) for name in original)
    table = _numbering_for(SENSORS[sensor], set(by_number), is_etm=is_etm)
    return roles_from_table(table, by_number) if table is not None else {}


def roles_from_table(table: RoleTable, by_number: Mapping[str, str]) -> dict[str, str]:
    """Role → original name: every role takes its preferred band that no other role has taken."""
    roles: dict[str, str] = {}
    for role, candidates in table.items():
        taken = set(roles.values())
        name = next((by_number[c] for c in candidates if c in by_number and by_number[c] not in taken), None)
        if name is not None:
            roles[role] = name
    return roles


def landsat_numbering(spacecraft: int) -> RoleTable:
    """Role table of a Landsat by its number: 4 to 7 counted bands differently from 8 and 9."""
    return _OLI_NUMBERING if spacecraft >= 8 else _TM_NUMBERING


def psf_sigma_m(sensor: str, role: str, gsd_m: float) -> float:
    """Standard deviation of the point spread of a band on a grid of ``gsd_m``, metres.

    On a grid coarser than the band's own, the pixels are taken for averages of native ones: the variance of the
    larger box, less that of the native one, is added. On a finer grid nothing is gained.

    Examples
    --------
    >>> psf_sigma_m("sentinel-2", "green", 10.0)
    5.08
    """
    known = SENSORS[sensor]
    if role not in known.psf_sigma_m:
        return _GENERIC_PSF_PX * gsd_m
    native_gsd_m = known.gsd_m[role]
    box_variance = max(0.0, gsd_m**2 - native_gsd_m**2) / 12
    return math.sqrt(known.psf_sigma_m[role] ** 2 + box_variance) if box_variance else known.psf_sigma_m[role]


def noise(sensor: str, role: str, calibrated: Calibration) -> float:
    """Standard deviation of a pixel over a uniform surface, in reflectance (of the 0..1 scale for raw numbers)."""
    return max(_DN_NOISE, SENSORS[sensor].noise[role]) if calibrated == "dn" else SENSORS[sensor].noise[role]
