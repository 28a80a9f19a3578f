"""Names of the files of a scene, safe on every file system."""

from __future__ import annotations

import hashlib
import re

from pondscan.errors import InputError

LONGEST_STEM = 120
"""Characters of a scene_id that are used as a file name; file systems end at 255 bytes."""

SAFE_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9_-]|[A-Za-z0-9]")
DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
"""Names that Windows keeps for itself."""


def file_stem(scene_id: str) -> str:
    """Turn a scene_id into the name of its files: itself where that is safe, else shortened, with a hash.

    Raises
    ------
    InputError
        When it is empty.
    """
    if not scene_id:
        raise InputError("a scene without a scene_id cannot be kept: give the file a name")
    is_safe = SAFE_STEM.fullmatch(scene_id) and not DEVICES.fullmatch(scene_id) and len(scene_id) <= LONGEST_STEM
    if is_safe:
        return scene_id
    readable = re.sub(r"[^A-Za-z0-9_-]+", "_", scene_id)[: LONGEST_STEM - 20].strip("_-") or "scene"
    return f"{readable}.{hashlib.sha256(scene_id.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
