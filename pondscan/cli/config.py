"""``pondscan config``: every setting, described."""

from __future__ import annotations

import click

from pondscan.cli.options import verbosity_options


@click.command(
    short_help="Print every setting with its meaning, as TOML.",
    epilog="""\b
Examples:
  pondscan config > mine.toml                          keep what you change, delete the rest
  pondscan check mine.toml                             is it right?
  pondscan run scenes/ --out census --config mine.toml

\b
Exit codes: 0.""",
)
@verbosity_options
def config() -> None:
    """Print every setting with its meaning, bounds and default, as TOML.

    The text is itself a valid configuration file: the one that changes nothing.
    """
    from pondscan.config import Settings
    from pondscan.configfile import to_toml

    click.echo(to_toml(Settings()), nl=False)
