"""The columns of every table, in order, with unit and meaning: the one place they are written down.

``docs/products.md`` is printed from here, and the writers take names and types from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    import pandas as pd

Table = TypeVar("Table", bound="pd.DataFrame")

Kind = Literal["string", "integer", "number", "datetime", "boolean"]

DTYPES: dict[Kind, str] = {
    "string": "string",
    "integer": "Int64",
    "number": "float64",
    "datetime": "datetime64[us, UTC]",
    "boolean": "boolean",
}
"""How pandas holds each kind; every one of them knows null."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    kind: Kind
    meaning: str


OBSERVATIONS = (
    Column("scene_id", "string", "scene the candidate was seen in"),
    Column("object_id", "integer", "number of the candidate in the scene, by row then column of its peak"),
    Column("x", "number", "centroid, easting in the table's CRS, metres (the scene's own in `observations/`)"),
    Column("y", "number", "centroid, northing in the table's CRS, metres (the scene's own in `observations/`)"),
    Column("lon", "number", "centroid, degrees east, WGS84"),
    Column("lat", "number", "centroid, degrees north, WGS84"),
    Column("area_m2", "number", "liquid area: water fraction summed over the object and its blur"),
    Column("area_sigma_m2", "number", "standard deviation of `area_m2`"),
    Column("shared_sigma_m2", "number", "part of `area_sigma_m2` common to the ponds of the scene (adds linearly)"),
    Column("diameter_m", "number", "diameter of the disc of the same area"),
    Column("pond_equivalents", "number", "how many ponds the water amounts to where they cannot be told apart, else 1"),
    Column(
        "kind", "string", "colour class: turquoise, milky, white, dark, algal, brown, yellow_green, meshed, unknown"
    ),
    Column("confidence", "number", "probability that the object is the target, from this scene alone"),
    Column("n_pixels", "integer", "pixels of the segment"),
    Column("peak_fraction", "number", "highest water fraction of a pixel, 0 to 1 and a little beyond (noise)"),
    Column("snr", "number", "contrast of the object against its background, in background standard deviations"),
    Column("ndwi_peak", "number", "NDWI of the wettest pixel"),
    Column("ndwi_contrast", "number", "NDWI of the wettest pixel less that of the background"),
    Column("visible", "number", "mean liquid reflectance in blue, green and red"),
    Column("elongation", "number", "ratio of the axes of the fraction's second moments, 1 for a disc"),
    Column("solidity", "number", "share of the convex outline that is filled"),
    Column("bareness", "number", "how bare the ground around is, 0 vegetated to 1 bare"),
    Column("n_neighbours", "integer", "candidates of like size within 60 m"),
    Column("masked_fraction", "number", "share of the object's pixels under a cloud or shadow mask"),
    Column(
        "flags",
        "string",
        "`;`-joined: `cloud_flag` (bright compact object inside a cloud mask), `edge` (cut by the scene's edge), "
        "`drawn` (outline and area of a reviewer, in the GeoPackage alone)",
    ),
    Column("rejected", "string", "why the candidate is no pond, empty when it may be one (kept with --keep-rejected)"),
)
"""A candidate in one scene; `observations/<scene_id>.parquet` (GeoParquet, scene's CRS, outline as geometry)."""

EVIDENCE = (
    Column("x", "number", "centroid, easting in the scene's CRS, metres"),
    Column("y", "number", "centroid, northing in the scene's CRS, metres"),
    Column("area_m2", "number", "liquid area"),
    Column("area_sigma_m2", "number", "its standard deviation"),
    Column("log_odds", "number", "log-odds that it is the target, from this scene alone; null where it was rejected"),
    Column("ndwi_peak", "number", "NDWI of the wettest pixel"),
    Column("visible", "number", "mean liquid reflectance in blue, green and red"),
)
"""Everything measured in one scene, however unlikely; `evidence/<scene_id>.parquet` (in the scene's CRS)."""

PONDS = (
    Column("pond_id", "string", "identity over all dates, from the place of the first observation"),
    Column("site_id", "string", "site the pond belongs to, null when it stands alone"),
    Column("status", "string", "present, covered, unobserved or gone, at the newest look"),
    Column("kind", "string", "colour class at the latest clear look that saw it"),
    Column("confidence", "number", "calibrated probability that this is the target, from all looks"),
    Column("area_m2", "number", "liquid area"),
    Column("area_sigma_m2", "number", "its standard deviation"),
    Column("diameter_m", "number", "diameter of the disc of the same area"),
    Column("pond_equivalents", "number", "ponds of the site's usual size that the water amounts to"),
    Column("first_seen", "datetime", "first look that saw it"),
    Column(
        "not_seen_before",
        "datetime",
        "last clear look before `first_seen` that did not see it (nor is likely to have overlooked it); null when none",
    ),
    Column("last_seen", "datetime", "last look that saw it"),
    Column("n_seen", "integer", "looks that saw it"),
    Column("n_clear", "integer", "looks that could have seen it"),
    Column("sensor", "string", "sensor of the look that geometry and area come from"),
    Column("scene_id", "string", "scenes of that look, joined by `;`"),
)

SITES = (
    Column("site_id", "string", "identity of the site"),
    Column("status", "string", "present, covered, unobserved or gone"),
    Column("n_ponds", "integer", "ponds present at the latest look"),
    Column("pond_equivalents", "number", "ponds of the site's usual size that the water amounts to"),
    Column("pond_area_m2", "number", "liquid area of the ponds present"),
    Column("pond_area_sigma_m2", "number", "its standard deviation"),
    Column("footprint_m2", "number", "area of the worked ground around the ponds (the polygon)"),
    Column("confidence", "number", "probability that at least `min_ponds` of its ponds are real"),
    Column("first_seen", "datetime", "earliest first_seen of its ponds"),
    Column("not_seen_before", "datetime", "last clear look before that, null when none"),
    Column("last_seen", "datetime", "latest last_seen of its ponds"),
    Column(
        "trend_m2_per_year",
        "number",
        "robust trend of liquid area, of one sensor and equal seasons; null below four clear looks over a year, or "
        "where gaps leave too few to compare",
    ),
    Column("trend_lower_m2_per_year", "number", "its 95 % interval, lower end"),
    Column("trend_upper_m2_per_year", "number", "its 95 % interval, upper end"),
    Column(
        "not_seen_since",
        "datetime",
        "first clear look after `last_seen` without liquid: it closed between the two; null unless gone",
    ),
    Column(
        "began_after",
        "datetime",
        "95 % interval of the day its first ponds came, from all looks together: earliest; null where no look is sure "
        "that they were not there",
    ),
    Column("began_by", "datetime", "latest; null where no look is sure of them"),
    Column("ended_after", "datetime", "95 % interval of the day its last ponds went, earliest; null unless gone"),
    Column("ended_by", "datetime", "latest; null unless gone, or where no look is sure that they were not there"),
)

TIMESERIES = (
    Column("site_id", "string", "site"),
    Column("datetime", "datetime", "time of the look"),
    Column("scene_id", "string", "scenes of the look, joined by `;`"),
    Column("sensor", "string", "sensor"),
    Column("n_ponds", "integer", "ponds seen; empty when unseen, 0 only after a clear look"),
    Column("pond_equivalents", "number", "ponds of the site's usual size; empty when unseen"),
    Column("area_m2", "number", "liquid area seen, not scaled up; empty when unseen"),
    Column(
        "area_sigma_m2",
        "number",
        "its standard deviation against all the liquid in sight: ponds too small for the look's pixels are in it",
    ),
    Column("observed_fraction", "number", "share of the site's footprint that the look saw clear"),
    Column("status", "string", "present, covered, unobserved or gone, at this look"),
    Column(
        "area_bias_m2",
        "number",
        "liquid that the look is expected to leave out, less what it counts with doubt: a part of `area_sigma_m2` that "
        "looks of one sensor have in common",
    ),
)

SURVEY = (
    Column("period", "string", "`look`, `season` or `year`"),
    Column("period_start", "datetime", "first instant of the period"),
    Column("period_end", "datetime", "last instant of the period"),
    Column("n_scenes", "integer", "scenes used"),
    Column("n_sites", "integer", "sites with ponds"),
    Column("n_sites_lower", "integer", "95 % measurement interval, lower end"),
    Column("n_sites_upper", "integer", "95 % measurement interval, upper end"),
    Column("n_ponds", "integer", "ponds at sites and alone"),
    Column("n_ponds_lower", "integer", "95 % measurement interval, lower end"),
    Column("n_ponds_upper", "integer", "95 % measurement interval, upper end"),
    Column("n_ponds_isolated", "integer", "of these, ponds that belong to no site"),
    Column("pond_equivalents", "number", "ponds of the usual size that the water amounts to"),
    Column("pond_area_m2", "number", "liquid area"),
    Column("pond_area_lower_m2", "number", "95 % measurement interval, lower end"),
    Column("pond_area_upper_m2", "number", "95 % measurement interval, upper end"),
    Column("footprint_m2", "number", "worked ground of the sites"),
    Column("envelope_m2", "number", "convex hull around the sites"),
    Column("observed_fraction", "number", "share of the area of interest that was seen clear"),
    Column(
        "corrected_from_diameter_m",
        "number",
        "diameter from which corrected counts speak: every other pond shows; empty like them where nothing can be said",
    ),
    Column(
        "n_ponds_corrected", "number", "ponds of that diameter and more, corrected for the measured chance to be missed"
    ),
    Column("n_ponds_corrected_lower", "number", "its 95 % interval, that of the detection curve included, lower end"),
    Column("n_ponds_corrected_upper", "number", "its 95 % interval, upper end"),
    Column(
        "n_sites_corrected",
        "number",
        "sites with two such ponds and more, corrected likewise; from pixels of some 10 m",
    ),
    Column("n_sites_corrected_lower", "number", "its 95 % interval, lower end"),
    Column("n_sites_corrected_upper", "number", "its 95 % interval, upper end"),
    Column(
        "common_from_diameter_m",
        "number",
        "diameter from which the coarsest pixels that counted any pond count every other one: the same in all rows",
    ),
    Column(
        "n_ponds_common",
        "integer",
        "ponds of that diameter and more among `n_ponds`: what may be compared between periods of different sensors",
    ),
    Column("pond_area_common_m2", "number", "their liquid area"),
)

VERDICTS = (
    Column("verdict", "string", "accepted, rejected or unsure"),
    Column("pond_id", "string", "id of the pond when it was judged, null for one that a reviewer added"),
    Column("is_drawn", "boolean", "whether the outline is the reviewer's own, not the one that was measured"),
    Column("scene_id", "string", "scenes the outline is of, joined by `;`; null where the reviewer named none"),
    Column("reviewer", "string", "who judged"),
    Column("judged", "datetime", "when"),
    Column("note", "string", "what the reviewer wrote beside it"),
)
"""What a reviewer said of a pond; of several verdicts on one pond the newest counts."""

ALIASES = (
    Column("old_id", "string", "an id that earlier products used"),
    Column("new_id", "string", "the id it goes by now"),
    Column("reason", "string", "why it changed"),
)

ALERTS = (
    Column("alert_id", "string", "made from rule, site and look: the same change always has the same one"),
    Column("rule", "string", "why it was raised, one of the rules in `docs/monitoring.md`"),
    Column("tier", "string", "watch, warning or critical"),
    Column("site_id", "string", "site it speaks of, by the name it had then; null for the monitor itself"),
    Column("datetime", "datetime", "look at which it happened, or since when nothing came; null when none"),
    Column("scene_id", "string", "scenes of that look, joined by `;`"),
    Column("n_ponds", "integer", "ponds at the site at that look; for `new_ponds` the new ones"),
    Column("area_m2", "number", "their liquid area"),
    Column("growth_percent_per_30_days", "number", "for `growth`: rate since the look compared with"),
    Column("source", "string", "for `failures`: the input with a stamp of its content, or `pass`"),
    Column("message", "string", "all of it in a sentence"),
    Column("raised_at", "datetime", "when the monitor noticed"),
)


def names(table: tuple[Column, ...]) -> list[str]:
    """Column names of a table, in order."""
    return [column.name for column in table]


def no_rows(table: tuple[Column, ...]) -> pd.DataFrame:
    """Return a table without rows."""
    import pandas as pd

    return conform(pd.DataFrame({name: [] for name in names(table)}), table)


def conform(frame: Table, table: tuple[Column, ...]) -> Table:
    """Give a frame exactly the columns of a table, in order and of their types, and its geometry if it has one.

    Raises
    ------
    ValueError
        Naming the columns that are missing.
    """
    missing = [name for name in names(table) if name not in frame.columns]
    if missing:
        raise ValueError(f"the table lacks the columns {', '.join(missing)}")
    columns = names(table) + (["geometry"] if "geometry" in frame.columns else [])
    ordered = frame if list(frame.columns) == columns else frame[columns]
    present = dict(zip(columns, map(str, ordered.dtypes), strict=True))
    wanted = {column.name: DTYPES[column.kind] for column in table}
    wrong = {name: dtype for name, dtype in wanted.items() if present[name] != dtype}
    return ordered.astype(wrong) if wrong else ordered
