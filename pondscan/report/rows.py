"""Rows of the report's tables: cells as text, with the exact value beside it for sorting and checking."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from geopandas import GeoDataFrame
from markupsafe import Markup

from pondscan.report import words
from pondscan.report.figures import Span, sparkline
from pondscan.report.inputs import COVERAGE_COLUMNS
from pondscan.report.looks import Look
from pondscan.report.map import anchor
from pondscan.report.palette import COVERAGE, kind_color
from pondscan.report.words import Z_95, number
from pondscan.tables import SITES, names


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: what is read, and the value of the products it stands for."""

    text: str
    value: str = ""
    """Exact value, empty where nothing is known; numbers sort by it."""


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site in the table and on its card."""

    site_id: str
    anchor: str
    """Id of the site's row in the table."""
    place: str
    """Id of its section."""
    status: str
    n_ponds: Cell
    pond_equivalents: Cell
    pond_area: Cell
    footprint: Cell
    confidence: Cell
    first_seen: Cell
    not_seen_before: str
    last_seen: Cell
    not_seen_since: str
    trend: Cell
    trend_interval: str
    spark: Markup
    added: list[Cell]
    """Of the columns that layers from elsewhere add, in the order of ``added_heads``."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a bar."""

    name: str
    color: str
    percent: float
    text: str


@dataclass(frozen=True, slots=True)
class SceneRow:
    """A scene: what it is, what it shows, what came of it."""

    scene_id: str
    when: Cell
    sensor: str
    product: str
    gsd_m: Cell
    calibrated: str
    is_raw: bool
    clear: Cell
    shares: list[Share]
    masked: str
    """Shares masked by reason, in words."""
    outcome: str
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class KindRow:
    """Ponds of one colour class."""

    name: str
    color: str
    n_ponds: Cell
    area: Cell
    share: str


def site_rows(sites: GeoDataFrame, looks: dict[str, list[Look]], span: Span | None) -> list[SiteRow]:
    """Sites, largest liquid area first, sites of unknown area last."""
    order = sites.sort_values(["pond_area_m2", "site_id"], ascending=[False, True], na_position="last")
    added = added_names(sites)
    return [_site_row(row, looks.get(str(row.site_id), []), span, added) for row in order.itertuples(index=False)]


def _site_row(row: Any, looks: list[Look], span: Span | None, added: list[str]) -> SiteRow:
    return SiteRow(
        site_id=str(row.site_id),
        anchor=anchor(str(row.site_id)),
        place=anchor(str(row.site_id), "place"),
        status=str(row.status),
        n_ponds=cell(words.count(row.n_ponds), row.n_ponds),
        pond_equivalents=cell(words.count(row.pond_equivalents), row.pond_equivalents),
        pond_area=with_sigma(row.pond_area_m2, row.pond_area_sigma_m2),
        footprint=cell(_hectares(row.footprint_m2), row.footprint_m2),
        confidence=cell(probability(row.confidence), row.confidence),
        first_seen=cell(words.day(row.first_seen), words.day(row.first_seen)),
        not_seen_before="" if pd.isna(row.not_seen_before) else words.day(row.not_seen_before),
        last_seen=cell(words.day(row.last_seen), words.day(row.last_seen)),
        not_seen_since="" if pd.isna(row.not_seen_since) else f"gone by {words.day(row.not_seen_since)}",
        trend=cell(_signed(row.trend_m2_per_year), row.trend_m2_per_year),
        trend_interval=_trend_interval(row),
        spark=Markup(sparkline(looks, span)) if span and looks else Markup(""),  # noqa: S704 (numbers and own colours)
        added=[_added_cell(getattr(row, name)) for name in added],
    )


def added_names(sites: GeoDataFrame) -> list[str]:
    """Columns that layers from elsewhere added to the sites."""
    own = {*names(SITES), str(sites.geometry.name)}
    return [str(name) for name in sites.columns if name not in own]


def added_heads(sites: GeoDataFrame) -> list[str]:
    """Heads of these columns: ``rivers, m away``, ``townships``, ``in control zones``."""
    return [_head(name) for name in added_names(sites)]


def _head(name: str) -> str:
    if name.endswith("_distance_m"):
        return f"{name.removesuffix('_distance_m')}, m away".replace("_", " ")
    if name.endswith("_within"):
        return f"in {name.removesuffix('_within')}".replace("_", " ")
    return name.removesuffix("_name").replace("_", " ")


def _added_cell(value: Any) -> Cell:
    """Cell of a distance, a name, or of whether a site lies within something."""
    if value is None or pd.isna(value):
        return Cell(words.NOT_KNOWN)
    if isinstance(value, bool | np.bool_):
        return Cell("yes" if value else "no", str(bool(value)).lower())
    return cell(value, value) if isinstance(value, str) else cell(words.rounded(float(value), 1.0), value)


def scene_rows(scenes: pd.DataFrame) -> list[SceneRow]:
    """Scenes in order of date, undated last."""
    records = scenes.to_dict("records")
    dated = [record for record in records if words.moment(record["datetime"]) is not None]
    undated = [record for record in records if words.moment(record["datetime"]) is None]
    dated.sort(key=lambda record: (words.minute(record["datetime"]), record["scene_id"]))
    undated.sort(key=lambda record: record["scene_id"])
    return [_scene_row(record) for record in [*dated, *undated]]


def _scene_row(scene: dict[Any, Any]) -> SceneRow:
    pixels = {name: float(scene[name]) for name in COVERAGE_COLUMNS if name != "outside"}
    inside = sum(pixels.values())
    shares = {name: amount / inside for name, amount in pixels.items() if amount > 0} if inside else {}
    clear = shares.get("clear", 0.0)
    masked = [f"{name} {words.percent(share)}" for name, share in shares.items() if name != "clear"]
    return SceneRow(
        scene_id=str(scene["scene_id"]),
        when=cell(words.minute(scene["datetime"]), words.minute(scene["datetime"])),
        sensor=words.sensor(scene["sensor"]),
        product=str(scene["product"]),
        gsd_m=cell(f"{float(scene['gsd_m']):.3g} m", scene["gsd_m"]),
        calibrated=words.CALIBRATION_NAMES.get(str(scene["calibrated"]), str(scene["calibrated"])),
        is_raw=scene["calibrated"] == "dn",
        clear=cell(words.percent(clear), clear),
        shares=[
            Share(name, COVERAGE[name], round(100 * part, 3), words.percent(part)) for name, part in shares.items()
        ],
        masked=", ".join(masked) or ("nothing masked" if inside else "no data"),
        outcome=_outcome(scene, clear),
        warnings=list(scene["warnings"]) if scene["warnings"] is not None else [],
    )


def _outcome(scene: dict[Any, Any], clear: float) -> str:
    """What came of a scene, as far as its row tells."""
    if clear == 0:
        return "nothing could be seen"
    n_ponds, n_candidates = number(scene.get("n_ponds")), number(scene.get("n_candidates"))
    if n_ponds is None:
        return "searched"
    seen = words.plural(n_ponds, "pond")
    return seen if n_candidates is None else f"{seen} of {words.plural(n_candidates, 'candidate')}"


def kind_rows(ponds: GeoDataFrame) -> list[KindRow]:
    """Ponds by colour class, most frequent first."""
    kinds = ponds["kind"].fillna("unknown").astype(str)
    areas: dict[str, list[float]] = {}
    for kind, area in zip(kinds, ponds["area_m2"], strict=True):
        areas.setdefault(kind, []).append(float(area))
    order = sorted(areas, key=lambda kind: (-len(areas[kind]), kind))
    return [
        KindRow(
            name=words.kind(kind),
            color=kind_color(kind),
            n_ponds=cell(words.count(len(areas[kind])), len(areas[kind])),
            area=cell(words.area(math.fsum(areas[kind])), math.fsum(areas[kind])),
            share=words.percent(len(areas[kind]) / len(ponds)),
        )
        for kind in order
    ]


def cell(text: str, value: Any) -> Cell:
    """Return a cell whose exact value is written out in full."""
    if value is None or pd.isna(value):
        return Cell(text)
    return Cell(text, value if isinstance(value, str) else repr(float(value)))


def with_sigma(area_m2: Any, sigma_m2: Any) -> Cell:
    """Area ± the half-width of its 95 % interval, in m²."""
    sigma = number(sigma_m2)
    return cell(words.plus_minus(area_m2, None if sigma is None else Z_95 * sigma), area_m2)


def probability(value: Any) -> str:
    """Probability with two decimals that never claims certainty."""
    known = number(value)
    if known is None:
        return words.NOT_KNOWN
    return "> 0.99" if known > 0.99 else f"{known:.2f}"


def _hectares(area_m2: Any) -> str:
    known = number(area_m2)
    return words.NOT_KNOWN if known is None else f"{known / 1e4:,.1f}"


def _signed(value: Any) -> str:
    known = number(value)
    return words.NOT_KNOWN if known is None else f"{known:+,.0f}".replace("-", "−")


def _trend_interval(row: Any) -> str:
    lower, upper = number(row.trend_lower_m2_per_year), number(row.trend_upper_m2_per_year)
    return "" if lower is None or upper is None else f"{_signed(lower)} … {_signed(upper)}"
