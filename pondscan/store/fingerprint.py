"""What makes two scans equal: the content of the files, what the scene is, and the settings that reach it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pondscan.config import Settings
from pondscan.errors import InputError
from pondscan.hashing import input_sha256
from pondscan.model import Scene
from pondscan.store.ledger import Ledger
from pondscan.store.records import InputFile, canonical_json, description

SCANNED_SECTIONS: dict[str, set[str] | None] = {
    "mask": None,
    "detect": None,
    "pond": None,
    "confidence": {"target", "expected_ponds_per_km2"},
    "products": {"keep_rejected"},
    "chips": None,
}
"""Settings that observations depend on, None for a whole section. The elevation model counts by its content;
``input`` through the scene it was turned into, so that naming the bands of one file never touches another; the rest,
the area of interest too, acts on stored observations, or only on how the work is cut."""


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


class FileHasher:
    """Identifies files by content; one whose size and time are as they were is not read again.

    Parameters
    ----------
    ledger
        Where hashes of earlier runs are; None for a workspace that is not there yet.
    settled_before_ns
        Only a file last changed before this time is trusted to show its next change in its time.
    """

    def __init__(self, ledger: Ledger | None, settled_before_ns: int) -> None:
        self._ledger = ledger
        self._settled_before_ns = settled_before_ns
        self.new: dict[InputFile, int] = {}
        """Files hashed here, with their times in ns, to be remembered."""

    def __call__(self, path: str) -> InputFile:
        """Identify one file.

        Raises
        ------
        InputError
            When the file cannot be read.
        """
        try:
            status = Path(path).stat()
            known = self._ledger and self._ledger.known_hash(path, status.st_size, status.st_mtime_ns)
            file = InputFile(path, status.st_size, known or input_sha256(path))
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{path}: cannot be read ({reason}): check the file and run again") from error
        if not known and status.st_mtime_ns < self._settled_before_ns:
            self.new[file] = status.st_mtime_ns
        return file


def scan_hash(scene: Scene, settings: Settings, *, version: str, dem_sha256: str | None = None) -> str:
    """Stand for everything, but the pixels, that the observations of a scene depend on.

    Parameters
    ----------
    version
        Version of the code that scans and of the models it judges by.
    dem_sha256
        Content of the elevation model, None without one.
    """
    reaching = {
        section: getattr(settings, section).model_dump(mode="json", include=fields)
        for section, fields in SCANNED_SECTIONS.items()
    }
    if dem_sha256 is not None:
        reaching["terrain"] = {"dem_sha256": dem_sha256}
    return digest({"scene": description(scene), "settings": reaching, "version": version})
