"""Looks as the charts show them: what was seen, how sure, and how much of the ground could be seen."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from pondscan.report.words import Z_95, moment, number

WHOLE = 0.9
"""A look that saw at least this share counts as whole; below it, its value is what was seen, a lower bound."""

AREA = ("pond_area_m2", "pond_area_lower_m2", "pond_area_upper_m2")
COUNT = ("n_ponds", "n_ponds_lower", "n_ponds_upper")
"""Columns of the survey: a number, and the ends of its 95 % interval."""


@dataclass(frozen=True, slots=True)
class Look:
    """One point of a series over time, of liquid area in m² or of ponds."""

    when: datetime
    sensor: str
    """What saw it, as ``instrument`` names it: looks are compared only within one."""
    value: float | None
    """What was seen, not scaled up; None where nothing could be seen."""
    lower: float | None
    upper: float | None
    """Ends of its 95 % interval."""
    observed: float
    """Share of the ground seen clear, 0 to 1."""

    @property
    def is_seen(self) -> bool:
        """Whether there is a value at all."""
        return self.value is not None

    @property
    def is_whole(self) -> bool:
        """Whether the value stands for all the ground."""
        return self.is_seen and self.observed >= WHOLE


def instrument(sensor: str, gsd_m: float) -> str:
    """Return what looks are grouped by: the sensor, and for unnamed sensors its pixel size too (``generic@3``)."""
    return f"{sensor}@{gsd_m:.3g}" if sensor == "generic" else sensor


def site_looks(timeseries: pd.DataFrame, scenes: pd.DataFrame) -> dict[str, list[Look]]:
    """Dated looks of each site, in time order."""
    gsd_m = {str(row["scene_id"]): float(row["gsd_m"]) for row in scenes.to_dict("records")}
    looks: dict[str, list[Look]] = {}
    for row in timeseries.to_dict("records"):
        when = moment(row["datetime"])
        if when is not None:
            pixel_m = gsd_m.get(str(row["scene_id"]).split(";")[0], 0.0)
            looks.setdefault(str(row["site_id"]), []).append(_site_look(when, row, pixel_m))
    return {site_id: _in_time_order(looks[site_id]) for site_id in sorted(looks)}


def _site_look(when: datetime, row: dict[Any, Any], gsd_m: float) -> Look:
    area, sigma = number(row["area_m2"]), number(row["area_sigma_m2"])
    return Look(
        when=when,
        sensor=instrument(str(row["sensor"]), gsd_m),
        value=area,
        lower=max(0.0, area - Z_95 * sigma) if area is not None and sigma is not None else None,
        upper=area + Z_95 * sigma if area is not None and sigma is not None else None,
        observed=number(row["observed_fraction"]) or 0.0,
    )


def survey_looks(survey: pd.DataFrame, scenes: pd.DataFrame, columns: tuple[str, str, str] = AREA) -> list[Look]:
    """Dated looks of the whole survey, in time order, each with what saw it; ``AREA`` or ``COUNT`` of it."""
    value, lower, upper = columns
    looks, flights = [], dated_instruments(scenes)
    for row in survey.to_dict("records"):
        start = moment(row["period_start"])
        if row["period"] != "look" or start is None:
            continue
        look = Look(
            when=start,
            sensor=instruments_between(flights, start, start),  # a look starts with its first scene
            value=number(row[value]),
            lower=number(row[lower]),
            upper=number(row[upper]),
            observed=number(row["observed_fraction"]) or 0.0,
        )
        looks.append(look)
    return _in_time_order(looks)


def dated_instruments(scenes: pd.DataFrame) -> list[tuple[datetime, str]]:
    """When each dated scene was taken, and by which instrument, in time order."""
    told = zip(scenes["datetime"], scenes["sensor"], scenes["gsd_m"], strict=True)
    flights = [(moment(when), instrument(str(sensor), float(gsd_m))) for when, sensor, gsd_m in told]
    return sorted((when, name) for when, name in flights if when is not None)


def instruments_between(flights: Sequence[tuple[datetime, str]], start: datetime, end: datetime) -> str:
    """Instruments of the scenes (``dated_instruments``) from ``start`` to ``end``, both included, joined by ``;``."""
    within = flights[bisect_left(flights, start, key=_when) : bisect_right(flights, end, key=_when)]
    return ";".join(sorted({name for _, name in within}))


def _when(flight: tuple[datetime, str]) -> datetime:
    return flight[0]


def joined_runs(looks: Iterable[Look]) -> list[list[Look]]:
    """Looks that a line may join: neighbours of one sensor, both whole, with no look of that sensor in between.

    A clouded or partial look breaks the line: what happened there is not known. Sensors are never joined to
    each other, since each sees ponds down to a size of its own.
    """
    by_sensor: dict[str, list[Look]] = {}
    for look in looks:
        by_sensor.setdefault(look.sensor, []).append(look)
    runs: list[list[Look]] = []
    for sensor in sorted(by_sensor):
        run: list[Look] = []
        for look in by_sensor[sensor]:
            if look.is_whole:
                run.append(look)
            else:
                runs.append(run)
                run = []
        runs.append(run)
    return [run for run in runs if len(run) > 1]


def _in_time_order(looks: list[Look]) -> list[Look]:
    return sorted(looks, key=lambda look: (look.when, look.sensor))
