"""Dated events and series from elsewhere, read from CSV: what cannot be right is refused by file, line and value."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pondscan.context.spans import Span, span
from pondscan.errors import InputError

EVENT_COLUMNS = ("date", "label", "event", "value", "unit", "definition", "source", "remark")
SERIES_COLUMNS = ("series", "period", "value", "unit", "definition", "source", "remark")
NEEDED = {EVENT_COLUMNS: ("date", "label"), SERIES_COLUMNS: ("series", "period", "value", "unit")}
LONGEST_LABEL = 60
"""Characters; what is longer belongs into ``event``."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as one source tells it; sources that differ are events of their own."""

    when: Span
    written: str
    """The date as the file has it."""
    label: str
    about: str
    value: float | None
    unit: str
    definition: str
    source: str
    remark: str


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a series, as one source tells it."""

    series: str
    when: Span
    written: str
    """The period as the file has it."""
    value: float
    unit: str
    definition: str
    source: str
    remark: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a CSV file."""

    file: str
    number: int
    cells: dict[str, str]

    def refusal(self, column: str, reason: str) -> InputError:
        """Return the error that names file, line, column and value."""
        return InputError(f"{self.file}, line {self.number}: {column} = '{self.cells[column]}': {reason}")

    def span(self, column: str) -> Span:
        """Read a date or period."""
        try:
            return span(self.cells[column])
        except ValueError as error:
            raise self.refusal(column, str(error)) from None

    def number_in(self, column: str) -> float | None:
        """Read a number with a decimal point; None where the cell is empty."""
        text = self.cells[column]
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or "_" in text:
            raise self.refusal(column, "this is no number: write it with a decimal point and without separators")
        return value


def read_events(paths: Iterable[str]) -> tuple[Event, ...]:
    """Read the events of these files, by date, then as the files have them.

    Raises
    ------
    InputError
        Naming file, line and value of what is missing or cannot be read.
    """
    events = [_event(line) for path in paths for line in _lines(path, EVENT_COLUMNS)]
    return tuple(sorted(events, key=lambda event: event.when))


def read_series(paths: Iterable[str]) -> tuple[Value, ...]:
    """Read the values of these files, by series, unit and period, then as the files have them.

    Raises
    ------
    InputError
        Naming file, line and value of what is missing or cannot be read.
    """
    values = [_value(line) for path in paths for line in _lines(path, SERIES_COLUMNS)]
    return tuple(sorted(values, key=lambda value: (value.series, value.unit, value.when)))


def unused_columns(path: str, kind: Sequence[str]) -> list[str]:
    """Columns of a file that say nothing to pondscan: kept by their owner, or misspelt.

    Raises
    ------
    InputError
        When the file cannot be read.
    """
    return [name for name in _header(path, _text_of(path)) if name and name not in kind]


def _event(line: Line) -> Event:
    cells = line.cells
    if len(cells["label"]) > LONGEST_LABEL:
        raise line.refusal("label", f"it has more than {LONGEST_LABEL} letters: shorten it, and tell more in `event`")
    value = line.number_in("value")
    if value is not None and not cells["unit"]:
        raise line.refusal("value", "it has no unit: give one in `unit`")
    return Event(
        when=line.span("date"), written=cells["date"], label=cells["label"], about=cells["event"], value=value,
        unit=cells["unit"], definition=cells["definition"], source=cells["source"], remark=cells["remark"],
    )  # fmt: skip


def _value(line: Line) -> Value:
    cells, value = line.cells, line.number_in("value")
    assert value is not None  # noqa: S101  (a needed cell)
    return Value(
        series=cells["series"], when=line.span("period"), written=cells["period"], value=value,
        unit=cells["unit"], definition=cells["definition"], source=cells["source"], remark=cells["remark"],
    )  # fmt: skip


def _lines(path: str, columns: tuple[str, ...]) -> list[Line]:
    """Read the lines that hold anything; the cells of columns that are not there are empty."""
    text = _text_of(path)
    header = _header(path, text)
    missing = [name for name in NEEDED[columns] if name not in header]
    if missing:
        there = ", ".join(header) or "none"
        raise InputError(
            f"{path}: there is no column '{missing[0]}', its columns are {there}: name it in the first line"
        )
    lines = []
    for number, cells in _rows(path, text)[1:]:
        if any(cells[len(header) :]):
            message = f"{path}, line {number}: {len(cells)} cells under {len(header)} columns"
            raise InputError(f"{message}: put quotes around text that holds a comma")
        named = dict(zip(header, cells, strict=False))
        lines.append(Line(path, number, {name: named.get(name, "") for name in columns}))
    for line in lines:
        for name in NEEDED[columns]:
            if not line.cells[name]:
                raise line.refusal(name, "it must not be empty: fill it in, or take the line out")
    return lines


def _rows(path: str, text: str) -> list[tuple[int, list[str]]]:
    """Number and cells of every line that holds anything."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: this is no CSV ({error}): save it as CSV UTF-8") from None
    return [(number, cells) for number, cells in rows if any(cells)]


def _header(path: str, text: str) -> list[str]:
    header = [name.lower() for _, cells in _rows(path, text)[:1] for name in cells]
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise InputError(f"{path}: the column '{twice[0]}' is there twice: rename one of them")
    return header


def _delimiter(text: str) -> str:
    """Semicolon where the first line has no comma: spreadsheets of half the world write so."""
    first = text.partition("\n")[0]
    return ";" if ";" in first and "," not in first else ","


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: it cannot be read ({error.strerror}): check the path under [context]") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: it is not UTF-8 text: save it as CSV UTF-8") from None
