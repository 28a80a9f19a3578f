"""One scene's observations as GeoParquet, with all that is known of the scene in the file's metadata.

Such a file stands on its own: the ledger can be written again from it, and any reader of GeoParquet opens it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

from pondscan.errors import WorkspaceError
from pondscan.store.atomic import storage_errors
from pondscan.store.records import StoredScene, canonical_json, stored_from_dict, stored_to_dict
from pondscan.tables import OBSERVATIONS, conform, names

METADATA_KEY = b"pondscan"
"""Key of the file's metadata that holds the scene's record and the SHA-256 of its other files, as JSON."""

NULLABLE = {pa.string(): pd.StringDtype(), pa.large_string(): pd.StringDtype(), pa.int64(): pd.Int64Dtype()}
"""What columns become in memory, so that ``tables.conform`` finds them right."""


def write_observations(
    path: Path, observations: gpd.GeoDataFrame, stored: StoredScene, hashes: Mapping[str, str]
) -> None:
    """Write a scene's candidates, sorted by object_id, with the scene's record and the SHA-256 of its other files.

    Raises
    ------
    ValueError
        When a column of ``tables.OBSERVATIONS`` is missing.
    WorkspaceError
        When the file cannot be written.
    """
    frame = conform(observations, OBSERVATIONS).sort_values("object_id", ignore_index=True)
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, write_covering_bbox=False)
    table = pq.read_table(pa.BufferReader(buffer.getvalue()))
    record = canonical_json({"record": stored_to_dict(stored), "sha256": dict(hashes)})
    with storage_errors(path):
        pq.write_table(
            table.replace_schema_metadata({**table.schema.metadata, METADATA_KEY: record.encode()}),
            path,
            compression="zstd",
        )


def read_observations(path: Path) -> gpd.GeoDataFrame:
    """Read a scene's candidates, in the scene's CRS.

    A census reads as many such files as it holds scenes: ``geopandas.read_parquet`` takes thirty times as long on a
    small one, most of it for understanding one CRS over and over.

    Raises
    ------
    WorkspaceError
        When the file is missing or damaged.
    """
    try:
        table = pq.read_table(path, partitioning=None)
        crs = _crs(json.dumps(json.loads(table.schema.metadata[b"geo"])["columns"]["geometry"]["crs"]))
        outline = shapely.from_wkb(table["geometry"].to_numpy())
        frame = table.select(names(OBSERVATIONS)).to_pandas(ignore_metadata=True, types_mapper=NULLABLE.get)
    except (OSError, pa.ArrowInvalid, ValueError, KeyError, TypeError, shapely.errors.ShapelyError) as error:
        raise WorkspaceError(_damaged(path)) from error
    return gpd.GeoDataFrame(conform(frame, OBSERVATIONS), geometry=gpd.array.GeometryArray(outline, crs=crs))


def read_record(path: Path) -> tuple[StoredScene, dict[str, str]]:
    """Read the scene's record, and the SHA-256 of its other files by folder, from a file's metadata.

    Raises
    ------
    WorkspaceError
        When the file is damaged or was not written by pondscan.
    """
    try:
        document = json.loads(pq.read_schema(path).metadata[METADATA_KEY])
        return stored_from_dict(document["record"]), dict(document["sha256"])
    except (OSError, pa.ArrowInvalid, ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(_damaged(path)) from error


@lru_cache(maxsize=64)
def _crs(projjson: str) -> pyproj.CRS:
    """Understand a CRS, one and the same object for all files that name it."""
    return pyproj.CRS.from_json(projjson)


def _damaged(path: Path) -> str:
    return f"{path}: the observations of this scene are missing or damaged: forget the scene and run it again"
