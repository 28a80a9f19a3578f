"""The figures of benchmarks/accuracy as a page: docs/accuracy.md and its two pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import backgrounds
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pondscan import evaluate
from pondscan.evaluate.area import area_error, pair_error
from pondscan.evaluate.measures import Sites

IMPLANTS = "implants, 10 m"


@dataclass(frozen=True)
class Outcome:
    """What a group of scenes came to."""

    scores: Mapping[str, evaluate.Score]
    """By contender, all scenes pooled."""
    tried: evaluate.Score
    """Of pondscan, scenes of small ponds put to the others: what the detection limits are read off."""
    limits_m: Mapping[float, float]
    """Share of ponds found → diameter from which pondscan finds so many (``limit_m``)."""
    sites: Mapping[float, Sites]
    """By that share: sites of which the true ones are of ponds above that diameter."""
    assumed_ponds_per_km2: tuple[float, float]
    """Least and greatest prevalence that the confidences assume."""


@dataclass(frozen=True)
class Empty:
    """Confident objects where there is no leach pond."""

    n_false: int
    n_water: int
    """On other water that the truth knows."""
    km2: float


Tables = Mapping[str, Outcome]
Mountains = Mapping[tuple[int, bool], tuple[evaluate.Score, Mapping[str, int]]]
"""Hour and whether there was an elevation model → score and counts of pixels and candidates."""

COLOURS = ("#0b7285", "#d9480f", "#5f3dc4", "#2b8a3e", "#862e9c")

BARS = {
    "10 m, six bands": (12.0, 15.0),
    "10 m, four bands": (12.0, 15.0),
    "3 m, four bands": (8.0, 10.0),
    "1 m, four bands": (6.0, 8.0),
    IMPLANTS: (12.0, 15.0),
}
"""Smallest diameter whose total area is reported, and the diameter around which the error of one pond is, metres."""


def write(
    tables: Tables, empty: Mapping[str, Empty], bare: Mapping[str, Empty], mountains: Mountains, folder: Path
) -> None:
    """Write the page and its pictures."""
    curves(tables).savefig(folder / "accuracy_detection.svg", metadata={"Date": None})
    reliability(tables).savefig(folder / "accuracy_reliability.svg", metadata={"Date": None})
    text = "\n".join(page(tables, empty, bare, mountains))
    (folder / "accuracy.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def page(tables: Tables, empty: Mapping[str, Empty], bare: Mapping[str, Empty], mountains: Mountains) -> Iterator[str]:
    """Lines of docs/accuracy.md."""
    yield "# Accuracy"
    yield ""
    yield "Held against simulated places whose seeds served no fit, and against simulated mines implanted into real"
    yield "Sentinel-2 scenes, each real background judged by a confidence model fitted without it. Models were fitted"
    yield "and constants chosen on other seeds (1000 and up: `scripts/fit_confidence`, `scripts/choose_constants`),"
    yield "though on the same real backgrounds. Everything below is about confidence ≥ 0.5. The *oracle* is the true"
    yield "liquid cover put through the sensor's blur and 3 % noise, then split into peaks by the same rule: no"
    yield "detector, but the ceiling."
    yield ""
    yield "Reproduce: `benchmarks/accuracy` (`pip install -e .[benchmark]` brings the rivals and two real scenes,"
    yield "`PONDSCAN_SCENES` points to the others)."
    for title, lines in (
        ("Found and missed", found_table(tables)),
        ("Against the rivals", rival_table(tables)),
        ("Area", area_table(tables)),
        ("Confidence and sites", calibration_table(tables)),
        ("Detection limits", limit_table(tables)),
        ("In each real scene", background_table(tables, bare)),
        ("Where there is no pond", empty_table(empty)),
        ("With an elevation model", mountain_table(mountains)),
        ("By kind", kind_table(tables)),
        ("Why ponds are missed", reason_table(tables)),
    ):
        yield ""
        yield f"## {title}"
        yield ""
        yield from lines


def found_table(tables: Tables) -> Iterator[str]:
    """Precision, recall, F1 with intervals, and the oracle's; errors of counts."""
    head = (
        "scenes | true ponds | precision | recall | F1 (95 %) | oracle's F1 | count error | oracle's | of large ponds"
    )
    yield f"| {head} |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, outcome in tables.items():
        ours, best = (evaluate.measures(outcome.scores[who]) for who in ("pondscan", "oracle"))
        one, limit = ours.overall, outcome.limits_m[0.9]
        large = evaluate.count_error(outcome.scores["pondscan"], from_diameter_m=limit)
        yield (
            f"| {name} | {one.n_true} | {share(one.precision.value)} | {share(one.recall.value)} "
            f"| **{share(one.f1.value)}** ({share(one.f1.lower)}–{share(one.f1.upper)}) "
            f"| {share(best.overall.f1.value)} "
            f"| {signed(ours.count_errors[0].error)} | {signed(best.count_errors[0].error)} "
            f"| {signed(large.error)} ({large.n_found} for {large.n_true}{from_size(limit)}) |"
        )
    yield ""
    yield "*Of large ponds*: from the diameter found with 90 % probability upwards, each object by its own."


def from_size(limit_m: float) -> str:
    """Where a count begins, in words."""
    return f" from {limit_m:.0f} m" if 0 < limit_m < math.inf else ", of all sizes" if limit_m == 0 else ""


def signed(value: float | None) -> str:
    """Return a relative error, or a dash where there is none."""
    return "–" if value is None else f"{value:+.1%}"


def percent(value: float | None) -> str:
    """Return a share as per cent, or a dash where there is none."""
    return "–" if value is None else f"{value:.0%}"


def rival_table(tables: Tables) -> Iterator[str]:
    """F1 of everyone."""
    names = list(
        dict.fromkeys(who for one in tables.values() for who in one.scores if who not in ("pondscan", "oracle"))
    )
    yield "| scenes | pondscan | " + " | ".join(names) + " | margin |"
    yield "|---|---|" + "---|" * (len(names) + 1)
    for name, outcome in tables.items():
        scores = outcome.scores
        values = {who: evaluate.measures(one).overall.f1.value or 0.0 for who, one in scores.items()}
        best = max(values[who] for who in names if who in values)
        cells = [f"{values[who]:.2f}" if who in values else "–" for who in names]
        yield f"| {name} | **{values['pondscan']:.2f}** | {' | '.join(cells)} | {values['pondscan'] - best:+.2f} |"
    yield ""
    yield "Every rival gets the same valid pixels, size limits and watershed; – needs bands that are not there."
    if "WaterDetect" not in names:
        yield "WaterDetect, whose clusters take most of the time, was left out (`--no-clustering`)."


def area_table(tables: Tables) -> Iterator[str]:
    """Bias of totals, error of one pond, honesty of sigma."""
    head = "scenes | bias of matched area, D ≥ | oracle's | of all area | oracle's | median error of a pond, D"
    yield f"| {head} | within 1 σ | σ / error |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, outcome in tables.items():
        scores = outcome.scores
        least, about = BARS[name]
        pairs = {who: scores[who].pairs for who in ("pondscan", "oracle")}
        large = {who: frame[frame["diameter_m"] >= least] for who, frame in pairs.items()}
        near = pairs["pondscan"][pairs["pondscan"]["diameter_m"].between(0.85 * about, 1.15 * about)]
        one, every = pair_error(near), pair_error(pairs["pondscan"])
        ours, best = (pair_error(large[who]).bias for who in ("pondscan", "oracle"))
        everywhere = [signed(area_error(scores[who]).bias) for who in ("pondscan", "oracle")]
        yield (
            f"| {name} | {signed(ours)} (≥ {least:g} m) | {signed(best)} | {everywhere[0]} | {everywhere[1]} "
            f"| {percent(one.median_absolute_error)} ({about:g} m) "
            f"| {percent(every.within_one_sigma.value)} | {number(every.sigma_over_error, 1)} |"
        )


def calibration_table(tables: Tables) -> Iterator[str]:
    """Calibration of confidence, and sites."""
    yield "| scenes | Brier | expected calibration error | ponds per km² assumed | centroid offset, median |"
    yield "|---|---|---|---|---|"
    for name, outcome in tables.items():
        one = evaluate.measures(outcome.scores["pondscan"])
        brier, error = one.calibration.brier, one.calibration.expected_calibration_error
        least, most = outcome.assumed_ponds_per_km2
        assumed = f"{least:.1f}" if least == most else f"{least:.1f}–{most:.1f}"
        yield f"| {name} | {number(brier, 3)} | {number(error, 3)} | {assumed} | {number(one.offset_px, 2)} px |"
    yield ""
    yield "![reliability](accuracy_reliability.svg)"
    yield ""
    yield "True sites are the ponds above a detection limit, linked by the same rule, at least two together."
    yield ""
    yield "| scenes | site precision | true sites, 50 % limit | recall | true sites, 90 % limit | recall |"
    yield "|---|---|---|---|---|---|"
    for name, outcome in tables.items():
        half, most_of = outcome.sites[0.5], outcome.sites[0.9]
        yield (
            f"| {name} | {share(half.precision.value)} | {half.n_true} | {share(half.recall.value)} "
            f"| {most_of.n_true} | {share(most_of.recall.value)} |"
        )


def number(value: float | None, decimals: int) -> str:
    """Return a number, or a dash where there is none."""
    return "–" if value is None else f"{value:.{decimals}f}"


def share(value: float | None) -> str:
    """A share, or a dash where there is none."""
    return "–" if value is None else f"{value:.2f}"


def limit_m(score: evaluate.Score, probability: float) -> float:
    """Diameter found with a probability; 0 where all ponds there were are above it, infinite where all are below."""
    curve = evaluate.detection_curve(score)
    if curve is None:
        is_hit = score.counted_true["outcome"] == "hit"
        return 0.0 if len(is_hit) and is_hit.all() else math.inf
    known = curve.diameter(probability)
    if known is not None:
        return known
    smallest = 1 / (1 + math.exp(-(curve.intercept + curve.slope * math.log(curve.smallest))))
    return 0.0 if smallest >= probability else math.inf


def limit_table(tables: Tables) -> Iterator[str]:
    """Diameters found with 50 and 90 % probability."""
    yield "Read off the scenes above and, but for the implants, half as many again with ponds about as large as the"
    yield "sensor can see. What is smaller than `pond.min_diameter_m` (4 m) is no pond to pondscan, however fine the"
    yield "pixels."
    yield ""
    yield "| scenes | found with 50 % | found with 90 % |"
    yield "|---|---|---|"
    told = {0.0: "smaller than simulated", math.inf: "larger than simulated"}
    for name, outcome in tables.items():
        cells = [told.get(limit, f"{limit:.0f} m") for limit in outcome.limits_m.values()]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    yield "![recall against diameter](accuracy_detection.svg)"
    yield ""
    yield "That is one date. What two, three and six clear dates find together of smaller ponds at 10 m stands, by"
    yield "diameter, in [stacking.md](stacking.md)."


def background_table(tables: Tables, bare: Mapping[str, Empty]) -> Iterator[str]:
    """Implants one real scene at a time, and the scenes as they are."""
    yield "Mines laid in (true ponds to F1), and the scene as it is (objects that are no leach pond; its own small"
    yield "waters, which nobody mapped, are among them where it has any)."
    yield ""
    head = "scene | true ponds | precision | recall | F1 | km² seen | false as it is"
    yield f"| {head} | what it shows, where it falls short |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, empty in bare.items():
        ours = tables[IMPLANTS].scores["pondscan"]
        true, found = (
            rows[rows["scene"].str.rsplit(" ", n=1).str[0] == name] for rows in (ours.counted_true, ours.counted_found)
        )
        one = evaluate.detection(true, found)
        yield (
            f"| {name} | {one.n_true} | {share(one.precision.value)} | {share(one.recall.value)} "
            f"| {share(one.f1.value)} | {empty.km2:.0f} | {empty.n_false} | {backgrounds.BACKGROUNDS[name].about} |"
        )
    for name in (name for name in backgrounds.BACKGROUNDS if name not in bare):
        yield f"| {name} | not there | – | – | – | – | – | {backgrounds.BACKGROUNDS[name].about} |"


def empty_table(empty: Mapping[str, Empty]) -> Iterator[str]:
    """False ponds where there are none."""
    yield "Simulated country without mines: mountain shadow, villages, paddies and rivers, bare ground, towns,"
    yield "farmland. Natural and farm ponds count neither way: by colour and size they are not to be told from ponds."
    yield ""
    yield "| scenes | km² | false | per km² | on other water |"
    yield "|---|---|---|---|---|"
    for name, one in empty.items():
        yield f"| {name} | {one.km2:.0f} | {one.n_false} | {one.n_false / one.km2:.3f} | {one.n_water} |"


def mountain_table(mountains: Mountains) -> Iterator[str]:
    """What an elevation model changes deep in mountain shadow."""
    yield "Simulated valleys of deep relief under a January sun (38° high at 4 h UTC, 22° at 2 h), ponds of 18 m at"
    yield "10 m in four bands; the model has posts of 30 m and errors of 2.4 m. *Stored*: objects of confidence ≥ 0.1."
    yield ""
    yield "| | ponds there | found | false | stored | rejected as shadow | on a slope | ground not seen |"
    yield "|---|---|---|---|---|---|---|---|"
    for (hour, with_model), (score, counts) in mountains.items():
        one = evaluate.measures(score).overall
        name = f"{hour} h UTC, {'with' if with_model else 'without'} a model"
        shade, cliff = counts.get("terrain shadow", 0), counts.get("on a slope", 0)
        share_dark = counts["shadow"] / max(counts["shadow"] + counts["clear"], 1)
        found = f"{one.n_true} | {one.n_hits} | {one.n_found - one.n_hits}"
        yield f"| {name} | {found} | {counts['stored']} | {shade} | {cliff} | {share_dark:.0%} |"
    yield ""
    yield "*Found* and *false* are of confidence ≥ 0.5; true ponds under shade count here with or without a model."


def kind_table(tables: Tables) -> Iterator[str]:
    """Recall by the colour of the liquid."""
    kinds = sorted({kind for one in tables.values() for kind in one.scores["pondscan"].counted_true["kind"]})
    yield "Recall by the true colour of the liquid."
    yield ""
    yield "| scenes | " + " | ".join(kinds) + " |"
    yield "|---|" + "---|" * len(kinds)
    for name, outcome in tables.items():
        scores = outcome.scores
        true = scores["pondscan"].counted_true
        recall = true.groupby("kind")["outcome"].agg(lambda outcomes: (outcomes == "hit").mean())
        yield f"| {name} | " + " | ".join(share(recall.get(kind)) for kind in kinds) + " |"


def reason_table(tables: Tables) -> Iterator[str]:
    """What became of the ponds that were missed."""
    yield "| scenes | " + "reasons |"
    yield "|---|---|"
    for name, outcome in tables.items():
        scores = outcome.scores
        reasons = evaluate.measures(scores["pondscan"]).miss_reasons
        yield f"| {name} | " + ", ".join(f"{reason} {count}" for reason, count in reasons.items()) + " |"


def curves(tables: Tables) -> Figure:
    """Recall against diameter, by sensor."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="true diameter, m", ylabel="recall", ylim=(0, 1.02))
    for colour, (name, outcome) in zip(COLOURS, tables.items(), strict=False):
        true = outcome.tried.counted_true
        edges = np.unique(np.quantile(true["diameter_m"], np.linspace(0, 1, 11)))
        hits = pd.Series((true["outcome"] == "hit").to_numpy(float))
        group = pd.cut(true["diameter_m"].reset_index(drop=True), edges, include_lowest=True)
        middle = true["diameter_m"].reset_index(drop=True).groupby(group, observed=True).median()
        axes.plot(middle, hits.groupby(group, observed=True).mean(), "o-", color=colour, label=name, markersize=4)
    axes.set_xscale("log")
    axes.set_xticks([3, 5, 8, 10, 15, 20, 30, 50, 80], labels=["3", "5", "8", "10", "15", "20", "30", "50", "80"])
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def reliability(tables: Tables) -> Figure:
    """Share of true ponds against stated confidence."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot(xlabel="stated confidence", ylabel="share that are ponds", xlim=(0.25, 1), ylim=(0, 1.02))
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    for colour, (name, outcome) in zip(COLOURS, tables.items(), strict=False):
        bins = evaluate.measures(outcome.scores["pondscan"]).calibration.bins
        axes.plot(
            [b.confidence for b in bins], [b.share.value for b in bins], "o-", color=colour, label=name, markersize=4
        )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure
