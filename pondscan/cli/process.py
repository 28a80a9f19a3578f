"""How the process of the command is set up, and left: linear algebra, the garbage collector, the end."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

COLLECT_AFTER = 1_000_000
"""Objects made until the collector looks for cycles: a census makes many objects and hardly a cycle, and by default it
is interrupted every 700 of them: half a second on a full Sentinel-2 scene."""


def set_up() -> None:
    """Set the process up, before numpy is imported.

    Threads of the linear algebra beside our own only get in their way: 1.5 s of CPU on a full Sentinel-2 scene.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(COLLECT_AFTER, 20, 20)


def leave(code: int) -> NoReturn:
    """End the process at once, when everything is written and closed.

    Python would take every object apart first, only for the system to take the memory back: a third of a second after
    a full Sentinel-2 scene. Threads that still import libraries nobody asks for any more are not waited for.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # closed by the caller
            stream.flush()
    os._exit(code)
