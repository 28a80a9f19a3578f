"""Layers from elsewhere on the map one can move: cut to its surroundings, with no more corners than it can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from pondscan.report.mosaic import Bounds
from pondscan.report.palette import LAYERS

if TYPE_CHECKING:
    from pondscan.context.layers import Objects

MARGIN = 1.0
"""Widths of the map kept around it on every side."""
PX = 2000.0
"""Corners that move a line by less than the map's width over this are left out."""
MOST_CORNERS = 8000
"""Corners of one layer in the page: about 100 kB."""
MOST_OBJECTS = 1500
"""Objects of one layer in the page, the longest; the columns of sites know all of them."""

KINDS = ("point", "line", "polygon")
Geometries = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class LayerKey:
    """A layer in the controls of the map."""

    name: str
    color: str


def layer_keys(layers: Sequence[Objects]) -> list[LayerKey]:
    """Names and colours of layers, in their order."""
    return [LayerKey(layer.name.replace("_", " "), LAYERS[number % len(LAYERS)]) for number, layer in enumerate(layers)]


def drawn_layer(objects: Objects, key: LayerKey, bounds: Bounds) -> dict[str, Any]:
    """What the page's script draws of a layer: places in metres, (y, x), from the lower left corner of the map.

    Parameters
    ----------
    key
        Its name and colour.
    bounds
        Ground that the map opens on, in the CRS of the objects.
    """
    west, south, east, north = bounds
    x_room, y_room = MARGIN * (east - west), MARGIN * (north - south)
    cut = shapely.clip_by_rect(objects.parts, west - x_room, south - y_room, east + x_room, north + y_room)
    parts, owner = shapely.get_parts(cut, return_index=True)
    longest = np.sort(np.argsort(-shapely.length(parts), kind="stable")[:MOST_OBJECTS])
    drawn = [
        {"name": name or "", "kind": KINDS[kind], "paths": _paths(part, bounds)}
        for part, kind, name in zip(
            _simple(parts[longest], (east - west) / PX),
            shapely.get_dimensions(parts[longest]).tolist(),
            objects.called[owner[longest]],
            strict=True,
        )
    ]
    return {
        "name": key.name,
        "color": key.color,
        "n_left_out": len(parts) - len(drawn),
        "shapes": drawn,
    }


def _simple(parts: Geometries, tolerance_m: float) -> Geometries:
    """Leave out corners that do not show, and then as many as it takes."""
    while True:
        simple: Geometries = shapely.simplify(parts, tolerance_m, preserve_topology=True)
        n_corners = int(shapely.get_num_coordinates(simple).sum())
        if n_corners <= max(MOST_CORNERS, 5 * len(parts)):  # a polygon keeps four corners, however coarse
            return simple
        tolerance_m *= 2


def _paths(part: BaseGeometry, bounds: Bounds) -> list[list[list[int]]]:
    """Lines of a single geometry: a polygon's rings, else itself."""
    lines = shapely.get_rings(part) if part.geom_type == "Polygon" else [part]
    return [(shapely.get_coordinates(line) - bounds[:2]).round().astype(int)[:, ::-1].tolist() for line in lines]
