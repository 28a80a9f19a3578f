"""Every measure of a score, each a plain value that JSON can hold; null where nothing was counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from pondscan.detect.detection import LIMIT_PX
from pondscan.evaluate.area import AreaError, area_error
from pondscan.evaluate.calibration import Calibration, calibration
from pondscan.evaluate.score import Score
from pondscan.evaluate.sizes import SIZES_M, SIZES_PX, diameter, size_class, size_name
from pondscan.survey.intervals import Share, f1, wilson


@dataclass(frozen=True, slots=True)
class Detection:
    """How many were found, and how many of them rightly."""

    n_true: int
    n_found: int
    n_hits: int
    precision: Share
    recall: Share
    f1: Share


@dataclass(frozen=True, slots=True)
class CountError:
    """Number found against number there, of ponds from a diameter upwards."""

    from_diameter_m: float | None
    from_diameter_px: float | None
    """In pixels of each scene; ponds of every size where both are null."""
    n_true: int
    n_found: int
    n_pond_equivalents: float
    """Ponds that the found objects amount to."""
    error: float | None
    """``n_found / n_true - 1``"""


@dataclass(frozen=True, slots=True)
class Sites:
    """Sites found, and how many of them rightly."""

    n_true: int
    n_found: int
    n_neutral: int
    """Found sites that touch only what counts neither way."""
    precision: Share
    recall: Share


@dataclass(frozen=True, slots=True)
class Measures:
    """Everything a score says."""

    min_confidence: float
    overall: Detection
    by_diameter_px: Mapping[str, Detection]
    """True ponds by their true diameter, found ones by the diameter they were given."""
    by_diameter_m: Mapping[str, Detection]
    by_kind: Mapping[str, Detection]
    """True ponds by their true kind, found ones by the kind they were given."""
    by_sensor: Mapping[str, Detection]
    hoover_true: Mapping[str, int]
    """True ponds that are matched, merged, split or missed."""
    hoover_found: Mapping[str, int]
    """Found objects that are matched, merged, split or false."""
    miss_reasons: Mapping[str, int]
    neither_way: Mapping[str, int]
    """True ponds that count neither way, by reason."""
    n_unjudged: int
    """Found objects at places that the truth is silent about: neither hits nor false (verdicts of a review)."""
    count_errors: tuple[CountError, ...]
    """Of all ponds, and of those above the detection diameter."""
    area: AreaError
    offset_px: float | None
    """Median distance between the centroids of pairs, pixels."""
    calibration: Calibration
    sites: Sites


def measures(score: Score, *, detection_diameter_m: float | None = None) -> Measures:
    """Compute every measure.

    Parameters
    ----------
    score
        Of one scene or of many (``pool``).
    detection_diameter_m
        Stated detection diameter above which ponds are counted too; ``detection.LIMIT_PX`` pixels of each
        scene when not given.
    """
    return Measures(
        min_confidence=score.min_confidence,
        overall=detection(score.counted_true, score.counted_found),
        by_diameter_px=by_size(score, SIZES_PX, in_pixels=True),
        by_diameter_m=by_size(score, SIZES_M, in_pixels=False),
        by_kind=_by_name(score, "kind"),
        by_sensor=_by_name(score, "sensor"),
        hoover_true=_tally(score.counted_true["hoover"]),
        hoover_found=_tally(score.counted_found["hoover"]),
        miss_reasons=_tally(score.true.loc[score.true["outcome"] == "missed", "reason"]),
        neither_way=_tally(score.true.loc[score.true["outcome"] == "neutral", "reason"]),
        n_unjudged=int((score.found["outcome"] == "unjudged").sum()),
        count_errors=_count_errors(score, detection_diameter_m),
        area=area_error(score),
        offset_px=_median(score.pairs["offset_px"]),
        calibration=calibration(score),
        sites=sites(score),
    )


def detection(true: pd.DataFrame, found: pd.DataFrame) -> Detection:
    """Precision, recall and F1 of counted rows (``Score.counted_true``, ``Score.counted_found``), or parts of them.

    Of the whole, hits are pairs, and either side counts as many. Of a part (a size, a kind) they may differ: precision
    takes the hits among the found, recall and ``n_hits`` those among the true, F1 the latter and the false ones.
    """
    n_hits_true, n_hits_found = int((true["outcome"] == "hit").sum()), int((found["outcome"] == "hit").sum())
    n_true, n_found = len(true), len(found)
    both = f1(n_hits_true, n_found + n_hits_true - n_hits_found, n_true)
    return Detection(n_true, n_found, n_hits_true, wilson(n_hits_found, n_found), wilson(n_hits_true, n_true), both)


def by_size(score: Score, edges: tuple[float, ...], *, in_pixels: bool) -> dict[str, Detection]:
    """Detection by class of diameter, metres or pixels; empty classes are left out."""
    true, found = score.counted_true, score.counted_found
    true_class = size_class(diameter(true, in_pixels=in_pixels), edges)
    found_class = size_class(diameter(found, in_pixels=in_pixels), edges)
    return {
        size_name(edges, number): detection(true[true_class == number], found[found_class == number])
        for number in range(len(edges) - 1)
        if (true_class == number).any() or (found_class == number).any()
    }


def count_error(
    score: Score, *, from_diameter_m: float | None = None, from_diameter_px: float | None = None
) -> CountError:
    """Count of found objects against true ponds: of all, or of those from a diameter upwards, each by its own.

    Objects whose diameter in pixels is not known are left out of a count from a diameter in pixels upwards.
    """
    true, found = score.counted_true, score.counted_found
    for least, in_pixels in ((from_diameter_m, False), (from_diameter_px, True)):
        if least is not None:
            true, found = (rows[diameter(rows, in_pixels=in_pixels) >= least] for rows in (true, found))
    error = len(found) / len(true) - 1 if len(true) else None
    equivalents = float(found["pond_equivalents"].sum())
    return CountError(from_diameter_m, from_diameter_px, len(true), len(found), equivalents, error)


def sites(score: Score) -> Sites:
    """Precision and recall of sites."""
    n_right = int((score.found_sites["outcome"] == "hit").sum())
    n_neutral = int((score.found_sites["outcome"] == "neutral").sum())
    n_found, n_true = len(score.found_sites) - n_neutral, len(score.true_sites)
    n_met = int((score.true_sites["outcome"] == "hit").sum())
    return Sites(n_true, n_found, n_neutral, wilson(n_right, n_found), wilson(n_met, n_true))


def _count_errors(score: Score, detection_diameter_m: float | None) -> tuple[CountError, ...]:
    """Of all sizes, and of those that should be found, where pixels or a diameter say which they are."""
    if detection_diameter_m is not None:
        return count_error(score), count_error(score, from_diameter_m=detection_diameter_m)
    is_known = score.true["gsd_m"].notna().any() or score.found["gsd_m"].notna().any()
    return (count_error(score), *([count_error(score, from_diameter_px=LIMIT_PX)] if is_known else []))


def _by_name(score: Score, column: str) -> dict[str, Detection]:
    true, found = score.counted_true, score.counted_found
    names = sorted({*true[column], *found[column]} - {""})
    return {name: detection(true[true[column] == name], found[found[column] == name]) for name in names}


def _tally(words: pd.Series) -> dict[str, int]:
    """Count words, the most frequent first, then by name."""
    counts = words.value_counts()
    return {str(word): int(counts[word]) for word in sorted(counts.index, key=lambda word: (-counts[word], word))}


def _median(values: pd.Series) -> float | None:
    known = values.dropna()
    return float(known.median()) if len(known) else None
