"""Event study: liquid area and ponds before and after each event, at the same sites, by one sensor.

A difference in time is an association, never a cause: whatever else changed in the same months is in it.

For each site the looks of a sensor that saw it whole are averaged in a window before the event and in one after it; the
change is summed over the sites that have both. So no cloud passes for a change, and no sensor is held against another.
The 95 % interval adds two parts. *Measurement*: the standard deviation of a look's total, as ``survey.csv`` has it,
relative to the total; a mean over looks does not make it smaller, since looks share their mistakes. *Looks*: how far
the looks of a window scatter around the sites' means (weather, season, growth within the window), by the standard error
of their mean; its few degrees of freedom are pooled with the others after Welch (1947, Biometrika 34:28) and
Satterthwaite (1946, Biometrics Bulletin 2:110). A single look shows no scatter; that part is missing then, and it is
said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from pondscan.context.records import Event

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

WHOLE = 0.9
"""Share of a site that a look must have seen to be compared."""
ENOUGH_SITES = 0.5
"""Share of the sites that must be comparable, for the change to stand for all of them."""
Z_95 = 1.96


@dataclass(frozen=True, slots=True)
class Change:
    """A sum over the same sites before and after, and the difference with its 95 % interval."""

    before: float
    after: float
    lower: float
    upper: float
    n_sites: int
    n_looks_before: int
    n_looks_after: int

    @property
    def change(self) -> float:
        """After less before."""
        return self.after - self.before

    @property
    def is_scatter_known(self) -> bool:
        """Whether each side has the two looks that scatter takes."""
        return min(self.n_looks_before, self.n_looks_after) > 1


@dataclass(frozen=True, slots=True)
class Effect:
    """What changed around one event, as far as the looks tell."""

    event: Event
    n_sites: int
    """All sites, comparable or not."""
    n_other_events: int
    """Further events in the two windows: the change may be theirs."""
    sensor: str = ""
    """By which both sides were seen; empty where nothing is compared."""
    area_m2: Change | None = None
    n_ponds: Change | None = None
    earlier_area_m2: Change | None = None
    """The same one window earlier, where the event had not happened yet: a change that was already under way."""
    observed_before: float = 0.0
    observed_after: float = 0.0
    """Mean share of the sites' ground that the looks of that sensor saw, clouded looks included."""
    reason: str = ""
    """Why nothing is compared."""


@dataclass(frozen=True, slots=True)
class Grid:
    """What the looks of one sensor saw at every site."""

    sensor: str
    gsd_m: float
    when: tuple[datetime, ...]
    area_m2: Floats
    """(sites, looks), NaN where a look did not see a site whole."""
    n_ponds: Floats
    observed: Floats
    """(sites, looks), 0 where a look did not reach."""
    area_sigma: Floats
    count_sigma: Floats
    """(looks,): standard deviation of a look's total, relative to the total."""


def matched_change(values: Floats, is_after: Booleans, relative_sigma: Floats) -> Change | None:
    """Compare means of looks before and after at the sites that were seen on both sides.

    Parameters
    ----------
    values
        (sites, looks), NaN where a look did not see a site.
    is_after
        (looks,)
    relative_sigma
        (looks,): standard deviation of the measurement of a look's total, relative to the total.

    Returns
    -------
    Change or None
        None where no site was seen on both sides.

    Examples
    --------
    Two sites, two looks before and two after; the second site was not seen at the last look.

    >>> values = np.array([[10.0, 12.0, 20.0, 22.0], [5.0, 5.0, 5.0, np.nan]])
    >>> told = matched_change(values, np.array([False, False, True, True]), np.zeros(4))
    >>> told.before, told.after, told.change
    (16.0, 26.0, 10.0)
    """
    is_seen = np.isfinite(values)
    is_used = is_seen[:, is_after].any(axis=1) & is_seen[:, ~is_after].any(axis=1)
    if not is_used.any():
        return None
    before, measured_before, scatter_before = _side(values[is_used][:, ~is_after], relative_sigma[~is_after])
    after, measured_after, scatter_after = _side(values[is_used][:, is_after], relative_sigma[is_after])
    looks = [int(is_seen[is_used][:, side].any(axis=0).sum()) for side in (~is_after, is_after)]
    variances = (measured_before + measured_after, scatter_before, scatter_after)
    half = _half_width(variances, (np.inf, looks[0] - 1, looks[1] - 1))
    change = after - before
    return Change(before, after, change - half, change + half, int(is_used.sum()), *looks)


def _side(values: Floats, relative_sigma: Floats) -> tuple[float, float, float]:
    """Sum over sites of their means, variance of its measurement, variance by the scatter of looks."""
    is_seen = np.isfinite(values)
    n_seen = is_seen.sum(axis=0)
    looked = n_seen > 0
    means = np.nanmean(values, axis=1)
    total = float(means.sum())
    measured = total**2 * float(np.mean(relative_sigma[looked] ** 2))
    n_looks = int(looked.sum())
    if n_looks < 2:
        return total, measured, 0.0
    off = np.where(is_seen, values - means[:, None], 0.0).sum(axis=0)[looked] / n_seen[looked] * len(values)
    return total, measured, float((off**2).sum() / (n_looks * (n_looks - 1)))


def _half_width(variances: Sequence[float], degrees: Sequence[float]) -> float:
    """Half of a 95 % interval from independent variances, each with its degrees of freedom."""
    parts = [(variance, freedom) for variance, freedom in zip(variances, degrees, strict=True) if variance > 0]
    if not parts:
        return 0.0
    total = sum(variance for variance, _ in parts)
    freedom = total**2 / (sum(variance**2 / degrees for variance, degrees in parts) or np.nan)
    quantile = Z_95 if np.isnan(freedom) else float(stdtrit(freedom, 0.975))
    return quantile * float(np.sqrt(total))


def event_study(
    events: Sequence[Event],
    timeseries: pd.DataFrame,
    survey: pd.DataFrame,
    sensors: Mapping[str, tuple[str, float]],
    *,
    window_days: float,
) -> tuple[Effect, ...]:
    """Compare what the census shows before and after every event.

    Parameters
    ----------
    timeseries, survey
        Columns ``tables.TIMESERIES`` and ``tables.SURVEY``.
    sensors
        scene_id → the name by which looks may be compared, and the side of a pixel in metres.
    window_days
        Length of each window, counted from the first and the last instant the event may have had.
    """
    grids = _grids(timeseries, survey, sensors)
    window = timedelta(days=window_days)
    n_sites = timeseries["site_id"].nunique()
    return tuple(_effect(event, events, grids, window, n_sites) for event in events)


def _effect(event: Event, events: Sequence[Event], grids: Sequence[Grid], window: timedelta, n_sites: int) -> Effect:
    start, end = event.when.start, event.when.end
    n_others = sum(one is not event and one.when.overlaps(start - window, end + window) for one in events)
    compared = [(grid, *_compare(grid, start, end, window)) for grid in grids]
    compared.sort(key=lambda one: (-(one[1].n_sites if one[1] else 0), one[0].gsd_m, one[0].sensor))
    if not compared:
        return Effect(event, n_sites, n_others, reason="there is no dated look at a site")
    grid, area, ponds = compared[0]
    before, after = _within(grid, start - window, start), _within(grid, end, end + window)
    told = Effect(
        event,
        n_sites,
        n_others,
        observed_before=_seen(grid, before),
        observed_after=_seen(grid, after),
        reason=_why_not(area, before, after, n_sites, window),
    )
    if told.reason:
        return told
    earlier, _ = _compare(grid, start - window, start - window, window)
    is_enough = earlier is not None and earlier.n_sites >= ENOUGH_SITES * n_sites
    return replace(
        told, sensor=grid.sensor, area_m2=area, n_ponds=ponds, earlier_area_m2=earlier if is_enough else None
    )


def _seen(grid: Grid, looks: Booleans) -> float:
    """Mean share of the sites' ground that these looks saw; 0 without a look."""
    return float(grid.observed[:, looks].mean()) if looks.any() else 0.0


def _why_not(area: Change | None, before: Booleans, after: Booleans, n_sites: int, window: timedelta) -> str:
    """Why the looks do not allow a comparison; empty where they do."""
    for side, is_in in (("before", before), ("after", after)):
        if not is_in.any():
            return f"no look in the {window.days} days {side}"
    if area is None:
        return "no site was seen whole by one sensor on both sides"
    if area.n_sites < ENOUGH_SITES * n_sites:
        return f"only {area.n_sites} of {n_sites} sites were seen whole by one sensor on both sides"
    return ""


def _compare(grid: Grid, start: datetime, end: datetime, window: timedelta) -> tuple[Change | None, Change | None]:
    """Change of area and of ponds from the window before ``start`` to the one after ``end``."""
    before, after = _within(grid, start - window, start), _within(grid, end, end + window)
    used = before | after
    if not before.any() or not after.any():
        return None, None
    area = matched_change(grid.area_m2[:, used], after[used], grid.area_sigma[used])
    return area, matched_change(grid.n_ponds[:, used], after[used], grid.count_sigma[used])


def _within(grid: Grid, start: datetime, end: datetime) -> Booleans:
    """Looks from ``start`` on, before ``end``."""
    return np.array([start <= when < end for when in grid.when], dtype=bool)


def _grids(timeseries: pd.DataFrame, survey: pd.DataFrame, sensors: Mapping[str, tuple[str, float]]) -> list[Grid]:
    """Lay the time series out by site and look, one grid for each sensor."""
    dated = timeseries[timeseries["datetime"].notna()]
    if dated.empty:
        return []
    of_look = [sensors[scene_id.split(";")[0]] for scene_id in dated["scene_id"]]
    dated = dated.assign(instrument=[name for name, _ in of_look], gsd_m=[gsd_m for _, gsd_m in of_look])
    every_site = sorted(dated["site_id"].unique())
    return [_grid(str(name), rows, survey, every_site) for name, rows in dated.groupby("instrument")]


def _grid(name: str, rows: pd.DataFrame, survey: pd.DataFrame, every_site: list[str]) -> Grid:
    is_whole = (rows["observed_fraction"] >= WHOLE) & rows["n_ponds"].notna()
    kept = rows.assign(
        area_m2=rows["area_m2"].astype(float).where(is_whole), n_ponds=rows["n_ponds"].astype(float).where(is_whole)
    )
    laid = kept.drop_duplicates(["site_id", "datetime"]).set_index(["site_id", "datetime"])
    when = sorted(kept["datetime"].unique())
    every_look = pd.MultiIndex.from_product([every_site, when])
    names = ("area_m2", "n_ponds", "observed_fraction")
    area, ponds, observed = laid.reindex(every_look)[[*names]].to_numpy(float).T.reshape(3, len(every_site), len(when))
    looks = survey[survey["period"] == "look"].drop_duplicates("period_start").set_index("period_start").reindex(when)
    return Grid(
        sensor=name,
        gsd_m=float(rows["gsd_m"].min()),
        when=tuple(pd.Timestamp(moment).to_pydatetime() for moment in when),
        area_m2=area,
        n_ponds=ponds,
        observed=np.nan_to_num(observed),
        area_sigma=_relative(looks["pond_area_m2"], looks["pond_area_upper_m2"] - looks["pond_area_m2"]),
        count_sigma=_relative(looks["n_ponds"], (looks["n_ponds_upper"] - looks["n_ponds_lower"]) / 2),
    )


def _relative(total: pd.Series, half_width: pd.Series) -> Floats:
    """Relative standard deviation of totals from the half-widths of their 95 % intervals; 0 of nothing."""
    whole = total.to_numpy(float, na_value=np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = half_width.to_numpy(float, na_value=np.nan) / Z_95 / whole
    return np.where(np.isfinite(share), share, 0.0)
