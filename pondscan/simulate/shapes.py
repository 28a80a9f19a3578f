"""Everything made by hand is a rounded box: ponds, lagoons, roofs, parcels, stretches of road and river.

A box of equal half sizes and full radius is a disc, one whose radius is its half width a capsule: area, polygon and
cover of raster cells of all of them follow from the same three lengths.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
_QUADRANT_SEGMENTS = 16
_SHARP_M = 0.01
"""Corners of a smaller radius are drawn as corners."""
_HAIR_M = 1e-5
"""Less than this is what rounding leaves of nothing."""


@dataclass(frozen=True)
class Boxes:
    """A table of rounded boxes; every field an array of the same length."""

    x: FloatArray
    """Centre, easting."""
    y: FloatArray
    """Centre, northing."""
    half_length: FloatArray
    half_width: FloatArray
    radius: FloatArray
    """Of the corners, at most the smaller half size."""
    angle: FloatArray
    """Direction of the length, radians anticlockwise from east."""
    surface: NDArray[np.int64]
    """Row of the palette."""
    gain: FloatArray
    """Brightness relative to the palette."""
    swir_residual: FloatArray
    """Reflectance added in the short-wave infrared (liquids)."""
    tint: FloatArray
    """Reflectance goes with wavelength to this power beside the palette's; 0 for the palette's own colour."""

    def __len__(self) -> int:
        return self.x.size

    @property
    def area_m2(self) -> FloatArray:
        """Exact area."""
        return 4.0 * self.half_length * self.half_width - (4.0 - math.pi) * self.radius**2

    @property
    def reach_m(self) -> FloatArray:
        """Distance from the centre to the farthest point, at most."""
        return np.hypot(self.half_length, self.half_width)

    def take(self, index: NDArray[Any]) -> Self:
        """Rows by index or mask."""
        return type(self)(*(getattr(self, field.name)[index] for field in dataclasses.fields(self)))

    def grown(self, margin_m: FloatArray | float, surface: int) -> Self:
        """The boxes with a margin around, made of ``surface`` (rims, cleared ground)."""
        return dataclasses.replace(
            self,
            half_length=self.half_length + margin_m,
            half_width=self.half_width + margin_m,
            radius=self.radius + margin_m,
            surface=np.full(len(self), surface),
            swir_residual=np.zeros(len(self)),
            tint=np.zeros(len(self)),
        )

    def polygons(self) -> NDArray[np.object_]:
        """Outlines; arcs are drawn a trifle outside so that a polygon's area is the shape's."""
        import shapely

        n_vertices = 4 * _QUADRANT_SEGMENTS
        drawn_radius = self.radius * math.sqrt(2 * math.pi / (n_vertices * math.sin(2 * math.pi / n_vertices)))
        sides = (self.half_length - self.radius, self.half_width - self.radius)
        # A core that rounding has left with a hair's width confuses the buffer: it is a line, or a point.
        cores = _rectangles(self, *(np.where(side > _HAIR_M, side, 0.0) for side in sides))
        outlines = shapely.buffer(cores, drawn_radius, quad_segs=_QUADRANT_SEGMENTS)
        return np.where(self.radius > _SHARP_M, outlines, _rectangles(self, self.half_length, self.half_width))


def boxes(
    x: Any,
    y: Any,
    half_length: Any,
    half_width: Any,
    *,
    surface: Any,
    radius: Any = 0.0,
    angle: Any = 0.0,
    gain: Any = 1.0,
    swir_residual: Any = 0.0,
    tint: Any = 0.0,
) -> Boxes:
    """Table of boxes from scalars and arrays that broadcast to one length."""
    parts = np.broadcast_arrays(np.atleast_1d(x), y, half_length, half_width, radius, angle, gain, swir_residual, tint)
    floats = [np.array(part, dtype=np.float64) for part in parts]
    codes = np.array(np.broadcast_to(surface, floats[0].shape), dtype=np.int64)
    x, y, half_length, half_width, radius, angle, gain, swir_residual, tint = floats
    return Boxes(x, y, half_length, half_width, radius, angle, codes, gain, swir_residual, tint)


def stack(tables: Sequence[Boxes]) -> Boxes:
    """One table of several; of none, an empty one."""
    if not tables:
        return boxes(*(np.empty(0) for _ in range(4)), surface=0)
    names = [field.name for field in dataclasses.fields(Boxes)]
    return Boxes(*(np.concatenate([getattr(table, name) for table in tables]) for name in names))


def capsules(x: FloatArray, y: FloatArray, width_m: FloatArray | float, *, surface: Any, gain: Any = 1.0) -> Boxes:
    """A line through the points (x, y), drawn as one capsule per stretch."""
    dx, dy = np.diff(x), np.diff(y)
    half_width = np.broadcast_to(np.asarray(width_m, dtype=np.float64), x.shape)[:-1] / 2.0
    return boxes(
        (x[:-1] + x[1:]) / 2.0,
        (y[:-1] + y[1:]) / 2.0,
        np.hypot(dx, dy) / 2.0 + half_width,
        half_width,
        radius=half_width,
        angle=np.arctan2(dy, dx),
        surface=surface,
        gain=gain,
    )


def signed_distance(table: Boxes, index: NDArray[np.int64], x: FloatArray, y: FloatArray) -> FloatArray:
    """Distance of points to the outline of box ``index``, negative inside; all arrays of one length."""
    dx, dy = x - table.x[index], y - table.y[index]
    cos, sin = np.cos(table.angle)[index], np.sin(table.angle)[index]
    radius = table.radius[index]
    along = np.abs(dx * cos + dy * sin) - (table.half_length[index] - radius)
    across = np.abs(dy * cos - dx * sin) - (table.half_width[index] - radius)
    outside = np.hypot(np.maximum(along, 0.0), np.maximum(across, 0.0))
    return np.asarray(outside + np.minimum(np.maximum(along, across), 0.0) - radius)


def _rectangles(table: Boxes, half_length: FloatArray, half_width: FloatArray) -> NDArray[np.object_]:
    """Sharp-cornered boxes as polygons or, where a side is nil, lines and points."""
    import shapely

    cos, sin = np.cos(table.angle), np.sin(table.angle)
    corners = [(1, 1), (-1, 1), (-1, -1), (1, -1)]
    ring = np.stack(
        [
            np.stack(
                [
                    table.x + i * half_length * cos - j * half_width * sin,
                    table.y + i * half_length * sin + j * half_width * cos,
                ],
                axis=-1,
            )
            for i, j in corners
        ],
        axis=1,
    )
    solid = shapely.polygons(ring)
    flat = (half_length <= 0) | (half_width <= 0)
    lines: NDArray[np.object_] = np.asarray(shapely.linestrings(ring[:, [0, 2]]))
    centres = np.asarray(shapely.points(table.x, table.y))
    flat_shapes = np.where((half_length <= 0) & (half_width <= 0), centres, lines)
    return np.where(flat, flat_shapes, np.asarray(solid))
