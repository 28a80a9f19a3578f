"""What lies on the reviewer's desk: the ponds to judge, what each date shows of them, and what was said so far."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
import shapely.geometry
from geopandas import GeoDataFrame

from pondscan.album import FALSE, NATURAL, Album, painted
from pondscan.errors import InputError
from pondscan.export.values import iso_utc
from pondscan.follow.registration import Placement
from pondscan.follow.verdicts import BELIEF
from pondscan.model import Coverage
from pondscan.report.words import sensor as sensor_name
from pondscan.review.crops import drawn, square_around
from pondscan.review.reading import LONGEST_NOTE
from pondscan.store import StoredScene, Workspace, atomic

PAGES_KEPT = 8
"""Zooms and colours of ponds whose pictures are kept: of the pond on the page, and the one before."""


@dataclass
class Desk:
    """A review while it lasts. What is said is written to ``path`` at once: nothing is lost when it ends suddenly."""

    workspace: Workspace
    ponds: GeoDataFrame
    """Columns ``tables.PONDS``, in a metric CRS."""
    path: Path
    reviewer: str
    others: GeoDataFrame | None = None
    """Outlines that are shown but not judged: what a square of ground already has."""
    placements: Mapping[str, Placement] = field(default_factory=dict)
    """By scene_id: how far each scene lies off the others."""
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Verdict, note and time by pond_id."""

    def __post_init__(self) -> None:
        self.album = Album(self.workspace, self.crs, self.placements)
        self.scenes = [one for one in self.album.scenes.values() if self.album.has_pictures(one.scene_id)]
        self._pages: dict[tuple[int, bool, bool], dict[int, bytes]] = {}
        known = self.ponds if self.others is None else self.others.to_crs(self.ponds.crs)
        self._around = np.asarray(known.geometry.array, object)
        self._outlines = dict(zip(self.ponds["pond_id"], self.ponds.geometry.to_crs("OGC:CRS84"), strict=True))
        if self.path.is_file():
            self.said = _already_said(self.path, set(self._outlines))

    @property
    def crs(self) -> str:
        """CRS of the ponds."""
        return str(self.ponds.crs)

    def listing(self) -> list[dict[str, Any]]:
        """Describe the ponds in the order to judge them, with the dates that show their ground."""
        shown = self._scenes_over()
        columns = ("pond_id", "site_id", "confidence", "kind", "status", "area_m2", "area_sigma_m2", "diameter_m")
        plain = self.ponds.reindex(columns=[*columns, "n_seen", "n_clear"]).astype(object)
        rows = plain.where(plain.notna(), None).to_dict("records")
        return [
            {
                **{str(name): value for name, value in row.items()},
                "is_square": _is_square(row["pond_id"]),
                "looks": [{"number": number, **_told(self.scenes[number])} for number in on],
                "said": self.said.get(row["pond_id"]),
            }
            for row, on in zip(rows, shown, strict=True)
        ]

    def picture(self, pond: int, look: int, *, is_wide: bool, is_natural: bool = True) -> bytes | None:
        """Draw a pond (its place in the listing) as a scene shows it, PNG; None where it does not.

        All dates of a pond are drawn at once, in one stretch.
        """
        if not 0 <= pond < len(self.ponds):
            return None
        page = (pond, is_wide, is_natural)
        if page not in self._pages:
            while len(self._pages) >= PAGES_KEPT:
                self._pages.pop(next(iter(self._pages)))
            self._pages[page] = self._page(pond, is_wide=is_wide, is_natural=is_natural)
        return self._pages[page].get(look)

    def _page(self, pond: int, *, is_wide: bool, is_natural: bool) -> dict[int, bytes]:
        """Pictures of a pond by scene."""
        outline = self.ponds.geometry.iloc[pond]
        x, y, side_m = square_around(outline, is_wide=is_wide)
        middle, side = np.array([[x, y]]), np.array([side_m])
        bands = NATURAL if is_natural else FALSE
        crops = {
            number: self.album.crops(one.scene_id, middle, side, bands)[0] for number, one in enumerate(self.scenes)
        }
        shown = {number: crop for number, crop in crops.items() if crop is not None}
        square = shapely.box(x - side_m / 2, y - side_m / 2, x + side_m / 2, y + side_m / 2)
        around = np.array([outline], object)
        if is_wide or _is_square(self.ponds["pond_id"].iloc[pond]):
            around = np.append(self._around, around)
        rings = [
            shapely.get_coordinates(shapely.get_exterior_ring(part))
            for part in shapely.get_parts(around[shapely.intersects(around, square)])
        ]
        is_clear = [self._is_clear(crop.scene_id, x, y) for crop in shown.values()]
        pictures = painted(list(shown.values()), is_clear=is_clear, is_natural=is_natural) if shown else []
        return {
            number: drawn(crop, picture, [self.album.pixels_of(crop.scene_id, ring) for ring in rings])
            for (number, crop), picture in zip(shown.items(), pictures, strict=True)
        }

    def _is_clear(self, scene_id: str, x: float, y: float) -> bool:
        codes = self.album.coverage(scene_id).codes_at(np.array([x]), np.array([y]), self.crs)
        return bool(codes[0] == Coverage.CLEAR)

    def say(self, pond_id: str, verdict: str | None, note: str, when: datetime, n_ponds: int | None = None) -> None:
        """Note a verdict, None to take it back, and write all of them down.

        Parameters
        ----------
        n_ponds
            How many ponds there are in it, where that was said.

        Raises
        ------
        InputError
            When there is no such pond or verdict, or the note is too long.
        """
        if pond_id not in self._outlines:
            raise InputError(f"there is no pond {pond_id[:60]} on this page: load it again")
        if verdict is not None and verdict not in BELIEF:
            raise InputError(f"'{verdict[:60]}' is no verdict: say {', '.join(BELIEF)}")
        if len(note) > LONGEST_NOTE:
            raise InputError(f"the note on {pond_id} has {len(note)} characters: say it in {LONGEST_NOTE}")
        if verdict is None:
            self.said.pop(pond_id, None)
        else:
            number = {} if n_ponds is None else {"n_ponds": n_ponds}
            self.said[pond_id] = {"verdict": verdict, **number, "note": note, "judged": iso_utc(when)}
        atomic.write_bytes(self.path, self._document())

    def _document(self) -> bytes:
        """Write what was said as GeoJSON, as ``pondscan review apply`` reads it."""
        features = [
            {
                "type": "Feature",
                "properties": {_key(pond_id): pond_id, "reviewer": self.reviewer, **told},
                "geometry": shapely.geometry.mapping(self._outlines[pond_id]),
            }
            for pond_id, told in sorted(self.said.items())
        ]
        return (json.dumps({"type": "FeatureCollection", "features": features}) + "\n").encode()

    def _scenes_over(self) -> list[list[int]]:
        """For each pond the scenes whose grid holds its middle, oldest first."""
        middle = shapely.centroid(self.ponds.geometry.to_numpy())
        x, y = shapely.get_x(middle), shapely.get_y(middle)
        over: list[list[int]] = [[] for _ in middle]
        for number, stored in enumerate(self.scenes):
            grid = stored.scene.grid
            east, north = pyproj.Transformer.from_crs(self.crs, grid.crs, always_xy=True).transform(x, y)
            for pond in np.flatnonzero(shapely.contains_xy(shapely.box(*grid.bounds), east, north)):
                over[pond].append(number)
        return over


def _is_square(unit_id: str) -> bool:
    """Whether a unit is a square of ground: its id says so, as that of a pond does."""
    return unit_id.startswith("Q")


def _key(unit_id: str) -> str:
    return "square_id" if _is_square(unit_id) else "pond_id"


def _told(stored: StoredScene) -> dict[str, str]:
    when = stored.scene.datetime
    return {"sensor": sensor_name(stored.scene.sensor), "date": when.date().isoformat() if when else "undated"}


def _already_said(path: Path, known: set[str]) -> dict[str, dict[str, Any]]:
    """Take up a review where it was left."""
    try:
        properties = [feature["properties"] for feature in json.loads(path.read_text(encoding="utf-8"))["features"]]
        return {
            unit: {name: told[name] for name in ("verdict", "n_ponds", "note", "judged") if name in told}
            for told in properties
            if (unit := told.get("square_id") or told["pond_id"]) in known
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{path}: this is no review that was begun here"
        raise InputError(f"{message}: move it away, or name another file with --file") from error
