"""Classes of size."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SIZES_PX = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, np.inf)
"""Edges of the classes of diameter in pixels."""

SIZES_M = (0.0, 8.0, 12.0, 16.0, 24.0, 40.0, np.inf)
"""Edges of the classes of diameter in metres."""


def size_class(diameter: NDArray[np.float64], edges: tuple[float, ...]) -> NDArray[np.int64]:
    """Class of each diameter, lower edge included; -1 where it is not known.

    >>> size_class(np.array([3.0, 8.0, 50.0, np.nan]), SIZES_M).tolist()
    [0, 1, 5, -1]
    """
    number = np.searchsorted(np.asarray(edges), diameter, side="right") - 1
    return np.asarray(np.where(np.isnan(diameter), -1, number), np.int64)


def size_name(edges: tuple[float, ...], number: int) -> str:
    """Name of a class: ``8-12``, ``40+``."""
    lower, upper = edges[number], edges[number + 1]
    return f"{lower:g}+" if np.isinf(upper) else f"{lower:g}-{upper:g}"


def diameter(table: pd.DataFrame, *, in_pixels: bool) -> NDArray[np.float64]:
    """Diameter of each row of a score's table, metres or pixels of its scene."""
    diameter_m = table["diameter_m"].to_numpy(np.float64)
    return np.asarray(diameter_m / table["gsd_m"].to_numpy(np.float64) if in_pixels else diameter_m)
