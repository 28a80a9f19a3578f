"""Charts as SVG text: the same input gives the same bytes.

Drawn with matplotlib's object interface alone (no pyplot, no state between charts). Text stays text, so that it
can be selected and takes the font of the page. Everything that was not observed is hatched.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pondscan.report.looks import Look, joined_runs
from pondscan.report.palette import ACCENT, HATCH, INK, MUTED, RULE, sensor_style
from pondscan.report.words import Unit, area_unit

CHART_SIZE = (6.0, 3.1)
"""Inches at 72 points; legible from the width of a phone to half a page."""
SITE_SIZE = (3.4, 1.55)
FIRST_SIZE = (4.6, 1.35)
STRIPE_SHARE = 0.014
"""Width of the hatched stripe of one look, as a share of the time axis."""

Span = tuple[datetime, datetime]

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "ytick.major.size": 0,
    "xtick.major.size": 3,
    "hatch.linewidth": 0.6,
}


def _chart(name: str, size: tuple[float, float], draw: Callable[[Axes], None]) -> str:
    """SVG text of a chart; ``name`` salts the ids inside, so that charts of one page share none."""
    buffer = io.StringIO()
    with mpl.style.context({**_STYLE, "svg.hashsalt": name}, after_reset=True):
        figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03))
        draw(figure.add_subplot())
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _inline(buffer.getvalue())


def _inline(svg: str) -> str:
    """SVG file to SVG element of a page: no prolog, metadata, style sheet or fixed size, only ids that are used."""
    body = svg[svg.index("<svg") :].replace("xlink:href", "href")
    body = re.sub(r"<metadata>.*?</metadata>\s*|<style.*?</style>\s*", "", body, flags=re.DOTALL)
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', body))
    body = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", body)
    view_box = re.search(r'viewBox="[^"]+"', body)
    frame = f'<svg {view_box[0] if view_box else ""} aria-hidden="true" focusable="false">'
    return re.sub(r"<svg [^>]*>", frame, body, count=1).strip()


def time_span(looks: Sequence[Look]) -> Span | None:
    """First and last time with room at both ends; None without looks."""
    if not looks:
        return None
    first, last = min(look.when for look in looks), max(look.when for look in looks)
    room = max((last - first) * 0.04, timedelta(days=4))
    return first - room, last + room


def area_over_time(name: str, looks: Sequence[Look], span: Span, size: tuple[float, float] = CHART_SIZE) -> str:
    """Liquid area at each look with its 95 % interval, one marker for each sensor.

    Filled markers saw at least nine tenths of the ground; open ones saw less, and their area is a lower bound.
    The hatched part of a stripe, from the top, is the share that a look could not see.
    """
    top = max((look.upper_m2 or look.area_m2 or 0.0 for look in looks), default=0.0)
    unit = area_unit(top)

    def draw(axes: Axes) -> None:
        _draw_unseen(axes, looks, span)
        for run in joined_runs(looks):
            color = sensor_style(run[0].sensor).color
            axes.plot(_days(run), _areas(run, unit), color=color, linewidth=1.2, alpha=0.75)
        for group in _alike(looks):
            _draw_looks(axes, group, unit)
        _time_axis(axes, span, few=size[0] < 4)
        axes.set_ylim(0, 1.12 * top / unit.size_m2 if top else 1.0)
        _area_axis(axes, unit)

    return _chart(name, size, draw)


def _alike(looks: Sequence[Look]) -> list[list[Look]]:
    """Looks that saw something, grouped by how they are drawn: sensor, and whether they saw the whole."""
    groups: dict[tuple[str, bool], list[Look]] = {}
    for look in looks:
        if look.is_seen:
            groups.setdefault((look.sensor, look.is_whole), []).append(look)
    return [groups[key] for key in sorted(groups)]


def _draw_unseen(axes: Axes, looks: Sequence[Look], span: Span) -> None:
    """Hatch, from the top of the chart, the share of the ground that looks which are not whole could not see."""
    start, end = (_day(when) for when in span)
    width = (end - start) * STRIPE_SHARE
    for look in looks:
        if look.is_whole:
            continue
        hidden = 1.0 - (look.observed if look.is_seen else 0.0)
        left = _day(look.when) - width / 2
        stripe = Rectangle(
            (left, 1.0 - hidden), width, hidden, transform=axes.get_xaxis_transform(), zorder=0.5,
            facecolor="#eef1f2", edgecolor=HATCH, linewidth=0.0, hatch="/////",
        )  # fmt: skip
        axes.add_patch(stripe)


def _draw_looks(axes: Axes, looks: Sequence[Look], unit: Unit) -> None:
    """Draw markers and intervals of looks of one sensor."""
    style = sensor_style(looks[0].sensor)
    sure = [look for look in looks if look.lower_m2 is not None and look.upper_m2 is not None]
    lower = [(look.lower_m2 or 0.0) / unit.size_m2 for look in sure]
    upper = [(look.upper_m2 or 0.0) / unit.size_m2 for look in sure]
    axes.vlines(_days(sure), lower, upper, color=style.color, linewidth=1.4)
    axes.plot(
        _days(looks), _areas(looks, unit), linestyle="none", marker=style.marker, markersize=5.2, color=style.color,
        markerfacecolor=style.color if looks[0].is_whole else "white", markeredgewidth=1.2, clip_on=False, zorder=3,
    )  # fmt: skip


def _day(when: datetime) -> float:
    """Time as matplotlib counts it: days since 1970."""
    return float(date2num(when))  # type: ignore[no-untyped-call]


def _days(looks: Sequence[Look]) -> list[float]:
    return [_day(look.when) for look in looks]


def _areas(looks: Sequence[Look], unit: Unit) -> list[float]:
    """Areas of looks that saw something, in ``unit``."""
    return [look.area_m2 / unit.size_m2 for look in looks if look.area_m2 is not None]


def _time_axis(axes: Axes, span: Span, *, few: bool) -> None:
    axes.set_xlim(_day(span[0]), _day(span[1]))
    axes.xaxis_date(UTC)
    locator = AutoDateLocator(minticks=2 if few else 3, maxticks=4 if few else 7, tz=UTC)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC))  # type: ignore[no-untyped-call]


def _area_axis(axes: Axes, unit: Unit) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, min_n_ticks=2))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.set_title(unit.sign, loc="left", fontsize=8.5, color=MUTED, pad=4)


def size_distribution(name: str, diameters_m: Sequence[float], often_missed_below_m: float | None) -> str:
    """Ponds by diameter; the sizes that the finest sensor often misses are hatched: few there does not mean few."""
    edges = diameter_edges(max(diameters_m))
    counts, _ = np.histogram(diameters_m, bins=edges)

    def draw(axes: Axes) -> None:
        axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=ACCENT, alpha=0.82, edgecolor="white")
        if often_missed_below_m is not None:
            _draw_often_missed(axes, min(often_missed_below_m, float(edges[-1])))
        _draw_median(axes, float(np.median(diameters_m)))
        axes.set_xlim(0, float(edges[-1]))
        axes.set_ylim(0, 1.1 * counts.max())
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, min_n_ticks=1))
        axes.set_title("ponds", loc="left", fontsize=8.5, color=MUTED, pad=4)
        axes.set_xlabel("diameter of the disc of the same area, m", fontsize=8.5)

    return _chart(name, CHART_SIZE, draw)


def _draw_often_missed(axes: Axes, limit_m: float) -> None:
    axes.axvspan(0, limit_m, facecolor="none", edgecolor=HATCH, hatch="////", linewidth=0, zorder=0.5)
    axes.axvline(limit_m, color=MUTED, linewidth=0.9, linestyle=(0, (4, 2)))


def _draw_median(axes: Axes, median_m: float) -> None:
    axes.axvline(median_m, color=INK, linewidth=1.1)
    axes.annotate(
        f"median {median_m:.0f} m", (median_m, 1), xycoords=("data", "axes fraction"), xytext=(4, -2),
        textcoords="offset points", va="top", fontsize=8.5,
    )  # fmt: skip


def diameter_edges(largest_m: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Edges of size classes from zero: 1, 2, 5 or 10 m wide, at most about thirty of them."""
    width = next((step for step in (1.0, 2.0, 5.0, 10.0) if largest_m <= 30 * step), largest_m / 30)
    return np.arange(0.0, largest_m + width * 1.0001, width)


def sparkline(looks: Sequence[Look], span: Span, size: tuple[float, float] = (132.0, 26.0)) -> str:
    """Area over time small enough for a table row: dots of the looks that saw, ticks where nothing was seen."""
    width, height = size
    start, end = span
    length = (end - start).total_seconds() or 1.0
    top = max((look.area_m2 or 0.0 for look in looks), default=0.0) or 1.0

    def place(look: Look) -> tuple[float, float]:
        x = (look.when - start).total_seconds() / length * width
        return round(x, 1), round(height - 4 - (look.area_m2 or 0.0) / top * (height - 8), 1)

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
