"""``--to csv``: every table as CSV; outlines as WKT in WGS84 beside the longitude and latitude of a point inside."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import shapely

from pondscan.export.csv import csv_bytes
from pondscan.export.dictionary import dictionary_bytes
from pondscan.export.geojson import lonlat_polygons
from pondscan.export.snapshot import Snapshot
from pondscan.tables import Column

PLACE = (
    Column("lon", "number", "a point inside the outline, degrees east, WGS84"),
    Column("lat", "number", "a point inside the outline, degrees north, WGS84"),
)
OUTLINE = Column("wkt", "string", "outline as well-known text, longitude and latitude in WGS84")


def export(snapshot: Snapshot, folder: Path) -> tuple[str, ...]:
    """Write ``<table>.csv`` for every table, and ``columns.csv``, which says what the columns mean.

    Returns
    -------
    tuple of str
        What a user must know of it: nothing.
    """
    meanings: list[tuple[str, ...]] = []
    for name, columns in snapshot.columns.items():
        frame, written = snapshot.tables.get(name), columns
        if frame is None:
            frame, written = _placed(snapshot.layers[name], columns)
        (folder / f"{name}.csv").write_bytes(csv_bytes(frame, written))
        meanings += [(f"{name}.csv", column.name, column.kind, column.meaning) for column in written]
    (folder / "columns.csv").write_bytes(dictionary_bytes(meanings))
    return ()


def _placed(layer: gpd.GeoDataFrame, columns: tuple[Column, ...]) -> tuple[gpd.GeoDataFrame, tuple[Column, ...]]:
    """Add the place to a layer where it has none, and the outline."""
    outlines = lonlat_polygons(layer.geometry)
    inside = shapely.point_on_surface(outlines)
    added = {} if columns_have_place(columns) else {"lon": shapely.get_x(inside), "lat": shapely.get_y(inside)}
    place = PLACE if added else ()
    text = shapely.to_wkt(outlines, rounding_precision=7)
    return layer.assign(**added, wkt=text), (*columns, *place, OUTLINE)


def columns_have_place(columns: tuple[Column, ...]) -> bool:
    """Whether a table says longitude and latitude itself."""
    return {"lon", "lat"} <= {column.name for column in columns}
