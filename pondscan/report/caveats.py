"""What a reader must know before trusting a number: sentences that follow from the input, most serious first."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from pondscan.detect.score import models
from pondscan.report import words
from pondscan.report.headline import Census
from pondscan.report.inputs import COVERAGE_COLUMNS, ReportInput
from pondscan.report.limits import scene_limits
from pondscan.report.looks import WHOLE
from pondscan.report.words import moment

MANY_SMALL = 0.3
"""Share of ponds below the reliable size from which that is said."""


@dataclass(frozen=True, slots=True)
class Caution:
    """Something that limits what the numbers say."""

    title: str
    sentence: str
    link: str = ""
    """Id of the section that tells more."""


def cautions(report_input: ReportInput, head: Census | None) -> list[Caution]:
    """Cautions that apply to this report, most serious first."""
    scenes = report_input.scenes
    return [
        *_failed(report_input),
        *_uncalibrated(scenes),
        *_partly_seen(head),
        *_unmasked(scenes),
        *_coarse(scenes),
        *_near_the_limit(report_input),
        *_blended(head, report_input.target),
        *_few_looks(report_input),
        *_target(report_input.target),
    ]


def _failed(report_input: ReportInput) -> list[Caution]:
    n_failed = len(report_input.failures)
    if not n_failed:
        return []
    verb = "is" if n_failed == 1 else "are"
    return [
        Caution(
            f"{words.plural(n_failed, 'input')} could not be used",
            f"What {'it' if n_failed == 1 else 'they'} would have shown {verb} missing from every number here.",
            "failed",
        )
    ]


def _uncalibrated(scenes: pd.DataFrame) -> list[Caution]:
    return [
        *_of_scenes(
            scenes["calibrated"] == "dn",
            "raw digital numbers",
            "Without calibration only contrasts within each scene can be used: areas, colours and confidence are "
            "less certain than their intervals say, and dates compare poorly.",
        ),
        *_of_scenes(
            scenes["calibrated"] == "toa",
            "top-of-atmosphere reflectance",
            "Haze is removed only roughly (dark-object subtraction): colours, and areas of faint ponds, are less "
            "certain than in surface reflectance.",
        ),
    ]


def _of_scenes(is_concerned: pd.Series[bool], what: str, sentence: str) -> list[Caution]:
    """Caution about scenes that have ``what``, none when none has."""
    n_concerned, n_all = int(is_concerned.sum()), len(is_concerned)
    if not n_concerned:
        return []
    if n_concerned == n_all:
        who = "The only scene has" if n_all == 1 else f"All {n_all} scenes have"
    else:
        who = f"{n_concerned} of {n_all} scenes {'has' if n_concerned == 1 else 'have'}"
    return [Caution(f"{who} {what}", sentence, "scenes")]


def _partly_seen(head: Census | None) -> list[Caution]:
    if head is None or head.observed is None or head.observed >= WHOLE:
        return []
    if head.observed == 0:
        return [Caution("The ground was not seen at all", "Whether there are ponds is unknown.", "scenes")]
    return [
        Caution(
            f"{words.percent(1 - head.observed)} of the ground was not seen clear",
            "Counts and areas are of what was seen and are not scaled up: for the whole area they are lower bounds. "
            "The intervals cover errors of measurement, not what lay hidden.",
            "scenes",
        )
    ]


def _unmasked(scenes: pd.DataFrame) -> list[Caution]:
    if "mask" not in scenes.columns:
        return []
    return [
        *_of_scenes(
            scenes["mask"].eq("none"),  # null is not known
            "no cloud mask",
            "Every pixel with data counts as clear there: a cloud may hide ponds unnoticed, and cloud shadow may pass "
            "for dark water.",
        ),
        *_of_scenes(
            scenes["mask"].eq("screen"),
            "no cloud mask of their own" if scenes["mask"].eq("screen").sum() > 1 else "no cloud mask of its own",
            "Screened by pondscan's own cloud test: thick cloud, and the shadow beside it, are masked; thin cloud, "
            "small clouds and the edges of shadows count as clear and may hide ponds, or pass for dark water.",
        ),
    ]


def _coarse(scenes: pd.DataFrame) -> list[Caution]:
    limits = scene_limits(scenes)
    if not limits or any(limit.tells_ponds_apart for _, _, limit in limits):
        return []
    return [
        Caution(
            "No sensor here resolves single ponds",
            f"At {limits[0][1]:.3g} m only larger water shows; read areas by site, and pond counts not at all.",
            "method",
        )
    ]


def _near_the_limit(report_input: ReportInput) -> list[Caution]:
    """Caution where many listed ponds are so small that as many again may have been missed."""
    limits = scene_limits(report_input.scenes)
    diameters = report_input.ponds["diameter_m"].dropna()
    if not limits or diameters.empty or not limits[0][2].tells_ponds_apart:
        return []
    sure_m = limits[0][2].reliable_from_m
    share = float((diameters < sure_m).mean())
    if share < MANY_SMALL or not math.isfinite(sure_m):
        return []
    return [
        Caution(
            f"{words.percent(share)} of the ponds are under {words.metres(sure_m)} m across",
            "That is the size of which the finest sensor here shows nine in ten; of smaller ponds more are missed, of "
            f"those under {words.metres(limits[0][2].often_missed_below_m)} m more than half. The counts are not "
            "corrected for them; where pixels allow it survey.csv has an estimate that is (n_ponds_corrected).",
            "method",
        )
    ]


def _blended(head: Census | None, target: str) -> list[Caution]:
    """Caution where ponds have a usual size to count by; small waters have none."""
    if target != "leach_pond" or head is None or not head.ponds.value or head.pond_equivalents is None:
        return []
    if head.pond_equivalents < 1.15 * head.ponds.value:
        return []
    return [
        Caution(
            "Neighbouring ponds blend together",
            f"{words.plural(head.ponds.value, 'object')} could be told apart, but their water amounts to about "
            f"{words.count(head.pond_equivalents)} ponds of the usual size (pond-equivalents).",
            "method",
        )
    ]


def _few_looks(report_input: ReportInput) -> list[Caution]:
    times = [moment(value) for value in report_input.scenes["datetime"]]
    days = {when.date() for when in times if when is not None}
    if times and not days:
        return [
            Caution("The scene has no date", "Nothing can be dated and there is no series over time.", "scenes"),
        ]
    if len(days) == 1:
        return [
            Caution(
                "One day only",
                "A single look shows what is there, not since when: “first seen” is the day of that look, and no "
                "change can be told.",
                "time",
            )
        ]
    return []


def _target(target: str) -> list[Caution]:
    if target != "small_water":
        return []
    return [
        Caution(
            "Natural ponds count",
            "The target is any small water body; nothing here says that a pond is artificial.",
            "method",
        )
    ]


def prevalence(target: str, expected_ponds_per_km2: float | None) -> str:
    """Say which frequency of ponds the confidence rests on, in words."""
    if expected_ponds_per_km2 is not None:
        return f"{expected_ponds_per_km2:g} ponds per km², as set by expected_ponds_per_km2"
    fitted = [model for name, model in models()["models"].items() if name.startswith(f"{target}/")]
    assumed = sorted({float(model["assumed_ponds_per_km2"]) for model in fitted})
    span = " to ".join(f"{value:g}" for value in dict.fromkeys((assumed[0], assumed[-1])))
    return f"{span} ponds per km² where nothing else is set (expected_ponds_per_km2)"


def reasons_for_nothing(report_input: ReportInput) -> list[str]:
    """Why no pond is in the products, as far as the scenes tell; empty when ponds were found."""
    if len(report_input.ponds):
        return []
    scenes = report_input.scenes
    if scenes.empty:
        return ["No scene could be read, so nothing was looked at."]
    inside = scenes[[name for name in COVERAGE_COLUMNS if name != "outside"]].sum(axis=1)
    share = float(scenes["clear"].sum()) / max(float(inside.sum()), 1.0)
    if share == 0:
        return ["Not one pixel was clear: whether there are ponds is unknown."]
    looked_at = (
        f"{words.percent(share)} of the pixels of {words.plural(len(scenes), 'scene')} were clear and were searched; "
        "of the rest nothing is known."
    )
    return [looked_at, *_candidates_left_out(scenes), _too_small(scenes)]


def _candidates_left_out(scenes: pd.DataFrame) -> list[str]:
    if "n_candidates" not in scenes.columns:
        return []
    total = scenes["n_candidates"].sum()
    if not total:
        return ["No object stood out from the ground around it the way liquid does."]
    stood_out = f"{words.plural(total, 'object')} stood out from the ground; none was believed enough to be listed."
    tally = _tally_of_rejected(scenes)
    # Objects are divided before they are judged, so these may be more than stood out.
    return [stood_out, f"Rejected, touching ones divided first: {tally}."] if tally else [stood_out]


def _tally_of_rejected(scenes: pd.DataFrame) -> str:
    """Reasons of rejection with their counts over all scenes, the most frequent first."""
    tally: dict[str, int] = {}
    for rejected in scenes["rejected"] if "rejected" in scenes.columns else ():
        for reason, amount in (rejected or {}).items():
            tally[reason] = tally.get(reason, 0) + int(amount)
    order = sorted(tally.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{words.count(amount)} for “{reason}”" for reason, amount in order)


def _too_small(scenes: pd.DataFrame) -> str:
    _, gsd_m, limit = scene_limits(scenes)[0]
    size = words.metres(limit.often_missed_below_m)
    return (
        f"Ponds under about {size} m across are often missed at {gsd_m:.3g} m, and ponds under sheets, roofs or trees "
        "do not show."
    )
