"""Which ponds to judge: all, the uncertain ones, or a sample that stands for the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from pondscan.config import ConfidenceSettings, Settings
from pondscan.errors import WorkspaceError
from pondscan.follow import products
from pondscan.follow.looks import Look, in_order, working_crs
from pondscan.follow.places import locate
from pondscan.follow.products import Products
from pondscan.store import Workspace
from pondscan.store.views import scene_views

UNCERTAIN = (0.2, 0.8)
"""Confidences between which a person's eye helps most."""

CLASSES = (0.0, 0.3, 0.5, 0.7, 0.9, 1.0)
"""Bounds of the classes of confidence that a sample is drawn from alike."""


def candidates(workspace: Workspace) -> Products:
    """Take the census of a workspace with every candidate in it, believed or not, under the ids of its products.

    Raises
    ------
    WorkspaceError
        When there is no workspace, or no scene in it.
    """
    kept = _settings_of(workspace)
    confidence = ConfidenceSettings.model_validate(kept.confidence.model_dump() | {"min_confidence": 0.0})
    everything = kept.model_copy(update={"confidence": confidence})
    return products.build(scene_views(workspace), everything, aoi=workspace.aoi(), reviewed=workspace.verdicts())


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """What a sample is drawn from: the census with every candidate in it."""

    ponds: GeoDataFrame
    """Columns ``tables.PONDS``, `gsd_m` and `shared_sigma_m2`; `site_id` is null of what is not mapped."""
    footprints: NDArray[np.object_]
    """Worked ground of the sites."""
    region: BaseGeometry
    """Ground the census speaks of."""
    looks: tuple[Look, ...]
    crs: str
    min_confidence: float


def counted(workspace: Workspace) -> Counted:
    """Take the census of a workspace for a survey.

    Raises
    ------
    WorkspaceError
        When there is no workspace, or no scene in it.
    """
    kept = _settings_of(workspace)
    views = scene_views(workspace)
    crs = working_crs(in_order(views), kept.products.crs)
    is_placed = kept.registration.use == "auto"
    everything, region = products.take_census(
        views, crs, aoi=workspace.aoi(), reviewed=workspace.verdicts(), is_placed=is_placed
    )
    places = locate(everything, kept.confidence.min_confidence, region, **kept.sites.model_dump())
    site = dict(zip(places.ponds["pond_id"], places.ponds["site_id"], strict=True))
    ponds = everything.ponds.assign(site_id=everything.ponds["pond_id"].map(site).astype("string"))
    return Counted(
        ponds=ponds.sort_values("pond_id", ignore_index=True),
        footprints=places.outline[: places.n_sites],
        region=region,
        looks=everything.looks,
        crs=crs,
        min_confidence=kept.confidence.min_confidence,
    )


def chosen(ponds: GeoDataFrame, *, n_sample: int | None, only_uncertain: bool, seed: int = 0) -> GeoDataFrame:
    """Choose the ponds to judge: a sample, the uncertain ones, or all; with the column `weight`."""
    if n_sample is not None:
        return sample(ponds, n_sample, seed=seed)
    return uncertain(ponds) if only_uncertain else ponds.assign(weight=1.0)


def uncertain(ponds: GeoDataFrame) -> GeoDataFrame:
    """Ponds of a confidence within ``UNCERTAIN``, those nearest to one half first."""
    confidence = ponds["confidence"].to_numpy(float)
    is_chosen = (confidence >= UNCERTAIN[0]) & (confidence <= UNCERTAIN[1])
    order = np.argsort(np.abs(confidence[is_chosen] - 0.5), kind="stable")
    chosen: GeoDataFrame = ponds[is_chosen].iloc[order].reset_index(drop=True)
    return chosen.assign(weight=1.0)


def sample(ponds: GeoDataFrame, n: int, *, seed: int = 0) -> GeoDataFrame:
    """Draw ponds that nobody has judged yet, as many from each class of confidence while there are some.

    Parameters
    ----------
    n
        How many; all of them where there are fewer.
    seed
        Of the random draw: the same ponds and seed give the same sample.

    Returns
    -------
    GeoDataFrame
        With the column `weight`: how many ponds of its class each one stands for.
    """
    confidence = ponds["confidence"].to_numpy(float)
    is_open = (confidence > 0) & (confidence < 1)
    left = ponds[is_open].reset_index(drop=True)
    group = np.digitize(left["confidence"].to_numpy(float), CLASSES[1:-1])
    shuffled = np.random.default_rng(seed).permutation(len(left))
    rank = pd.Series(group[shuffled]).groupby(group[shuffled]).cumcount().to_numpy()
    turn = np.lexsort((group[shuffled], rank))[:n]  # one of each class in turn
    taken = np.sort(shuffled[turn])
    drawn: GeoDataFrame = left.iloc[taken].reset_index(drop=True)
    return drawn.assign(weight=_weights(group, group[taken]))


def _weights(group: NDArray[np.int64], drawn: NDArray[np.int64]) -> NDArray[np.float64]:
    size, n_drawn = (np.bincount(one, minlength=len(CLASSES)) for one in (group, drawn))
    return np.asarray(size[drawn] / n_drawn[drawn], np.float64)


def _settings_of(workspace: Workspace) -> Settings:
    if not workspace.exists or not workspace.scenes():
        message = f"{workspace.path}: there is no census with scenes in this folder"
        raise WorkspaceError(f"{message}: give the --out of a `pondscan run`")
    return workspace.settings() or Settings()
