"""The frame of a chart: where numbers and times lie on it, and its axes as SVG."""

from __future__ import annotations

import math
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pondscan.report.palette import HATCH, MUTED, RULE

NICE_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
"""Steps between ticks of numbers, times a power of ten."""
SCALES = (
    *(("day", step) for step in (1, 2, 5, 10, 15)),
    *(("month", step) for step in (1, 2, 3, 6)),
    *(("year", step) for step in (1, 2, 5, 10, 20, 50, 100)),
)
"""Steps between ticks of time, the finest first; days are counted from the first of each month."""
LONGEST_STEP_DAYS = {"day": 1.6, "month": 31.0, "year": 366.0}
"""Days between ticks a step apart, at most: one that would stand close to the first of a month is left out."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

FONT, DIGIT = 9.0, 5.3
"""Size of the axes' text, and a width that no digit of it exceeds. All lengths are units of the view box."""
TOP, RIGHT, LINE = 19.0, 8.0, 11.0
"""Room above the plot for its unit, beside it, and for each line of text below it."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and what is written there."""

    at: float
    label: str
    under: str = ""
    """A second line, for the year."""


def number_ticks(top: float, most: int, *, is_whole: bool = False) -> list[Tick]:
    """Ticks from zero to ``top`` (above 0) in at most ``most`` steps, of whole numbers where asked for.

    >>> [tick.label for tick in number_ticks(8100, 4)]
    ['0', '2,500', '5,000', '7,500']
    """
    power = 10.0 ** math.floor(math.log10(top / most))
    step = next(nice * power for nice in NICE_STEPS if nice * power * most >= top * (1 - 1e-9))
    if is_whole:
        step = float(max(1, math.ceil(step)))
    return [Tick(number * step, f"{number * step:,.6g}") for number in range(int(top / step * (1 + 1e-9)) + 1)]


def signed_ticks(low: float, top: float, most: int, *, is_whole: bool = False) -> list[Tick]:
    """Ticks on both sides of zero, of one step: ``low`` is 0 or less, ``top`` 0 or more, and one of them is not 0.

    >>> [tick.label for tick in signed_ticks(-89, 20, 4)]
    ['−75', '−50', '−25', '0']
    """
    longest = max(top, -low)
    ticks = number_ticks(longest, most, is_whole=is_whole)
    step = ticks[1].at if len(ticks) > 1 else longest
    numbers = range(math.ceil(low / step * (1 - 1e-9)), math.floor(top / step * (1 + 1e-9)) + 1)
    return [Tick(number * step, f"{number * step:,.6g}".replace("-", "−")) for number in numbers]


def time_ticks(start: datetime, end: datetime, most: int) -> list[Tick]:
    """Ticks at first instants of days, months or years, as many as there may be up to ``most``; ``at`` is a timestamp.

    The year stands below the first tick and the first of each year.
    """
    unit, places = "year", [start]
    for unit, step in SCALES:
        if (end - start).days > (most + 1) * step * LONGEST_STEP_DAYS[unit]:
            continue
        places = _instants(start, end, unit, step)
        if len(places) <= most:
            break
    if unit == "year":
        return [Tick(when.timestamp(), str(when.year)) for when in places]
    ticks, year = [], 0
    for when in places:
        label = MONTHS[when.month - 1] if unit == "month" else f"{when.day} {MONTHS[when.month - 1]}"
        ticks.append(Tick(when.timestamp(), label, str(when.year) if when.year != year else ""))
        year = when.year
    return ticks


def _instants(start: datetime, end: datetime, unit: str, step: int) -> list[datetime]:
    """First instants of every ``step`` days, months or years between two times."""
    n_years = step if unit == "year" else 1
    places = []
    for year in range(max(1, start.year // n_years * n_years), end.year + 1, n_years):
        for month in (1,) if unit == "year" else range(1, 13, step if unit == "month" else 1):
            n_days = monthrange(year, month)[1] if unit == "day" else 1
            days = [day for day in range(1, n_days + 1, step) if day == 1 or n_days + 1 - day >= 0.6 * step]
            places += [datetime(year, month, day, tzinfo=UTC) for day in days]
    return [when for when in places if start <= when <= end]


def label_room(n_letters: int) -> float:
    """Room beside a plot for labels of this many letters."""
    return 8.0 + DIGIT * n_letters


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart while it is drawn: its size, its axes, and what has been drawn so far."""

    name: str
    """Part of every id in the chart: the charts of one page share none."""
    size: tuple[float, float]
    x_range: tuple[float, float]
    y_top: float
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    y_title: str
    x_title: str = ""
    y_low: float = 0.0
    """Value at the foot of the vertical axis, 0 or less."""
    head: float = 0.0
    """Room between the unit and the plot, for the names of marks."""
    least_left: float = 0.0
    """Room beside the plot at least: charts below each other share their time axis by it."""
    drawn: list[str] = field(default_factory=list)
    """SVG elements, the lowest first."""

    @property
    def left(self) -> float:
        """Left edge of the plot, beside the longest label."""
        return max(self.least_left, label_room(max((len(tick.label) for tick in self.y_ticks), default=0)))

    @property
    def right(self) -> float:
        """Right edge of the plot."""
        return self.size[0] - RIGHT

    @property
    def top(self) -> float:
        """Upper edge of the plot."""
        return TOP + self.head

    @property
    def bottom(self) -> float:
        """Lower edge of the plot, above the ticks' labels."""
        lines = (any(tick.label for tick in self.x_ticks), any(tick.under for tick in self.x_ticks))
        n_lines = sum(lines) + 1.3 * bool(self.x_title)
        return self.size[1] - 7.0 - LINE * n_lines

    def x(self, value: float) -> float:
        """Where a value lies on the horizontal axis."""
        start, end = self.x_range
        return self.left + (value - start) / (end - start) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Where a value lies on the vertical axis."""
        return self.bottom - (value - self.y_low) / (self.y_top - self.y_low) * (self.bottom - self.top)

    def hatch(self, x: float, y: float, width: float, height: float, *, ground: str = "none") -> None:
        """Hatch a rectangle: what is in it was not observed."""
        box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        self.drawn.append(f'<rect class="hatched" {box} fill="{ground}"/>' if ground != "none" else "")
        self.drawn.append(f'<rect class="hatch" {box} fill="url(#{self.name}-hatch)"/>')

    def svg(self) -> str:
        """Write the chart: axes below, what was drawn above them."""
        width, height = self.size
        body = "".join(self.drawn)
        return (
            f'<svg viewBox="0 0 {width:g} {height:g}" aria-hidden="true" focusable="false">'
            f"{self._hatching() if 'url(#' in body else ''}{self._axes()}{body}</svg>"
        )

    def _hatching(self) -> str:
        pattern = 'patternUnits="userSpaceOnUse" width="4" height="4" patternTransform="rotate(45)"'
        return (
            f'<defs><pattern id="{self.name}-hatch" {pattern}><path d="M0 0V4" stroke="{HATCH}" stroke-width="1.2"/>'
            "</pattern></defs>"
        )

    def _axes(self) -> str:
        left, bottom = self.left, self.bottom
        grid = "".join(f"M{left:.1f} {self.y(tick.at):.1f}H{self.right:.1f}" for tick in self.y_ticks)
        base = f"M{left:.1f} {bottom:.1f}H{self.right:.1f}"
        marks = "".join(f"M{self.x(tick.at):.1f} {bottom:.1f}v3" for tick in self.x_ticks)
        texts = [f'<text x="{left:.1f}" y="9" font-size="8.5">{self.y_title}</text>']
        texts += [_text(left - 4, self.y(tick.at) + 3.2, tick.label, "end") for tick in self.y_ticks]
        for tick in self.x_ticks:
            texts.append(_text(self.x(tick.at), bottom + 3 + LINE, tick.label))
            if tick.under:
                texts.append(_text(self.x(tick.at), bottom + 3 + 2 * LINE, tick.under))
        if self.x_title:
            texts.append(_text((left + self.right) / 2, self.size[1] - 5, self.x_title))
        return (
            f'<path d="{grid}" stroke="{RULE}" stroke-width="0.6" fill="none"/>'
            f'<path d="{base}{marks}" stroke="{RULE}" stroke-width="0.8" fill="none"/>'
            f'<g fill="{MUTED}" font-size="{FONT:g}">{"".join(texts)}</g>'
        )


def _text(x: float, y: float, label: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{label}</text>'
