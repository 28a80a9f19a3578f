"""Places of the census: the sites, and the isolated ponds, each its own place; what was seen there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

from pondscan.detect.detection import RESOLVING_GSD_M
from pondscan.follow import history, sites
from pondscan.follow.census import Census
from pondscan.follow.history import STATUS, State, States

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Polygons = NDArray[np.object_]
Strings = NDArray[np.str_]


MIN_USUAL = 3
"""Ponds of a place that say what size is usual there."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Sites first, isolated ponds after them."""

    ponds: GeoDataFrame
    """The published ponds, rows of ``Census.ponds`` with `site_id`."""
    is_published: Booleans
    """(n_tracks,) which rows of ``Census.ponds`` they are."""
    home: Integers
    """(n_ponds,) place of each published pond."""
    site: Integers
    """(n_tracks,) site of every track, published or not; ``sites.ALONE`` for none."""
    site_id: Strings
    """(n_sites,) from the code of the site's first pond."""
    outline: Polygons
    """Footprints of the sites, outlines of the isolated ponds."""
    diameter_m: Floats
    """Median diameter of the place's ponds."""
    confidence: Floats
    """Probability that a site has enough real ponds to be one, or that the isolated pond is real."""
    state: States
    """(n_places, n_looks) the best known state of any of its ponds."""

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return len(self.site_id)

    def __len__(self) -> int:
        return len(self.outline)


def locate(
    census: Census,
    min_confidence: float,
    region: BaseGeometry,
    *,
    distance_m: float,
    min_ponds: int,
    footprint_buffer_m: float,
) -> Places:
    """Link ponds to sites.

    All ponds that were believed after any look are linked, so that a site never falls apart when one of them is no
    longer believed, and never changes its name as looks are added (``sites.grow``). Ponds believed after the last look
    are published, and make a site when there are ``min_ponds`` of them.

    Parameters
    ----------
    census
        All ponds.
    min_confidence
        Least confidence to be believed.
    region
        Ground the census speaks of; footprints end at its edge.
    distance_m, min_ponds, footprint_buffer_m
        As ``config.SiteSettings`` describes them.
    """
    is_published = census.ponds["confidence"].to_numpy(float) >= min_confidence
    site, namesake = _sites(
        census, is_published, min_confidence=min_confidence, distance_m=distance_m, min_ponds=min_ponds
    )
    ponds, label = census.ponds[is_published].reset_index(drop=True), site[is_published]
    is_alone = label == sites.ALONE
    site_id = np.char.add("S", census.ponds["code"].to_numpy(np.str_)[namesake])
    home = np.where(is_alone, len(site_id) + np.cumsum(is_alone) - 1, label)
    outline = np.asarray(ponds.geometry.array, dtype=object)
    ground = shapely.intersection(sites.footprints(outline, label, buffer_m=footprint_buffer_m), region)
    probability = ponds["confidence"].to_numpy(float)
    return Places(
        ponds=ponds.assign(site_id=pd.Series(np.append(site_id, "")[label]).mask(is_alone)),
        is_published=is_published,
        home=home,
        site=site,
        site_id=site_id,
        outline=np.concatenate([np.atleast_1d(ground), outline[is_alone]]),
        diameter_m=ponds["diameter_m"].groupby(home).median().to_numpy(float),
        confidence=np.concatenate([sites.at_least(probability, label, n=min_ponds), probability[is_alone]]),
        state=history.joint_states(census.state[is_published], home, len(site_id) + int(is_alone.sum())),
    )


def _sites(
    census: Census, is_published: Booleans, *, min_confidence: float, distance_m: float, min_ponds: int
) -> tuple[Integers, Integers]:
    """Site of every track, and the track each site is named after.

    Tracks that were never believed go with the nearest one that was, within ``distance_m``.
    """
    first = census.ponds[["first_x", "first_y"]].to_numpy(float)
    is_believed = census.confidence >= min_confidence
    was_believed = np.flatnonzero(is_believed.any(axis=1))
    group = np.full(len(first), -1, np.int64)
    group[was_believed], namesake = sites.grow(
        first[was_believed], is_believed[was_believed], distance_m=distance_m, min_ponds=min_ponds
    )
    doubted = np.flatnonzero(group < 0)
    if len(doubted) and len(was_believed):
        distance, nearest = cKDTree(first[was_believed]).query(first[doubted])
        group[doubted] = np.where(distance <= distance_m, group[was_believed][nearest], -1)
    is_site = np.bincount(group[is_published], minlength=len(namesake)) >= min_ponds
    number = np.append(np.where(is_site, np.cumsum(is_site) - 1, sites.ALONE), sites.ALONE)
    return number[group], was_believed[namesake[is_site]]


def seen_at(places: Places, census: Census) -> pd.DataFrame:
    """Sightings of liquid at a place, each once, as ``series.place_looks`` takes them.

    One counts when its pond is published, unless it is unlikely by itself and all looks together take it for a mistake.
    Candidates that are not published stand at a site when they are within its linkage distance. `real` is the
    probability that the pond is one, `liquid` that it is, and was there at that look: the lesser of both; `confidence`
    is that of the sighting by itself.
    """
    home = places.site.copy()
    home[places.is_published] = places.home
    track, sighting = census.tracks.track, census.tracks.sighting
    cell = track, census.seen["look"].to_numpy(np.int64)[sighting]
    real = census.ponds["confidence"].to_numpy(float)[track]
    is_believed = (census.there[cell] >= 0.5) | (census.evidence.log_odds[cell] >= 0)
    members = pd.DataFrame(
        {
            "sighting": sighting,
            "place": home[track],
            "is_counted": places.is_published[track] & is_believed,
            "real": real,
            "liquid": np.minimum(real, census.there[cell]),
        }
    )
    is_here = (home[track] >= 0) & ~census.evidence.is_covered[cell]
    members = members[is_here].sort_values(["sighting", "is_counted", "real"], ascending=[True, False, False])
    members = members.drop_duplicates("sighting").reset_index(drop=True)
    columns = ["look", "confidence", "pond_equivalents", "area_m2", "area_sigma_m2", "shared_sigma_m2", "gsd_m"]
    measured = pd.DataFrame(census.seen[columns]).iloc[members["sighting"].to_numpy()].reset_index(drop=True)
    joined: pd.DataFrame = pd.concat([members, measured], axis=1)
    return joined.assign(pond_equivalents=_equivalents(joined, _usual_m2(places)))


def _usual_m2(places: Places) -> pd.Series:
    """Usual area of a place's ponds, by place, where finer pixels have measured ``MIN_USUAL`` of them one by one."""
    resolved = places.ponds["gsd_m"].to_numpy(float) < RESOLVING_GSD_M
    areas = places.ponds["area_m2"].to_numpy(float)[resolved]
    of_place = pd.Series(areas).groupby(places.home[resolved])
    return of_place.median()[of_place.size() >= MIN_USUAL]


def _equivalents(seen: pd.DataFrame, usual_m2: pd.Series) -> pd.Series:
    """Ponds of the place's usual size that each sighting amounts to, where its pixels do not tell them apart.

    Where no finer look knows that size it stays what the scene said, from its own single ponds or from the usual pond.
    """
    amounts = (seen["area_m2"] / seen["place"].map(usual_m2)).clip(lower=1.0)
    is_asked = (seen["gsd_m"] >= RESOLVING_GSD_M) & amounts.notna()
    return seen["pond_equivalents"].mask(is_asked, amounts)


def unseen_at(places: Places, census: Census) -> pd.DataFrame:
    """Liquid known to be at a place that a look, clear there, does not show.

    Ponds too small for the look's pixels, or missed, count with the area that they have in the products and the
    probability that they are there.

    Returns
    -------
    DataFrame
        Sorted by place and look: `place`, `look`, `unseen_m2` and its variance `unseen_variance`.
    """
    home = np.full(len(places.is_published), -1)
    home[places.is_published] = places.home
    evidence, is_open = census.evidence, np.isin(census.state, (State.PRESENT, State.NOT_YET))
    track, look = np.nonzero(places.is_published[:, None] & evidence.is_clear & ~evidence.is_seen & is_open)
    liquid = np.minimum(census.there[track, look], census.ponds["confidence"].to_numpy(float)[track])
    area, sigma = (census.ponds[name].to_numpy(float)[track] for name in ("area_m2", "area_sigma_m2"))
    parts = {
        "unseen_m2": liquid * area,
        "unseen_variance": liquid * sigma**2 + liquid * (1 - liquid) * area**2,
    }
    place = pd.Series(home[track], name="place")
    return pd.DataFrame(parts).groupby([place, pd.Series(look, name="look")]).sum()


def site_table(
    places: Places, trend: Floats, not_seen_since: Times, change_points: Mapping[str, Times]
) -> GeoDataFrame:
    """Sites: the columns ``tables.SITES`` and the footprints.

    Counts and areas are of the ponds present; they are zero where the site is gone, and null where its ponds are all
    covered or unobserved.

    Parameters
    ----------
    trend : (n_sites, 3)
        As ``trends.site_trends`` gives it.
    not_seen_since : (n_sites,)
        As ``series.not_seen_since`` gives it.
    change_points
        As ``onsets.change_points`` gives them.
    """
    n_sites, every = places.n_sites, range(places.n_sites)
    ponds = pd.DataFrame(places.ponds.drop(columns="geometry")).assign(site=places.home)
    ponds = ponds[ponds["site"] < n_sites]
    status = [STATUS[code] for code in places.state[:n_sites, -1].tolist()] if n_sites else []
    sums = _present_sums(ponds).reindex(every)
    sums[np.array(status, dtype=object) == "gone"] = 0.0
    of_site = ponds.groupby("site")
    opening = ponds[ponds["first_seen"] == of_site["first_seen"].transform("min")].groupby("site")
    table = {
        "site_id": places.site_id,
        "status": status,
        **{name: sums[name] for name in sums.columns},
        "footprint_m2": shapely.area(places.outline[:n_sites]),
        "confidence": places.confidence[:n_sites],
        "first_seen": of_site["first_seen"].min(),
        "not_seen_before": opening["not_seen_before"].max().reindex(every),
        "last_seen": of_site["last_seen"].max(),
        "trend_m2_per_year": trend[:, 0],
        "trend_lower_m2_per_year": trend[:, 1],
        "trend_upper_m2_per_year": trend[:, 2],
        "not_seen_since": pd.DatetimeIndex(not_seen_since, tz="UTC"),
        **{name: pd.DatetimeIndex(when, tz="UTC") for name, when in change_points.items()},
    }
    footprint = gpd.GeoSeries(places.outline[:n_sites], crs=places.ponds.crs)
    return GeoDataFrame(table, geometry=footprint)


def _present_sums(ponds: pd.DataFrame) -> pd.DataFrame:
    """Counts and areas of the present ponds of each site."""
    present = ponds[ponds["status"] == "present"]
    shared, variance = sites.parts_of_sigma(present["area_sigma_m2"], present["shared_sigma_m2"])
    real = present["confidence"]
    parts = {
        "n_ponds": present["site"] * 0.0 + 1.0,
        "pond_equivalents": present["pond_equivalents"],
        "pond_area_m2": present["area_m2"],
        "shared": shared,
        "variance": variance + real * (1 - real) * present["area_m2"] ** 2,
        "doubt": (1 - real) * present["area_m2"],
    }
    sums = pd.DataFrame(parts).groupby(present["site"]).sum()
    own, common, doubt = sums[["variance", "shared", "doubt"]].to_numpy(float).T
    sigma = sites.total_sigma(own, np.hypot(common, doubt))
    return sums.drop(columns=["shared", "variance", "doubt"]).assign(pond_area_sigma_m2=sigma)
