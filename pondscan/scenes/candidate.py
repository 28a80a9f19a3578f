"""A scene recognised by its layout, before anything in it is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pondscan.config import Settings
from pondscan.errors import InputError
from pondscan.model import Scene


class UnrecognisedError(InputError):
    """A raster that is no multispectral scene: passed over when a folder is walked, refused when named."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What looks like a scene in a listing."""

    source: str
    """The path the user would recognise."""
    depth: int
    """Folders between the listing's root and the product: of nested products the deepest is taken."""
    anchor: str
    """The listed file that makes it a scene; two candidates never share it."""
    members: frozenset[str]
    """Listed files that belong to it, the anchor included; others may use them too."""
    build: Callable[[Settings], Scene]
    """Opens it; raises ``InputError`` when it cannot be read."""
