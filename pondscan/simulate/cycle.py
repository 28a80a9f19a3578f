"""What a pond holds on a given day: kind, status and the surface it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from pondscan.simulate import noise
from pondscan.simulate.endmembers import surface_code
from pondscan.simulate.mines import Mines

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_FILLING_DAYS = 90.0
"""A filling keeps its colour about this long."""
_REGROWTH_DAYS = 3.5 * 365.0
_BASIN_VISIBLE_DAYS = 500.0

_SURFACES = {
    "turquoise": (
        ("pond_blue", 0.15),
        ("pond_turquoise_weak", 0.2),
        ("pond_turquoise", 0.4),
        ("pond_turquoise_bright", 0.25),
    ),
    "milky": (("pond_milky", 1.0),),
    "white": (("pond_white", 1.0),),
    "dark": (("pond_dark", 1.0),),
    "algal": (("pond_algal", 1.0),),
    "brown": (("pond_brown", 1.0),),
    "yellow_green": (("pond_yellow_green", 1.0),),
    "meshed": (("mesh_over_turquoise", 1.0),),
    "sheeted": (("liner_black", 1.0),),
}
"""Surfaces that each kind of pond shows, with their shares."""

_WORKED = (
    ("turquoise", 0.52),
    ("milky", 0.14),
    ("white", 0.06),
    ("dark", 0.09),
    ("yellow_green", 0.05),
    ("brown", 0.05),
    ("algal", 0.03),
    ("meshed", 0.03),
    ("sheeted", 0.03),
)
_LEFT = (("brown", 0.4), ("algal", 0.35), ("yellow_green", 0.25))
"""Shares of kinds while a pond is worked, and after it is left. Assumed: no survey has published them."""


@dataclass(frozen=True)
class PondStates:
    """State of every pond that has been built by a day."""

    pond: NDArray[np.int64]
    """Row in `Mines.basins`."""
    kind: NDArray[np.object_]
    status: NDArray[np.object_]
    """``present``, ``covered`` (sheeted) or ``gone`` (basin empty, before the first filling or for good)."""
    surface: NDArray[np.int64]
    visible: NDArray[np.bool_]
    """False once the empty basin is overgrown."""


def day_number(when: datetime) -> float:
    """Days since 2000-01-01 UTC."""
    return (when - _EPOCH).total_seconds() / 86400.0


def pond_states(mines: Mines, when: datetime, seed: int) -> PondStates:
    """Kind and status of every pond built by ``when``."""
    day = day_number(when)
    pond = np.flatnonzero(mines.built <= day)
    holds_liquid = (mines.filled[pond] <= day) & (day < mines.dried[pond])
    is_left = mines.abandoned[pond] <= day
    draw, shade = _fillings(mines, pond, day, is_left, noise.salt(seed, "fillings"))
    kind = np.where(is_left, _pick(_LEFT, draw), _pick(_WORKED, draw))
    is_sheeted = (mines.sheeted_from[pond] <= day) & (day < mines.sheeted_until[pond])
    kind = np.where(is_sheeted, "sheeted", kind)
    kind = np.where(holds_liquid, kind, "dry").astype(object)
    status = np.where(kind == "dry", "gone", np.where(kind == "sheeted", "covered", "present")).astype(object)
    surface = np.full(pond.size, surface_code("basin_dry"))
    for name, shares in _SURFACES.items():
        codes = np.array([surface_code(part) for part, _ in shares])
        of_kind = kind == name
        surface[of_kind] = codes[_pick_index(shares, shade[of_kind])]
    visible = day < mines.dried[pond] + _BASIN_VISIBLE_DAYS
    return PondStates(pond, kind, status, surface, visible)


def bareness(mines: Mines, when: datetime) -> NDArray[np.float64]:
    """How bare each clearing is, 0 (not yet opened, or overgrown again) to 1."""
    day = day_number(when)
    regrown = np.clip((day - mines.clearing_closed) / _REGROWTH_DAYS, 0.0, 1.0)
    return np.where(mines.clearing_opened <= day, 1.0 - regrown, 0.0)


def _fillings(
    mines: Mines, pond: NDArray[np.int64], day: float, is_left: NDArray[np.bool_], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two uniform numbers per pond and filling; ponds of a row mostly hold the same liquor."""
    own = mines.site[pond] * 1000 + mines.number[pond]
    shared = mines.site[pond] * 1000 + mines.row[pond]
    offset = noise.hash_uniform(shared, np.zeros_like(shared), seed)
    filling = np.where(is_left, -1, np.floor(day / _FILLING_DAYS + offset).astype(np.int64))
    follows_row = noise.hash_uniform(own, filling, seed + 1) < 0.65
    draw = np.where(
        follows_row, noise.hash_uniform(shared, filling, seed + 2), noise.hash_uniform(own, filling, seed + 3)
    )
    shade = np.where(
        follows_row, noise.hash_uniform(shared, filling, seed + 4), noise.hash_uniform(own, filling, seed + 5)
    )
    return draw, shade


def _pick_index(shares: tuple[tuple[str, float], ...], draw: NDArray[np.float64]) -> NDArray[np.int64]:
    edges = np.cumsum([share for _, share in shares])
    return np.minimum(np.searchsorted(edges, draw, side="right"), len(shares) - 1)


def _pick(shares: tuple[tuple[str, float], ...], draw: NDArray[np.float64]) -> NDArray[np.str_]:
    return np.array([name for name, _ in shares])[_pick_index(shares, draw)]
