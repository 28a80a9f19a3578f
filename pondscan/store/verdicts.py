"""What reviewers said, kept as WGS84 GeoJSON: a person can read it, a GIS opens it, and nothing in it is ever lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from pondscan.errors import WorkspaceError
from pondscan.tables import VERDICTS, conform, names

DECIMALS = 8
"""Of a degree: a millimetre, so that keeping an outline does not move it."""


def verdict_bytes(verdicts: gpd.GeoDataFrame) -> bytes:
    """Write verdicts, a line each, from the oldest to the newest; the same verdicts give the same bytes."""
    ordered = conform(verdicts, VERDICTS).sort_values(["judged", "reviewer", "pond_id"], ignore_index=True)
    outlines = shapely.normalize(shapely.set_precision(ordered.geometry.to_numpy(), 10.0**-DECIMALS))
    properties = pd.DataFrame(ordered.drop(columns=ordered.geometry.name))
    properties = properties.assign(judged=ordered["judged"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    lines = [
        json.dumps({"type": "Feature", "properties": _nulls(row), "geometry": json.loads(shapely.to_geojson(outline))})
        for row, outline in zip(properties.to_dict("records"), outlines, strict=True)
    ]
    return ('{"type": "FeatureCollection", "features": [\n' + ",\n".join(lines) + "\n]}\n").encode()


def read_verdicts(path: Path) -> gpd.GeoDataFrame:
    """Read verdicts: columns ``tables.VERDICTS`` and outlines, longitude and latitude.

    Raises
    ------
    WorkspaceError
        When the file is damaged.
    """
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        table = pd.DataFrame([feature["properties"] for feature in features], columns=names(VERDICTS))
        outlines = [shapely.from_geojson(json.dumps(feature["geometry"])) for feature in features]
        table = table.assign(judged=pd.to_datetime(table["judged"], utc=True, format="ISO8601"))
        return conform(gpd.GeoDataFrame(table, geometry=outlines, crs="OGC:CRS84"), VERDICTS)
    except (OSError, ValueError, KeyError, TypeError, shapely.errors.GEOSException) as error:
        message = f"{path}: the verdicts of reviewers are damaged"
        raise WorkspaceError(f"{message}: put the file back as it was, or move it away to go without them") from error


def _nulls(row: dict[Any, Any]) -> dict[str, Any]:
    return {str(name): None if pd.isna(value) else value for name, value in row.items()}
