"""Pictures as PNG files whose bytes depend on the pixels alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pondscan.store.atomic import storage_errors

QUICK = 2
"""Deflate level: a third of the usual one's time, for a picture of a full scene that is 1 % larger."""


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write ``uint8 (h, w, 3)`` red, green and blue.

    Raises
    ------
    WorkspaceError
        When the file cannot be written.
    """
    from PIL import Image

    with storage_errors(path):
        Image.fromarray(pixels).save(path, "PNG", compress_level=QUICK)
