"""``pondscan simulate``: scenes of an invented place, with their truth."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from pondscan.cli.options import verbosity_options
from pondscan.cli.terminal import terminal_of


@click.command(
    short_help="Write scenes of an invented place, with known truth.",
    epilog="""\b
Examples:
  pondscan simulate --out invented
  pondscan simulate --out invented --sensor sentinel-2 --sensor planetscope \\
      --date 2022-03-12 --date 2023-02-05 --cloud 0 --cloud 0.3
  pondscan simulate --out archive --as safe-l2a
  pondscan run invented --out census

\b
Exit codes: 0 done · 1 a file is in the way, or cannot be written · 2 wrong usage""",
)
@click.option("--out", "out_dir", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Folder to fill.")
@click.option("--seed", default=1, show_default=True, help="Another number, another place; the same, the same bytes.")
@click.option(
    "--sensor",
    "sensors",
    multiple=True,
    default=("sentinel-2",),
    show_default=True,
    metavar="NAME",
    help="sentinel-2, planetscope, skysat or landsat; may be repeated.",
)
@click.option(
    "--date",
    "dates",
    multiple=True,
    default=("2022-03-12",),
    show_default=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="Day of a scene of each sensor; may be repeated.",
)
@click.option(
    "--cloud",
    "cloud_fractions",
    multiple=True,
    default=(0.0,),
    show_default=True,
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Share of cloud: one for all, or one for each day.",
)
@click.option(
    "--preset",
    default="mixed",
    show_default=True,
    metavar="NAME",
    help="Country: mixed, forest, village, paddies, shadow, bare, town, farmland.",
)
@click.option("--size", "size_m", default=5000.0, show_default=True, metavar="METRES", help="Side of the square place.")
@click.option(
    "--sites", "n_sites", type=click.IntRange(min=0), metavar="N", help="Mine sites (default: as the country has)."
)
@click.option(
    "--as",
    "product",
    metavar="PRODUCT",
    help="Write agency products instead of GeoTIFFs: safe-l2a, safe-l1c, cog-stac, planetscope, skysat, landsat, "
    "hls-l30, hls-s30 and their variants (a wrong name lists them all).",
)
@verbosity_options
@click.pass_context
def simulate(
    ctx: click.Context,
    out_dir: Path,
    seed: int,
    sensors: tuple[str, ...],
    dates: tuple[datetime, ...],
    cloud_fractions: tuple[float, ...],
    preset: str,
    size_m: float,
    n_sites: int | None,
    product: str | None,
) -> None:
    """Write scenes of an invented place, their masks, and the truth as GeoJSON.

    Forest and laterite hills with rows of leach ponds, rivers, roofs, fields and clouds, as the sensors would see them:
    for trying pondscan, and for measuring it.
    """
    from pondscan.report.words import plural
    from pondscan.simulate.series import simulate_series

    terminal = terminal_of(ctx)
    series = simulate_series(
        out_dir,
        seed=seed,
        sensors=sensors,
        dates=[day.date() for day in dates],
        preset=preset,
        width_m=size_m,
        height_m=size_m,
        n_sites=n_sites,
        cloud_fractions=cloud_fractions,
        product=product,
        on_scene=lambda path: terminal.say(f"{path.name} is written"),
    )
    present = series.truth[(series.truth["status"] == "present") & (series.truth["kind"] != "other_water")]
    n_ponds, n_sites_found = present["pond_id"].nunique(), present["site_id"].nunique()
    click.echo(
        f"{plural(len(series.scenes), 'scene')} and {series.truth_path.name} in {out_dir}, with "
        f"{plural(n_ponds, 'pond')} of {plural(n_sites_found, 'site')} to be found; "
        f"try `pondscan run {out_dir} --out census`"
    )
