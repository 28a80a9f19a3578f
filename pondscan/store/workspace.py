"""A workspace: the folder that remembers every scene it was given, so that products need no inputs.

DIR/config.toml               its settings
DIR/aoi.geojson               its area of interest
DIR/verdicts.geojson             what reviewers said of its ponds
DIR/estimate.json             what a survey estimated from verdicts
DIR/ledger.sqlite             which scenes it holds, which it refused and why
DIR/observations/<scene>.parquet    what was found in a scene
DIR/evidence/<scene>.parquet        everything measured in a scene, however unlikely
DIR/coverage/<scene>.tif            what of a scene was seen
DIR/chips/<scene>_quicklook.png     what a scene looks like
DIR/chips/<scene>_ground.npz        stable ground, by which scenes are placed against each other
DIR/imagery/<scene>.tif             pixels around what was found in a scene, for eyes to judge
DIR/chips/<scene>_dropped           its pictures were dropped, to keep within storage.pictures_mb
DIR/memo.sqlite               what publishing need not work out again; losing it costs time alone
DIR/ponds.geojson ...         the products
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from pondscan.config import Settings
from pondscan.configfile import load_settings, read_layer, to_toml
from pondscan.detect.crops import Crops
from pondscan.detect.ground import GroundChips, no_chips
from pondscan.errors import WorkspaceError
from pondscan.hashing import file_sha256
from pondscan.model import Scene, Window
from pondscan.store import atomic
from pondscan.store.aoi import aoi_bytes
from pondscan.store.chips import read_ground, write_ground
from pondscan.store.coverage import Codes, CoverageMap, CoverageWriter
from pondscan.store.imagery import Imagery, write_imagery
from pondscan.store.ledger import Ledger
from pondscan.store.lock import writer_lock
from pondscan.store.picture import write_png
from pondscan.store.records import Failure, InputFile, StoredScene, Superseded
from pondscan.store.stems import file_stem
from pondscan.tables import EVIDENCE, no_rows

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

CONFIG = "config.toml"
AOI = "aoi.geojson"
VERDICTS = "verdicts.geojson"
LEDGER = "ledger.sqlite"
MEMO = "memo.sqlite"
LOCK = ".pondscan.lock"
FILES = {
    "observations": ("observations", ".parquet"),
    "evidence": ("evidence", ".parquet"),
    "coverage": ("coverage", ".tif"),
    "quicklook": ("chips", "_quicklook.png"),
    "ground": ("chips", "_ground.npz"),
    "imagery": ("imagery", ".tif"),
    "dropped": ("chips", "_dropped"),
}
"""Files of a scene: the folder of each, and how its name ends after the scene's stem."""

FOLDERS = tuple(dict.fromkeys(folder for folder, _ in FILES.values()))


def as_kept(settings: Settings) -> Settings:
    """Return the settings as a workspace keeps them: no time of one scene, and the area of interest is its own copy."""
    of_all_scenes = settings.input.model_copy(update={"acquired": None})
    aoi = settings.aoi.model_copy(update={"path": AOI if settings.aoi.path else None})
    return settings.model_copy(update={"input": of_all_scenes, "aoi": aoi})


class Workspace:
    """The workspace in a folder. Reading needs no lock; whatever changes it belongs inside ``with lock():``.

    Parameters
    ----------
    path
        Its folder; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.ledger = Ledger(self.path / LEDGER)

    @property
    def exists(self) -> bool:
        """Whether a workspace is there."""
        return self.ledger.path.is_file()

    @classmethod
    def existing(cls, path: Path) -> Self:
        """Return the workspace of a folder, which has to be one (WorkspaceError)."""
        workspace = cls(path)
        if not workspace.exists:
            raise WorkspaceError(f"{path}: there is no census in this folder: give the --out of a `pondscan run`")
        return workspace

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one writer: make the folder, clear away what an interrupted run left, mend the ledger.

        A folder that this call made, and that holds no scene in the end, is removed again.

        Raises
        ------
        WorkspaceError
            When another run is writing, or the folder cannot be written.
        """
        made = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        was_there = {path.name for path in self.path.glob("*")}
        atomic.make_folder(self.path)
        try:
            with writer_lock(self.path / LOCK):
                try:
                    self._prepare()
                    yield
                finally:
                    if LEDGER not in was_there:
                        self._remove_if_unused(was_there)
        finally:
            for folder in made:
                with suppress(OSError):  # it is not empty: something came of it
                    folder.rmdir()

    def settings(self) -> Settings | None:
        """Read the settings the workspace keeps (see ``as_kept``), None when it keeps none."""
        config = self.path / CONFIG
        return as_kept(load_settings([read_layer(config)])) if config.is_file() else None

    def save_settings(self, settings: Settings, aoi: BaseGeometry | None) -> None:
        """Keep settings (see ``as_kept``) and area of interest (longitude, latitude) for later runs.

        Files that would be the same are left alone.
        """
        contents = {AOI: aoi_bytes(aoi) if aoi else None, CONFIG: to_toml(as_kept(settings)).encode()}
        for name, content in contents.items():
            path = self.path / name
            if content is None:
                atomic.remove(path)
            elif not path.is_file() or path.read_bytes() != content:
                atomic.write_bytes(path, content)

    def aoi(self) -> BaseGeometry | None:
        """Area of interest in WGS84 (longitude, latitude), None when the settings name none."""
        path = self.path / AOI
        if not path.is_file():
            return None
        document = json.loads(path.read_text(encoding="utf-8"))
        return shapely.from_geojson(json.dumps(document["features"][0]["geometry"]))

    def verdicts(self) -> gpd.GeoDataFrame | None:
        """Read what reviewers said, columns ``tables.VERDICTS`` with outlines in WGS84; None when nobody has."""
        from pondscan.store.verdicts import read_verdicts

        path = self.path / VERDICTS
        return read_verdicts(path) if path.is_file() else None

    def save_verdicts(self, verdicts: gpd.GeoDataFrame) -> None:
        """Keep everything reviewers said, columns ``tables.VERDICTS`` with outlines in WGS84."""
        from pondscan.store.verdicts import verdict_bytes

        atomic.write_bytes(self.path / VERDICTS, verdict_bytes(verdicts))

    def scenes(self) -> tuple[StoredScene, ...]:
        """List the scenes that are done, sorted by (datetime, scene_id)."""
        return self.ledger.scenes()

    def failures(self) -> tuple[Failure, ...]:
        """List the inputs that could not be used, sorted by source."""
        return self.ledger.failures()

    def superseded(self) -> tuple[Superseded, ...]:
        """List the scenes that another version is used of, sorted by scene_id."""
        return self.ledger.superseded()

    def observations(self, scene_id: str) -> gpd.GeoDataFrame:
        """Candidates of a scene: columns ``tables.OBSERVATIONS`` and the outline, in the scene's CRS."""
        from pondscan.store.observations import read_observations

        return read_observations(self.scene_file("observations", scene_id))[0]

    def evidence(self, scene_id: str) -> pd.DataFrame:
        """Everything measured in a scene: columns ``tables.EVIDENCE``, in the scene's CRS."""
        from pondscan.store.evidence import read_evidence

        return read_evidence(self.scene_file("evidence", scene_id))

    def coverage(self, scene_id: str) -> CoverageMap:
        """Return what of a scene was seen."""
        return CoverageMap(self.scene_file("coverage", scene_id))

    def quicklook(self, scene_id: str) -> bytes | None:
        """Picture of a whole scene (PNG, over the bounds of its grid), None when there is none."""
        path = self.scene_file("quicklook", scene_id)
        return path.read_bytes() if path.is_file() else None

    def ground(self, scene_id: str) -> GroundChips:
        """Chips of ground by which a scene's place is compared with others; none where none are kept."""
        path = self.scene_file("ground", scene_id)
        return read_ground(path) if path.is_file() else no_chips()

    def imagery(self, scene_id: str) -> Imagery | None:
        """Pixels around what was found in a scene, None where none are kept."""
        path = self.scene_file("imagery", scene_id)
        return Imagery(path) if path.is_file() else None

    @contextmanager
    def new_scene(self, scene: Scene, inputs: tuple[InputFile, ...], scan_hash: str) -> Iterator[SceneDraft]:
        """Draft a scene's files; nothing of it is visible before ``SceneDraft.save``, and nothing stays without.

        Parameters
        ----------
        inputs
            The files it is read from, by content.
        scan_hash
            Stands for the settings it is scanned with (see ``fingerprint.scan_hash``).
        """
        draft = SceneDraft(self, StoredScene(scene, inputs, scan_hash))
        try:
            yield draft
        finally:
            draft.close()

    def remove_scene(self, scene_id: str) -> None:
        """Take a scene out of the ledger, then remove its files."""
        self.ledger.remove(scene_id)
        self._remove_files(scene_id)

    def supersede(self, superseded: Superseded) -> None:
        """Use another version of a scene: remember that, and remove the scene's files."""
        self.ledger.supersede(superseded)
        self._remove_files(superseded.scene_id)

    @contextmanager
    def publishing(self, last: str) -> Iterator[Path]:
        """Yield an empty folder; what is in it when the block ends well replaces the products, file by file.

        A file whose bytes are the same is left alone. The file named ``last`` goes last: it tells a reader (and the
        next run) that the others are complete.
        """
        folder = self.path / f"{atomic.TEMPORARY_PREFIX}products"
        atomic.make_folder(folder)
        try:
            yield folder
            for new in sorted(folder.iterdir(), key=lambda file: (file.name == last, file.name)):
                old = self.path / new.name
                with atomic.storage_errors(old):
                    if not old.is_file() or file_sha256(old) != file_sha256(new):
                        atomic.move_into_place(new, old)
        finally:
            atomic.sweep(self.path)

    def _prepare(self) -> None:
        if not self.ledger.is_readable():
            self._refuse_foreign_files()
        for folder in FOLDERS:
            atomic.make_folder(self.path / folder)
        for folder in ("", *FOLDERS):
            atomic.sweep(self.path / folder)
        if not self.ledger.is_readable():
            self._rebuild_ledger()
        self.ledger.create()
        self._remove_orphans()

    def _refuse_foreign_files(self) -> None:
        """Refuse a folder without a ledger whose subfolders hold what no scene's files account for."""
        ours = {file_stem(stored.scene_id) for stored, _ in self._records()}
        names = {f"{folder}/{stem}{ending}" for stem in ours for folder, ending in FILES.values()}
        for folder in FOLDERS:
            for path in sorted((self.path / folder).glob("*")):
                is_ours = path.name.startswith(atomic.TEMPORARY_PREFIX) or f"{folder}/{path.name}" in names
                if not is_ours:
                    message = f"{path}: there is no ledger beside it and pondscan did not write it"
                    raise WorkspaceError(f"{message}: move it away, or give another --out")

    def _records(self) -> list[tuple[StoredScene, dict[str, str]]]:
        """Read the records in the scenes' own files, with the SHA-256 of the files each goes with."""
        from pondscan.store.observations import read_record

        return [read_record(path) for path in sorted((self.path / "observations").glob("[!.]*.parquet"))]

    def _rebuild_ledger(self) -> None:
        """Write the ledger again from the scenes' own files, where it is missing or damaged."""
        for suffix in ("", "-wal", "-shm"):
            atomic.remove(self.ledger.path.with_name(LEDGER + suffix))
        self.ledger.create()
        for stored, hashes in self._records():
            files = {self.scene_file(file, stored.scene_id): sha256 for file, sha256 in hashes.items()}
            if all(file.is_file() and file_sha256(file) == sha256 for file, sha256 in files.items()):
                self.ledger.put(stored)

    def _remove_orphans(self) -> None:
        """Remove files of scenes that the ledger does not know: their saving or forgetting was interrupted."""
        known = {file_stem(stored.scene_id) for stored in self.scenes()}
        for folder, ending in FILES.values():
            for path in (self.path / folder).glob(f"*{ending}"):
                if path.name.removesuffix(ending) not in known:
                    atomic.remove(path)

    def _remove_if_unused(self, was_there: set[str]) -> None:
        """Leave a folder that was no workspace as it was found when no scene came of it."""
        if self._holds_scenes():
            return
        for name in {*FOLDERS} - was_there:
            shutil.rmtree(self.path / name, ignore_errors=True)
        for name in {LEDGER, f"{LEDGER}-wal", f"{LEDGER}-shm", CONFIG, AOI, LOCK, MEMO} - was_there:
            with suppress(PermissionError):  # Windows keeps the lock file for as long as it is open
                (self.path / name).unlink(missing_ok=True)

    def _holds_scenes(self) -> bool:
        """Whether there is a ledger with scenes in it; one that a full disk left half made has none."""
        try:
            return bool(self.scenes())
        except WorkspaceError:
            return False

    def _remove_files(self, scene_id: str) -> None:
        for file in FILES:
            atomic.remove(self.scene_file(file, scene_id))

    def scene_file(self, file: str, scene_id: str) -> Path:
        """Path of one of a scene's ``FILES``."""
        folder, ending = FILES[file]
        return self.path / folder / f"{file_stem(scene_id)}{ending}"


class SceneDraft:
    """The files of one scene while they are being made, under temporary names."""

    def __init__(self, workspace: Workspace, stored: StoredScene) -> None:
        self._workspace = workspace
        self._stored = stored
        self._paths = {file: workspace.scene_file(file, stored.scene_id) for file in FILES}
        self._temporary = {file: atomic.temporary_for(path) for file, path in self._paths.items()}
        self._coverage = CoverageWriter(stored.scene.grid)
        self._aside = ThreadPoolExecutor(1)
        self._finishing: Future[None] | None = None

    def write_coverage(self, window: Window, codes: Codes) -> None:
        """Write the coverage codes of one tile, ``uint8 (window.height, window.width)``; each once, in any order.

        With the last one the file is finished, while the scene's last objects are still being measured.
        """
        if self._coverage.write(window, codes):
            self._finish_coverage()

    def write_quicklook(self, picture: NDArray[np.uint8]) -> None:
        """Write the picture of the whole scene, ``uint8 (h, w, 3)``, red, green and blue."""
        write_png(self._temporary["quicklook"], picture)

    def write_imagery(self, crops: Crops) -> None:
        """Write the pixels around what was found; no file where there are none."""
        if len(crops):
            write_imagery(self._temporary["imagery"], self._stored.scene.grid, crops)

    def _finish_coverage(self) -> Future[None]:
        if self._finishing is None:
            self._finishing = self._aside.submit(self._coverage.finish, self._temporary["coverage"])
        return self._finishing

    @property
    def has_data(self) -> bool:
        """Whether any pixel told of so far holds data."""
        counts = self._coverage.counts
        return sum(counts.values()) > counts["outside"]

    def save(
        self,
        observations: gpd.GeoDataFrame,
        counts: Mapping[str, int],
        warnings: tuple[str, ...] = (),
        evidence: pd.DataFrame | None = None,
        *,
        ground: GroundChips | None = None,
    ) -> StoredScene:
        """Make the scene part of the workspace.

        Parameters
        ----------
        observations
            Columns ``tables.OBSERVATIONS`` and the outline, in the scene's CRS.
        counts
            What the scan counted.
        warnings
            What the scan noticed.
        evidence
            Everything that was measured, columns ``tables.EVIDENCE``; None for nothing.
        ground
            What its place can be compared by with others; None for nothing.

        Raises
        ------
        WorkspaceError
            When the folder cannot be written or the disk is full; an older version of the scene is as it was.
        """
        from pondscan.store.evidence import write_evidence
        from pondscan.store.observations import write_observations

        stored = replace(
            self._stored,
            counts=dict(counts),
            coverage_px=self._coverage.counts,
            warnings=tuple(dict.fromkeys((*self._stored.scene.warnings, *warnings))),
        )
        finishing = self._finish_coverage()
        write_evidence(self._temporary["evidence"], no_rows(EVIDENCE) if evidence is None else evidence)
        if ground is not None:
            write_ground(self._temporary["ground"], ground)
        finishing.result()
        kept = [file for file in ("coverage", "evidence", "ground") if self._temporary[file].exists()]
        hashes = {file: file_sha256(self._temporary[file]) for file in kept}
        write_observations(self._temporary["observations"], observations, stored, hashes)
        self._move_into_place()
        self._workspace.ledger.put(stored)
        return stored

    def close(self) -> None:
        """Remove whatever is still under a temporary name."""
        self._aside.shutdown()
        self._coverage.close()
        for temporary in self._temporary.values():
            temporary.unlink(missing_ok=True)

    def _move_into_place(self) -> None:
        """Replace the files of an older version, which the ledger does not vouch for while it happens."""
        self._workspace.ledger.mark_stale(self._stored.scene_id)
        for file, path in self._paths.items():
            with atomic.storage_errors(path):
                if self._temporary[file].exists():
                    atomic.move_into_place(self._temporary[file], path)
                else:
                    path.unlink(missing_ok=True)
