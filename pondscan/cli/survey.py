"""``pondscan survey``: a sample to judge, and from its verdicts the numbers of the whole with their error bars."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pondscan.cli.options import json_option, verbosity_options
from pondscan.cli.terminal import terminal_of

if TYPE_CHECKING:
    import pandas as pd

    from pondscan.review.design import Design
    from pondscan.review.judged import Judged
    from pondscan.survey.estimates import Survey
    from pondscan.survey.stratified import Estimate


@click.group(
    short_help="Numbers of the whole from a judged sample.",
    epilog="""\b
The round trip:
  pondscan survey design census --out sample.gpkg        draw what to judge
  pondscan review serve census --survey sample.gpkg      judge it in a browser, or open sample.gpkg in QGIS,
                                                         or fill in sample.csv
  pondscan survey estimate sample.gpkg                   (and the page's file or the CSV, where they were used)

\b
Exit codes: 0 done · 1 no such workspace or file, or too few verdicts · 2 wrong usage""",
)
def survey() -> None:
    """Estimate what there is: ponds and liquid area with 95 % intervals, and how right the census is.

    A census lacks what no outline shows and holds what is no pond. A stratified random sample of its outlines and of
    the ground between them, judged by eye, says how much of either.
    """


@survey.command(
    "design",
    short_help="Draw a sample to judge.",
    epilog="""\b
Outlines are judged accepted, rejected or unsure; set n_ponds where one holds several. Squares of ground are accepted
when they hold ponds that no outline shows (n_ponds says how many, or draw them in the layer `ponds`), else rejected.
A pond belongs to the square that holds its centre. The same census and seed give the same sample.

\b
Exit codes: 0 done · 1 no such workspace, or nothing in it was seen clear · 2 wrong usage""",
)
@click.argument("out_dir", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--half-width",
    type=click.FloatRange(0, 100, min_open=True),
    default=10.0,
    show_default=True,
    metavar="PERCENT",
    help="Of the 95 % interval wanted for the number of ponds, in per cent of it.",
)
@click.option("--sample", "n_sample", type=click.IntRange(min=20), metavar="N", help="Judge N units instead.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Of the draw.")
@click.option(
    "--out", "path", type=click.Path(path_type=Path), metavar="FILE.gpkg", help="Default: survey.gpkg in DIR."
)
@json_option
@verbosity_options
@click.pass_context
def design(
    ctx: click.Context,
    out_dir: Path,
    half_width: float,
    n_sample: int | None,
    seed: int,
    path: Path | None,
    as_json: bool,
) -> None:
    """Draw a stratified sample of the census in the workspace DIR, and write it as GeoPackage and CSV.

    Mapped outlines are drawn by confidence and size, doubted candidates too, and squares of ground: beside mapped
    ponds, on worked ground, where candidates were rejected (as shadow, wide water, roofs; run with --keep-rejected to
    have the reasons), and the rest. How many of each is the best allocation for the interval wanted.
    """
    path = path or out_dir / "survey.gpkg"
    if path.suffix.lower() != ".gpkg":
        raise click.BadParameter(f"'{path}' does not end in .gpkg", param_hint="'--out'")
    from pondscan.config import Settings
    from pondscan.review import selection
    from pondscan.review.design import draw
    from pondscan.review.sheet import write_sheet
    from pondscan.store import Workspace

    workspace = Workspace(out_dir)
    counted = selection.counted(workspace)
    drawn = draw(counted, half_width=half_width / 100, n_sample=n_sample, seed=seed)
    target = (workspace.settings() or Settings()).confidence.target
    newest = max((look.end for look in counted.looks if look.end), default=None)
    csv = write_sheet(path, drawn, target=target, newest=newest)
    if as_json:
        click.echo(json.dumps(_design_document(drawn, path, csv), indent=2, ensure_ascii=False))
        return
    click.echo(_design_table(drawn))
    n_units, share = len(drawn.ponds) + len(drawn.squares), drawn.half_width / max(drawn.expected_ponds, 1)
    click.echo(f"{n_units} units to judge: {path} and {csv}")
    click.echo(
        f"About {drawn.expected_ponds:,.0f} ponds are expected; the sample should tell to within ± {100 * share:.0f} %."
    )
    if drawn.ground_m2 < 0.9 * drawn.region_m2:
        terminal_of(ctx).say(
            f"Only {100 * drawn.ground_m2 / drawn.region_m2:.0f} % of the ground was seen clear: "
            "the estimates will speak of that part alone."
        )


@survey.command(
    "estimate",
    short_help="Estimate from the verdicts.",
    epilog="""\b
FILE: copies of the GeoPackage, what `pondscan review serve` wrote, or the CSV filled in. Of several verdicts on a unit
the newest counts. Where two reviewers judged the same units, Chapman's estimator says how many ponds both missed.

\b
Exit codes: 0 done · 1 a file that is not of this survey, a wrong value in it, or too few verdicts · 2 wrong usage""",
)
@click.argument("sheet_path", metavar="SURVEY.gpkg", type=click.Path(path_type=Path))
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--csv", "csv_path", type=click.Path(path_type=Path), metavar="FILE.csv", help="Write the numbers there.")
@click.option(
    "--keep",
    "census_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Have the report of this census say it.",
)
@json_option
@verbosity_options
def estimate(
    sheet_path: Path, files: tuple[Path, ...], csv_path: Path | None, census_dir: Path | None, as_json: bool
) -> None:
    """Estimate ponds, area and accuracy from the verdicts in SURVEY.gpkg and in other FILEs."""
    from pondscan.errors import InputError
    from pondscan.review.judged import read_judged
    from pondscan.review.sheet import read_sheet
    from pondscan.survey.estimates import estimate as estimated

    sheet = read_sheet(sheet_path)
    judged = read_judged(sheet, files)
    try:
        found = estimated(judged.sample, judged.strata, recall=judged.recall, seed=int(sheet.facts.get("seed", "0")))
    except ValueError as error:
        raise InputError(f"{sheet_path}: {error}") from error
    rows = _rows(found, judged)
    if csv_path is not None:
        _write_csv(csv_path, rows)
    if census_dir is not None:
        _keep(census_dir, sheet_path, sheet.handed_out["pond_id"], found, judged)
    click.echo(
        json.dumps(_document(found, judged), indent=2, ensure_ascii=False, allow_nan=False)
        if as_json
        else _text(found, judged, rows)
    )


def _design_table(drawn: Design) -> str:
    width = max(len(name) for name in drawn.strata["stratum"])
    head = f"{'stratum':{width}}  {'units':>10}  {'to judge':>8}"
    lines = [
        f"{row.stratum:{width}}  {row.n_units:>10,}  {row.n_sample:>8,}" for row in drawn.strata.itertuples(index=False)
    ]
    return "\n".join([head, *lines])


def _design_document(drawn: Design, path: Path, csv: Path) -> dict[str, Any]:
    columns = ["stratum", "sort", "n_units", "n_sample"]
    return {
        "survey": str(path),
        "csv": str(csv),
        "n_units": len(drawn.ponds) + len(drawn.squares),
        "strata": drawn.strata[columns].to_dict("records"),
        "expected_ponds": round(drawn.expected_ponds, 1),
        "expected_half_width": round(drawn.half_width, 1),
        "ground_m2": drawn.ground_m2,
        "region_m2": round(drawn.region_m2),
        "seed": drawn.seed,
    }


Row = tuple[str, float | None, float | None, float | None, float | None, str]
HEAD = ("measure", "value", "lower", "upper", "standard_error", "meaning")


def _rows(found: Survey, judged: Judged) -> list[Row]:
    from pondscan.survey.estimates import MEANINGS

    rows: list[Row] = [
        ("n_ponds_mapped", float(found.n_mapped), None, None, None, "ponds that the map has"),
        ("mapped_area_m2", found.mapped_m2, None, None, None, "liquid area that the map has"),
    ]
    rows += [(name, *_numbers(one), MEANINGS[name]) for name, one in found.estimates.items()]
    if judged.interpreters is not None:
        meaning = f"ponds in the {judged.interpreters.n_units} units that two reviewers judged, with those both missed"
        rows.append(("n_ponds_chapman", *_numbers(judged.interpreters.ponds), meaning))
    return rows


def _numbers(one: Estimate) -> tuple[float | None, float | None, float | None, float | None]:
    value, lower, upper, error = (
        None if math.isnan(x) else float(f"{x:.6g}") for x in (one.value, one.lower, one.upper, one.standard_error)
    )
    return value, lower, upper, error


def _write_csv(path: Path, rows: list[Row]) -> None:
    import csv
    import io

    from pondscan.store import atomic

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    writer.writerows(rows)
    atomic.write_bytes(path, text.getvalue().encode())


def _keep(census_dir: Path, sheet_path: Path, drawn: pd.Series, found: Survey, judged: Judged) -> None:
    """Keep an estimate in the census it was drawn from."""
    from pondscan.errors import InputError
    from pondscan.pipeline import take_estimate
    from pondscan.review.selection import candidates
    from pondscan.store import Workspace

    census = candidates(Workspace(census_dir))
    if len(drawn) and not drawn.isin({*census.ponds["pond_id"], *census.aliases["old_id"]}).any():
        raise InputError(f"{sheet_path}: no pond of this survey is in {census_dir}: name the census it was drawn from")
    rows = [dict(zip(HEAD, row, strict=True)) for row in _rows(found, judged)]
    numbers = {"n_judged": len(judged.sample.stratum), "n_units": judged.n_units, "n_ponds_mapped": found.n_mapped}
    take_estimate(census_dir, {"paragraph": _paragraph(found, judged), "rows": rows, **numbers})


def _paragraph(found: Survey, judged: Judged) -> str:
    from pondscan.survey.words import paragraph

    return paragraph(
        found,
        ground_m2=judged.strata.ground_m2,
        n_judged=len(judged.sample.stratum),
        n_units=judged.n_units,
        n_unsure=judged.n_unsure,
        least_diameter_m=judged.least_diameter_m,
    )


def _text(found: Survey, judged: Judged, rows: list[Row]) -> str:
    width = max(len(row[0]) for row in rows)
    head = f"{'':{width}}  {'value':>12}  {'95 % interval':>25}"
    lines = [
        f"{name:{width}}  {_shown(value):>12}  {_shown(lower):>12} {'' if lower is None else '…'}{_shown(upper):>11}"
        for name, value, lower, upper, _, _ in rows
    ]
    said = [_paragraph(found, judged)]
    if judged.interpreters is not None:
        two = judged.interpreters
        said.append(
            f"{two.names[0]} and {two.names[1]} agree on {100 * two.agreement:.0f} % of {two.n_units} units; what both "
            "tend to miss is missed in every number here."
        )
    if judged.n_guessed:
        said.append(f"The area of {judged.n_guessed} missed ponds was not given: it is taken to be the usual one.")
    return "\n".join([head, *lines, "", *said])


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"


def _document(found: Survey, judged: Judged) -> dict[str, Any]:
    two = judged.interpreters
    names = ("value", "lower", "upper", "standard_error")
    return {
        "n_ponds_mapped": found.n_mapped,
        "mapped_area_m2": found.mapped_m2,
        "estimates": {name: dict(zip(names, _numbers(one), strict=True)) for name, one in found.estimates.items()},
        "least_diameter_m": None if math.isnan(judged.least_diameter_m) else round(judged.least_diameter_m, 1),
        "strata": [
            {
                "stratum": one.name,
                "n_units": one.n_units,
                "n_judged": one.n_judged,
                "n_ponds_found": one.n_ponds_found,
                "n_ponds": round(one.n_ponds, 2),
                "n_ponds_possible_though_none_was_found": math.ceil(one.most_unseen) or None,
            }
            for one in found.strata
        ],
        "n_ponds_possible_where_none_was_found": found.most_unseen,
        "ground_m2": judged.strata.ground_m2,
        "n_units": judged.n_units,
        "n_judged": len(judged.sample.stratum),
        "n_unsure": judged.n_unsure,
        "n_missed_ponds_of_unknown_area": judged.n_guessed,
        "interpreters": None
        if two is None
        else {
            "names": list(two.names),
            "n_units": two.n_units,
            "n_first": two.n_first,
            "n_second": two.n_second,
            "n_both": two.n_both,
            "agreement": round(two.agreement, 4),
            "n_ponds_chapman": dict(zip(names, _numbers(two.ponds), strict=True)),
        },
        "paragraph": _paragraph(found, judged),
    }
