"""Results kept from one publishing to the next, so that a new scene does not have all others worked out again.

Keys stand for the content that a result depends on, so nothing here can be out of date, and losing the file costs time
and changes no number. What a publishing did not ask for is dropped at its end.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from pondscan.memory import Numbers
from pondscan.store import atomic
from pondscan.store.fingerprint import digest

FORMAT = 1
TABLE = (
    "CREATE TABLE memo (key TEXT PRIMARY KEY, dtype TEXT NOT NULL, shape TEXT NOT NULL, data BLOB NOT NULL, "
    "crc INTEGER NOT NULL)"
)

Row = tuple[str, str, str, bytes, int]


class Memo:
    """Results by key; a ``memory.Remember``. Made by ``memo``.

    Parameters
    ----------
    connection
        To the file they are kept in.
    maker
        Stands for the versions of what works results out.
    """

    def __init__(self, connection: sqlite3.Connection, maker: str) -> None:
        self._connection, self._maker = connection, maker
        self._asked: set[str] = set()
        self._new: dict[str, Row] = {}

    def __call__(self, key: tuple[str, ...], work_out: Callable[[], Numbers], /) -> Numbers:
        """Return what ``work_out`` returns, from the file where it is kept."""
        name = digest([self._maker, *key])
        self._asked.add(name)
        row = self._new.get(name) or self._kept(name)
        if row is None:
            row = self._new[name] = _row(name, work_out())
        return _numbers(row)

    def _kept(self, name: str) -> Row | None:
        row: Row | None = self._connection.execute("SELECT * FROM memo WHERE key = ?", (name,)).fetchone()
        return row if row is not None and zlib.crc32(row[3]) == row[4] else None

    def settle(self) -> None:
        """Keep what was asked for, and nothing else."""
        names = [name for (name,) in self._connection.execute("SELECT key FROM memo")]
        unused = [(name,) for name in names if name not in self._asked]
        if unused or self._new:
            with self._connection:
                self._connection.executemany("DELETE FROM memo WHERE key = ?", unused)
                self._connection.executemany("INSERT OR REPLACE INTO memo VALUES (?, ?, ?, ?, ?)", self._new.values())


@contextmanager
def memo(path: Path, made_by: Sequence[str]) -> Iterator[Memo]:
    """Open the memory in a file for one publishing; when the block ends well, what was asked for is kept.

    A file that is damaged, or of another format, is begun anew.

    Parameters
    ----------
    made_by
        Versions of what works results out: another version remembers nothing of this one.

    Raises
    ------
    WorkspaceError
        When the file cannot be written.
    """
    with atomic.storage_errors(path):
        connection = _opened(path)
    with closing(connection):
        one = Memo(connection, digest(list(made_by)))
        yield one
        with atomic.storage_errors(path):
            one.settle()


def _opened(path: Path) -> sqlite3.Connection:
    if not _is_sound(path):
        for name in (path, path.with_name(f"{path.name}-journal")):
            atomic.remove(name)
    connection = sqlite3.connect(path)
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        connection.executescript(f"BEGIN; {TABLE}; PRAGMA user_version = {FORMAT}; COMMIT;")
    return connection


def _is_sound(path: Path) -> bool:
    """Whether a file is a database of this format, or none is there yet."""
    if not path.is_file():
        return True
    try:
        with closing(sqlite3.connect(path)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            is_whole = connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
    except sqlite3.DatabaseError:
        return False
    return bool(is_whole and version in {0, FORMAT})


def _row(name: str, numbers: Numbers) -> Row:
    data = np.ascontiguousarray(numbers).tobytes()
    return name, numbers.dtype.str, json.dumps(numbers.shape), data, zlib.crc32(data)


def _numbers(row: Row) -> Numbers:
    _, dtype, shape, data, _ = row
    return np.frombuffer(data, dtype).reshape(json.loads(shape))
