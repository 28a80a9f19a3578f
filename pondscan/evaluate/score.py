"""What was found in a scene held against what is there: one row per object, from which every measure follows.

Measures are functions of these rows (``measures``), so scenes are pooled by putting their rows together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pondscan.detect.detection import LIMIT_PX
from pondscan.evaluate import rows
from pondscan.evaluate.hoover import TOLERANCE, hoover
from pondscan.evaluate.linked import centroids, site_outcomes
from pondscan.evaluate.match import Booleans, Floats, Integers, Overlaps, Polygons, one_to_one, overlaps
from pondscan.overlap import SAME_IOU

Words = NDArray[np.object_]

CALIBRATED_FROM = 0.3
"""Least confidence of the objects whose confidence is held against the truth."""

PARTNER_COLUMNS = ("found_area_m2", "found_sigma_m2", "found_confidence", "offset_px")
"""What a true pond's row tells of the object that hits it."""


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """Every object of one scene, or of several, with what became of it; rows keep the order of the input."""

    found: pd.DataFrame
    """``scene sensor gsd_m kind confidence diameter_m area_m2 area_sigma_m2 pond_equivalents rejected``, and

    ``outcome``: ``hit``; ``false``; ``neutral`` (meets what counts neither way); ``unjudged`` (a truth that does not
    know every pond is silent about its place); ``low confidence``; ``rejected``;
    ``hoover``: ``matched merged split false``, empty unless the object is a hit or false;
    ``is_pond``: 1.0, 0.0, or NaN where it counts neither way or the confidence is below ``CALIBRATED_FROM``.
    """
    true: pd.DataFrame
    """``scene sensor gsd_m kind status diameter_m area_m2 is_area_known``, and

    ``outcome``: ``hit``, ``missed`` or ``neutral``; ``hoover``: ``matched merged split missed``, empty for neutral;
    ``reason``: why it was missed, or why it counts neither way; and ``PARTNER_COLUMNS``, NaN unless it is a hit.
    """
    found_sites: pd.DataFrame
    """``scene sensor n_ponds outcome``: ``hit``, ``false`` or ``neutral``."""
    true_sites: pd.DataFrame
    """``scene sensor n_ponds outcome``: ``hit`` or ``missed``."""
    min_confidence: float
    """Least confidence of what counts as found."""

    @property
    def pairs(self) -> pd.DataFrame:
        """True ponds that were found, with what they were found as (``PARTNER_COLUMNS``)."""
        return self.true[self.true["outcome"] == "hit"]

    @property
    def counted_true(self) -> pd.DataFrame:
        """True ponds that count: found or missed."""
        return self.true[self.true["outcome"] != "neutral"]

    @property
    def counted_found(self) -> pd.DataFrame:
        """Found objects that count: hits and false ones."""
        return self.found[self.found["outcome"].isin(("hit", "false"))]


@dataclass(frozen=True, slots=True, eq=False)
class _Meeting:
    """Who meets whom in one scene."""

    touches: Overlaps
    """Of every found object, rejected ones too."""
    is_believed: Booleans
    is_counted: Booleans
    """True ponds that count."""
    is_refuted: Booleans
    """Rows of the truth that say there is no pond."""
    is_judged: Booleans
    """Found objects whose place the truth speaks of."""
    paired_found: Integers
    paired_true: Integers
    """One-to-one pairs of what is believed with what is true, counted or not."""

    @property
    def believed(self) -> Overlaps:
        """Overlaps of what is believed."""
        return self.touches.of_found(self.is_believed)

    @property
    def hits(self) -> tuple[Integers, Integers]:
        """Pairs of what is believed with what counts."""
        is_hit = self.is_counted[self.paired_true]
        return self.paired_found[is_hit], self.paired_true[is_hit]

    def verdicts(self, touches: Overlaps, paired_found: Integers, paired_true: Integers) -> Words:
        """``hit neutral false unjudged`` for each found object, by its pair, else by what it overlaps most."""
        speaks_against = (self.is_counted | self.is_refuted)[touches.true]
        weight = np.where(speaks_against, -touches.area_m2, touches.area_m2)
        leaning = np.bincount(touches.found, weights=weight, minlength=len(self.is_judged))
        verdict = np.select([~self.is_judged, leaning > 0], ["unjudged", "neutral"], "false").astype(object)
        is_what = [self.is_counted[paired_true], self.is_refuted[paired_true]]
        verdict[paired_found] = np.select(is_what, ["hit", "false"], "neutral")
        return verdict


def score(
    found: gpd.GeoDataFrame,
    true: gpd.GeoDataFrame,
    *,
    gsd_m: float,
    min_confidence: float = 0.5,
    detection_diameter_m: float | None = None,
    site_distance_m: float = 200.0,
    min_ponds: int = 2,
    knows_all: bool = True,
    scene: str = "",
    sensor: str = "",
) -> Score:
    """Hold the objects found in one scene against the truth about it.

    Parameters
    ----------
    found
        Outlines in a metric reference system. Columns of ``tables.OBSERVATIONS`` are used where they are there: without
        a ``confidence`` an object counts as found, without ``area_m2`` it is the outline's, without ``area_sigma_m2``
        it is not known, and rows with a reason in ``rejected`` only explain misses.
    true
        Outlines in any reference system. Ponds with a ``status`` other than ``present`` (null counts as that), and
        whatever has ``other_water`` as ``kind`` or ``status``, count neither way; what meets a place that is
        ``rejected`` is false. ``diameter_m`` and ``area_m2`` are the outline's where they are not given; areas are
        compared where ``is_area_known`` is true, or is no column.
    gsd_m
        Side of a pixel; NaN where it is not known, and then nothing is known in pixels.
    min_confidence
        Least confidence of what counts as found.
    detection_diameter_m
        True ponds below it make no site that has to be found; ``detection.LIMIT_PX`` pixels when not given.
    site_distance_m, min_ponds
        The rule that links ponds into sites.
    knows_all
        Whether the truth knows every pond there is. If it does not, objects that meet none of its rows are unjudged.
    scene, sensor
        Written into every row.

    Raises
    ------
    ValueError
        When an outline has no area, or the reference system of ``found`` does not count in metres.
    """
    true = rows.in_one_crs(found, true)
    labels = {"scene": scene, "sensor": sensor, "gsd_m": float(gsd_m)}
    found_rows, true_rows = rows.found_rows(found, labels), rows.true_rows(true, labels)
    found_outlines, true_outlines = found.geometry.to_numpy(), true.geometry.to_numpy()
    found_xy, true_xy = centroids(found_outlines), centroids(true_outlines)
    touches = overlaps(found_outlines, true_outlines)
    is_judged = np.ones(len(found), bool) if knows_all else spoken_of(touches, found_outlines)
    meeting = _meet(found_rows, true_rows, touches, is_judged, min_confidence)
    found_class, true_class = _classes(meeting, found_outlines, true_outlines)
    limit_m = LIMIT_PX * gsd_m if detection_diameter_m is None else detection_diameter_m
    found_sites, true_sites = site_outcomes(
        meeting.touches,
        found_xy=found_xy,
        true_xy=true_xy,
        is_believed=meeting.is_believed,
        is_counted=meeting.is_counted,
        is_refuted=meeting.is_refuted,
        is_judged=meeting.is_judged,
        is_other_water=(true_rows["kind"] == rows.OTHER_WATER).to_numpy(),
        is_detectable=~(true_rows["diameter_m"].to_numpy() < limit_m),
        distance_m=site_distance_m,
        min_ponds=min_ponds,
    )
    return Score(
        found=_judged_found(found_rows, meeting).assign(hoover=found_class),
        true=_judged_true(true_rows, found_rows, meeting, true_class, found_xy, true_xy),
        found_sites=found_sites.assign(scene=scene, sensor=sensor),
        true_sites=true_sites.assign(scene=scene, sensor=sensor),
        min_confidence=min_confidence,
    )


def pool(scores: Iterable[Score]) -> Score:
    """Put the rows of several scores together: every measure of the result is that of all scenes as one.

    Raises
    ------
    ValueError
        When there is none, or they count different confidences as found.
    """
    parts = list(scores)
    if len({part.min_confidence for part in parts}) != 1:
        raise ValueError(f"{len(parts)} scores with one least confidence between them are needed to pool them")
    tables = [field.name for field in fields(Score) if field.name != "min_confidence"]
    pooled = {name: pd.concat([getattr(part, name) for part in parts], ignore_index=True) for name in tables}
    return Score(**pooled, min_confidence=parts[0].min_confidence)


def spoken_of(touches: Overlaps, found: Polygons) -> Booleans:
    """Whether each found outline is of the same water as a row of the truth, or lies in one by half."""
    lies_in = touches.area_m2 >= TOLERANCE * shapely.area(found)[touches.found]
    is_met = (touches.iou >= SAME_IOU) | touches.is_mutual | lies_in
    spoken = np.zeros(len(found), bool)
    spoken[touches.found[is_met]] = True
    return spoken


def _meet(
    found_rows: pd.DataFrame, true_rows: pd.DataFrame, touches: Overlaps, is_judged: Booleans, min_confidence: float
) -> _Meeting:
    """Pair what is believed with what is true."""
    is_believed = (found_rows["rejected"] == "") & ~(found_rows["confidence"] < min_confidence)
    believed = is_believed.to_numpy(bool)
    is_counted = (true_rows["reason"] == "").to_numpy(bool)
    is_refuted = (true_rows["reason"] == rows.REFUTED).to_numpy(bool)
    pairs = one_to_one(touches.of_found(believed))
    return _Meeting(touches, believed, is_counted, is_refuted, is_judged, *pairs)


def _classes(meeting: _Meeting, found: Polygons, true: Polygons) -> tuple[Words, Words]:
    """Hoover classes of what is believed and of what counts, empty for all others."""
    believed, is_counted = meeting.believed, meeting.is_counted
    counted = believed.of_true(is_counted)
    found_class, true_class = hoover(counted, *meeting.hits, found=found, true=true)
    outcome = meeting.verdicts(believed, meeting.paired_found, meeting.paired_true)
    is_tried = meeting.is_believed & np.isin(outcome, ("hit", "false"))
    return np.where(is_tried, found_class, ""), np.where(is_counted, true_class, "")


def _judged_found(found_rows: pd.DataFrame, meeting: _Meeting) -> pd.DataFrame:
    """Found rows with ``outcome`` and ``is_pond``."""
    is_rejected = (found_rows["rejected"] != "").to_numpy()
    verdict = meeting.verdicts(meeting.believed, meeting.paired_found, meeting.paired_true)
    outcome = np.select([is_rejected, ~meeting.is_believed], ["rejected", "low confidence"], verdict)
    is_tried = ~is_rejected & (found_rows["confidence"] >= CALIBRATED_FROM).to_numpy()
    tried = meeting.touches.of_found(is_tried)
    label = meeting.verdicts(tried, *one_to_one(tried))
    is_pond = np.select([is_tried & (label == "hit"), is_tried & (label == "false")], [1.0, 0.0], np.nan)
    return found_rows.assign(outcome=outcome, is_pond=is_pond)


def _judged_true(
    true_rows: pd.DataFrame,
    found_rows: pd.DataFrame,
    meeting: _Meeting,
    true_class: Words,
    found_xy: Floats,
    true_xy: Floats,
) -> pd.DataFrame:
    """True rows with ``outcome``, ``hoover``, ``reason`` and the columns of their partners."""
    hit_found, hit_true = meeting.hits
    outcome = np.where(meeting.is_counted, "missed", "neutral").astype(object)
    outcome[hit_true] = "hit"
    reason = np.where(outcome == "missed", _miss_reasons(found_rows, meeting, true_class), true_rows["reason"])
    offset_m = np.hypot(*(found_xy[hit_found] - true_xy[hit_true]).T)
    told = found_rows.iloc[hit_found]
    values = (told["area_m2"], told["area_sigma_m2"], told["confidence"], offset_m / told["gsd_m"].to_numpy())
    partner = {name: np.full(len(true_rows), np.nan) for name in PARTNER_COLUMNS}
    for column, value in zip(partner.values(), values, strict=True):
        column[hit_true] = value
    return true_rows.assign(outcome=outcome, hoover=true_class, reason=reason, **partner)


def _miss_reasons(found_rows: pd.DataFrame, meeting: _Meeting, true_class: Words) -> Words:
    """Say for each true pond what became of the candidate that covers most of it; read for missed ones only."""
    touches = meeting.touches
    order = np.lexsort((touches.found, -touches.area_m2, touches.true))
    pond, first = np.unique(touches.true[order], return_index=True)
    best = touches.found[order][first]
    rejected = found_rows["rejected"].to_numpy(object)
    is_rejected = rejected != ""
    # without a single rejected candidate kept, nobody knows whether there ever was one
    reason = np.full(len(true_class), "never a candidate" if is_rejected.any() else "no candidate kept", object)
    fate = np.where(is_rejected, "rejected: " + rejected, "low confidence")
    reason[pond] = np.where(meeting.is_believed[best], "outline elsewhere", fate[best])
    return np.where(np.isin(true_class, ("merged", "split")), true_class, reason)
