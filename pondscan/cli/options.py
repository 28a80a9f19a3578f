"""Options that several commands share, each written once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pondscan.cli.terminal import terminal_of

if TYPE_CHECKING:
    from pondscan.config import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

WORKSPACE_CONFIG = "config.toml"
"""Where a workspace keeps its settings."""


def verbosity_options(command: Command) -> Command:
    """Add ``-v`` and ``-q``, which mean the same before and after the name of the command."""
    command = click.option(
        "-v", "--verbose", count=True, expose_value=False, callback=_more, help="Say more; twice: everything."
    )(command)
    return click.option(
        "-q", "--quiet", is_flag=True, expose_value=False, callback=_less, help="Say nothing but errors and results."
    )(command)


def json_option(command: Command) -> Command:
    """Add ``--json``: the result as one JSON document on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(command)


def input_options(command: Command) -> Command:
    """Add what says how files are read where they do not say it themselves."""
    options = (
        click.option(
            "--config", "config_file", type=click.Path(path_type=Path), metavar="FILE", help="Settings, TOML."
        ),
        click.option(
            "--set", "assignments", multiple=True, metavar="SECTION.KEY=VALUE", help="One setting; may be repeated."
        ),
        click.option("--bands", metavar="ROLES", help="Roles in file order, `-` skips: blue,green,red,nir."),
        click.option("--datetime", "acquired", metavar="ISO", help="Acquisition time of one undated scene."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def settings_from(base: Path | None, assignments: tuple[str, ...], **options: tuple[str, str | None]) -> Settings:
    """Lay the settings of a command: defaults, below a file, below ``--set``, below single options.

    Parameters
    ----------
    base
        A configuration file, or None for the defaults.
    assignments
        Values of ``--set``.
    **options
        Option name → (key of the setting it stands for, its value or None when it was not given).
    """
    from pondscan.configfile import assignment_layer, load_settings, option_layer, read_layer

    layers = [read_layer(base)] if base else []
    layers.append(assignment_layer(assignments))
    layers += [
        option_layer(f"--{name.replace('_', '-')}", key, text)
        for name, (key, text) in options.items()
        if text is not None
    ]
    return load_settings(layers)


def _more(ctx: click.Context, _param: click.Parameter, times: int) -> None:
    terminal_of(ctx).louder(times)


def _less(ctx: click.Context, _param: click.Parameter, is_quiet: bool) -> None:
    if is_quiet:
        terminal_of(ctx).hush()
