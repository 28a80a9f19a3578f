"""``--to geoparquet``: GeoParquet 1.1 with a bounding box beside every outline; tables without outlines as Parquet."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pondscan.export.snapshot import Snapshot
from pondscan.tables import Column

VERSION: Final = "1.1.0"
"""Of the GeoParquet specification."""


def export(snapshot: Snapshot, folder: Path) -> tuple[str, ...]:
    """Write ``<table>.parquet`` for every table; each column carries its meaning as ``description``.

    Outlines are longitude and latitude in WGS84 (OGC:CRS84), which every reader knows without asking; areas are in the
    columns.

    Returns
    -------
    tuple of str
        What a user must know of it: nothing.
    """
    for name, layer in snapshot.layers.items():
        _write(folder / f"{name}.parquet", _geo_table(layer), snapshot.columns[name])
    for name, frame in snapshot.tables.items():
        _write(folder / f"{name}.parquet", _plain_table(frame), snapshot.columns[name])
    return ()


def _geo_table(layer: gpd.GeoDataFrame) -> pa.Table:
    buffer = io.BytesIO()
    lonlat = layer.to_crs("OGC:CRS84")
    lonlat.to_parquet(buffer, index=False, schema_version=VERSION, write_covering_bbox=True)
    return pq.read_table(pa.BufferReader(buffer.getvalue()))


def _plain_table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def _write(path: Path, table: pa.Table, columns: tuple[Column, ...]) -> None:
    meanings = {column.name: column.meaning for column in columns}
    fields = [
        field.with_metadata({"description": meanings[field.name]}) if field.name in meanings else field
        for field in table.schema
    ]
    pq.write_table(table.cast(pa.schema(fields, metadata=table.schema.metadata)), path, compression="zstd")
