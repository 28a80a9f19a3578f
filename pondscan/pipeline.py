"""The one door: scenes in, a census out; and a scene taken out again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from shapely.geometry.base import BaseGeometry

from pondscan import __version__, hashing, plan
from pondscan.config import Settings
from pondscan.configfile import differences
from pondscan.context.sources import check_context
from pondscan.detect.score import models_sha256
from pondscan.errors import ConfigError, InputError, PondscanError, WorkspaceError
from pondscan.log import Log, unheard
from pondscan.model import Scene
from pondscan.plan import Candidate, Found
from pondscan.scenes import Skip, elevation, open_scene
from pondscan.store import Failure, InputFile, StoredScene, Superseded, Workspace, as_kept, retention
from pondscan.store.aoi import read_aoi
from pondscan.store.fingerprint import FileHasher, scan_hash
from pondscan.summary import RunSummary

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from pondscan.publish import Published
    from pondscan.scenes.reader import SceneReader
    from pondscan.store.workspace import SceneDraft

WANTED_TO_SCAN = ("pondscan.detect.scan", "skimage.segmentation")
"""Take 0.4 s to import: done while files are hashed, which needs no interpreter. So nothing imported above needs tables
of ponds (pandas, geopandas), SciPy or what reads and writes them."""

Progress = Callable[[str, int, int], None]
"""Told what is being worked on, how many parts of it are done, and out of how many."""


def _unseen(_what: str, _done: int, _total: int) -> None:
    """Show no progress."""


def run(
    inputs: Sequence[str | Path],
    out_dir: Path,
    settings: Settings,
    *,
    workers: int | None = None,
    skip: Skip | None = None,
    progress: Progress = _unseen,
    log: Log = unheard,
) -> RunSummary:
    """Bring a workspace up to date with its inputs: scan what is new, then publish the products.

    Parameters
    ----------
    inputs
        Files, folders, archives or globs.
    out_dir
        The workspace, made when it is not there.
    settings
        Of this run and, when anything came of it, of the workspace.
    workers
        Threads; by default one for each core.
    skip
        Passes products in folders over before they are opened; when it leaves none, nothing is done.

    Returns
    -------
    RunSummary
        ``exit_code`` 1 when nothing could be used; the workspace is untouched then.

    Raises
    ------
    PondscanError
        When the inputs, the settings or the workspace do not allow any work.
    """
    started = time.perf_counter()
    importing = _begun(lambda: [import_module(name) for name in WANTED_TO_SCAN])
    workspace = Workspace(out_dir)
    hashing.recall(workspace.ledger.known_hashes())
    aoi = read_aoi(Path(settings.aoi.path)) if settings.aoi.path else None
    found = plan.find(inputs, settings, workspace=out_dir, aoi=aoi, skip=skip)
    importing.join()
    _begun(_prepare_to_publish)
    if not found.scenes and not found.failures and skip is not None:
        return RunSummary(out_dir=out_dir, exit_code=0, ignored=found.ignored)
    if not found.scenes:
        return _nothing_usable(out_dir, found, list(found.failures))
    with workspace.lock():
        n_threads = workers or os.cpu_count() or 1
        job = _Run(workspace, settings, aoi, found, n_threads, progress, log)
        job.prepare()
        job.scan_all(job.given)
        if not job.has_usable:
            return _nothing_usable(out_dir, found, job.failures)
        job.scan_all(job.stale)
        job.settle([Path(path).resolve() for path in inputs])
        scanned = time.perf_counter()
        published = _publish(workspace, found.ignored, {"scan": scanned - started})
        return job.summary(published)


def forget(out_dir: Path, scene_id: str) -> RunSummary:
    """Take a scene (or an input that failed, by its path) out of a workspace and publish the products without it.

    Raises
    ------
    WorkspaceError
        When there is no such workspace, or nothing of that name in it.
    """
    workspace = Workspace.existing(out_dir)
    with workspace.lock():
        check_context((workspace.settings() or Settings()).context)
        stored = {one.scene_id for one in workspace.scenes()}
        failures = [one for one in workspace.failures() if scene_id in {one.scene_id, one.source}]
        names = stored | {one.scene_id for one in workspace.superseded()}
        if scene_id not in names and not failures:
            known = ", ".join(sorted(names)[:5]) or "none"
            raise WorkspaceError(f"{out_dir}: there is no scene {scene_id} in this workspace: it holds {known}")
        for failure in failures:
            workspace.ledger.clear_failure(failure)
        workspace.remove_scene(scene_id)
        return _summary(workspace, _publish_again(workspace))


def take_verdicts(out_dir: Path, verdicts: GeoDataFrame) -> int:
    """Add what reviewers said to a workspace and publish the products with it.

    Parameters
    ----------
    verdicts
        Columns ``tables.VERDICTS``, outlines in WGS84.

    Returns
    -------
    int
        How many of them had not been said before.
    """
    import pandas as pd

    from pondscan.follow.verdicts import without_known

    workspace = Workspace(out_dir)
    with workspace.lock():
        check_context((workspace.settings() or Settings()).context)
        known = workspace.verdicts()
        new = verdicts if known is None else without_known(verdicts, known)
        if len(new):
            workspace.save_verdicts(new if known is None else pd.concat([known, new], ignore_index=True))
        _publish_again(workspace)
        return len(new)


def take_estimate(out_dir: Path, document: dict[str, Any]) -> None:
    """Keep what a survey estimated in a workspace, and publish the report with it.

    Parameters
    ----------
    document
        As ``store.estimate.save_estimate`` takes it.
    """
    from pondscan.store.estimate import save_estimate

    workspace = Workspace.existing(out_dir)
    with workspace.lock():
        check_context((workspace.settings() or Settings()).context)
        save_estimate(workspace.path, document)
        _publish_again(workspace)


@dataclass
class _Run:
    """One run while it lasts."""

    workspace: Workspace
    settings: Settings
    aoi: BaseGeometry | None
    found: Found
    workers: int
    progress: Progress
    log: Log
    given: dict[str, Candidate] = field(default_factory=dict)
    stale: dict[str, Candidate] = field(default_factory=dict)
    stored: dict[str, StoredScene] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    dem: InputFile | None = None
    changed_settings: tuple[str, ...] = ()

    def prepare(self) -> None:
        """Say what there is to do, and refuse what cannot be done, before anything is changed."""
        check_context(self.settings.context)
        self.hasher = FileHasher(self.workspace.ledger.known_hashes(), time.time_ns())
        self.dem = self.hasher(self.settings.terrain.dem) if self.settings.terrain.dem else None
        self.stored = {one.scene_id: one for one in self.workspace.scenes()}
        self.given, unreadable = plan.identify(self.found.scenes, self.stored.values(), self._candidate)
        self.failures = [*self.found.failures, *unreadable]
        self.stale = plan.stale_candidates(
            self.stored.values(), self.given, candidate=self._candidate, scan_hash=self._scan_hash
        )
        before = self.workspace.settings()
        self.changed_settings = tuple(differences(before, as_kept(self.settings))) if before else ()
        for change in self.changed_settings:
            self.log(f"changed setting {change}", event="setting_changed")

    def _candidate(self, scene: Scene) -> Candidate:
        """Identify a scene by the content of its files and by what its observations depend on in this run."""
        return Candidate(scene, tuple(self.hasher(file) for file in scene.files), self._scan_hash(scene))

    def _scan_hash(self, scene: Scene) -> str:
        version = f"{__version__} {models_sha256()} evidence 1"
        return scan_hash(scene, self.settings, version=version, dem_sha256=self.dem.sha256 if self.dem else None)

    @property
    def failed_ids(self) -> set[str]:
        """Scenes this run could not scan."""
        return {failure.scene_id for failure in self.failures if failure.scene_id is not None}

    @property
    def usable(self) -> list[Candidate]:
        """Candidates that have not failed."""
        return [one for one in (*self.given.values(), *self.stale.values()) if one.scene_id not in self.failed_ids]

    @property
    def has_usable(self) -> bool:
        """Whether anything that was given can be used."""
        return any(scene_id not in self.failed_ids for scene_id in self.given)

    def scan_all(self, candidates: dict[str, Candidate]) -> None:
        """Scan what is outstanding, oldest first; one that fails may bring back the version it would have replaced."""
        least = self.settings.storage.min_free_mb
        while todo := plan.outstanding(candidates.values(), self.stored.values(), self.failed_ids):
            retention.require_space(self.workspace.path, [one.scene for one in todo], min_free_mb=least)
            self._try_scan(todo[0], n_left=len(todo))

    def _try_scan(self, candidate: Candidate, *, n_left: int) -> None:
        scene = candidate.scene
        n_done = len(self.done)

        def advance(share: float) -> None:
            self.progress(scene.scene_id, round(1000 * (n_done + share)), 1000 * (n_done + n_left))

        try:
            self._scan(candidate, advance)
        except (WorkspaceError, ConfigError, MemoryError):
            raise
        except Exception as error:
            self.failures.append(Failure(scene.source, _reason(scene, error), scene.scene_id))
            told = f"{scene.scene_id}: failed: {_reason(scene, error)}"
            self.log(told, verbosity=1, event="scene_failed", scene_id=scene.scene_id)
            return
        self.done.append(scene.scene_id)

    def _scan(self, candidate: Candidate, advance: Callable[[float], None]) -> None:
        from pondscan.detect import scan
        from pondscan.detect.ground import GroundSampler

        scene = candidate.scene
        with (
            self.workspace.new_scene(scene, candidate.inputs, candidate.scan_hash) as draft,
            open_scene(scene, self.settings) as reader,
            _threads(self.workers) as executor,
        ):
            keep = self.settings.chips
            pictures = [executor.submit(_draw, reader, keep.quicklook_px, draft)]
            ground, told = elevation.ground_under(scene, self.settings.terrain.dem)
            chips = GroundSampler(scene.grid, keep.ground)
            result = scan.scan_scene(
                reader,
                self.settings,
                ground=ground,
                coverage_sink=draft.write_coverage,
                ground_sink=chips,
                executor=executor,
                progress=advance,
            )
            if not draft.has_data:
                raise InputError(_nothing_in(scene))
            if result.crops:
                pictures.append(executor.submit(draft.write_imagery, result.crops))
            self.workspace.save_settings(self.settings, self.aoi)
            ground_chips = chips.chips()
            for written in pictures:
                written.result()
            stored = draft.save(
                result.observations,
                result.counts,
                (*told, *result.warnings, *reader.warnings),
                result.evidence,
                ground=ground_chips,
            )
        self.stored[scene.scene_id] = stored
        self.warnings += [f"{scene.scene_id}: {warning}" for warning in stored.warnings]
        self.log(
            f"{scene.scene_id}: {len(result.observations)} candidates",
            verbosity=1,
            event="scene_done",
            scene_id=scene.scene_id,
        )

    def settle(self, inputs: Sequence[Path]) -> None:
        """Write down what became of every scene that was not scanned, and drop what no longer counts."""
        self.workspace.save_settings(self.settings, self.aoi)
        if self.done:
            self.workspace.ledger.remember_hashes(self.hasher.new)
        for record in plan.moved(self.given.values(), self.stored.values()):
            self.workspace.ledger.put(record)
        known = {scene_id: one.scene for scene_id, one in self.stored.items()}
        known |= {one.scene_id: one.scene for one in self.usable}
        recorded = set(self.workspace.superseded())
        for old, new in plan.replaced_by(self.usable, self.stored.values()).items():
            superseded = Superseded(old, known[old].source, new)
            if superseded not in recorded or old in self.stored:
                self.workspace.supersede(superseded)
        for scene_id in self.failed_ids & self.stored.keys():
            if self.stored[scene_id].scan_hash != self._scan_hash(self.stored[scene_id].scene):
                self.workspace.remove_scene(scene_id)
        self._settle_failures(inputs)
        if dropped := retention.drop_pictures(self.workspace, self.settings.storage.pictures_mb):
            told = f"pictures of {len(dropped)} scenes dropped, the oldest first: {', '.join(dropped)}"
            self.log(f"{told} (storage.pictures_mb)", event="pictures_dropped")

    def _settle_failures(self, inputs: Sequence[Path]) -> None:
        """Remember the failures of this run; forget older ones of what was given now and did not fail."""
        recorded = set(self.workspace.failures())
        now = {(failure.source, failure.scene_id): failure for failure in self.failures}
        for failure in recorded:
            was_given = any(Path(failure.source).is_relative_to(path) for path in inputs)
            if was_given and (failure.source, failure.scene_id) not in now:
                self.workspace.ledger.clear_failure(failure)
        for failure in now.values():
            if failure not in recorded:
                self.workspace.ledger.fail(failure)

    def summary(self, published: Published) -> RunSummary:
        """Say what this run did and what the workspace holds now."""
        replaced = plan.replaced_by(self.usable, self.stored.values())
        given = [scene_id for scene_id in self.given if scene_id not in self.failed_ids]
        return replace(
            _summary(self.workspace, published),
            exit_code=3 if self.failures else 0,
            done=tuple(self.done),
            unchanged=tuple(sorted(set(given) - set(self.done) - replaced.keys())),
            superseded=tuple(sorted(set(given) & replaced.keys())),
            failed=tuple(sorted(self.failures, key=lambda one: (one.source, one.scene_id or ""))),
            ignored=self.found.ignored,
            changed_settings=self.changed_settings,
            warnings=tuple(self.warnings),
        )


def _begun(work: Callable[[], object]) -> Thread:
    """Begin some work in a thread of its own."""
    thread = Thread(target=work)
    thread.start()
    return thread


def _prepare_to_publish() -> None:
    """Import what products are made with, and compile the report's templates: 0.3 s, while tiles are decoded."""
    import_module("pondscan.publish")
    from pondscan.report.templating import compile_templates

    compile_templates()


def _publish(workspace: Workspace, ignored: Sequence[tuple[str, str]], timings: dict[str, float]) -> Published:
    from pondscan.publish import publish

    return publish(workspace, ignored=ignored, timings=timings)


def _publish_again(workspace: Workspace) -> Published:
    """Publish what has changed without any input being looked at: what was passed over before stays named."""
    from pondscan import manifest

    document = manifest.read(workspace.path) or {"ignored": []}
    return _publish(workspace, [(one["path"], one["reason"]) for one in document["ignored"]], {})


def _summary(workspace: Workspace, published: Published) -> RunSummary:
    from pondscan import manifest
    from pondscan.export import PRODUCTS
    from pondscan.publish import REPORT

    return RunSummary(
        out_dir=workspace.path,
        exit_code=0,
        n_scenes=len(workspace.scenes()),
        totals=published.totals,
        covered=published.covered,
        products=tuple(workspace.path / name for name in (*PRODUCTS, REPORT, manifest.NAME)),
        was_rebuilt=published.was_rebuilt,
        why_nothing=published.why_nothing,
        notes=published.notes,
    )


def _nothing_usable(out_dir: Path, found: Found, failures: list[Failure]) -> RunSummary:
    """Sum up a run of which nothing came, or refuse one that had nothing to do."""
    if not failures:
        raise InputError(f"none of the inputs holds a scene of its own beside the workspace {out_dir}: name others")
    return RunSummary(out_dir=out_dir, exit_code=1, failed=tuple(failures), ignored=found.ignored)


def _nothing_in(scene: Scene) -> str:
    """Say what a scene is refused for that holds no data, and which value was taken for that."""
    nodata = sorted({f"{band.nodata:g}" for band in scene.bands.values() if band.nodata is not None})
    value = f" (nodata = {', '.join(nodata)})" if nodata else ""
    remedy = "leave it out, fetch it again, or set input.nodata to the number that means no data in it"
    return f"{scene.source}: there is no data in any pixel of its green and near-infrared bands{value}: {remedy}"


def _reason(scene: Scene, error: Exception) -> str:
    """Say in one sentence why a scene could not be scanned."""
    if isinstance(error, PondscanError):
        return str(error)
    if isinstance(error, OSError):
        return f"{scene.source}: its pixels cannot be read ({error}): check that the file is whole"
    what = f"{type(error).__name__}: {error}".replace("\n", " ")
    return f"{scene.source}: pondscan failed on this scene, which is a fault of pondscan, please report it ({what})"


def _draw(reader: SceneReader, max_px: int, draft: SceneDraft) -> None:
    """Write the picture of a scene, if one is wanted."""
    if max_px:
        draft.write_quicklook(reader.quicklook(max_px))


@contextmanager
def _threads(workers: int) -> Iterator[Executor]:
    """Threads that are told to stop, and waited for, however the block ends."""
    executor = ThreadPoolExecutor(workers)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)
