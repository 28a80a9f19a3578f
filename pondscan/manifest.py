"""``run.json``: what the products were made from, by what, and what became of every scene.

Its ``state`` stands for all that the products depend on. It is written last, so a workspace whose state and products
agree with it needs no work; anything else is built again.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shapely

from pondscan import __version__
from pondscan.config import Settings
from pondscan.context.sources import ContextFile, files_of
from pondscan.export.values import iso_utc
from pondscan.follow.registration import Placement
from pondscan.hashing import file_sha256
from pondscan.store import StoredScene, Workspace
from pondscan.store.estimate import NAME as ESTIMATE
from pondscan.store.fingerprint import digest
from pondscan.store.records import Failure, Superseded, description
from pondscan.store.workspace import VERDICTS
from pondscan.summary import Totals

if TYPE_CHECKING:
    from pondscan.context.study import Change, Effect

NAME = "run.json"
FORMAT = 1

PACKAGES = (
    *("numpy", "scipy", "scikit-image", "pandas", "geopandas", "shapely", "pyproj"),
    *("rasterio", "pyogrio", "pyarrow", "pydantic", "jinja2", "pillow"),
)


@cache
def versions() -> dict[str, str]:
    """Versions of pondscan and of what it computes, reads and writes with."""
    import pyogrio
    import rasterio

    return {
        "pondscan": __version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in PACKAGES},
        "gdal (rasterio)": rasterio.__gdal_version__,
        "gdal (pyogrio)": ".".join(str(part) for part in pyogrio.__gdal_version__),
    }


def state_of(workspace: Workspace, kept: Settings) -> str:
    """Stand for everything the products depend on.

    Parameters
    ----------
    kept
        Settings as the workspace keeps them; how the work is cut and told is no part of the state.
    """
    aoi = workspace.aoi()
    settings = kept.model_dump(mode="json", exclude={"tiles": True, "log": True, "storage": {"min_free_mb"}})
    scenes = [
        [stored.scan_hash, stored.content, description(stored.scene), dict(stored.counts), stored.warnings]
        for stored in workspace.scenes()
    ]
    superseded = [asdict(one) for one in workspace.superseded()]
    failures = [asdict(one) for one in workspace.failures()]
    place = shapely.to_wkb(aoi, hex=True) if aoi else None
    verdicts = workspace.path / VERDICTS
    reviewed = file_sha256(verdicts) if verdicts.is_file() else None
    estimate = workspace.path / ESTIMATE
    estimated = file_sha256(estimate) if estimate.is_file() else None
    outside = [file.sha256 for file in files_of(kept.context)]
    return digest([FORMAT, settings, place, reviewed, estimated, outside, scenes, superseded, failures, versions()])


def read(folder: Path) -> dict[str, Any] | None:
    """Read ``run.json``, None when there is none that can be read."""
    try:
        document = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) and document.get("format") == FORMAT else None


def is_current(document: Mapping[str, Any], folder: Path, state: str, ignored: Sequence[tuple[str, str]]) -> bool:
    """Whether the products in a folder are those of a state, byte for byte, and nothing else was passed over."""
    if document["state"] != state or document["ignored"] != ignored_entries(ignored):
        return False
    return all(
        (folder / product["name"]).is_file() and file_sha256(folder / product["name"]) == product["sha256"]
        for product in document["products"]
    )


def document_of(
    workspace: Workspace,
    kept: Settings,
    *,
    state: str,
    products: Sequence[Path],
    totals: Totals,
    covered: Mapping[str, float],
    why_nothing: Sequence[str],
    notes: Sequence[str],
    placements: Mapping[str, Placement],
    context: Sequence[ContextFile],
    study: Sequence[Effect],
    ignored: Sequence[tuple[str, str]],
    timings: Mapping[str, float],
) -> dict[str, Any]:
    """Put ``run.json`` together; its schema is ``docs/run.schema.json``."""
    scenes = [_done(stored, kept, placements.get(stored.scene_id)) for stored in workspace.scenes()]
    scenes += [_superseded(one) for one in workspace.superseded()]
    scenes += [_failed(one) for one in workspace.failures()]
    return {
        "format": FORMAT,
        "state": state,
        "versions": versions(),
        "settings": kept.model_dump(mode="json"),
        "scenes": scenes,
        "context": [asdict(file) for file in context],
        "event_study": [_effect(effect) for effect in study],
        "ignored": ignored_entries(ignored),
        "totals": asdict(totals),
        "covered": dict(covered),
        "why_nothing": list(why_nothing),
        "notes": list(notes),
        "products": [_product(path) for path in sorted(products)],
        "timings_s": {name: round(seconds, 3) for name, seconds in timings.items()},
    }


def written(document: Mapping[str, Any]) -> bytes:
    """Write the document as indented JSON."""
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def ignored_entries(ignored: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Files passed over, as ``run.json`` lists them."""
    return [{"path": path, "reason": reason} for path, reason in ignored]


def _done(stored: StoredScene, kept: Settings, placement: Placement | None) -> dict[str, Any]:
    scene, grid = stored.scene, stored.scene.grid
    return {
        "scene_id": scene.scene_id,
        "outcome": "done",
        "reason": None,
        "source": scene.source,
        "datetime": iso_utc(scene.datetime) if scene.datetime else None,
        "sensor": scene.sensor,
        "platform": scene.platform,
        "product": scene.product,
        "processing": scene.processing,
        "calibrated": scene.calibrated,
        "mask": kept.mask.source(has_mask=bool(scene.masks)),
        "grid": {
            "crs": grid.crs,
            "gsd_m": grid.gsd_m,
            "width": grid.width,
            "height": grid.height,
            "bounds": list(grid.bounds),
        },
        "inputs": [asdict(file) for file in stored.inputs],
        "counts": dict(stored.counts),
        "coverage_px": dict(stored.coverage_px),
        "warnings": list(stored.warnings),
        "registration": _registration(placement) if placement else None,
    }


def _registration(placement: Placement) -> dict[str, Any]:
    lengths = {name: round(getattr(placement, name), 2) for name in ("east_m", "north_m", "spread_m")}
    return {
        "outcome": placement.outcome,
        "n_ties": placement.n_ties,
        "n_agreeing": placement.n_agreeing,
        **lengths,
    }


def _effect(effect: Effect) -> dict[str, Any]:
    """One event with what changed around it; null where the looks do not allow a comparison, with the reason."""
    area, earlier = effect.area_m2, effect.earlier_area_m2
    return {
        "date": effect.event.written,
        "label": effect.event.label,
        "sensor": effect.sensor or None,
        "n_sites": effect.n_sites,
        "n_sites_compared": area.n_sites if area else 0,
        "n_looks_before": area.n_looks_before if area else 0,
        "n_looks_after": area.n_looks_after if area else 0,
        "observed_fraction_before": round(effect.observed_before, 4),
        "observed_fraction_after": round(effect.observed_after, 4),
        "area_m2": _change(area),
        "n_ponds": _change(effect.n_ponds),
        "area_m2_one_window_earlier": _change(earlier),
        "n_other_events": effect.n_other_events,
        "reason": effect.reason or None,
    }


def _change(change: Change | None) -> dict[str, float] | None:
    if change is None:
        return None
    numbers = ("before", "after", "change", "lower", "upper")
    return {name: round(float(getattr(change, name)), 2) for name in numbers}


def _superseded(one: Superseded) -> dict[str, Any]:
    reason = f"{one.by} is another version of the same acquisition and is used instead"
    return {"scene_id": one.scene_id, "outcome": "superseded", "reason": reason, "source": one.source}


def _failed(one: Failure) -> dict[str, Any]:
    return {"scene_id": one.scene_id, "outcome": "failed", "reason": one.reason, "source": one.source}


def _product(path: Path) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": file_sha256(path)}
