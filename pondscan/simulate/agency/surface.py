"""What the writers write: reflectance and coverage on one grid, at one moment, under one sun."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pondscan.errors import InputError
from pondscan.model import BAND_ROLES, REQUIRED_ROLES, Coverage, Grid

if TYPE_CHECKING:
    from pondscan.simulate.render import Rendered

_WORST_FIRST = (
    Coverage.CLOUD,
    Coverage.CIRRUS,
    Coverage.HAZE,
    Coverage.SHADOW,
    Coverage.SNOW,
    Coverage.SATURATED,
    Coverage.UNUSABLE,
    Coverage.CLEAR,
    Coverage.OUTSIDE,
)
"""Of several codes inside a coarser pixel, the first of these is the pixel's."""

_TRUE_SHADOW = 2
"""Code of cloud shadow in the simulator's truth."""

_SAYABLE = frozenset(int(code) for code in _WORST_FIRST)


@dataclass(frozen=True, slots=True)
class Surface:
    """A small piece of ground as a sensor saw it; what a writer turns into a product."""

    grid: Grid
    reflectance: Mapping[str, NDArray[np.float32]]
    """Role → (height, width) reflectance on the grid; at least the four required roles."""
    coverage: NDArray[np.uint8]
    """(height, width) ``model.Coverage`` codes; ``MARGIN`` is no observation and is refused."""
    acquired: datetime
    """Aware."""
    sun_elevation_deg: float
    sun_azimuth_deg: float

    def __post_init__(self) -> None:
        self._check_arrays()
        if self.acquired.tzinfo is None:
            raise InputError(f"the surface's time {self.acquired.isoformat()} has no time zone: give an aware datetime")
        if not 0 < self.sun_elevation_deg <= 90:
            raise InputError(
                f"the sun's elevation {self.sun_elevation_deg} is not between 0 and 90 degrees: correct it"
            )

    def _check_arrays(self) -> None:
        shape = (self.grid.height, self.grid.width)
        missing = [role for role in REQUIRED_ROLES if role not in self.reflectance]
        if missing:
            raise InputError(
                f"the surface has no {', '.join(missing)}: every product needs {', '.join(REQUIRED_ROLES)}"
            )
        unknown = [role for role in self.reflectance if role not in BAND_ROLES]
        if unknown:
            raise InputError(f"the surface's role {unknown[0]!r} is unknown: use one of {', '.join(BAND_ROLES)}")
        odd = [role for role, band in self.reflectance.items() if band.shape != shape]
        if odd or self.coverage.shape != shape:
            raise InputError(f"the surface's {(odd or ['coverage'])[0]} is not {shape} like its grid: give one shape")
        strange = sorted(set(np.unique(self.coverage).tolist()) - _SAYABLE)
        if strange:
            raise InputError(f"the surface's coverage holds {strange[0]}, which no product can say: mark it otherwise")
        if any(not np.isfinite(band[self.is_inside]).all() for band in self.reflectance.values()):
            raise InputError("the surface's reflectance is not finite everywhere: mark such pixels as outside")

    @property
    def is_inside(self) -> NDArray[np.bool_]:
        """Pixels with data."""
        return np.asarray(self.coverage != Coverage.OUTSIDE)

    @property
    def acquired_utc(self) -> datetime:
        """Time of acquisition, UTC."""
        return self.acquired.astimezone(UTC)

    @property
    def sun_zenith_deg(self) -> float:
        """Angle of the sun from the vertical."""
        return 90.0 - self.sun_elevation_deg

    def coarsened(self, factor: int) -> Surface:
        """Return the surface on pixels ``factor`` times as wide.

        Reflectance is the mean over the pixels with data; coverage is the worst of the pixels (a coarse pixel with
        any cloud in it is cloud), and outside only where all of them are.
        """
        if factor == 1:
            return self
        grid = self.grid
        if grid.height % factor or grid.width % factor:
            raise InputError(
                f"a grid of {grid.width} × {grid.height} pixels of {grid.gsd_m:g} m cannot be written at "
                f"{grid.gsd_m * factor:g} m: make both sides multiples of {factor}"
            )
        coarse = Grid(
            grid.crs, grid.x_origin, grid.y_origin, grid.gsd_m * factor, grid.width // factor, grid.height // factor
        )
        is_inside = _blocks(self.is_inside, factor)
        reflectance = {role: _block_mean(band, is_inside, factor) for role, band in self.reflectance.items()}
        coverage = _block_worst(self.coverage, factor)
        return Surface(coarse, reflectance, coverage, self.acquired, self.sun_elevation_deg, self.sun_azimuth_deg)

    def trimmed(self, block_m: float) -> Surface:
        """Return the surface without the pixels at its east and south that fill no block of ``block_m``."""
        block_px = max(1, round(block_m / self.grid.gsd_m))
        rows, cols = (side - side % block_px for side in (self.grid.height, self.grid.width))
        if not rows or not cols:
            raise InputError(
                f"a grid of {self.grid.width} × {self.grid.height} pixels of {self.grid.gsd_m:g} m has no whole pixel "
                f"of {block_m:g} m: simulate a larger place"
            )
        return replace(
            self,
            grid=replace(self.grid, width=cols, height=rows),
            reflectance={role: band[:rows, :cols] for role, band in self.reflectance.items()},
            coverage=self.coverage[:rows, :cols],
        )

    def at_gsd(self, gsd_m: float, product: str) -> Surface:
        """Return the surface at ``gsd_m``, or refuse where that is no whole multiple of its own pixels."""
        factor = round(gsd_m / self.grid.gsd_m)
        if factor < 1 or not math.isclose(factor * self.grid.gsd_m, gsd_m):
            raise InputError(
                f"{product} has pixels of {gsd_m:g} m, which the surface's {self.grid.gsd_m:g} m do not divide: "
                f"simulate it at a whole fraction of {gsd_m:g} m"
            )
        return self.coarsened(factor)


def _blocks(array: NDArray[np.generic], factor: int) -> NDArray[np.generic]:
    """View of (h, w) as (h / factor, factor, w / factor, factor)."""
    height, width = array.shape
    return array.reshape(height // factor, factor, width // factor, factor)


def _block_mean(band: NDArray[np.float32], is_inside: NDArray[np.generic], factor: int) -> NDArray[np.float32]:
    total = np.where(is_inside, _blocks(band, factor), 0.0).sum(axis=(1, 3), dtype=np.float64)
    count = is_inside.sum(axis=(1, 3))
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    return np.asarray(mean, dtype=np.float32)


def _block_worst(coverage: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    rank_of = np.zeros(256, dtype=np.uint8)
    rank_of[list(_WORST_FIRST)] = np.arange(len(_WORST_FIRST), dtype=np.uint8)
    rank = _blocks(rank_of[coverage], factor).min(axis=(1, 3))
    return np.asarray(np.take(np.asarray(_WORST_FIRST, dtype=np.uint8), rank))


def surface_from_rendered(rendered: Rendered) -> Surface:
    """Take what the simulator rendered as a surface.

    Coverage is the mask delivered with the scene: what it does not call clear is shadow where a shadow truly lies,
    else cloud.
    """
    is_shadow = rendered.cloud_truth == _TRUE_SHADOW
    masked = np.where(is_shadow, Coverage.SHADOW, Coverage.CLOUD)
    return Surface(
        grid=rendered.grid,
        reflectance=rendered.bands,
        coverage=np.where(rendered.clear == 1, Coverage.CLEAR, masked).astype(np.uint8),
        acquired=rendered.datetime,
        sun_elevation_deg=rendered.sun_elevation_deg,
        sun_azimuth_deg=rendered.sun_azimuth_deg,
    )


def digital_numbers(reflectance: ArrayLike, *, scale: float, offset: float) -> NDArray[np.int64]:
    """Return the numbers a product stores for reflectance, where reflectance = DN · scale + offset.

    Where ``offset`` is a whole number of ``scale``, it is added after rounding: one surface written with and without
    an offset then differs by that number everywhere, ties included.

    >>> int(digital_numbers(0.0123, scale=1e-4, offset=-0.1))
    1123
    """
    shift = round(offset / scale)
    exact = np.asarray(reflectance, dtype=np.float64)
    if math.isclose(shift * scale, offset, abs_tol=1e-12):
        return np.rint(exact / scale).astype(np.int64) - shift
    return np.rint((exact - offset) / scale).astype(np.int64)


def earth_sun_distance_au(when: datetime) -> float:
    """Distance of the sun in astronomical units, good to 0.1 % (first term of the orbit's eccentricity)."""
    day_of_year = when.timetuple().tm_yday
    return 1.0 - 0.01673 * math.cos(math.radians(0.9856 * (day_of_year - 4)))
