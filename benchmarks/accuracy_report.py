"""The figures of benchmarks/accuracy as a page: docs/accuracy.md and its two pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pondscan import evaluate
from pondscan.evaluate.area import pair_error

Tables = Mapping[str, Mapping[str, evaluate.Score]]

COLOURS = ("#0b7285", "#d9480f", "#5f3dc4", "#2b8a3e", "#862e9c")

BARS = {
    "10 m, six bands": (12.0, 15.0),
    "10 m, four bands": (12.0, 15.0),
    "3 m, four bands": (8.0, 10.0),
    "1 m, four bands": (6.0, 8.0),
    "implants, 10 m": (12.0, 15.0),
}
"""Smallest diameter whose total area is reported, and the diameter around which the error of one pond is, metres."""


def write(tables: Tables, empty: Mapping[str, tuple[int, int, float]], folder: Path) -> None:
    """Write the page and its pictures."""
    curves(tables).savefig(folder / "accuracy_detection.svg", metadata={"Date": None})
    reliability(tables).savefig(folder / "accuracy_reliability.svg", metadata={"Date": None})
    text = "\n".join(page(tables, empty))
    (folder / "accuracy.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def page(tables: Tables, empty: Mapping[str, tuple[int, int, float]]) -> Iterator[str]:
    """Lines of docs/accuracy.md."""
    yield "# Accuracy"
    yield ""
    yield "Held against simulated places whose seeds served no fit, and against simulated mines implanted into real"
    yield "Sentinel-2 scenes, each real background judged by a confidence model fitted without it. One constant of the"
    yield "first pass (`segment.BOTH`) was chosen on a third of these scenes. Everything"
    yield "below is about confidence ≥ 0.5. The *oracle* is the true liquid cover put through the sensor's blur and 3 %"
    yield "noise, then split into peaks by the same rule: no detector, but the ceiling."
    yield ""
    yield "Reproduce: `benchmarks/accuracy` (with `PONDSCAN_SCENES` set for the implants; rivals:"
    yield "`pip install -e .[benchmark]`)."
    for title, lines in (
        ("Found and missed", found_table(tables)),
        ("Against the rivals", rival_table(tables)),
        ("Area", area_table(tables)),
        ("Confidence and sites", calibration_table(tables)),
        ("Detection limits", limit_table(tables)),
        ("Where there is no pond", empty_table(empty)),
        ("By kind", kind_table(tables)),
        ("Why ponds are missed", reason_table(tables)),
    ):
        yield ""
        yield f"## {title}"
        yield ""
        yield from lines


def found_table(tables: Tables) -> Iterator[str]:
    """Precision, recall, F1 with intervals, and the oracle's."""
    yield "| scenes | true ponds | precision | recall | F1 (95 %) | oracle's F1 | count error | oracle's |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, scores in tables.items():
        ours, best = evaluate.measures(scores["pondscan"]), evaluate.measures(scores["oracle"])
        one = ours.overall
        yield (
            f"| {name} | {one.n_true} | {one.precision.value:.2f} | {one.recall.value:.2f} | **{one.f1.value:.2f}** "
            f"({one.f1.lower:.2f}–{one.f1.upper:.2f}) | {best.overall.f1.value:.2f} "
            f"| {count_error(scores['pondscan']):+.0%} | {count_error(scores['oracle']):+.0%} |"
        )


def count_error(score: evaluate.Score) -> float:
    """Found over true ponds, less one."""
    return len(score.counted_found) / max(len(score.counted_true), 1) - 1


def rival_table(tables: Tables) -> Iterator[str]:
    """F1 of everyone."""
    names = list(
        dict.fromkeys(who for scores in tables.values() for who in scores if who not in ("pondscan", "oracle"))
    )
    yield "| scenes | pondscan | " + " | ".join(names) + " | margin |"
    yield "|---|---|" + "---|" * (len(names) + 1)
    for name, scores in tables.items():
        values = {who: evaluate.measures(one).overall.f1.value or 0.0 for who, one in scores.items()}
        best = max(values[who] for who in names if who in values)
        cells = [f"{values[who]:.2f}" if who in values else "–" for who in names]
        yield f"| {name} | **{values['pondscan']:.2f}** | {' | '.join(cells)} | {values['pondscan'] - best:+.2f} |"
    yield ""
    yield "Every rival gets the same valid pixels, size limits and watershed; – needs bands that are not there."


def area_table(tables: Tables) -> Iterator[str]:
    """Bias of totals, error of one pond, honesty of sigma."""
    yield "| scenes | bias of matched area, D ≥ | oracle's | median error of a pond, D | within 1 σ | σ / error |"
    yield "|---|---|---|---|---|---|"
    for name, scores in tables.items():
        least, about = BARS[name]
        pairs = {who: scores[who].pairs for who in ("pondscan", "oracle")}
        large = {who: frame[frame["diameter_m"] >= least] for who, frame in pairs.items()}
        near = pairs["pondscan"][pairs["pondscan"]["diameter_m"].between(0.85 * about, 1.15 * about)]
        one, everything = pair_error(near), pair_error(pairs["pondscan"])
        ours, best = (pair_error(large[who]).bias for who in ("pondscan", "oracle"))
        yield (
            f"| {name} | {ours:+.1%} (≥ {least:g} m) | {best:+.1%} | {one.median_absolute_error:.0%} ({about:g} m) "
            f"| {everything.within_one_sigma.value:.0%} | {everything.sigma_over_error:.1f} |"
        )


def calibration_table(tables: Tables) -> Iterator[str]:
    """Calibration of confidence, and sites."""
    yield "| scenes | Brier | expected calibration error | site precision | site recall | centroid offset, median |"
    yield "|---|---|---|---|---|---|"
    for name, scores in tables.items():
        one = evaluate.measures(scores["pondscan"])
        error = one.calibration.expected_calibration_error
        yield (
            f"| {name} | {one.calibration.brier:.3f} | {error:.3f} | {share(one.sites.precision.value)} "
            f"| {share(one.sites.recall.value)} | {one.offset_px:.2f} px |"
        )
    yield ""
    yield "![reliability](accuracy_reliability.svg)"


def share(value: float | None) -> str:
    """A share, or a dash where there is none."""
    return "–" if value is None else f"{value:.2f}"


def limit_table(tables: Tables) -> Iterator[str]:
    """Diameters found with 50 and 90 % probability."""
    yield "| scenes | found with 50 % | found with 90 % |"
    yield "|---|---|---|"
    for name, scores in tables.items():
        curve = evaluate.detection_curve(scores["pondscan"])
        limits = (None, None) if curve is None else (curve.diameter(0.5), curve.diameter(0.9))
        cells = ["beyond the ponds simulated" if limit is None else f"{limit:.0f} m" for limit in limits]
        yield f"| {name} | {cells[0]} | {cells[1]} |"
    yield ""
    yield "![recall against diameter](accuracy_detection.svg)"


def empty_table(empty: Mapping[str, tuple[int, int, float]]) -> Iterator[str]:
    """False ponds where there are none."""
    yield "Simulated country without mines: mountain shadow, villages, paddies and rivers, bare ground, towns,"
    yield "farmland. Natural and farm ponds count neither way: by colour and size they are not to be told from ponds."
    yield ""
    yield "| scenes | km² | false | per km² | on other water |"
    yield "|---|---|---|---|---|"
    for name, (n_false, n_water, km2) in empty.items():
        yield f"| {name} | {km2:.0f} | {n_false} | {n_false / km2:.3f} | {n_water} |"


def kind_table(tables: Tables) -> Iterator[str]:
    """Recall by the colour of the liquid."""
    kinds = sorted({kind for scores in tables.values() for kind in scores["pondscan"].counted_true["kind"]})
    yield "Recall by the true colour of the liquid."
    yield ""
    yield "| scenes | " + " | ".join(kinds) + " |"
    yield "|---|" + "---|" * len(kinds)
    for name, scores in tables.items():
        true = scores["pondscan"].counted_true
        recall = true.groupby("kind")["outcome"].agg(lambda outcomes: (outcomes == "hit").mean())
        yield f"| {name} | " + " | ".join(share(recall.get(kind)) for kind in kinds) + " |"


def reason_table(tables: Tables) -> Iterator[str]:
    """What became of the ponds that were missed."""
    yield "| scenes | " + "reasons |"
    yield "|---|---|"
    for name, scores in tables.items():
        reasons = evaluate.measures(scores["pondscan"]).miss_reasons
        yield f"| {name} | " + ", ".join(f"{reason} {count}" for reason, count in reasons.items()) + " |"


def curves(tables: Tables) -> Figure:
    """Recall against diameter, by sensor."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="true diameter, m", ylabel="recall", ylim=(0, 1.02))
    for colour, (name, scores) in zip(COLOURS, tables.items(), strict=False):
        true = scores["pondscan"].counted_true
        edges = np.unique(np.quantile(true["diameter_m"], np.linspace(0, 1, 11)))
        hits = pd.Series((true["outcome"] == "hit").to_numpy(float))
        group = pd.cut(true["diameter_m"].reset_index(drop=True), edges, include_lowest=True)
        middle = true["diameter_m"].reset_index(drop=True).groupby(group, observed=True).median()
        axes.plot(middle, hits.groupby(group, observed=True).mean(), "o-", color=colour, label=name, markersize=4)
    axes.set_xscale("log")
    axes.set_xticks([5, 8, 10, 15, 20, 30, 50, 80], labels=["5", "8", "10", "15", "20", "30", "50", "80"])
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def reliability(tables: Tables) -> Figure:
    """Share of true ponds against stated confidence."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot(xlabel="stated confidence", ylabel="share that are ponds", xlim=(0.25, 1), ylim=(0, 1.02))
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    for colour, (name, scores) in zip(COLOURS, tables.items(), strict=False):
        bins = evaluate.measures(scores["pondscan"]).calibration.bins
        axes.plot(
            [b.confidence for b in bins], [b.share.value for b in bins], "o-", color=colour, label=name, markersize=4
        )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure
