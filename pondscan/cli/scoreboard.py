"""What ``pondscan evaluate`` prints: the same measures as one JSON document, or as tables a person reads."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pondscan.appraisal import Appraisal
    from pondscan.evaluate import Measures
    from pondscan.evaluate.area import PairError
    from pondscan.evaluate.measures import CountError, Detection
    from pondscan.survey.intervals import Share

NAME_WIDTH = 34
"""Columns that the first column of a table takes; longer names are cut."""
NOT_KNOWN = "–"


def as_document(appraisal: Appraisal) -> dict[str, Any]:
    """Give the measures of every scene and of all as plain JSON values."""
    from pondscan.evaluate import measures

    scenes = [
        {
            "name": part.name,
            "sensor": part.sensor,
            "date": part.day.isoformat() if part.day else None,
            "gsd_m": part.gsd_m if math.isfinite(part.gsd_m) else None,
            "measures": asdict(measures(part.score)),
        }
        for part in appraisal.parts
    ]
    skipped = [{"name": name, "reason": reason} for name, reason in appraisal.skipped]
    return {"all": asdict(measures(appraisal.whole)), "scenes": scenes, "skipped": skipped}


def as_text(appraisal: Appraisal) -> str:
    """Give the measures as tables: scene by scene, then of all scenes together."""
    from pondscan.evaluate import measures

    whole = measures(appraisal.whole)
    scenes = {f"{part.name}": measures(part.score).overall for part in appraisal.parts}
    everything = {**scenes, "all": whole.overall} if len(scenes) > 1 else scenes
    blocks = [
        _detections(f"Found, at confidence ≥ {whole.min_confidence:g}", everything),
        *(_detections(title, table) for title, table in _classes(whole)),
        _facts("Errors", _error_rows(whole)),
        _areas("Area of pairs by true diameter, m", whole),
        _calibration(whole),
    ]
    return "\n\n".join(block for block in blocks if block)


def _classes(whole: Measures) -> Iterator[tuple[str, Mapping[str, Detection]]]:
    """Tables that divide the ponds; one with a single row says nothing new."""
    titles = {
        "By diameter, pixels": whole.by_diameter_px,
        "By diameter, m": whole.by_diameter_m,
        "By kind": whole.by_kind,
        "By sensor": whole.by_sensor,
    }
    return ((title, table) for title, table in titles.items() if len(table) > 1)


def _detections(title: str, table: Mapping[str, Detection]) -> str:
    head = _heading(title, f"{'true':>6}{'found':>7}{'hits':>6}  {'precision':<18}{'recall':<18}{'F1':<18}")
    rows = [
        f"{_name(name)}{one.n_true:>6}{one.n_found:>7}{one.n_hits:>6}"
        f"  {_share(one.precision):<18}{_share(one.recall):<18}{_share(one.f1)}".rstrip()
        for name, one in table.items()
    ]
    return "\n".join([head, *rows])


def _error_rows(whole: Measures) -> Iterator[tuple[str, str]]:
    """Label and text of what is no table."""
    yield "true ponds", _tally(whole.hoover_true)
    yield "found objects", _tally(whole.hoover_found)
    yield "missed because", _tally(whole.miss_reasons)
    yield "count neither way", _tally(whole.neither_way)
    if whole.n_unjudged:
        yield "unjudged", f"{whole.n_unjudged} found objects that nobody judged count neither way"
    for error in whole.count_errors:
        yield "count", _count(error)
    area = whole.area
    there = "not all drawn" if area.true_m2 is None else f"{area.true_m2:,.0f} m² there"
    yield "area, all", f"{_signed(area.bias)} ({area.found_m2:,.0f} m² found, {there})"
    yield "area, pairs", f"{_signed(area.pairs.bias)}; of single ponds {_percent(area.pairs.median_absolute_error)}"
    yield "area sigma", f"{_share(area.pairs.within_one_sigma)} within one (0.68 is honest); {_ratio(area.pairs)}"
    yield "centroids", "not known" if whole.offset_px is None else f"{whole.offset_px:.2f} pixels off in the median"
    sites = whole.sites
    told = f"precision {_share(sites.precision)}, recall {_share(sites.recall)}"
    yield "sites", f"{sites.n_found} found, {sites.n_true} there: {told}"


def _facts(title: str, rows: Iterator[tuple[str, str]]) -> str:
    return "\n".join([click.style(title, bold=True), *(f"{label:<19}{text}" for label, text in rows)])


def _areas(title: str, whole: Measures) -> str:
    if not whole.area.by_diameter_m:
        return ""
    head = _heading(title, f"{'pairs':>6}{'bias':>9}{'error':>8}  {'within sigma':<18}{'sigma/error':<11}")
    rows = [
        f"{_name(name)}{one.n_pairs:>6}{_signed(one.bias):>9}{_percent(one.median_absolute_error):>8}"
        f"  {_share(one.within_one_sigma):<18}{_number(one.sigma_over_error)}"
        for name, one in whole.area.by_diameter_m.items()
    ]
    return "\n".join([head, *rows])


def _calibration(whole: Measures) -> str:
    """Reliability table under its two scores."""
    from pondscan.evaluate import CALIBRATED_FROM

    told = whole.calibration
    if not told.n:
        return ""
    title = f"Calibration of {told.n} objects of confidence ≥ {CALIBRATED_FROM:g}"
    scores = f"Brier score {_number(told.brier, 3)}, expected error {_number(told.expected_calibration_error, 3)}"
    rows = [f"{_name(f'{one.confidence:.2f}')}{one.n:>6}  {_share(one.share)}" for one in told.bins]
    return "\n".join([_heading(title, ""), scores, _heading("mean confidence", f"{'n':>6}  are ponds"), *rows])


def _heading(title: str, columns: str) -> str:
    return click.style(f"{title:<{NAME_WIDTH}}{columns}".rstrip(), bold=True)


def _name(name: str) -> str:
    cut = name if len(name) < NAME_WIDTH else f"{name[: NAME_WIDTH - 2]}…"
    return f"{cut:<{NAME_WIDTH}}"


def _share(share: Share) -> str:
    """``0.81 (0.72–0.88)``, with the 95 % interval."""
    if share.value is None:
        return NOT_KNOWN
    return f"{share.value:.2f} ({share.lower:.2f}–{share.upper:.2f})"


def _count(error: CountError) -> str:
    limits = {"m": error.from_diameter_m, "pixels": error.from_diameter_px}
    which = [f"from {limit:g} {unit} upwards" for unit, limit in limits.items() if limit is not None]
    told = f"{_signed(error.error)} ({error.n_found} found, {error.n_true} there)"
    return f"{told} {which[0] if which else 'of all sizes'}; {error.n_pond_equivalents:.0f} pond-equivalents"


def _ratio(pairs: PairError) -> str:
    return f"{_number(pairs.sigma_over_error)} of the actual error"


def _tally(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in counts.items()) or "none"


def _signed(value: float | None) -> str:
    return NOT_KNOWN if value is None else f"{100 * value:+.1f} %"


def _percent(value: float | None) -> str:
    return NOT_KNOWN if value is None else f"{100 * value:.0f} %"


def _number(value: float | None, decimals: int = 2) -> str:
    return NOT_KNOWN if value is None else f"{value:.{decimals}f}"
