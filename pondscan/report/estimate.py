"""The estimate of a survey as the report prints it: people's verdicts, extrapolated; nothing that was measured here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pondscan.report import words

MAPPED = ("present", "unobserved")
"""States of ponds that a sample is drawn from."""
NAMES = {
    "n_ponds_mapped": "Ponds mapped",
    "mapped_area_m2": "Liquid area mapped, m²",
    "n_ponds": "Ponds",
    "pond_area_m2": "Liquid area, m²",
    "users_accuracy": "User’s accuracy",
    "producers_accuracy": "Producer’s accuracy",
    "n_ponds_by_detection": "Ponds, by detection",
    "n_ponds_by_site": "Ponds, by site",
    "n_ponds_precision_recall": "Ponds, by precision and recall",
    "n_ponds_chapman": "Ponds, by two reviewers",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One number of the estimate."""

    name: str
    value: float | None
    text: str
    interval: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Estimated:
    """All of it."""

    paragraph: str
    lines: list[Line]
    n_judged: int
    n_units: int
    n_mapped_then: int
    n_mapped_now: int


def estimated(document: Mapping[str, Any], ponds: pd.DataFrame) -> Estimated:
    """Put an estimate in words; ``ponds`` are those that the census has now."""
    return Estimated(
        paragraph=document["paragraph"],
        lines=[_line(row) for row in document["rows"]],
        n_judged=document["n_judged"],
        n_units=document["n_units"],
        n_mapped_then=document["n_ponds_mapped"],
        n_mapped_now=int(ponds["status"].isin(MAPPED).sum()),
    )


def _line(row: Mapping[str, Any]) -> Line:
    """Write one number to the place that its interval leaves certain."""
    value, lower, upper = row["value"], row["lower"], row["upper"]
    name, is_share = NAMES.get(row["measure"], row["measure"]), row["measure"].endswith("accuracy")
    step = 0.1 if is_share else 1.0
    ends = [words.NOT_KNOWN if one is None else _written(one, step, is_share=is_share) for one in (lower, upper)]
    return Line(
        name=name,
        value=value,
        text=words.NOT_KNOWN if value is None else _written(value, step, is_share=is_share),
        interval="" if lower is None and upper is None else " – ".join(ends),
        meaning=row["meaning"],
    )


def _written(value: float, step: float, *, is_share: bool) -> str:
    return f"{words.rounded(100 * value, step)} %" if is_share else words.rounded(value, step)
