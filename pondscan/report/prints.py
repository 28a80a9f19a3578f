"""``export --to figures``: every chart and the map of the report as SVG and PNG, each ready for a page of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pondscan.errors import WorkspaceError
from pondscan.report import figures, overlays, words
from pondscan.report.axes import label_room
from pondscan.report.headline import periods
from pondscan.report.inputs import ReportInput, check_columns, in_order
from pondscan.report.limits import scene_limits
from pondscan.report.looks import COUNT, Look, site_looks, survey_looks
from pondscan.report.map import Sheet
from pondscan.report.outside import outside_of
from pondscan.report.page import limit_keys
from pondscan.report.palette import ACCENT, HATCH, INK, MARKERS, MUTED, sensor_style
from pondscan.report.pictures import Maps, maps
from pondscan.report.plate import Key, Plate, plate_of, png_of, svg_of
from pondscan.report.rows import kind_rows
from pondscan.report.templating import asset, environment
from pondscan.report.turnover import LOST, NEW, turnover, turnover_chart

MOST_CREDITS = 12
"""Scenes named under the map; ``run.json`` names all."""
OVER_TIME = (
    "Bars are 95 % intervals of measurement. Open markers saw under 90 % of the ground: they are lower bounds. Hatched "
    "from the top: the share of the ground that a look could not see; a full stripe saw nothing. Lines join "
    "neighbouring looks of one sensor only where both saw at least 90 %."
)
FROM_ELSEWHERE = (
    "Changes around events are at the same sites by one sensor, with 95 % intervals. Series from elsewhere have an "
    "axis of their own each; a bar is the period a value is of."
)
PALE = (
    "A pale part came or went after a clear look of an earlier season, and nothing showed its place in between; in a "
    "season hatched from top to bottom nothing was seen, and its empty place is not zero."
)
COUNTED = (
    "Chance that a clear look counts a pond, measured on simulated scenes of many kinds of country; bands are 95 % "
    "intervals of the curves."
)
HATCHED = (
    '<rect x="-7" y="-7" width="14" height="14" fill="#eef1f2"/>'
    f'<path d="M-7 -1L-1 -7M-7 5L5 -7M-5 7L7 -5M1 7L7 1" stroke="{HATCH}" stroke-width="1.4"/>'
)


def export(report_input: ReportInput, folder: Path) -> tuple[str, ...]:
    """Write ``map``, ``area``, ``turnover``, ``sizes`` and ``sites/<site_id>``, each as ``.svg`` and ``.png``.

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
    plates = {**_map(report_input), **_series(report_input), **_turnover(report_input), **_sizes(report_input)}
    if not plates:
        raise WorkspaceError("the census holds no pond, no picture and no two dates: there is nothing to draw")
    for name, plate in plates.items():
        svg = svg_of(replace(plate, caption=[*plate.caption, _source(report_input)]))
        path = folder / f"{name}.svg"
        path.parent.mkdir(exist_ok=True)
        path.write_text(svg, encoding="utf-8", newline="\n")
        path.with_suffix(".png").write_bytes(png_of(svg))
    return tuple(f"no figure {name}: {why}" for name, why in MISSING.items() if name not in plates)


def _source(report_input: ReportInput) -> str:
    """What a figure is drawn from, and by what."""
    scenes = report_input.scenes
    days = sorted(words.day(when) for when in scenes["datetime"].dropna())
    when = f" from {days[0]} to {days[-1]}" if days else ""
    sensors = words.listed([words.sensor(key) for key in sorted(set(scenes["sensor"]))])
    version = report_input.versions["pondscan"]
    return f"Drawn by pondscan {version} from {words.plural(len(scenes), 'scene')} of {sensors}{when}."


MISSING = {
    "map": "no picture of a scene was kept, and no pond found",
    "area": "it takes two dated looks",
    "turnover": "no pond is known to be new or lost between two seasons",
    "sizes": "no pond is present at the newest look, and no sensor here tells ponds apart",
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
    """Area and ponds over time, with what is known from elsewhere, and the area of every site, on one time axis."""
    total = survey_looks(report_input.survey, report_input.scenes)
    by_site = site_looks(report_input.timeseries, report_input.scenes)
    span = figures.time_span([*total, *(look for looks in by_site.values() for look in looks)])
    if span is None:
        return {}
    plates = {"area": _whole(report_input, total, span)} if len(total) > 1 else {}
    for site_id, looks in by_site.items():
        if len(looks) > 1:
            chart = figures.area_over_time("chart", looks, span)
            title = f"Site {site_id}: liquid area"
            plates[f"sites/{site_id}"] = plate_of(title, [chart], legend=sensor_keys(looks), caption=[OVER_TIME])
    return plates


def _whole(report_input: ReportInput, total: Sequence[Look], span: figures.Span) -> Plate:
    """Area, ponds, changes around events and series from elsewhere, below each other."""
    every_period = periods(report_input.survey, report_input.scenes)
    known = outside_of(report_input.context, report_input.study, every_period, span)
    left, ticks = overlays.room_beside(known), figures.chart_ticks(span, figures.CHART_SIZE)
    counts = survey_looks(report_input.survey, report_input.scenes, COUNT)
    charts = [
        figures.area_over_time("chart", total, span, events=known.drawn, least_left=left),
        figures.count_over_time("count", counts, span, least_left=left),
        *(svg for _, svg in overlays.panels(known, span, ticks)),
    ]
    legend, caption = sensor_keys(total), [OVER_TIME]
    if known.drawn:
        line = f'<path d="M0 -7V7" stroke="{ACCENT}" stroke-width="1.6" stroke-dasharray="3 2"/>'
        legend.append(Key("event, a band where only its months or year are known", line))
        told = "; ".join(f"{one.number} {one.event.label} ({one.event.written})" for one in known.drawn)
        caption.append(f"Events: {told}.")
    if known.effects or known.groups:
        caption.append(f"{FROM_ELSEWHERE} That things happen at one time does not say that one causes the other.")
    title = f"{report_input.title}: liquid area and ponds over time"
    return plate_of(title, charts, legend=legend, caption=caption)


def _turnover(report_input: ReportInput) -> dict[str, Plate]:
    """New and lost ponds by season."""
    counted = turnover(report_input)
    if counted is None or not any(season.n_new or season.n_lost for season in counted.seasons):
        return {}
    box = '<rect x="-7" y="-7" width="14" height="14" fill="{}"/>'
    legend = [Key("new", box.format(NEW[0])), Key("lost", box.format(LOST[0]))]
    legend.append(Key("pale: perhaps in an earlier season", box.format(NEW[1])))
    legend.append(Key("share of the ground not seen", HATCHED))
    about = (
        "New is a pond whose place an earlier clear look had shown without it, lost one that is gone at the newest look"
    )
    n_older = counted.n_undated
    older = (
        f"; of {words.plural(n_older, 'listed pond')} there is no such look, and they may be older" if n_older else ""
    )
    chart = turnover_chart("chart", counted.seasons)
    title = f"{report_input.title}: new and lost ponds by season"
    return {"turnover": plate_of(title, [chart], legend=legend, caption=[f"{about}{older}. {PALE}"])}


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
        keys.append(Key("share not seen", HATCHED))
    return keys


def _sizes(report_input: ReportInput) -> dict[str, Plate]:
    """Ponds by diameter, and what the sensors could count of each size."""
    ponds = report_input.ponds
    diameters = [float(value) for value in ponds.loc[ponds["status"] == "present", "diameter_m"].dropna()]
    limits = scene_limits(report_input.scenes)
    shown = [one for one in limits if one[2].tells_ponds_apart]
    charts, caption = [], []
    if diameters:
        least = limits[0][2].often_missed_below_m if limits else None
        left = label_room(figures.PERCENT_LETTERS)
        charts.append(figures.size_distribution("chart", diameters, least, least_left=left))
        hatched = f" Hatched: sizes of which {words.sensor(limits[0][0])} misses more than half." if limits else ""
        caption.append(f"{words.plural(len(diameters), 'pond')} present at the newest look.{hatched}")
    if shown:
        charts.append(figures.recall_limit("limit", shown, figures.largest_shown_m(diameters, shown)))
        caption.append(f"{COUNTED} Few ponds where the chance is low does not mean that few exist.")
    marks = [Key(key.name, f'<path fill="{key.color}" d="{key.marker}"/>') for key in limit_keys(shown)]
    title = f"{report_input.title}: ponds by diameter" if diameters else "Ponds that can be counted, by diameter"
    return {"sizes": plate_of(title, charts, legend=marks, caption=caption)} if charts else {}
