"""Numbers that are not surface reflectance, brought near enough to it for the core's physics to hold.

Raw digital numbers and top-of-atmosphere reflectance are shifted and stretched per band by statistics of a fixed
lattice of full-resolution blocks, the same whatever the tiles. Everything found on such a scene is marked by its
calibration class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pondscan.model import INVALID, REFLECTANCE_UNIT, Grid, Scene, Window
from pondscan.sensors import WAVELENGTH_UM

LATTICE = 5
"""Sample blocks along each side of the scene."""

SAMPLE_PX = 256
"""Side of a sample block."""

DARK_QUANTILE = 0.002
"""Share of pixels taken for dark objects (Chavez 1988, doi 10.1016/0034-4257(88)90019-3)."""

DARK_REFLECTANCE = 0.01
"""Reflectance a dark object is assumed to have (Chavez 1996: one per cent)."""

HAZE_POWER = 2.0
"""Haze falls with this power of the wavelength: Chavez 1988 for clear air (4 very clear, 1 moderate, 0.5 very hazy)."""

TOLD_HAZE = 0.01
"""Darkest ground brighter than haze by more than this is said to hold nothing dark."""

GROUND_NIR = 0.30
GROUND_GREEN = 0.08
"""Reflectance given to the upper quartile of the near infrared, and to the green of those pixels, in raw numbers:
what vegetated ground has (modelled endmembers, domain notes B1)."""


class Reader(Protocol):
    """A scene's pixels."""

    scene: Scene

    def read(self, roles: Sequence[str], window: Window) -> NDArray[np.int16]:
        """Counts of 1e-4 reflectance, (roles, h, w)."""
        ...


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Per band: reflectance = (counts − dark) · gain; nothing to do where ``gain`` is empty."""

    dark: dict[str, float]
    gain: dict[str, float]
    warnings: tuple[str, ...] = ()

    def apply(self, roles: Sequence[str], counts: NDArray[np.int16]) -> NDArray[np.int16]:
        """Adjusted counts, (roles, h, w); pixels without data stay so."""
        if not self.gain:
            return counts
        gain = np.array([self.gain[role] for role in roles], np.float32)[:, None, None]
        dark = np.array([self.dark[role] for role in roles], np.float32)[:, None, None]
        adjusted = np.clip(np.rint((counts - dark) * gain), INVALID + 1, 32767)
        return np.where(counts == INVALID, np.int16(INVALID), adjusted.astype(np.int16))


def lattice(grid: Grid) -> list[Window]:
    """Sample blocks spread evenly over a grid, the same for every way of tiling it."""
    rows = _starts(grid.height)
    cols = _starts(grid.width)
    return [
        Window(row, min(row + SAMPLE_PX, grid.height), col, min(col + SAMPLE_PX, grid.width))
        for row in rows
        for col in cols
    ]


def _starts(length: int) -> list[int]:
    last = max(length - SAMPLE_PX, 0)
    return sorted({int(start) for start in np.linspace(0, last, LATTICE)})


def adjustment(reader: Reader) -> Adjustment:
    """Find how a scene's numbers are to be adjusted, from its calibration class."""
    if reader.scene.calibrated == "reflectance":
        return Adjustment({}, {})
    roles = tuple(reader.scene.bands)
    blocks = [reader.read(roles, window).reshape(len(roles), -1) for window in lattice(reader.scene.grid)]
    counts = np.concatenate(blocks, axis=1)
    sample = counts[:, (counts != INVALID).all(axis=0)].astype(np.float64)
    if sample.shape[1] == 0:
        return Adjustment({}, {})
    quantile = np.quantile(sample, DARK_QUANTILE, axis=1)
    dark = {
        role: float(value) - DARK_REFLECTANCE / REFLECTANCE_UNIT for role, value in zip(roles, quantile, strict=True)
    }
    if reader.scene.calibrated == "toa":
        return _without_haze(dark)
    return _relative(sample, roles, {role: float(value) for role, value in zip(roles, quantile, strict=True)})


def _without_haze(dark: dict[str, float]) -> Adjustment:
    """Take off what the darkest pixels have too much, as far as it can be haze.

    Where a scene holds nothing dark in a band (no water, bare ground or forest in the near infrared), its darkest
    pixels are ground, and no haze is taken off but what the shortest wave shows, less with ``HAZE_POWER`` of the
    wavelength: the relative scatter model of Chavez 1988 (doi 10.1016/0034-4257(88)90019-3).
    """
    shortest = min(dark, key=WAVELENGTH_UM.__getitem__)
    haze = {
        role: max(dark[shortest], 0.0) * (WAVELENGTH_UM[shortest] / WAVELENGTH_UM[role]) ** HAZE_POWER for role in dark
    }
    bright = [role for role, value in dark.items() if value - haze[role] > TOLD_HAZE / REFLECTANCE_UNIT]
    warnings = (f"nothing dark in {', '.join(bright)}: haze there is judged by {shortest}",) if bright else ()
    taken_off = {role: min(max(value, 0.0), haze[role]) for role, value in dark.items()}
    return Adjustment(taken_off, dict.fromkeys(dark, 1.0), warnings)


def _relative(sample: NDArray[np.float64], roles: tuple[str, ...], dark: dict[str, float]) -> Adjustment:
    """Stretch raw numbers so that the ground of the scene looks like vegetated ground.

    The near infrared's upper quartile is taken for ground (water is dark there); the visible bands share one gain,
    that of the green over that ground, so that their ratios are kept.
    """
    nir = sample[roles.index("nir")] - dark["nir"]
    bright = np.quantile(nir, 0.75)
    green = np.median((sample[roles.index("green")] - dark["green"])[nir >= bright])
    nir_gain = GROUND_NIR / REFLECTANCE_UNIT / max(float(bright), 1.0)
    visible_gain = GROUND_GREEN / REFLECTANCE_UNIT / max(float(green), 1.0)
    gain = {role: nir_gain if role in ("nir", "nir08", "swir16", "swir22") else visible_gain for role in roles}
    floor = DARK_REFLECTANCE / REFLECTANCE_UNIT
    shifted = {role: dark[role] - floor / gain[role] for role in roles}
    return Adjustment(shifted, gain)
