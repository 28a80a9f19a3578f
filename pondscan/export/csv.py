"""CSV: a header, one row per line, nulls empty, numbers in their shortest form, UTF-8, line feeds."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import pandas as pd

from pondscan.export.values import Value, plain_rows, prepared
from pondscan.tables import Column


def csv_bytes(frame: pd.DataFrame, table: Sequence[Column]) -> bytes:
    """Write a table, in the order of its rows."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in table])
    writer.writerows([_cell(value) for value in row] for row in plain_rows(prepared(frame, table), table))
    return text.getvalue().encode()


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)
