"""What makes two scans equal: the content of the files, what the scene is, and the settings that reach it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any

from pondscan.config import Settings
from pondscan.errors import InputError
from pondscan.hashing import Stamp, input_sha256, stamp_of
from pondscan.model import Scene
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


SECOND_NS = 1_000_000_000
COARSE_TICK_NS = 2 * SECOND_NS
FINE_TICK_NS = SECOND_NS // 20
"""How long the times of files may stand still: FAT counts in two seconds, others in ticks of the kernel."""


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


class FileHasher:
    """Identifies files by content; one whose path, size, time and inode are as they were is not read again.

    Parameters
    ----------
    known
        Hashes of earlier runs.
    now_ns
        When this one began: what was last changed just before may change again without its time telling.
    """

    def __init__(self, known: Collection[Stamp], now_ns: int) -> None:
        self._known = known
        self._now_ns = now_ns
        self.new: dict[Stamp, str] = {}
        """Files hashed here that may be remembered."""

    def __call__(self, path: str) -> InputFile:
        """Identify one file.

        Raises
        ------
        InputError
            When the file cannot be read.
        """
        try:
            stamp = stamp_of(path)
            file = InputFile(path, stamp[1], input_sha256(path))
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{path}: cannot be read ({reason}): check the file and run again") from error
        if stamp not in self._known and self._has_settled(stamp[2]):
            self.new[stamp] = file.sha256
        return file

    def _has_settled(self, mtime_ns: int) -> bool:
        """Whether the next change of a file will show in its time; some file systems count in whole seconds."""
        tick_ns = COARSE_TICK_NS if mtime_ns % SECOND_NS == 0 else FINE_TICK_NS
        return mtime_ns < self._now_ns - tick_ns


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
