"""``--to shapefile``: ponds, sites and observations as ESRI Shapefiles, in the GeoPackage's CRS.

The format dates from 1992: names have ten characters, there is no time of day, text ends after 254 bytes, and a file
after 2 GB. Long names are shortened as ``fields.csv`` lists them, times are ISO 8601 text, nulls stay nulls; text that
is cut is said, and a layer that does not fit is refused.
"""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio

from pondscan.errors import WorkspaceError
from pondscan.export.dictionary import dictionary_bytes
from pondscan.export.snapshot import Snapshot
from pondscan.export.values import plain_column, prepared
from pondscan.tables import Column

LONGEST_NAME = 10
LONGEST_TEXT = 254
"""Bytes."""
LARGEST_FILE = 2**31
"""Bytes, of the outlines and of the attributes alike."""

ALWAYS = "shapefiles shorten names to ten characters (fields.csv lists them) and keep times as text"

SHORT = {
    "area_sigma_m2": "area_sd_m2",
    "footprint_m2": "footpr_m2",
    "masked_fraction": "masked_fr",
    "n_neighbours": "n_neighb",
    "ndwi_contrast": "ndwi_contr",
    "not_seen_before": "not_before",
    "peak_fraction": "peak_fract",
    "pond_area_m2": "pondare_m2",
    "pond_area_sigma_m2": "pondasd_m2",
    "pond_equivalents": "pond_equiv",
    "shared_sigma_m2": "sharsd_m2",
    "trend_lower_m2_per_year": "trnd_lo_yr",
    "trend_m2_per_year": "trend_m2yr",
    "trend_upper_m2_per_year": "trnd_up_yr",
}
"""Names of columns whose own are too long; the unit stays where there is room."""


def export(snapshot: Snapshot, folder: Path) -> tuple[str, ...]:
    """Write ``<layer>.shp`` and what belongs to it for every layer, and ``fields.csv``: field, column, type, meaning.

    Returns
    -------
    tuple of str
        What the format could not keep.

    Raises
    ------
    WorkspaceError
        When a layer is too large for the format.
    """
    meanings: list[tuple[str, ...]] = []
    notes = [ALWAYS]
    for name, layer in snapshot.layers.items():
        columns = snapshot.columns[name]
        short = short_names(columns)
        frame = _plain(layer, columns)
        notes += [f"{name}.shp: {sentence}" for sentence in _cut_texts(frame, columns, short)]
        _write(folder / f"{name}.shp", frame.rename(columns=short))
        meanings += [(f"{name}.shp", short[one.name], one.name, one.kind, one.meaning) for one in columns]
    fields = ("file", "field", "column", "type", "meaning")
    (folder / "fields.csv").write_bytes(dictionary_bytes(meanings, fields))
    return tuple(notes)


def short_names(columns: tuple[Column, ...]) -> dict[str, str]:
    """Name of every column's field, at most ten characters, each once."""
    taken: dict[str, str] = {}
    for column in columns:
        wanted = SHORT.get(column.name, column.name)
        name, number = wanted[:LONGEST_NAME], 0
        while name in taken.values():
            number += 1
            name = wanted[: LONGEST_NAME - len(str(number))] + str(number)
        taken[column.name] = name
    return taken


def _plain(layer: gpd.GeoDataFrame, columns: tuple[Column, ...]) -> gpd.GeoDataFrame:
    """Times as ISO 8601 text, truths as 1 and 0: what the format has room for."""
    frame = prepared(layer, columns)
    texts = {
        column.name: pd.Series(plain_column(frame[column.name], column), index=frame.index, dtype="string")
        for column in columns
        if column.kind == "datetime"
    }
    return frame.assign(**texts).astype({column.name: "Int64" for column in columns if column.kind == "boolean"})


def _cut_texts(frame: pd.DataFrame, columns: tuple[Column, ...], short: dict[str, str]) -> list[str]:
    """Say which texts are longer than the format keeps."""
    sentences = []
    for column in columns:
        if column.kind != "string":
            continue
        length = frame[column.name].dropna().map(lambda text: len(text.encode()))
        n_cut = int((length > LONGEST_TEXT).sum())
        if n_cut:
            what = f"{n_cut} values of {column.name} ({short[column.name]}) are cut after {LONGEST_TEXT} bytes"
            sentences.append(f"{what}, which is all a shapefile holds: another format keeps them whole")
    return sentences


def _write(path: Path, frame: gpd.GeoDataFrame) -> None:
    texts: list[str] = list(frame.select_dtypes("string").columns)
    cut = {name: frame[name].map(_cut, na_action="ignore") for name in texts}
    try:
        pyogrio.write_dataframe(
            frame.assign(**cut),
            path,
            driver="ESRI Shapefile",
            geometry_type="Polygon",
            encoding="UTF-8",
            layer_options={"2GB_LIMIT": "YES", "SPATIAL_INDEX": "YES"},
        )
    except RuntimeError as error:
        message = f"{path.name}: cannot be written as a shapefile ({str(error).strip().rstrip('.')})"
        raise WorkspaceError(f"{message}: a file of it ends at 2 GB, take another format for this census") from error
    too_large = [file.name for file in path.parent.glob(f"{path.stem}.*") if file.stat().st_size >= LARGEST_FILE]
    if too_large:
        raise WorkspaceError(f"{too_large[0]}: larger than the 2 GB a shapefile may have: take another format")


def _cut(text: str) -> str:
    return text.encode()[:LONGEST_TEXT].decode(errors="ignore")
