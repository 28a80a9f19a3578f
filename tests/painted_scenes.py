"""Scenes painted by hand for the tables downstream of per-scene observations: discs as ponds, polygons as cloud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from pondscan.follow.looks import SceneView
from pondscan.model import Coverage, Grid, Scene
from pondscan.tables import OBSERVATIONS, conform

CRS = "EPSG:32647"
WEST, SOUTH = 600_000.0, 2_830_000.0
"""Corner of the painted ground; positions below are metres east and north of it."""

EDGE = 3000.0


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True)
class PaintedCoverage:
    """Exact geometry instead of pixels: clear is the extent less the cloud."""

    extent: shapely.Polygon
    cloud: shapely.Geometry
    crs: str = CRS

    def codes_at(self, x, y, crs):
        x, y = pyproj.Transformer.from_crs(crs, self.crs, always_xy=True).transform(x, y)
        codes = np.where(shapely.contains_xy(self.extent, x, y), Coverage.CLEAR, Coverage.OUTSIDE)
        return np.where(shapely.contains_xy(self.cloud, x, y), Coverage.CLOUD, codes).astype(np.uint8)

    def is_clear_at(self, x, y, crs):
        return self.codes_at(x, y, crs) == Coverage.CLEAR

    def clear_fraction(self, polygons, crs):
        polygons = np.asarray(gpd.GeoSeries(list(polygons), crs=crs).to_crs(self.crs).array, dtype=object)
        clear = self.extent.difference(self.cloud)
        return shapely.area(shapely.intersection(polygons, clear)) / shapely.area(polygons)


@dataclass(frozen=True)
class Disc:
    """A pond as one scene saw it, metres from the corner of the painted ground."""

    x: float
    y: float
    diameter: float = 12.0
    confidence: float = 0.9
    kind: str = "turquoise"
    flags: str = ""
    rejected: str = ""
    pond_equivalents: float = 1.0
    outline: shapely.Polygon | None = field(default=None, compare=False)
    """In metres from the corner; a disc of the diameter when None."""


def circle(x: float, y: float, diameter: float) -> shapely.Polygon:
    """A polygon of 36 corners with the area of the disc."""
    angle = np.arange(36) * (2 * np.pi / 36)
    radius = np.sqrt(np.pi * diameter**2 / 4 / (18 * np.sin(2 * np.pi / 36)))
    return shapely.Polygon(np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1))


def observations(scene_id: str, discs: Sequence[Disc], crs: str = CRS) -> gpd.GeoDataFrame:
    outlines = [
        shapely.transform(
            disc.outline or circle(disc.x, disc.y, disc.diameter), lambda xy: xy + np.array([WEST, SOUTH])
        )
        for disc in discs
    ]
    area = shapely.area(np.array(outlines, dtype=object)) if outlines else np.empty(0)
    frame = gpd.GeoDataFrame(geometry=outlines, crs=crs)
    x = np.array([WEST + disc.x for disc in discs])
    y = np.array([SOUTH + disc.y for disc in discs])
    lon, lat = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    nothing = {column.name: pd.Series([None] * len(discs), dtype="object") for column in OBSERVATIONS}
    frame = frame.assign(**nothing).assign(
        scene_id=scene_id,
        object_id=np.arange(len(discs)),
        x=x,
        y=y,
        lon=lon,
        lat=lat,
        area_m2=area,
        area_sigma_m2=10.0,
        shared_sigma_m2=6.0,
        diameter_m=[disc.diameter for disc in discs],
        pond_equivalents=[disc.pond_equivalents for disc in discs],
        kind=[disc.kind for disc in discs],
        confidence=[disc.confidence for disc in discs],
        flags=[disc.flags for disc in discs],
        rejected=[disc.rejected for disc in discs],
    )
    return conform(frame, OBSERVATIONS)


def view(
    when: str | None,
    discs: Sequence[Disc] = (),
    *,
    scene_id: str | None = None,
    sensor: str = "planetscope",
    gsd_m: float = 3.0,
    extent: tuple[float, float, float, float] = (0.0, 0.0, EDGE, EDGE),
    cloud: shapely.Geometry | None = None,
    calibrated: str = "reflectance",
    superseded_by: str | None = None,
) -> SceneView:
    """One scene; ``extent`` and ``cloud`` in metres from the corner of the painted ground."""
    scene_id = scene_id or f"{sensor}_{when}"
    west, south, east, north = extent
    grid = Grid(CRS, WEST + west, SOUTH + north, gsd_m, round((east - west) / gsd_m), round((north - south) / gsd_m))
    scene = Scene(
        scene_id=scene_id,
        sensor=sensor,
        platform=None,
        product="painted",
        datetime=day(when) if when else None,
        grid=grid,
        bands={},
        masks=(),
        calibrated=calibrated,
        source=scene_id,
        files=(),
    )
    shifted = shapely.transform(cloud or shapely.Polygon(), lambda xy: xy + np.array([WEST, SOUTH]))
    return SceneView(
        scene,
        observations(scene_id, discs),
        PaintedCoverage(shapely.box(*grid.bounds), shifted),
        superseded_by=superseded_by,
    )
