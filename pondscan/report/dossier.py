"""``export --to dossier --site ID``: all that a census holds about one site, on a page traceable to the pixels.

Every picture names its scene, every scene its files with their SHA-256, every number its column; ``run.json`` of the
census holds the same. Nothing on the page is measured anew.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from geopandas import GeoDataFrame, GeoSeries
from markupsafe import Markup
from PIL import Image

from pondscan.config import Settings
from pondscan.configfile import to_toml
from pondscan.errors import WorkspaceError
from pondscan.report import figures, words
from pondscan.report.inputs import Chip, ReportInput, Ring
from pondscan.report.looks import site_looks
from pondscan.report.map import scale_length_m
from pondscan.report.page import sensor_keys
from pondscan.report.palette import STATUSES
from pondscan.report.paper import print_page
from pondscan.report.templating import asset, environment
from pondscan.tables import Column

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a dossier is made from, beside what a report is."""

    document: Mapping[str, Any]
    """``run.json``."""
    columns: Mapping[str, Sequence[Column]]
    """Of every table, in order."""
    aliases: pd.DataFrame
    chips: Sequence[Chip]
    """The site in every scene that shows its ground, in order of time."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A pond on a picture."""

    path: str
    title: str
    color: str
    dashes: str


@dataclass(frozen=True, slots=True)
class Sight:
    """A picture of the site, ready to be written."""

    chip: Chip
    uri: str
    outlines: list[Outline]
    row: Mapping[Hashable, Any]
    """Of the time series: the look that the picture belongs to."""
    scale_m: float
    scale_px: float
    """Length of the scale bar, in thousandths of the picture's side."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a pond of the site."""

    when: str
    pond_id: str
    what: str


def export(report_input: ReportInput, folder: Path, *, site_id: str, evidence: Evidence) -> tuple[str, ...]:
    """Write ``<site_id>.html``, and ``<site_id>.pdf`` where a browser is there to print it.

    Returns
    -------
    tuple of str
        Why there is no PDF.

    Raises
    ------
    WorkspaceError
        When the census has no such site.
    """
    page = folder / f"{_known(report_input, evidence, site_id)}.html"
    page.write_text(render(report_input, site_id, evidence), encoding="utf-8", newline="\n")
    why = print_page(page, page.with_suffix(".pdf"))
    return () if why is None else (why,)


def _known(report_input: ReportInput, evidence: Evidence, site_id: str) -> str:
    if site_id in set(report_input.sites["site_id"]):
        return site_id
    renamed = evidence.aliases.set_index("old_id")["new_id"]
    hint = f": it goes by {renamed[site_id]} now" if site_id in renamed else ", sites.geojson lists those there are"
    raise WorkspaceError(f"the census has no site {site_id}{hint}")


def render(report_input: ReportInput, site_id: str, evidence: Evidence) -> str:
    """Write the page, a pure function of what it is given; it needs no network and runs no script."""
    site = report_input.sites[report_input.sites["site_id"] == site_id].iloc[0]
    ponds = report_input.ponds[report_input.ponds["site_id"] == site_id]
    series = report_input.timeseries[report_input.timeseries["site_id"] == site_id]
    looks = site_looks(series, report_input.scenes).get(site_id, [])
    span = figures.time_span(looks)
    used = {scene_id for look in series["scene_id"] for scene_id in str(look).split(";")}
    document = evidence.document
    chart = figures.area_over_time("area", looks, span) if span and len(looks) > 1 else ""
    return environment().get_template("dossier.html").render(
        title=f"Site {site_id}",
        census=report_input.title,
        policy=POLICY,
        style=Markup(asset("dossier.css")),  # noqa: S704 (package data)
        site=site,
        facts=[(one, _plain(site[one.name], one)) for one in evidence.columns["sites"]],
        sights=_sights(evidence.chips, series),
        n_looks=len(series),
        place=_place(site, report_input.sites.crs),
        chart=Markup(chart),  # noqa: S704 (nothing in it comes from outside)
        sensors=sensor_keys(looks),
        events=events(ponds),
        tables=[
            ("Ponds of the site", *_table(ponds, evidence.columns["ponds"])),
            ("The site at every look", *_table(series, evidence.columns["timeseries"])),
        ],
        scenes=[scene for scene in document["scenes"] if scene["scene_id"] in used],
        products=document["products"],
        state=document["state"],
        notes=document["notes"],
        versions=sorted(document["versions"].items()),
        settings=to_toml(Settings.model_validate(document["settings"])),
        name_of=_file_name,
        words=words,
    )  # fmt: skip


def _sights(chips: Sequence[Chip], series: pd.DataFrame) -> list[Sight]:
    rows = {scene_id: row for row in series.to_dict("records") for scene_id in str(row["scene_id"]).split(";")}
    sights = []
    for chip in chips:
        length_m = scale_length_m(chip.side_m)
        outlines = [_outline(ring) for ring in chip.rings]
        row = rows[chip.scene_id.split(";")[0]]
        sights.append(Sight(chip, _png_uri(chip), outlines, row, length_m, round(1000 * length_m / chip.side_m, 1)))
    return sights


def _outline(ring: Ring) -> Outline:
    path = "M" + "L".join(f"{x} {y}" for x, y in ring.points) + "Z"
    known = "measured in this scene" if ring.is_measured else "outline of its latest look"
    title = f"{ring.pond_id}: {ring.state}, confidence {ring.confidence:.2f}, {known}"
    return Outline(path, title, STATUSES[ring.state], "" if ring.is_measured else "14 9")


def _png_uri(chip: Chip) -> str:
    """Pixels as they are: the page enlarges them without smoothing."""
    buffer = io.BytesIO()
    Image.fromarray(chip.picture).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def events(ponds: GeoDataFrame) -> list[Event]:
    """What happened to ponds, in order of time: each known no better than by the looks around it."""
    found = []
    for pond in ponds.sort_values("pond_id").to_dict("records"):
        first, last = words.moment(pond["first_seen"]), words.moment(pond["last_seen"])
        before = words.moment(pond["not_seen_before"])
        if first is not None:
            since = f", not there on {words.day(before)}" if before else ", no clear look before"
            found.append((first, pond["pond_id"], f"first seen{since}"))
        if last is not None and pond["status"] == "gone":
            closed = words.moment(pond.get("not_seen_since"))
            since = f"no longer there on {words.day(closed)}" if closed else "gone at the newest look"
            found.append((last, pond["pond_id"], f"last seen, {since}"))
    return [Event(words.day(when), str(pond_id), what) for when, pond_id, what in sorted(found)]


def _place(site: pd.Series, crs: Any) -> str:
    """Longitude and latitude of a point inside the footprint, as one would give it to somebody who goes there."""
    lonlat = GeoSeries([site.geometry.representative_point()], crs=crs).to_crs("OGC:CRS84").iloc[0]
    return f"{abs(lonlat.y):.5f}° {'N' if lonlat.y >= 0 else 'S'}, {abs(lonlat.x):.5f}° {'E' if lonlat.x >= 0 else 'W'}"


def _table(table: pd.DataFrame, columns: Sequence[Column]) -> tuple[list[Column], list[list[str]]]:
    """Columns, and rows as text; the site itself is named by the page."""
    shown = [one for one in columns if one.name != "site_id"]
    return shown, [[_plain(row[one.name], one) for one in shown] for row in table.to_dict("records")]


def _plain(value: Any, column: Column) -> str:
    """Write a value as the products do, and a dash where nothing is known."""
    if value is None or pd.isna(value):
        return words.NOT_KNOWN
    if column.kind == "datetime":
        return words.minute(value)
    return f"{float(value):.10g}" if column.kind == "number" else str(value)


def _file_name(path: str) -> str:
    """Name of a file without the folders of the machine it lay on."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]
