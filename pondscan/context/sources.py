"""The files that a census takes its context from: read, checked before any work, and known by their content."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pondscan.config import ContextSettings
from pondscan.context.records import Event, Value, read_events, read_series
from pondscan.errors import InputError
from pondscan.hashing import input_sha256


@dataclass(frozen=True, slots=True)
class ContextFile:
    """One file, by content."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Context:
    """What is known from elsewhere."""

    events: tuple[Event, ...] = ()
    series: tuple[Value, ...] = ()


def read_context(settings: ContextSettings) -> Context:
    """Read events and series.

    Raises
    ------
    InputError
        Naming file, line and value of what cannot be read.
    """
    return Context(read_events(settings.events), read_series(settings.series))


def check_context(settings: ContextSettings) -> None:
    """Refuse what publishing would refuse, before any work is done.

    Raises
    ------
    InputError
        Naming file, line and value of what cannot be read.
    """
    read_context(settings)
    if settings.layers:
        from pondscan.context.layers import check_layer

        for layer in settings.layers:
            check_layer(layer)


def files_of(settings: ContextSettings) -> tuple[ContextFile, ...]:
    """Identify every file that is named, in their order, by its content.

    Raises
    ------
    InputError
        When one cannot be read.
    """
    return tuple(_identified(path) for path in _paths(settings))


def _paths(settings: ContextSettings) -> Iterator[Path]:
    yield from map(Path, (*settings.events, *settings.series))
    for layer in settings.layers:
        yield from _files_of_layer(Path(layer.path))


def _files_of_layer(path: Path) -> list[Path]:
    """Every file that a vector file consists of: a folder's, and beside a shapefile those of its name."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    if path.suffix.lower() == ".shp":
        return [path, *sorted(file for file in path.parent.glob(f"{glob.escape(path.stem)}.*") if file != path)]
    return [path]


def _identified(path: Path) -> ContextFile:
    try:
        return ContextFile(str(path), path.stat().st_size, input_sha256(path))
    except OSError as error:
        raise InputError(f"{path}: it cannot be read ({error.strerror}): check the path under [context]") from None
