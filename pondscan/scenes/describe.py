"""A scene in words and numbers, for ``pondscan info`` and ``run.json``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pondscan.model import Scene
from pondscan.scenes.discover import Discovery
from pondscan.scenes.identity import superseded
from pondscan.sensors import SENSORS

_CALIBRATIONS = {
    "reflectance": "surface reflectance",
    "toa": "top-of-atmosphere reflectance, dark object subtracted",
    "dn": "raw digital numbers",
}


def as_dict(scene: Scene) -> dict[str, Any]:
    """The whole scene as values JSON can hold; times in ISO 8601 UTC."""
    grid = scene.grid
    return {
        "scene_id": scene.scene_id,
        "product": scene.product,
        "sensor": scene.sensor,
        "platform": scene.platform,
        "datetime": utc_text(scene.datetime),
        "calibrated": scene.calibrated,
        "source": scene.source,
        "files": list(scene.files),
        "grid": {
            "crs": grid.crs,
            "gsd_m": grid.gsd_m,
            "width": grid.width,
            "height": grid.height,
            "bounds": list(grid.bounds),
            "warped": scene.warped,
        },
        "bands": [
            {
                "role": band.role,
                "name": band.name,
                "path": band.path,
                "index": band.index,
                "scale": band.scale,
                "offset": band.offset,
                "nodata": band.nodata,
                "gsd_m": band.gsd_m,
            }
            for band in scene.bands.values()
        ],
        "masks": [{"role": mask.role, "path": mask.path, "index": mask.index} for mask in scene.masks],
        "sun_elevation_deg": scene.sun_elevation_deg,
        "sun_azimuth_deg": scene.sun_azimuth_deg,
        "processing": scene.processing,
        "acquisition": scene.acquisition,
        "warnings": list(scene.warnings),
    }


def discovery_as_dict(discovery: Discovery) -> dict[str, Any]:
    """Everything found in the inputs as values JSON can hold."""
    return {
        "scenes": [as_dict(scene) for scene in discovery.scenes],
        "superseded": superseded(discovery.scenes),
        "failures": [{"source": source, "reason": sentence} for source, sentence in discovery.failures],
        "ignored": list(discovery.ignored),
    }


def rows(scene: Scene) -> list[tuple[str, str]]:
    """The scene as (property, value) rows a person reads, warnings last."""
    grid = scene.grid
    facts = [
        ("product", scene.product),
        ("sensor", " ".join(filter(None, (SENSORS[scene.sensor].title, scene.platform and f"({scene.platform})")))),
        ("datetime", utc_text(scene.datetime) or "not known"),
        ("grid", f"{grid.width} × {grid.height} px of {grid.gsd_m:g} m, {grid.crs}" + " (warped)" * scene.warped),
        ("numbers", _CALIBRATIONS[scene.calibrated]),
        ("masks", ", ".join(mask.role for mask in scene.masks) or "none"),
        ("source", scene.source),
    ]
    if scene.sun_elevation_deg is not None and scene.sun_azimuth_deg is not None:
        facts.append(("sun", f"{scene.sun_elevation_deg:.1f}° high, azimuth {scene.sun_azimuth_deg:.1f}°"))
    if scene.processing:
        facts.append(("processing", scene.processing))
    return [*facts, *(("warning", text) for text in scene.warnings)]


def band_rows(scene: Scene) -> list[tuple[str, str, str, str, str, str]]:
    """One row for each band: role, name, pixel side, scale, offset, no-data value."""
    return [
        (
            band.role,
            band.name or f"band {band.index}",
            f"{band.gsd_m:g} m",
            f"{band.scale:g}",
            f"{band.offset:g}",
            "none" if band.nodata is None else f"{band.nodata:g}",
        )
        for band in scene.bands.values()
    ]


def utc_text(moment: datetime | None) -> str | None:
    """ISO 8601 with a ``Z``, whole seconds unless there are fractions; None stays None."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
