"""Verdicts of reviewers as truth: what they judged, and no more than that."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pondscan.errors import InputError
from pondscan.evaluate.rows import REFUTED
from pondscan.follow.looks import SceneView, aligned, in_order, is_clear_at, working_crs
from pondscan.follow.registration import Placement
from pondscan.follow.verdicts import standing
from pondscan.store import Workspace
from pondscan.store.views import scene_views
from pondscan.store.workspace import VERDICTS

STATUS = {"accepted": "present", "rejected": REFUTED, "unsure": "unsure"}
NO_SUCH_DAY = "judged in a scene that is gone"
"""Status of an accepted pond of whose day nothing is known any more."""


def is_review(path: Path) -> bool:
    """Whether a truth is what reviewers said: a workspace, or the file of verdicts in one."""
    return path.is_dir() or path.name == VERDICTS


def read_reviewed(path: Path) -> gpd.GeoDataFrame:
    """Read what reviewers said, as rows of a truth.

    Parameters
    ----------
    path
        A workspace, or its ``verdicts.geojson``.

    Returns
    -------
    GeoDataFrame
        As ``truth.read_truth`` gives them, in metres, and ``is_area_known``: whether a reviewer drew the outline. An
        accepted pond speaks of the day of the scene it was accepted in: on others it may have been dry. A place without
        a pond, or one that a reviewer was unsure of, speaks of every day (``day`` is None).

    Raises
    ------
    InputError
        When there is no workspace, or nobody has reviewed it.
    """
    folder = path if path.is_dir() else path.parent
    workspace = Workspace(folder)
    if not workspace.exists or not workspace.scenes():
        remedy = "give the workspace they were taken into (`pondscan review apply`)"
        raise InputError(f"{path}: there is no census beside these verdicts, so nobody knows of which days: {remedy}")
    said = workspace.verdicts()
    if said is None or said.empty:
        raise InputError(f"{path}: nobody has reviewed this census: judge ponds of it first (`pondscan review`)")
    views = in_order(scene_views(workspace))
    crs = working_crs(views, None)
    held = standing(said, crs)
    is_accepted = (held["verdict"] == "accepted").to_numpy(bool)
    days = _days(held, views, crs)
    days[~is_accepted] = None
    status = held["verdict"].map(STATUS).mask(is_accepted & pd.isna(days), NO_SUCH_DAY)
    columns = {"status": status.astype("string"), "is_area_known": held["is_drawn"].astype(bool), "day": days}
    nothing = pd.Series(pd.NA, held.index, dtype="string")
    return gpd.GeoDataFrame(
        {**columns, "pond_id": held["pond_id"], "kind": nothing, "sensor": nothing}, geometry=held.geometry, crs=crs
    )


def placements(workspace: Workspace) -> tuple[str, Mapping[str, Placement]]:
    """How far each scene lies off the others, by scene_id, and the CRS that is told in."""
    views = in_order(scene_views(workspace))
    crs = working_crs(views, None)
    return crs, {view.scene_id: view.placement for view in aligned(views, crs)}


def as_shown(truth: gpd.GeoDataFrame, crs: str, placement: Placement) -> gpd.GeoDataFrame:
    """Move outlines of a census to where a scene shows them."""
    moved = truth.to_crs(crs)
    outlines = moved.geometry.to_numpy()
    centre = shapely.get_coordinates(shapely.centroid(outlines))
    shift = placement.shift_at(centre[:, 0], centre[:, 1])
    per_corner = np.repeat(shift, shapely.get_num_coordinates(outlines), axis=0)
    shown = shapely.set_coordinates(outlines.copy(), shapely.get_coordinates(outlines) + per_corner)
    return moved.assign(geometry=gpd.GeoSeries(shown, index=moved.index, crs=crs))


def _days(held: gpd.GeoDataFrame, views: list[SceneView], crs: str) -> NDArray[np.object_]:
    """(n,) day of the scene each verdict names, else of the newest that saw its place clear; None for none."""
    day = {view.scene_id: view.scene.datetime.date() for view in views if view.scene.datetime is not None}
    named = [_first_known(str(ids).split(";"), day) for ids in held["scene_id"].fillna("")]
    centre = shapely.get_coordinates(shapely.centroid(held.geometry.to_numpy()))
    newest = np.full(len(held), None, object)
    for view in views:
        if view.scene_id in day:
            newest[is_clear_at(view, centre[:, 0], centre[:, 1], crs)] = day[view.scene_id]
    days = np.array([*named, None], object)[:-1]
    is_nameless = held["scene_id"].isna().to_numpy(bool)
    days[is_nameless] = newest[is_nameless]
    return days


def _first_known(ids: list[str], day: Mapping[str, date]) -> date | None:
    return next((day[one] for one in ids if one in day), None)
