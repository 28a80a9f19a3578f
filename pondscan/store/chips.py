"""Chips of ground as ``chips/<scene_id>_ground.npz``: plain arrays, two grey levels to a byte."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pondscan.detect.ground import CHIP_PX, GroundChips
from pondscan.errors import WorkspaceError
from pondscan.store.atomic import storage_errors


def write_ground(path: Path, chips: GroundChips) -> None:
    """Write the chips of a scene; the same chips give the same bytes.

    Raises
    ------
    WorkspaceError
        When the file cannot be written.
    """
    packed = chips.levels[..., ::2] | (chips.levels[..., 1::2] << 4)
    with storage_errors(path), path.open("wb") as file:
        np.savez(file, points=chips.points, levels=packed, n_points=np.int64(chips.n_points))


def read_ground(path: Path) -> GroundChips:
    """Read the chips of a scene.

    Raises
    ------
    WorkspaceError
        When the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            points, packed, n_points = arrays["points"], arrays["levels"], int(arrays["n_points"])
        return GroundChips(points.astype(np.int32), _unpacked(packed), n_points)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        message = f"{path}: the ground chips of this scene are missing or damaged"
        raise WorkspaceError(f"{message}: forget the scene and run it again") from error


def _unpacked(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    levels = np.empty((len(packed), CHIP_PX, CHIP_PX), np.uint8)
    levels[..., ::2], levels[..., 1::2] = packed & 15, packed >> 4
    return levels
