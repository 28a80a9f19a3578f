"""One scene's observations as GeoParquet, with all that is known of the scene in the file's metadata.

Such a file stands on its own: the ledger can be written again from it, and any reader of GeoParquet opens it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import geopandas as gpd
import numpy as np
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

READERS = 2
"""Files read at once: decompressing releases the interpreter's lock."""

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


def read_observations(*paths: Path) -> list[gpd.GeoDataFrame]:
    """Read the candidates of scenes, a table for each, in the scene's CRS.

    A census reads as many such files as it holds scenes, so what costs the same for a small table as for a large one
    is done once for all of them; ``geopandas.read_parquet`` on each file takes a hundred times as long.

    Raises
    ------
    WorkspaceError
        When a file is missing or damaged.
    """
    if not paths:
        return []
    with ThreadPoolExecutor(READERS) as executor:
        tables = list(executor.map(_read, paths))
    joined = pa.concat_tables([table for table, _ in tables], promote_options="permissive")
    outline = shapely.from_wkb(joined["geometry"].to_numpy())
    columns = joined.select(names(OBSERVATIONS)).to_pandas(ignore_metadata=True, types_mapper=NULLABLE.get)
    frame, found = conform(columns, OBSERVATIONS), dict[int, gpd.GeoDataFrame]()
    owner = np.repeat(np.arange(len(paths)), [len(table) for table, _ in tables])
    for crs, scenes in _by_crs([crs for _, crs in tables]):
        rows = np.flatnonzero(np.isin(owner, scenes))
        geometry = gpd.array.GeometryArray(outline[rows], crs=crs)
        together = gpd.GeoDataFrame(frame.iloc[rows], geometry=geometry)
        stop = np.searchsorted(owner[rows], scenes, side="right").tolist()
        found |= {one: together.iloc[a:b] for one, a, b in zip(scenes, [0, *stop], stop, strict=False)}
    return [found[number].reset_index(drop=True) for number in range(len(paths))]


def _by_crs(of_scenes: Sequence[pyproj.CRS]) -> list[tuple[pyproj.CRS, list[int]]]:
    """Numbers of the scenes of each CRS, ascending."""
    groups: dict[int, tuple[pyproj.CRS, list[int]]] = {}
    for number, crs in enumerate(of_scenes):
        groups.setdefault(id(crs), (crs, []))[1].append(number)  # `_crs` gives one object for one CRS
    return list(groups.values())


def _read(path: Path) -> tuple[pa.Table, pyproj.CRS]:
    """Columns and outlines (WKB) of one file, and the CRS they are in."""
    try:
        with pq.ParquetFile(path) as file:
            described = json.loads(file.schema_arrow.metadata[b"geo"])["columns"]["geometry"]["crs"]
            table = file.read([*names(OBSERVATIONS), "geometry"], use_threads=False)
        missing = {*names(OBSERVATIONS), "geometry"} - set(table.column_names)
        if missing:
            raise WorkspaceError(_damaged(path))
        return table.replace_schema_metadata(None), _crs(json.dumps(described))
    except (OSError, pa.ArrowInvalid, ValueError, KeyError, TypeError) as error:
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


@lru_cache(maxsize=64)
def _crs(projjson: str) -> pyproj.CRS:
    """Understand a CRS, one and the same object for all files that name it."""
    return pyproj.CRS.from_json(projjson)


def _damaged(path: Path) -> str:
    return f"{path}: the observations of this scene are missing or damaged: forget the scene and run it again"
