"""How a value is written: rounded to what it is worth, null where there is none, times in ISO 8601 UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from pondscan.tables import Column, Table, conform

Value = str | int | float | bool | None

DECIMALS_OF = ((re.compile(r"lon|lat"), 7), (re.compile(r"x|y|.*_m2?|.*_m2_per_year"), 2))
"""Decimals of a number by its name: degrees to a centimetre, metres to a centimetre, square metres to a decimetre²."""

DECIMALS = 4
"""Decimals of every other number: fractions, probabilities, ratios, equivalents."""


def decimals_of(name: str) -> int:
    """Decimals that a column of numbers is written with."""
    return next((decimals for pattern, decimals in DECIMALS_OF if pattern.fullmatch(name)), DECIMALS)


def prepared(frame: Table, table: Sequence[Column]) -> Table:
    """Give a frame the columns of a table, in order and type, numbers rounded, no negative zero."""
    columns = tuple(table)
    ordered = conform(frame, columns)
    rounded = {
        column.name: np.round(ordered[column.name].to_numpy(dtype=np.float64), decimals_of(column.name)) + 0.0
        for column in columns
        if column.kind == "number"
    }
    return ordered.assign(**rounded)


def plain_rows(frame: pd.DataFrame, table: Sequence[Column]) -> list[tuple[Value, ...]]:
    """Rows of a prepared frame as plain Python values."""
    return list(zip(*(plain_column(frame[column.name], column) for column in table), strict=True))


def plain_column(values: pd.Series, column: Column) -> list[Value]:
    """One column as plain Python values, None where null."""
    if column.kind == "datetime":
        return [None if pd.isna(value) else iso_utc(value.to_pydatetime()) for value in values]
    objects = values.astype(object)
    return [None if is_null else value for value, is_null in zip(objects, values.isna(), strict=True)]


def iso_utc(when: datetime) -> str:
    """Write a time as ``2024-02-17T04:12:00Z``, with as many decimals of a second as it has."""
    text = when.astimezone(UTC).isoformat().removesuffix("+00:00")
    return (text.rstrip("0") if "." in text else text) + "Z"
