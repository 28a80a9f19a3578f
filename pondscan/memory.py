"""What has been worked out once: the one shape of a memory, whoever keeps it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from numpy.typing import NDArray

Numbers = NDArray[Any]


class Remember(Protocol):
    """Where results are looked up before they are worked out."""

    def __call__(self, key: tuple[str, ...], work_out: Callable[[], Numbers], /) -> Numbers:
        """Return what ``work_out`` returns, from memory where it has been worked out before.

        Parameters
        ----------
        key
            Names the calculation and, by their content, all that the result depends on.
        """
        ...


def forgetful(_key: tuple[str, ...], work_out: Callable[[], Numbers], /) -> Numbers:
    """Work out everything anew."""
    return work_out()
