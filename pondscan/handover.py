"""Published products → what other programs want, beside them in the workspace; a reader of the workspace, no writer.

Every format is a module with a function ``export(snapshot, folder) -> notes``, or ``export(snapshot, url) -> (place,
notes)`` where it goes to a database; here they are listed, read for and put in their place. This module imports nothing
heavy, so that the command line can name the formats.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pondscan.errors import WorkspaceError

if TYPE_CHECKING:
    from pondscan.export.snapshot import Snapshot
    from pondscan.publish import Drawn
    from pondscan.report.dossier import Evidence
    from pondscan.store import Workspace

FOLDER = "export"
"""Where exports go, below the workspace, each format in a folder of its own."""


@dataclass(frozen=True, slots=True)
class Format:
    """One way to hand a census on."""

    about: str
    """What comes of it, in words that follow its name."""
    module: str
    """Module whose ``export`` writes it."""
    needs: str | None = None
    """What must be named beside the format: ``URL`` or ``SITE``; None when nothing."""
    is_drawn: bool = False
    """Whether it is made from what the report is made from, instead of from the tables."""


FORMATS: dict[str, Format] = {
    "csv": Format("every table as CSV, outlines as WKT, for spreadsheets and scripts", "pondscan.export.tabular"),
    "geoparquet": Format(
        "every table as (Geo)Parquet 1.1, for DuckDB, pandas and the like", "pondscan.export.geoparquet"
    ),
    "kml": Format("ponds and sites with colours and dates, for Google Earth", "pondscan.export.kml"),
    "shapefile": Format("ponds, sites and observations for older GIS, its limits told", "pondscan.export.shapefile"),
    "stac": Format("a static STAC catalog with the products in it, to be put on a server", "pondscan.export.stac"),
    "figures": Format(
        "the map and every chart as SVG and PNG, for papers and slides", "pondscan.report.prints", is_drawn=True
    ),
    "dossier": Format(
        "the evidence for one site (--site ID), traceable to the pixels, as HTML and PDF",
        "pondscan.report.dossier",
        needs="SITE",
        is_drawn=True,
    ),
    "postgis": Format(
        "every table into schema pondscan of a PostGIS database, named by URL", "pondscan.export.postgis", needs="URL"
    ),
}
"""Every format of ``pondscan export``, by the name it goes by."""

ATTEMPTS = 12
PAUSE_S = 0.25
"""How often, and after what pause, products are read again that a run is just replacing."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of one export."""

    place: str
    """The folder, or the database, it went to."""
    files: tuple[Path, ...]
    notes: tuple[str, ...]
    """What a user of it must know: limits of the format that were met."""


def export(out_dir: Path, format_name: str, *, url: str = "", site_id: str = "") -> Exported:
    """Write the published products of a workspace in another format.

    Parameters
    ----------
    out_dir
        The workspace; only its products are read, no lock is taken.
    format_name
        A key of ``FORMATS``.
    url
        The database, for a format that needs a URL.
    site_id
        The site, for a format that is of one.

    Raises
    ------
    WorkspaceError
        When there are no products, they do not belong together, or the files cannot be written; what an earlier export
        wrote is as it was.
    """
    from pondscan.store import atomic

    snapshot = published(out_dir)
    one = FORMATS[format_name]
    module = import_module(one.module)
    if one.needs == "URL":
        database, notes = module.export(snapshot, url)
        return Exported(database, (), (*snapshot.notes, *notes))
    folder = out_dir / FOLDER / format_name
    atomic.make_folder(folder)
    with (
        atomic.storage_errors(folder),
        tempfile.TemporaryDirectory(prefix=atomic.TEMPORARY_PREFIX, dir=folder.parent) as place,
    ):
        draft = Path(place)
        notes = _write(one, module, snapshot, out_dir, draft, site_id)
        names = sorted(file.relative_to(draft) for file in draft.rglob("*") if file.is_file())
        for name in names:
            atomic.make_folder((folder / name).parent)
            atomic.move_into_place(draft / name, folder / name)
    return Exported(str(folder), tuple(folder / name for name in names), (*snapshot.notes, *notes))


def _write(one: Format, module: Any, snapshot: Snapshot, out_dir: Path, folder: Path, site_id: str) -> Sequence[str]:
    """Have a format write its files, from the tables or from what the report is made from."""
    if not one.is_drawn:
        return tuple(module.export(snapshot, folder))
    from pondscan import manifest
    from pondscan.config import Settings
    from pondscan.publish import gather
    from pondscan.store import Workspace

    workspace = Workspace(out_dir)
    kept = workspace.settings() or Settings()
    if manifest.state_of(workspace, kept) != snapshot.document["state"]:
        message = f"{out_dir}: its scenes or settings have changed since the products were made"
        raise WorkspaceError(f"{message}: let `pondscan run` publish them, then repeat the export")
    drawn = gather(workspace, kept)
    if one.needs != "SITE":
        return tuple(module.export(drawn.content, folder))
    evidence = _evidence(snapshot, workspace, drawn, site_id)
    return tuple(module.export(drawn.content, folder, site_id=site_id, evidence=evidence))


def _evidence(snapshot: Snapshot, workspace: Workspace, drawn: Drawn, site_id: str) -> Evidence:
    """Add what a dossier shows beside what the report does: the site in every scene, not only where it changed."""
    from pondscan.album import Album
    from pondscan.report.dossier import Evidence
    from pondscan.strips import strip

    tables = drawn.tables
    album = Album(workspace, tables.crs, tables.placements)
    chips = tuple(strip(album, tables, site_id)) if site_id in set(tables.sites["site_id"]) else ()
    return Evidence(snapshot.document, snapshot.columns, snapshot.tables["aliases"], chips)


def published(out_dir: Path) -> Snapshot:
    """Read the products of a workspace as they were put in place together.

    Raises
    ------
    WorkspaceError
        When there are none, or they are not what ``run.json`` says they are.
    """
    from pondscan import manifest
    from pondscan.export.snapshot import GEOPACKAGE, snapshot_of

    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_S)
        document = _vouched(out_dir)
        contents = _contents(out_dir, document)
        changed = _changed(document, contents)
        if not changed:
            break
    if changed and (changed != [GEOPACKAGE] or GEOPACKAGE not in contents):
        message = f"{out_dir / changed[0]}: it is not what {manifest.NAME} says was published"
        raise WorkspaceError(f"{message}: wait for a run that is still publishing, or repeat the last `pondscan run`")
    contents[manifest.NAME] = manifest.written(document)
    return snapshot_of(out_dir.resolve().name or "census", document, contents, is_whole=not changed)


def _vouched(out_dir: Path) -> dict[str, Any]:
    """Read ``run.json``, which says what the products are."""
    from pondscan import manifest

    document = manifest.read(out_dir)
    if document is None:
        message = f"{out_dir}: there is no census in this folder ({manifest.NAME} is missing or damaged)"
        raise WorkspaceError(f"{message}: name a folder that `pondscan run` wrote")
    return document


def _contents(out_dir: Path, document: Mapping[str, Any]) -> dict[str, bytes]:
    """Bytes of the products that are there."""
    paths = {product["name"]: out_dir / product["name"] for product in document["products"]}
    return {name: path.read_bytes() for name, path in paths.items() if path.is_file()}


def _changed(document: Mapping[str, Any], contents: Mapping[str, bytes]) -> list[str]:
    """Products that are missing, or are not what was published."""
    return [
        product["name"]
        for product in document["products"]
        if hashlib.sha256(contents.get(product["name"], b"")).hexdigest() != product["sha256"]
    ]
