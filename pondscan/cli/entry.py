"""The ``pondscan`` command: its subcommands, and what becomes of everything that can go wrong in them."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from pondscan import __version__
from pondscan.cli import process
from pondscan.cli.check import check
from pondscan.cli.config import config
from pondscan.cli.evaluate import evaluate
from pondscan.cli.export import export
from pondscan.cli.forget import forget
from pondscan.cli.info import info
from pondscan.cli.monitor import monitor
from pondscan.cli.options import verbosity_options
from pondscan.cli.review import review
from pondscan.cli.run import run
from pondscan.cli.simulate import simulate
from pondscan.cli.survey import survey
from pondscan.cli.terminal import terminal_of
from pondscan.errors import PondscanError

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells have it."""
PIPE_CLOSED = 141
"""Exit code when the reader of stdout went away: 128 + SIGPIPE, as of any filter."""


class PondscanGroup(click.Group):
    """Translates errors into one sentence on stderr and an exit code; a traceback only with ``-v``."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the commands in the order in which they are needed."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; leave with 1 or 2 on errors raised on purpose, with 1 on any other."""
        try:
            with terminal_of(ctx).hearing_libraries():
                return super().invoke(ctx)
        except PondscanError as error:
            terminal_of(ctx).error(str(error))
            ctx.exit(error.exit_code)
        except BrokenPipeError:
            _discard_stdout()
            ctx.exit(PIPE_CLOSED)
        except (OSError, MemoryError) as error:
            _show_traceback_if_verbose(ctx)
            terminal_of(ctx).error(_system_sentence(error))
            ctx.exit(1)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            _show_traceback_if_verbose(ctx)
            terminal_of(ctx).error(_bug_sentence(error))
            ctx.exit(1)

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Parse the arguments, run, and leave the process."""
        extra["standalone_mode"] = False
        process.set_up()
        try:
            code = super().main(args, **extra)
            sys.stdout.flush()
        except BrokenPipeError:
            _discard_stdout()
            sys.exit(PIPE_CLOSED)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            sys.exit(error.exit_code)
        except click.UsageError as error:
            _say(_usage_sentence(error))
            sys.exit(error.exit_code)
        except click.ClickException as error:
            _say(error.format_message())
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            _say("interrupted; what was finished is kept, and the same command goes on from there")
            sys.exit(INTERRUPTED)
        sys.exit(code if isinstance(code, int) else 0)


@click.group(
    cls=PondscanGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
A first census:
  pondscan info scenes/                      what is recognised, and what is not
  pondscan run scenes/ --out census          the census, in the folder census
Run it again when new scenes have come: only they are processed.

\b
Exit codes: 0 done, also when nothing was found · 1 an error, or every scene failed
            2 wrong usage or configuration · 3 done, but some scenes failed""",
)
@verbosity_options
@click.version_option(__version__, message="pondscan %(version)s")
def cli() -> None:
    """Turn multispectral scenes into a census of leach ponds.

    Every pond outlined, every site dated, every number with its error bar; from your own files, offline.
    """


for command in (run, info, config, check, monitor, forget, review, survey, export, simulate, evaluate):
    cli.add_command(command)


def main() -> NoReturn:
    """Run the command line; the entry point of the ``pondscan`` script."""
    try:
        cli.main(prog_name="pondscan")
    except SystemExit as end:
        process.leave(end.code if isinstance(end.code, int) else 0)


def _say(sentence: str) -> None:
    click.echo(f"pondscan: {sentence}", err=True)


def _show_traceback_if_verbose(ctx: click.Context) -> None:
    if terminal_of(ctx).verbosity > 0:
        traceback.print_exc()


def _system_sentence(error: OSError | MemoryError) -> str:
    """Say what the system refused, and where."""
    if isinstance(error, MemoryError):
        return "not enough memory; use fewer --workers or smaller tiles (--set tiles.size_px=512)"
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"


def _bug_sentence(error: Exception) -> str:
    return (
        f"this is a fault of pondscan {__version__}: {type(error).__name__}: {' '.join(str(error).split())}; "
        "please report it with the output of the same command with -v"
    )


def _usage_sentence(error: click.UsageError) -> str:
    message = error.format_message().rstrip(".?").replace(". Did you mean", ", did you mean")
    command = error.ctx.command_path if error.ctx else "pondscan"
    return f"{message[:1].lower()}{message[1:]}; see '{command} --help'"


def _discard_stdout() -> None:
    """Keep the interpreter from complaining, at exit, about a pipe that nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
