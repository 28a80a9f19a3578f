"""What a survey found, in a paragraph that a report can print."""

from __future__ import annotations

import math

from pondscan.survey.estimates import Survey
from pondscan.survey.stratified import Estimate

M2_PER_HA = 10_000.0


def paragraph(
    found: Survey, *, ground_m2: float, n_judged: int, n_units: int, n_unsure: int, least_diameter_m: float
) -> str:
    """Say what was estimated, from what, and what the numbers do not cover.

    Parameters
    ----------
    ground_m2
        Ground that was seen clear.
    n_judged, n_units, n_unsure
        Units with a verdict, in the sample, and judged unsure.
    least_diameter_m
        Diameter that the count by detection speaks of.
    """
    known = found.estimates
    sentences = [
        (
            f"On the {ground_m2 / 1e6:,.1f} km² that were seen clear there are {_whole(known['n_ponds'])} ponds with "
            f"{_hectares(known['pond_area_m2'])} ha of liquid, from {n_judged:,} judged units of a stratified "
            f"random sample; the map has {found.n_mapped:,} ponds and {found.mapped_m2 / M2_PER_HA:,.2f} ha."
        ),
        (
            f"Of the mapped ponds {_percent(known['users_accuracy'])} are ponds (user's accuracy); of the ponds "
            f"{_percent(known['producers_accuracy'])} are mapped (producer's accuracy)."
        ),
    ]
    other = known.get("n_ponds_by_detection")
    if other is not None and math.isfinite(other.value):
        sentences.append(
            "From the mapped ponds and the measured chance of detection alone, without the squares of ground, there "
            f"are {_whole(other)} ponds of {least_diameter_m:.1f} m and wider."
        )
    if found.unseen:
        judged, all_of_them = (sum(getattr(one, name) for one in found.unseen) for name in ("n_judged", "n_units"))
        sentences.append(
            f"Where no pond was found in any judged square ({judged:,} of the {all_of_them:,} of "
            f"{_listed([one.name for one in found.unseen])}) there may still be up to {found.most_unseen:,} (95 %): "
            "the intervals know nothing of these."
        )
    if n_judged < n_units:
        unsure = f", {n_unsure:,} of them because the reviewer was unsure" if n_unsure else ""
        sentences.append(
            f"{n_units - n_judged:,} of {n_units:,} units have no verdict{unsure}, and are taken to be like the others "
            "of their stratum."
        )
    sentences.append("Intervals are 95 %; ground under cloud and ponds under sheets are in none of the numbers.")
    return " ".join(sentences)


def _listed(names: list[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " and " + quoted[-1]


def _whole(found: Estimate) -> str:
    return f"{found.value:,.0f} ({found.lower:,.0f} to {found.upper:,.0f})"


def _hectares(found: Estimate) -> str:
    value, lower, upper = (one / M2_PER_HA for one in (found.value, found.lower, found.upper))
    return f"{value:,.2f} ({lower:,.2f} to {upper:,.2f})"


def _percent(found: Estimate) -> str:
    if math.isnan(found.value):
        return "no known share"
    return f"{100 * found.value:.1f} % ({100 * found.lower:.1f} to {100 * found.upper:.1f})"
