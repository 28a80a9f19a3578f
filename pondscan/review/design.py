"""Which outlines and which squares of ground to judge, so that the verdicts speak for all of them.

Outlines are drawn by confidence and size, squares of ground by how likely a pond was missed there; how many of each is
Neyman's allocation for the interval that is wanted. A draw depends on the census and the seed alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from geopandas import GeoDataFrame
from numpy.typing import NDArray

from pondscan.detect import detection
from pondscan.errors import WorkspaceError
from pondscan.follow.ids import place_codes
from pondscan.review.ground import GROUND, MISSED_SHARE, RING_PX, SQUARE_M, Squares, squares_of
from pondscan.review.selection import Counted
from pondscan.survey import allocation

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LEAST = 30
"""Units of a stratum to judge at least (OWN; Olofsson and others 2014 advise 50 and more of a class that matters)."""

CONFIDENCES = (0.7, 0.9)
LARGE_M = 15.0
"""Classes of the mapped outlines: bounds of confidence, and the diameter that parts small from large (OWN)."""

HOPELESS = 0.2
"""Least chance to be found that a pond is taken to have had when the missed ones are guessed."""

STANDING = ("present", "unobserved")
"""Ponds that count: there at the last look that could see them."""


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """A sample to judge, and what it was drawn from."""

    ponds: GeoDataFrame
    """Outlines: ``tables.PONDS`` with `stratum`, `weight`, `gsd_m`, `shared_sigma_m2`, in a metric CRS."""
    squares: GeoDataFrame
    """Squares of ground: `square_id`, `stratum`, `weight`."""
    strata: pd.DataFrame
    """`stratum`, `sort` (mapped, doubted, ground), `n_units`, `n_sample`, `mapped_m2`, `spread`."""
    ground_m2: float
    """Ground that was seen clear."""
    region_m2: float
    expected_ponds: float
    half_width: float
    """Of the 95 % interval that is expected, in ponds."""
    seed: int


def draw(counted: Counted, *, half_width: float, n_sample: int | None, seed: int) -> Design:
    """Draw a sample.

    Parameters
    ----------
    counted
        The census, every candidate in it.
    half_width
        Of the 95 % interval wanted for the number of ponds, as a share of it.
    n_sample
        Units to judge instead, however wide the interval becomes; None to follow ``half_width``.
    seed
        Of the draw.

    Raises
    ------
    WorkspaceError
        When nothing was seen clear, so there is nothing to judge.
    """
    ponds = counted.ponds[counted.ponds["status"].isin(STANDING)].reset_index(drop=True)
    is_mapped = ponds["confidence"].to_numpy(float) >= counted.min_confidence
    squares = squares_of(
        counted.region,
        counted.looks,
        counted.crs,
        ponds=ponds.geometry.to_numpy()[is_mapped],
        ring_m=RING_PX * ponds["gsd_m"].to_numpy(float)[is_mapped],
        footprints=counted.footprints,
    )
    if not len(squares.x):
        raise WorkspaceError("no ground of this census was seen clear: there is nothing to judge before there is")
    names, stratum = _outline_strata(ponds, is_mapped)
    table, expected = _strata(ponds, is_mapped, names, stratum, squares)
    size, spread = table["n_units"].to_numpy(np.int64), table["spread"].to_numpy(float)
    n = n_sample if n_sample is not None else allocation.needed(size, spread, half_width=half_width * expected)
    taken = allocation.allocate(size, spread, n, least=LEAST if n_sample is None else min(LEAST, n // len(size)))
    variance = (size**2 * (1 - taken / size) * spread**2 / np.maximum(taken, 1)).sum()
    table = table.assign(n_sample=taken)
    chosen = [_drawn(stratum, k, taken[k], seed) for k in range(len(names))]
    grounds = table["stratum"].tolist()[len(names) :]
    cut = [
        _drawn(squares.stratum, GROUND.index(name), taken[len(names) + k], seed + 1) for k, name in enumerate(grounds)
    ]
    return Design(
        ponds=_weighed(ponds.assign(stratum=np.array(names, object)[stratum]) if len(ponds) else ponds, chosen, table),
        squares=_weighed(_as_frame(squares, cut, counted.crs), [np.arange(sum(map(len, cut)))], table),
        strata=table,
        ground_m2=len(squares.x) * SQUARE_M**2,
        region_m2=float(counted.region.area),
        expected_ponds=expected,
        half_width=1.96 * float(np.sqrt(variance)),
        seed=seed,
    )


def _outline_strata(ponds: GeoDataFrame, is_mapped: NDArray[np.bool_]) -> tuple[list[str], Integers]:
    """Names of the strata that have outlines, and the stratum of every outline."""
    confidence, diameter = ponds["confidence"].to_numpy(float), ponds["diameter_m"].to_numpy(float)
    sure = np.array(["below 0.7", "0.7 to 0.9", "0.9 and more"], object)[np.digitize(confidence, CONFIDENCES)]
    large = np.where(diameter >= LARGE_M, f"{LARGE_M:.0f} m and wider", f"below {LARGE_M:.0f} m")
    said = [
        f"mapped, confidence {one}, {two}" if mapped else "doubted candidates"
        for one, two, mapped in zip(sure, large, is_mapped, strict=True)
    ]
    names, stratum = np.unique(np.array(said, dtype=np.str_), return_inverse=True)
    return names.tolist(), np.asarray(stratum, np.int64)


def _strata(
    ponds: GeoDataFrame, is_mapped: NDArray[np.bool_], names: list[str], stratum: Integers, squares: Squares
) -> tuple[pd.DataFrame, float]:
    """Describe the strata; with it the number of ponds expected in all."""
    confidence = ponds["confidence"].to_numpy(float)
    shown = detection.chance(ponds["diameter_m"].to_numpy(float), ponds["gsd_m"].to_numpy(float))
    missed = float((confidence * (1 / np.maximum(shown, HOPELESS) - 1))[is_mapped].sum())
    n_outlines = np.bincount(stratum, minlength=len(names))
    mean = np.bincount(stratum, confidence, len(names)) / np.maximum(n_outlines, 1)
    mapped_m2 = np.bincount(stratum, ponds["area_m2"].to_numpy(float) * is_mapped, len(names))
    n_squares = np.bincount(squares.stratum, minlength=len(GROUND))
    outlines = pd.DataFrame(
        {
            "stratum": names,
            "sort": ["mapped" if name.startswith("mapped") else "doubted" for name in names],
            "n_units": n_outlines,
            "mapped_m2": mapped_m2,
            "spread": allocation.spread_of_outlines(mean),
        }
    )
    ground = pd.DataFrame(
        {
            "stratum": GROUND,
            "sort": "ground",
            "n_units": n_squares,
            "mapped_m2": 0.0,
            "spread": allocation.spread_of_ground(missed * np.array(MISSED_SHARE), n_squares),
        }
    )
    parts = [part for part in (outlines, ground[n_squares > 0]) if len(part)]
    return pd.concat(parts, ignore_index=True), float(confidence.sum()) + missed


def _drawn(stratum: Integers, which: int, n: int, seed: int) -> Integers:
    """Simple random sample of the members of a stratum, sorted; each stratum has a stream of its own."""
    members = np.flatnonzero(stratum == which)
    taken: Integers = np.sort(np.random.default_rng([abs(seed), which]).choice(members, int(n), replace=False))
    return taken


def _weighed(frame: GeoDataFrame, chosen: list[Integers], table: pd.DataFrame) -> GeoDataFrame:
    """Rows of a sample with the number of units that each stands for."""
    rows = np.concatenate(chosen) if chosen else np.zeros(0, np.int64)
    taken: GeoDataFrame = frame.iloc[rows].reset_index(drop=True)
    if "stratum" not in taken.columns:
        taken = taken.assign(stratum=pd.Series(dtype="string"))
    weight = table["n_units"] / table["n_sample"].clip(lower=1)
    return taken.assign(weight=taken["stratum"].map(dict(zip(table["stratum"], weight, strict=True))).astype(float))


def _as_frame(squares: Squares, cut: list[Integers], crs: str) -> GeoDataFrame:
    rows = np.concatenate(cut)
    outline = gpd.GeoSeries(squares.outlines(rows), crs=crs)
    centre = gpd.GeoSeries(gpd.points_from_xy(squares.x[rows], squares.y[rows]), crs=crs).to_crs("EPSG:4326")
    code = np.char.add("Q", place_codes(centre.x.to_numpy(float), centre.y.to_numpy(float)))
    stratum = np.array(GROUND, object)[squares.stratum[rows]]
    return GeoDataFrame({"square_id": code, "stratum": stratum}, geometry=outline)
