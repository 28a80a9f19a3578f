"""The GeoPackage that a reviewer opens in QGIS: ponds with an empty verdict, and how they were when handed out."""

from __future__ import annotations

from datetime import datetime
from importlib import resources
from pathlib import Path

import pandas as pd
from geopandas import GeoDataFrame

from pondscan.export.geopackage import Layer, write_layers, write_tables
from pondscan.store import atomic
from pondscan.tables import PONDS, VERDICTS, Column

PONDS_LAYER = "ponds"
HANDED_OUT = "handed_out"
"""Table that remembers which ponds were handed out, with which outline: what is missing or moved was edited."""

_TOLD = {column.name: column for column in PONDS}
_SAID = {column.name: column for column in VERDICTS}

COLUMNS: tuple[Column, ...] = (
    *(_SAID[name] for name in ("verdict", "note", "reviewer", "judged")),
    *(
        _TOLD[name]
        for name in (
            *("pond_id", "confidence", "kind", "status", "area_m2", "area_sigma_m2", "diameter_m", "site_id"),
            *("first_seen", "last_seen", "n_seen", "n_clear", "sensor", "scene_id"),
        )
    ),
    Column("weight", "number", "ponds that this one stands for in a sample"),
)
"""What a reviewer fills in comes first."""


def write_review(path: Path, chosen: GeoDataFrame, *, newest: datetime | None) -> None:
    """Write ponds for review; a file that is there is replaced.

    Parameters
    ----------
    path
        Ends in ``.gpkg``.
    chosen
        Columns ``tables.PONDS`` and `weight`, in a metric CRS.

    Raises
    ------
    WorkspaceError
        When the file cannot be written.
    """
    never = pd.Series(pd.NaT, chosen.index, dtype="datetime64[us, UTC]")
    frame = chosen.assign(verdict="", note="", reviewer="", judged=never)
    words = ["verdict", "note", "reviewer"]
    frame[words] = frame[words].astype("string").mask(frame[words] == "")
    style = resources.files("pondscan.review").joinpath("styles", "review.qml").read_text("utf-8")
    layer = Layer(PONDS_LAYER, frame, COLUMNS, "Ponds to judge: accepted, rejected or unsure", style)
    handed_out = pd.DataFrame({"pond_id": chosen["pond_id"], "outline": chosen.geometry.to_wkt(rounding_precision=3)})
    with atomic.replacing(path) as temporary:
        write_layers(temporary, [layer], crs=chosen.crs, newest=newest)
        write_tables(temporary, {HANDED_OUT: handed_out}, newest=newest)
