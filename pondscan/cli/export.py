"""``pondscan export``: a census in the format another program wants."""

from __future__ import annotations

from pathlib import Path

import click

from pondscan.cli.options import verbosity_options
from pondscan.cli.terminal import terminal_of
from pondscan.handover import FORMATS


def _formats_in_words() -> str:
    """Name the formats, one a line, for the help page."""
    return "\n".join(f"  {name:<11} {one.about}" for name, one in FORMATS.items())


@click.command(
    short_help="Hand a census on in another format.",
    epilog=f"""\b
Formats:
{_formats_in_words()}

\b
Examples:
  pondscan export census --to csv
  pondscan export census --to geoparquet --to kml
  pondscan export census --to dossier --site Swhw19etwy
  pondscan export census --to postgis postgresql://me@localhost/gis

\b
Exit codes: 0 done · 1 no census there, or the files cannot be written · 2 wrong usage""",
)
@click.argument("out_dir", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("url", metavar="[URL]", required=False)
@click.option(
    "--to",
    "format_names",
    required=True,
    multiple=True,
    type=click.Choice(list(FORMATS)),
    metavar="FORMAT",
    help="Format, see below; may be repeated.",
)
@click.option("--site", "site_id", metavar="ID", help="Site of --to dossier, as sites.geojson names it.")
@verbosity_options
@click.pass_context
def export(
    ctx: click.Context, out_dir: Path, url: str | None, format_names: tuple[str, ...], site_id: str | None
) -> None:
    """Write the published products of the workspace DIR in another format.

    Files go to DIR/export/FORMAT/ and replace those of an earlier export. Nothing is measured again, and a run may go
    on meanwhile. ponds.geojson, sites.geojson, pondscan.gpkg and report.html are there already.

    URL names the database of --to postgis. A password is better kept in ~/.pgpass or PGPASSWORD than in it.
    """
    from pondscan.handover import export as hand_over

    wanting = [name for name in format_names if FORMATS[name].needs == "URL"]
    if wanting and url is None:
        raise click.UsageError(f"--to {wanting[0]} needs a URL like postgresql://user@host:5432/database after it")
    if url is not None and not wanting:
        raise click.UsageError("an argument after DIR is the URL of a database, and only --to postgis goes to one")
    of_site = [name for name in format_names if FORMATS[name].needs == "SITE"]
    if of_site and site_id is None:
        raise click.UsageError(f"--to {of_site[0]} needs --site ID, one of those in sites.geojson")
    if site_id is not None and not of_site:
        raise click.UsageError("--site names the site of --to dossier, which is not asked for")
    for name in dict.fromkeys(format_names):
        exported = hand_over(out_dir, name, url=url or "", site_id=site_id or "")
        for note in exported.notes:
            terminal_of(ctx).say(f"note: {note}")
        click.echo(exported.place)
