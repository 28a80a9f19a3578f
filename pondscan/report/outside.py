"""Events and series from elsewhere as the report shows them: numbered, grouped, and put beside the survey in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pondscan.context.records import Event, Value
from pondscan.context.sources import Context

if TYPE_CHECKING:
    from pondscan.context.study import Change, Effect
from pondscan.report import words
from pondscan.report.headline import Area, Census

MOST_PANELS = 6
"""Series drawn below the chart; all of them are in the table."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event with its number in the list, by which the chart names it."""

    number: int
    event: Event


@dataclass(frozen=True, slots=True)
class Group:
    """Values that may stand on one axis: of one series, in one unit, over periods of one length."""

    series: str
    unit: str
    length: str
    """Of each period: ``month``, ``year``."""
    values: tuple[Value, ...]

    @property
    def n_periods(self) -> int:
        """How many periods it has values of."""
        return len({value.when for value in self.values})

    @property
    def title(self) -> str:
        """What its axis shows."""
        each = "" if self.length == "day" else f", by {self.length}"
        return f"{self.series}, {self.unit}{each}"


@dataclass(frozen=True, slots=True)
class Beside:
    """A period of the survey, with what is known of it from elsewhere."""

    name: str
    pond_area: Area
    observed: float | None
    events: tuple[Numbered, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Around:
    """An event with its number, and what changed around it."""

    number: int
    effect: Effect
    area: Change


@dataclass(frozen=True, slots=True)
class Outside:
    """All of it, as the page shows it."""

    events: list[Numbered]
    effects: list[Around]
    """Events around which the looks allow a comparison."""
    reasons: list[tuple[str, str]]
    """Why none is made around the others: their numbers, and the reason."""
    drawn: list[Numbered]
    """Events that fall into the time of the chart."""
    groups: list[Group]
    """Series drawn below the chart."""
    n_groups_left: int
    """Further series that lie in its time, for which there is no room."""
    series: tuple[Value, ...]
    beside: list[Beside]


def outside_of(
    context: Context,
    study: Sequence[Effect],
    periods: Sequence[Census],
    span: tuple[datetime, datetime] | None,
) -> Outside:
    """Sort out what a page shows beside a survey whose chart covers ``span``; None when there is no chart."""
    events = numbered(context.events)
    effects, reasons = _around(study)
    groups = groups_within(context.series, *span) if span else []
    return Outside(
        events=events,
        effects=effects,
        reasons=reasons,
        drawn=[one for one in events if span and one.event.when.overlaps(*span)],
        groups=groups[:MOST_PANELS],
        n_groups_left=len(groups[MOST_PANELS:]),
        series=context.series,
        beside=beside(periods, events, context.series),
    )


def _around(study: Sequence[Effect]) -> tuple[list[Around], list[tuple[str, str]]]:
    """Events that can be compared, and the numbers of those that cannot, by reason."""
    effects: list[Around] = []
    numbers: dict[str, list[int]] = {}
    for number, effect in enumerate(study, 1):
        if effect.area_m2 is None or effect.reason:
            numbers.setdefault(effect.reason, []).append(number)
        else:
            effects.append(Around(number, effect, effect.area_m2))
    return effects, [(words.runs(which), reason) for reason, which in numbers.items()]


def numbered(events: Sequence[Event]) -> list[Numbered]:
    """Number events in their order, from 1."""
    return [Numbered(number, event) for number, event in enumerate(events, 1)]


def groups_within(series: Sequence[Value], start: datetime, end: datetime) -> list[Group]:
    """Group the values that touch a span of time, the fullest groups first; one date is no series."""
    by_axis: dict[tuple[str, str, str], list[Value]] = {}
    for value in series:
        if value.when.overlaps(start, end):
            by_axis.setdefault((value.series, value.unit, value.when.length), []).append(value)
    groups = [Group(*axis, tuple(values)) for axis, values in by_axis.items()]
    several = [group for group in groups if group.n_periods > 1]
    return sorted(several, key=lambda group: (-group.n_periods, group.title))


def beside(periods: Sequence[Census], events: Sequence[Numbered], series: Sequence[Value]) -> list[Beside]:
    """Put events and values beside the seasons and years of the survey that they fall into, the newest first.

    An event stands beside every period it may have happened in, a value only beside one that it lies within.
    """
    rows = []
    for period in periods:
        if period.kind == "look" or period.start is None or period.end is None:
            continue
        start, end = period.start, period.end
        after = end + timedelta(seconds=1)
        rows.append(
            Beside(
                name=period.name,
                pond_area=period.pond_area,
                observed=period.observed,
                events=tuple(one for one in events if one.event.when.overlaps(start, end)),
                values=tuple(value for value in series if start <= value.when.start and value.when.end <= after),
            )
        )
    return rows


def told(value: Value) -> str:
    """One value in words: period, number, unit, series."""
    return f"{value.written}: {amount(value.value)} {value.unit}, {value.series}"


def amount(value: float) -> str:
    """Write a number as it was given, thousands separated."""
    return f"{value:,.10g}".replace("-", "−")


def source_words(source: str) -> str:
    """Name a source, or say that there is none."""
    return source or words.NO_SOURCE
