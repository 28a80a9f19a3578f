"""``pondscan info``: what the inputs are taken for, or why they are refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pondscan.cli.check import sentence_about
from pondscan.cli.options import input_options, json_option, settings_from, verbosity_options
from pondscan.cli.terminal import terminal_of

if TYPE_CHECKING:
    from pondscan.config import MaskSettings
    from pondscan.model import Band, Scene
    from pondscan.scenes import Discovery

IGNORED_SHOWN = 10
"""Ignored files that are named; with ``-v`` all of them are."""


@click.command(
    short_help="Say what inputs are taken for, or why they are refused.",
    epilog="""\b
Examples:
  pondscan info scenes/                                everything in a folder
  pondscan info image.tif --bands blue,green,red,nir   a GeoTIFF that does not name its bands
  pondscan info scenes/ --json | jq '.scenes[].scene_id'

\b
Exit codes: 0 every input is recognised · 1 none is · 2 wrong usage or configuration
            3 some are not""",
)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@input_options
@json_option
@verbosity_options
@click.pass_context
def info(
    ctx: click.Context,
    inputs: tuple[str, ...],
    config_file: Path | None,
    assignments: tuple[str, ...],
    bands: str | None,
    acquired: str | None,
    as_json: bool,
) -> None:
    """Say what each INPUT is taken for, or why it is refused.

    Nothing is processed: the bands and their roles, scale and offset, masks, date and grid are shown as `run` would
    use them. An INPUT is a file, a product folder or archive, or a folder or glob of them.
    """
    from pondscan.scenes import discover

    settings = settings_from(
        config_file, assignments, bands=("input.bands", bands), datetime=("input.acquired", acquired)
    )
    found = discover(inputs, settings)
    if as_json:
        click.echo(json.dumps(to_document(found), indent=2, ensure_ascii=False))
    else:
        click.echo("\n\n".join(describe(scene, settings.mask) for scene in found.scenes), nl=bool(found.scenes))
        _say_what_is_left(ctx, found)
    ctx.exit(exit_code(found))


def exit_code(found: Discovery) -> int:
    """0 when all is recognised, 3 when some is not, 1 when nothing is."""
    if not found.scenes:
        return 1
    return 3 if found.failures else 0


def to_document(found: Discovery) -> dict[str, Any]:
    """Give what was found as plain JSON values."""
    return {
        "scenes": [_scene_document(scene) for scene in found.scenes],
        "failures": [{"source": source, "reason": reason} for source, reason in found.failures],
        "ignored": list(found.ignored),
    }


def describe(scene: Scene, mask: MaskSettings) -> str:
    """Describe a scene in a few aligned lines."""
    rows = [*_facts(scene, mask), *_band_rows(scene), *(("warning", warning) for warning in scene.warnings)]
    lines = [f"  {label:<11}{text}" for label, text in rows]
    return "\n".join([click.style(scene.scene_id, bold=True), *lines])


def _facts(scene: Scene, mask: MaskSettings) -> Iterator[tuple[str, str]]:
    grid = scene.grid
    yield "source", scene.source
    yield "product", " · ".join(filter(None, (scene.product, scene.platform, scene.processing)))
    yield "sensor", scene.sensor
    yield "acquired", f"{scene.datetime:%Y-%m-%d %H:%M:%S} UTC" if scene.datetime else "not known"
    warped = ", the files' own grid is warped to it" if scene.warped else ""
    yield "grid", f"{grid.width} × {grid.height} pixels of {grid.gsd_m:g} m, {grid.crs}{warped}"
    yield "numbers", _CALIBRATION_WORDS[scene.calibrated]
    yield "mask", _mask_words(scene, mask)
    if scene.sun_elevation_deg is not None:
        yield "sun", f"{scene.sun_elevation_deg:.1f}° high"


def _mask_words(scene: Scene, mask: MaskSettings) -> str:
    own = ", ".join(one.role for one in scene.masks)
    words = {"product": own, "screen": "none: screened by pondscan's own cloud test"}
    return words.get(mask.source(has_mask=bool(own)), f"{own}: not used" if own else "none")


_CALIBRATION_WORDS = {
    "reflectance": "surface reflectance",
    "toa": "top-of-atmosphere reflectance: haze is removed by dark objects only",
    "dn": "raw digital numbers: thresholds relative to the scene only",
}


def _band_rows(scene: Scene) -> Iterator[tuple[str, str]]:
    label = "bands"
    for role, band in scene.bands.items():
        yield label, f"{role:<9}{_band_words(band)}"
        label = ""


def _band_words(band: Band) -> str:
    where = f"{Path(band.path).name} band {band.index}"
    named = f" ({band.name})" if band.name else ""
    offset = f" {'-' if band.offset < 0 else '+'} {abs(band.offset):g}" if band.offset else ""
    nodata = "" if band.nodata is None else f", no data {band.nodata:g}"
    return f"{where}{named}: DN × {band.scale:g}{offset}, {band.gsd_m:g} m{nodata}"


def _scene_document(scene: Scene) -> dict[str, Any]:
    document = asdict(scene)
    document["datetime"] = scene.datetime.isoformat().replace("+00:00", "Z") if scene.datetime else None
    return document


def _say_what_is_left(ctx: click.Context, found: Discovery) -> None:
    """Name what was refused and what was ignored, on stderr."""
    terminal = terminal_of(ctx)
    for source, reason in found.failures:
        click.echo(f"pondscan: {sentence_about(source, reason)}", err=True)
    if not found.ignored:
        return
    terminal.say(f"ignored, for no scene needs them: {len(found.ignored)} file{'s' * (len(found.ignored) > 1)}")
    shown = found.ignored if terminal.verbosity else found.ignored[:IGNORED_SHOWN]
    for name in shown:
        terminal.say(f"  {name}")
    if len(shown) < len(found.ignored):
        terminal.say(f"  … and {len(found.ignored) - len(shown)} more (-v names them)")
