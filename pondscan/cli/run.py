"""``pondscan run``: scenes in, a census out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pondscan.cli.check import sentence_about
from pondscan.cli.options import WORKSPACE_CONFIG, input_options, json_option, settings_from, verbosity_options
from pondscan.cli.terminal import Terminal, terminal_of, text_width

if TYPE_CHECKING:
    from pondscan.summary import RunSummary


@click.command(
    short_help="Turn scenes into a census.",
    epilog="""\b
Examples:
  pondscan run scenes/ --out census                          everything in a folder, into the workspace census/
  pondscan run scenes/ --out census                          again, when scenes have come: only they are processed
  pondscan run a.tif b.tif --out census --bands blue,green,red,nir
  pondscan run scenes/ --out census --aoi district.gpkg --set sites.distance_m=300
  pondscan run scenes/ --out census --dem srtm.tif

\b
Exit codes: 0 done, also when nothing was found (and it says why)
            1 an error, or every scene failed; a workspace that was there is untouched
            2 wrong usage or configuration
            3 done, but some scenes failed: named in run.json and the report, tried again next time""",
)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "--out",
    "out_dir",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Workspace to make or extend.",
)
@input_options
@click.option("--aoi", metavar="FILE", help="Area of interest, any vector file; ponds belong by their centroid.")
@click.option("--dem", metavar="FILE", help="Elevation model, any raster: mountain shadow and slopes hold no ponds.")
@click.option("--mask", type=click.Choice(["auto", "off"]), help="Use the cloud masks there are, or none.")
@click.option("--keep-rejected", is_flag=True, help="Keep rejected candidates, with the reason, in observations/.")
@click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Threads to work with (default: one per core)."
)
@json_option
@verbosity_options
@click.pass_context
def run(
    ctx: click.Context,
    inputs: tuple[str, ...],
    out_dir: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    bands: str | None,
    acquired: str | None,
    aoi: str | None,
    dem: str | None,
    mask: str | None,
    keep_rejected: bool,
    workers: int | None,
    as_json: bool,
) -> None:
    """Turn scenes into a census: ponds outlined, sites dated, areas with error bars.

    An INPUT is a file, a product folder or archive, or a folder or glob of them, of any mixture of dates and sensors.
    The workspace DIR remembers every scene and its settings: run again with more, and only what is new is processed.
    """
    from pondscan.pipeline import run as run_pipeline

    settings = settings_from(
        config_file or _kept_settings(out_dir),
        assignments,
        bands=("input.bands", bands),
        datetime=("input.acquired", acquired),
        aoi=("aoi.path", aoi),
        dem=("terrain.dem", dem),
        mask=("mask.use", mask),
        keep_rejected=("products.keep_rejected", "true" if keep_rejected else None),
    )
    terminal = terminal_of(ctx)
    terminal.is_json = settings.log.format == "json"
    with terminal.progress() as advance:
        summary = run_pipeline(inputs, out_dir, settings, workers=workers, progress=advance, log=terminal.say)
    _conclude(summary, terminal, as_json=as_json)
    ctx.exit(summary.exit_code)


def _conclude(summary: RunSummary, terminal: Terminal, *, as_json: bool) -> None:
    """Print the summary; what failed goes to stderr where no person reads the summary, or nothing else is left."""
    from pondscan.cli.summary import as_document, as_text

    is_all_lost = summary.exit_code == 1
    if as_json or is_all_lost:
        for failure in summary.failed:
            terminal.error(sentence_about(failure.source, failure.reason))
    if as_json:
        click.echo(json.dumps(as_document(summary), indent=2, ensure_ascii=False))
    elif not is_all_lost:
        click.echo(as_text(summary, width=text_width()))


def _kept_settings(out_dir: Path) -> Path | None:
    """Settings of an earlier run into the same workspace, which hold until they are replaced by ``--config``."""
    kept = out_dir / WORKSPACE_CONFIG
    return kept if kept.is_file() else None
