"""The numbers of the first screen: one period of the survey, with its intervals and what it could not see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from pondscan.report import words
from pondscan.report.looks import dated_instruments, instruments_between
from pondscan.report.words import Unit, area_unit, moment, number

ENOUGH_SEEN = 0.5
"""A year of which at least this share was seen can head the report."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number of the survey, in the table's own unit, with its 95 % measurement interval where it has one."""

    value: float | None
    lower: float | None = None
    upper: float | None = None

    @property
    def half_width(self) -> float | None:
        """Half of the interval."""
        return None if self.lower is None or self.upper is None else (self.upper - self.lower) / 2

    @property
    def is_even(self) -> bool:
        """Whether the value is so near the middle of the interval that ± says all."""
        half = self.half_width
        if half is None or self.value is None or self.lower is None or self.upper is None:
            return False
        return abs(self.value - (self.lower + self.upper) / 2) <= 0.1 * half


@dataclass(frozen=True, slots=True)
class Area(Estimate):
    """An area in m², and the words it is printed in."""

    @property
    def unit(self) -> Unit:
        """Unit that suits it."""
        return area_unit(max(self.value or 0.0, self.upper or 0.0))

    @property
    def in_words(self) -> str:
        """Value with ±, in ``unit``; without ± where the interval is lopsided."""
        size, value, half = self.unit.size_m2, self.value, self.half_width
        if value is None:
            return words.NOT_KNOWN
        if half is None or not self.is_even:
            return words.rounded(value / size, words.rounding_step((half or 0.01 * value) / size) if value else 1.0)
        return words.plus_minus(value / size, half / size)

    @property
    def interval(self) -> str:
        """Ends of the interval, in ``unit``."""
        size, low, high = self.unit.size_m2, self.lower, self.upper
        return words.interval(None if low is None else low / size, None if high is None else high / size)


@dataclass(frozen=True, slots=True)
class Census:
    """One row of the survey table as the report prints it."""

    name: str
    """The period in words: ``2024``, ``Look of 2024-03-01``."""
    short_name: str
    """The same in a table row: ``2024-03-01``."""
    sensors: str
    """Sensors of the scenes in it, in words."""
    kind: str
    """look, season or year."""
    start: datetime | None
    end: datetime | None
    """First and last instant of it; None for an undated look."""
    sites: Estimate
    ponds: Estimate
    n_isolated: float | None
    pond_equivalents: float | None
    pond_area: Area
    footprint_m2: float | None
    envelope_m2: float | None
    observed: float | None
    n_scenes: float | None

    @property
    def has_nothing(self) -> bool:
        """Whether it is known that no pond was found (not merely unknown whether there is one)."""
        return self.ponds.value == 0


def census(row: Any, flights: Sequence[tuple[datetime, str]]) -> Census:
    """Turn a row (named tuple) of the survey table into a Census; ``flights`` as ``dated_instruments`` gives them."""
    name = period_name(str(row.period), row.period_start, row.period_end)
    start, end = moment(row.period_start), moment(row.period_end)
    return Census(
        name=name,
        short_name=name.removeprefix("Look of "),
        sensors=words.sensor(instruments_between(flights, start, end)) if start and end else "",
        kind=str(row.period),
        start=start,
        end=end,
        sites=Estimate(number(row.n_sites), number(row.n_sites_lower), number(row.n_sites_upper)),
        ponds=Estimate(number(row.n_ponds), number(row.n_ponds_lower), number(row.n_ponds_upper)),
        n_isolated=number(row.n_ponds_isolated),
        pond_equivalents=number(row.pond_equivalents),
        pond_area=Area(
            number(row.pond_area_m2), number(row.pond_area_lower_m2), number(row.pond_area_upper_m2)
        ),
        footprint_m2=number(row.footprint_m2),
        envelope_m2=number(row.envelope_m2),
        observed=number(row.observed_fraction),
        n_scenes=number(row.n_scenes),
    )  # fmt: skip


def period_name(period: str, start: Any, end: Any) -> str:
    """Period in words: ``Year 2024``, ``Nov 2023 – Apr 2024``, ``Look of 2024-03-01``."""
    first, last = moment(start), moment(end)
    if first is None or last is None:
        return "Undated look"
    if period == "year" and first.year == last.year:
        return f"Year {first.year}"
    if period == "look" or first.date() == last.date():
        return f"Look of {words.day(first)}"
    return f"{words.month(first).removesuffix(f' {last.year}')} – {words.month(last)}"


def periods(survey: pd.DataFrame, scenes: pd.DataFrame) -> list[Census]:
    """Every row of the survey: years first, then seasons, then looks; the newest first in each, undated last."""
    rows = sorted(survey.itertuples(index=False), key=_newest_first)
    flights = dated_instruments(scenes)
    return [census(row, flights) for row in rows]


def _newest_first(row: Any) -> tuple[int, float]:
    order = {"year": 0, "season": 1, "look": 2}
    start = moment(row.period_start)
    return (order.get(str(row.period), 3), -start.timestamp() if start is not None else math.inf)


def head_of(all_periods: list[Census]) -> Census | None:
    """Period that heads the report: the newest year at least half seen, else the newest look at least half seen.

    Where no period was half seen, the one that was seen best; None when there is no survey at all.
    """
    for kind in ("year", "look"):
        for period in all_periods:
            if period.kind == kind and (period.observed or 0.0) >= ENOUGH_SEEN and period.ponds.value is not None:
                return period
    return max(all_periods, key=lambda period: period.observed or 0.0, default=None)
