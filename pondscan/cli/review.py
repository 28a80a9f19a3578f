"""``pondscan review``: hand ponds out to be judged, and take the verdicts back into the census."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from pondscan.cli.options import verbosity_options
from pondscan.cli.terminal import terminal_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from geopandas import GeoDataFrame

    from pondscan.follow.products import Products

Command = TypeVar("Command", bound="Callable[..., None]")

workspace_argument = click.argument("out_dir", metavar="DIR", type=click.Path(path_type=Path))


@click.group(
    short_help="Judge ponds by eye, and have the verdicts count.",
    epilog="""\b
The round trip:
  pondscan review export census --uncertain --out judge.gpkg     open it in QGIS, fill in the column `verdict`
  pondscan review apply census judge.gpkg --reviewer "A. Analyst"
  pondscan review serve census --uncertain                       the same in a browser, by keyboard

\b
Exit codes: 0 done · 1 no such workspace, or a file that is not of this census · 2 wrong usage""",
)
def review() -> None:
    """Judge ponds by eye: accept, reject, redraw, add.

    Verdicts live in the workspace (`verdicts.geojson`), with who gave them and when. They hold for the place, survive
    new scenes and changed settings, and change every product; the observations themselves are never changed.
    """


def which_ponds(command: Command) -> Command:
    """Add the options that say which ponds are to be judged."""
    options = (
        click.option("--sample", type=click.IntRange(min=1), metavar="N", help="N of them, all confidences alike."),
        click.option("--uncertain", is_flag=True, help="Confidence between 0.2 and 0.8, the least sure first."),
        click.option("--all", "everything", is_flag=True, help="Every candidate, believed or not."),
        click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Of the draw of --sample."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@review.command(
    "export",
    short_help="Hand ponds out in a GeoPackage.",
    epilog="""\b
In QGIS: set `verdict` to accepted, rejected or unsure; delete what is no pond; redraw an outline that is wrong; draw a
pond that is missing. What is left empty says nothing.""",
)
@workspace_argument
@which_ponds
@click.option(
    "--out", "path", type=click.Path(path_type=Path), metavar="FILE.gpkg", help="Default: review.gpkg in DIR."
)
@verbosity_options
@click.pass_context
def export(
    ctx: click.Context,
    out_dir: Path,
    sample: int | None,
    uncertain: bool,
    everything: bool,
    seed: int,
    path: Path | None,
) -> None:
    """Write ponds of the workspace DIR into a GeoPackage to be judged."""
    path = path or out_dir / "review.gpkg"
    if path.suffix.lower() != ".gpkg":
        raise click.BadParameter(f"'{path}' does not end in .gpkg", param_hint="'--out'")
    from pondscan.review.package import write_review

    census, chosen = _chosen(ctx, out_dir, sample=sample, uncertain=uncertain, everything=everything, seed=seed)
    ponds = census.ponds
    write_review(path, chosen, newest=ponds["last_seen"].max() if len(ponds) else None)
    click.echo(f"{len(chosen)} of {len(ponds)} candidates to judge: {path}")


@review.command(
    "serve",
    short_help="Judge ponds in a browser, by keyboard.",
    epilog="""\b
Keys: A accept, R reject, U unsure, N note, F false colour, arrows for other ponds. Every verdict is written at once;
when you are done, end this command with Ctrl-C and take the verdicts in with the line it prints.

\b
The page is for this machine alone: loopback address, a token made anew for every run.""",
)
@workspace_argument
@which_ponds
@click.option(
    "--survey", "sheet", type=click.Path(path_type=Path), metavar="FILE.gpkg", help="What `survey design` drew."
)
@click.option("--reviewer", metavar="NAME", help="Who judges (default: your login name).")
@click.option("--file", "path", type=click.Path(path_type=Path), metavar="FILE.geojson", help="Where verdicts go.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Default: any that is free.")
@click.option("--no-browser", is_flag=True, help="Print the address, open nothing.")
@verbosity_options
@click.pass_context
def serve(
    ctx: click.Context,
    out_dir: Path,
    sample: int | None,
    uncertain: bool,
    everything: bool,
    seed: int,
    sheet: Path | None,
    reviewer: str | None,
    path: Path | None,
    port: int,
    no_browser: bool,
) -> None:
    """Show ponds of the workspace DIR on a page, on every date, and take down what you say of them."""
    from pondscan.review.desk import Desk
    from pondscan.review.server import ReviewServer
    from pondscan.store import Workspace

    if sheet is not None:
        if sample is not None or uncertain or everything:
            raise click.UsageError("--survey says which ponds: leave out --sample, --uncertain and --all", ctx)
        chosen, census = _survey_units(out_dir, sheet)
        others: GeoDataFrame | None = census.ponds
        path = path or sheet.with_suffix(".geojson")
    else:
        census, chosen = _chosen(ctx, out_dir, sample=sample, uncertain=uncertain, everything=everything, seed=seed)
        others, path = None, path or out_dir / "review.geojson"
    desk = Desk(Workspace(out_dir), chosen, path, reviewer or _login(), others, census.placements)
    with ReviewServer(desk, port) as server:
        click.echo(server.url)
        if not no_browser:
            click.launch(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            terminal_of(ctx).say("")
    if desk.said:
        then = f"pondscan survey estimate {sheet} {path}" if sheet else f"pondscan review apply {out_dir} {path}"
        click.echo(f"{len(desk.said)} verdicts in {path}; take them in: {then}")
    else:
        click.echo("nothing was said")


@review.command(
    "apply",
    short_help="Take verdicts back into the census.",
    epilog="""\b
FILE is what `pondscan review export` or `serve` wrote, edited; or a CSV: pond_id,verdict,note,reviewer,judged.

\b
Exit codes: 0 done · 1 a file that is not of this census, or a wrong value in it: nothing is changed · 2 wrong usage""",
)
@workspace_argument
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--reviewer", metavar="NAME", help="Who judged, where FILE does not say (default: your login name).")
@verbosity_options
def apply(out_dir: Path, path: Path, reviewer: str | None) -> None:
    """Take the verdicts in FILE into the workspace DIR, and build its products with them.

    A pond that was handed out and is missing from a GeoPackage counts as rejected, one with another outline as redrawn,
    one without pond_id as added.
    """
    from pondscan.pipeline import take_verdicts
    from pondscan.review.reading import read_verdicts

    census = _candidates(out_dir)
    now = datetime.now(UTC).replace(microsecond=0)
    verdicts = read_verdicts(path, census, reviewer=reviewer or _login(), now=now)
    n_new = take_verdicts(out_dir, verdicts)
    click.echo(_told(verdicts, n_new))


def _chosen(
    ctx: click.Context, out_dir: Path, *, sample: int | None, uncertain: bool, everything: bool, seed: int
) -> tuple[Products, GeoDataFrame]:
    """Census of a workspace with all candidates, and the ponds to judge."""
    if (sample is not None) + uncertain + everything != 1:
        raise click.UsageError("say which ponds: one of --sample N, --uncertain and --all", ctx)
    from pondscan.review import selection

    census = _candidates(out_dir)
    chosen = selection.chosen(census.ponds, n_sample=sample, only_uncertain=uncertain, seed=seed)
    if chosen.empty:
        terminal_of(ctx).say("there is none to judge: every candidate is sure, or judged already")
    return census, chosen


def _survey_units(out_dir: Path, path: Path) -> tuple[GeoDataFrame, Products]:
    """Units of a survey, outlines and squares, and the census with every outline that it has."""
    import geopandas as gpd
    import pandas as pd

    from pondscan.review.sheet import read_sheet

    sheet = read_sheet(path)
    squares = sheet.squares.rename(columns={"square_id": "pond_id"})
    units = gpd.GeoDataFrame(
        pd.concat([sheet.ponds[sheet.ponds["pond_id"].notna()], squares], ignore_index=True), crs=sheet.squares.crs
    )
    return units, _candidates(out_dir)


def _candidates(out_dir: Path) -> Products:
    from pondscan.review.selection import candidates
    from pondscan.store import Workspace

    return candidates(Workspace(out_dir))


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise click.UsageError("this login has no name: say who judged with --reviewer NAME") from error


def _told(verdicts: GeoDataFrame, n_new: int) -> str:
    """Say what came back, and how much of it is new."""
    counts = verdicts["verdict"].value_counts()
    said = ", ".join(f"{counts[name]} {name}" for name in ("accepted", "rejected", "unsure") if name in counts)
    n_drawn, n_added = int(verdicts["is_drawn"].sum()), int(verdicts["pond_id"].isna().sum())
    drawn = f" ({n_drawn - n_added} redrawn, {n_added} added)" if n_drawn else ""
    new = "all of them new" if n_new == len(verdicts) else f"{n_new} of them new"
    return f"{len(verdicts)} verdicts: {said or 'none'}{drawn}; {new}"
