"""A figure that stands alone: a drawing with title, legend and caption on one SVG, and the same as PNG.

Sizes are those of a printed page: a plate is 180 mm wide, two columns of a journal, and its PNG has 300 dots an inch.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from pondscan.report.palette import INK, MUTED

WIDTH_MM = 180.0
DOTS_PER_MM = 300 / 25.4
WIDTH, MARGIN = 1000.0, 24.0
"""Of the plate, in its own units."""
TITLE, LEGEND, CAPTION = 26.0, 17.0, 15.0
"""Sizes of letters; the smallest are 7.7 points on paper."""
LINE = 1.35
LETTER = 0.62
"""Width of a letter as a share of its size, on the safe side."""
FONTS = "'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
SWATCH = 16.0
GAP = 5.0
"""Between charts on one plate, in their units."""


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend."""

    text: str
    mark: str
    """SVG around the middle of a square of 16."""


@dataclass(frozen=True, slots=True)
class Plate:
    """What is on a figure."""

    title: str
    drawing: str
    """An ``<svg>`` element with a view box."""
    aspect: float
    """Width / height of the drawing."""
    legend: Sequence[Key] = ()
    caption: Sequence[str] = ()
    """Paragraphs."""
    style: str = ""
    """CSS of the drawing."""


def plate_of(title: str, charts: Sequence[str], *, legend: Sequence[Key], caption: Sequence[str]) -> Plate:
    """Set charts of one width below each other on a plate; each is an ``<svg>`` element with a view box."""
    sizes = [_size(chart) for chart in charts]
    width, y, parts = max(wide for wide, _ in sizes), 0.0, []
    for chart, (wide, high) in zip(charts, sizes, strict=True):
        parts.append(chart.replace("<svg ", f'<svg y="{y:g}" width="{wide:g}" height="{high:g}" ', 1))
        y += high + GAP
    height = y - GAP
    drawing = f'<svg viewBox="0 0 {width:g} {height:g}">{"".join(parts)}</svg>'
    return Plate(title, drawing, width / height, legend, caption)


def _size(chart: str) -> tuple[float, float]:
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', chart)
    if found is None:
        raise ValueError("a chart needs a view box that begins at 0 0")
    return float(found[1]), float(found[2])


def svg_of(plate: Plate) -> str:
    """Lay a figure out; the same input gives the same text."""
    inner = WIDTH - 2 * MARGIN
    y = MARGIN + TITLE
    parts = [_text(MARGIN, y - 5, plate.title, TITLE, f'font-weight="bold" fill="{INK}"')]
    y += 14
    height = inner / plate.aspect
    place = f'<svg x="{MARGIN:g}" y="{y:.1f}" width="{inner:g}" height="{height:.1f}" '
    parts.append(plate.drawing.replace("<svg ", place, 1))
    y += height + 10
    for row in _rows(plate.legend, inner):
        y += LEGEND * LINE + 3
        parts += [_key(MARGIN + x, y, key) for x, key in row]
    y += 10
    letters = int(inner / (CAPTION * 0.54))
    for line in (line for paragraph in plate.caption for line in textwrap.wrap(paragraph, letters)):
        y += CAPTION * LINE
        parts.append(_text(MARGIN, y, line, CAPTION, f'fill="{MUTED}"'))
    total = y + MARGIN
    size = f'width="{WIDTH_MM:g}mm" height="{WIDTH_MM * total / WIDTH:.1f}mm" viewBox="0 0 {WIDTH:g} {total:.1f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONTS}">\n<title>{escape(plate.title)}</title>\n'
        f"<style>{plate.style}</style>\n"
        f'<rect width="{WIDTH:g}" height="{total:.1f}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def png_of(svg: str) -> bytes:
    """Paint a figure, in letters of its own, whatever fonts a machine has."""
    from resvg_py import svg_to_bytes

    return svg_to_bytes(
        svg_string=svg,
        width=round(WIDTH_MM * DOTS_PER_MM),
        dpi=96.0,  # of CSS, by which millimetres become pixels before the width above scales them
        skip_system_fonts=True,
        font_files=_fonts(),
        font_family="DejaVu Sans",
        sans_serif_family="DejaVu Sans",
    )


@cache
def _fonts() -> list[str]:
    """DejaVu Sans, which matplotlib brings along."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return [str(folder / "DejaVuSans.ttf"), str(folder / "DejaVuSans-Bold.ttf")]


def _rows(legend: Sequence[Key], width: float) -> list[list[tuple[float, Key]]]:
    """Set keys in rows, each with where it begins."""
    rows: list[list[tuple[float, Key]]] = []
    x = width
    for key in legend:
        wide = SWATCH + 8 + LEGEND * LETTER * len(key.text) + 22
        if not rows or x + wide > width:
            rows.append([])
            x = 0.0
        rows[-1].append((x, key))
        x += wide
    return rows


def _key(x: float, y: float, key: Key) -> str:
    mark = f'<g transform="translate({x + SWATCH / 2:.1f} {y - LEGEND * 0.36:.1f})">{key.mark}</g>'
    return mark + _text(x + SWATCH + 8, y, key.text, LEGEND, f'fill="{INK}"')


def _text(x: float, y: float, text: str, size: float, extra: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" {extra}>{escape(text)}</text>'
