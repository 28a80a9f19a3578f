"""``pondscan simulate``: scenes of an invented place, or invented mines in a real scene, with their truth."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from pondscan.cli.options import input_options, settings_from, verbosity_options
from pondscan.cli.terminal import terminal_of

if TYPE_CHECKING:
    from pondscan.config import Settings
    from pondscan.model import Scene

DEM = "dem.tif"
"""Elevation model written beside the scenes: for --dem."""

_OF_PLACES = ("sensors", "dates", "cloud_fractions", "preset", "size_m", "product")
"""Parameters of invented places that mean nothing to a real scene."""
_OF_REAL_SCENES = ("config_file", "assignments", "bands", "acquired")
_NOT_OF_KACHIN = ("sensors", "dates", "cloud_fractions", "preset", "product", "n_sites", "into")


@click.command(
    short_help="Write scenes of an invented place, with known truth.",
    epilog="""\b
Examples:
  pondscan simulate --out invented
  pondscan simulate --out invented --sensor sentinel-2 --sensor planetscope \\
      --date 2022-03-12 --date 2023-02-05 --cloud 0 --cloud 0.3
  pondscan simulate --out archive --as safe-l2a
  pondscan simulate --out mixed --into S2A_MSIL2A_20220612.SAFE --sites 20
  pondscan simulate kachin --out kachin
  pondscan run invented --out census

\b
Exit codes: 0 done · 1 a file is in the way or cannot be written, or a scene not read · 2 wrong usage""",
)
@click.argument("replica", required=False, type=click.Choice(["kachin"]), metavar="[kachin]")
@click.option("--out", "out_dir", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Folder to fill.")
@click.option(
    "--into",
    metavar="SCENE",
    help="Lay the mines into this real scene instead of inventing the country around them.",
)
@click.option("--seed", default=1, show_default=True, help="Another number, another place; the same, the same bytes.")
@click.option(
    "--sensor",
    "sensors",
    multiple=True,
    default=("sentinel-2",),
    show_default=True,
    metavar="NAME",
    help="sentinel-2, planetscope, planetscope-8, skysat, naip or landsat; may be repeated.",
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
    help="Country: mixed, forest, village, paddies, shadow, bare, town, farmland, terraces, potholes.",
)
@click.option(
    "--size",
    "size_m",
    default=5000.0,
    show_default=True,
    metavar="METRES",
    help="Side of the square place (kachin: 27000).",
)
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
@input_options
@verbosity_options
@click.pass_context
def simulate(
    ctx: click.Context,
    replica: str | None,
    out_dir: Path,
    into: str | None,
    seed: int,
    sensors: tuple[str, ...],
    dates: tuple[datetime, ...],
    cloud_fractions: tuple[float, ...],
    preset: str,
    size_m: float,
    n_sites: int | None,
    product: str | None,
    config_file: Path | None,
    assignments: tuple[str, ...],
    bands: str | None,
    acquired: str | None,
) -> None:
    """Write scenes of an invented place, their masks, and the truth as GeoJSON.

    Forest and laterite hills with rows of leach ponds, rivers, roofs, fields and clouds, as the sensors would see them:
    for trying pondscan, and for measuring it.

    With --into, mines alone are invented and laid into a real scene that pondscan can read; its other pixels stay as
    they are. --config, --set, --bands and --datetime say how that scene is to be read, as for `run`.

    With kachin, the rare-earth mines of Kachin are invented as they are reported: one pass of March 2022 in strips at
    3 m, and ten years at 10 m. The whole takes half an hour; --size 8000 holds a twelfth of it.
    """
    if replica:
        _simulate_kachin(ctx, out_dir, seed, size_m)
        return
    _refuse_idle_options(ctx, _OF_PLACES if into else _OF_REAL_SCENES, has_scene=bool(into))
    if into:
        settings = settings_from(
            config_file, assignments, bands=("input.bands", bands), datetime=("input.acquired", acquired)
        )
        _simulate_into(ctx, into, out_dir, settings, seed, n_sites)
        return
    from pondscan.report.words import plural
    from pondscan.simulate.elevation import write_dem
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
    dem_path = write_dem(series.place, out_dir / DEM)
    present = series.truth[(series.truth["status"] == "present") & (series.truth["kind"] != "other_water")]
    n_ponds, n_sites_found = present["pond_id"].nunique(), present["site_id"].nunique()
    click.echo(
        f"{plural(len(series.scenes), 'scene')}, {series.truth_path.name} and {dem_path.name} in {out_dir}, with "
        f"{plural(n_ponds, 'pond')} of {plural(n_sites_found, 'site')} to be found; "
        f"try `pondscan run {out_dir} --out census`"
    )


def _simulate_kachin(ctx: click.Context, out_dir: Path, seed: int, size_m: float) -> None:
    """Write the replica of Kachin, and say what came of it."""
    from pondscan.report.words import plural
    from pondscan.simulate.kachin import SIDE_M, STRIPS, simulate_kachin

    _refuse_given(ctx, (*_NOT_OF_KACHIN, *_OF_REAL_SCENES), "means nothing for kachin, whose scenes are what they are")
    terminal = terminal_of(ctx)
    is_given = ctx.get_parameter_source("size_m") is ParameterSource.COMMANDLINE
    made = simulate_kachin(
        out_dir,
        seed=seed,
        side_m=size_m if is_given else SIDE_M,
        on_scene=lambda path: terminal.say(f"{path.name} is written"),
    )
    present = made.truths[0][(made.truths[0]["status"] == "present") & made.truths[0]["site_id"].notna()]
    click.echo(
        f"{plural(len(made.strips), 'strip')} of one pass and {plural(len(made.years), 'year')} in {out_dir}, with "
        f"{plural(present['pond_id'].nunique(), 'pond')} of {plural(present['site_id'].nunique(), 'site')} in sight of "
        f"the pass; try `pondscan run {out_dir / STRIPS} --out census`"
    )


def _refuse_idle_options(ctx: click.Context, names: tuple[str, ...], *, has_scene: bool) -> None:
    """Refuse options that would be without effect."""
    reason = "is for invented places and means nothing with --into" if has_scene else "needs --into SCENE"
    _refuse_given(ctx, names, reason)


def _refuse_given(ctx: click.Context, names: tuple[str, ...], reason: str) -> None:
    options = {parameter.name: parameter.opts[0] for parameter in ctx.command.params}
    for name in names:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{options[name]} {reason}; leave it out", ctx)


def _simulate_into(
    ctx: click.Context, into: str, out_dir: Path, settings: Settings, seed: int, n_sites: int | None
) -> None:
    """Lay mines into one real scene, and say what came of it."""
    from pondscan.report.words import plural
    from pondscan.scenes import open_scene
    from pondscan.simulate.into import simulate_into

    terminal = terminal_of(ctx)
    scene = _the_scene(into, settings)
    with open_scene(scene, settings) as reader:
        made = simulate_into(reader, out_dir, seed=seed, n_sites=n_sites)
    if made.left_out:
        terminal.say(f"left out, for their spectra are not simulated: {', '.join(made.left_out)}")
    present = made.truth[made.truth["status"] == "present"]
    ponds, sites = plural(present["pond_id"].nunique(), "pond"), plural(present["site_id"].nunique(), "site")
    sensor = "" if scene.sensor == "generic" else f" --set input.sensor={scene.sensor}"
    click.echo(
        f"{made.scene_path.name}, its mask and {made.truth_path.name} in {out_dir}, with {ponds} of {sites} "
        f"to be found; try `pondscan run {out_dir}{sensor} --out census`"
    )


def _the_scene(into: str, settings: Settings) -> Scene:
    """The one scene that a path stands for."""
    from pondscan.errors import InputError
    from pondscan.scenes import discover

    found = discover([into], settings)
    if found.scenes and len(found.scenes) > 1:
        named = ", ".join(scene.scene_id for scene in found.scenes[:3])
        raise InputError(f"{into} holds {len(found.scenes)} scenes ({named} …): name one")
    if not found.scenes:
        raise InputError(found.failures[0][1] if found.failures else f"{into} holds no scene: name a raster or product")
    return found.scenes[0]
