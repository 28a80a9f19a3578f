"""New and lost ponds by season: what the looks bracket, and how much of the ground each season showed.

A pond is *new* in the season in which it was first seen, when an earlier clear look had shown its place without it; a
pond without such a look may be older and is not new. It is *lost* in the season of the first look that shows it gone.
Where the clear looks on both sides lie in different seasons the change may belong to an earlier one, and is told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pondscan.follow.survey import season_of
from pondscan.report.axes import Plot, Tick, signed_ticks, time_ticks
from pondscan.report.headline import period_name
from pondscan.report.inputs import ReportInput
from pondscan.report.palette import ACCENT, INK
from pondscan.report.words import moment, number

SIZE = (432.0, 170.0)
NEW, LOST = (ACCENT, "#aec9cd"), ("#B8622B", "#e6c7b3")
"""Colour of what is sure to belong to a season, and of what may belong to an earlier one."""
STRIPE_GROUND = "#eef1f2"
MANY_TICKS = 7


@dataclass(frozen=True, slots=True)
class Season:
    """Ponds that came and went in half a year."""

    name: str
    start: datetime
    end: datetime
    n_new: int
    n_new_perhaps_earlier: int
    """Of these, ponds that an earlier season may have brought: nothing showed their places in between."""
    n_lost: int
    n_lost_perhaps_earlier: int
    observed: float
    """Share of the ground that the season's looks saw clear; 0 without a look."""


@dataclass(frozen=True, slots=True)
class Turnover:
    """All seasons between the first look and the last."""

    seasons: list[Season]
    n_undated: int
    """Listed ponds whose place no look had shown clear before they were first seen: not known to be new."""


def turnover(report_input: ReportInput) -> Turnover | None:
    """Count new and lost ponds by season; None where all looks lie in one season."""
    times = {str(row["scene_id"]): moment(row["datetime"]) for row in report_input.scenes.to_dict("records")}
    dated = sorted(when for when in times.values() if when is not None)
    if not dated or season_of(dated[0]) == season_of(dated[-1]):
        return None
    looks = [
        min((when for name in look.split(";") if (when := times.get(name))), default=None)
        for look in report_input.looks
    ]
    new, lost, n_undated = _brackets(report_input, looks)
    observed = _observed(report_input)
    seasons = []
    for start, end in _seasons(dated[0], dated[-1]):
        came, went = ([one for one in brackets if start <= one[1] <= end] for brackets in (new, lost))
        seasons.append(
            Season(
                name=period_name("season", start, end),
                start=start,
                end=end,
                n_new=len(came),
                n_new_perhaps_earlier=sum(before < start for before, _ in came),
                n_lost=len(went),
                n_lost_perhaps_earlier=sum(before < start for before, _ in went),
                observed=observed.get(start, 0.0),
            )
        )
    return Turnover(seasons, n_undated)


def _seasons(first: datetime, last: datetime) -> list[tuple[datetime, datetime]]:
    """Seasons from one time to another, those without a look too."""
    spans = [season_of(first)]
    while spans[-1][1] < last:
        spans.append(season_of(spans[-1][1] + timedelta(seconds=1)))
    return spans


def _brackets(
    report_input: ReportInput, looks: Sequence[datetime | None]
) -> tuple[list[tuple[datetime, datetime]], list[tuple[datetime, datetime]], int]:
    """Clear looks before and after each pond came, and went; and how many ponds have none before."""
    new, lost, n_undated = [], [], 0
    for row in report_input.ponds.to_dict("records"):
        first, before, last = (moment(row[name]) for name in ("first_seen", "not_seen_before", "last_seen"))
        if first is not None and before is not None:
            new.append((before, first))
        n_undated += before is None
        gone = _gone_since(report_input.states.get(str(row["pond_id"]), ""), looks)
        if row["status"] == "gone" and last is not None and gone is not None:
            lost.append((last, gone))
    return new, lost, n_undated


def _gone_since(letters: str, looks: Sequence[datetime | None]) -> datetime | None:
    """First look of the last run of looks that show a pond gone."""
    place = len(letters.rstrip("g"))
    return looks[place] if place < min(len(letters), len(looks)) else None


def _observed(report_input: ReportInput) -> dict[datetime, float]:
    """Share of the ground seen in each season, by its first instant."""
    survey = report_input.survey
    rows = survey[survey["period"] == "season"].to_dict("records")
    shares = {moment(row["period_start"]): number(row["observed_fraction"]) or 0.0 for row in rows}
    return {start: share for start, share in shares.items() if start is not None}


def turnover_chart(name: str, seasons: Sequence[Season]) -> str:
    """Draw new ponds above the line and lost ones below it; the pale part of a bar may belong to an earlier season.

    The share of the ground that a season did not show is hatched, from the top.
    """
    highest = max((season.n_new for season in seasons), default=0)
    lowest = -max((season.n_lost for season in seasons), default=0)
    top, low = max(1.15 * highest, 1.0), 1.15 * lowest
    span = seasons[0].start, seasons[-1].end
    ticks = [Tick(tick.at, tick.label.removeprefix("−")) for tick in signed_ticks(low, top, 3, is_whole=True)]
    plot = Plot(
        name, SIZE, (span[0].timestamp(), span[1].timestamp()), top, time_ticks(*span, MANY_TICKS), ticks,
        "ponds: new above the line, lost below", y_low=low,
    )  # fmt: skip
    for season in seasons:
        left, right = plot.x(season.start.timestamp()), plot.x(season.end.timestamp())
        hidden = 1.0 - season.observed
        if hidden > 0.005:
            plot.hatch(left, plot.top, right - left, hidden * (plot.bottom - plot.top), ground=STRIPE_GROUND)
    for season in seasons:
        _draw_bar(plot, season, season.n_new, season.n_new_perhaps_earlier, NEW)
        _draw_bar(plot, season, -season.n_lost, -season.n_lost_perhaps_earlier, LOST)
    plot.drawn.append(f'<path d="M{plot.left:.1f} {plot.y(0):.1f}H{plot.right:.1f}" stroke="{INK}"/>')
    return plot.svg()


def _draw_bar(plot: Plot, season: Season, height: int, pale: int, colors: tuple[str, str]) -> None:
    """Draw the part that is sure to belong to the season next to the line, the pale one beyond it."""
    left, right = plot.x(season.start.timestamp()), plot.x(season.end.timestamp())
    inset = 0.18 * (right - left)
    for foot, head, color in ((0, height - pale, colors[0]), (height - pale, height, colors[1])):
        if foot != head:
            corners = (
                f"M{left + inset:.1f} {plot.y(foot):.1f}V{plot.y(head):.1f}H{right - inset:.1f}V{plot.y(foot):.1f}Z"
            )
            plot.drawn.append(f'<path d="{corners}" fill="{color}" stroke="{colors[0]}"/>')
