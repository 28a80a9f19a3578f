"""Alerts: what they say, how they are named, and the two files they stand in."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pondscan.store import atomic
from pondscan.tables import ALERTS, names

GEOJSON = "alerts.geojson"
LOG = "alerts.jsonl"

Feature = dict[str, Any]
"""An alert as a GeoJSON feature: what is kept, written, posted and handed to the command."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to be told once."""

    rule: str
    tier: str
    message: str
    """One sentence."""
    site_id: str | None = None
    datetime: str | None = None
    """The look, or the moment, that the alert speaks of, ISO 8601 UTC."""
    scene_id: str | None = None
    source: str | None = None
    """The input that an alert about failures speaks of."""
    n_ponds: int | None = None
    area_m2: float | None = None
    growth_percent_per_30_days: float | None = None
    geometry: dict[str, Any] | None = None
    """Footprint of the site, as GeoJSON."""

    @property
    def alert_id(self) -> str:
        """Name made from what changed, where and at which look: found again, it is the same alert."""
        about = json.dumps([self.rule, self.site_id, self.datetime, self.source])
        return hashlib.sha256(about.encode()).hexdigest()[:24]

    def feature(self, raised_at: str) -> Feature:
        """Write the alert as a GeoJSON feature with the columns ``tables.ALERTS``."""
        own = {"alert_id": self.alert_id, "raised_at": raised_at}
        properties = {name: own.get(name, getattr(self, name, None)) for name in names(ALERTS)}
        return {"type": "Feature", "id": self.alert_id, "geometry": self.geometry, "properties": properties}


def plural(count: int, noun: str) -> str:
    """Count and noun.

    >>> plural(1, "pond"), plural(0, "pass"), plural(3, "input")
    ('1 pond', '0 passes', '3 inputs')
    """
    ending = "" if count == 1 else ("es" if noun.endswith("s") else "s")
    return f"{count} {noun}{ending}"


def moment(seconds: float) -> str:
    """Write seconds since 1970 as ``2024-02-17T04:12:00Z``."""
    return datetime.fromtimestamp(round(seconds), UTC).isoformat().replace("+00:00", "Z")


def read_geojson(folder: Path) -> list[Feature]:
    """Read the alerts that stand in a workspace; none where the file is missing or no longer ours."""
    try:
        document = json.loads((folder / GEOJSON).read_text(encoding="utf-8"))
        return [feature for feature in document["features"] if isinstance(feature["id"], str)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def publish(folder: Path, every: Sequence[Feature], news: Sequence[Feature]) -> None:
    """Write all alerts to ``alerts.geojson``, and append to ``alerts.jsonl`` those of ``news`` that it lacks.

    Raises
    ------
    WorkspaceError
        When the folder cannot be written.
    """
    lines = ",\n".join(_compact(feature) for feature in every)
    text = f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n'
    atomic.write_bytes(folder / GEOJSON, text.encode())
    _append(folder / LOG, news)


def _append(path: Path, news: Sequence[Feature]) -> None:
    """Append alerts as lines; a line that a killed pass left unfinished is taken away first."""
    with atomic.storage_errors(path), path.open("a+b") as file:
        file.seek(0)
        content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            file.truncate(len(whole))
        there = {_alert_id(line) for line in whole.splitlines()}
        for feature in news:
            if feature["id"] not in there:
                file.write(_line(feature))
        file.flush()
        os.fsync(file.fileno())


def _line(feature: Feature) -> bytes:
    return (_compact(feature["properties"]) + "\n").encode()


def _alert_id(line: bytes) -> str | None:
    try:
        return str(json.loads(line)["alert_id"])
    except (ValueError, KeyError, TypeError):
        return None


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
