"""Times as people write them: a year, a month, a day, or from one to another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

WRITTEN = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
ALLOWED = "write YYYY, YYYY-MM or YYYY-MM-DD, or two of them joined by /"
NEARLY_A_MONTH = timedelta(days=27)
MONTH_DAYS, YEAR_DAYS = 30.44, 365.25


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of time: what is not known more nearly than to the month is the whole month."""

    start: datetime
    end: datetime
    """First instant after it."""

    @property
    def middle(self) -> datetime:
        """Instant halfway."""
        return self.start + (self.end - self.start) / 2

    @property
    def length(self) -> str:
        """How long it is, in words: ``day``, ``month``, ``year``, ``5 months``."""
        days = (self.end - self.start).days
        if self.end - self.start < NEARLY_A_MONTH:
            return "day" if days == 1 else f"{days} days"
        months = round(days / MONTH_DAYS)
        if months % 12 == 0:
            return "year" if months == 12 else f"{months // 12} years"
        return "month" if months == 1 else f"{months} months"

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether any of it lies from ``start`` to ``end``, both included."""
        return self.start <= end and self.end > start


def span(text: str) -> Span:
    """Read a time: ``2024``, ``2024-10``, ``2024-10-18``, ``2024-09/2024-11`` (both ends included), in UTC.

    Raises
    ------
    ValueError
        When it is none of these, or ends before it begins; the message says what is allowed.

    Examples
    --------
    >>> span("2018-11/2018-12").length
    '2 months'
    """
    first, slash, last = (part.strip() for part in text.partition("/"))
    opening, closing = _whole(first), _whole(last if slash else first)
    if closing.start < opening.start:
        raise ValueError(f"{last} is before {first}: give the earlier one first")
    return Span(opening.start, max(opening.end, closing.end))


def _whole(text: str) -> Span:
    """Read one year, month or day."""
    match = WRITTEN.fullmatch(text)
    if match is None:
        raise ValueError(f"this is no date: {ALLOWED}")
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        start = datetime(year or 0, month or 1, day or 1, tzinfo=UTC)
    except ValueError:
        raise ValueError(f"there is no such day: {ALLOWED}") from None
    if day is not None:
        return Span(start, start + timedelta(days=1))
    if month is not None:
        return Span(start, datetime(start.year + month // 12, month % 12 + 1, 1, tzinfo=UTC))
    return Span(start, datetime(start.year + 1, 1, 1, tzinfo=UTC))
