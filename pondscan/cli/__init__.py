"""The command line: one file per command; the library raises, this package prints and chooses the exit code.

Only click is imported here. Commands import what they need inside their functions, so that ``--help`` is instant.
"""

from pondscan.cli.entry import main

__all__ = ["main"]
