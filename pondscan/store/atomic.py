"""Files appear whole or not at all: written under a temporary name in the same folder, fsynced, renamed.

What an interrupted run leaves behind carries ``TEMPORARY_PREFIX``, so that the next writer knows it and clears it away.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pondscan.errors import WorkspaceError

TEMPORARY_PREFIX = ".pondscan-tmp-"


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the file system (or SQLite) refuses into one sentence.

    Raises
    ------
    WorkspaceError
        Naming ``path``, the reason and the remedy.
    """
    try:
        yield
    except WorkspaceError:
        raise
    except (OSError, sqlite3.Error) as error:
        raise WorkspaceError(_sentence(path, error)) from error


def temporary_for(path: Path) -> Path:
    """Return the name, in the same folder, that a file has while it is being written."""
    return path.with_name(TEMPORARY_PREFIX + path.name)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; when the block ends well, it takes the place of ``path`` at once.

    Raises
    ------
    WorkspaceError
        When the folder cannot be written or the disk is full; nothing is left behind, and ``path`` is as it was.
    """
    temporary = temporary_for(path)
    try:
        with storage_errors(path):
            yield temporary
            move_into_place(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file at once (see ``replacing``)."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def move_into_place(temporary: Path, path: Path) -> None:
    """Make ``temporary`` durable and rename it over ``path``."""
    _sync(temporary)
    temporary.replace(path)
    _sync_folder(path.parent)


def remove(path: Path) -> None:
    """Remove a file; one that is not there is fine."""
    with storage_errors(path):
        path.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder with those above it; one that is there is fine.

    Raises
    ------
    WorkspaceError
        When a file is in the way or the place cannot be written.
    """
    with storage_errors(path):
        path.mkdir(parents=True, exist_ok=True)


def sweep(folder: Path) -> list[str]:
    """Clear away what an interrupted run left in ``folder``; return the names."""
    leftovers = sorted(folder.glob(f"{TEMPORARY_PREFIX}*"))
    with storage_errors(folder):
        for leftover in leftovers:
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)
    return [leftover.name for leftover in leftovers]


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; Windows has no such call and needs none."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sentence(path: Path, error: OSError | sqlite3.Error) -> str:
    reason = getattr(error, "strerror", None) or str(error).strip().rstrip(".") or type(error).__name__
    shown = path.with_name(path.name.removeprefix(TEMPORARY_PREFIX))
    return (
        f"{shown}: cannot be written ({reason}): check that there is space and that the folder is yours, then run again"
    )
