"""One writer at a time: a lock the operating system gives back when its holder ends, however it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pondscan.errors import WorkspaceBusyError
from pondscan.store.atomic import storage_errors


@contextmanager
def writer_lock(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs.

    Only the lock counts, not the file: one that a dead run left is no hindrance.

    Raises
    ------
    WorkspaceBusyError
        When another writer holds it.
    WorkspaceError
        When the folder cannot be written.
    """
    with storage_errors(path):
        file = path.open("ab")
    with file:
        with storage_errors(path):
            is_ours = _try_lock(file) and _is_still(path, file)
        if not is_ours:
            message = f"{path.parent}: another run is writing to this workspace"
            raise WorkspaceBusyError(f"{message}, wait until it has ended or give another --out")
        try:
            yield
        finally:
            _unlock(file)


def _is_still(path: Path, file: BinaryIO) -> bool:
    """Whether the open file is the one the path names: another run may just have removed it with its folder."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: BinaryIO) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def _unlock(file: BinaryIO) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
