"""The products of a workspace as far as alerts need them, read with nothing but the standard library."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KNOWN = ("present", "covered", "gone")
"""States that a look established; anything else says that nothing is known."""


@dataclass(frozen=True, slots=True)
class SiteLook:
    """A row of ``timeseries.csv``."""

    datetime: str
    scene_id: str
    sensor: str
    n_ponds: int | None
    area_m2: float | None
    area_sigma_m2: float
    observed_fraction: float
    status: str
    area_bias_m2: float = 0.0


@dataclass(frozen=True, slots=True)
class Site:
    """A site as the products have it."""

    site_id: str
    n_ponds: int | None
    area_m2: float | None
    first_seen: str | None
    not_seen_before: str | None
    looks: tuple[SiteLook, ...] = ()
    """Dated ones, oldest first."""
    geometry: dict[str, Any] | None = None

    @property
    def status(self) -> str | None:
        """The last state that a look established: clouds leave it as it was."""
        return next((look.status for look in reversed(self.looks) if look.status in KNOWN), None)

    @property
    def turned(self) -> SiteLook | None:
        """The look at which the site took on its state."""
        turned = None
        for look in reversed(self.looks):
            if look.status in KNOWN and look.status != self.status:
                break
            turned = look if look.status in KNOWN else turned
        return turned


@dataclass(frozen=True, slots=True)
class Pond:
    """A pond as the products have it."""

    pond_id: str
    site_id: str | None
    lon: float
    lat: float
    diameter_m: float
    first_seen: str | None
    not_seen_before: str | None
    area_m2: float


@dataclass(frozen=True, slots=True)
class Census:
    """The products at one moment."""

    sites: dict[str, Site] = field(default_factory=dict)
    ponds: dict[str, Pond] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    """Id that went before → id in use."""
    looks: frozenset[str] = frozenset()
    """Times of all looks."""


def read_census(folder: Path) -> Census:
    """Read the products of a workspace.

    Raises
    ------
    OSError
        When one is missing.
    """
    looks: dict[str, list[SiteLook]] = {}
    for row in _rows(folder / "timeseries.csv"):
        if row["datetime"]:
            looks.setdefault(row["site_id"], []).append(_site_look(row))
    sites = [_site(feature, looks) for feature in _features(folder / "sites.geojson")]
    ponds = [_pond(feature) for feature in _features(folder / "ponds.geojson")]
    periods = [row["period_start"] for row in _rows(folder / "survey.csv") if row["period"] == "look"]
    return Census(
        sites={site.site_id: site for site in sites},
        ponds={pond.pond_id: pond for pond in ponds},
        aliases={row["old_id"]: row["new_id"] for row in _rows(folder / "aliases.csv")},
        looks=frozenset(periods),
    )


def _site(feature: dict[str, Any], looks: dict[str, list[SiteLook]]) -> Site:
    properties = feature["properties"]
    own = sorted(looks.get(properties["site_id"], ()), key=lambda look: (look.datetime, look.scene_id))
    return Site(
        site_id=properties["site_id"],
        n_ponds=properties["n_ponds"],
        area_m2=properties["pond_area_m2"],
        first_seen=properties["first_seen"],
        not_seen_before=properties["not_seen_before"],
        looks=tuple(own),
        geometry=feature["geometry"],
    )


def _pond(feature: dict[str, Any]) -> Pond:
    properties = feature["properties"]
    corners = list(_corners(feature["geometry"]["coordinates"]))
    return Pond(
        pond_id=properties["pond_id"],
        site_id=properties["site_id"],
        lon=sum(lon for lon, _ in corners) / len(corners),
        lat=sum(lat for _, lat in corners) / len(corners),
        diameter_m=properties["diameter_m"],
        first_seen=properties["first_seen"],
        not_seen_before=properties["not_seen_before"],
        area_m2=properties["area_m2"],
    )


def _site_look(row: dict[str, str]) -> SiteLook:
    return SiteLook(
        datetime=row["datetime"],
        scene_id=row["scene_id"],
        sensor=row["sensor"],
        n_ponds=int(row["n_ponds"]) if row["n_ponds"] else None,
        area_m2=float(row["area_m2"]) if row["area_m2"] else None,
        area_sigma_m2=float(row["area_sigma_m2"] or 0),
        observed_fraction=float(row["observed_fraction"] or 0),
        status=row["status"],
        area_bias_m2=float(row["area_bias_m2"] or 0),
    )


def _corners(coordinates: Any) -> Iterable[tuple[float, float]]:
    """Every position of nested GeoJSON coordinates."""
    if coordinates and isinstance(coordinates[0], int | float):
        yield coordinates[0], coordinates[1]
        return
    for part in coordinates:
        yield from _corners(part)


def _features(path: Path) -> list[dict[str, Any]]:
    features: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["features"]
    return features


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
