"""Scenes: what is in the inputs, and their pixels and masks on one grid."""

from pondscan.scenes.discover import Discovery, Skip, discover
from pondscan.scenes.identity import superseded
from pondscan.scenes.reader import SceneReader, open_scene

__all__ = ["Discovery", "SceneReader", "Skip", "discover", "open_scene", "superseded"]
