"""The census: every pond over all looks, with what the looks together say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from pondscan.follow import history, ids, verdicts
from pondscan.follow.forced import WETTEST_SHEET_NDWI, Forced, is_sheet, measure, run_together
from pondscan.follow.history import COVERED_KINDS, STATUS, Evidence, States
from pondscan.follow.looks import Look, days, objects_of, sightings, start_times
from pondscan.follow.matching import Objects
from pondscan.follow.tracks import Tracks, follow

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


LEACH_POND = "leach_pond"
"""The target where none is named."""


@dataclass(frozen=True, slots=True, eq=False)
class Census:
    """Ponds over all looks, believed or not."""

    looks: tuple[Look, ...]
    seen: GeoDataFrame
    """Sightings, as ``looks.sightings`` gives them."""
    tracks: Tracks
    evidence: Evidence
    """What every look says of every pond."""
    there: Floats
    """(n_ponds, n_looks) probability that each pond is there, liquid or covered, at each look."""
    state: States
    """(n_ponds, n_looks) state of every pond at every look."""
    confidence: Floats
    """(n_ponds, n_looks) confidence as it stood after every look."""
    ponds: GeoDataFrame
    """A row for each track, in the order of first sightings: columns ``tables.PONDS`` but `site_id`, with `code` (the
    id without its letter), `x`, `y`, `shared_sigma_m2`, and `first_x`, `first_y` (where it was first seen)."""
    is_about_one: NDArray[np.bool_]
    """(n_verdicts,) which verdicts speak of a pond that is here."""


def take(
    looks: Sequence[Look],
    crs: str,
    aoi: BaseGeometry | None = None,
    reviewed: GeoDataFrame | None = None,
    target: str = LEACH_POND,
) -> Census:
    """Follow the ponds through the looks and say of each what all looks together say.

    Parameters
    ----------
    looks
        In canonical order, as ``looks.group_looks`` gives them.
    crs
        Metric CRS to compare places in.
    aoi
        Area of interest in WGS84, None for no limit.
    reviewed
        What reviewers said, columns ``tables.VERDICTS``; None for nothing.
    target
        What the ponds are, as ``config.ConfidenceSettings`` has it.
    """
    said = verdicts.in_order(reviewed if reviewed is not None else verdicts.nothing_said(), crs)
    seen = verdicts.drawn_over(_sheets_named(sightings(looks, crs, aoi), looks), looks, said, crs)
    objects, look = objects_of(seen), seen["look"].to_numpy(np.int64)
    tracks = follow(objects, look)
    place = objects.take(tracks.reference)
    is_cover = seen["kind"].isin(COVERED_KINDS).to_numpy(bool)
    odds = np.clip(seen["confidence"].to_numpy(float), 0.001, 0.999)
    evidence = history.gather(
        looks,
        tracks,
        look=look,
        is_cover=is_cover,
        is_grey=~_is_raw(seen, looks) & (seen["ndwi_peak"].to_numpy(float) < WETTEST_SHEET_NDWI),
        log_odds=np.log(odds / (1 - odds)),
        forced=_forced(looks, tracks, place, objects, look, crs),
        x=place.x,
        y=place.y,
        diameter_m=place.diameter_m,
        crs=crs,
    )
    start = start_times(looks)
    there = history.there(evidence, days(start))
    state = history.states(evidence, there >= 0.5, days(start))
    belief, is_about_one = verdicts.belief(seen, tracks, said)
    measured = history.confidence(
        evidence,
        tracks,
        look=look,
        probability=seen["confidence"].to_numpy(float),
        size_px=objects.diameter_m / objects.gsd_m,
        first_x=objects.x[tracks.first],
        first_y=objects.y[tracks.first],
        gsd_m=np.array([one.gsd_m for one in looks]),
        day=days(start),
        target=target,
    )
    probability = verdicts.believed(measured, belief)
    ponds = _latest(looks, seen, tracks, evidence).assign(
        **_first(seen.iloc[tracks.first]),
        **_dates(evidence, there, start),
        confidence=probability[:, -1] if len(looks) else np.empty(0),
        status=_status(state),
        n_seen=evidence.n_seen,
        n_clear=evidence.n_clear,
    )
    return Census(tuple(looks), seen, tracks, evidence, there, state, probability, ponds, is_about_one)


def _sheets_named(seen: GeoDataFrame, looks: Sequence[Look]) -> GeoDataFrame:
    """Call the sightings that show a black sheet by that kind: one scene alone has no word for it.

    Raw digital numbers cannot tell black plastic from dark water: no sheet is seen in them.
    """
    size_px = seen["diameter_m"].to_numpy(float) / seen["gsd_m"].to_numpy(float)
    is_cover = is_sheet(seen["ndwi_peak"].to_numpy(float), seen["visible"].to_numpy(float), size_px)
    is_cover &= ~_is_raw(seen, looks)
    return seen.assign(kind=seen["kind"].mask(is_cover, COVERED_KINDS[0]))


def _is_raw(seen: GeoDataFrame, looks: Sequence[Look]) -> NDArray[np.bool_]:
    """Whether each sighting is of a scene in raw digital numbers."""
    raw = [view.scene_id for look in looks for view in look.views if view.scene.calibrated == "dn"]
    return np.asarray(seen["scene_id"].isin(raw), dtype=np.bool_)


def _forced(
    looks: Sequence[Look], tracks: Tracks, place: Objects, objects: Objects, look: Integers, crs: str
) -> Forced:
    """Measure the ponds where looks have no sighting of them."""
    is_sighted = np.zeros((tracks.n_tracks, len(looks)), bool)
    is_sighted[tracks.track, look[tracks.sighting]] = True
    shift_m = np.zeros((len(looks), 2))  # looks after the last sighting have none
    shift_m[: len(tracks.shift_m)] = tracks.shift_m
    forced = measure(looks, place, shift_m, is_sighted, crs)
    is_within = run_together(place, objects, look, shift_m, is_sighted)
    return replace(forced, is_faint=forced.is_faint | (is_within & ~forced.is_cover))


def _latest(looks: Sequence[Look], seen: GeoDataFrame, tracks: Tracks, evidence: Evidence) -> GeoDataFrame:
    """Outline, area, kind, sensor and scenes of the latest clear look that saw the pond on its own."""
    area, look = seen["area_m2"].to_numpy(float), seen["look"].to_numpy(np.int64)
    source = history.sources(evidence, tracks, look=look, area_m2=area)
    taken = seen.iloc[source].reset_index(drop=True)
    return taken.assign(
        sensor=[looks[number].sensor for number in look[source]],
        scene_id=[looks[number].scene_id for number in look[source]],
    )


def _first(first: GeoDataFrame) -> dict[str, NDArray[np.generic]]:
    """Identity and place of the first sighting."""
    places = ids.place_codes(first["lon"].to_numpy(float), first["lat"].to_numpy(float))
    code = ids.tell_apart(places)
    return {
        "code": code,
        "pond_id": np.char.add("P", code),
        "first_x": first["x"].to_numpy(float),
        "first_y": first["y"].to_numpy(float),
    }


def _dates(evidence: Evidence, there: Floats, start: NDArray[np.datetime64]) -> dict[str, pd.DatetimeIndex]:
    dates = history.dates(evidence, there, start)
    names = ("first_seen", "not_seen_before", "last_seen")
    return {name: pd.DatetimeIndex(date, tz="UTC") for name, date in zip(names, dates, strict=True)}


def _status(state: States) -> list[str]:
    """Status at the newest look."""
    return [STATUS[code] for code in state[:, -1].tolist()] if state.size else []
