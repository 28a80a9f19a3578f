"""``pondscan forget``: take a scene out of a workspace."""

from __future__ import annotations

from pathlib import Path

import click

from pondscan.cli.options import verbosity_options
from pondscan.cli.terminal import terminal_of


@click.command(
    short_help="Take a scene out of a census.",
    epilog="""\b
Example:
  pondscan forget census S2A_47RNH_20240217_0_L2A

\b
Exit codes: 0 done · 1 no such workspace or scene · 2 wrong usage""",
)
@click.argument("out_dir", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("scene_id", metavar="SCENE")
@verbosity_options
@click.pass_context
def forget(ctx: click.Context, out_dir: Path, scene_id: str) -> None:
    """Take a scene out of the workspace DIR and rebuild its products without it.

    SCENE is the scene_id that `run.json` and the products name. The input files stay as they are; a later run that is
    given them takes the scene in again.
    """
    from pondscan.pipeline import forget as forget_scene

    forget_scene(out_dir, scene_id)
    terminal_of(ctx).say(f"{scene_id} is forgotten; the products in {out_dir} are rebuilt without it")
