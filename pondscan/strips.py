"""A site in every look: a strip of pictures over dates, with the outlines of that day and the state of every pond."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray

from pondscan.album import Album, Crop, painted
from pondscan.follow.products import Products
from pondscan.model import Coverage
from pondscan.report.inputs import Chip, Ring

Floats = NDArray[np.float64]

MOST_CHIPS = 8
"""Looks of a site that the report shows: first, last, changes."""

LEAST_SIDE_M, MOST_SIDE_M = 240.0, 3000.0
ROOM = 1.1
"""Side of a picture in those of the site's footprint."""

CLEAR = 0.95
"""A look that saw this share of a site hides nothing worth a word."""

RING_STEPS = 1000
"""Outlines are given in thousandths of the picture's side."""

N_ASKED = 16
"""Points along each side of a picture at which is asked what hides the ground."""

STATE_NAMES = {"p": "present", "c": "covered", "u": "unobserved", "g": "gone"}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A site at a look."""

    site_id: str
    look: int
    row: int
    """Of the site in the table of sites."""
    observed: float


def strip(album: Album, tables: Products, site_id: str) -> list[Chip]:
    """Pictures of a site in every look that shows its ground, in order of time.

    Parameters
    ----------
    album
        Of the workspace, made with ``tables.crs`` and ``tables.placements``.
    tables
        The census, ``products.build``.
    site_id
        A row of ``tables.sites``.
    """
    rows = tables.timeseries[tables.timeseries["site_id"] == site_id]
    return _chips(album, tables, _wanted(tables, {site_id: rows})).get(site_id, [])


def strips(album: Album, tables: Products, *, most: int = MOST_CHIPS) -> dict[str, tuple[Chip, ...]]:
    """Pictures of every site in at most so many looks: the first and the last, and those between which it changed.

    Parameters
    ----------
    album, tables
        As for ``strip``.
    """
    by_site = {str(site_id): telling(rows, most) for site_id, rows in tables.timeseries.groupby("site_id")}
    return {site_id: tuple(chips) for site_id, chips in _chips(album, tables, _wanted(tables, by_site)).items()}


def telling(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Choose the looks of a site that tell most: all where there are few.

    First and last, the first sighting with the clear look before it, the last sighting, then where the area changed
    most between looks of one sensor, then the looks between, those that saw most of the site first.

    Parameters
    ----------
    rows
        Of ``timeseries``, of one site, in order of time.
    """
    if len(rows) <= most:
        return rows
    observed = rows["observed_fraction"].fillna(0).to_numpy(float)
    n_ponds = rows["n_ponds"].fillna(0).to_numpy(float)
    is_whole, number = observed >= 0.5, np.arange(len(rows))
    seen = number[n_ponds > 0]
    order = [0, len(rows) - 1]
    if len(seen):
        before = number[is_whole & (number < seen[0])]
        order += [int(seen[0]), *before[-1:].tolist(), int(seen[-1])]
    change = _change(rows)
    order += [one for one in np.argsort(-change, kind="stable")[: most // 2].tolist() if change[one] > 0]
    spread = np.argsort([int(f"{one:032b}"[::-1], 2) for one in number], kind="stable")  # halves, quarters, eighths
    order += [*spread[is_whole[spread]].tolist(), *spread.tolist()]
    return rows.iloc[sorted(list(dict.fromkeys(order))[:most])]


def _change(rows: pd.DataFrame) -> Floats:
    """How far the area of each look is off that of the whole look of its sensor before it."""
    is_whole = rows["observed_fraction"].fillna(0) >= 0.9
    area = rows["area_m2"].astype(float).where(is_whole)
    before = area.groupby(rows["sensor"]).transform(lambda one: one.ffill().shift())
    change: Floats = (area - before).abs().fillna(0).to_numpy(float)
    return change


def _wanted(tables: Products, by_site: dict[str, pd.DataFrame]) -> list[_Wanted]:
    number = {look: place for place, look in enumerate(tables.looks)}
    row = {str(site_id): place for place, site_id in enumerate(tables.sites["site_id"])}
    return [
        _Wanted(site_id, number[str(scene_id)], row[site_id], 0.0 if pd.isna(observed) else float(observed))
        for site_id, rows in by_site.items()
        if site_id in row
        for scene_id, observed in zip(rows["scene_id"], rows["observed_fraction"], strict=True)
    ]


def _chips(album: Album, tables: Products, wanted: Sequence[_Wanted]) -> dict[str, list[Chip]]:
    """Chips by site, in order of time; looks that show nothing of a site are left out."""
    middles, sides_m = _squares(tables.sites)
    best: dict[tuple[int, int], Crop] = {}
    for scene_id, asked in _by_scene(album, tables, wanted).items():
        rows = np.array([one.row for one in asked])
        for one, crop in zip(asked, album.crops(scene_id, middles[rows], sides_m[rows]), strict=True):
            known = best.get((one.row, one.look))
            if crop is not None and (known is None or (crop.kept, crop.shown) > (known.kept, known.shown)):
                best[one.row, one.look] = crop
    drawn = _Drawn(album, tables)
    made: dict[str, list[Chip]] = {}
    for site_id, of_site in _grouped(wanted):
        shown = [(one, best[one.row, one.look]) for one in of_site if (one.row, one.look) in best]
        pictures = painted([crop for _, crop in shown], is_clear=[one.observed >= CLEAR for one, _ in shown])
        made[site_id] = [
            drawn.chip(one, crop, picture, middles[one.row], sides_m[one.row])
            for (one, crop), picture in zip(shown, pictures, strict=True)
        ]
    return made


def _grouped(wanted: Sequence[_Wanted]) -> Iterable[tuple[str, list[_Wanted]]]:
    groups: dict[str, list[_Wanted]] = {}
    for one in sorted(wanted, key=lambda one: (one.row, one.look)):
        groups.setdefault(one.site_id, []).append(one)
    return groups.items()


def _squares(sites: GeoDataFrame) -> tuple[Floats, Floats]:
    """Middle (n, 2) and side (n,) of the ground shown of every site."""
    west, south, east, north = shapely.bounds(sites.geometry.to_numpy()).reshape(-1, 4).T
    side = np.clip(ROOM * np.maximum(east - west, north - south), LEAST_SIDE_M, MOST_SIDE_M)
    return np.stack([(west + east) / 2, (south + north) / 2], axis=1), np.ceil(side / 20) * 20


def _by_scene(album: Album, tables: Products, wanted: Sequence[_Wanted]) -> dict[str, list[_Wanted]]:
    asked: dict[str, list[_Wanted]] = {}
    for one in wanted:
        for scene_id in tables.looks[one.look].split(";"):
            if scene_id in album.scenes:
                asked.setdefault(scene_id, []).append(one)
    return asked


class _Drawn:
    """Outlines and words that go with the crops of sites."""

    def __init__(self, album: Album, tables: Products) -> None:
        self._album, self._tables = album, tables
        self._outlines = tables.ponds.geometry.to_numpy()
        self._tree = shapely.STRtree(self._outlines)
        self._ids = tables.ponds["pond_id"].astype(str).tolist()
        self._confidences = tables.ponds["confidence"].to_numpy(float)
        self._seen = tables.observations.geometry.to_numpy()
        self._seen_scenes = tables.observations["scene_id"].to_numpy(str)
        self._xy = shapely.get_coordinates(shapely.centroid(self._outlines))
        self._seen_xy = tables.observations[["x", "y"]].to_numpy(float)
        self._seen_confidences = tables.observations["confidence"].to_numpy(float)
        self._measured: dict[int, dict[int, int]] = {}

    def chip(self, one: _Wanted, crop: Crop, picture: NDArray[np.uint8], middle: Floats, side_m: float) -> Chip:
        """Put a picture together with what is known of its look."""
        scene = self._album.scenes[crop.scene_id].scene
        return Chip(
            look=one.look,
            scene_id=crop.scene_id,
            when=scene.datetime,
            sensor=scene.sensor,
            gsd_m=crop.gsd_m,
            picture=picture,
            side_m=crop.window.width * crop.gsd_m,
            kept=crop.kept,
            preview_m=crop.quicklook_m,
            observed=one.observed,
            hidden_by="" if one.observed >= CLEAR else self._hidden_by(crop.scene_id, middle, side_m),
            rings=self._rings(one, crop, middle, side_m),
        )

    def _hidden_by(self, scene_id: str, middle: Floats, side_m: float) -> str:
        """What hides most of the ground that a look did not see, a lower-case name of ``model.Coverage``."""
        along = ((np.arange(N_ASKED) + 0.5) / N_ASKED - 0.5) * side_m
        x, y = np.meshgrid(middle[0] + along, middle[1] + along)
        codes = self._album.coverage(scene_id).codes_at(x.ravel(), y.ravel(), self._tables.crs)
        counts = np.bincount(codes[codes != Coverage.CLEAR], minlength=len(Coverage))
        return Coverage(int(counts.argmax())).name.lower() if counts.any() else ""

    def _rings(self, one: _Wanted, crop: Crop, middle: Floats, side_m: float) -> tuple[Ring, ...]:
        """Outlines of the ponds in the picture, as measured in this look where they were."""
        half = side_m / 2
        square = shapely.box(middle[0] - half, middle[1] - half, middle[0] + half, middle[1] + half)
        measured, shown, drawn = self._measured_in(one.look), [], set()
        for pond in np.sort(self._tree.query(square, predicate="intersects")).tolist():
            letter = self._tables.states[self._ids[pond]][one.look]
            number = measured.get(pond)
            if letter not in STATE_NAMES or number in drawn:
                continue
            if number is not None and letter == "p":
                drawn.add(number)
                shown.append((pond, letter, self._seen_confidences[number], True, self._seen[number]))
            else:
                shown.append((pond, letter, self._confidences[pond], False, self._outlines[pond]))
        points = self._points([outline for *_, outline in shown], crop, side_m)
        return tuple(
            Ring(self._ids[pond], STATE_NAMES[letter], float(confidence), is_measured, corners)
            for (pond, letter, confidence, is_measured, _), corners in zip(shown, points, strict=True)
        )

    def _measured_in(self, look: int) -> dict[int, int]:
        """For each pond with an observation in a look, the row of the one that lies nearest."""
        if look not in self._measured:
            rows = np.flatnonzero(np.isin(self._seen_scenes, self._tables.looks[look].split(";")))
            number, pond = self._tree.query(self._seen[rows], predicate="intersects")
            apart = np.linalg.norm(self._seen_xy[rows[number]] - self._xy[pond], axis=1)
            order = np.lexsort((rows[number], -apart))  # the last one stays in the dictionary
            self._measured[look] = dict(zip(pond[order].tolist(), rows[number[order]].tolist(), strict=True))
        return self._measured[look]

    def _points(
        self, outlines: Sequence[shapely.Geometry], crop: Crop, side_m: float
    ) -> list[tuple[tuple[int, int], ...]]:
        """Corners of outlines in thousandths of the picture's side, right and down."""
        whole = np.array([max(shapely.get_parts(one), key=shapely.area) for one in outlines], dtype=object)
        simple = shapely.simplify(whole, side_m / RING_STEPS, preserve_topology=False)
        simple = np.where(shapely.is_empty(simple), whole, simple)
        xy, number = shapely.get_coordinates(shapely.get_exterior_ring(simple), return_index=True)
        pixels = self._album.pixels_of(crop.scene_id, xy) - (crop.window.col_start, crop.window.row_start)
        corners = np.rint(pixels * (RING_STEPS / crop.window.width)).astype(int).tolist()
        last = np.cumsum(np.bincount(number, minlength=len(whole))).tolist()
        first = [0, *last][: len(whole)]
        return [tuple((x, y) for x, y in corners[start : stop - 1]) for start, stop in zip(first, last, strict=True)]
