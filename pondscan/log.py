"""What a command says while it works: the one shape of it, whoever listens."""

from __future__ import annotations

from typing import Protocol


class Log(Protocol):
    """Where sentences for a person go, and events for a program."""

    def __call__(
        self, sentence: str, /, *, verbosity: int = 0, event: str = "note", scene_id: str | None = None
    ) -> None:
        """Take one sentence.

        Parameters
        ----------
        verbosity
            0 matters to everyone, 1 is a step of the work.
        event
            What happened, as a word for programs: `note`, `setting_changed`, `scene_done`, `scene_failed`, `warning` …
        scene_id
            The scene it is about.
        """
        ...


def unheard(_sentence: str, /, *, verbosity: int = 0, event: str = "note", scene_id: str | None = None) -> None:
    """Say nothing."""
