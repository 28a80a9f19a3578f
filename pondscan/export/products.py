"""Every table of the census into its file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import geopandas as gpd
import pandas as pd

from pondscan.export.csv import csv_bytes
from pondscan.export.geojson import geojson_bytes
from pondscan.export.geopackage import write_geopackage
from pondscan.tables import ALIASES, PONDS, SITES, SURVEY, TIMESERIES, Column, Table

PRODUCTS = ("ponds.geojson", "sites.geojson", "timeseries.csv", "survey.csv", "aliases.csv", "pondscan.gpkg")
"""What ``write`` writes."""


class Tables(Protocol):
    """The tables of a census, each with its columns in ``pondscan.tables`` and its rows in order."""

    @property
    def ponds(self) -> gpd.GeoDataFrame:
        """Polygons, columns ``PONDS``."""
        ...

    @property
    def sites(self) -> gpd.GeoDataFrame:
        """Footprints, columns ``SITES`` and what layers from elsewhere add."""
        ...

    @property
    def observations(self) -> gpd.GeoDataFrame:
        """Outlines, columns ``OBSERVATIONS``."""
        ...

    @property
    def timeseries(self) -> pd.DataFrame:
        """Columns ``TIMESERIES``."""
        ...

    @property
    def survey(self) -> pd.DataFrame:
        """Columns ``SURVEY``."""
        ...

    @property
    def aliases(self) -> pd.DataFrame:
        """Columns ``ALIASES``."""
        ...

    @property
    def crs(self) -> Any:
        """Projected CRS of the GeoPackage, anything pyproj understands."""
        ...


def write(tables: Tables, folder: Path, *, newest: datetime | None, site_columns: tuple[Column, ...] = SITES) -> None:
    """Write every product but the report and ``run.json`` into a folder.

    Parameters
    ----------
    newest
        Time of the newest scene, the date of the GeoPackage.
    site_columns
        Columns of the sites, those that layers from elsewhere add among them.

    Raises
    ------
    OSError
        When a file cannot be written (``WorkspaceError`` is one).
    """
    ponds = _sorted(tables.ponds, "pond_id")
    sites = _sorted(tables.sites, "site_id")
    observations = _sorted(tables.observations, "scene_id", "object_id")
    contents = {
        "ponds.geojson": geojson_bytes(ponds, PONDS),
        "sites.geojson": geojson_bytes(sites, site_columns),
        "timeseries.csv": csv_bytes(
            _sorted(tables.timeseries, "site_id", "datetime", "sensor", "scene_id"), TIMESERIES
        ),
        "survey.csv": csv_bytes(tables.survey, SURVEY),
        "aliases.csv": csv_bytes(_sorted(tables.aliases, "old_id", "new_id"), ALIASES),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    layers = {"ponds": ponds, "sites": sites, "observations": observations}
    write_geopackage(folder / "pondscan.gpkg", layers, crs=tables.crs, newest=newest, site_columns=site_columns)


def _sorted(frame: Table, *by: str) -> Table:
    return frame.sort_values(list(by), ignore_index=True)
