"""The workspace: what is kept of every scene, and the rules by which it changes.

Names are imported when they are asked for: locks and atomic writes need no raster library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pondscan.store.coverage import CoverageMap
    from pondscan.store.records import Failure, InputFile, StoredScene, Superseded
    from pondscan.store.workspace import SceneDraft, Workspace, as_kept

__all__ = ["CoverageMap", "Failure", "InputFile", "SceneDraft", "StoredScene", "Superseded", "Workspace", "as_kept"]

_HOMES = {
    "CoverageMap": "coverage",
    **dict.fromkeys(("Failure", "InputFile", "StoredScene", "Superseded"), "records"),
    **dict.fromkeys(("SceneDraft", "Workspace", "as_kept"), "workspace"),
}


def __getattr__(name: str) -> Any:
    """Import a name from the module it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
