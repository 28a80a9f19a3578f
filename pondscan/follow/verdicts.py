"""What reviewers said, laid over what was measured: outlines they drew, ponds they added, which ponds are believed.

A verdict speaks of a place, not of an id: it holds for whatever pond has a sighting there, however ids change as scenes
come. Observations stay as they were; the census alone is changed, so taking a verdict back restores it.
"""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray

from pondscan.follow.looks import Look, is_clear_at
from pondscan.follow.tracks import Tracks
from pondscan.overlap import SAME_IOU, holds_centre, iou
from pondscan.tables import OBSERVATIONS, VERDICTS, conform, names

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Polygons = NDArray[np.object_]

HAND_ERROR_PX = 0.25
"""OWN: how far off a drawn shore is, in pixels of the picture it was drawn on. A hand that draws outside does so all
around, and from pond to pond: the error is common to all that is drawn."""

REDRAWN_IOU = 0.999
"""Outlines of one pond that overlap by less than this are two drawings; files round corners, which costs far less."""

BELIEF = {"accepted": 1.0, "rejected": 0.0, "unsure": np.nan}
"""Confidence that a verdict gives a pond; NaN leaves it as it was."""


def nothing_said() -> GeoDataFrame:
    """Return the verdicts of a workspace that nobody has reviewed: all columns, no rows."""
    empty = GeoDataFrame({name: [] for name in names(VERDICTS)}, geometry=[], crs="OGC:CRS84")
    return conform(empty, VERDICTS)


def in_order(verdicts: GeoDataFrame, crs: str) -> GeoDataFrame:
    """Verdicts from the oldest to the newest, in a metric CRS; of equal times the reviewer's name decides."""
    ordered: GeoDataFrame = verdicts.sort_values(["judged", "reviewer", "verdict"], ignore_index=True).to_crs(crs)
    return ordered


def without_known(new: GeoDataFrame, known: GeoDataFrame) -> GeoDataFrame:
    """Leave out what the same reviewer has said of the same pond before, in the same words and outline."""
    keys = ["pond_id", "reviewer", "verdict", "note", "is_drawn"]
    one, other = (pd.DataFrame(frame[keys]).fillna("").assign(row=np.arange(len(frame))) for frame in (new, known))
    pairs = one.merge(other, on=keys, suffixes=("", "_known"))
    row = pairs["row"].to_numpy()
    is_alike = iou(_outlines(new)[row], _outlines(known)[pairs["row_known"].to_numpy()]) >= REDRAWN_IOU
    is_known = np.isin(np.arange(len(new)), row[is_alike | ~pairs["is_drawn"].to_numpy(bool)])
    left: GeoDataFrame = new[~is_known].reset_index(drop=True)
    return left


def drawn_over(seen: GeoDataFrame, looks: Sequence[Look], verdicts: GeoDataFrame, crs: str) -> GeoDataFrame:
    """Put outlines that reviewers drew in the place of the sightings they are of.

    A drawn outline belongs to the look whose scene it names, else to the newest look that saw its place clear. There it
    replaces every sighting of the same water, and is a new sighting where there was none. Of drawn outlines on top of
    each other the newest counts, and none counts whose pond the same or a later verdict rejects.

    Parameters
    ----------
    seen
        Sightings, as ``looks.sightings`` gives them.
    verdicts
        As ``in_order`` gives them.

    Returns
    -------
    GeoDataFrame
        Like ``seen``; what is drawn has the flag ``drawn``.
    """
    drawn = _standing_drawings(verdicts)
    look = _look_of(drawn, looks, crs)
    drawn, look = drawn[look >= 0].reset_index(drop=True), look[look >= 0]
    if drawn.empty:
        return seen
    outline = _outlines(drawn)
    theirs, ours = _same_water(outline, _outlines(seen))
    is_of_look = look[theirs] == seen["look"].to_numpy()[ours]
    theirs, ours = theirs[is_of_look], ours[is_of_look]
    rows = _drawn_rows(drawn, look, looks, crs)
    rows = _with_measured(rows, seen, theirs, ours)
    kept = seen.drop(index=seen.index[np.unique(ours)])
    merged: GeoDataFrame = pd.concat([kept, rows[seen.columns]], ignore_index=True)
    return merged.sort_values(["look", "scene_id", "object_id"], ignore_index=True)


def belief(seen: GeoDataFrame, tracks: Tracks, verdicts: GeoDataFrame) -> tuple[Floats, Booleans]:
    """Confidence that the newest verdict gives each pond, and which verdicts speak of any.

    Returns
    -------
    (n_tracks,) float
        1, 0, or NaN where nothing was said or the reviewer was unsure.
    (n_verdicts,) bool
        Whether there is a pond the verdict is about.
    """
    said, is_about_one = np.full(tracks.n_tracks, np.nan), np.zeros(len(verdicts), bool)
    if verdicts.empty or seen.empty:
        return said, is_about_one
    outline, sighted = _outlines(verdicts), _outlines(seen)
    verdict, sighting = _same_water(outline, sighted)
    pairs = pd.DataFrame(
        {"verdict": verdict, "sighting": sighting, "overlap": iou(outline[verdict], sighted[sighting])}
    )
    members = pd.DataFrame({"sighting": tracks.sighting, "track": tracks.track, "is_alone": tracks.is_alone})
    pairs = pairs.merge(members, on="sighting").sort_values(
        ["verdict", "is_alone", "overlap", "track"], ascending=[True, False, False, True]
    )
    best = pairs.drop_duplicates("verdict")  # sorted by verdict, so the newest writes last
    value = verdicts["verdict"].map(BELIEF).to_numpy(float)
    said[best["track"].to_numpy()] = value[best["verdict"].to_numpy()]
    is_about_one[best["verdict"].to_numpy()] = True
    return said, is_about_one


def believed(confidence: Floats, said: Floats) -> Floats:
    """Confidence (n_ponds, n_looks) as verdicts leave it; NaN before the first sighting stays."""
    is_said = np.isfinite(said)[:, None] & np.isfinite(confidence)
    return np.where(is_said, said[:, None], confidence)


def standing(verdicts: GeoDataFrame, crs: str) -> GeoDataFrame:
    """What holds of all that was said: of verdicts on the same water the newest, with the outline that was drawn last.

    Parameters
    ----------
    verdicts
        Columns ``tables.VERDICTS``, in any order.
    crs
        Metric CRS of the answer.
    """
    ordered = in_order(verdicts, crs)
    outline = _outlines(ordered)
    one, other = _same_water(outline, outline)
    is_replaced = np.isin(np.arange(len(ordered)), one[other > one])
    held: GeoDataFrame = ordered[~is_replaced].reset_index(drop=True)
    drawn = _standing_drawings(ordered)
    ours, theirs = _same_water(_outlines(held), _outlines(drawn))
    is_open = ((held["verdict"] == "accepted") & ~held["is_drawn"].astype(bool)).to_numpy(bool)[ours]
    last = pd.Series(theirs[is_open], index=ours[is_open]).groupby(level=0).max()
    shapes = _outlines(held).copy()
    shapes[last.index.to_numpy()] = _outlines(drawn)[last.to_numpy()]
    is_drawn = held["is_drawn"].astype(bool) | np.isin(np.arange(len(held)), last.index)
    return held.assign(is_drawn=is_drawn, geometry=gpd.GeoSeries(shapes, index=held.index, crs=crs))


def _standing_drawings(verdicts: GeoDataFrame) -> GeoDataFrame:
    """Drawn outlines that no later verdict on the same water replaces or rejects."""
    outline = _outlines(verdicts)
    one, other = _same_water(outline, outline)
    speaks_later = other > one
    is_replacing = verdicts["is_drawn"].to_numpy(bool) | (verdicts["verdict"] == "rejected").to_numpy(bool)
    is_replaced = np.zeros(len(verdicts), bool)
    is_replaced[one[speaks_later & is_replacing[other]]] = True
    is_standing = (
        verdicts["is_drawn"].to_numpy(bool) & (verdicts["verdict"] != "rejected").to_numpy(bool) & ~is_replaced
    )
    standing: GeoDataFrame = verdicts[is_standing].reset_index(drop=True)
    return standing


def _look_of(drawn: GeoDataFrame, looks: Sequence[Look], crs: str) -> Integers:
    """(n_drawn,) look each outline belongs to; -1 where no look saw its place clear."""
    named = [set(scene_id.split(";")) for scene_id in drawn["scene_id"].fillna("")]
    centre = shapely.centroid(_outlines(drawn))
    x, y = shapely.get_x(centre), shapely.get_y(centre)
    home, newest = np.full(len(drawn), -1, np.int64), np.full(len(drawn), -1, np.int64)
    for number, look in enumerate(looks):
        is_named = np.array([bool(names & {view.scene_id for view in look.views}) for names in named], bool)
        home[is_named] = number
        is_clear = np.zeros(len(drawn), bool)
        for view in look.views:
            is_clear |= is_clear_at(view, x, y, crs)
        newest[is_clear] = number
    return np.where(home >= 0, home, newest)


def _drawn_rows(drawn: GeoDataFrame, look: Integers, looks: Sequence[Look], crs: str) -> GeoDataFrame:
    """Sightings made of drawn outlines alone: place, area and its error; nothing that was not drawn is known."""
    outline = _outlines(drawn)
    centre = shapely.centroid(outline)
    x, y = shapely.get_x(centre), shapely.get_y(centre)
    lon, lat = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    best = [looks[number].views[0].scene for number in look]
    gsd_m = np.array([scene.gsd_m for scene in best])
    area_m2 = shapely.area(outline)
    sigma = HAND_ERROR_PX * gsd_m * shapely.length(outline)
    unknown = {column.name: pd.Series([None] * len(drawn), dtype=object) for column in OBSERVATIONS}
    rows = gpd.GeoDataFrame(unknown, geometry=outline, crs=crs).assign(
        scene_id=[scene.scene_id for scene in best],
        object_id=0,
        x=x,
        y=y,
        lon=np.round(lon, 7),
        lat=np.round(lat, 7),
        area_m2=area_m2.round(2),
        area_sigma_m2=sigma.round(2),
        shared_sigma_m2=sigma.round(2),
        diameter_m=(2 * np.sqrt(area_m2 / np.pi)).round(2),
        pond_equivalents=1.0,
        kind="unknown",
        confidence=1.0,
        n_pixels=np.maximum(np.round(area_m2 / gsd_m**2), 1).astype(np.int64),
        flags="drawn",
        rejected="",
    )
    known: GeoDataFrame = conform(rows, OBSERVATIONS).assign(gsd_m=gsd_m, look=look)
    return known


def _with_measured(rows: GeoDataFrame, seen: GeoDataFrame, theirs: Integers, ours: Integers) -> GeoDataFrame:
    """Give drawn sightings the colour of the largest sighting they replace, and object ids that are free."""
    pairs = pd.DataFrame({"row": theirs, "sighting": ours, "area": seen["area_m2"].to_numpy(float)[ours]})
    largest = pairs.sort_values(["row", "area", "sighting"], ascending=[True, False, True]).drop_duplicates("row")
    row, sighting = largest["row"].to_numpy(), largest["sighting"].to_numpy()
    coloured = rows.copy()
    for name in ("kind", "visible", "ndwi_peak", "ndwi_contrast", "bareness"):
        values = coloured[name].to_numpy(object).copy()
        values[row] = seen[name].to_numpy(object)[sighting]
        coloured[name] = pd.array(values, dtype=rows[name].dtype)
    last_id = seen.groupby("scene_id")["object_id"].max()
    first_free = coloured["scene_id"].map(last_id).fillna(0).astype(np.int64) + 1
    number = coloured.groupby("scene_id").cumcount()
    numbered: GeoDataFrame = coloured.assign(object_id=(first_free + number).astype("Int64"))
    return numbered


def _same_water(one: Polygons, other: Polygons) -> tuple[Integers, Integers]:
    """Pairs (indices into each) of outlines of the same water; a drawn one may lie over several sightings."""
    first, second = shapely.STRtree(other).query(one, predicate="intersects")
    a, b = one[first], other[second]
    is_same = holds_centre(a, b) | holds_centre(b, a) | (iou(a, b) >= SAME_IOU)
    return first[is_same].astype(np.int64), second[is_same].astype(np.int64)


def _outlines(frame: GeoDataFrame) -> Polygons:
    return np.asarray(frame.geometry.array, dtype=object)
