"""Hits and misses drawn over the quicklooks of their scenes, and beside them the curves of recall and reliability."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from pondscan.appraisal.compare import Compared
from pondscan.evaluate import Measures, measures, pool
from pondscan.survey.intervals import Share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Polygons = NDArray[np.object_]

MOST_PANELS = 6
"""Scenes that are drawn, the newest: more would be too small to tell anything."""

PANEL_INCHES = 6.0
DOTS_PER_INCH = 110
MARGIN = 0.06
"""Ground shown around the ponds, as a share of their extent, and at least ``LEAST_MARGIN_M``."""
LEAST_MARGIN_M = 60.0
SMALL = 0.008
"""Side of an outline, as a share of the panel's width, below which it gets a ring."""
GROUND = "#30363a"

MARKS: dict[str, tuple[str, str, str]] = {
    "hit": ("found", "found", "#00e08a"),
    "false": ("found", "false", "#ffb000"),
    "missed": ("true", "missed", "#ff3b6b"),
    "neutral": ("true", "counts neither way", "#d9d9d9"),
    "unjudged": ("found", "not judged", "#8ab4ff"),
}
"""Outcome → table it is a row of, what the legend says, colour."""


def draw(parts: Sequence[Compared]) -> bytes:
    """Draw one panel for each of the newest ``MOST_PANELS`` comparisons, and the curves of all of them.

    The curves are recall against true diameter, and the share of ponds against stated confidence (reliability). The
    same input gives the same PNG.
    """
    from matplotlib.figure import Figure

    shown = list(parts)[-MOST_PANELS:]
    curves = (draw_recall, draw_reliability)
    n_cols = min(3, len(shown) + len(curves))
    n_rows = math.ceil((len(shown) + len(curves)) / n_cols)
    size = (PANEL_INCHES * n_cols, PANEL_INCHES * n_rows)
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots(n_rows, n_cols, squeeze=False).ravel()
    for panel, part in zip(axes, shown, strict=False):
        _draw_panel(panel, part)
    whole = measures(pool(part.score for part in parts))
    for panel, curve in zip(axes[len(shown) :], curves, strict=False):
        curve(panel, whole)
    for panel in axes[len(shown) + len(curves) :]:
        panel.set_axis_off()
    buffer = io.BytesIO()
    without_version: dict[str, Any] = {"Software": None}
    figure.savefig(buffer, format="png", metadata=without_version)
    return buffer.getvalue()


def draw_recall(panel: Axes, whole: Measures) -> None:
    """Recall by true diameter, with 95 % intervals."""
    known = {name: one for name, one in whole.by_diameter_m.items() if one.recall.value is not None}
    panel.set_title("found, by true diameter", fontsize=9)
    panel.set(xlabel="diameter, m", ylabel="share found", ylim=(0, 1.03))
    place = np.arange(len(known))
    _draw_shares(panel, place, [one.recall for one in known.values()])
    panel.set_xticks(place, labels=[f"{name}\n{one.n_true}" for name, one in known.items()], fontsize=7)


def draw_reliability(panel: Axes, whole: Measures) -> None:
    """Share of ponds among objects of like confidence, with 95 % intervals: on the diagonal where it is honest."""
    bins = whole.calibration.bins
    panel.set_title("reliability of confidence", fontsize=9)
    panel.set(xlabel="stated confidence", ylabel="share that are ponds", xlim=(0, 1.03), ylim=(0, 1.03))
    panel.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    _draw_shares(panel, np.array([one.confidence for one in bins]), [one.share for one in bins])


def _draw_shares(panel: Axes, place: NDArray[Any], shares: Sequence[Share]) -> None:
    """Points with their intervals; a word where there is nothing to show."""
    if not shares:
        panel.text(0.5, 0.5, "nothing to show", transform=panel.transAxes, ha="center")
        return
    value, lower, upper = (
        np.array([getattr(share, name) for share in shares], np.float64) for name in ("value", "lower", "upper")
    )
    panel.errorbar(place, value, yerr=np.abs([value - lower, upper - value]), fmt="o-", color="#0b7285", markersize=4)
    panel.grid(alpha=0.3)


def _draw_panel(panel: Axes, part: Compared) -> None:
    from matplotlib import image

    panel.set_facecolor(GROUND)
    panel.set_title(f"{part.name}\n{part.sensor} {part.day or ''}", fontsize=9)
    if part.picture is not None and part.bounds is not None:
        west, south, east, north = part.bounds
        pixels = image.imread(io.BytesIO(part.picture))
        panel.imshow(pixels, extent=(west, east, south, north), interpolation="nearest")
    seen = {
        outcome: _outlines(part, table, outcome) for outcome, (table, _, _) in MARKS.items()
    }  # in the order of the legend
    west, south, east, north = _frame(np.concatenate(list(seen.values())), part.bounds)
    if not len(seen["unjudged"]):  # of a truth that knows everything
        del seen["unjudged"]
    for outcome, outlines in seen.items():
        _, told, colour = MARKS[outcome]
        _draw_outlines(panel, outlines, colour, f"{told} ({len(outlines)})", small_m=SMALL * (east - west))
    panel.set_xlim(west, east)
    panel.set_ylim(south, north)
    panel.set_aspect("equal")
    panel.set_xticks([])
    panel.set_yticks([])
    panel.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=len(seen),
        fontsize=7,
        facecolor=GROUND,
        labelcolor="white",
    )


def _outlines(part: Compared, table: str, outcome: str) -> Polygons:
    """Outlines of one outcome, out of what was found or of what is true."""
    rows, frame = (part.score.found, part.found) if table == "found" else (part.score.true, part.true)
    outlines: Polygons = frame.geometry.to_numpy()[(rows["outcome"] == outcome).to_numpy()]
    return outlines


def _draw_outlines(panel: Axes, outlines: Polygons, colour: str, label: str, *, small_m: float) -> None:
    """Draw outlines, and a ring around each that is too small to be seen."""
    from matplotlib.collections import LineCollection

    lines = [shapely.get_coordinates(ring) for ring in shapely.get_rings(outlines)]
    panel.add_collection(LineCollection(lines, colors=colour, linewidths=0.9, label=label))
    is_small = shapely.area(outlines) < small_m**2
    x, y = shapely.get_coordinates(shapely.centroid(outlines[is_small])).T
    panel.scatter(x, y, s=60, facecolors="none", edgecolors=colour, linewidths=0.7)


def _frame(outlines: Polygons, bounds: tuple[float, float, float, float] | None) -> tuple[float, float, float, float]:
    """Ground to show: around everything that is drawn, the whole scene where nothing is."""
    if not len(outlines):
        return bounds or (0.0, 0.0, 1.0, 1.0)
    west, south, east, north = (float(edge) for edge in shapely.total_bounds(outlines))
    margin = max(LEAST_MARGIN_M, MARGIN * max(east - west, north - south))
    return west - margin, south - margin, east + margin, north + margin
