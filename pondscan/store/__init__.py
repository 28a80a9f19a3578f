"""The workspace: what is kept of every scene, and the rules by which it changes."""

from pondscan.store.coverage import CoverageMap
from pondscan.store.records import Failure, InputFile, StoredScene, Superseded
from pondscan.store.workspace import SceneDraft, Workspace, as_kept

__all__ = ["CoverageMap", "Failure", "InputFile", "SceneDraft", "StoredScene", "Superseded", "Workspace", "as_kept"]
