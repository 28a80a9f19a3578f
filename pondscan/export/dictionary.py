"""The meaning of every column, as a table that goes along with an export."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

FIELDS = ("file", "column", "type", "meaning")


def dictionary_bytes(rows: Iterable[tuple[str, ...]], fields: tuple[str, ...] = FIELDS) -> bytes:
    """Write rows of text under a header as CSV."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([fields, *rows])
    return text.getvalue().encode()
