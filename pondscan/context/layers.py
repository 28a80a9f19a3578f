"""Vector layers from elsewhere: what they say of each site, and what of them lies on the map.

Objects near the sites are read in the layer's own CRS and cut to what can matter. They get corners every kilometre or
so, since edges are straight in degrees and not on the ground, and are brought into the census' CRS, in metres.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from pondscan.config import ContextLayer
from pondscan.errors import InputError
from pondscan.tables import DTYPES, Column

Geometries = NDArray[np.object_]
Integers = NDArray[np.int64]

CORNER_M, CORNER_DEG = 1000.0, 0.01
"""Longest edge, in the layer's own unit, before it is brought into metres."""

POLYGON = 2
"""Dimension of polygons, as shapely counts."""

NO_SUCH = "check its path, or take it out of [[context.layers]]"


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """Parts of a layer's objects near the sites."""

    name: str
    """Of the layer."""
    parts: Geometries
    """Single points, lines and polygons in the census' CRS."""
    called: NDArray[np.object_]
    """Name of the object each part is of; None where it has none."""

    @property
    def dimension(self) -> int:
        """Highest dimension among the parts: 2 with polygons, 1 with lines, else 0."""
        return int(shapely.get_dimensions(self.parts).max(initial=0))


def columns(layers: Iterable[ContextLayer]) -> tuple[Column, ...]:
    """Columns that layers add to sites, in their order: ``rivers_distance_m``, ``townships_name``."""
    return tuple(_column(layer, what) for layer in layers for what in layer.adds)


def _column(layer: ContextLayer, what: str) -> Column:
    name, reach = layer.name, f"{layer.search_km:g} km"
    if what == "distance":
        meaning = (
            f"from the footprint to the nearest of `{name}`, metres; 0 where they touch; null: none within {reach}"
        )
        return Column(f"{name}_distance_m", "number", meaning)
    if what == "name":
        meaning = f"polygons of `{name}` around the footprint's middle, joined by `;`; of points and lines the nearest"
        return Column(f"{name}_name", "string", meaning)
    return Column(f"{name}_within", "boolean", f"whether the footprint's middle lies in a polygon of `{name}`")


def check_layer(layer: ContextLayer) -> dict[str, Any]:
    """Look at a layer's file without reading its objects, and refuse what it cannot add.

    Returns
    -------
    dict
        What the file says of itself (``pyogrio.read_info``).

    Raises
    ------
    InputError
        When it cannot be read, holds several layers and none is named, does not say its CRS, or lacks what is asked.
    """
    there = _layers_in(layer)
    if layer.layer is None and len(there) > 1:
        raise InputError(f"{layer.path}: it holds the layers {', '.join(there)}: name one with `layer`")
    if layer.layer is not None and layer.layer not in there:
        raise InputError(
            f"{layer.path}: there is no layer '{layer.layer}', it holds {', '.join(there)}: name one of them"
        )
    about: dict[str, Any] = pyogrio.read_info(layer.path, layer=layer.layer)
    if about["geometry_type"] is None:
        raise InputError(f"{layer.path}: it holds no geometry: give a file of points, lines or polygons")
    if about["crs"] is None:
        raise InputError(f"{layer.path}: it does not say its CRS: save it with one, or as GeoJSON in WGS84")
    fields = list(about["fields"])
    if layer.name_field is not None and layer.name_field not in fields:
        near = difflib.get_close_matches(layer.name_field, fields, n=1, cutoff=0.0)
        nearest = f"the nearest is '{near[0]}'" if near else "it has none at all"
        raise InputError(f"{layer.path}: there is no attribute '{layer.name_field}' ({layer.name}), {nearest}")
    has_area = "Polygon" in about["geometry_type"] or about["geometry_type"] in {"Unknown", "GeometryCollection"}
    if "within" in layer.adds and not has_area:
        kind = about["geometry_type"]
        raise InputError(f"{layer.path}: nothing lies within a {kind} ({layer.name}): leave 'within' out of its adds")
    return about


def _layers_in(layer: ContextLayer) -> list[str]:
    try:
        return [str(name) for name, _ in pyogrio.list_layers(layer.path)]
    except (pyogrio.errors.DataSourceError, OSError):
        reason = "it cannot be read as a vector file" if Path(layer.path).exists() else "there is no such file"
        raise InputError(f"{layer.path}: {reason} ({layer.name}): {NO_SUCH}") from None


def objects_near(layer: ContextLayer, sites: gpd.GeoDataFrame) -> Objects:
    """Read the objects of a layer within reach of the sites' footprints.

    Parameters
    ----------
    sites
        Footprints in a CRS in metres.

    Raises
    ------
    InputError
        As ``check_layer``.
    """
    about = check_layer(layer)
    if sites.empty:
        return Objects(layer.name, np.array([], dtype=object), np.array([], dtype=object))
    boxes = _boxes(sites, CRS.from_user_input(about["crs"]), 1000.0 * layer.search_km)
    read = [_read(layer, box) for box in boxes]
    frame = pd.concat(read, ignore_index=True) if len(read) > 1 else read[0]
    edge = CORNER_DEG if frame.crs.is_geographic else CORNER_M / frame.crs.axis_info[0].unit_conversion_factor
    corners = gpd.GeoSeries(shapely.segmentize(frame.geometry.to_numpy(), edge), crs=frame.crs)
    parts, owner = _single(corners.to_crs(sites.crs).to_numpy())
    names = np.full(len(frame), None, dtype=object)
    if layer.name_field is not None:
        given = frame[layer.name_field]
        names[given.notna().to_numpy()] = given.dropna().astype(str).to_numpy()
    return Objects(layer.name, parts, names[owner])


def _boxes(sites: gpd.GeoDataFrame, crs: CRS, reach_m: float) -> list[tuple[float, float, float, float]]:
    """Rectangles in the layer's CRS that hold everything within reach; two where the 180th meridian lies between."""
    west, south, east, north = sites.total_bounds
    around = (west - reach_m, south - reach_m, east + reach_m, north + reach_m)
    box = Transformer.from_crs(sites.crs, crs, always_xy=True).transform_bounds(*around)
    if not np.isfinite(box).all():
        return [(-np.inf, -np.inf, np.inf, np.inf)]
    if crs.is_geographic and box[0] > box[2]:
        return [(box[0], box[1], 180.0, box[3]), (-180.0, box[1], box[2], box[3])]
    return [box]


def _read(layer: ContextLayer, box: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    """Read what touches a rectangle, cut to it: far corners may lie where no projection reaches."""
    wanted = [layer.name_field] if layer.name_field else []
    bbox = box if np.isfinite(box).all() else None
    frame = pyogrio.read_dataframe(layer.path, layer=layer.layer, columns=wanted, bbox=bbox, force_2d=True)
    frame = frame[frame.geometry.notna()]
    frame = frame.set_geometry(frame.geometry.make_valid())
    if bbox is not None:
        frame = frame.set_geometry(frame.geometry.clip_by_rect(*bbox))
    cut: gpd.GeoDataFrame = frame[~frame.geometry.is_empty]
    return cut


def _single(geometries: Geometries) -> tuple[Geometries, Integers]:
    """Take collections apart, and leave out what has no place; with the object each part is of."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    parts, within = shapely.get_parts(parts, return_index=True)  # collections may hold collections
    has_place = np.isfinite(shapely.bounds(parts)).all(axis=1)
    return parts[has_place], owner[within][has_place]


def told_of(sites: gpd.GeoDataFrame, layer: ContextLayer, objects: Objects) -> pd.DataFrame:
    """What a layer says of each site: its columns, rows as the sites'.

    Parameters
    ----------
    sites
        Footprints in the CRS of the objects.
    """
    footprints = sites.geometry.to_numpy()
    tree = shapely.STRtree(objects.parts)
    (site, part), distance_m = tree.query_nearest(
        footprints, max_distance=1000.0 * layer.search_km, return_distance=True
    )
    order = np.lexsort((part, site))
    site, part, distance_m = site[order], part[order], distance_m[order]
    first = np.unique(site, return_index=True)[1]  # of objects equally near the first of the file
    nearest = pd.DataFrame({"part": part[first], "distance_m": distance_m[first]}, index=site[first])
    nearest = nearest.reindex(range(len(sites)))
    inside = _polygons_around(tree, shapely.centroid(footprints), objects)
    is_area = objects.dimension == POLYGON
    names = _names_within(inside, objects, len(sites)) if is_area else _names(nearest["part"], objects)
    told: dict[str, Any] = {
        "distance": nearest["distance_m"].to_numpy(),
        "name": names,
        "within": np.isin(np.arange(len(sites)), inside[0]),
    }
    made = {_column(layer, what): told[what] for what in layer.adds}
    return pd.DataFrame(
        {column.name: pd.array(values, dtype=DTYPES[column.kind]) for column, values in made.items()}, index=sites.index
    )


def _polygons_around(tree: shapely.STRtree, points: Geometries, objects: Objects) -> tuple[Integers, Integers]:
    """Pairs of point and polygon that the point lies in."""
    point, part = tree.query(points, predicate="intersects")
    is_area = shapely.get_dimensions(objects.parts[part]) == POLYGON
    return point[is_area], part[is_area]


def _names(part: pd.Series, objects: Objects) -> list[str | None]:
    known = part.notna().to_numpy()
    names = np.full(len(part), None, dtype=object)
    names[known] = objects.called[part[known].astype(int)]
    return list(names)


def _names_within(inside: tuple[Integers, Integers], objects: Objects, n_sites: int) -> list[str | None]:
    """Names of the polygons around each point, joined by ``;``."""
    named = pd.DataFrame({"site": inside[0], "name": objects.called[inside[1]]}).dropna().drop_duplicates()
    joined = named.sort_values(["site", "name"]).groupby("site")["name"].agg(";".join)
    return list(joined.reindex(range(n_sites)).astype(object).where(lambda names: names.notna(), None))


def with_columns(
    sites: gpd.GeoDataFrame, layers: Sequence[ContextLayer], objects: Sequence[Objects]
) -> gpd.GeoDataFrame:
    """Sites with the columns of every layer, ``objects`` in the order of ``layers``."""
    tables = [told_of(sites, layer, near) for layer, near in zip(layers, objects, strict=True)]
    return sites.assign(**{name: table[name] for table in tables for name in table.columns})
