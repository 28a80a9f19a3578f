"""The survey: how many sites and ponds, and how much area, by look, by season and by year.

A look is counted as it is. In a season or a year every place (site or isolated pond) is taken once, from the finest
sensor that saw at least ``MIN_OBSERVED`` of it, at that sensor's best look: the most of the place clear, then the
latest.

Intervals are 95 % measurement intervals. *Counts*: every object counted is real with its probability, independently
of the others, so the number of real ones has mean Σp and variance Σp(1 − p) (Poisson binomial, normal approximation);
candidates below the least confidence count with their probability where they stand at a site. The interval is
Σp ± 1.96 √Σp(1 − p) with continuity correction, and widened to hold the count itself. *Area*: the sum ± 1.96 sigma,
not below 0, with independent parts of sigma in quadrature, shared ones linearly, and what is counted or left out with
doubt weighed by its probability. Ponds too small for the sensor are in neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pondscan.detect import detection
from pondscan.follow.corrected import corrected
from pondscan.follow.looks import Look
from pondscan.follow.places import Places
from pondscan.follow.sites import total_sigma
from pondscan.follow.trends import WET_MONTHS
from pondscan.tables import SURVEY, conform, names

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

MIN_OBSERVED = 0.5
"""Share of a place that a sensor must have seen for a season or a year."""

Z_95 = 1.96
Row = dict[str, object]


def survey(places: Places, rows: pd.DataFrame, looks: Sequence[Look], seen: pd.DataFrame | None = None) -> pd.DataFrame:
    """Survey by look, season and year: the columns ``tables.SURVEY``.

    Counts and areas are null where nothing was seen, and zero only where at least ``MIN_OBSERVED`` of the region was.

    Parameters
    ----------
    places
        Sites and isolated ponds.
    rows
        As ``series.place_looks`` gives them.
    looks
        All looks.
    seen
        As ``places.seen_at`` gives it, for the corrected counts; None where no detection curve speaks of the target.
    """
    known, touched = _ByLook(rows[rows["n_ponds"].notna()]), set(rows["look"].tolist())
    sighted = _ByLook(seen) if seen is not None else None
    periods = [("look", look.start, look.end, [number]) for number, look in enumerate(looks)]
    periods += [("season", *season, numbers) for season, numbers in _calendar(looks, season_of)]
    periods += [("year", *year, numbers) for year, numbers in _calendar(looks, _year)]
    least_m, table = _common_diameter(rows, looks), []
    for period, start, end, numbers in periods:
        at = known.rows(numbers)
        counted = at if period == "look" else _one_look_each(at, looks)
        share = _observed(looks, numbers)
        was_looked_at = share >= MIN_OBSERVED and touched.isdisjoint(numbers)
        described: Row = {"period": period, "period_start": start, "period_end": end, "observed_fraction": share}
        described["n_scenes"] = sum(len(looks[number].views) for number in numbers)
        summed = _summed(places, counted) if len(counted) or was_looked_at else {}
        if sighted and summed:
            shown = _shown(sighted.rows(numbers), counted, looks)
            summed |= {} if shown is None else corrected(shown) | _common(shown, least_m)
        table.append(described | summed)
    frame = pd.DataFrame(table, columns=names(SURVEY))
    for name in ("period_start", "period_end"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return conform(frame, SURVEY)


class _ByLook:
    """Rows of a table by their look: a period takes its own without all others being asked."""

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table
        self._order = np.argsort(table["look"].to_numpy(np.int64), kind="stable")
        self._looks = table["look"].to_numpy(np.int64)[self._order]

    def rows(self, numbers: Sequence[int]) -> pd.DataFrame:
        """Those of some looks, in the order of the table."""
        first, last = (np.searchsorted(self._looks, numbers, side=side) for side in ("left", "right"))
        chosen = [self._order[start:stop] for start, stop in zip(first, last, strict=True)]
        return self._table.iloc[np.sort(np.concatenate(chosen))]


def _shown(seen: pd.DataFrame, counted: pd.DataFrame, looks: Sequence[Look]) -> pd.DataFrame | None:
    """Sightings behind the rows counted; none where raw numbers are among them: no curve was measured for these."""
    at = counted.loc[counted["n_ponds"] > 0, ["place", "look"]]
    if any(view.scene.calibrated == "dn" for look in at["look"].unique() for view in looks[int(look)].views):
        return None
    keys = (one["place"].to_numpy(np.int64) * len(looks) + one["look"].to_numpy(np.int64) for one in (seen, at))
    return seen[np.isin(*keys)]


def _common_diameter(rows: pd.DataFrame, looks: Sequence[Look]) -> float:
    """Diameter from which the coarsest pixels that counted any pond count every other one, rounded up to 0.1 m."""
    has_ponds = rows.loc[rows["n_ponds"] > 0, "look"].unique()
    coarsest_m = max((looks[int(number)].gsd_m for number in has_ponds), default=0.0)
    least_m = detection.diameter_of(detection.EVEN, coarsest_m, "counted") if coarsest_m else np.inf
    return float(np.ceil(10 * least_m) / 10)


def _common(shown: pd.DataFrame, least_m: float) -> Row:
    """Ponds large enough for every sensor of the census, so that periods of different sensors can be compared."""
    if not np.isfinite(least_m):
        return {}
    area = shown.loc[shown["is_counted"], "area_m2"].to_numpy(float)
    large = area[2 * np.sqrt(area / np.pi) >= least_m]
    return {"common_from_diameter_m": least_m, "n_ponds_common": len(large), "pond_area_common_m2": float(large.sum())}


def _one_look_each(rows: pd.DataFrame, looks: Sequence[Look]) -> pd.DataFrame:
    """One row for each place: the finest sensor's best look."""
    gsd = np.array([look.gsd_m for look in looks])
    seen = rows[rows["observed_fraction"] >= MIN_OBSERVED]
    seen = seen.assign(gsd_m=gsd[seen["look"].to_numpy()])
    seen = seen.sort_values(["place", "gsd_m", "observed_fraction", "look"], ascending=[True, True, False, False])
    return seen.drop_duplicates("place")


def _observed(looks: Sequence[Look], numbers: Sequence[int]) -> float:
    """Share of the region that at least one of the looks saw clear; 0 for a region without area."""
    is_clear = np.any([looks[number].is_clear for number in numbers], axis=0)
    return float(is_clear.mean()) if len(is_clear) else 0.0


def _summed(places: Places, counted: pd.DataFrame) -> Row:
    """Counts, areas and intervals over the places counted."""
    is_site = counted["place"].to_numpy() < places.n_sites
    has_ponds = counted["n_ponds"].to_numpy() > 0
    sites = counted["place"].to_numpy()[is_site & has_ponds]
    real = places.confidence[sites]
    n_ponds = int(counted["n_ponds"].sum())
    area = float(counted["area_m2"].sum())
    variance, shared, doubt = counted[["variance", "shared_sigma_m2", "doubt_m2"]].sum().to_numpy(float)
    half = Z_95 * float(total_sigma(variance, np.hypot(shared, doubt)))
    site_bounds = count_interval(
        len(sites), expected=real.sum(), variance=(real * (1 - real)).sum(), n_objects=len(sites)
    )
    pond_bounds = count_interval(
        n_ponds,
        expected=counted["expected"].sum(),
        variance=counted["count_variance"].sum(),
        n_objects=int(counted["n_objects"].sum()),
    )
    footprint = places.outline[sites]
    return {
        "n_sites": len(sites),
        "n_sites_lower": site_bounds[0],
        "n_sites_upper": site_bounds[1],
        "n_ponds": n_ponds,
        "n_ponds_lower": pond_bounds[0],
        "n_ponds_upper": pond_bounds[1],
        "n_ponds_isolated": int(counted["n_ponds"].to_numpy()[~is_site].sum()),
        "pond_equivalents": float(counted["pond_equivalents"].sum()),
        "pond_area_m2": area,
        "pond_area_lower_m2": max(0.0, area - half),
        "pond_area_upper_m2": area + half,
        "footprint_m2": float(shapely.area(footprint).sum()),
        "envelope_m2": float(shapely.area(shapely.convex_hull(shapely.geometrycollections(footprint)))),
    }


def count_interval(count: int, *, expected: float, variance: float, n_objects: int) -> tuple[int, int]:
    """95 % interval of the number of real ones among ``n_objects``, that holds the number counted.

    Examples
    --------
    >>> count_interval(10, expected=9.0, variance=0.9, n_objects=10)
    (7, 10)
    """
    half = Z_95 * float(np.sqrt(variance)) + 0.5
    lower, upper = int(np.ceil(expected - half)), int(np.floor(expected + half))
    return min(max(lower, 0), count), max(min(upper, n_objects), count)


Span = tuple[datetime, datetime]


def _calendar(looks: Sequence[Look], span_of: Callable[[datetime], Span]) -> list[tuple[Span, list[int]]]:
    """Calendar periods that hold a look, in order, with the numbers of their looks."""
    periods: dict[Span, list[int]] = {}
    for number, look in enumerate(looks):
        if look.start is not None:
            periods.setdefault(span_of(look.start), []).append(number)
    return sorted(periods.items())


def season_of(when: datetime) -> Span:
    """Season of a time: wet from May to October, dry from November to April of the next year."""
    if when.month in WET_MONTHS:
        return _span(when.year, 5, 6)
    return _span(when.year if when.month > 6 else when.year - 1, 11, 6)


def _year(when: datetime) -> Span:
    return _span(when.year, 1, 12)


def _span(year: int, month: int, n_months: int) -> Span:
    """First and last second of ``n_months`` months."""
    after = month + n_months - 1
    end = datetime(year + after // 12, after % 12 + 1, 1, tzinfo=UTC) - timedelta(seconds=1)
    return datetime(year, month, 1, tzinfo=UTC), end
