"""``--to stac``: a static SpatioTemporal Asset Catalog of the census, to be put on any web server or disk as it is.

A Collection for the census, with the GeoPackage, the report and ``run.json``, and an Item for every table published as
a file of its own. Geometry is the ground that was looked at, not the box of what was found: where nothing was found a
search still learns that somebody looked. The catalog holds copies of the products, relative links and no clock time.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from pondscan.errors import WorkspaceError
from pondscan.export.snapshot import GEOPACKAGE, Snapshot
from pondscan.tables import Kind

if TYPE_CHECKING:
    import pystac

PROCESSING = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"
"""The one extension used that pystac has no class for."""

LONLAT = "OGC:CRS84"
SHA256 = "1220"
"""What a multihash of SHA-256 begins with: its code, and its length of 32 bytes."""
TYPES: dict[Kind, str] = {
    "string": "string",
    "integer": "int64",
    "number": "float64",
    "datetime": "datetime",
    "boolean": "boolean",
}
CORNERS_EVERY_M = 20_000.0
"""A straight edge of a scene's grid is no straight line in degrees: it gets a corner so often."""


@dataclass(frozen=True, slots=True)
class File:
    """One product in the catalog."""

    name: str
    title: str
    media_type: str
    role: str
    crs: str | None = None


TABLES = {
    "ponds": File("ponds.geojson", "Ponds: one identity over all dates", "application/geo+json", "data", LONLAT),
    "sites": File("sites.geojson", "Sites: worked ground around ponds", "application/geo+json", "data", LONLAT),
    "timeseries": File("timeseries.csv", "Sites at every look, clouded looks too", "text/csv", "data"),
    "survey": File("survey.csv", "Totals by look, season and year", "text/csv", "data"),
    "aliases": File("aliases.csv", "Ids that went before", "text/csv", "data"),
}
"""Tables that are an Item each."""


def export(snapshot: Snapshot, folder: Path) -> tuple[str, ...]:
    """Write ``collection.json`` and ``<table>/<table>.json`` with the products beside them.

    Returns
    -------
    tuple of str
        What a user must know of it: nothing.

    Raises
    ------
    WorkspaceError
        When the census has no date or no place, without either of which there is no STAC.
    """
    import pystac

    seen = ground_seen(snapshot)
    collection = _collection(snapshot, seen)
    for name in TABLES:
        collection.add_item(_item(snapshot, seen, name))
    collection.normalize_hrefs(str(folder))
    collection.save(catalog_type=pystac.CatalogType.SELF_CONTAINED)
    for name, file in TABLES.items():
        (folder / name / file.name).write_bytes(snapshot.contents[file.name])
    for file in _own_files(snapshot):
        (folder / file.name).write_bytes(snapshot.contents[file.name])
    return ()


def ground_seen(snapshot: Snapshot) -> BaseGeometry:
    """Ground that the scenes of a census cover, longitude and latitude.

    Raises
    ------
    WorkspaceError
        When ``run.json`` does not say where its scenes lie.
    """
    grids = [scene["grid"] for scene in _scenes(snapshot)]
    if not grids or any("bounds" not in grid for grid in grids):
        raise WorkspaceError(f"{snapshot.name}: run.json does not say where scenes lie: repeat the last `pondscan run`")
    return shapely.set_precision(shapely.union_all([_lonlat_box(grid["crs"], grid["bounds"]) for grid in grids]), 1e-6)


def _lonlat_box(crs: str, bounds: tuple[float, float, float, float]) -> BaseGeometry:
    transformer = Transformer.from_crs(crs, LONLAT, always_xy=True)
    edges = shapely.segmentize(shapely.box(*bounds), CORNERS_EVERY_M)
    lonlat: BaseGeometry = shapely.transform(
        edges, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))
    )
    return lonlat


def _own_files(snapshot: Snapshot) -> list[File]:
    """Products that belong to the census as a whole."""
    crs = snapshot.layers["ponds"].crs
    return [
        File(GEOPACKAGE, "Ponds, sites and observations, styled for QGIS", "application/geopackage+sqlite3", "data",
             ":".join(crs.to_authority() or ()) or None),
        File("report.html", "Report, one page that needs no network", "text/html", "overview"),
        File("run.json", "Inputs with hashes, settings, versions, what became of every scene", "application/json",
             "metadata"),
    ]  # fmt: skip


def _collection(snapshot: Snapshot, seen: BaseGeometry) -> pystac.Collection:
    import pystac
    from pystac.extensions import file, projection

    when = _span(snapshot)
    collection = pystac.Collection(
        id=re.sub(r"[^\w.-]+", "-", snapshot.name),
        title=f"Census of ponds: {snapshot.name}",
        description=_description(snapshot),
        extent=pystac.Extent(pystac.SpatialExtent([list(seen.bounds)]), pystac.TemporalExtent([list(when)])),
        license="other",
        keywords=["ponds", "mining", "remote sensing", "census"],
        summaries=pystac.Summaries(_summaries(snapshot)),
        providers=[pystac.Provider("pondscan", roles=[pystac.ProviderRole.PROCESSOR], extra_fields=_made_by(snapshot))],
        stac_extensions=[file.SCHEMA_URI, projection.SCHEMA_URI, PROCESSING],
    )
    for one in _own_files(snapshot):
        collection.add_asset(one.name, _asset(snapshot, one))
    return collection


def _item(snapshot: Snapshot, seen: BaseGeometry, name: str) -> pystac.Item:
    import pystac
    from pystac.extensions import file, projection, table

    first, last = _span(snapshot)
    layer, columns = snapshot.layers.get(name), snapshot.columns[name]
    described = [{"name": one.name, "type": TYPES[one.kind], "description": one.meaning} for one in columns]
    properties: dict[str, Any] = {
        "title": TABLES[name].title,
        "description": _description(snapshot),
        "table:columns": described,
        "table:row_count": len(snapshot.tables[name] if layer is None else layer),
        **_made_by(snapshot),
    }
    if layer is not None:
        described.append({"name": "geometry", "type": "geometry", "description": "outline"})
        properties["table:primary_geometry"] = "geometry"
    item = pystac.Item(
        id=name,
        geometry=shapely.geometry.mapping(seen),
        bbox=list(seen.bounds),
        datetime=None,
        start_datetime=first,
        end_datetime=last,
        properties=properties,
        stac_extensions=[file.SCHEMA_URI, projection.SCHEMA_URI, table.SCHEMA_URI, PROCESSING],
    )
    item.add_asset("data", _asset(snapshot, TABLES[name]))
    return item


def _asset(snapshot: Snapshot, one: File) -> pystac.Asset:
    import pystac

    content = snapshot.contents[one.name]
    fields = {"file:size": len(content), "file:checksum": SHA256 + hashlib.sha256(content).hexdigest()}
    code = {} if one.crs is None else {"proj:code": one.crs}
    return pystac.Asset(
        f"./{one.name}", one.title, media_type=one.media_type, roles=[one.role], extra_fields=fields | code
    )


def _span(snapshot: Snapshot) -> tuple[datetime, datetime]:
    """Times of the first and the last scene."""
    when = snapshot.acquired
    if not when:
        message = f"{snapshot.name}: its scene has no date, and STAC has no room for what is not dated"
        raise WorkspaceError(f"{message}: run it again with --datetime")
    return when[0], when[-1]


def _description(snapshot: Snapshot) -> str:
    """What was counted, from what, in a sentence."""
    totals, scenes = snapshot.document["totals"], _scenes(snapshot)
    found = f"{totals['n_ponds_listed']} ponds and {totals['n_sites_listed']} sites, also those gone or out of sight"
    first, last = _span(snapshot)
    target = snapshot.document["settings"]["confidence"]["target"].replace("_", " ")
    return (
        f"{found}, found by pondscan in {len(scenes)} scenes from {first:%Y-%m-%d} to {last:%Y-%m-%d} "
        f"(target: {target}). Geometry is the ground these scenes cover, not what they saw of it clear."
    )


def _summaries(snapshot: Snapshot) -> dict[str, Any]:
    """What the scenes are, in STAC's own fields."""
    scenes = _scenes(snapshot)
    return {
        "constellation": sorted({scene["sensor"] for scene in scenes if scene["sensor"] != "generic"}),
        "gsd": sorted({scene["grid"]["gsd_m"] for scene in scenes}),
    }


def _made_by(snapshot: Snapshot) -> dict[str, Any]:
    """Fields of the processing extension."""
    scenes = ", ".join(scene["scene_id"] for scene in _scenes(snapshot))
    return {
        "processing:level": "L4",
        "processing:lineage": f"Made from the scenes {scenes}; run.json holds their hashes and all settings",
        "processing:software": dict(snapshot.document["versions"]),
    }


def _scenes(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [scene for scene in snapshot.document["scenes"] if scene["outcome"] == "done"]
