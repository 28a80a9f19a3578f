"""What a file holds, as one number."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

Stamp = tuple[str, int, int, int]
_KNOWN: dict[Stamp, str] = {}

HASHING_THREADS = min(4, os.cpu_count() or 1)
"""Files hashed at once; reading and hashing release the interpreter's lock."""


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file, read in pieces.

    Raises
    ------
    OSError
        When the file cannot be read.
    """
    with Path(path).open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stamp_of(path: str | Path) -> Stamp:
    """What of a file changes when its content does: path, size, time of the last change in ns, inode.

    Raises
    ------
    OSError
        When there is no such file.
    """
    status = Path(path).stat()
    return str(path), status.st_size, status.st_mtime_ns, status.st_ino


def recall(hashes: Mapping[Stamp, str]) -> None:
    """Take the SHA-256 of files as known, for as long as their stamps stay the same."""
    _KNOWN.update(hashes)


def input_sha256(path: str | Path) -> str:
    """SHA-256 of an input, which nobody writes while it is read: read once for every stamp."""
    stamp = stamp_of(path)
    if stamp not in _KNOWN:
        _KNOWN[stamp] = file_sha256(path)
    return _KNOWN[stamp]


def content_hash(paths: Iterable[str | Path]) -> str:
    """SHA-256 over the contents of inputs, in the order given; names and places do not count."""
    total = hashlib.sha256()
    with ThreadPoolExecutor(HASHING_THREADS) as executor:
        for digest in executor.map(input_sha256, paths):
            total.update(bytes.fromhex(digest))
    return total.hexdigest()
