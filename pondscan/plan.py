"""What a run has to do: which scenes are new, changed, scanned with other settings, or replaced by newer versions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from pondscan.config import Settings
from pondscan.errors import InputError, WorkspaceError
from pondscan.model import Scene
from pondscan.scenes import Skip, discover, elevation, superseded
from pondscan.store.records import Failure, InputFile, StoredScene, content_of, order_key, scene_to_dict

OUTSIDE_AOI = "outside the area of interest"
NOT_RECOGNISED = "not recognised"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scene that could be scanned, and what the result would depend on."""

    scene: Scene
    inputs: tuple[InputFile, ...]
    scan_hash: str

    @property
    def scene_id(self) -> str:
        """Identity of the scene."""
        return self.scene.scene_id

    def is_stored_as(self, stored: StoredScene | None) -> bool:
        """Whether the workspace already holds what scanning this would give."""
        return stored is not None and stored.scan_hash == self.scan_hash and stored.content == content_of(self.inputs)


@dataclass(frozen=True, slots=True)
class Found:
    """What the inputs hold."""

    scenes: tuple[Scene, ...]
    failures: tuple[Failure, ...]
    ignored: tuple[tuple[str, str], ...]
    """Path, and why it is passed over."""


def find(
    inputs: Sequence[str | Path],
    settings: Settings,
    *,
    workspace: Path,
    aoi: BaseGeometry | None,
    skip: Skip | None = None,
) -> Found:
    """Recognise the scenes in the inputs, leaving out the workspace's own files and what lies off the area.

    With ``skip`` the scenes are a part of what is there, so that none of them near the area is no error.

    Raises
    ------
    InputError
        When several scenes have no date, none touches the area of interest (WGS84), or the elevation model is none or
        lies under none of them.
    """
    discovery = discover([Path(path).resolve() for path in inputs], settings, skip=skip)
    own = workspace.resolve()
    scenes = [scene for scene in discovery.scenes if not all(Path(file).is_relative_to(own) for file in scene.files)]
    near = [scene for scene in scenes if aoi is None or shapely.intersects(_footprint(scene), aoi)]
    if scenes and not near and skip is None:
        message = f"{settings.aoi.path}: the area of interest touches none of the scenes ({len(scenes)})"
        raise InputError(f"{message}: check its place and CRS")
    if near and settings.terrain.dem:
        _refuse_dem_elsewhere(settings.terrain.dem, near)
    off = [(scene.source, OUTSIDE_AOI) for scene in scenes if scene not in near]
    unknown = [(path, NOT_RECOGNISED) for path in discovery.ignored if not Path(path).is_relative_to(own)]
    failures = [Failure(*failure) for failure in discovery.failures if not Path(failure[0]).is_relative_to(own)]
    return Found(tuple(near), tuple(failures), tuple(sorted([*off, *unknown])))


def _refuse_dem_elsewhere(dem: str, scenes: Sequence[Scene]) -> None:
    """Refuse an elevation model that lies under none of the scenes."""
    extent = shapely.box(*elevation.bounds_of(dem))
    if not any(shapely.intersects(_footprint(scene), extent) for scene in scenes):
        message = f"{dem}: the elevation model lies under none of the scenes ({len(scenes)})"
        raise InputError(f"{message}: check its place and CRS, or leave out --dem")


def identify(
    scenes: Iterable[Scene],
    stored: Iterable[StoredScene],
    candidate: Callable[[Scene], Candidate],
) -> tuple[dict[str, Candidate], list[Failure]]:
    """Turn scenes into candidates, by scene_id; a scene whose files cannot be read is a failure.

    A scene that says no date, but was given one when it was stored, keeps that. A second undated scene is a failure:
    the order of the two could not be known.
    """
    known = {one.scene_id: one.scene for one in stored}
    undated = {scene_id for scene_id, scene in known.items() if scene.datetime is None}
    candidates: dict[str, Candidate] = {}
    failures: list[Failure] = []
    for given in scenes:
        before = known.get(given.scene_id)
        scene = replace(given, datetime=before.datetime) if before and given.datetime is None else given
        if scene.datetime is None and undated - {scene.scene_id}:
            failures.append(_second_undated(scene, sorted(undated - {scene.scene_id})[0]))
            continue
        try:
            candidates[scene.scene_id] = candidate(scene)
        except InputError as error:
            failures.append(Failure(scene.source, str(error), scene.scene_id))
    return candidates, failures


def outstanding(
    candidates: Iterable[Candidate], stored: Collection[StoredScene], failed: Collection[str]
) -> list[Candidate]:
    """Candidates still to be scanned: not replaced by another version that is usable, and not stored as they are."""
    usable = [candidate for candidate in candidates if candidate.scene_id not in failed]
    held = {one.scene_id: one for one in stored}
    replaced = replaced_by(usable, stored)
    todo = [
        candidate
        for candidate in usable
        if candidate.scene_id not in replaced and not candidate.is_stored_as(held.get(candidate.scene_id))
    ]
    return sorted(todo, key=lambda candidate: order_key(candidate.scene))


def replaced_by(usable: Iterable[Candidate], stored: Iterable[StoredScene]) -> dict[str, str]:
    """Which scenes, given or stored, another version of the same acquisition replaces: old → new scene_id."""
    scenes = {one.scene_id: one.scene for one in stored}
    scenes |= {candidate.scene_id: candidate.scene for candidate in usable}
    return superseded(list(scenes.values()))


def stale_candidates(
    stored: Iterable[StoredScene],
    candidates: dict[str, Candidate],
    *,
    candidate: Callable[[Scene], Candidate],
    scan_hash: Callable[[Scene], str],
) -> dict[str, Candidate]:
    """Stored scenes that other settings touch and that were not given again: they are read where they were.

    Raises
    ------
    WorkspaceError
        When such a scene's files are no longer there, or are not what they were.
    """
    kept = list(stored)
    replaced = replaced_by(candidates.values(), kept)
    again: dict[str, Candidate] = {}
    for one in kept:
        is_touched = scan_hash(one.scene) != one.scan_hash
        if is_touched and one.scene_id not in candidates and one.scene_id not in replaced:
            again[one.scene_id] = _as_it_was(one, candidate)
    return again


def moved(candidates: Iterable[Candidate], stored: Iterable[StoredScene]) -> list[StoredScene]:
    """Records of stored scenes that were given again from another place, saying where they are now."""
    held = {one.scene_id: one for one in stored}
    return [
        replace(before, scene=candidate.scene, inputs=candidate.inputs)
        for candidate in candidates
        if (before := held.get(candidate.scene_id)) is not None
        and candidate.is_stored_as(before)
        and (before.inputs != candidate.inputs or scene_to_dict(before.scene) != scene_to_dict(candidate.scene))
    ]


def _as_it_was(stored: StoredScene, candidate: Callable[[Scene], Candidate]) -> Candidate:
    with suppress(InputError):
        found = candidate(stored.scene)
        if content_of(found.inputs) == stored.content:
            return found
    message = f"{stored.scene.source}: scene {stored.scene_id} must be scanned again with the changed settings"
    remedy = "give it again from where it is now, forget it, or keep the settings"
    raise WorkspaceError(f"{message}, but its files are not there as they were: {remedy}")


def _second_undated(scene: Scene, other: str) -> Failure:
    message = f"{scene.source}: has no acquisition time, and neither has scene {other} of this workspace"
    return Failure(scene.source, f"{message}: give its time with --datetime", scene.scene_id)


def _footprint(scene: Scene) -> BaseGeometry:
    """Outline of a scene's grid in WGS84, its edges curved as they are."""
    import geopandas as gpd

    longest_m = max(scene.grid.width, scene.grid.height) * scene.grid.gsd_m
    outline = shapely.segmentize(shapely.box(*scene.grid.bounds), longest_m / 16)
    footprint: BaseGeometry = gpd.GeoSeries([outline], crs=scene.grid.crs).to_crs("OGC:CRS84").iloc[0]
    return footprint
