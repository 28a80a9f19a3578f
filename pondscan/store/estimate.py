"""What a survey estimated from verdicts, kept in a workspace so that its report can print it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from pondscan.errors import WorkspaceError
from pondscan.store import atomic

NAME = "estimate.json"
NUMBERS = ("value", "lower", "upper")


def save_estimate(folder: Path, document: dict[str, Any]) -> None:
    """Keep an estimate in a workspace, in place of an earlier one.

    Parameters
    ----------
    folder
        The workspace.
    document
        ``paragraph`` in words; ``n_judged`` and ``n_units``, units with a verdict and in the sample; ``n_ponds_mapped``
        when it was drawn; ``rows``, each with ``measure value lower upper meaning``.
    """
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False, sort_keys=True)
    atomic.write_bytes(folder / NAME, (text + "\n").encode())


def read_estimate(folder: Path) -> dict[str, Any] | None:
    """Read the estimate of a workspace, None where it keeps none.

    Raises
    ------
    WorkspaceError
        When the file is damaged.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        numbers = [row[name] for row in document["rows"] for name in NUMBERS]
        words = [document["paragraph"], *(row[name] for row in document["rows"] for name in ("measure", "meaning"))]
        counts = [document[name] for name in ("n_judged", "n_units", "n_ponds_mapped")]
        if all(_is_number(one) for one in numbers) and all(isinstance(one, str) for one in words):
            return document | {"n_judged": int(counts[0]), "n_units": int(counts[1]), "n_ponds_mapped": int(counts[2])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(_damaged(path)) from error
    raise WorkspaceError(_damaged(path))


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and math.isfinite(value))


def _damaged(path: Path) -> str:
    return f"{path}: the estimate of a survey is damaged: repeat `pondscan survey estimate … --keep`, or remove it"
