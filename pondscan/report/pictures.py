"""Maps of the report: the whole survey over the pictures of its scenes."""

from __future__ import annotations

from dataclasses import dataclass

from geopandas import GeoDataFrame

from pondscan.report import words
from pondscan.report.inputs import ReportInput
from pondscan.report.map import PLATE_PX, SHEET_PX, Outlines, Sheet, View, padded, sheet
from pondscan.report.mosaic import Bounds, Mosaic, best_first, joint_bounds, mosaic

MAP_ASPECT = (0.85, 1.5)
"""Narrowest and widest width/height of the main map."""
CLOSE_UP_BELOW = 0.5
"""When the ponds lie within this share of the pictures' width, the map shows them and an inset shows the rest."""
MAP_PICTURE_PX = 1400
INSET_PICTURE_PX = 400


@dataclass(frozen=True, slots=True)
class Drawing:
    """A sheet, and the picture under it."""

    sheet: Sheet
    picture: Mosaic | None


@dataclass(frozen=True, slots=True)
class Maps:
    """What the first screen shows."""

    main: Drawing
    inset: Drawing | None
    """Where the main map lies in all that was looked at, when it shows only a small part of it."""
    credits: list[str]
    """Sensor, time and id of every scene in the picture, the one on top first."""
    crs: str
    """Reference system of the sheets."""
    place: str
    """Middle of the map, longitude and latitude in words."""


def maps(report_input: ReportInput) -> Maps | None:
    """Draw the survey; None when there is no place to draw."""
    crs = _map_crs(report_input)
    if crs is None:
        return None
    looks = best_first(report_input.quicklooks, report_input.scenes)
    everything, close_up = _extents(report_input, crs)
    bounds = close_up or everything
    ponds, sites = (Outlines(_in_crs(table, crs)) for table in (report_input.ponds, report_input.sites))
    picture = mosaic(looks, crs, bounds, MAP_PICTURE_PX)
    main = Drawing(sheet(View(bounds, SHEET_PX), crs, ponds, sites), picture)
    inset = None
    if close_up is not None:
        nothing = Outlines(report_input.ponds.iloc[:0])
        around = sheet(View(everything, PLATE_PX), crs, nothing, nothing, frame=bounds)
        inset = Drawing(around, mosaic(looks, crs, everything, INSET_PICTURE_PX))
    return Maps(main, inset, _credits(report_input, picture), crs, main.sheet.middle)


def _extents(report_input: ReportInput, crs: str) -> tuple[Bounds, Bounds | None]:
    """Rectangle of everything, and a closer one around ponds and sites when they take up little of it."""
    pictures = joint_bounds(report_input.quicklooks, crs)
    found = _found_bounds(report_input)
    if pictures is None:
        return padded(found or (0, 0, 1, 1), 0.15, 500.0, MAP_ASPECT), None
    everything = padded(pictures, 0.0, 100.0, MAP_ASPECT)
    if found is None:
        return everything, None
    near = padded(found, 0.15, 1500.0, MAP_ASPECT)
    is_small = near[2] - near[0] < CLOSE_UP_BELOW * (everything[2] - everything[0])
    return everything, near if is_small else None


def _found_bounds(report_input: ReportInput) -> Bounds | None:
    """Rectangle around every pond and site, in their CRS."""
    tables = [table.total_bounds for table in (report_input.ponds, report_input.sites) if len(table)]
    if not tables:
        return None
    west, south = (min(bounds[i] for bounds in tables) for i in (0, 1))
    east, north = (max(bounds[i] for bounds in tables) for i in (2, 3))
    return (float(west), float(south), float(east), float(north))


def _credits(report_input: ReportInput, picture: Mosaic | None) -> list[str]:
    """Sensor, date and id of every scene in the picture."""
    scenes = {str(row["scene_id"]): row for row in report_input.scenes.to_dict("records")}
    used = [scenes[scene_id] for scene_id in (picture.scene_ids if picture else ()) if scene_id in scenes]
    return [f"{words.sensor(row['sensor'])}, {words.minute(row['datetime'])} UTC, {row['scene_id']}" for row in used]


def _map_crs(report_input: ReportInput) -> str | None:
    """CRS of the map: that of the tables, else that of the first picture."""
    for table in (report_input.ponds, report_input.sites):
        if table.crs is not None:
            return str(table.crs.to_string())
    return report_input.quicklooks[0].crs if report_input.quicklooks else None


def _in_crs(table: GeoDataFrame, crs: str) -> GeoDataFrame:
    """Return the table in the map's CRS; one without a CRS is empty and takes any."""
    return table.set_crs(crs) if table.crs is None else table.to_crs(crs)
