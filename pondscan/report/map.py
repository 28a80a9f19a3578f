"""The static map: pond outlines and site footprints over the scene's picture, as data for an SVG template.

Everything is in pixels of a sheet (x right, y down); the template only writes it out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from pyproj import Transformer

from pondscan.report import words
from pondscan.report.mosaic import Bounds
from pondscan.report.palette import STATUS_DASHES, kind_color

Box = tuple[float, float, float, float]
SHEET_PX = 1000.0
"""Width of the main map in its own pixels."""
PLATE_PX = 320.0
MOST_LABELS = 40
DOT_BELOW_PX = 5.0
"""A pond narrower than this on the sheet is drawn as a dot, since its outline would not show."""


@dataclass(frozen=True, slots=True)
class View:
    """A rectangle of ground on a sheet."""

    bounds: Bounds
    width_px: float

    @property
    def px_per_m(self) -> float:
        """Scale."""
        return self.width_px / (self.bounds[2] - self.bounds[0])

    @property
    def height_px(self) -> float:
        """Height of the sheet."""
        return (self.bounds[3] - self.bounds[1]) * self.px_per_m

    def place(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Ground coordinates (n, 2) to sheet pixels."""
        west, _, _, north = self.bounds
        return np.column_stack([(xy[:, 0] - west) * self.px_per_m, (north - xy[:, 1]) * self.px_per_m])


@dataclass(frozen=True, slots=True)
class Shape:
    """An outline on the sheet, with what to say of it on hovering."""

    path: str
    title: str
    color: str = ""
    dashes: str = ""
    is_dot: bool = False

    @property
    def is_dark(self) -> bool:
        """Whether the colour needs a light casing to show on forest and shadow."""
        red, green, blue = (int(self.color[i : i + 2], 16) for i in (1, 3, 5))
        return 0.30 * red + 0.59 * green + 0.11 * blue < 100


class Outlines:
    """Rows of a table of outlines, ready to be drawn on any number of sheets.

    Parameters
    ----------
    table
        Ponds or sites, in the sheets' reference system.
    """

    def __init__(self, table: GeoDataFrame) -> None:
        self._rows = list(table.itertuples(index=False))
        self._shapes = table.geometry.to_numpy() if self._rows else np.empty(0, object)
        self._tree = shapely.STRtree(self._shapes)

    def inside(self, view: View) -> list[Any]:
        """Rows whose outline meets the view, in the order of the table."""
        met = self._tree.query(shapely.box(*view.bounds), predicate="intersects")
        return [self._rows[place] for place in np.sort(met)]


@dataclass(frozen=True, slots=True)
class Label:
    """The id of a site on the sheet."""

    x: float
    y: float
    text: str
    anchor: str
    """Id of the element that tells more."""
    has_room: bool
    """Whether it still stands alone when written twice as large, as on a phone."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of longitude or latitude where it meets the sheet's edge."""

    position: float
    text: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """All a map template writes."""

    view: View
    ponds: list[Shape]
    sites: list[Shape]
    labels: list[Label]
    longitudes: list[Tick]
    latitudes: list[Tick]
    crosses: list[tuple[float, float]]
    scale_px: float
    scale_text: str
    north_deg: float
    """True north, degrees clockwise from the top of the sheet."""
    middle: str
    """Longitude and latitude of the middle of the sheet."""
    frame: tuple[float, float, float, float] | None = None
    """x, y, width, height of a rectangle marked on the sheet (where another sheet lies)."""


def padded(bounds: Bounds, share: float, least_m: float, aspect: tuple[float, float]) -> Bounds:
    """Grow bounds by a share at each side, to at least ``least_m``, and to a width/height within ``aspect``."""
    west, south, east, north = bounds
    width = max((east - west) * (1 + 2 * share), least_m)
    height = max((north - south) * (1 + 2 * share), least_m)
    narrowest, widest = aspect
    width = max(width, height * narrowest)
    height = max(height, width / widest)
    x, y = (west + east) / 2, (south + north) / 2
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def sheet(view: View, crs: str, ponds: Outlines, sites: Outlines, frame: Bounds | None = None) -> Sheet:
    """Draw a view: ponds and sites are in ``crs``, a projected coordinate reference system in metres."""
    to_lonlat = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
    longitudes, latitudes, crosses = graticule(view, to_lonlat)
    scale_m = scale_length_m(view.bounds[2] - view.bounds[0])
    shown = sites.inside(view)
    return Sheet(
        view=view,
        ponds=_pond_shapes(view, ponds.inside(view)),
        sites=[_site_shape(view, row) for row in shown],
        labels=site_labels(view, shown),
        longitudes=longitudes,
        latitudes=latitudes,
        crosses=crosses,
        scale_px=round(scale_m * view.px_per_m, 1),
        scale_text=f"{scale_m / 1000:g} km" if scale_m >= 1000 else f"{scale_m:g} m",
        north_deg=north_angle_deg(view, to_lonlat),
        middle=middle_words(view, to_lonlat),
        frame=None if frame is None else _frame(view, frame),
    )  # fmt: skip


def anchor(site_id: str, what: str = "site") -> str:
    """Id of the page element that tells about a site: its row in the table (``site``), its section (``place``)."""
    return f"{what}-" + "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in site_id)


def scale_length_m(width_m: float) -> float:
    """Return a round length (1, 2 or 5 × 10ⁿ metres) of at most a quarter of the sheet."""
    power = 10.0 ** math.floor(math.log10(width_m / 4))
    return max(step * power for step in (1, 2, 5) if step * power <= width_m / 4)


def north_angle_deg(view: View, to_lonlat: Transformer) -> float:
    """Direction of true north at the middle of the sheet, degrees clockwise from its top."""
    x, y = _middle(view)
    lon, lat = to_lonlat.transform(x, y)
    x_north, y_north = to_lonlat.transform(lon, lat + 0.001, direction="INVERSE")
    return round(math.degrees(math.atan2(x_north - x, y_north - y)), 2)


def middle_words(view: View, to_lonlat: Transformer) -> str:
    """Latitude and longitude of the middle of the sheet: ``25.64° N, 98.49° E``."""
    lon, lat = to_lonlat.transform(*_middle(view))
    return f"{degrees(lat, 0.01, 'NS')}, {degrees(lon, 0.01, 'EW')}"


def graticule(view: View, to_lonlat: Transformer) -> tuple[list[Tick], list[Tick], list[tuple[float, float]]]:
    """Ticks of longitude along the bottom and of latitude along the left, and where the lines cross."""
    west, south, east, north = view.bounds
    along_x, along_y = np.linspace(west, east, 65), np.linspace(south, north, 65)
    bottom_lon = np.asarray(to_lonlat.transform(along_x, np.full(65, south))[0])
    left_lat = np.asarray(to_lonlat.transform(np.full(65, west), along_y)[1])
    step = degree_step(max(np.ptp(bottom_lon), np.ptp(left_lat)))
    lons, lats = _multiples(bottom_lon, step), _multiples(left_lat, step)
    x_at = np.interp(lons, bottom_lon, (along_x - west) * view.px_per_m)
    y_at = np.interp(lats, left_lat, (north - along_y) * view.px_per_m)
    grid_lon, grid_lat = np.meshgrid(lons, lats)
    x, y = to_lonlat.transform(grid_lon.ravel(), grid_lat.ravel(), direction="INVERSE")
    crosses = view.place(np.column_stack([x, y])).round(1)
    return (
        [Tick(round(float(px), 1), degrees(lon, step, "EW")) for px, lon in zip(x_at, lons, strict=True)],
        [Tick(round(float(px), 1), degrees(lat, step, "NS")) for px, lat in zip(y_at, lats, strict=True)],
        [(float(px), float(py)) for px, py in crosses],
    )


def degree_step(span_deg: float) -> float:
    """Round step (1, 2 or 5 × 10ⁿ degrees) that gives two to five lines over a span."""
    power = 10.0 ** math.floor(math.log10(span_deg / 5))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= span_deg / 5)


def degrees(value: float, step: float, signs: str) -> str:
    """Angle with as many decimals as the step needs: ``98.50° E``."""
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{abs(value):.{decimals}f}° {signs[0] if value >= 0 else signs[1]}"


def site_labels(view: View, sites: Sequence[Any]) -> list[Label]:
    """Ids above the footprints of the largest sites, none on top of another, of a tick or over the edge."""
    taken, taken_large = _furniture(view, 1.0), _furniture(view, 2.0)
    labels: list[Label] = []
    for row in sorted(sites, key=lambda row: (-(words.number(row.pond_area_m2) or 0.0), row.site_id)):
        west, _, east, north = row.geometry.bounds
        x, y = (float(value) for value in view.place(np.array([[(west + east) / 2, north]]))[0])
        y -= 7.0
        if len(labels) < MOST_LABELS and _take(taken, _label_box(x, y, len(row.site_id), 1.0), view):
            has_room = _take(taken_large, _label_box(x, y, len(row.site_id), 2.0), view)
            labels.append(Label(round(x, 1), round(y, 1), str(row.site_id), anchor(str(row.site_id)), has_room))
    return labels


def _furniture(view: View, scale: float) -> list[Box]:
    """Room along the edges that ticks, north arrow and scale bar take, pixels."""
    width, height = view.width_px, view.height_px
    strips = [(0.0, 0.0, width, 24 * scale), (0.0, 0.0, 72 * scale, height), (width - 62, 0.0, width, 100.0)]
    return [*strips, (0.0, height - 44 * scale, width * 0.3, height)]


def _label_box(x: float, y: float, n_letters: int, scale: float) -> Box:
    """Room that a label takes, pixels: left, top, right, bottom."""
    half = n_letters * 4.6 * scale
    return (x - half, y - 16 * scale, x + half, y + 4 * scale)


def _take(taken: list[Box], box: Box, view: View) -> bool:
    """Take the room of a box, if it is free and on the sheet; whether it was."""
    left, top, right, bottom = box
    if left < 0 or top < 0 or right > view.width_px or bottom > view.height_px:
        return False
    if any(left < other[2] and other[0] < right and top < other[3] and other[1] < bottom for other in taken):
        return False
    taken.append(box)
    return True


def _pond_shapes(view: View, rows: Sequence[Any]) -> list[Shape]:
    """Ponds as outlines, those too small for one as dots."""
    outlines = np.array([row.geometry for row in rows], dtype=object)
    west, south, east, north = shapely.bounds(outlines).reshape(-1, 4).T
    is_dot = np.maximum(east - west, north - south) * view.px_per_m < DOT_BELOW_PX
    centres = view.place(shapely.get_coordinates(shapely.centroid(outlines))).round(1)
    return [
        Shape(
            _dot_path(*centre) if dot else _path(view, row.geometry),
            _pond_title(row),
            kind_color(str(row.kind)),
            STATUS_DASHES.get(str(row.status), ""),
            dot,
        )
        for row, dot, centre in zip(rows, is_dot.tolist(), centres.tolist(), strict=True)
    ]


def _pond_title(row: Any) -> str:
    spread = words.number(row.area_sigma_m2)
    return (
        f"Pond {row.pond_id}: {words.kind(row.kind)}, "
        f"{words.plus_minus(row.area_m2, None if spread is None else words.Z_95 * spread)} m², {row.status}, "
        f"confidence {float(row.confidence):.2f}"
    )


def _site_shape(view: View, row: Any) -> Shape:
    title = f"Site {row.site_id}: {words.plural(row.n_ponds, 'pond')}, {row.status}"
    return Shape(_path(view, row.geometry), title, dashes=STATUS_DASHES.get(str(row.status), ""))


def _path(view: View, geometry: Any) -> str:
    """SVG path of a (multi)polygon, without detail that the sheet cannot show."""
    simple = shapely.simplify(geometry, 0.2 / view.px_per_m, preserve_topology=True)
    rings = [
        ring for part in shapely.get_parts(simple) for ring in (part.exterior, *part.interiors) if not part.is_empty
    ]
    return "".join(_ring_path(view.place(shapely.get_coordinates(ring)[:-1])) for ring in rings)


def _ring_path(xy: NDArray[np.float64]) -> str:
    points = [f"{x:g} {y:g}" for x, y in xy.round(1) + 0.0]
    return f"M{'L'.join(points)}Z"


def _dot_path(x: float, y: float) -> str:
    """Return a line of no length: a round cap makes it a dot of the same size at any zoom."""
    return f"M{x:g} {y:g}h0"


def _frame(view: View, bounds: Bounds) -> tuple[float, float, float, float]:
    west, south, east, north = bounds
    (left, top), (right, bottom) = view.place(np.array([[west, north], [east, south]])).round(1)
    return (float(left), float(top), float(right - left), float(bottom - top))


def _middle(view: View) -> tuple[float, float]:
    west, south, east, north = view.bounds
    return ((west + east) / 2, (south + north) / 2)


def _multiples(values: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    first, last = math.ceil(values.min() / step), math.floor(values.max() / step)
    return np.arange(first, last + 1) * step
