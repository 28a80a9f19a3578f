"""What is drawn over and under the chart of area: marks of events, and series from elsewhere on axes of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from itertools import pairwise

from pondscan.context.records import Value
from pondscan.report.axes import Plot, Tick, label_room, signed_ticks
from pondscan.report.outside import Around, Group, Numbered, Outside
from pondscan.report.palette import ACCENT, INK, MARKERS, MUTED
from pondscan.report.words import Unit, area_unit

HEAD = 13.0
"""Room above a plot for the numbers of events."""
INSTANT = timedelta(days=45)
"""Events known more nearly than this are lines, the others bands."""
DIGIT, GAP = 7.4, 5.0
"""Width of a digit of a label as large as on a phone, and the least room between two labels."""
PANEL_SIZE = (432.0, 74.0)
FOOT = 15.0
"""Further height of the lowest panel, for the labels of the time axis."""
AREA_LABEL = 6
"""Characters of the longest label of an axis of area."""
SHAPES = ("disc", "square", "diamond", "up", "down", "plus")
"""Markers of the definitions in a panel, in their order; further ones share the last."""


@dataclass(frozen=True, slots=True)
class Label:
    """The name of one mark, or of several that stand too close to be named apart."""

    x: float
    text: str

    @property
    def half(self) -> float:
        """Half of its width."""
        return DIGIT * len(self.text) / 2


def draw_events(plot: Plot, events: Sequence[Numbered]) -> None:
    """Mark events by line or band, and name them by number in one row above the plot."""
    start, end = plot.x_range
    places, lines, drawn = [], "", ""
    for one in events:
        when = one.event.when
        left, right = (plot.x(min(max(time.timestamp(), start), end)) for time in (when.start, when.end))
        title = f"<title>{one.number}: {escape(one.event.written)}, {escape(one.event.label)}</title>"
        middle = (left + right) / 2
        places.append((middle, one.number))
        if when.end - when.start > INSTANT:
            box = f'x="{left:.1f}" y="{plot.top:.1f}" width="{right - left:.1f}" height="{plot.bottom - plot.top:.1f}"'
            drawn += f'<rect {box} fill="{ACCENT}" fill-opacity="0.07">{title}</rect>'
            lines += f"M{left:.1f} {plot.top:.1f}H{right:.1f}"
        else:
            line = f'd="M{middle:.1f} {plot.top:.1f}V{plot.bottom:.1f}" stroke="{ACCENT}" stroke-width="0.9"'
            drawn += f'<path class="event" {line} stroke-dasharray="3 2" fill="none">{title}</path>'
    if lines:
        drawn += f'<path d="{lines}" stroke="{ACCENT}" stroke-width="1.6" fill="none"/>'
    texts = "".join(
        f'<text x="{one.x:.1f}" y="{plot.top - 4:.1f}" text-anchor="middle">{one.text}</text>'
        for one in labels(places, plot.left - 4, plot.right + 6)
    )
    plot.drawn.append(f'{drawn}<g class="event-names" fill="{INK}" font-size="8.5">{texts}</g>' if places else "")


def labels(places: Sequence[tuple[float, int]], left: float, right: float) -> list[Label]:
    """Name marks by number in one row between two edges; marks too close to be named apart share a name, ``3–5``.

    Parameters
    ----------
    places
        Where each mark stands, and its number.
    """
    groups: list[list[tuple[float, int]]] = []
    for place in sorted(places):
        groups.append([place])
        while len(groups) > 1 and _is_close(_label(groups[-2], left, right), _label(groups[-1], left, right)):
            groups[-2:] = [[*groups[-2], *groups[-1]]]
    return [_label(group, left, right) for group in groups]


def _is_close(one: Label, other: Label) -> bool:
    return one.x + one.half + GAP > other.x - other.half


def _label(group: Sequence[tuple[float, int]], left: float, right: float) -> Label:
    numbers = sorted(number for _, number in group)
    text = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}–{numbers[-1]}"
    middle = sum(x for x, _ in group) / len(group)
    half = Label(0.0, text).half
    return Label(min(max(middle, left + half), right - half), text)


def room_beside(known: Outside) -> float:
    """Left edge of charts that stand below each other, so that all of them have room for their labels."""
    axes = [_axis([value.value for value in group.values]) for group in known.groups]
    axes += [_axis(_ends(known.effects, area_unit_of(known.effects)))] if known.effects else []
    longest = max((len(tick.label) for _, _, ticks in axes for tick in ticks), default=0)
    return label_room(max(longest, AREA_LABEL))


def panels(known: Outside, span: tuple[datetime, datetime], ticks: Sequence[Tick]) -> list[tuple[str, str]]:
    """Changes around events and series from elsewhere, each with its name, below a chart of these ticks."""
    left, drawn = room_beside(known), []
    if known.effects:
        title = "Change of liquid area around each event"
        svg = effects_panel("around", known.effects, span, ticks, title=title, left=left, is_last=not known.groups)
        drawn.append((f"{title}, with 95 % intervals; the numbers are in the table of changes", svg))
    for number, group in enumerate(known.groups, 1):
        is_last = number == len(known.groups)
        svg = series_panel(f"panel{number}", group, span, ticks, left=left, is_last=is_last)
        drawn.append((f"{group.title}; the numbers are in the table of series", svg))
    return drawn


def _axis(numbers: Sequence[float]) -> tuple[float, float, list[Tick]]:
    """Foot, top and ticks of a panel's vertical axis, zero among them."""
    low, top = min(0.0, 1.15 * min(numbers)), max(0.0, 1.15 * max(numbers))
    top = top if top or low else 1.0
    return low, top, signed_ticks(low, top, 2)


def series_panel(
    name: str, group: Group, span: tuple[datetime, datetime], x_ticks: Sequence[Tick], *, left: float, is_last: bool
) -> str:
    """Draw one series on an axis of its own, below a chart whose time axis it shares.

    Each value is a bar over its period, marked by its definition; a line joins neighbouring periods of one definition
    and source.

    Parameters
    ----------
    x_ticks
        Ticks of the chart above.
    left
        Left edge of its plot.
    is_last
        Whether the time axis is labelled.
    """
    low, top, y_ticks = _axis([value.value for value in group.values])
    ticks = x_ticks if is_last else [Tick(tick.at, "") for tick in x_ticks]
    height = PANEL_SIZE[1] + FOOT * is_last
    plot = Plot(
        name, (PANEL_SIZE[0], height), (span[0].timestamp(), span[1].timestamp()), top, ticks,
        y_ticks, escape(group.title), y_low=low, least_left=left,
    )  # fmt: skip
    if low < 0 < top:
        plot.drawn.append(f'<path d="M{plot.left:.1f} {plot.y(0):.1f}H{plot.right:.1f}" stroke="{MUTED}"/>')
    definitions = list(dict.fromkeys(value.definition for value in group.values))
    plot.drawn.append(_joined(plot, group.values))
    plot.drawn.extend(_value(plot, value, definitions.index(value.definition)) for value in group.values)
    return plot.svg()


def effects_panel(
    name: str, effects: Sequence[Around], span: tuple[datetime, datetime], x_ticks: Sequence[Tick], *, title: str,
    left: float, is_last: bool,
) -> str:  # fmt: skip
    """Draw the change of liquid area around each event with its 95 % interval, below a chart of the same time axis."""
    unit = area_unit_of(effects)
    low, top, y_ticks = _axis(_ends(effects, unit))
    ticks = x_ticks if is_last else [Tick(tick.at, "") for tick in x_ticks]
    plot = Plot(
        name, (PANEL_SIZE[0], PANEL_SIZE[1] + FOOT * is_last), (span[0].timestamp(), span[1].timestamp()), top, ticks,
        y_ticks, escape(f"{title}, {unit.sign}"), y_low=low, least_left=left,
    )  # fmt: skip
    plot.drawn.append(f'<path d="M{plot.left:.1f} {plot.y(0):.1f}H{plot.right:.1f}" stroke="{MUTED}"/>')
    for one in effects:
        x, area = _x(plot, one.effect.event.when.middle), one.area
        foot, head, y = (plot.y(value / unit.size_m2) for value in (area.lower, area.upper, area.change))
        about = f"{one.number}: {one.effect.event.label}"
        plot.drawn.append(
            f'<g class="effect"><title>{escape(about)}</title>'
            f'<path d="M{x:.1f} {foot:.1f}V{head:.1f}" stroke="{ACCENT}" stroke-width="1.4"/>'
            f'<path d="{MARKERS["disc"]}" fill="{ACCENT}" transform="translate({x:.1f} {y:.1f}) scale(0.45)"/></g>'
        )
    return plot.svg()


def area_unit_of(effects: Sequence[Around]) -> Unit:
    """Unit that suits all changes."""
    return area_unit(max(abs(end) for one in effects for end in (one.area.lower, one.area.upper)))


def _ends(effects: Sequence[Around], unit: Unit) -> list[float]:
    """Ends of all intervals."""
    return [end / unit.size_m2 for one in effects for end in (one.area.lower, one.area.upper)]


def _joined(plot: Plot, values: Sequence[Value]) -> str:
    """Join neighbouring periods of one definition and source."""
    path = ""
    for one, other in pairwise(values):
        if one.when.end == other.when.start and (one.definition, one.source) == (other.definition, other.source):
            ends = (
                (_x(plot, one.when.middle), plot.y(one.value)),
                (_x(plot, other.when.middle), plot.y(other.value)),
            )
            path += "M{:.1f} {:.1f}L{:.1f} {:.1f}".format(*ends[0], *ends[1])
    return f'<path d="{path}" stroke="{INK}" stroke-opacity="0.5" stroke-width="1" fill="none"/>' if path else ""


def _value(plot: Plot, value: Value, definition: int) -> str:
    left, right, y = _x(plot, value.when.start), _x(plot, value.when.end), plot.y(value.value)
    shape = MARKERS[SHAPES[min(definition, len(SHAPES) - 1)]]
    title = f"{value.written}: {value.value:,.10g} {value.unit}; {value.definition}; {value.source}"
    bar = f'<path d="M{left:.1f} {y:.1f}H{right:.1f}" stroke="{INK}" stroke-opacity="0.55" stroke-width="1.6"/>'
    mark = f'<path d="{shape}" fill="{INK}" transform="translate({(left + right) / 2:.1f} {y:.1f}) scale(0.4)"/>'
    return f"<g><title>{escape(title)}</title>{bar}{mark}</g>"


def _x(plot: Plot, when: datetime) -> float:
    """Where a time lies, the edges of the plot for what lies beyond."""
    start, end = plot.x_range
    return plot.x(min(max(when.timestamp(), start), end))
