"""GeoPackage: layers in one projected CRS, drawn by the QGIS styles inside it.

The file holds no clock time: GDAL is told to date it by the newest scene, so that equal tables give equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio

from pondscan.errors import WorkspaceError
from pondscan.export.values import prepared
from pondscan.tables import OBSERVATIONS, PONDS, SITES, Column

LAYERS: dict[str, tuple[tuple[Column, ...], str]] = {
    "ponds": (PONDS, "Ponds: one identity over all dates"),
    "sites": (SITES, "Mine sites: the worked ground around their ponds"),
    "observations": (OBSERVATIONS, "Candidates, scene by scene"),
}
"""Layers in the order they are written, with their columns and what a GIS says of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One layer of polygons."""

    name: str
    frame: gpd.GeoDataFrame
    """In any CRS."""
    table: tuple[Column, ...]
    description: str
    """What a GIS says of it."""
    style: str
    """QGIS style, the text of a QML file."""


GPKG_VERSION = "1.3"
"""Old enough for every QGIS and GDAL in use."""

BEFORE_ANY_SCENE = datetime(1970, 1, 1, tzinfo=UTC)
"""Date of a GeoPackage none of whose scenes is dated."""


def write_geopackage(
    path: Path,
    layers: dict[str, gpd.GeoDataFrame],
    *,
    crs: object,
    newest: datetime | None,
    site_columns: tuple[Column, ...] = SITES,
) -> None:
    """Write the layers ``ponds``, ``sites`` and ``observations`` with their styles.

    Parameters
    ----------
    layers
        One frame of polygons for each name in ``LAYERS``, each in any CRS.
    crs
        Projected CRS of the layers.
    newest
        Time of the newest scene.
    site_columns
        Columns of the sites.

    Raises
    ------
    WorkspaceError
        When the file cannot be written.
    """
    styles = resources.files("pondscan.export").joinpath("styles")
    written = [
        Layer(name, layers[name], table, description, styles.joinpath(f"{name}.qml").read_text("utf-8"))
        for name, (table, description) in {**LAYERS, "sites": (site_columns, LAYERS["sites"][1])}.items()
    ]
    write_layers(path, written, crs=crs, newest=newest)


def write_layers(path: Path, layers: Sequence[Layer], *, crs: object, newest: datetime | None) -> None:
    """Write layers of polygons, in this order, each with its style.

    Raises
    ------
    WorkspaceError
        When the file cannot be written.
    """
    with _dated(newest or BEFORE_ANY_SCENE):
        try:
            for layer in layers:
                frame = prepared(layer.frame, layer.table).to_crs(crs)
                _write_layer(path, layer.name, frame, layer.description)
            _write_styles(path, layers, newest or BEFORE_ANY_SCENE)
        except RuntimeError as error:
            message = f"{path}: cannot be written ({str(error).strip().rstrip('.')})"
            raise WorkspaceError(f"{message}: check that there is space, then run again") from error


def write_tables(path: Path, tables: Mapping[str, pd.DataFrame], *, newest: datetime | None) -> None:
    """Add tables without geometry to a GeoPackage that is there."""
    with _dated(newest or BEFORE_ANY_SCENE):
        for name, table in tables.items():
            pyogrio.write_dataframe(table, path, layer=name, driver="GPKG", append=True)


def _write_layer(path: Path, name: str, frame: gpd.GeoDataFrame, description: str) -> None:
    pyogrio.write_dataframe(
        frame,
        path,
        layer=name,
        driver="GPKG",
        append=path.exists(),
        geometry_type="MultiPolygon",
        promote_to_multi=True,
        dataset_options=None if path.exists() else {"VERSION": GPKG_VERSION},
        layer_options={"GEOMETRY_NAME": "geom", "SPATIAL_INDEX": "YES", "DESCRIPTION": description},
    )


def _write_styles(path: Path, layers: Sequence[Layer], when: datetime) -> None:
    """Write QGIS's own table of styles; it opens each layer with the one marked as default."""
    names = [layer.name for layer in layers]
    styles = pd.DataFrame(
        {
            "f_table_catalog": "",
            "f_table_schema": "",
            "f_table_name": names,
            "f_geometry_column": "geom",
            "styleName": names,
            "styleQML": [layer.style for layer in layers],
            "styleSLD": "",
            "useAsDefault": True,
            "description": [layer.description for layer in layers],
            "owner": "",
            "ui": None,
            "update_time": pd.Series([when] * len(layers), dtype="datetime64[us, UTC]"),
        }
    )
    pyogrio.write_dataframe(styles, path, layer="layer_styles", driver="GPKG", append=True, layer_options={"FID": "id"})


@contextmanager
def _dated(when: datetime) -> Iterator[None]:
    """Make GDAL believe it is ``when``: the one clock it reads on writing a GeoPackage.

    It need not wait for the disk after every step either: the file is new, and is made durable as a whole.
    """
    text = when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"
    options = {"OGR_CURRENT_DATE": text, "OGR_SQLITE_SYNCHRONOUS": "OFF"}
    before = {name: pyogrio.get_gdal_config_option(name) for name in options}
    pyogrio.set_gdal_config_options(options)
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(before)
