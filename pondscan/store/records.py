"""What is remembered of each scene, and its one JSON form: in the ledger, and inside the scene's own files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from pondscan.model import Band, Grid, Mask, Scene

PLACES = ("source", "files", "path", "warnings")
"""Fields that say where a scene lies or how it was found, not what it is."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file a scene was read from, by content."""

    path: str
    size: int
    """Bytes."""
    sha256: str


@dataclass(frozen=True, slots=True)
class StoredScene:
    """A scene whose observations the workspace keeps."""

    scene: Scene
    inputs: tuple[InputFile, ...]
    scan_hash: str
    """Stands for every setting that the observations depend on (see ``fingerprint.scan_hash``)."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """What the scan counted: candidates, rejections by reason …"""
    coverage_px: Mapping[str, int] = field(default_factory=dict)
    """Pixels by coverage, the lower-case names of ``model.Coverage``."""
    warnings: tuple[str, ...] = ()
    """What was noticed on recognising and on scanning it."""

    @property
    def scene_id(self) -> str:
        """Identity of the scene."""
        return self.scene.scene_id

    @property
    def content(self) -> tuple[str, ...]:
        """Hashes of the files, sorted: the same for the same files under other names."""
        return content_of(self.inputs)


@dataclass(frozen=True, slots=True)
class Superseded:
    """A scene that is not used because another version of the same acquisition is."""

    scene_id: str
    source: str
    by: str
    """The ``scene_id`` that is used instead."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An input that could not be used; it is tried again whenever it is given."""

    source: str
    reason: str
    """One sentence."""
    scene_id: str | None = None
    """None where it was not even recognised."""


def content_of(inputs: tuple[InputFile, ...]) -> tuple[str, ...]:
    """Hashes of files, sorted: the same for the same files under other names."""
    return tuple(sorted(file.sha256 for file in inputs))


def canonical_json(value: Any) -> str:
    """Write a value as JSON in one way only: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def order_key(scene: Scene) -> tuple[datetime, str]:
    """Sort key by (datetime, scene_id); an undated scene comes first."""
    return (scene.datetime or datetime.min.replace(tzinfo=UTC), scene.scene_id)


def scene_to_dict(scene: Scene) -> dict[str, Any]:
    """Take a scene apart into plain JSON values; bands become a list, since their order counts."""
    document = asdict(scene)
    document["datetime"] = scene.datetime.isoformat() if scene.datetime else None
    document["bands"] = list(document["bands"].values())
    return document


def scene_from_dict(document: Mapping[str, Any]) -> Scene:
    """Put a scene together again from ``scene_to_dict``."""
    fields = dict(document)
    fields["datetime"] = datetime.fromisoformat(fields["datetime"]) if fields["datetime"] else None
    fields["grid"] = Grid(**fields["grid"])
    fields["bands"] = {band["role"]: Band(**band) for band in fields["bands"]}
    fields["masks"] = tuple(Mask(**mask) for mask in fields["masks"])
    fields["files"] = tuple(fields["files"])
    fields["warnings"] = tuple(fields["warnings"])
    return Scene(**fields)


def description(scene: Scene) -> dict[str, Any]:
    """Say what a scene is without where it lies: equal for one product in two places."""
    document = {name: value for name, value in scene_to_dict(scene).items() if name not in PLACES}
    document["bands"] = [_placeless(band) for band in document["bands"]]
    document["masks"] = [_placeless(mask) for mask in document["masks"]]
    return document


def stored_to_dict(stored: StoredScene) -> dict[str, Any]:
    """Take a record apart into plain JSON values."""
    return {
        "scene": scene_to_dict(stored.scene),
        "inputs": [asdict(file) for file in stored.inputs],
        "scan_hash": stored.scan_hash,
        "counts": dict(stored.counts),
        "coverage_px": dict(stored.coverage_px),
        "warnings": list(stored.warnings),
    }


def stored_from_dict(document: Mapping[str, Any]) -> StoredScene:
    """Put a record together again from ``stored_to_dict``."""
    return StoredScene(
        scene=scene_from_dict(document["scene"]),
        inputs=tuple(InputFile(**file) for file in document["inputs"]),
        scan_hash=document["scan_hash"],
        counts=dict(document["counts"]),
        coverage_px=dict(document["coverage_px"]),
        warnings=tuple(document["warnings"]),
    )


def _placeless(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name not in PLACES}
