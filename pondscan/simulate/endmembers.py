"""Spectra of the simulated surfaces, per sensor and band role.

The numbers are in ``endmembers.json``, modelled and not measured (its ``source`` says how). Two corrections towards
measured Landsat 8 samples are made here: vegetation is brighter in the visible than PROSAIL has it, and water is not
quite black in the short-wave infrared (see `SWIR_RESIDUAL`).
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

SWIR_ROLES = ("swir16", "swir22")
SWIR_RESIDUAL = (0.005, 0.025)
"""Reflectance added to liquid in the short-wave infrared: adjacency, glint and atmospheric residual. Measured water
has about 0.02 there (Landsat 8 samples bundled with the PyPI package spyndex), modelled water 0.004."""

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
def _library() -> dict[str, Any]:
    text = files("pondscan.simulate").joinpath("endmembers.json").read_text(encoding="utf-8")
    library: dict[str, Any] = json.loads(text)
    return library


@cache
def surface_names() -> tuple[str, ...]:
    """Names of all surfaces, in the order of `palette`'s rows."""
    return tuple(sorted({*_library()["reflectance"], *_MIXED, "burnt", "measured_vegetation"}))


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


def _pure(responses: str, roles: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
    known = _library()["roles"][responses]
    columns = [known.index(role) for role in roles]
    spectra = {name: np.array(rows[responses])[columns] for name, rows in _library()["reflectance"].items()}
    spectra["measured_vegetation"] = np.array([_MEASURED_VEGETATION[role] for role in roles])
    spectra["burnt"] = np.array([_BURNT[role] for role in roles])
    return spectra
