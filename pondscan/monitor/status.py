"""How the monitor is doing: when it last succeeded, what is waiting, what failed and why; changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pondscan.errors import InputError
from pondscan.monitor import watch
from pondscan.monitor.alerts import moment, plural
from pondscan.monitor.journal import NAME, FailedInput, Journal, Parcel
from pondscan.monitor.settings import TIERS, MonitorFile

LATE_INTERVALS = 3
"""A heartbeat older than so many intervals is that of a monitor that is not running."""

MOST_LINES = 20
"""Files, inputs or alerts that are named one by one to a person."""


@dataclass(frozen=True, slots=True)
class Status:
    """The answers ``--status`` gives."""

    folder: str
    out: str
    last_success: float | None
    """Last good pass (seconds since 1970); without a heartbeat file, the last one that had work."""
    has_heartbeat: bool
    is_late: bool
    last_arrival: float | None
    bad_passes: dict[str, Any] | None
    folder_problem: str | None
    new: tuple[str, ...]
    """Files the next pass takes."""
    waiting: dict[str, str]
    failed: tuple[FailedInput, ...]
    undelivered: tuple[Parcel, ...]
    alerts: dict[str, int]
    """Alerts raised so far, by tier."""

    @property
    def exit_code(self) -> int:
        """0 all is well; 1 the monitor itself needs someone; 3 it works, but inputs failed."""
        is_stuck = any(parcel.error for parcel in self.undelivered)
        if self.last_success is None or self.is_late or self.bad_passes or self.folder_problem or is_stuck:
            return 1
        return 3 if self.failed else 0


def read_status(file: MonitorFile, *, now: float) -> Status:
    """Look at the journal and at the folder."""
    monitor, journal = file.monitor, Journal(file.out / NAME)
    facts = journal.facts()
    heartbeat = _time_of(Path(monitor.heartbeat)) if monitor.heartbeat else None
    last_success = heartbeat if monitor.heartbeat else facts.get("worked")
    arrivals, problem = watch.Arrivals({}, frozenset(), frozenset(), frozenset()), None
    try:
        seen = watch.walk(file.folder, leave_out=file.out)
        limits = {"settle_s": monitor.settle_s, "incomplete_s": monitor.incomplete_s}
        arrivals = watch.sort_out(seen, journal.files(), now=now, **limits)
    except InputError as error:
        problem = str(error)
    is_late = heartbeat is not None and now - heartbeat > LATE_INTERVALS * monitor.interval_s
    counts = Counter(feature["properties"]["tier"] for feature in journal.alerts())
    return Status(
        folder=monitor.folder,
        out=monitor.out,
        last_success=last_success,
        has_heartbeat=monitor.heartbeat is not None,
        is_late=is_late,
        last_arrival=facts.get("arrival"),
        bad_passes=facts.get("bad_passes"),
        folder_problem=problem,
        new=tuple(sorted(arrivals.new)),
        waiting=dict(sorted(arrivals.waiting.items())),
        failed=tuple(journal.failures().values()),
        undelivered=tuple(journal.outbox()),
        alerts={tier: counts[tier] for tier in TIERS},
    )


def to_document(status: Status) -> dict[str, Any]:
    """Write the status as plain JSON values, times in ISO 8601."""
    document = asdict(status)
    for name in ("last_success", "last_arrival"):
        document[name] = _moment(document[name])
    bad = status.bad_passes
    document["bad_passes"] = {**bad, "since": moment(bad["since"]), "at": moment(bad["at"])} if bad else None
    document["failed"] = [
        {"source": one.source, "reason": one.reason, "attempts": one.attempts, "next_at": moment(one.next_at)}
        for one in status.failed
    ]
    document["undelivered"] = [
        {"alert_id": one.alert_id, "channel": one.channel, "attempts": one.attempts, "error": one.error}
        for one in status.undelivered
    ]
    return {**document, "exit_code": status.exit_code}


def to_lines(status: Status) -> Iterator[str]:
    """Say it in lines."""
    yield f"last success   {_moment(status.last_success) or 'never'}{_how_known(status)}"
    if status.bad_passes:
        bad = status.bad_passes
        yield f"failing        {plural(bad['count'], 'pass')} in a row, last at {moment(bad['at'])}: {bad['reason']}"
    if status.folder_problem:
        yield f"folder         {status.folder_problem}"
    yield f"last arrival   {_moment(status.last_arrival) or 'never'}"
    yield f"next pass      takes {plural(len(status.new), 'new file')}"
    yield f"waiting        {plural(len(status.waiting), 'file')}"
    yield from _some([f"{path}: {why}" for path, why in status.waiting.items()])
    yield f"failed         {plural(len(status.failed), 'input')}"
    yield from _some([_failed(one) for one in status.failed])
    yield "alerts         " + ", ".join(f"{count} {tier}" for tier, count in status.alerts.items())
    yield f"undelivered    {len(status.undelivered)}"
    stuck = [one for one in status.undelivered if one.error]
    tried = [f"tried in {plural(one.attempts, 'pass')}: {one.error}" for one in stuck]
    yield from _some([f"{one.alert_id} by {one.channel}, {words}" for one, words in zip(stuck, tried, strict=True)])


def _failed(one: FailedInput) -> str:
    reason = one.reason if one.source in one.reason else f"{one.source}: {one.reason}"
    return f"{reason} (tried {plural(one.attempts, 'time')}, again from {moment(one.next_at)})"


def _some(lines: list[str]) -> Iterator[str]:
    """The first lines of many, under the heading before them."""
    yield from (f"               {line}" for line in lines[:MOST_LINES])
    if len(lines) > MOST_LINES:
        yield f"               and {len(lines) - MOST_LINES} more: --json names all"


def _how_known(status: Status) -> str:
    if status.is_late:
        return f", more than {LATE_INTERVALS} intervals ago: the monitor is not running"
    return "" if status.has_heartbeat else " with work (idle passes leave no trace: set monitor.heartbeat to see them)"


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else moment(seconds)


def _time_of(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None
