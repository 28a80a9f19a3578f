"""What a workspace keeps of every scene, as those take it who follow ponds from scene to scene."""

from __future__ import annotations

from pondscan.follow.looks import SceneView
from pondscan.memory import Remember, forgetful
from pondscan.store.coverage import CoverageMap
from pondscan.store.observations import read_observations
from pondscan.store.workspace import Workspace


def scene_views(workspace: Workspace, remember: Remember = forgetful) -> list[SceneView]:
    """Every stored scene, with what was found in it and what it saw.

    Parameters
    ----------
    remember
        Where what the scenes saw clear is looked up before their coverage is read.
    """
    stored = workspace.scenes()
    found = read_observations(*(workspace.scene_file("observations", one.scene_id) for one in stored))
    return [
        SceneView(
            one.scene,
            observations,
            CoverageMap(workspace.scene_file("coverage", one.scene_id), remember, one.scene.grid),
            workspace.evidence(one.scene_id),
            ground=workspace.ground(one.scene_id),
        )
        for one, observations in zip(stored, found, strict=True)
    ]
