"""The ledger: which scenes a workspace holds, which it refused and why, in SQLite.

It is an index: everything about a scene that is done also stands in that scene's own files, from which the ledger can
be written again. Readers are never blocked (write-ahead log); every change is one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pondscan.errors import WorkspaceError
from pondscan.hashing import Stamp
from pondscan.store.atomic import storage_errors
from pondscan.store.records import (
    Failure,
    StoredScene,
    Superseded,
    canonical_json,
    order_key,
    stored_from_dict,
    stored_to_dict,
)

FORMAT = 2
"""Version of the tables below; a ledger of another version is refused."""

SCHEMA = """
CREATE TABLE scenes (
    scene_id TEXT PRIMARY KEY, source TEXT NOT NULL, datetime TEXT, sensor TEXT NOT NULL,
    scan_hash TEXT NOT NULL, record TEXT NOT NULL
);
CREATE TABLE superseded (scene_id TEXT PRIMARY KEY, source TEXT NOT NULL, superseded_by TEXT NOT NULL);
CREATE TABLE failures (source TEXT NOT NULL, scene_id TEXT, reason TEXT NOT NULL);
CREATE UNIQUE INDEX one_failure ON failures (source, ifnull(scene_id, ''));
"""

HASHES = """
CREATE TABLE hashes (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
    sha256 TEXT NOT NULL
);
"""
"""What is known of inputs, to spare reading them again."""

STALE = ""
"""The scan hash of a scene whose files are being replaced: it equals no other, so the scene is scanned again."""


class Ledger:
    """The ledger in ``path``; each call is one transaction."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make the tables where they are not there yet.

        Raises
        ------
        WorkspaceError
            When the file is no ledger, or one of another version of pondscan.
        """
        with self._connection() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 1:  # its hashes lacked the inode
                connection.executescript(f"BEGIN; DROP TABLE hashes; {HASHES} PRAGMA user_version = {FORMAT}; COMMIT;")
            elif version not in {0, FORMAT}:
                message = f"{self.path}: this ledger has format {version} and this pondscan writes {FORMAT}"
                raise WorkspaceError(f"{message}: use the pondscan that made it, or another --out")
            if version == 0:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(f"BEGIN; {SCHEMA} {HASHES} PRAGMA user_version = {FORMAT}; COMMIT;")

    def is_readable(self) -> bool:
        """Whether the file is there and is an undamaged SQLite database."""
        if not self.path.is_file():
            return False
        try:
            with closing(sqlite3.connect(self.path)) as connection:
                return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
        except sqlite3.DatabaseError:
            return False

    def scenes(self) -> tuple[StoredScene, ...]:
        """List the scenes that are done, sorted by (datetime, scene_id)."""
        rows = self._rows("SELECT record, scan_hash FROM scenes")
        stored = (stored_from_dict({**json.loads(record), "scan_hash": scan_hash}) for record, scan_hash in rows)
        return tuple(sorted(stored, key=lambda one: order_key(one.scene)))

    def superseded(self) -> tuple[Superseded, ...]:
        """List the scenes another version is used of, sorted by scene_id."""
        rows = self._rows("SELECT scene_id, source, superseded_by FROM superseded ORDER BY scene_id")
        return tuple(Superseded(*row) for row in rows)

    def failures(self) -> tuple[Failure, ...]:
        """List the inputs that could not be used, sorted by source and scene_id."""
        rows = self._rows("SELECT source, reason, scene_id FROM failures ORDER BY source, scene_id")
        return tuple(Failure(*row) for row in rows)

    def put(self, stored: StoredScene) -> None:
        """Remember a scene as done; it is not superseded then."""
        scene = stored.scene
        values = (
            scene.scene_id,
            scene.source,
            scene.datetime.isoformat() if scene.datetime else None,
            scene.sensor,
            stored.scan_hash,
            canonical_json(stored_to_dict(stored)),
        )
        self._change(
            ("INSERT OR REPLACE INTO scenes VALUES (?, ?, ?, ?, ?, ?)", values),
            ("DELETE FROM superseded WHERE scene_id = ?", (scene.scene_id,)),
        )

    def mark_stale(self, scene_id: str) -> None:
        """Say that a scene's files are about to change; until ``put`` it counts as scanned with no settings."""
        self._change(("UPDATE scenes SET scan_hash = ? WHERE scene_id = ?", (STALE, scene_id)))

    def remove(self, scene_id: str) -> None:
        """Forget a scene, and which scenes it superseded: they are taken up when they are given again."""
        self._change(
            ("DELETE FROM scenes WHERE scene_id = ?", (scene_id,)),
            ("DELETE FROM superseded WHERE scene_id = ? OR superseded_by = ?", (scene_id, scene_id)),
        )

    def supersede(self, superseded: Superseded) -> None:
        """Remember that another version of a scene is used; what that scene superseded passes to its successor."""
        old, new = superseded.scene_id, superseded.by
        self._change(
            ("DELETE FROM scenes WHERE scene_id = ?", (old,)),
            ("UPDATE superseded SET superseded_by = ? WHERE superseded_by = ?", (new, old)),
            ("INSERT OR REPLACE INTO superseded VALUES (?, ?, ?)", (old, superseded.source, new)),
        )

    def fail(self, failure: Failure) -> None:
        """Remember why an input could not be used."""
        values = (failure.source, failure.scene_id, failure.reason)
        self._change(("INSERT OR REPLACE INTO failures VALUES (?, ?, ?)", values))

    def clear_failure(self, failure: Failure) -> None:
        """Forget that an input could not be used."""
        where = "source = ? AND ifnull(scene_id, '') = ?"
        self._change((f"DELETE FROM failures WHERE {where}", (failure.source, failure.scene_id or "")))  # noqa: S608

    def known_hashes(self) -> dict[Stamp, str]:
        """Return the SHA-256 of inputs by what would change with them; nothing where there is no sound ledger yet."""
        if not self.is_readable():
            return {}
        with self._connection() as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
                return {}
            rows = connection.execute("SELECT path, size, mtime_ns, inode, sha256 FROM hashes")
            return {(path, size, mtime_ns, inode): sha256 for path, size, mtime_ns, inode, sha256 in rows}

    def remember_hashes(self, hashes: Mapping[Stamp, str]) -> None:
        """Keep the SHA-256 of inputs, for as long as their stamps stay the same."""
        statement = "INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?)"
        self._change(*((statement, (*stamp, sha256)) for stamp, sha256 in hashes.items()))

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        if not self.path.is_file():
            raise WorkspaceError(f"{self.path.parent}: there is no ledger here: give the --out of a `pondscan run`")
        with self._connection() as connection:
            return connection.execute(query, values).fetchall()

    def _change(self, *statements: tuple[str, tuple[Any, ...]]) -> None:
        with self._connection() as connection, connection:
            for statement, values in statements:
                connection.execute(statement, values)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with storage_errors(self.path), closing(sqlite3.connect(self.path, timeout=30.0)) as connection:
            yield connection
