"""The sample of a survey as files: a GeoPackage for QGIS (and for the page), and a CSV with the same units.

The GeoPackage is the survey's memory: what was drawn, from how many, and by which settings. Its layer of ponds is that
of `pondscan review export`, so `pondscan review apply` takes the same verdicts into the census.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pyogrio.errors
from geopandas import GeoDataFrame

from pondscan.errors import InputError
from pondscan.export.geopackage import Layer, write_layers, write_tables
from pondscan.review.design import Design
from pondscan.review.package import COLUMNS, HANDED_OUT, PONDS_LAYER
from pondscan.store import atomic
from pondscan.tables import VERDICTS, Column

SQUARES_LAYER, STRATA, FACTS = "squares", "strata", "survey"

N_PONDS = Column("n_ponds", "integer", "how many ponds there are in it; empty: one when accepted, none when rejected")
POND_AREA = Column("pond_area_m2", "number", "their liquid area, where no outline was drawn for them")

_SAID = {column.name: column for column in VERDICTS}
_STRATUM = Column("stratum", "string", "stratum of the sample")

POND_COLUMNS: tuple[Column, ...] = (
    COLUMNS[0],
    N_PONDS,
    *COLUMNS[1:],
    _STRATUM,
    Column("gsd_m", "number", "ground sample distance of its sensor"),
    Column("shared_sigma_m2", "number", "part of `area_sigma_m2` that all ponds have in common"),
)
SQUARE_COLUMNS: tuple[Column, ...] = (
    Column(
        "verdict", "string", "accepted: there are ponds in it that no outline shows; rejected: there are none; unsure"
    ),
    N_PONDS,
    POND_AREA,
    *(_SAID[name] for name in ("note", "reviewer", "judged")),
    Column("square_id", "string", "identity of the square, from its place"),
    _STRATUM,
    Column("weight", "number", "squares that this one stands for"),
)
CSV_COLUMNS = ("unit_id", "stratum", "lon", "lat", "verdict", "n_ponds", "pond_area_m2", "note", "reviewer", "judged")


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A survey's GeoPackage, as it is on disk now."""

    path: Path
    ponds: GeoDataFrame
    squares: GeoDataFrame
    strata: pd.DataFrame
    """`stratum`, `sort` (mapped, doubted, ground), `n_units`, `n_sample`, `mapped_m2`."""
    handed_out: pd.DataFrame
    """`pond_id`, `stratum`, `outline` (WKT) and what was measured, as they were handed out."""
    facts: dict[str, str]


def write_sheet(path: Path, design: Design, *, target: str, newest: datetime | None) -> Path:
    """Write a sample as GeoPackage, and beside it as CSV; files that are there are replaced.

    Returns
    -------
    Path
        The CSV.

    Raises
    ------
    WorkspaceError
        When a file cannot be written.
    """
    ponds, squares = _to_fill_in(design.ponds), _to_fill_in(design.squares).assign(pond_area_m2=float("nan"))
    style = resources.files("pondscan.review").joinpath("styles", "review.qml").read_text("utf-8")
    layers = [
        Layer(PONDS_LAYER, ponds, POND_COLUMNS, "Outlines to judge", style),
        Layer(
            SQUARES_LAYER,
            squares,
            SQUARE_COLUMNS,
            "Squares of ground: how many ponds have no outline here?",
            style,
        ),
    ]
    measured = ["pond_id", "stratum", "site_id", "area_m2", "area_sigma_m2", "shared_sigma_m2", "diameter_m", "gsd_m"]
    handed_out = pd.DataFrame(design.ponds[measured]).assign(outline=design.ponds.geometry.to_wkt(rounding_precision=3))
    with atomic.replacing(path) as temporary:
        write_layers(temporary, layers, crs=design.squares.crs, newest=newest)
        tables = {HANDED_OUT: handed_out, STRATA: design.strata, FACTS: _facts(design, target)}
        write_tables(temporary, tables, newest=newest)
    csv = path.with_suffix(".csv")
    atomic.write_bytes(csv, _as_csv(design).to_csv(index=False, lineterminator="\n").encode())
    return csv


def _to_fill_in(frame: GeoDataFrame) -> GeoDataFrame:
    """Add the columns that a reviewer fills in, all of them null."""
    words = pd.Series(pd.NA, frame.index, dtype="string")
    never = pd.Series(pd.NaT, frame.index, dtype="datetime64[us, UTC]")
    number = pd.Series(pd.NA, frame.index, dtype="Int64")
    return frame.assign(verdict=words, n_ponds=number, note=words, reviewer=words, judged=never)


def read_sheet(path: Path) -> Sheet:
    """Read the GeoPackage of a survey, judged or not.

    Raises
    ------
    InputError
        When it is no survey of `pondscan survey design`.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file: give the GeoPackage of `pondscan survey design`")
    try:
        names = {str(name) for name, _ in pyogrio.list_layers(path)}
        if not {PONDS_LAYER, SQUARES_LAYER, STRATA, FACTS, HANDED_OUT} <= names:
            raise InputError(f"{path}: this is no survey: give the GeoPackage of `pondscan survey design`")
        facts = pyogrio.read_dataframe(path, layer=FACTS)
        return Sheet(
            path,
            gpd.read_file(path, layer=PONDS_LAYER),
            gpd.read_file(path, layer=SQUARES_LAYER),
            pyogrio.read_dataframe(path, layer=STRATA),
            pyogrio.read_dataframe(path, layer=HANDED_OUT),
            dict(zip(facts["fact"].astype(str), facts["value"].astype(str), strict=True)),
        )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, KeyError) as error:
        message = f"{path}: this cannot be read as a survey"
        raise InputError(
            f"{message}: give the GeoPackage of `pondscan survey design`, or draw the sample anew"
        ) from error


def _facts(design: Design, target: str) -> pd.DataFrame:
    facts = {
        "ground_m2": repr(design.ground_m2),
        "region_m2": repr(design.region_m2),
        "expected_ponds": repr(design.expected_ponds),
        "seed": str(design.seed),
        "target": target,
    }
    return pd.DataFrame({"fact": list(facts), "value": list(facts.values())})


def _as_csv(design: Design) -> pd.DataFrame:
    """Units of a sample, a line each, with empty columns to fill in."""
    parts = [
        pd.DataFrame({"unit_id": frame[key], "stratum": frame["stratum"], "lon": centre.x, "lat": centre.y})
        for frame, key in ((design.ponds, "pond_id"), (design.squares, "square_id"))
        for centre in (frame.geometry.centroid.to_crs("OGC:CRS84"),)
    ]
    table = pd.concat(parts, ignore_index=True).round({"lon": 6, "lat": 6})
    return table.reindex(columns=list(CSV_COLUMNS))
