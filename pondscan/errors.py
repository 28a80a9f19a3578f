"""Errors pondscan raises on purpose: each message is one sentence naming what, where and the remedy.

The library raises; the command line prints the sentence and leaves with ``exit_code``.
"""


class PondscanError(Exception):
    """Anything pondscan refuses to do; the message is the whole explanation."""

    exit_code = 1


class InputError(PondscanError, ValueError):
    """An input that cannot be read as a scene, or not without the user's help."""


class WorkspaceError(PondscanError, OSError):
    """A workspace that cannot be read, locked or written."""


class WorkspaceBusyError(WorkspaceError):
    """A workspace that another process is writing to."""


class ConfigError(PondscanError, ValueError):
    """A setting, option or configuration file that is wrong."""

    exit_code = 2
