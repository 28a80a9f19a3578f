"""Colours, markers and strokes of charts and maps: one place, so that a thing looks the same everywhere.

Sensors take the colours of Okabe and Ito (2008), told apart by every common kind of colour vision, and each
has a marker of its own. Pond kinds look as the ponds look; where colours of kinds come close (eleven cannot
all differ for every eye), the legend, the hover text and the tables name them.
"""

from __future__ import annotations

from dataclasses import dataclass

INK = "#17262e"
MUTED = "#56666f"
RULE = "#d5dcdf"
HATCH = "#8a979e"
ACCENT = "#0b5f6b"


@dataclass(frozen=True, slots=True)
class SensorStyle:
    """How the looks of a sensor are marked."""

    color: str
    marker: str
    """A key of ``MARKERS``."""


MARKERS = {
    "disc": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z",
    "square": "M-4.5 -4.5h9v9h-9Z",
    "up": "M0 -5.5L6 5H-6Z",
    "down": "M0 5.5L6 -5H-6Z",
    "diamond": "M0 -6L6 0L0 6L-6 0Z",
    "plus": "M-2 -6h4v4h4v4h-4v4h-4v-4h-4v-4h4Z",
    "cross": "M-4 -6L0 -2L4 -6L6 -4L2 0L6 4L4 6L0 2L-4 6L-6 4L-2 0L-6 -4Z",
    "pentagon": "M0 -6L6 -1.6L3.7 5.5H-3.7L-6 -1.6Z",
    "hexagon": "M0 -6L5.2 -3V3L0 6L-5.2 3V-3Z",
}
"""SVG paths around the middle of a square of 16."""

SENSORS = {
    "sentinel-2": SensorStyle("#0072B2", "disc"),
    "planetscope": SensorStyle("#D55E00", "square"),
    "skysat": SensorStyle("#009E73", "up"),
    "landsat": SensorStyle("#AA4499", "diamond"),
    "hls": SensorStyle("#B07C00", "down"),
}
UNNAMED = (
    (2.0, SensorStyle("#882255", "plus")),
    (6.5, SensorStyle("#4A5A63", "cross")),
    (15.0, SensorStyle("#8A5A00", "pentagon")),
)
"""Styles of unnamed sensors by the largest pixel, metres, that each is for."""
OTHER_SENSOR = SensorStyle("#17262e", "hexagon")

KINDS = {
    "turquoise": "#12C4D6",
    "milky": "#BFE3F2",
    "white": "#FFFFFF",
    "dark": "#2D3FA8",
    "algal": "#2FA84F",
    "brown": "#B8622B",
    "yellow_green": "#E9DE3A",
    "meshed": "#C77BB5",
    "sheeted": "#7A4FA0",
    "dry": "#F0A53A",
    "unknown": "#B4BCC0",
}
OTHER_KIND = "#B4BCC0"

STATUS_DASHES = {"present": "", "covered": "1 3", "unobserved": "5 3", "gone": "2 3"}
"""SVG dash patterns of outlines: only what is there now has an unbroken line."""

STATUSES = {"present": "#12C4D6", "covered": "#7A4FA0", "unobserved": "#B4BCC0", "gone": "#E9A23A"}
"""Colours of states where a map is coloured by them."""

CONFIDENCES = (
    (0.0, "#f6d746", "below 0.7"),
    (0.7, "#e55c30", "0.7 to 0.9"),
    (0.9, "#84206b", "0.9 to 0.97"),
    (0.97, "#1b0c41", "0.97 and more"),
)
"""Least confidence of a class, its colour (of the inferno map: light to dark in grey too) and its name."""

LAYERS = ("#56B4E9", "#F0E442", "#CC79A7", "#E69F00", "#009E73", "#D55E00")
"""Colours of layers from elsewhere on the map, in their order, then over again (Okabe and Ito 2008)."""

COVERAGE = {
    "clear": "#4F9DA6",
    "cloud": "#C9CED1",
    "cirrus": "#DDE1E3",
    "haze": "#D9CDB4",
    "shadow": "#6F7C84",
    "snow": "#B9D4EC",
    "saturated": "#E2B6A0",
    "margin": "#A9B3B8",
    "unusable": "#8E7F8C",
}
"""Bars of what a scene shows; ``outside`` is no part of the scene."""


def sensor_style(key: str) -> SensorStyle:
    """Style of an instrument (see ``looks.instrument``); coarse unnamed and joined ones share one."""
    if key in SENSORS:
        return SENSORS[key]
    name, _, gsd_m = key.partition("@")
    if name != "generic" or ";" in key:
        return OTHER_SENSOR
    return next((style for largest_m, style in UNNAMED if float(gsd_m) <= largest_m), OTHER_SENSOR)


def kind_color(key: str) -> str:
    """Colour of a pond kind."""
    return KINDS.get(key, OTHER_KIND)
