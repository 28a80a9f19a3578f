"""The truth about a place on a day, as a table."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pondscan.model import Grid
from pondscan.simulate import clouds, cycle, wetlands
from pondscan.simulate.place import Place
from pondscan.simulate.render import Rendered
from pondscan.simulate.shapes import Boxes

if TYPE_CHECKING:
    import geopandas

TRUTH_COLUMNS = (
    "pond_id",
    "site_id",
    "kind",
    "status",
    "diameter_m",
    "area_m2",
    "date",
    "sensor",
)
"""Columns of the truth beside the polygon of the liquid (of the empty basin, where the pond is gone)."""


def truth(place: Place, when: datetime, rendered: Rendered | None = None) -> geopandas.GeoDataFrame:
    """Every pond built by a day, the fish ponds, and the natural waters.

    Parameters
    ----------
    place : Place
    when : datetime
    rendered : Rendered, optional
        The scene the truth is for: ponds it hides get the status ``clouded``, where cloud or its shadow is in the way
        or the delivered mask takes them away; not so where the mask has only taken their brightness for cloud. Ponds
        outside the scene are left out.

    Returns
    -------
    GeoDataFrame in the place's reference system, with `TRUTH_COLUMNS`
        ``kind`` as in the products; ``other_water`` for fish ponds and natural waters, which count neither as found nor
        as false.
        ``status``: ``present``, ``covered`` (sheeted), ``gone`` (basin empty) or ``clouded``.
    """
    import geopandas

    states = cycle.pond_states(place.mines, when, place.seed)
    ponds = _rows(
        place.mines.basins.take(states.pond),
        kind=states.kind,
        status=states.status,
        pond_id=_ids("p{:03d}-{:02d}", place.mines.site[states.pond], place.mines.number[states.pond]),
        site_id=_ids("s{:03d}", place.mines.site[states.pond]),
    )
    fish = place.country.fish_ponds
    n = len(fish)
    others = _rows(
        fish,
        kind=np.full(n, "other_water", dtype=object),
        status=np.full(n, "present", dtype=object),
        pond_id=_ids("w{:03d}", np.arange(n)),
        site_id=np.full(n, None, dtype=object),
    )
    natural = _natural(place, when)
    columns = {name: np.concatenate([ponds[name], others[name], natural[name]]) for name in ponds}
    table: geopandas.GeoDataFrame = geopandas.GeoDataFrame(columns, geometry="geometry", crs=place.crs)
    table["date"] = when.date().isoformat()
    table["sensor"] = rendered.sensor if rendered else None
    if rendered is not None:
        table = _as_seen(table, rendered)
    ordered: geopandas.GeoDataFrame = table[[*TRUTH_COLUMNS, "geometry"]].reset_index(drop=True)
    return ordered


def _natural(place: Place, when: datetime) -> dict[str, NDArray[Any]]:
    """Natural ponds and lakes, the open water inside their reeds; ``gone`` and its hollow where one is dry."""
    import shapely

    wet = place.country.wetlands
    level = wetlands.levels(wet, when, place.seed)
    outlines = wetlands.outlines(wet, level)
    area_m2 = np.asarray(shapely.area(outlines), float)
    return {
        "kind": np.full(len(wet), "other_water", dtype=object),
        "status": np.where(level > 0.0, "present", "gone").astype(object),
        "pond_id": _ids("n{:04d}", np.arange(len(wet))),
        "site_id": np.full(len(wet), None, dtype=object),
        "diameter_m": 2.0 * np.sqrt(area_m2 / np.pi),
        "area_m2": area_m2,
        "geometry": outlines,
    }


def _rows(table: Boxes, **columns: NDArray[Any]) -> dict[str, NDArray[Any]]:
    sizes = {"diameter_m": 2.0 * np.sqrt(table.area_m2 / np.pi), "area_m2": table.area_m2}
    return {**columns, **sizes, "geometry": table.polygons()}


def _ids(pattern: str, *numbers: NDArray[np.int64]) -> NDArray[np.object_]:
    return np.array([pattern.format(*row) for row in zip(*numbers, strict=True)], dtype=object)


def _as_seen(table: geopandas.GeoDataFrame, rendered: Rendered) -> geopandas.GeoDataFrame:
    """Drop the ponds that lie outside the scene and mark those hidden from it."""
    grid = rendered.grid
    west, south, east, north = grid.bounds
    bounds = table.bounds.to_numpy().reshape(-1, 4)
    is_inside = (bounds[:, 0] > west) & (bounds[:, 1] > south) & (bounds[:, 2] < east) & (bounds[:, 3] < north)
    kept: geopandas.GeoDataFrame = table[is_inside].copy()
    bounds = bounds[is_inside]
    is_in_sight = (rendered.cloud_truth == clouds.CLEAR) & (rendered.clear == 1)
    hidden = ~is_in_sight & (rendered.cloud_truth != clouds.MISTAKEN)
    is_hidden = (pixels_in(bounds, hidden, grid) > 0) & (kept["status"] != "gone").to_numpy()
    kept.loc[is_hidden, "status"] = "clouded"
    return kept


def pixels_in(bounds: NDArray[np.float64], flags: NDArray[np.bool_], grid: Grid) -> NDArray[np.int64]:
    """Count the flagged pixels that boxes touch; what lies beyond the grid counts for nothing.

    Parameters
    ----------
    bounds : float64 array (n, 4)
        West, south, east, north.
    flags : bool array (h, w)
    grid : Grid
        Of the flags.
    """
    west, _, _, north = grid.bounds
    total = np.pad(flags.astype(np.int64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    col_start = np.clip(np.floor((bounds[:, 0] - west) / grid.gsd_m).astype(np.int64), 0, grid.width)
    col_stop = np.clip(np.ceil((bounds[:, 2] - west) / grid.gsd_m).astype(np.int64), 0, grid.width)
    row_start = np.clip(np.floor((north - bounds[:, 3]) / grid.gsd_m).astype(np.int64), 0, grid.height)
    row_stop = np.clip(np.ceil((north - bounds[:, 1]) / grid.gsd_m).astype(np.int64), 0, grid.height)
    in_box = total[row_stop, col_stop] - total[row_start, col_stop]
    return np.asarray(in_box - total[row_stop, col_start] + total[row_start, col_start])
