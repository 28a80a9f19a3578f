"""``pondscan evaluate``: a census held against the truth."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pondscan.cli.options import json_option, verbosity_options
from pondscan.cli.terminal import Terminal, terminal_of

if TYPE_CHECKING:
    from pondscan.appraisal import Appraisal


@click.command(
    short_help="Hold a census against the truth.",
    epilog="""\b
Examples:
  pondscan evaluate census invented/truth.geojson         every scene, with the truth of its day
  pondscan evaluate census/ponds.geojson fieldwork.csv    the ponds present, with the newest truth
  pondscan evaluate census truth.gpkg --date 2023-01-31 --figure hits.png
  pondscan evaluate census reviewed                       what a review judged, in `reviewed` or in `census` itself
  pondscan evaluate census truth.gpkg --json | jq .all.overall.f1.value

\b
A CSV has a line per pond: lon,lat,date,diameter_m,status (date and status may be left out).
Ponds covered, gone, clouded or not seen clear, and anything marked other_water, count neither way.
To learn why ponds were missed, run the census with --keep-rejected.

\b
Exit codes: 0 done · 1 a file that cannot be read, or a truth of other days · 2 wrong usage""",
)
@click.argument("pred", metavar="PRED", type=click.Path(path_type=Path))
@click.argument("truth", metavar="TRUTH", type=click.Path(path_type=Path))
@click.option(
    "--confidence",
    "min_confidence",
    default=0.5,
    show_default=True,
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Least confidence of what counts as found.",
)
@click.option(
    "--date",
    "when",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="Only this day (default: all days of a workspace, the newest for a file).",
)
@click.option(
    "--figure",
    type=click.Path(path_type=Path),
    metavar="FILE.png",
    help="Draw hits and misses, recall by diameter and reliability.",
)
@json_option
@verbosity_options
@click.pass_context
def evaluate(
    ctx: click.Context,
    pred: Path,
    truth: Path,
    min_confidence: float,
    when: datetime | None,
    figure: Path | None,
    as_json: bool,
) -> None:
    """Hold a census against the truth: what was found, missed, merged and mismeasured, and how honest it is about it.

    PRED is a workspace, or a vector file of ponds; TRUTH is any vector file, a CSV, or a workspace that was reviewed:
    what nobody judged there counts neither as found nor as false. Found and true ponds are paired
    one to one where they overlap by three tenths (intersection over union) or hold each other's centre.
    """
    from pondscan.appraisal import appraise
    from pondscan.cli.scoreboard import as_document, as_text

    if figure is not None and figure.suffix.lower() != ".png":
        raise click.BadParameter(f"'{figure}' does not end in .png", param_hint="'--figure'")
    appraisal = appraise(pred, truth, min_confidence=min_confidence, day=when.date() if when else None)
    terminal = terminal_of(ctx)
    for name, why in appraisal.skipped:
        terminal.say(f"{name} is left out: {why}")
    if figure is not None:
        _draw(figure, appraisal, terminal)
    if as_json:
        click.echo(json.dumps(as_document(appraisal), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        click.echo(as_text(appraisal))


def _draw(path: Path, appraisal: Appraisal, terminal: Terminal) -> None:
    from pondscan.appraisal.figure import MOST_PANELS, draw
    from pondscan.store.atomic import write_bytes

    write_bytes(path, draw(appraisal.parts))
    n_left_out = len(appraisal.parts) - MOST_PANELS
    if n_left_out > 0:
        terminal.say(
            f"{path} shows the newest {MOST_PANELS} scenes, {n_left_out} more are left out: choose with --date"
        )
