"""Small pictures of a pond on every date, for a person to judge it by."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from shapely.geometry.base import BaseGeometry

from pondscan.report.inputs import Quicklook
from pondscan.report.mosaic import Bounds, paint

SIDE_PX = 300
NEAR_M, WIDE_M = 120.0, 600.0
"""Ground that the two zooms show, at least; a pond takes up at most a third of the near one."""

OUTLINE = (255, 214, 0)
CASING = (20, 20, 20)
NO_PICTURE = (226, 231, 233)


def window_around(outline: BaseGeometry, *, is_wide: bool) -> Bounds:
    """Square of ground around an outline (metres)."""
    west, south, east, north = outline.bounds
    side = max(WIDE_M if is_wide else NEAR_M, 3 * max(east - west, north - south))
    x, y = (west + east) / 2, (south + north) / 2
    return (x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def crop(quicklook: Quicklook, crs: str, bounds: Bounds, outlines: Sequence[shapely.Geometry]) -> bytes | None:
    """Draw a square of ground out of a picture of a scene, outlines over it, as PNG.

    Parameters
    ----------
    bounds, outlines
        In ``crs``.

    Returns
    -------
    bytes or None
        None where the picture shows nothing of that ground.
    """
    canvas = np.zeros((4, SIDE_PX, SIDE_PX), np.uint8)
    if not paint(canvas, quicklook, crs, bounds):
        return None
    pixels = np.moveaxis(canvas[:3], 0, 2).copy()
    pixels[canvas[3] == 0] = NO_PICTURE
    picture = Image.fromarray(_stretched(pixels, canvas[3] > 0))
    _draw(picture, bounds, outlines)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _stretched(pixels: NDArray[np.uint8], is_shown: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Stretch the brightness of what is shown between its 1st and 99th percentile, all colours alike."""
    low, high = np.percentile(pixels[is_shown], (1, 99))
    scaled = np.clip((pixels - low) * (255.0 / max(high - low, 16.0)), 0, 255).astype(np.uint8)
    return np.where(is_shown[..., None], scaled, pixels)


def _draw(picture: Image.Image, bounds: Bounds, outlines: Sequence[shapely.Geometry]) -> None:
    west, south, east, north = bounds
    px_per_m = np.array([picture.width / (east - west), picture.height / (south - north)])
    pen = ImageDraw.Draw(picture)
    for outline in outlines:
        for part in shapely.get_parts(outline):
            corners = (shapely.get_coordinates(part.exterior) - (west, north)) * px_per_m
            xy = [(float(x), float(y)) for x, y in corners]
            pen.line(xy, fill=CASING, width=4)
            pen.line(xy, fill=OUTLINE, width=2)
