"""Charts as SVG text: the same input gives the same bytes.

Text stays text, so that it can be selected and takes the font of the page. Everything that was not observed is hatched.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pondscan.detect.detection import EVEN
from pondscan.report.axes import Plot, Tick, label_room, number_ticks, time_ticks
from pondscan.report.limits import SizeLimit, chance_interval
from pondscan.report.looks import Look, instrument, joined_runs
from pondscan.report.outside import Numbered
from pondscan.report.overlays import HEAD, draw_events
from pondscan.report.palette import ACCENT, INK, MARKERS, MUTED, sensor_style
from pondscan.report.words import Unit, area_unit

CHART_SIZE = (432.0, 223.0)
"""Units of the view box; legible from the width of a phone to half a page."""
COUNT_SIZE = (432.0, 132.0)
SITE_SIZE = (380.0, 150.0)
FIRST_SIZE = (331.0, 97.0)
FEW_TICKS, MANY_TICKS = 4, 7
"""Most ticks of time on a chart narrower than ``WIDE``, and on a wider one."""
WIDE = 290.0
STRIPE_SHARE = 0.014
"""Width of the hatched stripe of one look, as a share of the time axis."""
STRIPE_GROUND = "#eef1f2"
MARKER_SCALE = 0.5

Floats = NDArray[np.float64]

PONDS = Unit("ponds", 1.0)
DIAMETER = "diameter of the disc of the same area, m"
PERCENT_LETTERS = 5
"""Characters of the longest label of an axis of shares."""
CURVE_STEPS = 240
LIMIT_SIZE = (432.0, 138.0)

Span = tuple[datetime, datetime]


def time_span(looks: Sequence[Look]) -> Span | None:
    """First and last time with room at both ends; None without looks."""
    if not looks:
        return None
    first, last = min(look.when for look in looks), max(look.when for look in looks)
    room = max((last - first) * 0.04, timedelta(days=4))
    return first - room, last + room


def area_over_time(
    name: str,
    looks: Sequence[Look],
    span: Span,
    size: tuple[float, float] = CHART_SIZE,
    *,
    events: Sequence[Numbered] = (),
    least_left: float = 0.0,
) -> str:
    """Liquid area at each look with its 95 % interval, one marker for each sensor.

    Filled markers saw at least nine tenths of the ground; open ones saw less, and their area is a lower bound.
    The hatched part of a stripe, from the top, is the share that a look could not see.

    Parameters
    ----------
    events
        Marked by their numbers, which the chart is made higher for.
    least_left
        Left edge of the plot at least.
    """
    unit = area_unit(_largest(looks))
    return _over_time(name, looks, span, size, unit, events=events, least_left=least_left)


def count_over_time(
    name: str, looks: Sequence[Look], span: Span, size: tuple[float, float] = COUNT_SIZE, *, least_left: float = 0.0
) -> str:
    """Ponds at each look with their 95 % interval, drawn as ``area_over_time`` draws area."""
    return _over_time(name, looks, span, size, PONDS, is_whole=True, least_left=least_left)


def _largest(looks: Sequence[Look]) -> float:
    return max((look.upper or look.value or 0.0 for look in looks), default=0.0)


def _over_time(
    name: str,
    looks: Sequence[Look],
    span: Span,
    size: tuple[float, float],
    unit: Unit,
    *,
    events: Sequence[Numbered] = (),
    least_left: float = 0.0,
    is_whole: bool = False,
) -> str:
    head = HEAD if events else 0.0
    y_top = 1.12 * _largest(looks) / unit.size_m2 or 1.0
    plot = Plot(
        name,
        (size[0], size[1] + head),
        (span[0].timestamp(), span[1].timestamp()),
        y_top,
        chart_ticks(span, size),
        number_ticks(y_top, 4, is_whole=is_whole),
        unit.sign,
        head=head,
        least_left=least_left,
    )
    _draw_unseen(plot, looks)
    draw_events(plot, events)
    for run in joined_runs(looks):
        points = " ".join(f"{plot.x(look.when.timestamp()):.1f},{_height(plot, look, unit):.1f}" for look in run)
        color = sensor_style(run[0].sensor).color
        line = f'points="{points}" fill="none" stroke="{color}" stroke-width="1.2" stroke-opacity="0.75"'
        plot.drawn.append(f"<polyline {line}/>")
    for group in _alike(looks):
        _draw_looks(plot, group, unit)
    return plot.svg()


def chart_ticks(span: Span, size: tuple[float, float]) -> list[Tick]:
    """Ticks of time on a chart of this size."""
    return time_ticks(*span, MANY_TICKS if size[0] > WIDE else FEW_TICKS)


def _alike(looks: Sequence[Look]) -> list[list[Look]]:
    """Looks that saw something, grouped by how they are drawn: sensor, and whether they saw the whole."""
    groups: dict[tuple[str, bool], list[Look]] = {}
    for look in looks:
        if look.is_seen:
            groups.setdefault((look.sensor, look.is_whole), []).append(look)
    return [groups[key] for key in sorted(groups)]


def _draw_unseen(plot: Plot, looks: Sequence[Look]) -> None:
    """Hatch, from the top of the chart, the share of the ground that looks which are not whole could not see."""
    width = (plot.right - plot.left) * STRIPE_SHARE
    for look in looks:
        if not look.is_whole:
            hidden = 1.0 - (look.observed if look.is_seen else 0.0)
            left = plot.x(look.when.timestamp()) - width / 2
            plot.hatch(left, plot.top, width, hidden * (plot.bottom - plot.top), ground=STRIPE_GROUND)


def _draw_looks(plot: Plot, looks: Sequence[Look], unit: Unit) -> None:
    """Draw markers and intervals of looks of one sensor."""
    style = sensor_style(looks[0].sensor)
    bars, marks = "", ""
    for look in looks:
        x = plot.x(look.when.timestamp())
        if look.lower is not None and look.upper is not None:
            bars += f"M{x:.1f} {plot.y(look.lower / unit.size_m2):.1f}V{plot.y(look.upper / unit.size_m2):.1f}"
        place = f'transform="translate({x:.1f} {_height(plot, look, unit):.1f}) scale({MARKER_SCALE})"'
        marks += f'<path class="look" {place} d="{MARKERS[style.marker]}"/>'
    if bars:
        plot.drawn.append(f'<path d="{bars}" stroke="{style.color}" stroke-width="1.4" fill="none"/>')
    fill = style.color if looks[0].is_whole else "#fff"
    plot.drawn.append(f'<g fill="{fill}" stroke="{style.color}" stroke-width="{1.2 / MARKER_SCALE:g}">{marks}</g>')


def _height(plot: Plot, look: Look, unit: Unit) -> float:
    """Where the area of a look that saw something lies on the chart."""
    return plot.y((look.value or 0.0) / unit.size_m2)


def size_distribution(
    name: str, diameters_m: Sequence[float], often_missed_below_m: float | None, *, least_left: float = 0.0
) -> str:
    """Ponds by diameter; the sizes that the finest sensor often misses are hatched: few there does not mean few."""
    edges = diameter_edges(max(diameters_m))
    counts, _ = np.histogram(diameters_m, bins=edges)
    largest_m, y_top = float(edges[-1]), 1.1 * float(counts.max())
    plot = Plot(
        name,
        CHART_SIZE,
        (0.0, largest_m),
        y_top,
        number_ticks(largest_m, 8),
        number_ticks(y_top, 4, is_whole=True),
        "ponds",
        DIAMETER,
        least_left=least_left,
    )
    if often_missed_below_m is not None:
        plot.hatch(
            plot.left, plot.top, plot.x(min(often_missed_below_m, largest_m)) - plot.left, plot.bottom - plot.top
        )
    bars = "".join(
        f"M{plot.x(left) + 0.4:.1f} {plot.bottom:.1f}V{plot.y(count):.1f}H{plot.x(right) - 0.4:.1f}V{plot.bottom:.1f}Z"
        for left, right, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
        if count
    )
    plot.drawn.append(f'<path d="{bars}" fill="{ACCENT}" fill-opacity="0.82"/>')
    if often_missed_below_m is not None:
        limit = _line(plot, min(often_missed_below_m, largest_m))
        plot.drawn.append(f'<path d="{limit}" stroke="{MUTED}" stroke-width="0.9" stroke-dasharray="4 2"/>')
    _draw_median(plot, float(np.median(diameters_m)))
    return plot.svg()


def recall_limit(name: str, limits: Sequence[tuple[str, float, SizeLimit]], largest_m: float) -> str:
    """Chance that a clear look counts a pond, by diameter, for each sensor; the bands are its 95 % intervals.

    Parameters
    ----------
    limits
        As ``limits.scene_limits`` gives them; each is marked where every second pond is counted.
    largest_m
        Right end of the axis of diameters.
    """
    ticks = [Tick(share, f"{100 * share:.0f} %") for share in (0.0, 0.5, 0.9)]
    plot = Plot(
        name, LIMIT_SIZE, (0.0, largest_m), 1.02, number_ticks(largest_m, 8), ticks,
        "chance to be counted at a clear look", DIAMETER, least_left=label_room(PERCENT_LETTERS),
    )  # fmt: skip
    diameter = np.linspace(largest_m / CURVE_STEPS, largest_m, CURVE_STEPS)
    for sensor, gsd_m, limit in reversed(limits):
        style = sensor_style(instrument(sensor, gsd_m))
        chance, lower, upper = chance_interval(diameter, gsd_m)
        band = _points(plot, diameter, upper) + _points(plot, diameter[::-1], lower[::-1])
        line = " ".join(_points(plot, diameter, chance))
        plot.drawn.append(f'<polygon points="{" ".join(band)}" fill="{style.color}" fill-opacity="0.16"/>')
        plot.drawn.append(f'<polyline points="{line}" fill="none" stroke="{style.color}" stroke-width="1.4"/>')
        if limit.often_missed_below_m < largest_m:
            place = f"translate({plot.x(limit.often_missed_below_m):.1f} {plot.y(EVEN):.1f}) scale({MARKER_SCALE})"
            mark = f'd="{MARKERS[style.marker]}" fill="{style.color}" stroke="#fff" stroke-width="1.6"'
            plot.drawn.append(f'<path transform="{place}" {mark}/>')
    return plot.svg()


def _points(plot: Plot, x: Floats, y: Floats) -> list[str]:
    return [f"{plot.x(one):.1f},{plot.y(other):.1f}" for one, other in zip(x.tolist(), y.tolist(), strict=True)]


def largest_shown_m(diameters_m: Sequence[float], limits: Sequence[tuple[str, float, SizeLimit]]) -> float:
    """Right end of the axis of diameters: all ponds, or where there are none what the sensors begin to show."""
    if diameters_m:
        return float(diameter_edges(max(diameters_m))[-1])
    return max(2 * limit.often_missed_below_m for _, _, limit in limits)


def _line(plot: Plot, value: float) -> str:
    return f"M{plot.x(value):.1f} {plot.top:.1f}V{plot.bottom:.1f}"


def _draw_median(plot: Plot, median_m: float) -> None:
    plot.drawn.append(f'<path d="{_line(plot, median_m)}" stroke="{INK}" stroke-width="1.1"/>')
    is_right = median_m < 0.8 * plot.x_range[1]
    place = f'x="{plot.x(median_m) + (4 if is_right else -4):.1f}" y="{plot.top + 8:.1f}"'
    anchor = "start" if is_right else "end"
    text = f'<text {place} text-anchor="{anchor}" font-size="8.5" fill="{INK}">median {median_m:.0f} m</text>'
    plot.drawn.append(text)


def diameter_edges(largest_m: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Edges of size classes from zero: 1, 2, 5 or 10 m wide, at most about thirty of them."""
    width = next((step for step in (1.0, 2.0, 5.0, 10.0) if largest_m <= 30 * step), largest_m / 30)
    return np.arange(0.0, largest_m + width * 1.0001, width)


def sparkline(looks: Sequence[Look], span: Span, size: tuple[float, float] = (132.0, 26.0)) -> str:
    """Area over time small enough for a table row: dots of the looks that saw, ticks where nothing was seen."""
    width, height = size
    start, end = span
    length = (end - start).total_seconds() or 1.0
    top = max((look.value or 0.0 for look in looks), default=0.0) or 1.0

    def place(look: Look) -> tuple[float, float]:
        x = (look.when - start).total_seconds() / length * width
        return round(x, 1), round(height - 4 - (look.value or 0.0) / top * (height - 8), 1)

    parts = [f'<svg class="spark" viewBox="0 0 {width:g} {height:g}" aria-hidden="true" focusable="false">']
    parts.append(f'<path class="spark-base" d="M0 {height - 4:g}H{width:g}"/>')
    for run in joined_runs(looks):
        points = " ".join(f"{x:g},{y:g}" for x, y in map(place, run))
        parts.append(f'<polyline points="{points}" stroke="{sensor_style(run[0].sensor).color}"/>')
    for look in looks:
        x, y = place(look)
        color = sensor_style(look.sensor).color
        if not look.is_seen:
            parts.append(f'<path class="spark-unseen" d="M{x:g} 3V{height - 4:g}"/>')
        elif look.is_whole:
            parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="1.9" fill="{color}"/>')
        else:
            parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="1.9" fill="#fff" stroke="{color}"/>')
    return "".join([*parts, "</svg>"])
