"""A product appears whole or not at all: folders, archives, and the text files inside them."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from pondscan.errors import InputError


@contextmanager
def new_product(folder: Path, name: str) -> Iterator[Path]:
    """Give an empty folder to fill, which takes its name ``folder / name`` when the ``with`` ends well."""
    with _workroom(folder, name) as room:
        product = room / name
        product.mkdir()
        yield product
        product.rename(folder / name)


@contextmanager
def new_archive(folder: Path, name: str, member: str, when: datetime) -> Iterator[Path]:
    """Give an empty folder to fill, which becomes the archive ``folder / name`` (.zip or .tar).

    ``member`` is the folder's name inside the archive, empty for files at its top. Every member carries the
    time ``when``, so that the same product has the same bytes.
    """
    with _workroom(folder, name) as room:
        content = room / "content"
        (content / member).mkdir(parents=True)
        yield content / member
        pack = _pack_zip if name.endswith(".zip") else _pack_tar
        pack(content, room / name, when)
        (room / name).rename(folder / name)


@contextmanager
def _workroom(folder: Path, name: str) -> Iterator[Path]:
    if (folder / name).exists():
        raise InputError(f"{folder / name} exists already: remove it, or choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder))
    try:
        yield room
    finally:
        shutil.rmtree(room)


def _members(content: Path) -> list[Path]:
    return sorted(path for path in content.rglob("*") if path.is_file())


def _pack_zip(content: Path, archive: Path, when: datetime) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in _members(content):
            entry = zipfile.ZipInfo(path.relative_to(content).as_posix(), when.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, path.read_bytes())


def _pack_tar(content: Path, archive: Path, when: datetime) -> None:
    with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as packed:
        for path in _members(content):
            entry = tarfile.TarInfo(path.relative_to(content).as_posix())
            entry.size, entry.mtime, entry.mode = path.stat().st_size, int(when.timestamp()), 0o644
            with path.open("rb") as stream:
                packed.addfile(entry, stream)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("pondscan.simulate.agency"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def write_xml(path: Path, template: str, **values: Any) -> None:
    """Fill a metadata template of this package and write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_templates().get_template(template).render(values), encoding="utf-8", newline="\n")


def iso_z(when: datetime, timespec: str = "milliseconds") -> str:
    """ISO 8601 with ``Z`` for an aware UTC time: ``2022-03-15T03:50:12.000Z``."""
    return when.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"
