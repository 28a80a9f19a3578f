"""Scenes that are small JSON files, and a scan that reads them: the pipeline around them is real."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from painted_scenes import CRS, SOUTH, WEST, Disc, day, observations

from pondscan import pipeline, plan, publish
from pondscan.detect import scan
from pondscan.detect.scan import ScanResult
from pondscan.errors import InputError
from pondscan.follow.products import Products
from pondscan.model import Band, Coverage, Grid, Scene, Window
from pondscan.scenes import Discovery, Skip
from pondscan.tables import ALIASES, EVIDENCE, PONDS, SITES, SURVEY, TIMESERIES, names, no_rows

GSD_M = 3.0
SIDE_PX = 200
EDGE_M = GSD_M * SIDE_PX

ROWS = {
    "2024-01-10": [(60, 60), (60, 90), (90, 60), (300, 300)],
    "2024-02-17": [(60, 60), (60, 90), (90, 60), (90, 90), (300, 300)],
    "2024-03-21": [(60, 60), (60, 90), (90, 90), (300, 300), (540, 540)],
}
"""Ponds of three dates: a site that changes, and more beside it."""


LONG_AGO_S = 1_700_000_000
_CLOCK = itertools.count()
"""Every scene was written a second after the one before, long enough ago for its time to be trusted."""


def write_scene(
    folder: Path,
    name: str,
    when: str | None,
    *,
    ponds: Sequence[tuple[float, float]] | None = None,
    scene_id: str | None = None,
    acquisition: str | None = None,
    processing: str | None = None,
    fails: str | None = None,
    east_m: float = 0.0,
    cloud_px: int = 0,
) -> Path:
    """Write a scene; the same arguments give the same bytes, whatever the name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.scene"
    document = {
        "scene_id": scene_id or f"planet_{when}",
        "when": when,
        "ponds": list(ROWS.get(when or "", []) if ponds is None else ponds),
        "acquisition": acquisition,
        "processing": processing,
        "fails": fails,
        "east_m": east_m,
        "cloud_px": cloud_px,
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    os.utime(path, (LONG_AGO_S + next(_CLOCK),) * 2)
    return path


def three_dates(folder: Path) -> list[Path]:
    return [write_scene(folder, f"date{number}", when) for number, when in enumerate(ROWS)]


def discover(inputs: Sequence[str | Path], _settings: object, *, skip: Skip | None = None) -> Discovery:
    """Recognise ``*.scene`` files; ``broken`` ones are failures, all others ignored."""
    scenes: dict[str, Scene] = {}
    failures: dict[str, str] = {}
    ignored: list[str] = []
    for path in sorted(_files(inputs)):
        if path.suffix in {".scene", ".broken"} and skip is not None and skip(frozenset({str(path)})):
            continue
        if not path.exists():
            failures[str(path)] = f"{path} does not exist: check the path"
        elif path.suffix == ".broken":
            failures[str(path)] = f"{path} is no raster: fetch it again"
        elif path.suffix == ".scene":
            scene = _scene(path)
            scenes.setdefault(scene.scene_id, scene)
        else:
            ignored.append(str(path))
    ordered = sorted(scenes.values(), key=lambda scene: (str(scene.datetime or ""), scene.scene_id))
    return Discovery(tuple(ordered), tuple(sorted(failures.items())), tuple(ignored))


def _files(inputs: Sequence[str | Path]) -> Iterator[Path]:
    for given in map(Path, inputs):
        yield from (path for path in given.rglob("*") if path.is_file()) if given.is_dir() else [given]


def _scene(path: Path) -> Scene:
    document = json.loads(path.read_text(encoding="utf-8"))
    grid = Grid(CRS, WEST + document["east_m"], SOUTH + EDGE_M, GSD_M, SIDE_PX, SIDE_PX)
    return Scene(
        scene_id=document["scene_id"],
        sensor="planetscope",
        platform=None,
        product="invented",
        datetime=day(document["when"]) if document["when"] else None,
        grid=grid,
        bands={"green": Band("green", str(path), 1, 1e-4, 0.0, None, GSD_M)},
        masks=(),
        calibrated="reflectance",
        source=str(path),
        files=(str(path),),
        acquisition=document["acquisition"],
        processing=document["processing"],
    )


@dataclass
class Reader:
    """Stands for ``scenes.SceneReader``."""

    scene: Scene
    warnings: tuple[str, ...] = ()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def quicklook(self, max_px: int) -> np.ndarray:
        return np.full((min(max_px, 20), 20, 3), 90, np.uint8)


@dataclass
class World:
    """What the pipeline is given instead of pixels, and what it asked for."""

    scanned: list[str] = field(default_factory=list)
    n_threads: list[int] = field(default_factory=list)
    before_scan: object = None
    """Called with the scene_id before it is scanned."""

    def open_scene(self, scene: Scene, _settings: object) -> Reader:
        if not Path(scene.files[0]).exists():
            raise InputError(f"{scene.source} cannot be opened: check the path")
        return Reader(scene)

    def scan(self, reader, settings, *, ground, coverage_sink, ground_sink, executor, progress) -> ScanResult:
        scene = reader.scene
        if self.before_scan:
            self.before_scan(scene.scene_id)
        self.n_threads.append(executor._max_workers)
        document = json.loads(Path(scene.files[0]).read_text(encoding="utf-8"))
        codes = np.full((SIDE_PX, SIDE_PX), Coverage.CLEAR, np.uint8)
        codes[: document["cloud_px"]] = Coverage.CLOUD
        for row in range(0, SIDE_PX, 50):
            coverage_sink(Window(row, row + 50, 0, SIDE_PX), codes[row : row + 50])
            progress((row + 50) / SIDE_PX)
        if document["fails"] == "fault":
            raise KeyError("nir")
        if document["fails"]:
            raise InputError(f"{scene.source}: {document['fails']}")
        discs = [Disc(x + document["east_m"], y, diameter=14.0) for x, y in document["ponds"]]
        self.scanned.append(scene.scene_id)
        counts = {"candidates": len(discs), "too large": 1}
        warnings = (f"min_snr is {settings.detect.min_snr}",)
        return ScanResult(observations(scene.scene_id, discs), counts, warnings, no_rows(EVIDENCE))


def install(monkeypatch) -> World:
    """Put the invented scenes in the place of real ones, and a plain page in that of the report."""
    world = World()
    monkeypatch.setattr(plan, "discover", discover)
    monkeypatch.setattr(pipeline, "open_scene", world.open_scene)
    monkeypatch.setattr(scan, "scan_scene", world.scan)
    monkeypatch.setattr(publish.report, "render", plain_page)
    monkeypatch.setattr(publish.products, "build", plain_tables)
    return world


def plain_tables(views, settings, *, aoi=None, reviewed=(), remember=None) -> Products:
    """Every observation a pond of its own: tables that differ when any stored scene does."""
    seen = pd.concat([observations("none", []), *(view.observations for view in views)], ignore_index=True)
    empty = {name: pd.DataFrame(columns=names(table)) for name, table in TABLES.items()}
    ponds = seen[["kind", "confidence", "area_m2", "area_sigma_m2", "diameter_m", "scene_id", "geometry"]]
    ponds = ponds.assign(pond_id=seen["scene_id"] + "-" + seen["object_id"].astype(str))
    missing = {name: None for name in names(PONDS) if name not in ponds}
    clear = [view.coverage.counts()["clear"] for view in views]
    return Products(
        ponds=ponds.assign(**missing),
        sites=gpd.GeoDataFrame(empty["sites"], geometry=[], crs=CRS),
        observations=seen,
        timeseries=empty["timeseries"],
        survey=empty["survey"],
        aliases=empty["aliases"],
        crs=settings.products.crs or CRS,
        distance_curve=(),
        placements={},
        looks=(),
        states={},
        notes=(f"clear: {clear}", f"area: {aoi and aoi.wkt}"),
    )


TABLES = {"sites": SITES, "timeseries": TIMESERIES, "survey": SURVEY, "aliases": ALIASES}


def plain_page(content) -> str:
    """Every value the report is given, so that bytes differ when one does."""
    pictures = [(look.scene_id, hashlib.sha256(look.png).hexdigest(), look.bounds) for look in content.quicklooks]
    tables = [getattr(content, name).to_csv() for name in ("ponds", "sites", "timeseries", "survey", "scenes")]
    rest = [content.title, content.failures, content.ignored, content.settings_toml, content.versions, content.notes]
    return repr([pictures, tables, rest])
