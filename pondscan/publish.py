"""Stored scenes → products: tables built, files and report written beside the old ones, then put in their place."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pondscan import export, manifest, report
from pondscan.album import Album
from pondscan.config import ContextSettings, Settings
from pondscan.configfile import to_toml
from pondscan.context.sources import Context, files_of, read_context
from pondscan.follow import products
from pondscan.memory import Remember, forgetful
from pondscan.model import Coverage
from pondscan.report.caveats import reasons_for_nothing
from pondscan.report.looks import instrument
from pondscan.store import StoredScene, Workspace, atomic, retention
from pondscan.store.estimate import read_estimate
from pondscan.store.memo import memo
from pondscan.store.views import scene_views
from pondscan.store.workspace import MEMO
from pondscan.strips import strips
from pondscan.summary import Totals, covered_shares, totals_of
from pondscan.tables import SITES, Column

if TYPE_CHECKING:
    from pondscan.context.layers import Objects
    from pondscan.context.study import Effect
    from pondscan.follow.products import Products

REPORT = "report.html"
TITLES = {"leach_pond": "Census of leach ponds", "small_water": "Census of small waters"}
COVERAGE_NAMES = tuple(code.name.lower() for code in Coverage)


@dataclass(frozen=True, slots=True)
class Published:
    """What the products say, in short."""

    totals: Totals
    covered: Mapping[str, float]
    why_nothing: tuple[str, ...]
    notes: tuple[str, ...]
    was_rebuilt: bool


def publish(workspace: Workspace, *, ignored: Sequence[tuple[str, str]], timings: Mapping[str, float]) -> Published:
    """Bring the products up to what the workspace holds; when they are, nothing is touched.

    Raises
    ------
    WorkspaceError
        When the folder cannot be written; products that were there are as they were.
    """
    kept = workspace.settings() or Settings()
    state = manifest.state_of(workspace, kept)
    document = manifest.read(workspace.path)
    if document is not None and manifest.is_current(document, workspace.path, state, ignored):
        return _as_read(document)
    return _build(workspace, kept, state, ignored, timings)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Every table of a workspace, and what its report, figures and dossiers are drawn from."""

    tables: Products
    site_columns: tuple[Column, ...]
    content: report.ReportInput


def gather(workspace: Workspace, kept: Settings) -> Drawn:
    """Build the tables of a workspace from its stored scenes, with everything a report says of them."""
    tables, site_columns, objects = _with_layers(_tables(workspace, kept), kept)
    return Drawn(tables, site_columns, _content(workspace, tables, kept, objects))


def _memory(workspace: Workspace) -> AbstractContextManager[Remember]:
    """What earlier publishings by the same versions worked out."""
    return memo(workspace.path / MEMO, [f"{name} {version}" for name, version in manifest.versions().items()])


def _tables(workspace: Workspace, kept: Settings, remember: Remember = forgetful) -> Products:
    views, reviewed = scene_views(workspace, remember), workspace.verdicts()
    return products.build(views, kept, aoi=workspace.aoi(), reviewed=reviewed, remember=remember)


def _content(
    workspace: Workspace,
    tables: Products,
    kept: Settings,
    objects: tuple[Objects, ...],
    remember: Remember = forgetful,
) -> report.ReportInput:
    return replace(report_input(workspace, workspace.scenes(), tables, kept, remember), layers=objects)


def _build(
    workspace: Workspace, kept: Settings, state: str, ignored: Sequence[tuple[str, str]], timings: Mapping[str, float]
) -> Published:
    started = time.perf_counter()
    stored = workspace.scenes()
    with _memory(workspace) as remember:
        tables, site_columns, objects = _with_layers(_tables(workspace, kept, remember), kept)
        with (
            workspace.publishing(last=manifest.NAME) as folder,
            atomic.storage_errors(workspace.path),
            ThreadPoolExecutor(1) as executor,  # geometry and GDAL work while the interpreter draws the page
        ):
            dates = [one.scene.datetime for one in stored if one.scene.datetime]
            newest = max(dates, default=None)
            writing = executor.submit(export.write, tables, folder, newest=newest, site_columns=site_columns)
            content = _content(workspace, tables, kept, objects, remember)
            page = report.render(content)
            (folder / REPORT).write_text(page, encoding="utf-8", newline="\n")
            writing.result()
            published = Published(
                totals=totals_of(tables.ponds, tables.sites, tables.survey, content.scenes),
                covered=covered_shares(stored),
                why_nothing=tuple(reasons_for_nothing(content)),
                notes=content.notes,
                was_rebuilt=True,
            )
            document = manifest.document_of(
                workspace,
                kept,
                state=state,
                products=sorted(folder.iterdir()),
                totals=published.totals,
                covered=published.covered,
                why_nothing=published.why_nothing,
                notes=published.notes,
                placements=tables.placements,
                context=files_of(kept.context),
                study=content.study,
                ignored=ignored,
                timings={**timings, "products": time.perf_counter() - started},
            )
            (folder / manifest.NAME).write_bytes(manifest.written(document))
    return published


def _with_layers(tables: Products, kept: Settings) -> tuple[Products, tuple[Column, ...], tuple[Objects, ...]]:
    """Add what layers from elsewhere say of the sites; nothing is imported for none."""
    layers = kept.context.layers
    if not layers:
        return tables, SITES, ()
    from pondscan.context.layers import columns, objects_near, with_columns

    objects = tuple(objects_near(layer, tables.sites) for layer in layers)
    sites = with_columns(tables.sites, layers, objects)
    return replace(tables, sites=sites), (*SITES, *columns(layers)), objects


def report_input(
    workspace: Workspace,
    stored: Sequence[StoredScene],
    tables: Products,
    kept: Settings,
    remember: Remember = forgetful,
) -> report.ReportInput:
    """Gather what the report is made from; how the work was cut and where files lie are no part of it."""
    superseded = [f"{one.scene_id} is not used: {one.by} is another version of it." for one in workspace.superseded()]
    quicklooks = [
        report.Quicklook(one.scene_id, png, one.scene.grid.bounds, one.scene.grid.crs)
        for one in stored
        if (png := workspace.quicklook(one.scene_id)) is not None
    ]
    album = Album(workspace, tables.crs, tables.placements, remember)
    context, scenes = read_context(kept.context), scene_table(stored, tables.observations, kept)
    plain = Settings()
    storage = kept.storage.model_copy(update={"min_free_mb": plain.storage.min_free_mb})
    never_shown = {"tiles": plain.tiles, "log": plain.log, "storage": storage}
    shown = kept.model_copy(update={**never_shown, "context": without_folders(kept.context)})
    return report.ReportInput(
        title=TITLES[kept.confidence.target],
        ponds=tables.ponds,
        sites=tables.sites,
        timeseries=tables.timeseries,
        survey=tables.survey,
        scenes=scenes,
        quicklooks=tuple(quicklooks),
        failures=tuple((one.source, one.reason) for one in workspace.failures()),
        settings_toml=to_toml(shown),
        versions=manifest.versions(),
        target=kept.confidence.target,
        looks=tables.looks,
        strips=strips(album, tables),
        states=tables.states,
        notes=(*tables.notes, *superseded, *_picture_notes(workspace)),
        context=context,
        study=_study(context, tables, scenes, kept),
        estimate=read_estimate(workspace.path),
    )


def _picture_notes(workspace: Workspace) -> list[str]:
    """Of which scenes no picture is left."""
    dropped = retention.without_pictures(workspace)
    told = f"Pictures of the {len(dropped)} oldest scenes were dropped to keep within storage.pictures_mb"
    return [f"{told}; nothing else was."] if dropped else []


def _study(context: Context, tables: Products, scenes: pd.DataFrame, kept: Settings) -> tuple[Effect, ...]:
    """Compare what the census shows before and after each event; nothing is imported for none."""
    if not context.events:
        return ()
    from pondscan.context.study import event_study

    sensors = {
        str(row["scene_id"]): (instrument(str(row["sensor"]), float(row["gsd_m"])), float(row["gsd_m"]))
        for row in scenes.to_dict("records")
    }
    return event_study(context.events, tables.timeseries, tables.survey, sensors, window_days=kept.context.window_days)


def without_folders(context: ContextSettings) -> ContextSettings:
    """Name the files of the context without saying where they lie."""
    layers = [layer.model_copy(update={"path": Path(layer.path).name}) for layer in context.layers]
    names = {kind: tuple(Path(path).name for path in getattr(context, kind)) for kind in ("events", "series")}
    return context.model_copy(update={**names, "layers": tuple(layers)})


def scene_table(stored: Sequence[StoredScene], observations: pd.DataFrame, kept: Settings) -> pd.DataFrame:
    """One row for each stored scene, columns as ``report.inputs.SCENES`` names them."""
    is_believed = observations["confidence"] >= kept.confidence.min_confidence
    n_ponds = observations.loc[is_believed, "scene_id"].value_counts()
    columns: dict[str, list[Any]] = {
        "scene_id": [one.scene_id for one in stored],
        "sensor": [one.scene.sensor for one in stored],
        "product": [one.scene.product for one in stored],
        "gsd_m": [one.scene.gsd_m for one in stored],
        "calibrated": [one.scene.calibrated for one in stored],
        **{name: [one.coverage_px.get(name, 0) for one in stored] for name in COVERAGE_NAMES},
        "warnings": [list(one.warnings) for one in stored],
        "n_candidates": [one.counts.get("candidates", 0) for one in stored],
        "n_ponds": [int(n_ponds.get(one.scene_id, 0)) for one in stored],
        "rejected": [_rejected(one) for one in stored],
        "mask": [kept.mask.source(has_mask=bool(one.scene.masks)) for one in stored],
    }
    dates = pd.to_datetime(pd.Series([one.scene.datetime for one in stored], dtype=object), utc=True)
    return pd.DataFrame(columns).assign(datetime=dates)


def _rejected(stored: StoredScene) -> dict[str, int]:
    """Candidates that are no pond, by reason: whatever the scan counted beside coverage and candidates."""
    return {
        reason: amount
        for reason, amount in sorted(stored.counts.items())
        if amount and reason != "candidates" and reason not in COVERAGE_NAMES
    }


def _as_read(document: Mapping[str, Any]) -> Published:
    return Published(
        totals=Totals(**document["totals"]),
        covered=document["covered"],
        why_nothing=tuple(document["why_nothing"]),
        notes=tuple(document["notes"]),
        was_rebuilt=False,
    )
