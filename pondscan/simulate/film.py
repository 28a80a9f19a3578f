"""Pictures without calibration: eight-bit numbers as aerial surveys deliver them, balanced anew each year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

UNIT = 1.0 / 255.0
"""What one digital number of an eight-bit picture counts on the scale from 0 to 1."""
_WHITE = {"blue": 0.30, "green": 0.32, "red": 0.36, "nir": 0.60}
"""Reflectance that a middling balance shows as white. Own choice."""
_OTHER_WHITE = 0.5


@dataclass(frozen=True)
class Balance:
    """How one band's reflectance became numbers: black to 0, white to 1, bent by a power between."""

    black: float
    white: float
    gamma: float

    def develop(self, reflectance: Image) -> Image:
        """Turn reflectance into whole eight-bit numbers, as multiples of `UNIT`; 1 is the least, for 0 is no data."""
        share = np.clip((reflectance - self.black) / (self.white - self.black), 0.0, 1.0)
        numbers = np.clip(np.rint(255.0 * share**self.gamma), 1, 255)
        return np.asarray(numbers * UNIT, dtype=np.float32)


def draw_balance(rng: np.random.Generator, roles: tuple[str, ...]) -> dict[str, Balance]:
    """One survey's balance: exposure and contrast common to all bands, and a cast of its own for each."""
    exposure, gamma = float(rng.normal(0.0, 0.18)), float(rng.uniform(0.65, 1.05))
    balance = {}
    for role in roles:
        black = float(rng.uniform(-0.03, 0.012))
        white = _WHITE.get(role, _OTHER_WHITE) * float(np.exp(exposure + np.clip(rng.normal(0.0, 0.12), -0.3, 0.3)))
        balance[role] = Balance(black, white, gamma * float(np.exp(rng.normal(0.0, 0.05))))
    return balance
