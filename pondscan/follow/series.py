"""What each look saw at each place: the time series of sites, and their trends.

The places are the sites and the isolated ponds; ``place_looks`` has a row for every place and every look that touches
it, the unseen ones too, and is what ``timeseries`` and ``survey`` are summed from.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pondscan.detect import detection
from pondscan.follow.history import STATUS, State, detectable
from pondscan.follow.looks import Look, clear_share, days, start_times
from pondscan.follow.matching import FINER
from pondscan.follow.places import Places
from pondscan.follow.sites import parts_of_sigma, total_sigma
from pondscan.tables import TIMESERIES, conform

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Polygons = NDArray[np.object_]

WHOLE = 0.9
"""A look that saw at least this share of a place saw it whole: only such a look can say zero, or enter a trend."""

MIN_TREND_LOOKS = 4
MIN_TREND_DAYS = 365.0

WET_MONTHS = (5, 6, 7, 8, 9, 10)
"""May to October; the other months are the dry season."""


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
        `shared_sigma_m2` of the area, `doubt_m2` (what it is expected to be off by, as some that is counted is no
        liquid and some that is not counted is), `unseen_m2` and `unseen_variance` (liquid in sight that the look does
        not show), `n_objects` (candidates below the least confidence included), the `expected` number of real ones
        among them and its variance `count_variance`, `observed_fraction`, `state`.
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
            "status": rows["state"].map(STATUS).to_numpy(),
        }
    )
    summed = rows[["n_ponds", "pond_equivalents", "area_m2", "observed_fraction"]].reset_index(drop=True)
    table = conform(pd.concat([described, summed], axis=1), TIMESERIES)
    return table.sort_values(["site_id", "datetime", "scene_id"], na_position="first", ignore_index=True)


def trends(rows: pd.DataFrame, looks: Sequence[Look], n_sites: int) -> Floats:
    """Trend of the liquid area of each site with its 95 % interval.

    Theil–Sen slope and Sen's rank interval (``scipy.stats.theilslopes``) over whole looks of one sensor and one season,
    so that neither monsoon nor pixel size passes for change: the finest sensor with ``MIN_TREND_LOOKS`` such looks
    over ``MIN_TREND_DAYS``, in the season that has more of them (the dry one of equals).

    Returns
    -------
    (n_sites, 3)
        Slope, lower and upper end, square metres per year; NaN where there are too few looks.
    """
    found = np.full((n_sites, 3), np.nan)
    usable = _trend_rows(rows[rows["place"] < n_sites], looks)
    keys = ["place", "gsd_m", "sensor", "is_wet"]
    group = usable.groupby(keys)["day"].agg(["size", "min", "max"]).reset_index()
    group = group[(group["size"] >= MIN_TREND_LOOKS) & (group["max"] - group["min"] >= MIN_TREND_DAYS)]
    group = group.sort_values(["place", "gsd_m", "size", "sensor", "is_wet"], ascending=[True, True, False, True, True])
    if group.empty:
        return found
    from scipy.stats import theilslopes  # takes half a second to import, and most runs have no trend

    chosen = usable.merge(group.drop_duplicates("place")[keys], on=keys)
    for place, series in chosen.groupby("place"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            slope = theilslopes(series["area_m2"], series["day"] / 365.25, alpha=0.95)
        found[int(str(place))] = slope.slope, slope.low_slope, slope.high_slope
    return found


def _trend_rows(rows: pd.DataFrame, looks: Sequence[Look]) -> pd.DataFrame:
    """Dated looks that saw the place whole, with day, season, sensor and pixel size."""
    start = start_times(looks)
    month = start.astype("datetime64[M]").astype(np.int64) % 12 + 1
    described = pd.DataFrame(
        {
            "look": np.arange(len(looks)),
            "day": days(start),
            "is_wet": np.isin(month, WET_MONTHS),
            "gsd_m": [look.gsd_m for look in looks],
            "sensor": [look.sensor for look in looks],
        }
    )
    usable = rows[(rows["observed_fraction"] >= WHOLE) & rows["area_m2"].notna()].merge(described, on="look")
    return usable[usable["day"].notna()]
