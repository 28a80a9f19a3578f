"""A section for every site: a strip of pictures over dates with outlines, and the curve of its area.

What a section shows is written into the page as data and drawn by the page's script when it is opened, so that a page
of three hundred sites opens at once. The pictures of a site stand side by side in one strip, pixel for pixel as long as
the page has room for that.
"""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from pondscan.report import figures, words
from pondscan.report.inputs import Chip, ReportInput, Ring
from pondscan.report.looks import Look
from pondscan.report.map import scale_length_m
from pondscan.report.palette import CONFIDENCES
from pondscan.report.rows import SiteRow

Picture = NDArray[np.uint8]

STRIP_BYTES = 3e6
"""What the pictures of all sites may take up together, before they are written as text."""
N_TRIED = 12
"""Sites whose pictures are written to see how many bytes they take."""
JPEG_QUALITY = 88
SIDE_PX = (24, 600)
"""Fewest and most pixels along a picture's side, where they are reduced to save room."""
ALIGN_PX = 8
"""Pictures in a strip begin at whole blocks of JPEG, so that none bleeds into the next."""

N_OPEN = 3
"""Sections that are open from the start."""
COARSE = 1.5
"""A preview of pixels so many times the scene's own is called coarse."""


@dataclass(frozen=True, slots=True)
class Place:
    """The section of a site."""

    row: SiteRow
    anchor: str
    data: Markup
    """What its script draws: JSON that is safe inside a page."""
    is_open: bool


def places(
    report_input: ReportInput, rows: Sequence[SiteRow], by_site: Mapping[str, list[Look]], span: figures.Span | None
) -> list[Place]:
    """Sections of sites, in the order of their rows."""
    most_px, is_lossless = _room([report_input.strips.get(row.site_id, ()) for row in rows])
    seen = _seen(report_input.timeseries)
    made = []
    for number, row in enumerate(rows):
        chips = report_input.strips.get(row.site_id, ())
        looks = by_site.get(row.site_id, [])
        chart = (
            figures.area_over_time(f"place{number}", looks, span, figures.SITE_SIZE) if len(looks) > 1 and span else ""
        )
        document = {"chart": chart, **_strip(chips, most_px, is_lossless=is_lossless)}
        document["chips"] = [
            told | {"seen": seen.get((row.site_id, report_input.looks[chip.look]), "")}
            for told, chip in zip(document["chips"], chips, strict=True)
        ]
        data = json.dumps(document, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
        made.append(Place(row, row.place, Markup(data), number < N_OPEN))  # noqa: S704 (JSON without <)
    return made


def _room(strips: Sequence[Sequence[Chip]]) -> tuple[int, bool]:
    """Pixels along a picture's side that the page has room for, and whether they can be written without loss."""
    shown = [chips for chips in strips if chips]
    if not shown:
        return SIDE_PX[1], True
    tried = shown[:: -(-len(shown) // N_TRIED)]
    share = sum(map(len, tried)) / sum(map(len, shown))
    if sum(_n_bytes(chips, SIDE_PX[1], is_lossless=True) for chips in tried) <= share * STRIP_BYTES:
        return SIDE_PX[1], True
    most_px = min(SIDE_PX[1], max(chip.picture.shape[0] for chips in shown for chip in chips))
    while most_px > SIDE_PX[0]:
        needed = sum(_n_bytes(chips, most_px, is_lossless=False) for chips in tried)
        if needed <= share * STRIP_BYTES:
            break
        most_px = max(SIDE_PX[0], min(most_px - 1, int(most_px * math.sqrt(share * STRIP_BYTES / needed))))
    return most_px, False


def _n_bytes(chips: Sequence[Chip], most_px: int, *, is_lossless: bool) -> int:
    """Bytes that the pictures of a site take, as text no more than a third above."""
    return len(_strip(chips, most_px, is_lossless=is_lossless)["uri"]) * 3 // 4


def _seen(timeseries: pd.DataFrame) -> dict[tuple[str, str], str]:
    """What every look saw at every site, in words."""
    return {
        (str(row["site_id"]), str(row["scene_id"])): _counted(row["n_ponds"], row["area_m2"], row["area_sigma_m2"])
        for row in timeseries.to_dict("records")
    }


def _counted(n_ponds: Any, area_m2: Any, sigma_m2: Any) -> str:
    area, sigma = words.number(area_m2), words.number(sigma_m2)
    if area is None:
        return "not seen: unknown, not zero"
    spread = None if sigma is None else words.Z_95 * sigma
    return f"{words.plural(n_ponds, 'pond')}, {words.plus_minus(area, spread)} m²"


def _strip(chips: Sequence[Chip], most_px: int, *, is_lossless: bool) -> dict[str, Any]:
    """Pictures side by side, and where each lies in the strip, with what is said of it."""
    if not chips:
        return {"chips": []}
    pictures = [_reduced(chip.picture, most_px) for chip in chips]
    height = max(picture.shape[0] for picture in pictures)
    padded = [_padded(picture, height) for picture in pictures]
    strip = np.concatenate(padded, axis=1)
    left = np.cumsum([0, *(picture.shape[1] for picture in padded)]).tolist()
    return {
        "uri": _uri(strip, is_lossless=is_lossless),
        "size": [strip.shape[1], strip.shape[0]],
        "chips": [
            {"box": [x, 0, picture.shape[1], picture.shape[0]], **_told(chip)}
            for chip, picture, x in zip(chips, pictures, left, strict=False)
        ],
    }


def _reduced(picture: Picture, most_px: int) -> Picture:
    """Picture with at most so many pixels a side, averaged."""
    side = picture.shape[0]
    if side <= most_px:
        return picture
    return np.asarray(Image.fromarray(picture).resize((most_px, most_px), Image.Resampling.BOX))


def _padded(picture: Picture, height: int) -> Picture:
    """Fill up with the picture's own edge, to the height of the strip and to whole blocks."""
    right = -picture.shape[1] % ALIGN_PX + ALIGN_PX
    return np.pad(picture, ((0, height - picture.shape[0]), (0, right), (0, 0)), mode="edge")


def _uri(strip: Picture, *, is_lossless: bool) -> str:
    buffer = io.BytesIO()
    if is_lossless:
        Image.fromarray(strip).save(buffer, "PNG", compress_level=6)
    else:
        Image.fromarray(strip).save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    kind = "png" if is_lossless else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _told(chip: Chip) -> dict[str, Any]:
    """What is said of a picture."""
    scale_m = scale_length_m(chip.side_m)
    scale_text = f"{scale_m / 1000:g} km" if scale_m >= 1000 else f"{scale_m:g} m"
    return {
        "date": words.day(chip.when),
        "time": words.minute(chip.when),
        "sensor": words.sensor(chip.sensor),
        "pixel": f"{chip.gsd_m:.3g} m",
        "scene": chip.scene_id,
        "preview": _preview(chip),
        "hidden": _hidden(chip),
        "scale": [round(1000 * scale_m / chip.side_m), scale_text],
        "rings": [_ring(ring) for ring in chip.rings],
    }


def _preview(chip: Chip) -> str:
    """What of the picture is coarser than the scene, in words."""
    if chip.kept > 0.95 or chip.preview_m <= COARSE * chip.gsd_m:
        return ""
    part = "coarse preview" if chip.kept < 0.05 else f"{words.percent(1 - chip.kept)} coarse preview"
    return f"{part} ({chip.preview_m:.2g} m pixels)"


def _hidden(chip: Chip) -> str:
    """What of the site was hidden, in words."""
    if not chip.hidden_by:
        return ""
    reason = {"outside": "outside the scene", "margin": "at the edge of cloud", "unusable": "masked"}
    share = "all of the site" if chip.observed <= 0 else f"{words.percent(1 - chip.observed)} of the site"
    return f"{share} {reason.get(chip.hidden_by, 'under ' + chip.hidden_by)}"


def _ring(ring: Ring) -> list[Any]:
    """Corners and what is said of them, in few letters: there are thousands of them."""
    points = " ".join(f"{x},{y}" for x, y in ring.points)
    sureness = max(k for k, (least, _, _) in enumerate(CONFIDENCES) if ring.confidence >= least)
    return [points, ring.pond_id, ring.state, round(ring.confidence, 2), sureness, int(ring.is_measured)]
