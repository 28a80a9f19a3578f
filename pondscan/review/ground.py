"""The ground between the outlines, in squares, sorted by how likely a pond was missed there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyproj
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from pondscan.errors import InputError
from pondscan.follow.looks import Look, SceneView, is_clear_at

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Codes = NDArray[np.uint8]
Polygons = NDArray[np.object_]

SQUARE_M = 100.0
"""Side of a square: a few ponds wide, and seen at one glance."""

RING_PX = 3.0
"""How far from a mapped pond, in its sensor's pixels, ground is beside it."""

MOST_SQUARES = 100_000_000

RISKS = {
    "mountain or cloud shadow": ("terrain shadow", "too dark"),
    "wide water: rivers, fields under water": ("too large", "channel"),
    "roofs, sheets, bare soil": ("not water", "on a slope"),
    "faint or tiny candidates": ("too faint", "too small", "under cloud"),
}
"""Strata of risk, by the reasons for which candidates there were rejected; the first that holds."""

GROUND = ("beside a mapped pond", "worked ground", *RISKS, "other candidates", "the rest")
"""Strata of ground, the first that holds of each square."""

MISSED_SHARE = (0.5, 0.3, *(0.1 / len(RISKS),) * len(RISKS), 0.05, 0.05)
"""OWN: how the ponds that are expected to be missed share out among ``GROUND``, before anything is judged."""


@dataclass(frozen=True, slots=True, eq=False)
class Squares:
    """Squares whose centre lies in the region and was seen clear, row by row."""

    x: Floats
    """Centres, metres."""
    y: Floats
    stratum: Integers
    """Index into ``GROUND``."""

    def outlines(self, chosen: Integers) -> Polygons:
        """Outlines of some squares."""
        x, y, half = self.x[chosen], self.y[chosen], SQUARE_M / 2
        return np.asarray(shapely.box(x - half, y - half, x + half, y + half), dtype=object)


def squares_of(
    region: BaseGeometry, looks: Sequence[Look], crs: str, *, ponds: Polygons, ring_m: Floats, footprints: Polygons
) -> Squares:
    """Cut a region into squares on a lattice fixed to the CRS, and sort them.

    Parameters
    ----------
    region
        Ground that the survey speaks of, in ``crs``.
    looks
        A square counts when one of them saw its centre clear; their rejected candidates make the strata of risk.
    ponds, ring_m
        Outlines of the mapped ponds, and how far around each ground is beside it.
    footprints
        Worked ground of the sites.

    Raises
    ------
    InputError
        When the region is too wide to be cut into squares.
    """
    west, south, east, north = (SQUARE_M * np.floor(bound / SQUARE_M) for bound in region.bounds)
    shape = round((north - south) / SQUARE_M) + 1, round((east - west) / SQUARE_M) + 1
    if shape[0] * shape[1] > MOST_SQUARES:
        raise InputError(
            f"the scenes lie within {shape[1] * SQUARE_M / 1e3:.0f} × {shape[0] * SQUARE_M / 1e3:.0f} km, too much to "
            "be cut into squares: run a census with an area of interest (--aoi) for the ground you survey"
        )
    transform = Affine(SQUARE_M, 0, west, 0, -SQUARE_M, south + shape[0] * SQUARE_M)
    code = np.full(shape, len(GROUND) - 1, np.uint8)
    for number, (x, y) in reversed(list(enumerate(_suspects(looks, crs), start=2))):
        _mark(code, transform, x, y, number)
    _burn(code, transform, footprints, 1)
    _burn(code, transform, shapely.buffer(ponds, ring_m), 0)
    x = west + SQUARE_M * (np.arange(shape[1]) + 0.5)
    y = south + SQUARE_M * (np.arange(shape[0])[::-1] + 0.5)
    xx, yy = (one.ravel() for one in np.meshgrid(x, y))
    is_kept = shapely.contains_xy(region, xx, yy)
    is_kept[is_kept] = _is_clear(looks, xx[is_kept], yy[is_kept], crs)
    return Squares(xx[is_kept], yy[is_kept], code.ravel()[is_kept].astype(np.int64))


def _is_clear(looks: Sequence[Look], x: Floats, y: Floats, crs: str) -> NDArray[np.bool_]:
    is_clear = np.zeros(len(x), bool)
    for view in (view for look in looks for view in look.views):
        is_clear[~is_clear] = is_clear_at(view, x[~is_clear], y[~is_clear], crs)
    return is_clear


def _suspects(looks: Sequence[Look], crs: str) -> list[tuple[Floats, Floats]]:
    """Places of candidates by stratum: those of every risk, then the others."""
    found = [_of_view(view, crs) for look in looks for view in look.views]
    table = pd.concat(found, ignore_index=True) if found else pd.DataFrame({"x": [], "y": [], "risk": []})
    by_risk = [table[table["risk"] == number] for number in range(len(RISKS) + 1)]
    return [(rows["x"].to_numpy(float), rows["y"].to_numpy(float)) for rows in by_risk]


def _of_view(view: SceneView, crs: str) -> pd.DataFrame:
    """Candidates of a scene that were rejected, or are too unlikely to be handed out, with the number of their risk."""
    risk_of = {reason: number for number, reasons in enumerate(RISKS.values()) for reason in reasons}
    seen = view.observations
    rejected = seen[(seen["rejected"].fillna("") != "").to_numpy(bool)]
    rows = pd.concat(
        [
            pd.DataFrame({"x": rejected["x"], "y": rejected["y"], "risk": rejected["rejected"].map(risk_of)}),
            pd.DataFrame({"x": view.evidence["x"], "y": view.evidence["y"], "risk": float(len(RISKS))}),
        ],
        ignore_index=True,
    )
    to_working = pyproj.Transformer.from_crs(view.scene.grid.crs, crs, always_xy=True)
    x, y = to_working.transform(rows["x"].to_numpy(float), rows["y"].to_numpy(float))
    shift = view.placement.shift_at(x, y)
    return rows.assign(x=x - shift[:, 0], y=y - shift[:, 1], risk=rows["risk"].fillna(float(len(RISKS))))


def _mark(code: Codes, transform: Affine, x: Floats, y: Floats, number: int) -> None:
    """Write a number into the squares that hold places."""
    col = np.floor((x - transform.c) / transform.a).astype(np.int64)
    row = np.floor((y - transform.f) / transform.e).astype(np.int64)
    is_inside = (col >= 0) & (col < code.shape[1]) & (row >= 0) & (row < code.shape[0])
    code[row[is_inside], col[is_inside]] = number


def _burn(code: Codes, transform: Affine, polygons: Polygons, number: int) -> None:
    """Write a number into the squares that polygons touch."""
    whole = [(one, number) for one in polygons if not one.is_empty]
    if whole:
        rasterio.features.rasterize(whole, out=code, transform=transform, all_touched=True)
