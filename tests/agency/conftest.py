"""A small painted surface that every product can hold: all nine roles, every kind of coverage, 10 m."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from pondscan.model import BAND_ROLES, Coverage, Grid
from pondscan.simulate.agency import Surface

HEIGHT, WIDTH = 24, 36
ACQUIRED = datetime(2022, 3, 15, 3, 50, 12, 450_000, tzinfo=UTC)

# one code per block of 60 m, so that a mask of any pixel size can say exactly this
BLOCKS = [
    [Coverage.OUTSIDE, Coverage.OUTSIDE, Coverage.CLOUD, Coverage.CLOUD, Coverage.CLEAR, Coverage.CLEAR],
    [Coverage.OUTSIDE, Coverage.CLEAR, Coverage.CLOUD, Coverage.CLEAR, Coverage.CIRRUS, Coverage.CLEAR],
    [Coverage.CLEAR, Coverage.SHADOW, Coverage.SHADOW, Coverage.CLEAR, Coverage.CLEAR, Coverage.SNOW],
    [Coverage.CLEAR, Coverage.CLEAR, Coverage.CLEAR, Coverage.SATURATED, Coverage.CLEAR, Coverage.CLEAR],
]


def paint(gsd_m: float = 10.0, roles: tuple[str, ...] = BAND_ROLES, crs: str = "EPSG:32647") -> Surface:
    """Reflectance in whole counts of 1e-4 from 0.002 to 0.6, constant over 60 m, so that every average is exact.

    The south-west block is dark in every band, so that dark-object subtraction has nothing to subtract.
    """
    generator = np.random.default_rng(7)
    block = np.ones((6, 6))
    counts = {role: generator.integers(20, 6000, (4, 6)) for role in roles}
    for band in counts.values():
        band[3, 0] = 50
    bands = {role: np.kron(band, block) / 1e4 for role, band in counts.items()}
    reflectance = {role: band.astype(np.float32) for role, band in bands.items()}
    coverage = np.kron(np.array(BLOCKS), block).astype(np.uint8)
    grid = Grid(crs, 400_020.0, 2_700_000.0, gsd_m, WIDTH, HEIGHT)
    return Surface(grid, reflectance, coverage, ACQUIRED, sun_elevation_deg=52.5, sun_azimuth_deg=140.25)


@pytest.fixture(scope="session")
def surface() -> Surface:
    return paint()


@pytest.fixture
def painted() -> Callable[..., Surface]:
    return paint
