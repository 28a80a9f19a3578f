"""How the process of the command is set up: linear algebra and the garbage collector."""

from __future__ import annotations

import gc
import os

COLLECT_AFTER = 50_000
"""Objects made until the collector looks for cycles: a census makes many objects and hardly a cycle, and by default it
is interrupted every 700 of them: half a second on a full Sentinel-2 scene."""


def set_up() -> None:
    """Set the process up, before numpy is imported.

    Threads of the linear algebra beside our own only get in their way: 1.5 s of CPU on a full Sentinel-2 scene.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(COLLECT_AFTER, 20, 20)
