"""The figures of benchmarks/series as a page, docs/series.md."""

from __future__ import annotations

from collections.abc import Mapping

from series_measures import Counts

BARS = {
    "identity precision": 0.97,
    "identity recall": 0.97,
    "not gone under cloud": 1.0,
    "sheeted, not gone at once": 1.0,
    "sheeted, not gone": None,
    "sheeted, called covered": None,
    "closures found": 0.9,
    "closures right": None,
    "events precision": 0.9,
    "events recall": 0.9,
    "onset interval as expected": 0.9,
    "onset interval as expected, opened within": None,
    "onset interval holds the day": 0.95,
    "onset change point holds the day": 0.95,
    "onset change point as bracketed": None,
    "site area within 2 sigma": 0.93,
    "site area within 2 sigma, planetscope": None,
    "site area within 2 sigma, sentinel-2": None,
}
"""Measures in the order of the page, with what is aimed at."""

HEAD = """# Series

How well simulated histories are told. Each of {n} places ({first} to {last}) is 2.1 km wide and holds six mines of
ponds around 14 m: steady, growing, opening within the series, closing, under black sheets for a while. Twelve dates
between January 2021 and November 2022, seven at 3 m and five at 10 m, every scene off its true place by up to 1.5
pixels, half of the sky clouded on four dates; two dates have a second scene of an overlapping strip, and one
acquisition comes twice under two names. *True mask*: every cloud and shadow is masked; *no mask*: none comes with the
scenes.

Reproduce: `benchmarks/series --seeds {n} --first {first}`

| measure | aim | true mask | of | no mask | of |
|---|---|---|---|---|---|
"""

FOOT = """
- *Identity*: of all pairs of sightings in one track, those of one pond (precision); of all pairs of sightings of one
  pond, those in one track (recall). Joint sightings of several ponds count in neither.
- *Not gone under cloud*: ponds with liquid, or sheeted, at looks at which cloud or its shadow hides them.
- *Closures found*: ponds that ran dry and were then looked at clear three times, over thirty days or more, by pixels of
  at most two thirds of their diameter: gone at the end. *Closures right*: ponds gone at the end that are dry.
- *Events*: ponds new and ponds lost within the series; right when the day lies in the interval told. F1 from both.
- *Onset interval as expected*: first seen and not seen before are the clear looks that bracket the first pond of a
  site, looks whose pixels are too coarse for it left out.
- *Onset change point*: the 95 % interval `began_after` to `began_by`, from all looks together; as bracketed where both
  ends are `not_seen_before` and `first_seen`, wider elsewhere.
- *Site area*: sites and dates at which no pond is partly hidden, against the liquid in sight.
"""


def page(counts: Mapping[str, Counts], n_seeds: int, first: int) -> str:
    """Markdown of the page."""
    lines = [_row(name, aim, counts) for name, aim in BARS.items()]
    f1 = {variant: _f1(one) for variant, one in counts.items()}
    lines.insert(list(BARS).index("events recall") + 1, _cells("events F1", 0.9, [f"{x:.3f} | " for x in f1.values()]))
    return HEAD.format(n=n_seeds, first=first, last=first + n_seeds - 1) + "\n".join(lines) + "\n" + FOOT


def _row(name: str, aim: float | None, counts: Mapping[str, Counts]) -> str:
    cells = []
    for one in counts.values():
        n_right, n_all = one[name, "right"], one[name, "all"]
        cells.append(f"{n_right / n_all:.3f} | {n_all}" if n_all else "– | 0")
    return _cells(name, aim, cells)


def _cells(name: str, aim: float | None, cells: list[str]) -> str:
    wanted = "" if aim is None else ("all" if aim == 1 else f"≥ {aim}")
    return f"| {name} | {wanted} | {' | '.join(cells)} |"


def _f1(one: Counts) -> float:
    precision, recall = (
        one[f"events {name}", "right"] / max(one[f"events {name}", "all"], 1) for name in ("precision", "recall")
    )
    return 2 * precision * recall / max(precision + recall, 1e-9)
