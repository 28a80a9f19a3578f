"""What each look saw at each place: the time series of sites, and when they closed.

The places are the sites and the isolated ponds; ``place_looks`` has a row for every place and every look that touches
it, the unseen ones too, and is what ``timeseries`` and ``survey`` are summed from.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pondscan.detect import detection
from pondscan.follow.history import STATUS, State, States, detectable
from pondscan.follow.looks import Look, clear_share, start_times
from pondscan.follow.matching import FINER
from pondscan.follow.places import Places
from pondscan.follow.sites import parts_of_sigma, total_sigma
from pondscan.follow.trends import WHOLE
from pondscan.tables import TIMESERIES, conform

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Polygons = NDArray[np.object_]

Times = NDArray[np.datetime64]


def place_looks(
    places: Places, looks: Sequence[Look], seen: pd.DataFrame, unseen: pd.DataFrame, crs: str
) -> pd.DataFrame:
    """Sum what every look saw at every place.

    Parameters
    ----------
    places
        Sites and isolated ponds.
    looks
        All looks.
    seen, unseen
        As ``places.seen_at`` and ``places.unseen_at`` give them.
    crs
        CRS of the outlines.

    Returns
    -------
    DataFrame
        Sorted by place and look: `n_ponds`, `pond_equivalents`, `area_m2` (null where unseen), `variance` and
        `shared_sigma_m2` of the area, `measured_variance` (the part of `variance` that is new at every look),
        `doubt_m2` (what it is expected to be off by, as some that is counted is no liquid and some that is not counted
        is), `unseen_m2` and `unseen_variance` (liquid in sight that the look does not show), `n_objects` (candidates
        below the least confidence included), the `expected` number of real ones among them and its variance
        `count_variance`, `observed_fraction`, `state`.
    """
    gsd = np.array([look.gsd_m for look in looks])
    grid = _observed(places, looks, crs).set_index(["place", "look"])
    rows = _with_unseen(grid.join(_sums(seen)).join(unseen).reset_index(), gsd)
    index = (rows["place"].to_numpy(), rows["look"].to_numpy())
    is_seen = rows["n_ponds"].fillna(0).to_numpy(float) > 0
    at_look = places.state[index]
    is_zero = (rows["observed_fraction"].to_numpy() >= WHOLE) & ~np.isin(at_look, (State.COVERED, State.UNOBSERVED))
    is_zero &= detectable(places.diameter_m[index[0]], gsd[index[1]]) & ~is_seen
    sums = [name for name in rows.columns if name not in ("place", "look", "observed_fraction")]
    rows[sums] = rows[sums].fillna(0.0)
    rows.loc[~(is_seen | is_zero), sums] = np.nan
    is_known = is_seen | is_zero | (at_look == State.COVERED)
    return rows.assign(state=np.where(is_known, at_look, State.UNOBSERVED))


def _observed(places: Places, looks: Sequence[Look], crs: str) -> pd.DataFrame:
    """Share of every place that each look touching it saw clear; sorted by place and look."""
    parts = [pd.DataFrame({"place": [], "look": [], "observed_fraction": []})]
    for number, look in enumerate(looks):
        touched = np.flatnonzero(shapely.intersects(look.extent, places.outline))
        share = clear_share(look, places.outline[touched], crs)
        parts.append(pd.DataFrame({"place": touched, "look": number, "observed_fraction": share}))
    rows = pd.concat([part for part in parts if len(part)] or parts)
    rows = rows.astype({"place": np.int64, "look": np.int64, "observed_fraction": float})
    return rows.sort_values(["place", "look"], ignore_index=True)


def _sums(seen: pd.DataFrame) -> pd.DataFrame:
    """Sums over the sightings of each place and look.

    Candidates below the least confidence add to what is expected at a site, not to what is counted.
    """
    is_counted = seen["is_counted"].astype(float)
    area, liquid = seen["area_m2"], seen["liquid"]
    shared, own_variance = parts_of_sigma(seen["area_sigma_m2"], seen["shared_sigma_m2"])
    chance = np.maximum(detection.chance(2 * np.sqrt(area / np.pi), seen["gsd_m"]), detection.EVEN)
    summed = pd.DataFrame(
        {
            "place": seen["place"],
            "look": seen["look"],
            "n_ponds": is_counted,
            "pond_equivalents": seen["pond_equivalents"] * is_counted,
            "area_m2": area * is_counted,
            "measured_variance": own_variance * is_counted,
            "variance": own_variance * is_counted + liquid * (1 - liquid) * area**2,
            "shared_sigma_m2": shared * is_counted,
            "doubt_m2": (liquid - is_counted) * area,
            "small_m2": area * (1 / chance - 1) * is_counted,
            "small_variance": area**2 * (1 / chance - 1) / chance * is_counted,
            "n_objects": 1.0,
            "expected": seen["real"],
            "count_variance": seen["real"] * (1 - seen["real"]),
        }
    )
    return summed.groupby(["place", "look"], sort=True).sum()


def _with_unseen(rows: pd.DataFrame, gsd_m: Floats) -> pd.DataFrame:
    """Say of each row how much liquid in sight it does not show.

    That is what is known from other looks, or, where no finer pixels have seen the place, what the ponds it does show
    stand for, when that is more: one that shows every other time stands for another (Horvitz and Thompson 1952, with
    the measured chance to see a pond of that size).
    """
    pixel_m = gsd_m[rows["look"].to_numpy()]
    finest_m = pd.Series(pixel_m).where(rows["observed_fraction"] > 0).groupby(rows["place"]).transform("min")
    is_finest = pixel_m < FINER * finest_m.to_numpy()
    known = rows[["unseen_m2", "unseen_variance"]].fillna(0.0)
    small = rows[["small_m2", "small_variance"]].fillna(0.0).to_numpy() * is_finest[:, None]
    is_more = small[:, :1] > known[["unseen_m2"]].to_numpy()
    rows[["unseen_m2", "unseen_variance"]] = np.where(is_more, small, known.to_numpy())
    return rows.drop(columns=["small_m2", "small_variance"])


def timeseries(rows: pd.DataFrame, looks: Sequence[Look], site_id: NDArray[np.str_]) -> pd.DataFrame:
    """Time series of the sites: the columns ``tables.TIMESERIES``, sorted by site_id, datetime and scene_id.

    `status` is empty for clear looks before the site's first pond. The area is of what was seen; how much of the site's
    liquid the look's pixels do not show is in its sigma, so that looks of different sensors can be compared.
    """
    rows = rows[rows["place"] < len(site_id)]
    look = rows["look"].to_numpy()
    variance, shared, doubt, unseen, unseen_variance = (
        rows[name].to_numpy() for name in ("variance", "shared_sigma_m2", "doubt_m2", "unseen_m2", "unseen_variance")
    )
    off = np.hypot(shared, doubt + unseen)
    described = pd.DataFrame(
        {
            "site_id": site_id[rows["place"].to_numpy()],
            "datetime": pd.to_datetime(pd.Series([looks[i].start for i in look], dtype="object"), utc=True),
            "scene_id": [looks[i].scene_id for i in look],
            "sensor": [looks[i].sensor for i in look],
            "area_sigma_m2": total_sigma(variance + unseen_variance, off),
            "area_bias_m2": doubt + unseen,
            "status": rows["state"].map(STATUS).to_numpy(),
        }
    )
    summed = rows[["n_ponds", "pond_equivalents", "area_m2", "observed_fraction"]].reset_index(drop=True)
    table = conform(pd.concat([described, summed], axis=1), TIMESERIES)
    return table.sort_values(["site_id", "datetime", "scene_id"], na_position="first", ignore_index=True)


def not_seen_since(rows: pd.DataFrame, looks: Sequence[Look], state: States, n_sites: int) -> Times:
    """First dated clear look without liquid after the last that saw any: the other end of a closure's interval.

    A site closed after its last sighting and by then; cloud and monsoon in between only make the interval longer.

    Parameters
    ----------
    rows
        As ``place_looks`` gives them, the sites first among the places.
    state : (n_places, n_looks)
        As ``Places.state``.

    Returns
    -------
    (n_sites,)
        NaT unless the site is gone at the newest look.
    """
    start = start_times(looks)
    since = np.full(n_sites, np.datetime64("NaT", "us"))
    is_gone = state[:n_sites, -1] == State.GONE if len(looks) else np.zeros(n_sites, bool)
    of_gone = rows[(rows["place"] < n_sites) & is_gone[np.minimum(rows["place"], n_sites - 1)]] if n_sites else rows[:0]
    is_there = (of_gone["n_ponds"] > 0) | (of_gone["state"] == State.COVERED)
    last = of_gone["look"].where(is_there).groupby(of_gone["place"]).transform("max")
    is_after = (of_gone["n_ponds"] == 0) & (of_gone["look"] > last) & ~np.isnat(start[of_gone["look"]])
    first = of_gone[is_after].groupby("place")["look"].min()
    since[first.index.to_numpy(np.int64)] = start[first.to_numpy(np.int64)]
    return since
