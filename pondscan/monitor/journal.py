"""What the monitor remembers between passes, in SQLite: files, failures, the census last told of, alerts, deliveries.

Everything one pass learnt is one transaction, so a pass that is killed has learnt nothing, and the next one learns the
same. Reading changes no byte and no time in the workspace (a rollback journal: readers leave no files).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pondscan.errors import WorkspaceError
from pondscan.monitor.alerts import Feature
from pondscan.store.atomic import storage_errors

NAME = "monitor.sqlite"
FORMAT = 1

SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, state TEXT NOT NULL, since REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE failures (
    source TEXT PRIMARY KEY, reason TEXT NOT NULL, attempts INTEGER NOT NULL, content TEXT NOT NULL,
    next_at REAL NOT NULL
);
CREATE TABLE alerts (
    number INTEGER PRIMARY KEY, alert_id TEXT NOT NULL UNIQUE, feature TEXT NOT NULL,
    is_published INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE outbox (
    alert_id TEXT NOT NULL, channel TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_at REAL NOT NULL DEFAULT 0,
    error TEXT, PRIMARY KEY (alert_id, channel)
);
"""

State = Literal["waiting", "known", "failed"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A file as it was last seen."""

    size: int
    mtime_ns: int
    state: State
    since: float
    """When it was first seen like this, seconds since 1970."""

    def is_as(self, other: Recorded | None) -> bool:
        """Whether nothing is new here but the time of looking."""
        return other is not None and replace(other, since=self.since) == self


@dataclass(frozen=True, slots=True)
class FailedInput:
    """An input that could not be used."""

    source: str
    reason: str
    attempts: int
    content: str
    """Stands for the files as they were: other files are another failure."""
    next_at: float
    """When it is tried again, seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """An alert that is still to be delivered one way."""

    number: int
    alert_id: str
    channel: str
    attempts: int
    next_at: float
    error: str | None
    feature: Feature


@dataclass(slots=True)
class Changes:
    """What a pass learnt, to be remembered at once."""

    facts: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Recorded] = field(default_factory=dict)
    vanished: list[str] = field(default_factory=list)
    failures: list[FailedInput] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    """Sources of failures that are no more."""
    alerts: list[tuple[Feature, tuple[str, ...]]] = field(default_factory=list)
    """Each with the channels it goes out by."""

    def __bool__(self) -> bool:
        return any((self.facts, self.files, self.vanished, self.failures, self.mended, self.alerts))


class Journal:
    """The memory of the monitor of one workspace; it is made when something is first remembered."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether anything was ever remembered."""
        return self.path.is_file()

    def facts(self) -> dict[str, Any]:
        """Single values by name."""
        return {name: json.loads(value) for name, value in self._rows("SELECT name, value FROM facts")}

    def files(self) -> dict[str, Recorded]:
        """Every file of the folder as it was last seen, by path."""
        rows = self._rows("SELECT path, size, mtime_ns, state, since FROM files")
        return {path: Recorded(*rest) for path, *rest in rows}

    def failures(self) -> dict[str, FailedInput]:
        """Inputs that could not be used, by source."""
        rows = self._rows("SELECT source, reason, attempts, content, next_at FROM failures ORDER BY source")
        return {row[0]: FailedInput(*row) for row in rows}

    def alerts(self) -> list[Feature]:
        """Every alert ever raised, in order."""
        return [json.loads(text) for (text,) in self._rows("SELECT feature FROM alerts ORDER BY number")]

    def unpublished(self) -> list[Feature]:
        """Alerts that may not stand in the files yet."""
        rows = self._rows("SELECT feature FROM alerts WHERE is_published = 0 ORDER BY number")
        return [json.loads(text) for (text,) in rows]

    def raised(self, alert_ids: Sequence[str]) -> set[str]:
        """Which of these alerts have been raised before."""
        rows = self._rows("SELECT alert_id FROM alerts") if alert_ids else []
        return {alert_id for (alert_id,) in rows} & set(alert_ids)

    def outbox(self) -> list[Parcel]:
        """What is still to be delivered, oldest first."""
        query = """SELECT number, outbox.alert_id, channel, attempts, next_at, error, feature
                   FROM outbox JOIN alerts USING (alert_id) ORDER BY number, channel"""
        rows = self._rows(query)
        return [
            Parcel(number, alert_id, channel, attempts, next_at, error, json.loads(text))
            for number, alert_id, channel, attempts, next_at, error, text in rows
        ]

    def learn(self, changes: Changes) -> None:
        """Remember what a pass learnt, all of it or nothing. An alert raised before is not raised again."""
        if not changes:
            return
        with self._writing() as connection:
            facts = [(name, json.dumps(value, ensure_ascii=False)) for name, value in changes.facts.items()]
            connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts)
            files = [(path, one.size, one.mtime_ns, one.state, one.since) for path, one in changes.files.items()]
            connection.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in changes.vanished])
            connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", files)
            failures = [(one.source, one.reason, one.attempts, one.content, one.next_at) for one in changes.failures]
            connection.executemany("DELETE FROM failures WHERE source = ?", [(one,) for one in changes.mended])
            connection.executemany("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?)", failures)
            for feature, channels in changes.alerts:
                _raise(connection, feature, channels)

    def adopt(self, features: Sequence[Feature]) -> None:
        """Take alerts of an earlier journal, which is lost, as raised, published and delivered."""
        rows = [(one["id"], json.dumps(one, ensure_ascii=False)) for one in features]
        with self._writing() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO alerts (alert_id, feature, is_published) VALUES (?, ?, 1)", rows
            )

    def published(self) -> None:
        """Remember that all alerts stand in the files."""
        with self._writing() as connection:
            connection.execute("UPDATE alerts SET is_published = 1 WHERE is_published = 0")

    def delivered(self, parcel: Parcel) -> None:
        """Remember that an alert has arrived."""
        with self._writing() as connection:
            connection.execute(
                "DELETE FROM outbox WHERE alert_id = ? AND channel = ?", (parcel.alert_id, parcel.channel)
            )

    def postpone(self, parcel: Parcel, *, error: str, next_at: float) -> None:
        """Remember why an alert did not arrive, and when it is tried again."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE outbox SET attempts = attempts + 1, error = ?, next_at = ? WHERE alert_id = ? AND channel = ?",
                (error, next_at, parcel.alert_id, parcel.channel),
            )

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        if not self.exists:
            return []
        with storage_errors(self.path), self._connection() as connection:
            return connection.execute(query).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with storage_errors(self.path), self._connection() as connection, connection:
            yield connection

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=30.0)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in {0, FORMAT}:
                message = f"{self.path}: this journal has format {version} and this pondscan writes {FORMAT}"
                raise WorkspaceError(f"{message}: use the pondscan that made it")
            if version == 0:
                connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
            yield connection


def _raise(connection: sqlite3.Connection, feature: Mapping[str, Any], channels: Sequence[str]) -> None:
    """Put one alert on record and into the outbox, unless it is there."""
    text = json.dumps(feature, ensure_ascii=False)
    done = connection.execute(
        "INSERT OR IGNORE INTO alerts (alert_id, feature) VALUES (?, ?)", (feature["id"], text)
    ).rowcount
    rows = [(feature["id"], channel) for channel in channels if done]
    connection.executemany("INSERT OR IGNORE INTO outbox (alert_id, channel) VALUES (?, ?)", rows)
