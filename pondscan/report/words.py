"""Numbers, dates and codes as a person reads them: rounded to what is known, with the unit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

NOT_KNOWN = "–"
"""Printed where there is no value; never a zero."""
NO_SOURCE = "no source given"

SENSOR_NAMES = {
    "sentinel-2": "Sentinel-2",
    "planetscope": "PlanetScope",
    "skysat": "SkySat",
    "landsat": "Landsat",
    "hls": "HLS",
    "generic": "unnamed sensor",
}
KIND_NAMES = {"yellow_green": "yellow-green", "unknown": "not told apart"}
CALIBRATION_NAMES = {
    "reflectance": "surface reflectance",
    "toa": "top of atmosphere",
    "dn": "raw digital numbers",
}
TARGET_NAMES = {"leach_pond": "leach ponds", "small_water": "small water bodies"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
Z_95 = 1.96
"""Standard deviations from the middle to the ends of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of area: its sign, and how many square metres it holds."""

    sign: str
    size_m2: float


SQUARE_METRE = Unit("m²", 1.0)
HECTARE = Unit("ha", 1e4)
SQUARE_KILOMETRE = Unit("km²", 1e6)


def number(value: Any) -> float | None:
    """Return a float, or None for every way a table says that nothing is known."""
    return None if value is None or pd.isna(value) else float(value)


def moment(value: Any) -> datetime | None:
    """Return an aware UTC time, or None where there is no date."""
    if value is None or pd.isna(value):
        return None
    stamp = pd.Timestamp(value)
    utc = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    return utc.to_pydatetime(warn=False)


def count(value: Any) -> str:
    """Whole number with thousands separated: ``2,714``."""
    known = number(value)
    return NOT_KNOWN if known is None else f"{round(known):,}"


def percent(value: Any) -> str:
    """Share as a percentage that never rounds something to nothing, nor most to all."""
    known = number(value)
    if known is None:
        return NOT_KNOWN
    if 0 < known < 0.01:
        return "< 1 %"
    if 0.99 < known < 1:
        return "> 99 %"
    return f"{known * 100:.0f} %"


def day(value: Any) -> str:
    """Day of a time in UTC: ``2024-03-01``."""
    when = moment(value)
    return "undated" if when is None else when.strftime("%Y-%m-%d")


def minute(value: Any) -> str:
    """Time in UTC to the minute."""
    when = moment(value)
    return "undated" if when is None else when.strftime("%Y-%m-%d %H:%M")


def month(when: datetime) -> str:
    """Month and year, whatever the locale: ``Nov 2023``."""
    return f"{MONTHS[when.month - 1]} {when.year}"


def area_unit(largest_m2: float) -> Unit:
    """Unit in which an area of this size has a readable number of digits."""
    if largest_m2 < 1e5:
        return SQUARE_METRE
    return HECTARE if largest_m2 < 1e7 else SQUARE_KILOMETRE


def rounding_step(half_width: float) -> float:
    """Value of the second significant digit of a half-width: 823 → 10; 0 → 1e-9 (no rounding)."""
    return float(10.0 ** (math.floor(math.log10(half_width)) - 1)) if half_width > 0 else 1e-9


def rounded(value: float, step: float) -> str:
    """Return the value to the nearest ``step`` (a power of ten), thousands separated."""
    decimals = max(0, -round(math.log10(step))) if step < 1 else 0
    return f"{round(value / step) * step:,.{min(decimals, 6)}f}"


def area(value_m2: Any, unit: Unit | None = None) -> str:
    """Area without an error to round by: three significant digits."""
    known = number(value_m2)
    if known is None:
        return NOT_KNOWN
    unit = unit or area_unit(abs(known))
    return f"{_three_digits(known / unit.size_m2)} {unit.sign}"


def _three_digits(value: float) -> str:
    """Three significant digits, never cutting whole ones to fewer than the decimal point asks for."""
    if value == 0:
        return "0"
    decimals = min(6, max(0, 2 - math.floor(math.log10(abs(value)))))
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    return f"{round(value / step) * step:,.{decimals}f}"


def plus_minus(value: Any, half_width: Any) -> str:
    """Value ± half-width, both to the second significant digit of the half-width, without a unit."""
    known, spread = number(value), number(half_width)
    if known is None:
        return NOT_KNOWN
    if spread is None or spread <= 0:
        return _three_digits(known)
    step = rounding_step(spread)
    return f"{rounded(known, step)} ± {rounded(spread, step)}"


def interval(lower: Any, upper: Any) -> str:
    """Ends of an interval, rounded to the second significant digit of its half-width, without a unit."""
    low, high = number(lower), number(upper)
    if low is None or high is None:
        return NOT_KNOWN
    step = rounding_step((high - low) / 2)
    if low == high:
        return _three_digits(low)
    return f"{rounded(low, step)} – {rounded(high, step)}".replace("-", "−")


def metres(length_m: float) -> str:
    """Length without its unit: whole from 10 m on, two digits below.

    Examples
    --------
    >>> metres(180.0), metres(4.5)
    ('180', '4.5')
    """
    return f"{length_m:.0f}" if length_m >= 10 else f"{length_m:.2g}"


def count_interval(lower: Any, upper: Any) -> str:
    """Ends of an interval of whole numbers: they are shown as they are."""
    return f"{count(lower)} – {count(upper)}"


def sensor(key: Any) -> str:
    """Sensor as its makers write it, with its pixel after ``@``; several joined by ``;`` become a list."""
    keys = [] if key is None or pd.isna(key) or key == "" else str(key).split(";")
    return " + ".join(_one_sensor(*one.partition("@")) for one in keys) or NOT_KNOWN


def _one_sensor(name: str, _: str, gsd_m: str) -> str:
    return f"{SENSOR_NAMES.get(name, name)} ({gsd_m} m)" if gsd_m else SENSOR_NAMES.get(name, name)


def kind(key: Any) -> str:
    """Colour class in words."""
    return NOT_KNOWN if key is None or pd.isna(key) else KIND_NAMES.get(str(key), str(key))


def plural(amount: Any, one: str, many: str | None = None) -> str:
    """Count and noun: ``1 site``, ``2 sites``, ``no sites``."""
    known = number(amount)
    if known is None:
        return f"an unknown number of {many or one + 's'}"
    words = one if round(known) == 1 else many or one + "s"
    return f"{'no' if round(known) == 0 else count(known)} {words}"


def runs(numbers: list[int]) -> str:
    """Whole numbers in rising order, runs of them drawn together: ``1–3, 7``."""
    ends: list[list[int]] = []
    for number in numbers:
        if ends and number == ends[-1][1] + 1:
            ends[-1][1] = number
        else:
            ends.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in ends)


def signed(value: Any, step: float = 1.0) -> str:
    """Number with its sign, rounded to a power of ten; 0 has none."""
    known = number(value)
    if known is None:
        return NOT_KNOWN
    text = rounded(abs(known), step)
    return text if float(text.replace(",", "")) == 0 else f"{'−' if known < 0 else '+'}{text}"


def listed(items: list[str]) -> str:
    """Items of a sentence: ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def settings_in_short(toml: str) -> str:
    r"""Settings that have a value, without the comments that say what each means.

    >>> settings_in_short("# Tables\n[sites]\n\n# metres\ndistance_m = 200.0\n# aoi =\n\n[aoi]\n# path =\n")
    '[sites]\ndistance_m = 200.0\n'
    """
    lines = [line for line in toml.splitlines() if line.strip() and not line.startswith("#")]
    is_head = [line.startswith("[") for line in lines]
    then_head = [*is_head, True][1:]
    kept = [line for line, one, then in zip(lines, is_head, then_head, strict=True) if not (one and then)]
    return "".join(f"{line}\n" for line in kept)
