"""Looks: the acquisitions of one constellation within half an hour, with every place observed once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from pondscan.detect.ground import GroundChips, no_chips
from pondscan.errors import ConfigError, InputError
from pondscan.follow.matching import FINER, Objects, assign, feasible_pairs
from pondscan.follow.registration import ALONE, REFERENCE_CLEAR, Placement, SceneChips, place
from pondscan.grid import between, utm_crs_at
from pondscan.memory import Remember, forgetful
from pondscan.model import Scene
from pondscan.sensors import SENSORS
from pondscan.tables import EVIDENCE, OBSERVATIONS, conform, names, no_rows

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Polygons = NDArray[np.object_]

LOOK_SPAN = timedelta(minutes=30)
N_LATTICE = 10_000
"""Points at which a region is sampled: a share is good to half a per cent, and exact where all or nothing is clear."""

NOWHERE_CRS = "EPSG:6933"
"""CRS of tables without any scene: an equal-area grid of the whole earth, in metres."""


class CoverageMap(Protocol):
    """What one scene saw of the ground."""

    def is_clear_at(self, x: Floats, y: Floats, crs: str) -> Booleans:
        """Whether points given in ``crs`` were seen clear; not where the scene is not."""

    def clear_fraction(self, polygons: Polygons, crs: str) -> Floats:
        """Share of each polygon's area, given in ``crs``, that was seen clear; 0 where the scene is not."""


@dataclass(frozen=True, slots=True, eq=False)
class SceneView:
    """A stored scene, what was found in it, and what it saw."""

    scene: Scene
    observations: GeoDataFrame
    """Columns ``tables.OBSERVATIONS`` and the outline, in the scene's CRS."""
    coverage: CoverageMap
    evidence: pd.DataFrame = field(default_factory=partial(no_rows, EVIDENCE))
    """Everything measured there, however unlikely: columns ``tables.EVIDENCE``, in the scene's CRS."""
    superseded_by: str | None = None
    """The ``scene_id`` of the newer processing that is used instead."""
    ground: GroundChips = field(default_factory=no_chips)
    """What its place can be compared by with other scenes."""
    placement: Placement = ALONE
    """How far it lies off the others (see ``aligned``)."""

    @property
    def scene_id(self) -> str:
        """Identity of the scene."""
        return self.scene.scene_id

    @property
    def order(self) -> tuple[datetime, str]:
        """Canonical order of scenes, (datetime, scene_id); an undated scene comes first."""
        return (self.scene.datetime or datetime.min.replace(tzinfo=UTC), self.scene_id)

    def shown_at(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Where the scene shows places of the working CRS, by its own coordinates in that CRS."""
        east, north = self.placement.shift_at(x, y).T
        return x + east, y + north


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Points spread evenly over the region the census speaks of."""

    x: Floats
    y: Floats
    crs: str


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Acquisitions of one constellation within ``LOOK_SPAN``."""

    views: tuple[SceneView, ...]
    """The better view first: more of the region clear, then the finer pixel, then the scene_id."""
    extent: BaseGeometry
    """Ground within the scenes' edges, in the working CRS."""
    is_clear: Booleans
    """Which points of the lattice at least one scene saw clear."""

    @property
    def scene_id(self) -> str:
        """Scenes of the look, joined by ``;``, sorted."""
        return ";".join(sorted(view.scene_id for view in self.views))

    @property
    def sensor(self) -> str:
        """Sensor of the look; all its scenes are of one constellation."""
        return ";".join(sorted({view.scene.sensor for view in self.views}))

    @property
    def gsd_m(self) -> float:
        """Finest ground sample distance."""
        return min(view.scene.gsd_m for view in self.views)

    @property
    def start(self) -> datetime | None:
        """Time of the first acquisition, None for an undated scene."""
        return min((view.scene.datetime for view in self.views if view.scene.datetime), default=None)

    @property
    def end(self) -> datetime | None:
        """Time of the last acquisition."""
        return max((view.scene.datetime for view in self.views if view.scene.datetime), default=None)


def in_order(views: Iterable[SceneView]) -> list[SceneView]:
    """Take the views that count, those whose newer processing is not here too, in canonical order.

    Raises
    ------
    InputError
        When two scenes have no acquisition time: their order cannot be known.
    """
    views = list(views)
    present = {view.scene_id for view in views}
    used = sorted((view for view in views if view.superseded_by not in present), key=lambda view: view.order)
    undated = [view.scene_id for view in used if view.scene.datetime is None]
    if len(undated) > 1:
        raise InputError(
            f"scenes {', '.join(undated)} have no acquisition time, so their order is not known: "
            "name the date of each with --datetime, or in its file name as YYYYMMDD"
        )
    return used


def aligned(views: Sequence[SceneView], crs: str, remember: Remember = forgetful) -> list[SceneView]:
    """Place scenes, in canonical order, against the first clear ones of the finest sensor (see ``registration``)."""
    grounds = [
        SceneChips(view.ground, view.scene.gsd_m, len(view.ground) >= REFERENCE_CLEAR * max(view.ground.n_points, 1))
        for view in views
    ]
    return [replace(view, placement=found) for view, found in zip(views, place(grounds, crs, remember), strict=True)]


def start_times(looks: Sequence[Look]) -> NDArray[np.datetime64]:
    """(n_looks,) time of each look in UTC, NaT for an undated one."""
    naive = [look.start.astimezone(UTC).replace(tzinfo=None) if look.start else None for look in looks]
    return np.array(naive, dtype="datetime64[us]")


def days(start: NDArray[np.datetime64]) -> Floats:
    """Days since 1970, NaN for NaT."""
    whole = (start - np.datetime64(0, "us")) / np.timedelta64(1, "D")
    return np.asarray(whole, dtype=np.float64)


def working_crs(views: Sequence[SceneView], crs: str | None) -> str:
    """Metric CRS that the scenes are compared in: the one asked for, else the UTM zone of the first scene.

    Raises
    ------
    ConfigError
        When ``crs`` is unknown or does not count in metres.
    """
    if crs is None:
        return _utm_zone(views[0].scene) if views else NOWHERE_CRS
    try:
        parsed = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise ConfigError(f"products.crs = {crs!r} is no known CRS; give a code such as 'EPSG:32647'") from error
    if not parsed.is_projected or parsed.axis_info[0].unit_name not in ("metre", "meter"):
        raise ConfigError(f"products.crs = {crs!r} does not count in metres; give a projected CRS such as 'EPSG:32647'")
    return crs


def _utm_zone(scene: Scene) -> str:
    parsed = pyproj.CRS.from_user_input(scene.grid.crs)
    code = parsed.to_epsg()
    if parsed.utm_zone and code:
        return f"EPSG:{code}"
    west, south, east, north = scene.grid.bounds
    to_degrees = pyproj.Transformer.from_crs(parsed, "EPSG:4326", always_xy=True)
    return utm_crs_at(*to_degrees.transform((west + east) / 2, (south + north) / 2))


def extents(views: Sequence[SceneView], crs: str) -> list[BaseGeometry]:
    """Ground within each scene's edges, in ``crs``."""
    return [
        gpd.GeoSeries([shapely.segmentize(box, box.length / 80)], crs=view.scene.grid.crs).to_crs(crs).iloc[0]
        for view in views
        for box in (shapely.box(*view.scene.grid.bounds),)
    ]


def lattice_over(region: BaseGeometry, crs: str, n_points: int = N_LATTICE) -> Lattice:
    """About ``n_points`` points on a square lattice inside a region; none for an empty region."""
    if region.is_empty or not region.area:
        return Lattice(np.empty(0), np.empty(0), crs)
    step = np.sqrt(region.area / n_points)
    west, south, east, north = region.bounds
    x, y = np.meshgrid(np.arange(west + step / 2, east, step), np.arange(south + step / 2, north, step))
    is_inside = shapely.contains_xy(region, x.ravel(), y.ravel())
    return Lattice(x.ravel()[is_inside], y.ravel()[is_inside], crs)


def group_looks(views: Sequence[SceneView], extent: Sequence[BaseGeometry], lattice: Lattice) -> list[Look]:
    """Group scenes into looks, in canonical order.

    A look opens with its first scene and takes what its constellation acquires within ``LOOK_SPAN`` of that one, so
    a chain of passes never becomes one long look. Generic files of one time whose pixels differ by more than
    ``matching.FINER`` come from different sensors and stay separate.

    Parameters
    ----------
    views, extent
        In canonical order (``in_order``), and the ground of each in the lattice's CRS.
    lattice
        Points that say how much of the region each scene saw clear.
    """
    groups: list[list[int]] = []
    for number, view in enumerate(views):
        home = next((group for group in reversed(groups) if _is_one_look(views[group[0]].scene, view.scene)), None)
        if home is None:
            groups.append([number])
        else:
            home.append(number)
    return [_look([views[i] for i in group], [extent[i] for i in group], lattice) for group in groups]


def _is_one_look(first: Scene, scene: Scene) -> bool:
    if first.datetime is None or scene.datetime is None:
        return False
    is_near = scene.datetime - first.datetime <= LOOK_SPAN
    is_alike = max(first.gsd_m, scene.gsd_m) <= FINER * min(first.gsd_m, scene.gsd_m)
    return is_near and is_alike and SENSORS[first.sensor].constellation == SENSORS[scene.sensor].constellation


def _look(views: list[SceneView], extent: list[BaseGeometry], lattice: Lattice) -> Look:
    is_clear = np.zeros((len(views), len(lattice.x)), bool)
    if len(lattice.x):
        is_clear = np.stack([is_clear_at(view, lattice.x, lattice.y, lattice.crs) for view in views])
    rank = sorted(range(len(views)), key=lambda i: (-int(is_clear[i].sum()), views[i].scene.gsd_m, views[i].scene_id))
    return Look(tuple(views[i] for i in rank), shapely.union_all(extent), np.asarray(is_clear.any(axis=0)))


def is_clear_at(view: SceneView, x: Floats, y: Floats, crs: str) -> Booleans:
    """Whether a scene saw points of the working CRS clear."""
    return view.coverage.is_clear_at(*view.shown_at(x, y), crs)


def clear_share(look: Look, polygons: Polygons, crs: str, *, n_points: int = 400) -> Floats:
    """Share of each polygon that a look saw clear, overlapping scenes counted once.

    Where more than one scene of the look saw part of a polygon, it is sampled at about ``n_points`` points.
    """
    if not len(polygons):
        return np.empty(0)
    shares = np.stack([view.coverage.clear_fraction(_shown(polygons, view), crs) for view in look.views])
    best = shares.max(axis=0)
    is_shared = ((shares > 0).sum(axis=0) > 1) & (best < 1)
    for number in np.flatnonzero(is_shared):  # polygons astride the edge of two scenes: few
        points = lattice_over(polygons[number], crs, n_points)
        clear = np.stack([is_clear_at(view, points.x, points.y, crs) for view in look.views])
        best[number] = max(best[number], clear.any(axis=0).mean())
    return np.asarray(np.clip(best, 0, 1))


def sightings(looks: Sequence[Look], crs: str, aoi: BaseGeometry | None = None) -> GeoDataFrame:
    """Observations that count, every place once per look, sorted by look, scene_id and object_id.

    Where scenes of a look overlap, the better view's object is taken unless the scene's edge cuts it and not the
    other's, and an object that a better view, clear there, does not show is dropped.

    Parameters
    ----------
    looks
        As ``group_looks`` gives them.
    crs
        CRS of the result: geometry, `x` and `y`.
    aoi
        Area of interest in WGS84; an object belongs by its centroid.

    Returns
    -------
    GeoDataFrame
        Columns ``tables.OBSERVATIONS`` with `look` (number of the look) and `gsd_m`.
    """
    views = [view for look in looks for view in look.views]
    shown, owner = _shown_by(views, crs, aoi)
    of_look = np.repeat(np.arange(len(looks)), [len(look.views) for look in looks])
    every = shown.assign(look=of_look[owner])
    has_overlap = np.array([len(look.views) > 1 for look in looks], bool)[every["look"].to_numpy(np.int64)]
    found = [every[~has_overlap]]
    for number in sorted(set(every["look"].to_numpy()[has_overlap].tolist())):
        first = int(np.searchsorted(of_look, number))
        found.append(_merged([every[owner == first + i] for i in range(len(looks[number].views))], looks[number], crs))
    merged: GeoDataFrame = pd.concat([frame for frame in found if len(frame)] or found[:1])
    return merged.sort_values(["look", "scene_id", "object_id"], ignore_index=True)


def objects_of(frame: GeoDataFrame) -> Objects:
    """Take from a table of sightings what matching needs."""
    x, y, diameter, gsd = (frame[name].to_numpy(float) for name in ("x", "y", "diameter_m", "gsd_m"))
    return Objects(x, y, diameter, gsd, np.asarray(frame.geometry.array, dtype=object))


def _merged(frames: Sequence[GeoDataFrame], look: Look, crs: str) -> GeoDataFrame:
    """Objects of the scenes of one look, the better view's first, every place once."""
    kept = frames[0]
    for number, added in enumerate(frames[1:], start=1):
        kept = _merge(kept, added, look.views[:number], crs)
    return kept


def _shown(polygons: Polygons, view: SceneView) -> Polygons:
    """Polygons moved to where a scene shows them."""
    centre = shapely.centroid(polygons)
    at = np.nan_to_num(shapely.get_x(centre)), np.nan_to_num(shapely.get_y(centre))  # NaN for an empty polygon
    return _moved(polygons, view.placement.shift_at(*at))


def _moved(polygons: Polygons, by: Floats) -> Polygons:
    """Every polygon moved by a vector of its own, (n, 2) metres."""
    if not by.any():
        return polygons
    corners, owner = shapely.get_coordinates(polygons, return_index=True)
    moved: Polygons = shapely.set_coordinates(polygons.copy(), corners + by[owner])
    return moved


def _shown_by(views: Sequence[SceneView], crs: str, aoi: BaseGeometry | None) -> tuple[GeoDataFrame, NDArray[np.int64]]:
    """Objects of all scenes that count, where they are in the working CRS, and the number of each one's scene.

    All scenes go through each step together: a step costs the same for one small table as for hundreds.
    """
    frames = [view.observations for view in views] or [_no_observations(crs)]
    owner = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
    outline = np.concatenate([np.asarray(frame.geometry.array, dtype=object) for frame in frames])
    table = pd.concat([pd.DataFrame(frame)[names(OBSERVATIONS)] for frame in frames], ignore_index=True)
    table = conform(table, OBSERVATIONS)
    is_counted = (table["rejected"].fillna("") == "").to_numpy(bool)
    if aoi is not None:
        is_counted &= shapely.contains_xy(aoi, table["lon"].to_numpy(float), table["lat"].to_numpy(float))
    table, owner, outline = table[is_counted].reset_index(drop=True), owner[is_counted], outline[is_counted]
    x, y = table["x"].to_numpy(float, copy=True), table["y"].to_numpy(float, copy=True)
    zone = np.array([view.scene.grid.crs for view in views] or [crs])[owner]
    for other in sorted(set(zone.tolist())):
        there = zone == other
        x[there], y[there] = between(other, crs).transform(x[there], y[there])
        outline[there] = np.asarray(gpd.GeoSeries(outline[there], crs=other).to_crs(crs), dtype=object)
    shift = np.zeros((len(table), 2))
    for number in sorted(set(owner.tolist())):
        there = owner == number
        shift[there] = views[number].placement.shift_at(x[there], y[there])
    gsd_m = np.array([view.scene.gsd_m for view in views])[owner] if views else np.empty(0)
    placed = table.assign(x=x - shift[:, 0], y=y - shift[:, 1], gsd_m=gsd_m)
    return GeoDataFrame(placed, geometry=_moved(outline, -shift), crs=crs), owner


def _no_observations(crs: str) -> GeoDataFrame:
    nothing = GeoDataFrame({name: [] for name in names(OBSERVATIONS)}, geometry=[], crs=crs)
    return conform(nothing, OBSERVATIONS)


def _merge(kept: GeoDataFrame, added: GeoDataFrame, better: Sequence[SceneView], crs: str) -> GeoDataFrame:
    """Add the objects of a lesser view to those of the ``better`` ones."""
    if not len(added):
        return kept
    partner = assign(feasible_pairs(objects_of(kept), objects_of(added)), n_known=len(kept), n_seen=len(added))
    is_paired = np.zeros(len(added), bool)
    is_paired[partner[partner >= 0]] = True
    is_replaced = (partner >= 0) & _is_cut(kept) & ~_is_cut(added)[partner]
    is_known_ground = np.zeros(len(added), bool)
    for view in better:
        is_known_ground |= is_clear_at(view, added["x"].to_numpy(float), added["y"].to_numpy(float), crs)
    is_taken = ~is_paired & ~is_known_ground
    is_taken[partner[is_replaced]] = True
    merged: GeoDataFrame = pd.concat([kept[~is_replaced], added[is_taken]], ignore_index=True)
    return merged


def _is_cut(frame: GeoDataFrame) -> Booleans:
    """Whether the scene's edge cuts an object (flag ``edge``)."""
    flags = frame["flags"].fillna("").str.split(";")
    return np.array(["edge" in flag for flag in flags], dtype=bool)
