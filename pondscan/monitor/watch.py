"""What has come into the watched folder, what is still coming, and what is known: told from names, sizes and times.

No file is opened here but the end of a new archive and the manifest of a new SAFE folder.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pondscan.errors import InputError
from pondscan.monitor.journal import Recorded

TEMPORARY = (
    ".part",
    ".partial",
    ".crdownload",
    ".tmp",
    ".temp",
    ".filepart",
    ".download",
    ".incomplete",
    ".aria2",
    "~",
)
"""How browsers, downloaders and copy programs end the name of what is not whole yet."""

TAR_END = bytes(1024)
"""Two empty blocks end every tar archive."""

_MANIFEST_HREF = re.compile(r'href="(?:\./)?([^"]+)"')


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it is now."""

    size: int
    mtime_ns: int
    changed: float
    """Seconds since 1970 of the last change of content or of name: copies that keep the old time show here."""
    is_temporary: bool = False
    """Its name, or that of a folder it lies in, says that it is not whole yet."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The files of the watched folder, sorted by what to do with them."""

    seen: Mapping[str, Seen]
    new: frozenset[str]
    """Settled, and not known as they are."""
    known: frozenset[str]
    failed: frozenset[str]
    """Tried as they are, without success."""
    waiting: Mapping[str, str] = field(default_factory=dict)
    """Path → why it is waited for."""

    @property
    def waiting_as_seen(self) -> list[tuple[str, Seen]]:
        """Files that are waited for, as they are."""
        return [(path, self.seen[path]) for path in self.waiting]


def walk(folder: Path, *, leave_out: Path) -> dict[str, Seen]:
    """Every file below a folder that is not hidden, the workspace ``leave_out`` excepted.

    Raises
    ------
    InputError
        When the folder cannot be read.
    """
    found: dict[str, Seen] = {}
    left_out = str(leave_out)
    try:
        with os.scandir(folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{folder}: the watched folder cannot be read ({reason}): mount or make it") from error
    pending = [(str(folder), False)]
    while pending:
        below, is_temporary = pending.pop()
        for entry in _entries(below):
            if entry.name.startswith(".") or entry.path == left_out:
                continue
            is_unfinished = is_temporary or _is_temporary(entry.name)
            if entry.is_dir(follow_symlinks=False):
                pending.append((entry.path, is_unfinished))
            elif (one := _seen(entry, is_temporary=is_unfinished)) is not None:
                found[entry.path] = one
    return found


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:  # it was there a moment ago
        return


def _seen(entry: os.DirEntry[str], *, is_temporary: bool) -> Seen | None:
    """Look at a file; None for a folder or device, and for what is gone or a link to nowhere."""
    try:
        if not entry.is_file():
            return None
        status = entry.stat()
    except FileNotFoundError:
        return None
    return Seen(status.st_size, status.st_mtime_ns, max(status.st_mtime, status.st_ctime), is_temporary)


def sort_out(
    seen: Mapping[str, Seen], recorded: Mapping[str, Recorded], *, now: float, settle_s: float, incomplete_s: float
) -> Arrivals:
    """Sort files into known, new and still coming.

    A file has settled when nothing changed it for ``settle_s`` by the clock of its file system, or when an earlier pass
    at least ``settle_s`` ago, by our own clock, saw it just as it is. A SAFE folder waits as a whole.
    """
    known: set[str] = set()
    failed: set[str] = set()
    fresh: list[str] = []
    for path, one in seen.items():
        before = recorded.get(path)
        if before is None or before.state == "waiting" or not _is_same(one, before):
            fresh.append(path)
        else:
            (known if before.state == "known" else failed).add(path)
    waiting: dict[str, str] = {}
    for path in fresh:
        if (why := _why_waiting(path, seen, recorded.get(path), now, settle_s, incomplete_s)) is not None:
            waiting[path] = why
    for root in {safe for path in fresh if (safe := _safe_of(path)) is not None}:
        waiting.update(_waiting_in_safe(root, seen, waiting, now, incomplete_s))
    new = frozenset(fresh) - waiting.keys()
    return Arrivals(seen, new, frozenset(known - waiting.keys()), frozenset(failed - waiting.keys()), waiting)


def _is_same(now: Seen, before: Recorded) -> bool:
    return (now.size, now.mtime_ns) == (before.size, before.mtime_ns)


def _why_waiting(
    path: str, seen: Mapping[str, Seen], before: Recorded | None, now: float, settle_s: float, incomplete_s: float
) -> str | None:
    """Why a file is not taken yet; None when it is whole as far as can be told."""
    if seen[path].is_temporary:
        return "its name says that it is not whole yet"
    if any(path + ending in seen for ending in TEMPORARY):
        return "a partial download of the same name is beside it"
    one = seen[path]
    was_seen_before = before is not None and _is_same(one, before) and now - before.since >= settle_s
    if now - one.changed < settle_s and not was_seen_before:
        return f"it changed less than {settle_s:g} s ago"
    is_patience_left = now - one.changed < incomplete_s
    if is_patience_left and not _has_its_end(path):
        return "the end of the archive is missing"
    return None


def _is_temporary(name: str) -> bool:
    return name.lower().endswith(TEMPORARY) or name.startswith("~$")


def _has_its_end(path: str) -> bool:
    """Whether the last part of an archive is there; True for any other file."""
    suffix = Path(path).suffix.lower()
    try:
        if suffix == ".zip":
            return zipfile.is_zipfile(path)
        if suffix == ".tar":
            with Path(path).open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - len(TAR_END)))
                return file.read() == TAR_END
    except OSError:
        return True  # whoever reads it next says what is wrong
    return True


def _safe_of(path: str) -> str | None:
    """The outermost SAFE folder a file lies in."""
    parents = [str(parent) for parent in Path(path).parents if parent.name.upper().endswith(".SAFE")]
    return parents[-1] if parents else None


def _waiting_in_safe(
    root: str, seen: Mapping[str, Seen], waiting: Mapping[str, str], now: float, incomplete_s: float
) -> dict[str, str]:
    """Every file of a SAFE folder that is still coming; nothing when it is whole, or was waited for long enough."""
    members = [path for path in seen if path.startswith(root + os.sep)]
    if any(path in waiting for path in members):
        return dict.fromkeys(members, "files of its SAFE folder are still being copied")
    if now - max(seen[path].changed for path in members) >= incomplete_s:
        return {}
    missing = _missing_in_safe(Path(root), seen)
    return dict.fromkeys(members, f"its SAFE folder lacks {missing}") if missing else {}


def _missing_in_safe(root: Path, seen: Mapping[str, Seen]) -> str | None:
    """The first image or metadata file that the manifest names and that is not there, or the manifest itself."""
    manifest = root / "manifest.safe"
    has_metadata = any(path.startswith(str(root / "MTD_MSI")) for path in seen)
    if str(manifest) not in seen:
        return None if has_metadata else "its metadata"
    try:
        hrefs = _MANIFEST_HREF.findall(manifest.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    needed = [href for href in hrefs if "/IMG_DATA/" in href or Path(href).name.startswith("MTD_")]
    return next((href for href in needed if str(root / href) not in seen), None)
