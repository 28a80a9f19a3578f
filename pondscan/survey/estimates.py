"""From a judged sample to the numbers of the whole: ponds and area there are, and how right the map is.

The units are of two sorts. *Outlines* of the census, believed (mapped) or doubted, judged to be a pond or none; and
*squares* of the ground between them, judged by how many ponds they hold that no outline shows. Every pond belongs to
one outline, or else to the square that holds its centre, so the strata of both add up to all there is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pondscan.survey import resampling
from pondscan.survey.counts import corrected, horvitz_thompson
from pondscan.survey.intervals import Z_95
from pondscan.survey.stratified import ENOUGH, Estimate, most_unseen, ratio, share_found, total_with_rare

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


WRONG_SHARE = 0.4
"""Of the wrong outlines that a design expects (it takes no stratum for righter than 97 %), the part that is granted to
strata where none was found (benchmarks/survey, seeds from 1000)."""


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """What the sample was drawn from, (k,) each."""

    name: tuple[str, ...]
    is_mapped: Booleans
    """Outlines that the census counts as ponds."""
    is_ground: Booleans
    """Squares of ground; what is neither are outlines the census doubts."""
    size: Integers
    """Units there are."""
    mapped_m2: Floats
    """Area that the census counts as liquid in all of them; 0 where nothing is mapped."""
    ground_m2: float
    """Ground that was seen clear, and that the squares and outlines cover."""
    expected_missed: Floats
    """Ponds that were expected in a square of ground before any was judged; 0 of outlines."""
    expected_wrong: Floats
    """Probability of an outline to be no pond that was expected before any was judged; 0 of squares."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What was judged, (n,) each."""

    stratum: Integers
    """Index into ``Strata``."""
    n_ponds: Floats
    """Ponds in the unit: 0 or 1 of an outline, more where one outline holds several."""
    area_m2: Floats
    """Their liquid area."""
    agreed_m2: Floats
    """Of it, what the map counts as liquid too."""
    site: Integers
    """Site of the unit, numbered from 0; a number of its own where it stands alone."""
    shared_sigma_m2: Floats
    """Part of the error of ``area_m2`` that all units have in common (adds linearly); 0 where the area was drawn."""
    own_sigma_m2: Floats
    """The rest of it (adds in quadrature)."""


@dataclass(frozen=True, slots=True, eq=False)
class Recall:
    """Chance of the units of a sample to be found at all, (n,) each: the measured detection curve."""

    chance: Floats
    gradient: Floats
    """(n, k) derivatives of its logarithm by the curve's parameters."""
    covariance: Floats
    """(k, k) of these parameters."""
    scene_spread: float
    """Standard deviation, from scene to scene, of the log-odds."""
    is_large_enough: Booleans
    """Whether a unit reaches the diameter that the count speaks of."""


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """Everything a judged sample says; the names are those of its JSON."""

    n_mapped: int
    mapped_m2: float
    estimates: Mapping[str, Estimate]
    """By name, see ``MEANINGS``."""
    strata: tuple[StratumFound, ...]

    @property
    def unseen(self) -> tuple[StratumFound, ...]:
        """Strata of ground where nothing was found, which the intervals know nothing of."""
        return tuple(one for one in self.strata if one.most_unseen)

    @property
    def most_unseen(self) -> int:
        """Ponds that may be in all of ``unseen`` together, 95 % sure: the worst is that all are in one of them."""
        return math.ceil(max((one.most_unseen for one in self.unseen), default=0.0))


@dataclass(frozen=True, slots=True)
class StratumFound:
    """What was found in one stratum."""

    name: str
    n_units: int
    n_judged: int
    n_ponds_found: float
    n_ponds: float
    """Estimated for the stratum."""
    most_unseen: float
    """Where nothing was found: ponds that may be there nevertheless, 95 % sure; else 0."""


MEANINGS = {
    "n_ponds": "ponds there are",
    "n_ponds_by_site": "the same, its interval from the bootstrap by site",
    "n_ponds_missed": "ponds that the map lacks",
    "n_ponds_precision_recall": "ponds there are, from precision and recall: the same number, its interval log-normal",
    "n_ponds_by_detection": "ponds of the stated diameter and more, from the mapped ones and the detection curve alone",
    "users_accuracy": "share of the mapped ponds that are ponds",
    "producers_accuracy": "share of the ponds that are mapped",
    "pond_area_m2": "liquid area there is",
    "users_accuracy_area": "share of the mapped area that is liquid of ponds",
    "producers_accuracy_area": "share of the liquid area that is mapped",
    "overall_accuracy": "share of the ground that is mapped right",
}


def estimate(sample: Sample, strata: Strata, *, recall: Recall | None = None, seed: int = 0) -> Survey:
    """Estimate everything.

    Parameters
    ----------
    recall
        Chances of the units to be found, for the count by detection; None leaves it out.
    seed
        Of the bootstrap.

    Raises
    ------
    ValueError
        Naming a stratum of which too few units were judged.
    """
    _refuse_too_few(sample, strata)
    found = {
        "n_ponds": _all_ponds(sample, strata),
        "n_ponds_by_site": _by_site(sample, strata, seed),
        **_accuracies(sample, strata),
        "pond_area_m2": _area(sample, strata),
    }
    n_mapped = int(strata.size[strata.is_mapped].sum())
    found["n_ponds_precision_recall"] = _precision_recall(n_mapped, found)
    if recall is not None:
        found["n_ponds_by_detection"] = _by_detection(sample, strata, recall)
    named = {name: found[name] for name in MEANINGS if name in found}
    return Survey(n_mapped, float(strata.mapped_m2.sum()), named, _by_stratum(sample, strata))


def _accuracies(sample: Sample, strata: Strata) -> dict[str, Estimate]:
    """User's and producer's accuracy by number and by area, what is missed, and the overall accuracy of the ground."""
    is_right = np.where(strata.is_mapped[sample.stratum], np.minimum(sample.n_ponds, 1.0), 0.0)
    usual_m2 = _usual_m2(sample)
    wrong_m2 = _total(sample.area_m2 - 2 * sample.agreed_m2, sample, strata, of_missed=usual_m2)
    mapped_m2 = float(strata.mapped_m2.sum())
    wrong = (wrong_m2.value + mapped_m2) / strata.ground_m2
    wrong_error = wrong_m2.standard_error / strata.ground_m2
    agreed = _total(sample.agreed_m2, sample, strata)
    return {
        "n_ponds_missed": _missed(sample.n_ponds, is_right, 1.0, sample, strata),
        "users_accuracy": _users(is_right, sample, strata),
        "producers_accuracy": _producers(sample.n_ponds, is_right, 1.0, sample, strata),
        "users_accuracy_area": _share(_scaled(agreed, 1 / mapped_m2 if mapped_m2 else math.nan)),
        "producers_accuracy_area": _producers(sample.area_m2, sample.agreed_m2, usual_m2, sample, strata),
        "overall_accuracy": _share(_around(1 - wrong, wrong_error)),
    }


def _all_ponds(sample: Sample, strata: Strata) -> Estimate:
    """Ponds there are."""
    return _not_below(_total(sample.n_ponds, sample, strata, of_missed=1.0), float(sample.n_ponds.sum()))


def _missed(there: Floats, mapped: Floats, each: float, sample: Sample, strata: Strata) -> Estimate:
    """What there is and the map lacks; a missed pond is ``each`` of it."""
    lacking = there - mapped
    found = total_with_rare(
        lacking, sample.stratum, strata.size, ~strata.is_mapped, expected=strata.expected_missed, each=each
    )
    return _not_below(found, float(lacking.sum()))


def _producers(there: Floats, mapped: Floats, each: float, sample: Sample, strata: Strata) -> Estimate:
    """Share of what there is that is mapped."""
    error = ratio(mapped, there, sample.stratum, strata.size).standard_error
    return share_found(_total(mapped, sample, strata), _missed(there, mapped, each, sample, strata), error)


def _area(sample: Sample, strata: Strata) -> Estimate:
    """Liquid area, with the error of the measurements beside that of the sample.

    Notes
    -----
    Shared parts of the errors add up over all units, so the whole has Σ N_h mean(shared); of the others only those of
    the sample count, each N_h / n_h times.
    """
    found = _total(sample.area_m2, sample, strata, of_missed=_usual_m2(sample))
    n = np.bincount(sample.stratum, minlength=len(strata.size))
    weight = (strata.size / np.maximum(n, 1))[sample.stratum]
    shared = float((weight * sample.shared_sigma_m2).sum())
    own = float(((weight * sample.own_sigma_m2) ** 2).sum())
    error = math.sqrt(found.standard_error**2 + shared**2 + own)
    measured = Z_95 * math.sqrt(shared**2 + own)
    down, up = math.hypot(found.value - found.lower, measured), math.hypot(found.upper - found.value, measured)
    return Estimate(found.value, error, max(found.value - down, 0.0), found.value + up)


def _by_site(sample: Sample, strata: Strata, seed: int) -> Estimate:
    draws = resampling.by_site(sample.n_ponds, sample.stratum, strata.size, sample.site, seed=seed)
    widened = resampling.widened(_all_ponds(sample, strata), draws)
    return _not_below(widened, float(sample.n_ponds.sum()))


def _precision_recall(n_mapped: int, found: Mapping[str, Estimate]) -> Estimate:
    return corrected(n_mapped, precision=found["users_accuracy"], recall=found["producers_accuracy"])


def _by_detection(sample: Sample, strata: Strata, recall: Recall) -> Estimate:
    """Ponds there are, from the mapped ones and the chance they had to be found; squares are not asked."""
    is_used = strata.is_mapped[sample.stratum] & recall.is_large_enough
    real = np.where(is_used, np.minimum(sample.n_ponds, 1.0), 0.0)
    n = np.bincount(sample.stratum, minlength=len(strata.size))
    weight = (strata.size / np.maximum(n, 1))[sample.stratum]
    sampled = _total(np.where(is_used, real / recall.chance, 0.0), sample, strata)
    curve = horvitz_thompson(
        recall.chance[is_used],
        amount=weight[is_used],
        probability=real[is_used],
        gradient=recall.gradient[is_used],
        covariance=recall.covariance,
        site=np.zeros(int(is_used.sum()), np.int64),
        site_spread=recall.scene_spread,
    )
    # Of its variance the part by chance is that of the sample blown up; the sample's own error stands beside it.
    chance = recall.chance[is_used]
    blown_up = (weight[is_used] ** 2 * real[is_used] * (1 - chance) / chance**2).sum()
    by_chance = (weight[is_used] * real[is_used] * (1 - chance) / chance**2).sum()
    variance = curve.standard_error**2 - blown_up + by_chance + sampled.standard_error**2
    return _around(sampled.value, math.sqrt(max(variance, 0.0)))


def _by_stratum(sample: Sample, strata: Strata) -> tuple[StratumFound, ...]:
    n = np.bincount(sample.stratum, minlength=len(strata.size))
    ponds = np.bincount(sample.stratum, sample.n_ponds, len(strata.size))
    return tuple(
        StratumFound(
            name,
            int(size),
            int(judged),
            float(found),
            float(found * size / judged) if judged else 0.0,
            most_unseen(int(judged), float(size)) if is_ground and not found else 0.0,
        )
        for name, size, judged, found, is_ground in zip(
            strata.name, strata.size, n, ponds, strata.is_ground, strict=True
        )
    )


def _refuse_too_few(sample: Sample, strata: Strata) -> None:
    n = np.bincount(sample.stratum, minlength=len(strata.size))
    short = (n < np.minimum(strata.size, ENOUGH)) & (strata.size > 0)
    if short.any():
        first = int(short.argmax())
        size, judged = int(strata.size[first]), int(n[first])
        raise ValueError(
            f"of the {size} units of '{strata.name[first]}' {judged} were judged: judge at least {min(size, ENOUGH)}"
        )


def _total(values: Floats, sample: Sample, strata: Strata, *, of_missed: float = 0.0) -> Estimate:
    """Total, ``of_missed`` being what a pond adds to it that no outline shows."""
    return total_with_rare(
        values, sample.stratum, strata.size, strata.is_ground, expected=strata.expected_missed, each=of_missed
    )


def _users(is_right: Floats, sample: Sample, strata: Strata) -> Estimate:
    """Share of the mapped outlines that are right: one less that of the wrong, which are few."""
    is_wrong = np.where(strata.is_mapped[sample.stratum], 1 - is_right, 0.0)
    n_mapped = float(strata.size[strata.is_mapped].sum())
    nowhere, expected = np.zeros(len(strata.size), bool), strata.expected_wrong * strata.is_mapped
    wrong = total_with_rare(is_wrong, sample.stratum, strata.size, nowhere, expected=expected, each=WRONG_SHARE)
    return _share(_scaled(wrong, -1 / n_mapped, 1.0)) if n_mapped else _scaled(wrong, math.nan)


def _usual_m2(sample: Sample) -> float:
    """Area of a pond, taken to be that of those judged."""
    return float(sample.area_m2.sum() / max(sample.n_ponds.sum(), 1.0))


def _scaled(found: Estimate, by: float, plus: float = 0.0) -> Estimate:
    ends = sorted((found.lower * by + plus, found.upper * by + plus))
    return Estimate(found.value * by + plus, found.standard_error * abs(by), *ends)


def _around(value: float, error: float) -> Estimate:
    return Estimate(value, error, value - Z_95 * error, value + Z_95 * error)


def _share(found: Estimate) -> Estimate:
    """Estimate of a share: its interval ends at 0 and 1."""
    return Estimate(found.value, found.standard_error, max(found.lower, 0.0), min(found.upper, 1.0))


def _not_below(found: Estimate, least: float) -> Estimate:
    """Estimate of a number of which so many were seen."""
    return Estimate(found.value, found.standard_error, max(found.lower, least), max(found.upper, least))
