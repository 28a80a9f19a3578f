"""One picture out of the quicklooks of many scenes: the clearest on top, gaps filled from the others."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from rasterio.warp import Resampling, reproject, transform_bounds

from pondscan.report.inputs import COVERAGE_COLUMNS, Quicklook
from pondscan.report.words import moment

Bounds = tuple[float, float, float, float]
Pixels = NDArray[np.uint8]
NO_IMAGE = (226, 231, 233)
"""Colour of ground that no quicklook shows."""
GAPS_FROM = 0.005
"""Share of the picture from which empty ground is worth a word in the legend (single dark pixels are not)."""
JPEG_QUALITY = 86


@dataclass(frozen=True, slots=True)
class Mosaic:
    """A picture of a rectangle of ground, ready to embed."""

    uri: str
    """``data:`` URI of a JPEG."""
    bounds: Bounds
    scene_ids: tuple[str, ...]
    """Scenes that can be seen in it, the one on top first."""
    has_gaps: bool
    """Whether a noticeable part of the ground has no picture."""


def best_first(quicklooks: Sequence[Quicklook], scenes: pd.DataFrame) -> list[Quicklook]:
    """Order by clear share (in tenths), then finer pixels, then newer, then scene id."""
    rank = {str(row["scene_id"]): _rank(row) for row in scenes.to_dict("records")}
    last = (0.0, 0.0, 0.0)
    return sorted(quicklooks, key=lambda look: (*rank.get(look.scene_id, last), look.scene_id))


def _rank(row: dict[Any, Any]) -> tuple[float, float, float]:
    """Sort key of a scene: the smaller, the better it is to look at."""
    inside = sum(float(row[name]) for name in COVERAGE_COLUMNS if name != "outside")
    when = moment(row["datetime"])
    newest_first = -when.timestamp() if when is not None else 0.0
    return (-round(float(row["clear"]) / max(inside, 1.0), 1), float(row["gsd_m"]), newest_first)


def joint_bounds(quicklooks: Sequence[Quicklook], crs: str) -> Bounds | None:
    """Rectangle in ``crs`` that holds every quicklook; None without any."""
    if not quicklooks:
        return None
    each = np.array([transform_bounds(look.crs, crs, *look.bounds) for look in quicklooks])
    west, south = each[:, :2].min(axis=0)
    east, north = each[:, 2:].max(axis=0)
    return (float(west), float(south), float(east), float(north))


def mosaic(quicklooks: Sequence[Quicklook], crs: str, bounds: Bounds, max_px: int) -> Mosaic | None:
    """Paint quicklooks, the first on top, into ``bounds`` (in ``crs``); None where none of them reaches in."""
    west, south, east, north = bounds
    metres_per_px = max(max(east - west, north - south) / max_px, _finest_px_m(quicklooks))
    width = max(1, round((east - west) / metres_per_px))
    height = max(1, round((north - south) / metres_per_px))
    canvas = np.zeros((4, height, width), np.uint8)
    used = []
    for look in quicklooks:
        if not (canvas[3] == 0).any():
            break
        if paint(canvas, look, crs, bounds):
            used.append(look.scene_id)
    if not used:
        return None
    return Mosaic(_jpeg_uri(canvas), bounds, tuple(used), has_gaps=bool((canvas[3] == 0).mean() > GAPS_FROM))


def _finest_px_m(quicklooks: Sequence[Quicklook]) -> float:
    """Pixel size, metres, of the finest quicklook: painting finer than that would invent nothing but bytes."""
    sizes = []
    for look in quicklooks:
        with Image.open(io.BytesIO(look.png)) as picture:
            sizes.append((look.bounds[2] - look.bounds[0]) / picture.width)
    return min(sizes, default=1.0) / 2


def paint(canvas: Pixels, look: Quicklook, crs: str, bounds: Bounds) -> bool:
    """Paint a quicklook where the canvas (4, h, w; RGBA) is still empty; whether it shows anywhere."""
    pixels = _rgba(look.png)
    if look.crs == crs:
        layer = _cut(pixels, look.bounds, bounds, canvas.shape)
    else:
        layer = _warped(pixels, look, crs, bounds, canvas.shape)
    is_new = (canvas[3] == 0) & (layer[3] > 0)
    np.copyto(canvas, layer, where=is_new)
    return bool(is_new.any())


def _cut(pixels: Pixels, given: Bounds, wanted: Bounds, shape: tuple[int, ...]) -> Pixels:
    """Nearest pixels of a picture in another rectangle of the same reference system, transparent off the picture."""
    layer = np.zeros(shape, np.uint8)
    place = []
    for axis, (low, high) in enumerate(((3, 1), (0, 2))):  # rows run south, columns east
        centre = wanted[low] + (np.arange(shape[axis + 1]) + 0.5) / shape[axis + 1] * (wanted[high] - wanted[low])
        step = (given[high] - given[low]) / pixels.shape[axis + 1]
        index = np.floor((centre - given[low]) / step).astype(np.int64)
        inside = np.flatnonzero((index >= 0) & (index < pixels.shape[axis + 1]))
        if not inside.size:
            return layer
        place.append((slice(inside[0], inside[-1] + 1), index[inside]))
    (rows, row), (cols, col) = place
    layer[:, rows, cols] = pixels.take(col, axis=2).take(row, axis=1)  # whole rows are then copied fast
    return layer


def _warped(pixels: Pixels, look: Quicklook, crs: str, bounds: Bounds, shape: tuple[int, ...]) -> Pixels:
    """Nearest pixels of a picture in a rectangle of another reference system."""
    layer = np.zeros(shape, np.uint8)
    height, width = shape[1:]
    reproject(
        pixels,
        layer,
        src_transform=_affine(look.bounds, pixels.shape[1:]),
        src_crs=look.crs,
        dst_transform=_affine(bounds, (height, width)),
        dst_crs=crs,
        resampling=Resampling.nearest,
    )
    return layer


def _affine(bounds: Bounds, shape: tuple[int, ...]) -> Affine:
    """Transform from (col, row) to (x, y) of a picture that fills ``bounds``."""
    west, south, east, north = bounds
    height, width = shape
    return Affine((east - west) / width, 0.0, west, 0.0, (south - north) / height, north)


@lru_cache(maxsize=8)
def _rgba(png: bytes) -> Pixels:
    """Bands, rows and columns of a picture; pure black becomes transparent."""
    with Image.open(io.BytesIO(png)) as picture:
        pixels = np.moveaxis(np.asarray(picture.convert("RGBA"), np.uint8), 2, 0).copy()
    pixels[3, (pixels[:3] == 0).all(axis=0)] = 0
    pixels.setflags(write=False)
    return pixels


def _jpeg_uri(canvas: Pixels) -> str:
    is_empty = canvas[3] == 0
    rgb = np.moveaxis(canvas[:3], 0, 2).copy()
    rgb[is_empty] = NO_IMAGE
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
