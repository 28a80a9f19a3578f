"""Is a site growing? Robust trends of its liquid area, with intervals that hold what they promise.

Looks are compared within one sensor and one season, in different years: neither pixel size nor the monsoon passes for
change. Looks of a season that lie within ``BLOCK_DAYS`` share weather and the state of the works; they speak as one, by
their median, so that a month of daily looks is one voice, and a gap is a gap.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pondscan.follow.looks import Look, days, start_times
from pondscan.follow.sites import total_sigma

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

WHOLE = 0.9
"""A look that saw at least this share of a place saw it whole: only such a look can say zero, or enter a trend."""

WET_MONTHS = (5, 6, 7, 8, 9, 10)
"""May to October; the other months are the dry season."""

MIN_TREND_LOOKS = 4
MIN_TREND_DAYS = 365.0

BLOCK_DAYS = 60.0
"""OWN: departures from the trend are taken to be independent when they are so far apart. With a memory of up to that
many days in simulated series the interval still holds the truth 95 times in 100 (``tests/test_trends.py``)."""

N_RESAMPLES = 400
Z_95 = 1.96


class Trend(NamedTuple):
    """Square metres per year, with the ends of the 95 % interval."""

    slope: float
    lower: float
    upper: float


class Blocks(NamedTuple):
    """Looks of one season that lie close together, as one; in order of time."""

    day: Floats
    area_m2: Floats
    sigma_m2: Floats
    season: Integers


def site_trends(rows: pd.DataFrame, looks: Sequence[Look], n_sites: int) -> Floats:
    """Trend of the liquid area of each site, from the finest sensor whose looks allow one.

    Parameters
    ----------
    rows
        As ``series.place_looks`` gives them, the sites first among the places.
    looks
        All looks.

    Returns
    -------
    (n_sites, 3)
        Slope, lower and upper end, square metres per year; NaN where no sensor's looks allow a trend.
    """
    found = np.full((n_sites, 3), np.nan)
    usable = _usable(rows[rows["place"] < n_sites], looks)
    keys = ["place", "gsd_m", "sensor"]
    is_enough = usable.groupby(keys)["day"].transform("size") >= MIN_TREND_LOOKS
    for _, series in usable[is_enough].groupby(keys, sort=True):  # the finest sensor of a place comes first
        place = int(series["place"].iloc[0])
        if np.isnan(found[place, 0]):
            day, area, sigma = (series[name].to_numpy(float) for name in ("day", "area_m2", "sigma_m2"))
            found[place] = robust_trend(day, area, sigma, series["season"].to_numpy(np.int64)) or np.nan
    return found


def robust_trend(day: Floats, area_m2: Floats, sigma_m2: Floats, season: Integers) -> Trend | None:
    """Trend of one series, robust against a few wrong looks.

    The slope is the median of the slopes of all pairs of blocks of one kind of season in different years, weighted by
    the time between them (Theil 1950, Sen 1968; pairs within seasons: Hirsch, Slack and Smith 1982; weights: Jaeckel
    1972). Its standard deviation comes from resampling the departures of whole blocks, which keeps what is correlated
    within them (block bootstrap: Carlstein 1986, Künsch 1989), drawn by a generator seeded from the series itself. The
    interval takes Student's t for the blocks there are, and is never narrower than the measurement errors make it.

    Parameters
    ----------
    day : (n,)
        Time of each look in days, in any order. Looks of one day are averaged, so that a look that comes twice counts
        once.
    area_m2, sigma_m2 : (n,)
        Liquid area and its standard deviation.
    season : (n,)
        Number of the season: dry ones even, wet ones odd, counted up through the years (``season_number``).

    Returns
    -------
    Trend or None
        None below ``MIN_TREND_LOOKS`` days over ``MIN_TREND_DAYS``, or where the gaps leave too few blocks, or no kind
        of season with looks in two years.
    """
    blocks = _comparable(_blocks(_by_day(day, area_m2, sigma_m2, season)))
    n_days = len(np.unique(np.floor(day)))
    n_free = len(blocks.day) - 1 - len(np.unique(blocks.season % 2))
    if n_days < MIN_TREND_LOOKS or n_free < 1 or np.ptp(blocks.day) < MIN_TREND_DAYS:
        return None
    year, area = blocks.day / 365.25, blocks.area_m2
    first, second = _pairs(blocks.season)
    slope = float(_slopes(area, year, first, second))
    departure = _departures(area - slope * year, blocks.season % 2) * np.sqrt(len(area) / n_free)
    rng = np.random.default_rng(_seed(year, area))
    drawn = departure[rng.integers(0, len(area), (N_RESAMPLES, len(area)))]
    measured = blocks.sigma_m2 * rng.standard_normal((N_RESAMPLES, len(area)))
    spread, error = (np.std(_slopes(noise, year, first, second), ddof=1) for noise in (drawn, measured))
    half = max(_student(n_free) * float(spread), Z_95 * float(error))
    return Trend(slope, slope - half, slope + half)


def season_number(start: NDArray[np.datetime64]) -> Integers:
    """Number of the season of times: dry ones (November to April) even, wet ones odd, counted up through the years.

    >>> season_number(np.array(["2021-01-15", "2021-07-01", "2021-12-01", "2022-04-30"], "datetime64[D]")).tolist()
    [102, 103, 104, 104]
    """
    month = start.astype("datetime64[M]").astype(np.int64)
    is_wet = np.isin(month % 12 + 1, WET_MONTHS)
    return np.where(is_wet, 2 * (month // 12) + 1, 2 * ((month + 2) // 12))


def _usable(rows: pd.DataFrame, looks: Sequence[Look]) -> pd.DataFrame:
    """Dated looks that saw the place whole, with day, season, sensor, pixel size and error."""
    start = start_times(looks)
    described = pd.DataFrame(
        {
            "look": np.arange(len(looks)),
            "day": days(start),
            "season": season_number(start),
            "gsd_m": [look.gsd_m for look in looks],
            "sensor": [look.sensor for look in looks],
        }
    )
    usable = rows[(rows["observed_fraction"] >= WHOLE) & rows["area_m2"].notna()].merge(described, on="look")
    sigma = total_sigma(usable["measured_variance"].to_numpy(float), usable["shared_sigma_m2"].to_numpy(float))
    return usable.assign(sigma_m2=sigma)[usable["day"].notna()]


def _by_day(day: Floats, area_m2: Floats, sigma_m2: Floats, season: Integers) -> pd.DataFrame:
    """One row for each day, in order."""
    looks = pd.DataFrame({"day": np.floor(day), "area_m2": area_m2, "sigma_m2": sigma_m2, "season": season})
    return looks.groupby("day", sort=True).mean().reset_index().astype({"season": np.int64})


def _blocks(looks: pd.DataFrame) -> Blocks:
    """Join the looks of one season within ``BLOCK_DAYS``: medians, and an error that falls with their number."""
    day, season = looks["day"].to_numpy(), looks["season"].to_numpy()
    number, opened = np.zeros(len(day), np.int64), 0
    for look in range(1, len(day)):
        is_new = season[look] != season[opened] or day[look] - day[opened] >= BLOCK_DAYS
        opened = look if is_new else opened
        number[look] = number[look - 1] + is_new
    group = looks.groupby(number)
    middle = group[["day", "area_m2"]].median().to_numpy(float).T
    sigma = np.sqrt((looks["sigma_m2"] ** 2).groupby(number).sum()) / group.size()
    return Blocks(middle[0], middle[1], sigma.to_numpy(float), group["season"].first().to_numpy(np.int64))


def _comparable(blocks: Blocks) -> Blocks:
    """Blocks of the kinds of season that were looked at in more than one year."""
    season = blocks.season
    kinds = [kind for kind in (0, 1) if len(np.unique(season[season % 2 == kind])) > 1]
    is_kept = np.isin(season % 2, kinds)
    return Blocks(blocks.day[is_kept], blocks.area_m2[is_kept], blocks.sigma_m2[is_kept], season[is_kept])


def _pairs(season: Integers) -> tuple[Integers, Integers]:
    """Pairs of blocks of one kind of season in different years, the earlier one first."""
    first, second = np.triu_indices(len(season), 1)
    is_alike = (season[first] % 2 == season[second] % 2) & (season[first] != season[second])
    return first[is_alike], second[is_alike]


def _slopes(area: Floats, year: Floats, first: Integers, second: Integers) -> Floats:
    """Weighted median of the slopes of pairs, along the last axis of ``area``."""
    apart = year[second] - year[first]
    slope = (area[..., second] - area[..., first]) / apart
    order = np.argsort(slope, axis=-1, kind="stable")
    weight = np.cumsum(apart[order], axis=-1)
    middle = (weight < weight[..., -1:] / 2).sum(axis=-1, keepdims=True)
    chosen: Floats = np.take_along_axis(np.take_along_axis(slope, order, axis=-1), middle, axis=-1)[..., 0]
    return chosen


def _departures(level: Floats, kind: Integers) -> Floats:
    """What is left when each kind of season has its mean taken out."""
    mean = np.array([level[kind == one].mean() if (kind == one).any() else 0.0 for one in (0, 1)])
    departures: Floats = level - mean[kind]
    return departures


def _student(n_free: int) -> float:
    from scipy.special import stdtrit  # most runs have no trend

    return float(stdtrit(n_free, 0.975))


def _seed(year: Floats, area: Floats) -> int:
    """A number made from the series: the same looks give the same interval anywhere."""
    return zlib.crc32(np.round(np.concatenate([year * 365.25, area]), 2).astype("<f8").tobytes())
