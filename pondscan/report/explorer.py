"""The map one can move: every pond and site on the pictures of their dates, as data for the page's script.

Drawn by Leaflet, read from the installed package and written into the page; places are metres from the map's corner, so
no projection is left to the browser.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import shapely
from geopandas import GeoDataFrame

from pondscan.report import words
from pondscan.report.inputs import ReportInput
from pondscan.report.map import anchor
from pondscan.report.maplayers import drawn_layer, layer_keys
from pondscan.report.mosaic import Bounds, best_first, mosaic
from pondscan.report.palette import CONFIDENCES, STATUSES, kind_color

PICTURE_BYTES = 3e6
"""What the pictures of all dates may take up together in the page."""
MOST_PICTURES = 24
PICTURE_PX = (500, 1400)
"""Fewest and most pixels along a picture's longer side."""
STEP_M = 0.3
"""Outlines are drawn to so many metres."""


def explorer(report_input: ReportInput, crs: str, bounds: Bounds) -> str:
    """Write what the moving map shows as JSON that is safe inside a page.

    Parameters
    ----------
    crs
        Of the map, in metres.
    bounds
        Ground that it opens on and has pictures of.
    """
    ponds, sites = (
        table if str(table.crs) == crs else table.to_crs(crs) for table in (report_input.ponds, report_input.sites)
    )
    document = {
        "size_m": [round(bounds[2] - bounds[0], 1), round(bounds[3] - bounds[1], 1)],
        "looks": _looks(report_input),
        "opens_on": _opening_look(report_input),
        "pictures": _pictures(report_input, crs, bounds),
        "ponds": _ponds(report_input, ponds, bounds),
        "sites": _sites(sites, bounds),
        "layers": [
            drawn_layer(layer, key, bounds)
            for layer, key in zip(report_input.layers, layer_keys(report_input.layers), strict=True)
        ],
        "colors": {
            "kind": {words.kind(kind): kind_color(kind) for kind in sorted(ponds["kind"].fillna("unknown").unique())},
            "status": STATUSES,
            "confidence": CONFIDENCES,
        },
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


@cache
def library() -> tuple[str, str]:
    """Script and style sheet of Leaflet, without what either would fetch from elsewhere."""
    folder = files("js_lib_leaflet") / "static" / "js_lib_leaflet"
    script = (folder / "leaflet.js").read_text("utf-8").replace("//# sourceMappingURL=leaflet.js.map", "")
    style = re.sub(r"url\((?!#)[^)]*\)", "none", (folder / "leaflet.css").read_text("utf-8"))
    return script, style


def _opening_look(report_input: ReportInput) -> int:
    """Place of the look that the map opens on: of those on the day of the newest the one of the finest pixels."""
    scenes = report_input.scenes.set_index("scene_id")
    looks = [scenes.loc[[one for one in look.split(";") if one in scenes.index]] for look in report_input.looks]
    if not looks or looks[-1].empty or looks[-1]["datetime"].isna().any():
        return max(len(looks) - 1, 0)
    day = looks[-1]["datetime"].max().date()
    of_day = [k for k, look in enumerate(looks) if len(look) and (look["datetime"].dt.date == day).all()]
    return min(of_day, key=lambda k: (float(looks[k]["gsd_m"].min()), -k))


def _looks(report_input: ReportInput) -> list[dict[str, str]]:
    """Date and sensor of every look, in words."""
    scenes = report_input.scenes
    when = dict(zip(scenes["scene_id"].astype(str), scenes["datetime"], strict=True))
    sensor = dict(zip(scenes["scene_id"].astype(str), scenes["sensor"].astype(str), strict=True))
    looks = []
    for look in report_input.looks:
        known = [scene_id for scene_id in look.split(";") if scene_id in when]
        first = min((moment for one in known if (moment := words.moment(when[one])) is not None), default=None)
        named = words.listed([words.sensor(name) for name in sorted({sensor[one] for one in known})]) if known else ""
        looks.append({"date": words.minute(first), "sensor": named})
    return looks


def _pictures(report_input: ReportInput, crs: str, bounds: Bounds) -> list[dict[str, Any]]:
    """Pictures of the looks, each with the number of its look; of many looks, some evenly spread ones and the last."""
    known = {quicklook.scene_id: quicklook for quicklook in report_input.quicklooks}
    quicklooks = [[known[one] for one in look.split(";") if one in known] for look in report_input.looks]
    shown = [number for number, of_look in enumerate(quicklooks) if of_look]
    if len(shown) > MOST_PICTURES:
        chosen = np.unique(np.linspace(0, len(shown) - 1, MOST_PICTURES).round().astype(int))
        shown = [shown[place] for place in chosen]
    if not shown:
        return []

    def painted(number: int, max_px: int) -> str | None:
        picture = mosaic(best_first(quicklooks[number], report_input.scenes), crs, bounds, max_px)
        return None if picture is None else picture.uri

    needed = len(shown) * len(painted(shown[-1], PICTURE_PX[1]) or "")
    max_px = int(np.clip(PICTURE_PX[1] * math.sqrt(PICTURE_BYTES / max(needed, 1)), *PICTURE_PX))
    return [{"look": number, "uri": uri} for number in shown if (uri := painted(number, max_px))]


def _ponds(report_input: ReportInput, ponds: GeoDataFrame, bounds: Bounds) -> list[dict[str, Any]]:
    rings = _rings(ponds, bounds)
    sites = ponds["site_id"].astype(object).where(ponds["site_id"].notna(), None)
    return [
        {
            "id": row.pond_id,
            "site": site,
            "kind": words.kind(row.kind),
            "status": str(row.status),
            "states": report_input.states.get(str(row.pond_id), ""),
            "confidence": round(confidence, 2),
            "area": f"{words.plus_minus(row.area_m2, _half_width(row.area_sigma_m2))} m²",
            "ring": ring,
        }
        for row, site, confidence, ring in zip(
            ponds.itertuples(index=False), sites, ponds["confidence"].to_numpy(float), rings, strict=True
        )
    ]


def _sites(sites: GeoDataFrame, bounds: Bounds) -> list[dict[str, Any]]:
    return [
        {
            "id": str(row.site_id),
            "place": anchor(str(row.site_id), "place"),
            "status": str(row.status),
            "n_ponds": words.plural(row.n_ponds, "pond"),
            "area": f"{words.plus_minus(row.pond_area_m2, _half_width(row.pond_area_sigma_m2))} m²",
            "ring": ring,
        }
        for row, ring in zip(sites.itertuples(index=False), _rings(sites, bounds), strict=True)
    ]


def _half_width(sigma: Any) -> float | None:
    known = words.number(sigma)
    return None if known is None else words.Z_95 * known


def _rings(table: GeoDataFrame, bounds: Bounds) -> list[list[list[list[float]]]]:
    """Outer rings of every outline, (y, x) in metres from the map's lower left corner, without needless corners."""
    # Rings are drawn one by one, so none need be kept from another: a fifth of the time of looking after that.
    outlines = shapely.simplify(table.geometry.to_numpy(), STEP_M, preserve_topology=False)
    parts, owner = shapely.get_parts(outlines, return_index=True)
    xy, part = shapely.get_coordinates(shapely.get_exterior_ring(parts), return_index=True)
    corners = (xy - bounds[:2]).round(1)[:, ::-1].tolist()
    stop = np.cumsum(np.bincount(part, minlength=len(parts))).tolist()
    rings: list[list[list[list[float]]]] = [[] for _ in outlines]
    for first, last, outline in zip([0, *stop], stop, owner.tolist(), strict=False):
        rings[outline].append(corners[first : last - 1])  # the last corner is the first one again
    return rings
