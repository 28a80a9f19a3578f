"""The published tables of a census as they were put in place together: what every export is made from."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely

from pondscan.config import ContextLayer
from pondscan.context.layers import columns as added_columns
from pondscan.errors import WorkspaceError
from pondscan.export.geojson import geojson_bytes
from pondscan.export.geopackage import LAYERS
from pondscan.tables import ALIASES, DTYPES, SURVEY, TIMESERIES, Column, Table, conform

GEOPACKAGE = "pondscan.gpkg"
TABLES: dict[str, tuple[Column, ...]] = {"timeseries": TIMESERIES, "survey": SURVEY, "aliases": ALIASES}
"""Tables without geometry, each published as ``<name>.csv``."""

OPENED_SINCE = (
    f"{GEOPACKAGE} has been written to by another program since it was published (QGIS does so on opening it): its "
    "ponds and sites are as published, its observations could not be checked"
)


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A published census."""

    name: str
    """What the workspace's folder is called."""
    layers: Mapping[str, gpd.GeoDataFrame]
    """``ponds``, ``sites`` and ``observations``, polygons in the GeoPackage's CRS, rows sorted by id."""
    tables: Mapping[str, pd.DataFrame]
    """``timeseries``, ``survey`` and ``aliases``."""
    columns: Mapping[str, tuple[Column, ...]]
    """Columns of every layer and table, in order."""
    document: Mapping[str, Any]
    """``run.json``."""
    contents: Mapping[str, bytes]
    """Bytes of every product, by its file's name."""
    notes: tuple[str, ...] = ()
    """Sentences a user of any export must know."""

    @property
    def acquired(self) -> list[datetime]:
        """Times of the scenes, oldest first."""
        times = [scene["datetime"] for scene in self.document["scenes"] if scene.get("datetime")]
        return sorted(datetime.fromisoformat(time) for time in times)


def snapshot_of(name: str, document: Mapping[str, Any], contents: Mapping[str, bytes], *, is_whole: bool) -> Snapshot:
    """Read the tables from the bytes of the products.

    Parameters
    ----------
    name
        What the workspace's folder is called.
    document
        ``run.json``.
    contents
        Product's name → its bytes, ``run.json`` among them.
    is_whole
        Whether the GeoPackage is byte for byte what was published; if not, it must say the same as the GeoJSON.

    Raises
    ------
    WorkspaceError
        When a product cannot be read, or the GeoPackage was edited.
    """
    tables = {table: _read_csv(f"{table}.csv", contents[f"{table}.csv"], columns) for table, columns in TABLES.items()}
    columns = {layer: known for layer, (known, _) in LAYERS.items()}
    columns["sites"] = (*columns["sites"], *added_to_sites(document))
    layers = _read_layers(contents[GEOPACKAGE], columns)
    if not is_whole:
        for layer in ("ponds", "sites"):
            if geojson_bytes(layers[layer], columns[layer]) != contents[f"{layer}.geojson"]:
                message = f"{GEOPACKAGE}: its {layer} were edited since it was published"
                raise WorkspaceError(f"{message}: `pondscan run` with any scene of the census publishes it anew")
    notes = () if is_whole else (OPENED_SINCE,)
    return Snapshot(name, layers, tables, {**columns, **TABLES}, document, contents, notes)


def added_to_sites(document: Mapping[str, Any]) -> tuple[Column, ...]:
    """Columns that layers from elsewhere added to the sites."""
    named = document["settings"].get("context", {}).get("layers", ())
    return added_columns(ContextLayer.model_validate(layer) for layer in named)


def _read_layers(content: bytes, columns: Mapping[str, tuple[Column, ...]]) -> dict[str, gpd.GeoDataFrame]:
    """Read from a copy of its own: one that QGIS has open stands in a mode in which reading it writes beside it."""
    with tempfile.TemporaryDirectory(prefix="pondscan-") as folder:
        copy = Path(folder) / GEOPACKAGE
        copy.write_bytes(content)
        try:
            frames = {layer: pyogrio.read_dataframe(copy, layer=layer) for layer in columns}
            ready = {layer: conform(_timed(frame, columns[layer]), columns[layer]) for layer, frame in frames.items()}
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
            message = f"{GEOPACKAGE}: it cannot be read ({str(error).strip().rstrip('.')})"
            raise WorkspaceError(f"{message}: `pondscan run` publishes it anew") from error
    return {layer: frame.set_geometry(_single(frame.geometry)) for layer, frame in ready.items()}


def _single(geometry: gpd.GeoSeries) -> gpd.GeoSeries:
    """Polygons instead of multipolygons of one part, as which a GeoPackage keeps them."""
    parts = shapely.get_num_geometries(geometry.to_numpy())
    singled = [shapely.get_geometry(one, 0) if n == 1 else one for one, n in zip(geometry, parts, strict=True)]
    return gpd.GeoSeries(singled, index=geometry.index, crs=geometry.crs)


def _read_csv(name: str, content: bytes, table: tuple[Column, ...]) -> pd.DataFrame:
    types = {column.name: "string" if column.kind == "datetime" else DTYPES[column.kind] for column in table}
    try:
        frame = pd.read_csv(io.BytesIO(content), dtype=types, keep_default_na=False, na_values=[""])
        return conform(_timed(frame, table), table)
    except ValueError as error:
        message = f"{name}: it cannot be read ({str(error).strip().rstrip('.')})"
        raise WorkspaceError(f"{message}: `pondscan run` publishes it anew") from error


def _timed(frame: Table, table: tuple[Column, ...]) -> Table:
    """Turn columns of times, which come as text or without a zone where all are null, into times in UTC."""
    times = [column.name for column in table if column.kind == "datetime" and column.name in frame.columns]
    return frame.assign(**{name: pd.to_datetime(frame[name], utc=True, format="ISO8601") for name in times})
