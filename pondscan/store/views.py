"""What a workspace keeps of every scene, as those take it who follow ponds from scene to scene."""

from __future__ import annotations

from pondscan.follow.looks import SceneView
from pondscan.store.workspace import Workspace


def scene_views(workspace: Workspace) -> list[SceneView]:
    """Every stored scene, with what was found in it and what it saw."""
    return [
        SceneView(
            one.scene,
            workspace.observations(one.scene_id),
            workspace.coverage(one.scene_id),
            workspace.evidence(one.scene_id),
            ground=workspace.ground(one.scene_id),
        )
        for one in workspace.scenes()
    ]
