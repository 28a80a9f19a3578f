"""What the scan needs of a scene."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pondscan.model import Scene, Window


class SceneReader(Protocol):
    """What the scan needs of a scene: pixels on its grid, by window (see ``scenes.reader``)."""

    scene: Scene

    @property
    def block_px(self) -> int:
        """Side of the tiles that follow the files' blocks."""
        ...

    def read(self, roles: Sequence[str], window: Window) -> NDArray[np.int16]:
        """Counts of 1e-4 reflectance, (roles, h, w)."""
        ...

    def read_into(self, roles: Sequence[str], window: Window, out: Sequence[NDArray[np.int16]]) -> None:
        """Read the same into an array (h, w) for each role."""
        ...

    def read_mask(self, window: Window) -> NDArray[np.uint8]:
        """``model.Coverage`` codes before dilation."""
        ...

    def together(self, role: str) -> tuple[str, ...]:
        """Roles that are decoded whenever ``role`` is."""
        ...
