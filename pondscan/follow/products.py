"""Stored observations → every table of the products: a pure function of the set of scenes and the settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from pondscan.config import Settings
from pondscan.errors import InputError
from pondscan.follow import census, history, ids, onsets, series, sites, trends
from pondscan.follow.apart import hold_apart
from pondscan.follow.census import Census
from pondscan.follow.looks import SceneView, aligned, extents, group_looks, in_order, lattice_over, working_crs
from pondscan.follow.places import Places, locate, seen_at, site_table, unseen_at
from pondscan.follow.registration import Placement
from pondscan.follow.survey import survey
from pondscan.memory import Remember, forgetful
from pondscan.tables import OBSERVATIONS, PONDS, SITES, SURVEY, TIMESERIES, Column, conform

Booleans = NDArray[np.bool_]
Table = TypeVar("Table", bound=pd.DataFrame)

DECIMALS = {"confidence": 4, "observed_fraction": 4, "lon": 7, "lat": 7}
"""Decimals written, by column; 2 for every other number: centimetres, hundredths of a square metre."""

UNCALIBRATED = {
    "dn": "raw digital numbers: objects stand out against their own scene only, and areas are less certain",
    "toa": "top-of-atmosphere reflectance: haze is removed only roughly, and areas are less certain",
}


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """Every table, with the columns of ``tables``; rows sorted by id."""

    ponds: GeoDataFrame
    sites: GeoDataFrame
    observations: GeoDataFrame
    """Observations that count: no superseded scene, no rejected object, every place once per look."""
    timeseries: pd.DataFrame
    survey: pd.DataFrame
    aliases: pd.DataFrame
    crs: str
    """CRS of the geometries, in metres."""
    looks: tuple[str, ...]
    """Scenes of every look, joined by ``;``, in order of time."""
    states: dict[str, str]
    """Pond id → a letter for each look (``history.LETTERS``)."""
    distance_curve: tuple[tuple[float, int, int], ...]
    """Linkage distance in metres, sites, isolated ponds: how much the choice of the distance matters."""
    placements: Mapping[str, Placement]
    """By scene_id: how far each scene that is used lies off the others."""
    notes: tuple[str, ...]
    """Sentences a reader must know: why nothing was found, what was not used, what is less certain."""


def build(
    views: Iterable[SceneView],
    settings: Settings,
    *,
    aoi: BaseGeometry | None = None,
    reviewed: GeoDataFrame | None = None,
    remember: Remember = forgetful,
) -> Products:
    """Build every table from the stored scenes.

    Parameters
    ----------
    views
        Stored scenes, in any order, superseded ones too.
    settings
        Uses ``sites``, ``products.crs`` and ``confidence.min_confidence``.
    aoi
        Area of interest in WGS84 (longitude, latitude); None for everything the scenes cover.
    reviewed
        What reviewers said, columns ``tables.VERDICTS``; None for nothing.
    remember
        Where results are looked up before they are worked out; it changes no number.

    Raises
    ------
    InputError
        When more than one scene has no acquisition time, or the area of interest is far from all scenes.
    ConfigError
        When ``products.crs`` is no CRS in metres.
    """
    stored = list(views)
    crs = working_crs(in_order(stored), settings.products.crs)
    is_placed = settings.registration.use == "auto"
    counted, region = take_census(
        stored,
        crs,
        aoi=aoi,
        reviewed=reviewed,
        is_placed=is_placed,
        target=settings.confidence.target,
        remember=remember,
    )
    min_confidence = settings.confidence.min_confidence
    places = locate(counted, min_confidence, region, **settings.sites.model_dump())
    seen = seen_at(places, counted)
    rows = series.place_looks(places, counted.looks, seen, unseen_at(places, counted), crs)
    is_known_target = settings.confidence.target == "leach_pond"
    trend = trends.site_trends(rows, counted.looks, places.n_sites)
    gone_by = series.not_seen_since(rows, counted.looks, places.state, places.n_sites)
    changes = onsets.change_points(places, counted, counted.looks)
    first = places.ponds[["first_x", "first_y"]].to_numpy(float)
    return Products(
        ponds=_finished(_held_apart(places.ponds), PONDS, "pond_id"),
        sites=_finished(site_table(places, trend, gone_by, changes), SITES, "site_id"),
        observations=_finished(counted.seen, OBSERVATIONS, "scene_id", "object_id"),
        timeseries=_finished(series.timeseries(rows, counted.looks, places.site_id), TIMESERIES),
        survey=_finished(survey(places, rows, counted.looks, seen if is_known_target else None), SURVEY),
        aliases=_aliases(counted, places),
        crs=crs,
        looks=tuple(look.scene_id for look in counted.looks),
        states=history.in_letters(places.ponds["pond_id"], counted.state[places.is_published]),
        distance_curve=sites.count_by_distance(first, min_ponds=settings.sites.min_ponds),
        placements={view.scene_id: view.placement for look in counted.looks for view in look.views},
        notes=(*_notes(stored, counted, min_confidence), *_review_notes(reviewed, counted)),
    )


def take_census(
    views: Iterable[SceneView],
    crs: str,
    *,
    aoi: BaseGeometry | None = None,
    reviewed: GeoDataFrame | None = None,
    is_placed: bool = True,
    target: str = census.LEACH_POND,
    remember: Remember = forgetful,
) -> tuple[Census, BaseGeometry]:
    """Follow the ponds through all scenes; the ground that the census speaks of comes with it.

    Parameters
    ----------
    views, aoi, reviewed, remember
        As ``build`` takes them.
    crs
        As ``looks.working_crs`` gives it.
    is_placed
        Whether scenes are placed against each other first.
    target
        As ``census.take`` takes it.
    """
    used = aligned(in_order(views), crs, remember) if is_placed else in_order(views)
    extent = extents(used, crs)
    region = shapely.union_all(extent) if aoi is None else _projected(aoi, crs)
    return census.take(group_looks(used, extent, lattice_over(region, crs)), crs, aoi, reviewed, target), region


def _projected(aoi: BaseGeometry, crs: str) -> BaseGeometry:
    """Area of interest in metres; its edges are straight in degrees, so they get corners every kilometre or so."""
    projected: BaseGeometry = gpd.GeoSeries([shapely.segmentize(aoi, 0.01)], crs="EPSG:4326").to_crs(crs).iloc[0]
    if not np.isfinite(shapely.bounds(projected)).all():
        west, south, east, north = aoi.bounds
        raise InputError(
            f"the area of interest ({west:g} to {east:g} °E, {south:g} to {north:g} °N) reaches too far from the "
            f"scenes to be measured in {crs}; cut it to the ground the scenes cover, or name another products.crs"
        )
    return projected


def _held_apart(ponds: GeoDataFrame) -> GeoDataFrame:
    x, y, area = (ponds[name].to_numpy(float) for name in ("x", "y", "area_m2"))
    outlines = hold_apart(np.asarray(ponds.geometry.array, dtype=object), x, y, area)
    return ponds.assign(geometry=gpd.GeoSeries(outlines, index=ponds.index, crs=ponds.crs))


def _finished(frame: Table, table: tuple[Column, ...], *by: str) -> Table:
    """Exactly the columns of a table, rounded, sorted by its id where one is named."""
    numbers = {column.name: DECIMALS.get(column.name, 2) for column in table if column.kind == "number"}
    ordered = frame.sort_values(list(by), ignore_index=True) if by else frame
    return conform(ordered, table).round(numbers)


def _aliases(counted: Census, places: Places) -> pd.DataFrame:
    """Ids that ponds and sites would go by, had earlier scenes been missing or sites not yet grown together.

    A pond's id comes from its first sighting, so without the earlier scenes it would come from a later one; a site's
    from one of its ponds, so from the first of them at any later look, or from any of them before they were linked. All
    of them are listed, whatever was published before: the order of arrival plays no part.
    """
    tracks, site_id = counted.tracks, pd.Series(places.site_id)
    chosen = tracks.is_partner & places.is_published[tracks.track]
    track, sighting = tracks.track[chosen], tracks.sighting[chosen]
    sighted = counted.seen.iloc[sighting]
    code = ids.place_codes(sighted["lon"].to_numpy(float), sighted["lat"].to_numpy(float))
    claims = pd.DataFrame({"look": sighted["look"].to_numpy(), "sighting": sighting, "code": code})
    claims = claims.assign(site=places.site[track], pond_id=counted.ponds["pond_id"].to_numpy()[track])
    earliest = claims[claims["site"] >= 0].sort_values("sighting").drop_duplicates(["site", "look"])
    joined = pd.DataFrame({"site": places.site, "code": counted.ponds["code"]})
    joined = joined[joined["site"] >= 0]
    parts = (
        ("P", claims, claims["pond_id"], "id without the earlier scenes"),
        ("S", earliest, earliest["site"].map(site_id), "id without the earlier scenes"),
        ("S", joined, joined["site"].map(site_id), "id of a site before it grew together with this one"),
    )
    table = [pd.DataFrame({"old_id": p + c["code"], "new_id": new, "reason": why}) for p, c, new, why in parts]
    live = np.concatenate([places.ponds["pond_id"].to_numpy(np.str_), places.site_id])
    return ids.aliases(pd.concat(table), live=live)


def _notes(stored: Sequence[SceneView], counted: Census, min_confidence: float) -> tuple[str, ...]:
    """Sentences a reader of the products must know."""
    used = in_order(stored)
    known = {view.scene_id for view in used}
    unused = sorted((view.scene_id, view.superseded_by) for view in stored if view.scene_id not in known)
    notes = [f"Scene {old} is not used: {new} is a newer processing of the same acquisition." for old, new in unused]
    notes += [f"Scene {view.scene_id} has no acquisition time." for view in used if view.scene.datetime is None]
    for calibrated, meaning in UNCALIBRATED.items():
        count = sum(view.scene.calibrated == calibrated for view in used)
        who = f"{count} of {len(used)} scenes hold" if len(used) > 1 else "The only scene holds"
        notes += [f"{who} {meaning}."] if count else []
    notes += _placement_notes(counted)
    for look, (dx, dy) in zip(counted.looks, counted.tracks.shift_m, strict=False):
        off = f"Objects of {look.scene_id} lie {np.hypot(dx, dy):.1f} m off those of the looks before"
        notes += [f"{off} ({dx:+.1f} m east, {dy:+.1f} m north); ponds are matched without that."] if dx or dy else []
    best = float(counted.ponds["confidence"].max()) if len(counted.ponds) else 0.0
    return (*notes, *([] if best >= min_confidence and len(counted.ponds) else [_why_nothing(counted, min_confidence)]))


def _review_notes(reviewed: GeoDataFrame | None, counted: Census) -> list[str]:
    """Who reviewed the census, and which verdicts have nothing to stand on any more."""
    if reviewed is None or reviewed.empty:
        return []
    reviewers = ", ".join(sorted(reviewed["reviewer"].unique()))
    n_lost = int((~counted.is_about_one).sum())
    lost = f"; {n_lost} of them speak of places where no scene shows a candidate now" if n_lost else ""
    n_verdicts = f"{len(reviewed)} verdict{'s' * (len(reviewed) > 1)}"
    return [f"{n_verdicts} of reviewers ({reviewers}) changed this census: see verdicts.geojson{lost}."]


def _placement_notes(counted: Census) -> list[str]:
    """Which scenes were moved, and which could not be placed."""
    views = [view for look in counted.looks for view in look.views]
    moved = [view.placement for view in views if view.placement.outcome == "moved"]
    refused = sorted(view.scene_id for view in views if view.placement.outcome == "refused")
    notes = []
    if moved:
        farthest = max(np.hypot(one.east_m, one.north_m) for one in moved)
        notes.append(
            f"{len(moved)} of {len(views)} scenes lie up to {farthest:.1f} m off the first clear ones of the finest "
            "sensor; outlines are moved back (run.json names the shift of each)."
        )
    if refused:
        named = ", ".join(refused[:5]) + (f" and {len(refused) - 5} more" if len(refused) > 5 else "")
        notes.append(f"No stable ground agrees on where these scenes lie, so they are used as they are: {named}.")
    return notes


def _rounded_down(share: float) -> str:
    """Two decimals, never rounded up to the bound that the share falls short of."""
    return f"{np.floor(share * 100) / 100:.2f}"


def _why_nothing(counted: Census, min_confidence: float) -> str:
    """Why there is no pond."""
    if not counted.looks:
        return "No pond: no scene is stored."
    if not any(look.is_clear.any() for look in counted.looks):
        return "No pond: no scene saw any of the ground clear; everything was masked, or outside the area of interest."
    if not len(counted.ponds):
        return "No pond: no scene shows an object that could be one, where it was seen clear."
    best = float(counted.ponds["confidence"].max())
    return (
        f"No pond: the likeliest of {len(counted.ponds)} candidates has confidence {_rounded_down(best)}, "
        f"below confidence.min_confidence = {min_confidence:g}."
    )
