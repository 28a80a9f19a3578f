"""One scene's observations as GeoParquet, with all that is known of the scene in the file's metadata.

Such a file stands on its own: the ledger can be written again from it, and any reader of GeoParquet opens it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq

from pondscan.errors import WorkspaceError
from pondscan.store.atomic import storage_errors
from pondscan.store.records import StoredScene, canonical_json, stored_from_dict, stored_to_dict
from pondscan.tables import OBSERVATIONS, conform

METADATA_KEY = b"pondscan"
"""Key of the file's metadata that holds the scene's record and the SHA-256 of its other files, as JSON."""


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

    Raises
    ------
    WorkspaceError
        When the file is missing or damaged.
    """
    try:
        frame: gpd.GeoDataFrame = gpd.read_parquet(path)
        return conform(frame, OBSERVATIONS)
    except (OSError, pa.ArrowInvalid, ValueError) as error:
        raise WorkspaceError(_damaged(path)) from error


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


def _damaged(path: Path) -> str:
    return f"{path}: the observations of this scene are missing or damaged: forget the scene and run it again"
