"""Small pictures of a pond on every date, for a person to judge it by."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from shapely.geometry.base import BaseGeometry

from pondscan.album import Crop

Floats = NDArray[np.float64]

SIDE_PX = 300
LETTERS_PX = 17
NEAR_M, WIDE_M = 120.0, 600.0
"""Ground that the two zooms show, at least; a pond takes up at most a third of the near one."""

OUTLINE = (255, 214, 0)
CASING = (20, 20, 20)
INK = (255, 255, 255)

COARSE_BELOW = 0.5
"""A picture of which less is kept at full resolution is called coarse, where the quicklook is."""


def square_around(outline: BaseGeometry, *, is_wide: bool) -> tuple[float, float, float]:
    """Middle (x, y) and side of the ground to show around an outline, metres."""
    west, south, east, north = outline.bounds
    side = max(WIDE_M if is_wide else NEAR_M, 3 * max(east - west, north - south))
    return (west + east) / 2, (south + north) / 2, side


def drawn(crop: Crop, picture: NDArray[np.uint8], rings: Sequence[Floats]) -> bytes:
    """Draw outlines, a scale and what is coarse over a picture, pixels made visible, as PNG.

    Parameters
    ----------
    picture : (h, w, 3) array
        The crop as it was painted.
    rings
        Corners (n, 2), columns and rows of the scene.
    """
    canvas = Image.fromarray(picture).resize((SIDE_PX, SIDE_PX), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(canvas)
    scale = SIDE_PX / crop.window.width
    for ring in rings:
        corners = (ring - (crop.window.col_start, crop.window.row_start)) * scale
        xy = [(float(x), float(y)) for x, y in corners]
        pen.line(xy, fill=CASING, width=4)
        pen.line(xy, fill=OUTLINE, width=2)
    _write_scale(pen, crop)
    if crop.kept < COARSE_BELOW and crop.quicklook_m > 1.5 * crop.gsd_m:
        _write(pen, (8, 6), f"coarse preview, {crop.quicklook_m:.2g} m pixels")
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _write_scale(pen: ImageDraw.ImageDraw, crop: Crop) -> None:
    """Write a bar of a round length into the lower left corner."""
    side_m = crop.window.width * crop.gsd_m
    length_m = 20 if side_m < 250 else 100 if side_m < 1500 else 500
    right = 8 + length_m / side_m * SIDE_PX
    for color, width in ((CASING, 4), (INK, 2)):
        pen.line([(8, SIDE_PX - 8), (right, SIDE_PX - 8)], fill=color, width=width)
    _write(pen, (8, SIDE_PX - 14 - LETTERS_PX), f"{length_m} m")


def _write(pen: ImageDraw.ImageDraw, place: tuple[float, float], words: str) -> None:
    pen.text(place, words, fill=INK, font=ImageFont.load_default(LETTERS_PX), stroke_width=2, stroke_fill=CASING)
