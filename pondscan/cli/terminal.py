"""What a person sees while a command works: log lines and progress on stderr, never on stdout."""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import click

WIDEST = 110
"""Columns beyond which lines are hard to read."""

LEVELS = {"scene_failed": "error", "warning": "warning"}
"""Level of events that are no mere information."""

Advance = Callable[[str, int, int], None]
"""Told what is being worked on, how many parts of it are done, and out of how many."""


@dataclass
class Terminal:
    """How much is said, and how."""

    verbosity: int = 0
    """0 what matters, 1 (``-v``) every step, 2 (``-v -v``) everything."""
    is_quiet: bool = False
    is_json: bool = False
    """Whether each line is a JSON object for a program, every step told (``[log] format``)."""

    def louder(self, times: int) -> None:
        """Count ``-v``, before and after the name of the command."""
        self.verbosity += times
        self._refuse_contradiction()

    def hush(self) -> None:
        """Take note of ``-q``."""
        self.is_quiet = True
        self._refuse_contradiction()

    def say(self, sentence: str, *, verbosity: int = 0, event: str = "note", scene_id: str | None = None) -> None:
        """Write one line to stderr where at least this much is wanted (see ``log.Log``)."""
        wanted = max(self.verbosity, 1) if self.is_json else self.verbosity
        if self.is_quiet or wanted < verbosity:
            return
        if self.is_json:
            level = LEVELS.get(event, "debug" if verbosity > 1 else "info")
            click.echo(_as_line(level, event, scene_id, sentence), err=True)
        else:
            click.echo(sentence, err=True)

    def error(self, sentence: str) -> None:
        """Say what went wrong, however quiet it shall be."""
        text = _as_line("error", "error", None, sentence) if self.is_json else f"pondscan: {sentence}"
        click.echo(text, err=True)

    @contextmanager
    def hearing_libraries(self) -> Iterator[None]:
        """Say what libraries log or warn of with ``-v`` only: what matters of it reaches people as our sentences."""
        log = logging.getLogger()
        for earlier in [handler for handler in log.handlers if isinstance(handler, _Relay)]:
            log.removeHandler(earlier)
        log.addHandler(_Relay(self))  # it stays: threads may still be at work when the block ends
        logging.captureWarnings(True)
        try:
            yield
        finally:
            logging.captureWarnings(False)

    @contextmanager
    def progress(self) -> Iterator[Advance]:
        """Show a progress bar while a terminal is there to show it on, and nothing otherwise."""
        if self.is_quiet or self.is_json or not sys.stderr.isatty():
            yield lambda _what, _done, _total: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)

            def advance(what: str, done: int, total: int) -> None:
                """Move the bar; once all is done it only shows that the products are being written."""
                is_left = done < total
                bar.update(
                    task, description=what if is_left else "products", completed=done, total=total if is_left else None
                )

            yield advance

    def _refuse_contradiction(self) -> None:
        if self.is_quiet and self.verbosity:
            raise click.UsageError("-v and -q contradict each other, give one of them")


class _Relay(logging.Handler):
    """Passes log records to a terminal; warnings and worse with ``-v``, all there are with ``-v -v``."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self._terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        """Say one record in one line."""
        text = " ".join(record.getMessage().split())
        is_warning = record.levelno >= logging.WARNING
        self._terminal.say(
            f"{record.name}: {text}", verbosity=1 if is_warning else 2, event="warning" if is_warning else "library"
        )


def _as_line(level: str, event: str, scene_id: str | None, message: str) -> str:
    """One line of a log for programs."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = {"time": now, "level": level, "event": event, "scene_id": scene_id, "message": message}
    return json.dumps(told, ensure_ascii=False)


def text_width() -> int | None:
    """Columns that text on stdout should keep to; None where no terminal shows it."""
    return min(shutil.get_terminal_size().columns, WIDEST) if sys.stdout.isatty() else None


def terminal_of(ctx: click.Context) -> Terminal:
    """Give the one terminal of this call of the command line."""
    return ctx.find_root().ensure_object(Terminal)
