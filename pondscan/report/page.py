"""The report as one HTML page: everything is gathered here and written by the template."""

from __future__ import annotations

import base64
import hashlib
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pondscan.config import Settings
from pondscan.report import axes, figures, outside, overlays, words
from pondscan.report.caveats import cautions, prevalence, reasons_for_nothing
from pondscan.report.estimate import estimated
from pondscan.report.explorer import explorer, library
from pondscan.report.headline import Census, head_of, periods
from pondscan.report.inputs import ReportInput, check_columns, in_order
from pondscan.report.limits import SizeLimit, limit_sentence, scene_limits
from pondscan.report.looks import COUNT, Look, instrument, site_looks, survey_looks
from pondscan.report.maplayers import layer_keys
from pondscan.report.outside import Outside, outside_of
from pondscan.report.palette import CONFIDENCES, COVERAGE, MARKERS, STATUSES, sensor_style
from pondscan.report.pictures import maps
from pondscan.report.places import places
from pondscan.report.rows import added_heads, kind_rows, scene_rows, site_rows
from pondscan.report.templating import asset, environment
from pondscan.report.turnover import turnover, turnover_chart


@dataclass(frozen=True, slots=True)
class SensorKey:
    """Legend entry of a sensor in the charts."""

    name: str
    color: str
    marker: str
    """SVG path around the middle of a square of 16."""


def render(report_input: ReportInput) -> str:
    """Write ``report.html``: one self-contained page, a pure function of its input.

    Parameters
    ----------
    report_input
        Tables, pictures and failures of a workspace (see ``ReportInput``).

    Returns
    -------
    str
        HTML that needs no network and runs one inline script (sorting of tables), under a policy that forbids
        everything else.

    Raises
    ------
    WorkspaceError
        A table lacks a column.
    """
    check_columns(report_input)
    report_input = in_order(report_input)
    every_period = periods(report_input.survey, report_input.scenes)
    head = head_of(every_period)
    settings = Settings.model_validate(tomllib.loads(report_input.settings_toml))
    drawn = maps(report_input)
    own = tuple(asset(name) for name in ("places.js", "report.js")), (asset("report.css"), asset("places.css"))
    scripts, styles = own if drawn is None else _with_explorer(*own)
    return environment().get_template("report.html").render(
        title=report_input.title,
        policy=_policy(scripts),
        styles=[Markup(text) for text in styles],  # noqa: S704 (package data)
        scripts=[Markup(text) for text in scripts],  # noqa: S704 (package data)
        explored=None if drawn is None else Markup(explorer(report_input, drawn.crs, drawn.main.sheet.view.bounds)),  # noqa: S704 (JSON without <)
        head=head,
        periods=every_period,
        cautions=cautions(report_input, head),
        nothing=reasons_for_nothing(report_input),
        failures=report_input.failures,
        ignored=report_input.ignored,
        notes=report_input.notes,
        versions=sorted(report_input.versions.items()),
        settings_toml=words.settings_in_short(report_input.settings_toml),
        settings=settings,
        prevalence=prevalence(report_input.target, settings.confidence.expected_ponds_per_km2),
        target=words.TARGET_NAMES.get(report_input.target, report_input.target),
        subtitle=_subtitle(report_input),
        words=words,
        coverage_colors=COVERAGE,
        **_tables(report_input),
        **_series(report_input, every_period),
        estimate=None if report_input.estimate is None else estimated(report_input.estimate, report_input.ponds),
        n_map_looks=len(report_input.looks),
        map_layers=layer_keys(report_input.layers),
        maps=drawn,
    )  # fmt: skip


def _tables(report_input: ReportInput) -> dict[str, Any]:
    """Tables of scenes and ponds, and what the sensors can see."""
    ponds, limits = report_input.ponds, scene_limits(report_input.scenes)
    present = ponds[ponds["status"] == "present"]
    diameters = [float(value) for value in present["diameter_m"].dropna()]
    finest = limits[0][2].often_missed_below_m if limits else None
    beside = axes.label_room(figures.PERCENT_LETTERS)
    shown = [one for one in limits if one[2].tells_ponds_apart]
    return {
        "scenes": scene_rows(report_input.scenes),
        "kinds": kind_rows(present),
        "n_listed": len(ponds),
        "n_present": len(present),
        "finest": limits[0] if limits else None,
        "limits": [limit_sentence(*limit) for limit in limits],
        "size_chart": _svg(figures.size_distribution("sizes", diameters, finest, least_left=beside))
        if diameters
        else None,
        "limit_chart": _svg(figures.recall_limit("limit", shown, figures.largest_shown_m(diameters, shown)))
        if shown
        else None,
        "limit_keys": limit_keys(shown),
    }


def _series(report_input: ReportInput, every_period: Sequence[Census]) -> dict[str, Any]:
    """Liquid area over time, of all and of each site, and what is known from elsewhere."""
    total = survey_looks(report_input.survey, report_input.scenes)
    by_site = site_looks(report_input.timeseries, report_input.scenes)
    every_look = [*total, *(look for looks in by_site.values() for look in looks)]
    span = figures.time_span(every_look)
    sites = site_rows(report_input.sites, by_site, span)
    drawn = total if len(total) > 1 else []
    known = outside_of(report_input.context, report_input.study, every_period, span if drawn else None)
    return {
        "sites": sites,
        "added_heads": added_heads(report_input.sites),
        "places": places(report_input, sites, by_site, span),
        "most_chips": max((len(chips) for chips in report_input.strips.values()), default=0),
        "statuses": STATUSES,
        "confidences": CONFIDENCES,
        "sensors": sensor_keys(every_look),
        **_turnover(report_input),
        "n_looks": len(total),
        "n_unseen": sum(not look.is_seen for look in total),
        "first_chart": _chart("first", drawn, span, figures.FIRST_SIZE),
        "total_chart": _chart("total", drawn, span, figures.CHART_SIZE, known),
        "outside": known,
        "outside_words": outside,
        "count_chart": _count_chart(report_input, known, span) if drawn else None,
        "panels": _panels(known, span) if drawn else [],
    }


def _turnover(report_input: ReportInput) -> dict[str, Any]:
    """New and lost ponds by season, with their chart where there are any."""
    counted = turnover(report_input)
    has_any = counted is not None and any(season.n_new or season.n_lost for season in counted.seasons)
    chart = _svg(turnover_chart("turnover", counted.seasons)) if counted and has_any else None
    return {"turnover": counted, "turnover_chart": chart}


def _chart(
    name: str,
    looks: Sequence[Look],
    span: figures.Span | None,
    size: tuple[float, float],
    known: Outside | None = None,
) -> Markup | None:
    """Chart of area over time; None without a look."""
    if not looks or not span:
        return None
    events, left = (known.drawn, overlays.room_beside(known)) if known else ([], 0.0)
    return _svg(figures.area_over_time(name, looks, span, size, events=events, least_left=left))


def _count_chart(report_input: ReportInput, known: Outside, span: figures.Span | None) -> Markup | None:
    """Chart of the ponds at each look, below that of area."""
    counts = survey_looks(report_input.survey, report_input.scenes, COUNT)
    left = overlays.room_beside(known)
    return _svg(figures.count_over_time("count", counts, span, least_left=left)) if span else None


def _panels(known: Outside, span: figures.Span | None) -> list[tuple[str, Markup]]:
    """What is drawn below the charts of area and count, on their time axis, each with its name."""
    if span is None:
        return []
    drawn = overlays.panels(known, span, figures.chart_ticks(span, figures.CHART_SIZE))
    return [(title, _svg(text)) for title, text in drawn]


def limit_keys(limits: Sequence[tuple[str, float, SizeLimit]]) -> list[SensorKey]:
    """Sensors of the chart of what is counted, each with its limit in words."""
    keys = []
    for sensor, gsd_m, limit in limits:
        style = sensor_style(instrument(sensor, gsd_m))
        name = f"{words.sensor(sensor)}, {gsd_m:.3g} m: every second pond of {words.metres(limit.often_missed_below_m)}"
        sure = limit.reliable_from_m
        name += f" m, nine in ten of {words.metres(sure)} m" if math.isfinite(sure) else " m"
        keys.append(SensorKey(name, style.color, MARKERS[style.marker]))
    return keys


def sensor_keys(looks: Sequence[Look]) -> list[SensorKey]:
    """Sensors of the charts, for their legend."""
    keys = sorted({look.sensor for look in looks})
    styles = [sensor_style(key) for key in keys]
    return [
        SensorKey(words.sensor(key), style.color, MARKERS[style.marker])
        for key, style in zip(keys, styles, strict=True)
    ]


def _subtitle(report_input: ReportInput) -> str:
    """How many scenes, of which sensors, from when to when."""
    scenes = report_input.scenes
    when = sorted(time for time in map(words.moment, scenes["datetime"]) if time is not None)
    sensors = words.listed([words.sensor(key) for key in sorted({str(key) for key in scenes["sensor"]})])
    parts = [words.plural(len(scenes), "scene")]
    if sensors:
        parts.append(sensors)
    if when:
        first, last = words.day(when[0]), words.day(when[-1])
        parts.append(first if first == last else f"{first} to {last}")
    return " · ".join(parts)


def _with_explorer(scripts: tuple[str, ...], styles: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Scripts and style sheets of a page with a moving map, in the order in which they must run."""
    leaflet_script, leaflet_style = library()
    return (leaflet_script, asset("explorer.js"), *scripts), (leaflet_style, *styles)


def _policy(scripts: Sequence[str]) -> str:
    """Content security policy: no network at all, these scripts, inline styles, pictures inside the page."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii") for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _svg(text: str) -> Markup:
    """Mark a chart as ready: nothing in it comes from outside."""
    return Markup(text)  # noqa: S704
