"""``pondscan check``: whether a run with this configuration would start, and where it would stop."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pondscan.cli.options import json_option, settings_from, verbosity_options

if TYPE_CHECKING:
    from pondscan.config import ContextLayer, Settings
    from pondscan.model import Scene
    from pondscan.monitor.settings import MonitorFile


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question."""

    about: str
    is_well: bool
    sentence: str


@click.command(
    short_help="Check settings, inputs and free space; do no work.",
    epilog="""\b
Examples:
  pondscan check mine.toml                             the settings and the files they name
  pondscan check mine.toml scenes/ --out census        also the scenes, and room for the census

\b
Exit codes: 0 all is well · 1 something would stop or thin a run · 2 wrong usage or configuration""",
)
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.argument("inputs", nargs=-1, metavar="[INPUT...]")
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Workspace to be (default: the monitor's, where CONFIG has one, else here).",
)
@json_option
@verbosity_options
@click.pass_context
def check(ctx: click.Context, config_file: Path, inputs: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """Check settings, the files they name, inputs and free space, and do no work.

    CONFIG is a settings file such as `pondscan config` prints; every INPUT is recognised, none is processed. Where it
    has a [monitor] table, what `pondscan monitor` needs is looked for too.
    """
    from pondscan.monitor.settings import has_monitor, read_monitor_file

    settings = settings_from(config_file, ())
    watched = read_monitor_file(config_file) if has_monitor(config_file) else None
    place = out or (watched.out if watched else Path())
    findings = list(_findings(config_file, settings, inputs, place))
    findings += _about_monitor(watched) if watched else []
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            mark = click.style("ok   ", fg="green") if finding.is_well else click.style("wrong", fg="red")
            click.echo(f"{mark}  {finding.about:<9} {finding.sentence}")
    ctx.exit(0 if all(finding.is_well for finding in findings) else 1)


def _findings(config_file: Path, settings: Settings, inputs: tuple[str, ...], out: Path) -> Iterator[Finding]:
    yield _about_settings(config_file, settings)
    if settings.aoi.path:
        yield _about_aoi(Path(settings.aoi.path))
    if settings.terrain.dem:
        yield _about_dem(settings.terrain.dem)
    yield from _about_context(settings)
    scenes: tuple[Scene, ...] = ()
    if inputs:
        from pondscan.scenes import discover

        found = discover(inputs, settings)
        scenes = tuple(found.scenes)
        yield Finding(
            "inputs", bool(found.scenes), f"{len(found.scenes)} recognised, {len(found.ignored)} files ignored"
        )
        yield from (Finding("input", False, sentence_about(*failure)) for failure in found.failures)
    from pondscan.store.retention import MEGABYTE, space_needed

    needed_bytes = space_needed(scenes) + round(settings.storage.min_free_mb * MEGABYTE)
    yield _about_folder(out, needed_bytes=needed_bytes)


def sentence_about(source: str, reason: str) -> str:
    """Join a source and the reason it was refused, naming the source once."""
    return reason if source in reason else f"{source}: {reason}"


def _about_settings(config_file: Path, settings: Settings) -> Finding:
    from pondscan.config import Settings as Defaults
    from pondscan.configfile import differences

    changed = differences(Defaults(), settings)
    return Finding("settings", True, f"{config_file}: {'; '.join(changed) or 'the defaults'}")


def _about_aoi(path: Path) -> Finding:
    import shapely

    from pondscan.errors import PondscanError
    from pondscan.store.aoi import read_aoi

    try:
        west, south, east, north = shapely.bounds(read_aoi(path))
    except PondscanError as error:
        return Finding("aoi", False, str(error))
    return Finding("aoi", True, f"{path}: {west:.4f}° to {east:.4f}° east, {south:.4f}° to {north:.4f}° north")


def _about_dem(path: str) -> Finding:
    from pondscan.errors import PondscanError
    from pondscan.scenes.elevation import bounds_of

    try:
        west, south, east, north = bounds_of(path)
    except PondscanError as error:
        return Finding("dem", False, str(error))
    return Finding("dem", True, f"{path}: {west:.4f}° to {east:.4f}° east, {south:.4f}° to {north:.4f}° north")


def _about_context(settings: Settings) -> Iterator[Finding]:
    """Read events and series, and name columns of theirs that pondscan does not know."""
    from pondscan.context.records import EVENT_COLUMNS, SERIES_COLUMNS, read_events, read_series, unused_columns
    from pondscan.errors import PondscanError

    context = settings.context
    kinds = (("events", context.events, EVENT_COLUMNS), ("series", context.series, SERIES_COLUMNS))
    for kind, paths, columns in kinds:
        for path in paths:
            try:
                read = read_events([path]) if kind == "events" else read_series([path])
                unused = ", ".join(unused_columns(path, columns))
            except PondscanError as error:
                yield Finding(kind, False, str(error))
                continue
            span = f", {read[0].written} to {read[-1].written}" if kind == "events" and read else ""
            told = f"{len(read)} {kind if kind == 'events' else 'values'}{span}"
            yield Finding(kind, True, f"{path}: {told}{f'; columns not used: {unused}' if unused else ''}")
    if context.layers:
        yield from _about_layers(context.layers)


def _about_layers(layers: Iterable[ContextLayer]) -> Iterator[Finding]:
    from pondscan.context.layers import check_layer, columns
    from pondscan.errors import PondscanError

    for layer in layers:
        try:
            about = check_layer(layer)
        except PondscanError as error:
            yield Finding("layer", False, str(error))
            continue
        added = ", ".join(column.name for column in columns([layer]))
        count = f"{about['features']} objects ({about['geometry_type']})"
        yield Finding("layer", True, f"{layer.path}: {count}, adds {added} to sites")


def _about_monitor(file: MonitorFile) -> Iterator[Finding]:
    """Look for the watched folder, and for whoever is to be told."""
    from pondscan.errors import ConfigError
    from pondscan.monitor.deliver import senders

    is_there = file.folder.is_dir() and os.access(file.folder, os.R_OK | os.X_OK)
    state = "can be read" if is_there else "is no folder that can be read, mount or make it"
    yield Finding("watched", is_there, f"{file.folder}: {state}")
    heartbeat = file.monitor.heartbeat
    if heartbeat is not None and not os.access(Path(heartbeat).parent, os.W_OK):
        yield Finding("heartbeat", False, f"{heartbeat}: its folder cannot be written, name another file")
    command = file.monitor.command
    if command is not None and shutil.which(command.run[0]) is None:
        yield Finding("command", False, f"{command.run[0]}: there is no such program, give its whole path")
    try:
        names = ", ".join(senders(file.monitor)) or "by files in the workspace alone"
    except ConfigError as error:
        yield Finding("told", False, str(error))
    else:
        yield Finding("told", True, f"alerts go out {names}")


def _about_folder(out: Path, *, needed_bytes: int) -> Finding:
    """Try to write beside the workspace to be, and compare the free space with what a run leaves."""
    folder = out.absolute()
    if folder.exists() and not folder.is_dir():
        return Finding("folder", False, f"{out}: this is a file, give a folder with --out")
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding("folder", False, f"{out}: cannot be written ({error.strerror}), give another folder with --out")
    room = f"{free_bytes / 1e9:.1f} GB free, about {needed_bytes / 1e9:.2f} GB needed"
    return Finding("folder", free_bytes >= needed_bytes, f"{out}: can be written, {room}")
