"""Names that stay: ids of scenes, and which of two versions of one acquisition is the newer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pondscan.model import Scene


def safe_id(text: str) -> str:
    """An id usable as a file name: anything but letters, digits, ``.``, ``_`` and ``-`` becomes ``_``.

    Examples
    --------
    >>> safe_id("my scene (1)/B02")
    'my_scene_1_B02'
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._") or "scene"


def superseded(scenes: Sequence[Scene]) -> dict[str, str]:
    """Which scenes another version of the same acquisition replaces.

    Among scenes of one ``acquisition`` the newest ``processing`` wins (the strings are made to sort); of equal ones
    the greatest ``scene_id``.

    Returns
    -------
    dict
        ``scene_id`` of the replaced scene → ``scene_id`` of the one that replaces it.
    """
    versions: dict[str, list[Scene]] = {}
    for scene in scenes:
        if scene.acquisition is not None:
            versions.setdefault(scene.acquisition, []).append(scene)
    replaced = {}
    for group in versions.values():
        newest = max(group, key=lambda scene: (scene.processing or "", scene.scene_id))
        replaced.update({s.scene_id: newest.scene_id for s in group if s.scene_id != newest.scene_id})
    return dict(sorted(replaced.items()))
