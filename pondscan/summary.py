"""What a run came to: the values its closing lines, its exit code and ``run.json`` are made from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pondscan.model import Coverage
from pondscan.store.records import Failure, StoredScene

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Totals:
    """The census in a few numbers: one period of the survey, the one that heads the report; None is not known."""

    period: str | None
    """In words: ``Year 2024``, ``Look of 2024-03-01``."""
    n_ponds: int | None
    n_sites: int | None
    area_m2: float | None
    area_lower_m2: float | None
    """95 % measurement interval of the liquid area."""
    area_upper_m2: float | None
    footprint_m2: float | None
    """Worked ground of the sites."""
    envelope_m2: float | None
    """Convex hull around the sites."""
    observed_fraction: float | None
    n_ponds_listed: int
    """Rows of ``ponds.geojson``, gone and unseen ponds too."""
    n_sites_listed: int


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What ``pipeline.run`` did, and what the workspace holds now."""

    out_dir: Path
    exit_code: int
    """0 done, 1 nothing could be used (the workspace is untouched), 3 done, but some inputs failed."""
    done: tuple[str, ...] = ()
    """Scenes processed by this run, by scene_id."""
    unchanged: tuple[str, ...] = ()
    """Scenes given that the workspace already held."""
    superseded: tuple[str, ...] = ()
    """Scenes given of which another version is used."""
    failed: tuple[Failure, ...] = ()
    ignored: tuple[tuple[str, str], ...] = ()
    """Path, and why it was passed over."""
    changed_settings: tuple[str, ...] = ()
    n_scenes: int = 0
    """Scenes the workspace holds now."""
    totals: Totals | None = None
    covered: Mapping[str, float] | None = None
    """Share of the ground inside the scenes that was clear, under cloud …, by area, all looks together."""
    products: tuple[Path, ...] = ()
    was_rebuilt: bool = False
    """Whether products were built; False when they already said all there is to say."""
    why_nothing: tuple[str, ...] = ()
    """Why no pond was found; empty when one was."""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """What was noticed on the scenes processed, each with its scene."""


def covered_shares(scenes: Iterable[StoredScene]) -> dict[str, float]:
    """Share of the ground inside the scenes by coverage, weighted by area; empty when nothing is inside."""
    area = {code.name.lower(): 0.0 for code in Coverage if code != Coverage.OUTSIDE}
    for stored in scenes:
        for name in area:
            area[name] += stored.coverage_px.get(name, 0) * stored.scene.grid.pixel_area_m2
    total = math.fsum(area.values())
    return {name: part / total for name, part in area.items() if part} if total else {}


def totals_of(ponds: pd.DataFrame, sites: pd.DataFrame, survey: pd.DataFrame, scenes: pd.DataFrame) -> Totals:
    """Take the period that heads the report out of the survey; all null where there is no survey.

    Parameters
    ----------
    scenes
        Columns ``report.inputs.SCENES``.
    """
    from pondscan.report.headline import head_of, periods

    head = head_of(periods(survey, scenes))
    listed = {"n_ponds_listed": len(ponds), "n_sites_listed": len(sites)}
    if head is None:
        return Totals(None, None, None, None, None, None, None, None, None, **listed)
    return Totals(
        period=head.name,
        n_ponds=_whole(head.ponds.value),
        n_sites=_whole(head.sites.value),
        area_m2=head.pond_area.value,
        area_lower_m2=head.pond_area.lower,
        area_upper_m2=head.pond_area.upper,
        footprint_m2=head.footprint_m2,
        envelope_m2=head.envelope_m2,
        observed_fraction=head.observed,
        **listed,
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
