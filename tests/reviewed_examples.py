"""A census of an invented place, and a review of some of its ponds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from pondscan.config import Settings
from pondscan.pipeline import run, take_verdicts
from pondscan.simulate.series import simulate_series
from pondscan.tables import VERDICTS, conform

CRS = "EPSG:32647"


def said(outline: shapely.Polygon, verdict: str, *, hour: int = 0, is_drawn: bool = False) -> dict:
    """One verdict."""
    told = {"pond_id": None, "scene_id": None, "reviewer": "Ann", "note": None}
    return (
        {"verdict": verdict, "judged": datetime(2025, 1, 1, hour, tzinfo=UTC), "is_drawn": is_drawn}
        | told
        | {"geometry": outline}
    )


def table(*rows: dict, crs: str = CRS) -> gpd.GeoDataFrame:
    """Verdicts as a workspace takes them."""
    frame = gpd.GeoDataFrame(pd.DataFrame(list(rows)), geometry="geometry", crs=crs)
    return conform(frame, VERDICTS).to_crs("OGC:CRS84")


def census_of_two_days(folder: Path) -> Path:
    """A census of one place of 1.2 km with a site, seen at 3 m on two days."""
    days = [date(2023, 2, 5), date(2023, 3, 7)]
    simulate_series(
        folder / "scenes", seed=5, sensors=["planetscope"], dates=days, width_m=1200.0, height_m=1200.0, n_sites=1
    )
    run([folder / "scenes"], folder / "census", Settings())
    return folder / "census"


def review(census: Path) -> None:
    """Five verdicts: of the largest ponds two accepted, one rejected, one redrawn; one added where there is nothing."""
    ponds = gpd.read_file(census / "ponds.geojson").to_crs(CRS)
    ponds = ponds[ponds["status"] == "present"].sort_values("area_m2", ascending=False, ignore_index=True)
    assert len(ponds) > 5
    outline = ponds.geometry
    rows = [said(outline[0], "accepted"), said(outline[1], "accepted"), said(outline[2], "rejected")]
    rows += [said(outline[3].buffer(1.0), "accepted", is_drawn=True)]
    west, south, _, _ = ponds.total_bounds
    rows += [said(shapely.box(west - 60, south - 60, west - 45, south - 45), "accepted", is_drawn=True)]
    for row, pond, scene in zip(rows, [*ponds["pond_id"][:4], None], [*ponds["scene_id"][:4], None], strict=True):
        row |= {"pond_id": pond, "scene_id": scene}
    take_verdicts(census, table(*rows))
