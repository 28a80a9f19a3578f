"""Named kinds of country a place can lie in."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pondscan.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Preset:
    """What the country is made of; densities per square kilometre of the whole place."""

    relief_m: float
    """From valley floor to ridge."""
    ruggedness_m: float
    """Amplitude of spurs and ravines."""
    valley_floor_m: float
    """Half width of the flat floor."""
    scrub: float
    """Share of the slopes under scrub and fallow."""
    grass: float
    """Share of the slopes under dry grass."""
    scars: float
    """Share of the slopes that is bare laterite."""
    burnt: float
    """Share of the slopes burnt this year."""
    sites: float
    """Mine sites."""
    villages: float
    paddies: float
    """Share of the valley floor parcelled into paddies."""
    fish_ponds: float
    tarps: float
    river_width_m: float
    town: float = 0.0
    """Share of the valley floor under streets and houses."""
    farmland: float = 0.0
    """Share of the valley floor under fields."""
    potholes: float = 0.0
    """Hollows that natural ponds and lakes fill."""
    tightness: float = 0.0
    """Share of the sites that clear hardly more ground than their ponds take."""
    variety: float = 0.0
    """How much surfaces differ from place to place, site to site and thing to thing, and how much the sky does."""


_MIXED = Preset(
    relief_m=520.0,
    ruggedness_m=75.0,
    valley_floor_m=260.0,
    scrub=0.20,
    grass=0.06,
    scars=0.015,
    burnt=0.01,
    sites=0.55,
    villages=0.10,
    paddies=0.30,
    fish_ponds=0.15,
    tarps=0.3,
    river_width_m=28.0,
)


def _like_mixed(**changes: float) -> Preset:
    return replace(_MIXED, **changes)


PRESETS = {
    "mixed": _MIXED,
    "forest": _like_mixed(
        scrub=0.08, grass=0.02, scars=0.004, burnt=0.0, villages=0.0, paddies=0.0, fish_ponds=0.0, tarps=0.0
    ),
    "village": _like_mixed(relief_m=300.0, valley_floor_m=550.0, villages=0.6, paddies=0.35, fish_ponds=0.5, tarps=2.0),
    "paddies": _like_mixed(
        relief_m=260.0, ruggedness_m=45.0, valley_floor_m=800.0, villages=0.25, paddies=0.85, fish_ponds=1.0
    ),
    "shadow": _like_mixed(relief_m=800.0, ruggedness_m=150.0, valley_floor_m=90.0, villages=0.03, paddies=0.05),
    "bare": _like_mixed(scrub=0.25, grass=0.30, scars=0.22, burnt=0.05, villages=0.05, paddies=0.10),
    "town": _like_mixed(
        relief_m=330.0, valley_floor_m=900.0, villages=0.0, paddies=0.0, tarps=1.0, sites=0.3, town=0.7, variety=1.0
    ),
    "farmland": _like_mixed(
        relief_m=280.0,
        ruggedness_m=55.0,
        valley_floor_m=950.0,
        villages=0.08,
        paddies=0.0,
        fish_ponds=1.2,
        tarps=1.0,
        sites=0.3,
        farmland=0.85,
        variety=1.0,
    ),
    "terraces": _like_mixed(scrub=0.30, scars=0.03, sites=0.8, tightness=0.8, variety=1.0),
    "potholes": _like_mixed(
        relief_m=10.0,
        ruggedness_m=2.0,
        valley_floor_m=1500.0,
        grass=0.5,
        scars=0.0,
        sites=0.0,
        villages=0.0,
        paddies=0.0,
        fish_ponds=0.0,
        tarps=0.1,
        river_width_m=7.0,
        farmland=0.75,
        potholes=25.0,
        variety=1.0,
    ),
}
"""Presets by name; any of them is without ponds when made with ``n_sites=0``."""


def preset(name: str) -> Preset:
    """Look a preset up.

    Raises
    ------
    ConfigError
        When there is none of that name.
    """
    if name not in PRESETS:
        raise ConfigError(f"preset '{name}' does not exist; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
