"""The closing words of a run: what was found, what was not seen, what failed, and where everything is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pondscan.cli.check import sentence_about

if TYPE_CHECKING:
    from pondscan.summary import RunSummary, Totals

WARNINGS_SHOWN = 5
"""Warnings that are named; the rest stand in the report and in ``run.json``."""
LABEL_WIDTH = 10
OPENED_FIRST = ("report.html", "pondscan.gpkg")
"""Products a person opens first."""

Row = tuple[str, str, str | None]
"""Label, text, colour; an empty label goes on with the one above."""


def as_document(summary: RunSummary) -> dict[str, Any]:
    """Give the summary as plain JSON values."""
    document = asdict(summary)
    document["out_dir"] = str(summary.out_dir)
    document["products"] = [str(path) for path in summary.products]
    document["ignored"] = [{"path": path, "reason": reason} for path, reason in summary.ignored]
    return document


def as_text(summary: RunSummary, *, width: int | None = None) -> str:
    """Give the summary as lines a person reads, wrapped to ``width`` characters if one is given."""
    return "\n".join(line for row in _rows(summary) for line in _printed(row, width))


def _printed(row: Row, width: int | None) -> Iterator[str]:
    label, text, colour = row
    lines = textwrap.wrap(text, width - LABEL_WIDTH, break_on_hyphens=False) if width else [text]
    for number, line in enumerate(lines):
        head = click.style(f"{label if number == 0 else '':<{LABEL_WIDTH}}", bold=True)
        yield head + (click.style(line, fg=colour) if colour else line)


def _rows(summary: RunSummary) -> Iterator[Row]:
    yield "scenes", _scenes(summary), None
    if summary.totals is not None:
        yield from _census(summary.totals)
    if summary.covered:
        yield "seen", _seen(summary.covered), None
    yield from _labelled("why none", summary.why_nothing)
    yield from _labelled("notes", summary.notes)
    yield from _labelled("warnings", _shortened(summary.warnings), colour="yellow")
    failures = [sentence_about(failure.source, failure.reason) for failure in summary.failed]
    yield from _labelled("failed", failures, colour="red")
    if summary.products:
        yield "files", _files(summary), None


def _labelled(label: str, texts: Sequence[str], *, colour: str | None = None) -> Iterator[Row]:
    """Rows under one label."""
    for number, text in enumerate(texts):
        yield "" if number else label, text, colour


def _scenes(summary: RunSummary) -> str:
    """What became of the inputs, and how much the workspace holds now."""
    parts = {
        "done": len(summary.done),
        "unchanged": len(summary.unchanged),
        "superseded by another version": len(summary.superseded),
        "failed": len(summary.failed),
    }
    told = ", ".join(f"{count} {what}" for what, count in parts.items() if count)
    n_ignored = len(summary.ignored)
    ignored = f"; {n_ignored} other file{'s' * (n_ignored > 1)} ignored" if n_ignored else ""
    return f"{told}{ignored}; {summary.n_scenes} in the census"


def _census(totals: Totals) -> Iterator[Row]:
    """The period that heads the report: counts, and the three areas by their three names."""
    from pondscan.report import words

    if totals.n_ponds is None:
        yield "census", "not known: no scene saw enough of the ground clear", "yellow"
        return
    counts = f"{words.plural(totals.n_ponds, 'pond')}, {words.plural(totals.n_sites, 'site')}"
    share = (
        "" if totals.observed_fraction is None else f", {words.percent(totals.observed_fraction)} of the ground seen"
    )
    yield "census", f"{counts} ({totals.period}{share})", "green"
    if totals.n_ponds_listed > totals.n_ponds:
        yield "", f"{words.plural(totals.n_ponds_listed, 'pond')} over all dates, gone and unseen ones too", None
    if totals.n_ponds:
        yield "liquid", f"{_with_interval(totals)}, the area of the ponds", None
    if totals.n_sites:
        yield "footprint", f"{words.area(totals.footprint_m2)}, the worked ground of the sites", None
        yield "envelope", f"{words.area(totals.envelope_m2)}, the hull around all sites", None


def _with_interval(totals: Totals) -> str:
    """Liquid area with its 95 % interval, in the words and the unit of the report."""
    from pondscan.report.headline import Area

    area = Area(totals.area_m2, totals.area_lower_m2, totals.area_upper_m2)
    if area.half_width is None:
        return f"{area.in_words} {area.unit.sign}"
    if area.is_even:
        return f"{area.in_words} {area.unit.sign} (95 % interval)"
    return f"{area.in_words} {area.unit.sign} (95 % interval {area.interval})"


def _seen(covered: Mapping[str, float]) -> str:
    """Share of the ground that was clear, and what hid the rest, worst first."""
    from pondscan.report import words

    hidden = sorted(((share, name) for name, share in covered.items() if name != "clear"), reverse=True)
    reasons = ", ".join(f"{name} {words.percent(share)}" for share, name in hidden)
    clear = f"{words.percent(covered.get('clear', 0.0))} clear over all looks"
    return f"{clear}; masked: {reasons}" if reasons else clear


def _shortened(warnings: Sequence[str]) -> list[str]:
    surplus = len(warnings) - WARNINGS_SHOWN
    rest = [f"and {surplus} more, in run.json and report.html"] if surplus > 0 else []
    return [*warnings[:WARNINGS_SHOWN], *rest]


def _files(summary: RunSummary) -> str:
    names = [path.name for path in summary.products]
    first = [name for name in OPENED_FIRST if name in names]
    others = [name for name in names if name not in first]
    state = "" if summary.was_rebuilt else " (as they were: nothing in them changes)"
    return f"{summary.out_dir}: {', '.join([*first, *others])}{state}"
