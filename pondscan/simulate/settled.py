"""What a town or a farm consists of, and how its materials are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pondscan.simulate import shapes
from pondscan.simulate.endmembers import surface_code
from pondscan.simulate.shapes import Boxes

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Settled:
    """Layers of settled ground, each upon the one before."""

    fields: Boxes
    """Their crop follows from the month (`farmland.fields_on`)."""
    ground: Boxes
    """Streets and other sealed ground, then yards, gardens and lawns: later boxes hide earlier ones."""
    yards: Boxes
    objects: Boxes
    """Buildings, trees, vehicles, panels, pools."""
    height_m: FloatArray
    """Of each object: how far its shadow reaches."""


def nothing_settled() -> Settled:
    """No town, no farm."""
    empty = shapes.stack([])
    return Settled(empty, empty, empty, empty, np.empty(0))


def together(parts: Sequence[Settled]) -> Settled:
    """One table of each layer."""
    return Settled(
        shapes.stack([part.fields for part in parts]),
        shapes.stack([part.ground for part in parts]),
        shapes.stack([part.yards for part in parts]),
        shapes.stack([part.objects for part in parts]),
        np.concatenate([part.height_m for part in parts]),
    )


def choose(rng: np.random.Generator, shares: Mapping[str, float], n: int) -> NDArray[np.int64]:
    """Surface codes drawn with the given weights."""
    weight = np.array(list(shares.values()))
    codes = np.array([surface_code(name) for name in shares])
    return np.asarray(rng.choice(codes, n, p=weight / weight.sum()))


def paint_of(rng: np.random.Generator, n: int, brightness: float, tint: float, variety: float) -> dict[str, FloatArray]:
    """Gain and tint of ``n`` boxes; the arguments are standard deviations of their logarithms at variety 1."""
    limit = 2.2
    gain = np.exp(brightness * variety * np.clip(rng.normal(size=n), -limit, limit))
    return {"gain": gain, "tint": tint * variety * np.clip(rng.normal(size=n), -limit, limit)}
