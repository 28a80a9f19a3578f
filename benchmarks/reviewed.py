"""Rows for the confidence fit from reviewed workspaces: candidates measured anew, labelled by the verdicts.

The features are those of today's code, so the scenes are read again: their files must be where they were, unchanged.
Which candidates were judged may have been chosen by their confidence (`review --uncertain`): that is a choice by the
features alone, and leaves the chance of a pond given the features as it is. How many ponds there are per km² cannot be
told from what was chosen, so these rows take no part in the assumed prevalence.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from pondscan import evaluate
from pondscan.appraisal.reviewed import as_shown, placements, read_reviewed
from pondscan.appraisal.truth import truth_for
from pondscan.config import Settings
from pondscan.detect import outline, ponds, scan, score
from pondscan.errors import InputError
from pondscan.model import Grid
from pondscan.scenes import open_scene
from pondscan.store import StoredScene, Workspace
from pondscan.store.fingerprint import input_sha256

TARGETS = ("leach_pond", "small_water")


def rows(workspaces: list[Path], *, weight: float) -> dict[tuple[str, str], pd.DataFrame]:
    """Candidates of reviewed scenes by pixel size class and calibration (``reflectance`` or ``dn``).

    Parameters
    ----------
    workspaces
        Each with verdicts taken in.
    weight
        What a judged candidate counts, where one of a simulated scene counts 1.

    Returns
    -------
    dict of DataFrame
        Features, a label for every target (NaN: nobody judged it, or the verdict says nothing of that target),
        `background` (``reviewed NAME``), `scene`, `gsd_m`, `weight`, and `area_km2`, which is NaN.

    Raises
    ------
    InputError
        When nobody has reviewed a workspace, or the files of its scenes are gone or changed.
    """
    parts: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for path in workspaces:
        for stored, frame in _labelled(path):
            scene = stored.scene
            taken = "dn" if scene.calibrated == "dn" else "reflectance"
            name = score.model_name(target="leach_pond", gsd_m=scene.gsd_m, has_swir=False, calibrated=taken)
            size = name.split("/")[1].removesuffix("_dn")
            about = {"background": f"reviewed {path.resolve().name}", "scene": scene.scene_id, "area_km2": np.nan}
            parts.setdefault((size, taken), []).append(frame.assign(**about, weight=weight))
    return {key: pd.concat(frames, ignore_index=True) for key, frames in parts.items()}


def outlines(judged: ponds.Measured, grid: Grid) -> np.ndarray:
    """Outlines of judged segments in the scene's CRS."""
    x = grid.x_origin + judged.frame["col"].to_numpy() * grid.gsd_m
    y = grid.y_origin - judged.frame["row"].to_numpy() * grid.gsd_m
    if not len(x):
        return np.zeros(0, object)
    shores = ponds.on_the_ground(judged.shores, grid)
    return outline.draw(judged.rays, x, y, judged.frame["area_m2"].to_numpy(), shores)


def _labelled(path: Path) -> Iterator[tuple[StoredScene, pd.DataFrame]]:
    """Each scene of a workspace with its candidates, measured and labelled."""
    truth = read_reviewed(path)
    workspace = Workspace(path)
    settings = workspace.settings() or Settings()
    crs, placed = placements(workspace)
    for stored in workspace.scenes():
        scene = stored.scene
        day = scene.datetime.date() if scene.datetime else None
        said = truth_for(truth, day=day, sensor=scene.sensor, gsd_m=scene.gsd_m)
        if said is None or said.empty:
            continue
        _require_unchanged(stored)
        with open_scene(scene, settings) as reader, ThreadPoolExecutor() as executor:
            judged, _, _ = scan.judge_scene(reader, settings, executor=executor)
        judged = judged.take((judged.frame["rejected"] == "").to_numpy())
        shown = as_shown(said, crs, placed[scene.scene_id])
        label = labels(outlines(judged, scene.grid), shown, scene.grid, settings.confidence.target)
        yield stored, judged.frame.assign(gsd_m=scene.gsd_m, **label)


def labels(found: np.ndarray, said: gpd.GeoDataFrame, grid: Grid, target: str) -> dict[str, np.ndarray]:
    """Label candidates by verdicts on a target: 1, 0, or NaN where they say nothing.

    An accepted leach pond is water, a rejected one may still be; what is no water is no leach pond.
    """
    frame = gpd.GeoDataFrame({"confidence": np.ones(len(found))}, geometry=list(found), crs=grid.crs)
    told = evaluate.score(frame, said, gsd_m=grid.gsd_m, knows_all=False).found["is_pond"].to_numpy(float)
    other = np.where(told == (target == "leach_pond"), told, np.nan)
    return {name: told if name == target else other for name in TARGETS}


def _require_unchanged(stored: StoredScene) -> None:
    for file in stored.inputs:
        there = Path(file.path).exists()
        if not there or input_sha256(file.path) != file.sha256:
            what = "has changed since it was scanned" if there else "is not where it was"
            raise InputError(f"{file.path}: this {what}: the fit measures reviewed scenes anew, so put it back")
