"""``pondscan monitor``: a folder watched, its new scenes processed, what changed told once."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from pondscan.cli.options import json_option, verbosity_options
from pondscan.cli.terminal import Terminal, terminal_of

if TYPE_CHECKING:
    from pondscan.monitor.passes import PassReport
    from pondscan.monitor.settings import MonitorFile


class Stopped(BaseException):
    """SIGTERM or SIGINT came."""


@click.command(
    short_help="Watch a folder, process what comes, tell what changed.",
    epilog="""\b
Examples:
  pondscan check monitor.toml                is everything there that it needs
  pondscan monitor monitor.toml --once       one pass, for cron and systemd timers
  pondscan monitor monitor.toml              passes until SIGTERM, every monitor.interval_s seconds
  pondscan monitor monitor.toml --status     when did it last succeed, what is waiting, what failed

\b
Exit codes: 0 done, also when nothing was new or another monitor is at work on the workspace
            1 the pass failed; with --status: the monitor needs someone
            2 wrong usage or configuration
            3 done, but some scenes failed""",
)
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--once", is_flag=True, help="One pass, then leave.")
@click.option("--status", is_flag=True, help="Say how the monitor is doing; change nothing.")
@json_option
@verbosity_options
@click.pass_context
def monitor(ctx: click.Context, config_file: Path, once: bool, status: bool, as_json: bool) -> None:
    """Watch a folder, process new scenes, and raise alerts about what changed on the ground.

    CONFIG is a settings file with a [monitor] table: the folder, the workspace, the rules, and who is told.
    Files still being copied are waited for; every alert is raised once.
    """
    from pondscan.errors import WorkspaceBusyError
    from pondscan.monitor import passes
    from pondscan.monitor.deliver import senders
    from pondscan.monitor.settings import read_monitor_file

    if once and status:
        raise click.UsageError("--once and --status contradict each other, give one of them")
    file = read_monitor_file(config_file)
    if status:
        ctx.exit(_show_status(file, as_json=as_json))
    senders(file.monitor)
    terminal = terminal_of(ctx)
    terminal.is_json = file.settings.log.format == "json"
    try:
        with passes.only_monitor(file.out), _stopping():
            code = _show(passes.run_pass(file, log=terminal.say), terminal, as_json) if once else 0
            if not once:
                _loop(config_file, terminal, as_json)
    except WorkspaceBusyError:
        terminal.say(f"another monitor is at work on {file.out}: nothing to do here")
        code = 0
    except Stopped as stopped:
        terminal.say("stopped; what was finished is kept")
        code = 128 + stopped.args[0] if once else 0
    ctx.exit(code)


def _loop(config_file: Path, terminal: Terminal, as_json: bool) -> None:
    """Pass after pass, until stopped; one that fails is said, and the next one tries again.

    The configuration is read anew each time.
    """
    from pondscan.monitor.passes import run_pass
    from pondscan.monitor.settings import read_monitor_file

    interval_s = 60.0
    while True:
        started = time.monotonic()
        try:
            file = read_monitor_file(config_file)
            interval_s = file.monitor.interval_s
            _show(run_pass(file, log=terminal.say), terminal, as_json)
        except Exception as error:
            terminal.error(f"pass failed: {_in_one_line(error)}")
        time.sleep(max(0.0, interval_s - (time.monotonic() - started)))


def _in_one_line(error: Exception) -> str:
    from pondscan.errors import PondscanError

    said = " ".join(str(error).split())
    return said if isinstance(error, PondscanError | OSError) else f"fault of pondscan: {type(error).__name__}: {said}"


def _show(report: PassReport, terminal: Terminal, as_json: bool) -> int:
    """Print what a pass did, one JSON document a line if asked; nothing about a pass without news."""
    for source, reason in report.failed:
        terminal.error(reason if source in reason else f"{source}: {reason}")
    for problem in (*report.undelivered, *filter(None, [report.note])):
        terminal.error(problem)
    if as_json:
        click.echo(json.dumps(asdict(report), ensure_ascii=False))
        return report.exit_code
    if report.done:
        terminal.say(f"processed: {', '.join(report.done)}")
    if report.waiting:
        terminal.say(f"still coming: {report.waiting} files", verbosity=1)
    for feature in report.alerts:
        click.echo(f"{feature['properties']['tier']:<9}{feature['properties']['message']}")
    return report.exit_code


def _show_status(file: MonitorFile, *, as_json: bool) -> int:
    from pondscan.monitor.status import read_status, to_document, to_lines

    status = read_status(file, now=time.time())
    if as_json:
        click.echo(json.dumps(to_document(status), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(to_lines(status)))
    return status.exit_code


@contextmanager
def _stopping() -> Iterator[None]:
    """Turn the first SIGTERM or SIGINT into ``Stopped``; later ones do not disturb the tidying up."""
    is_stopped = False

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal is_stopped
        if not is_stopped:
            is_stopped = True
            raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
