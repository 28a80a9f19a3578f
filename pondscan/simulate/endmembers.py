"""Spectra of the simulated surfaces, per sensor and band role.

The numbers are in ``endmembers.json``, modelled and not measured (its ``source`` says how), and in ``settled.json`` for
what towns and farms are made of. Two corrections towards measured Landsat 8 samples are made here: vegetation is
brighter in the visible than PROSAIL has it, and water is not quite black in the short-wave infrared (see
`SWIR_RESIDUAL`).
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from pondscan.sensors import WAVELENGTH_UM
from pondscan.simulate import noise

SWIR_ROLES = ("swir16", "swir22")
SWIR_RESIDUAL = (0.005, 0.025)
"""Reflectance added to liquid in the short-wave infrared: adjacency, glint and atmospheric residual. Measured water
has about 0.02 there (Landsat 8 samples bundled with the PyPI package spyndex), modelled water 0.004."""

_TINT_PIVOT_UM = 0.60
_FIXED = frozenset({"cloud", "cirrus_addon", "snow"})
"""Surfaces that are the same everywhere."""

_MEASURED_VEGETATION = {
    "coastal": 0.023,
    "blue": 0.028,
    "green": 0.051,
    "red": 0.040,
    "rededge": 0.085,
    "nir": 0.270,
    "nir08": 0.280,
    "swir16": 0.122,
    "swir22": 0.061,
}
"""Mean of 46 Landsat 8 vegetation samples (PyPI spyndex); coastal as blue's neighbour, red edge interpolated."""

_BURNT = dict.fromkeys(_MEASURED_VEGETATION, 0.0) | {
    "coastal": 0.030,
    "blue": 0.032,
    "green": 0.038,
    "red": 0.046,
    "rededge": 0.058,
    "nir": 0.085,
    "nir08": 0.090,
    "swir16": 0.155,
    "swir22": 0.150,
}
"""Charcoal and ash over soil: dark, rising towards the infrared. General knowledge, no measured source."""

_MIXED = {
    "forest": (("forest", 0.6), ("measured_vegetation", 0.4)),
    "scrub": (("scrub", 0.65), ("measured_vegetation", 0.35)),
    "rice_green": (("rice_green", 0.7), ("measured_vegetation", 0.3)),
    "dry_grass": (("scrub", 0.50), ("soil_dry", 0.18), ("laterite_moist", 0.32)),
    "sand": (("soil_dry", 0.85), ("soil_wet", 0.15)),
    "soil_field": (("soil_dry", 0.5), ("soil_wet", 0.3), ("laterite_moist", 0.2)),
    "basin_dry": (("liner_black", 0.6), ("laterite_moist", 0.4)),
    "concrete": (("roof_grey", 0.6), ("saprolite", 0.4)),
}
"""Surfaces mixed from others, also where they replace the modelled one of the same name."""


@cache
def _library(file: str = "endmembers.json") -> dict[str, Any]:
    text = files("pondscan.simulate").joinpath(file).read_text(encoding="utf-8")
    library: dict[str, Any] = json.loads(text)
    return library


@cache
def surface_names() -> tuple[str, ...]:
    """Names of all surfaces, in the order of `palette`'s rows."""
    modelled, drawn = _library()["reflectance"], _library("settled.json")["reflectance"]
    return tuple(sorted({*modelled, *drawn, *_MIXED, "burnt", "measured_vegetation"}))


def surface_code(name: str) -> int:
    """Row of a surface in `palette`."""
    return surface_names().index(name)


def palette(responses: str, roles: tuple[str, ...]) -> NDArray[np.float32]:
    """Reflectance of every surface in the bands of a sensor.

    Parameters
    ----------
    responses : str
        Whose spectral responses: a key of ``roles`` in the data file.
    roles : tuple of str

    Returns
    -------
    float32 array (n_surfaces, n_roles)
    """
    pure = _pure(responses, roles)
    mixed = {name: sum(share * pure[part] for part, share in parts) for name, parts in _MIXED.items()}
    table = pure | mixed
    return np.stack([np.asarray(table[name]) for name in surface_names()]).astype(np.float32)


def varied(
    table: NDArray[np.float32], roles: tuple[str, ...], seed: int, variety: float, brightness: float = 0.16
) -> NDArray[np.float32]:
    """A palette as another country has it: every surface brighter or darker, warmer or colder, and a little uneven.

    Parameters
    ----------
    table : float32 array (n_surfaces, n_roles)
    roles : tuple of str
    seed : int
        Same seed, same change of a surface in a role, whatever the sensor.
    variety : float
        0 leaves the palette as it is; 1 is wide.
    brightness : float
        Standard deviation of the logarithm of a surface's brightness at variety 1; tint has as much, single bands a
        third of it.
    """
    if variety == 0.0:
        return table
    surface = np.array([noise.salt(seed, name) for name in surface_names()])
    draws = 2 + np.array([list(WAVELENGTH_UM).index(role) for role in roles])
    deviate = ndtri(noise.hash_uniform(surface[:, None], np.concatenate([[0, 1], draws])[None, :], seed))
    change = deviate[:, :1] + deviate[:, 1:2] * tint_slope(roles)[None, :] + deviate[:, 2:] / 3.0
    change[[name in _FIXED for name in surface_names()]] = 0.0
    limit = 2.5 * brightness
    factor = np.exp(np.clip(variety * brightness * change, -limit, limit))
    return np.asarray(np.minimum(table * factor, 0.98), dtype=np.float32)


def tint_slope(roles: tuple[str, ...]) -> NDArray[np.float64]:
    """What a tint of 1 adds to the logarithm of reflectance in each role: reflectance goes with wavelength ** tint."""
    return np.log(np.array([WAVELENGTH_UM[role] for role in roles]) / _TINT_PIVOT_UM)


def _pure(responses: str, roles: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
    known = _library()["roles"][responses]
    columns = [known.index(role) for role in roles]
    spectra = {name: np.array(rows[responses])[columns] for name, rows in _library()["reflectance"].items()}
    drawn = _library("settled.json")
    places = [drawn["roles"].index(role) for role in roles]
    spectra |= {name: np.array(row)[places] for name, row in drawn["reflectance"].items()}
    spectra["measured_vegetation"] = np.array([_MEASURED_VEGETATION[role] for role in roles])
    spectra["burnt"] = np.array([_BURNT[role] for role in roles])
    return spectra
