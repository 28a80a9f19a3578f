"""How much of the disk a workspace may take: room before a scene is scanned, pictures dropped after it.

Only pictures are ever dropped: no number is made from them. What was found, what was seen clear, evidence and chips of
ground are what products are built from, and stay.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from pondscan.errors import WorkspaceError
from pondscan.model import Scene
from pondscan.store import atomic
from pondscan.store.workspace import Workspace

PICTURES = ("quicklook", "imagery")
"""Files of a scene that may be dropped."""

DROPPED = "dropped"
"""The file that says so: it is empty."""

FOR_PRODUCTS_BYTES = 50_000_000
"""Kept free for products, whatever the scenes."""

PER_PIXEL_BYTES = 0.1
"""What a scene leaves in the workspace for each of its pixels: coverage, chips and observations, generously."""

MEGABYTE = 1_000_000


def space_needed(scenes: Iterable[Scene]) -> int:
    """Bytes that scanning scenes and publishing takes, generously."""
    n_pixels = sum(scene.grid.width * scene.grid.height for scene in scenes)
    return FOR_PRODUCTS_BYTES + round(PER_PIXEL_BYTES * n_pixels)


def require_space(folder: Path, scenes: Sequence[Scene], *, min_free_mb: float) -> None:
    """Refuse to go on where the disk would be full before the scenes are done.

    Raises
    ------
    WorkspaceError
        Naming what is free and what is needed.
    """
    free, needed = shutil.disk_usage(folder).free, space_needed(scenes)
    if free < needed + min_free_mb * MEGABYTE:
        what = f"{len(scenes)} scene{'s' * (len(scenes) > 1)} to come may take {needed / MEGABYTE:.0f} MB"
        room = f"and storage.min_free_mb = {min_free_mb:g} shall stay free, but only {free / MEGABYTE:.0f} MB are"
        raise WorkspaceError(f"{folder}: {what} {room}: make room, or give another --out")


def drop_pictures(workspace: Workspace, pictures_mb: float | None) -> tuple[str, ...]:
    """Drop the pictures of the oldest scenes where all together are larger than ``pictures_mb``; None is no limit.

    From the newest scene backwards pictures are kept as long as they fit; once one does not, neither does any older
    one, also one that comes later: which are kept is a matter of the scenes, not of the order in which they came.

    Returns
    -------
    tuple of str
        The scenes whose pictures were dropped just now, the oldest first.
    """
    if pictures_mb is None:
        return ()
    taken, is_full, dropped = 0, False, []
    for stored in reversed(workspace.scenes()):
        files = [workspace.scene_file(name, stored.scene_id) for name in PICTURES]
        taken += sum(file.stat().st_size for file in files if file.is_file())
        mark = workspace.scene_file(DROPPED, stored.scene_id)
        is_full |= taken > pictures_mb * MEGABYTE or mark.is_file()
        if not is_full:
            continue
        if not mark.is_file():
            atomic.write_bytes(mark, b"")
            dropped.append(stored.scene_id)
        for file in files:
            atomic.remove(file)
    return tuple(reversed(dropped))


def without_pictures(workspace: Workspace) -> tuple[str, ...]:
    """Scenes whose pictures were dropped, in order of time."""
    ids = (stored.scene_id for stored in workspace.scenes())
    return tuple(scene_id for scene_id in ids if workspace.scene_file(DROPPED, scene_id).is_file())
