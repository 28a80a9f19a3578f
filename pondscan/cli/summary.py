"""The closing words of a run: what was found, what was not seen, what failed, and where everything is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pondscan.cli.check import sentence_about

if TYPE_CHECKING:
    from pondscan.summary import RunSummary, Totals

WARNINGS_SHOWN = 5
"""Warnings that are named; the rest stand in the report and in ``run.json``."""


def as_document(summary: RunSummary) -> dict[str, Any]:
    """Give the summary as plain JSON values."""
    document = asdict(summary)
    document["out_dir"] = str(summary.out_dir)
    document["products"] = [str(path) for path in summary.products]
    document["ignored"] = [{"path": path, "reason": reason} for path, reason in summary.ignored]
    return document


def as_text(summary: RunSummary) -> str:
    """Give the summary as lines a person reads; colours are dropped where no terminal shows them."""
    return "\n".join(_lines(summary))


def _lines(summary: RunSummary) -> Iterator[str]:
    yield from _row("scenes", _scenes(summary))
    if summary.totals is not None:
        yield from _census(summary.totals)
    if summary.covered:
        yield from _row("seen", _seen(summary.covered))
    for sentence in summary.why_nothing:
        yield from _row("nothing", sentence)
    for note in summary.notes:
        yield from _row("note", note)
    yield from _warnings(summary.warnings)
    for failure in summary.failed:
        yield from _row("failed", click.style(sentence_about(failure.source, failure.reason), fg="red"))
    if summary.products:
        yield from _row("files", _files(summary))


def _row(label: str, text: str) -> Iterator[str]:
    yield f"{click.style(f'{label:<9}', bold=True)} {text}"


def _scenes(summary: RunSummary) -> str:
    """What became of the inputs, and how much the workspace holds now."""
    parts = {
        "done": len(summary.done),
        "unchanged": len(summary.unchanged),
        "superseded by another version": len(summary.superseded),
        "failed": len(summary.failed),
    }
    told = ", ".join(f"{count} {what}" for what, count in parts.items() if count) or "none given"
    n_ignored = len(summary.ignored)
    ignored = f"; {n_ignored} other file{'s' * (n_ignored > 1)} ignored" if n_ignored else ""
    return f"{told}{ignored}; {summary.n_scenes} in the census"


def _census(totals: Totals) -> Iterator[str]:
    """The period that heads the report: counts, and the three areas by their three names."""
    from pondscan.report import words

    if totals.n_ponds is None:
        yield from _row("census", "not known: no scene saw enough of the ground clear")
        return
    counts = f"{words.plural(totals.n_ponds, 'pond')}, {words.plural(totals.n_sites, 'site')}"
    share = (
        "" if totals.observed_fraction is None else f", {words.percent(totals.observed_fraction)} of the ground seen"
    )
    yield from _row("census", click.style(counts, fg="green") + f" ({totals.period}{share})")
    if totals.n_ponds_listed > totals.n_ponds:
        yield from _row("", f"{words.count(totals.n_ponds_listed)} ponds over all dates, gone and unseen ones too")
    if not totals.n_ponds:
        return
    yield from _row("liquid", _with_error(totals.area_m2, totals.area_sigma_m2))
    yield from _row("worked", f"{words.area(totals.footprint_m2)}, the ground around the ponds (footprint)")
    yield from _row("envelope", f"{words.area(totals.envelope_m2)}, the hull around all sites")


def _with_error(area_m2: float | None, sigma_m2: float | None) -> str:
    """Area ± one standard deviation, in the unit that reads best."""
    from pondscan.report import words

    if area_m2 is None:
        return words.NOT_KNOWN
    unit = words.area_unit(area_m2)
    sigma = None if sigma_m2 is None else sigma_m2 / unit.size_m2
    return f"{words.plus_minus(area_m2 / unit.size_m2, sigma)} {unit.sign}, the area of the ponds (± one sigma)"


def _seen(covered: Any) -> str:
    """Share of the ground that was clear, and what hid the rest."""
    from pondscan.report import words

    hidden = sorted(((share, name) for name, share in covered.items() if name != "clear"), reverse=True)
    reasons = ", ".join(f"{name} {words.percent(share)}" for share, name in hidden)
    return f"{words.percent(covered.get('clear', 0.0))} clear over all looks" + (
        f"; masked: {reasons}" if reasons else ""
    )


def _warnings(warnings: tuple[str, ...]) -> Iterator[str]:
    for warning in warnings[:WARNINGS_SHOWN]:
        yield from _row("warning", click.style(warning, fg="yellow"))
    if len(warnings) > WARNINGS_SHOWN:
        yield from _row("", f"and {len(warnings) - WARNINGS_SHOWN} more warnings, in run.json and report.html")


def _files(summary: RunSummary) -> str:
    state = "" if summary.was_rebuilt else ", unchanged: they said it already"
    names = [path.name for path in summary.products]
    first = [name for name in ("report.html", "pondscan.gpkg") if name in names]
    return f"{summary.out_dir}: {', '.join([*first, *(name for name in names if name not in first)])}{state}"
