"""``export --to figures``: every chart and the map of the report as SVG and PNG, each ready for a page of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pondscan.errors import WorkspaceError
from pondscan.report import figures, words
from pondscan.report.inputs import ReportInput, check_columns, in_order
from pondscan.report.limits import scene_limits
from pondscan.report.looks import Look, site_looks, survey_looks
from pondscan.report.map import Sheet
from pondscan.report.palette import HATCH, INK, MARKERS, MUTED, sensor_style
from pondscan.report.pictures import Maps, maps
from pondscan.report.plate import Key, Plate, png_of, svg_of
from pondscan.report.rows import kind_rows
from pondscan.report.templating import asset, environment

MOST_CREDITS = 12
"""Scenes named under the map; ``run.json`` names all."""
LOOK = "Bars are 95 % intervals of measurement. Open markers saw under 90 % of the ground: their area is a lower bound."
UNSEEN = "Hatched from the top: the share of the ground that a look could not see; a full stripe saw nothing."


def export(report_input: ReportInput, folder: Path) -> tuple[str, ...]:
    """Write ``map``, ``area``, ``sizes`` and ``sites/<site_id>``, each as ``.svg`` and ``.png``.

    Returns
    -------
    tuple of str
        What there was nothing to draw of.

    Raises
    ------
    WorkspaceError
        When there is nothing to draw at all.
    """
    check_columns(report_input)
    report_input = in_order(report_input)
    plates = {**_map(report_input), **_series(report_input), **_sizes(report_input)}
    if not plates:
        raise WorkspaceError("the census holds no pond, no picture and no two dates: there is nothing to draw")
    for name, plate in plates.items():
        svg = svg_of(replace(plate, caption=[*plate.caption, _source(report_input)]))
        path = folder / f"{name}.svg"
        path.parent.mkdir(exist_ok=True)
        path.write_text(svg, encoding="utf-8", newline="\n")
        path.with_suffix(".png").write_bytes(png_of(svg))
    return (*(f"no figure {name}: {why}" for name, why in MISSING.items() if name not in plates), ELSEWHERE)


def _source(report_input: ReportInput) -> str:
    """What a figure is drawn from, and by what."""
    scenes = report_input.scenes
    days = sorted(words.day(when) for when in scenes["datetime"].dropna())
    when = f" from {days[0]} to {days[-1]}" if days else ""
    sensors = words.listed([words.sensor(key) for key in sorted(set(scenes["sensor"]))])
    version = report_input.versions["pondscan"]
    return f"Drawn by pondscan {version} from {words.plural(len(scenes), 'scene')} of {sensors}{when}."


ELSEWHERE = "events, series from elsewhere, and new and lost ponds by season are drawn in report.html alone"

MISSING = {
    "map": "no picture of a scene was kept, and no pond found",
    "area": "it takes two dated looks",
    "sizes": "no pond is present at the newest look",
}
"""Why a figure is not there."""


def _map(report_input: ReportInput) -> dict[str, Plate]:
    drawn = maps(report_input)
    if drawn is None:
        return {}
    view = drawn.main.sheet.view
    template = environment().get_template("map.svg")
    return {
        "map": Plate(
            title=f"{report_input.title}: ponds and sites",
            drawing=template.render(maps=drawn, inset=_inset(drawn)),
            aspect=view.width_px / view.height_px,
            legend=_map_legend(report_input, drawn),
            caption=_map_caption(drawn),
            style=asset("map.css"),
        )
    }


def _inset(drawn: Maps) -> tuple[float, float, float, float] | None:
    """Left, top, width and height of the inset on the main sheet: its lower right corner."""
    if drawn.inset is None:
        return None
    view, other = drawn.main.sheet.view, drawn.inset.sheet.view
    width = 0.23 * view.width_px
    height = width * other.height_px / other.width_px
    return (view.width_px - width, view.height_px - height, width, height)


def _map_legend(report_input: ReportInput, drawn: Maps) -> list[Key]:
    ponds = report_input.ponds
    present = ponds[ponds["status"] == "present"]
    swatch = f'<circle r="6.5" fill="{{}}" stroke="{INK}" stroke-width="1.2"/>'
    keys = [Key(f"{one.name} {one.n_ponds.text}", swatch.format(one.color)) for one in kind_rows(present)]
    if len(report_input.sites):
        box = '<rect x="-7" y="-5" width="14" height="10" rx="3" fill="{}" stroke="{}" stroke-width="{}"/>'
        keys.append(Key("site footprint", box.format("#8a979e", INK, 3) + box.format("none", "#fff", 1.2)))
    if len(ponds) > len(present):
        dashed = f'<circle r="6" fill="none" stroke="{INK}" stroke-width="1.8" stroke-dasharray="3 2"/>'
        keys.append(Key("broken outline: not present at the newest look", dashed))
    if drawn.main.picture and drawn.main.picture.has_gaps:
        keys.append(Key("no picture", f'<rect x="-7" y="-5" width="14" height="10" fill="#e2e7e9" stroke="{MUTED}"/>'))
    return keys


def _map_caption(drawn: Maps) -> list[str]:
    named = drawn.credits[:MOST_CREDITS]
    left = len(drawn.credits) - len(named)
    more = f"; and {words.plural(left, 'other scene')} (run.json)" if left else ""
    picture = f"Picture, the clearest scene on top: {'; '.join(named)}{more}." if named else "No picture was kept."
    outline = "Each outline is from the latest clear look that saw the pond; the picture may be of another date."
    sheet: Sheet = drawn.main.sheet
    return [f"{picture} {outline}", f"Longitude and latitude in WGS 84; drawn in {drawn.crs}, around {sheet.middle}."]


def _series(report_input: ReportInput) -> dict[str, Plate]:
    """Liquid area over time of all and of every site, on one time axis."""
    total = survey_looks(report_input.survey, report_input.scenes)
    by_site = site_looks(report_input.timeseries, report_input.scenes)
    span = figures.time_span([*total, *(look for looks in by_site.values() for look in looks)])
    named = {"area": (f"{report_input.title}: liquid area of all ponds", total)}
    named |= {f"sites/{site_id}": (f"Site {site_id}: liquid area", looks) for site_id, looks in by_site.items()}
    return {
        name: _chart(title, looks, span)
        for name, (title, looks) in named.items()
        if span is not None and len(looks) > 1
    }


def _chart(title: str, looks: Sequence[Look], span: figures.Span) -> Plate:
    width, height = figures.CHART_SIZE
    return Plate(
        title=title,
        drawing=figures.area_over_time("chart", looks, span),
        aspect=width / height,
        legend=sensor_keys(looks),
        caption=[f"{LOOK} {UNSEEN} Lines join neighbouring looks of one sensor only where both saw at least 90 %."],
    )


def sensor_keys(looks: Sequence[Look]) -> list[Key]:
    """Legend of a chart over time: its sensors, and what was not seen."""
    keys = []
    for sensor in sorted({look.sensor for look in looks}):
        style = sensor_style(sensor)
        keys.append(Key(words.sensor(sensor), f'<path fill="{style.color}" d="{MARKERS[style.marker]}"/>'))
    if any(look.is_seen and not look.is_whole for look in looks):
        mark = f'<path fill="#fff" stroke="{INK}" stroke-width="1.6" d="{MARKERS["disc"]}"/>'
        keys.append(Key("under 90 % seen", mark))
    if any(not look.is_whole for look in looks):
        lines = f'<path d="M-7 -1L-1 -7M-7 5L5 -7M-5 7L7 -5M1 7L7 1" stroke="{HATCH}" stroke-width="1.4"/>'
        keys.append(Key("share not seen", f'<rect x="-7" y="-7" width="14" height="14" fill="#eef1f2"/>{lines}'))
    return keys


def _sizes(report_input: ReportInput) -> dict[str, Plate]:
    ponds = report_input.ponds
    diameters = [float(value) for value in ponds.loc[ponds["status"] == "present", "diameter_m"].dropna()]
    if not diameters:
        return {}
    limits = scene_limits(report_input.scenes)
    least = limits[0][2].often_missed_below_m if limits else None
    width, height = figures.CHART_SIZE
    caption = f"{words.plural(len(diameters), 'pond')} present at the newest look."
    if limits:
        sensor = words.sensor(limits[0][0])
        caption += (
            f" Hatched: sizes of which {sensor} misses more than half, as measured on simulated scenes; few ponds "
            "there does not mean that few exist."
        )
    return {
        "sizes": Plate(
            title=f"{report_input.title}: ponds by diameter",
            drawing=figures.size_distribution("chart", diameters, least),
            aspect=width / height,
            caption=[caption],
        )
    }
