"""What a file holds, as one number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

HASHING_THREADS = 4
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


def input_sha256(path: str | Path) -> str:
    """SHA-256 of an input, which nobody writes while it is read: once per process, size and time."""
    status = Path(path).stat()
    return _remembered(str(path), status.st_size, status.st_mtime_ns)


def content_hash(paths: Iterable[str | Path]) -> str:
    """SHA-256 over the contents of inputs, in the order given; names and places do not count."""
    total = hashlib.sha256()
    with ThreadPoolExecutor(HASHING_THREADS) as executor:
        for digest in executor.map(input_sha256, paths):
            total.update(bytes.fromhex(digest))
    return total.hexdigest()


@lru_cache(maxsize=4096)
def _remembered(path: str, n_bytes: int, modified_ns: int) -> str:  # noqa: ARG001  (they are part of the key)
    return file_sha256(path)
