"""The files of a folder or of an archive, under one face: product readers never care which one it is."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from pondscan.errors import InputError

Kind = Literal["folder", "zip", "tar"]

RASTER_SUFFIXES = frozenset({".tif", ".tiff", ".jp2", ".vrt", ".img"})
"""Files that are tried as rasters when a folder is walked; a file the user names is always tried."""

COMPANION_SUFFIXES = (".aux.xml", ".ovr", ".msk", ".tfw", ".prj", ".j2w")
"""Files that belong to a raster of the same name."""

_QUALITY_FOLDER = "QI_DATA"
"""Where a Sentinel-2 granule keeps its masks, named after bands: not to be taken for these."""

_ARCHIVES: dict[str, Kind] = {".zip": "zip", ".tar": "tar"}


@dataclass(frozen=True, slots=True)
class Listing:
    """Files below one root, as sorted relative POSIX paths."""

    root: str
    """The folder or archive as the user knows it."""
    kind: Kind
    files: tuple[str, ...]

    def gdal_path(self, file: str) -> str:
        """Path GDAL opens."""
        if self.kind == "folder":
            return str(Path(self.root) / file)
        return f"/vsi{self.kind}/{Path(self.root).absolute()}/{file}"

    def read(self, file: str) -> bytes:
        """Whole content of a (small) file.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        try:
            if self.kind == "folder":
                return (Path(self.root) / file).read_bytes()
            return _read_zip(self.root, file) if self.kind == "zip" else _read_tar(self.root, file)
        except (OSError, zipfile.BadZipFile, tarfile.TarError, KeyError) as error:
            raise InputError(f"{self.shown(file)} cannot be read ({error}): check that the copy is complete") from error

    def shown(self, file: str) -> str:
        """Path of a file in words the user recognises."""
        return str(Path(self.root) / file)

    def origin(self, file: str) -> str:
        """The file on disk that holds ``file``: itself, or the archive."""
        return self.shown(file) if self.kind == "folder" else self.root

    def below(self, folder: str) -> tuple[str, ...]:
        """Files in ``folder`` and its subfolders (``""`` is the root)."""
        prefix = f"{folder}/" if folder else ""
        return tuple(file for file in self.files if file.startswith(prefix))

    def beside(self, folder: str) -> tuple[str, ...]:
        """Files directly in ``folder``."""
        return tuple(file for file in self.below(folder) if parent(file) == folder)


def parent(file: str) -> str:
    """Folder of a listed file, ``""`` at the root."""
    folder = str(PurePosixPath(file).parent)
    return "" if folder == "." else folder


def depth(file: str) -> int:
    """Folders a listed file lies below the root."""
    return file.count("/")


def name(file: str) -> str:
    """Last part of a listed path."""
    return PurePosixPath(file).name


def stem(file: str) -> str:
    """Last part of a listed path without its suffix."""
    return PurePosixPath(file).stem


def is_archive(path: str) -> bool:
    """Whether the name is that of an archive pondscan reads in place."""
    return Path(path).suffix.lower() in _ARCHIVES


def is_raster(path: str) -> bool:
    """Whether the name is that of a raster."""
    return Path(path).suffix.lower() in RASTER_SUFFIXES


def companions(files: Iterable[str]) -> set[str]:
    """Files that only accompany another listed file: statistics, overviews, world files, Sentinel-2 quality layers."""
    listed = set(files)
    stems = {str(PurePosixPath(file).with_suffix("")) for file in listed if is_raster(file)}
    quality = {file for file in listed if name(parent(file)) == _QUALITY_FOLDER}
    return quality | {
        file
        for file in listed
        for suffix in COMPANION_SUFFIXES
        if file.lower().endswith(suffix) and (file[: -len(suffix)] in listed or file[: -len(suffix)] in stems)
    }


def list_folder(folder: str | Path, *, recursive: bool = True) -> Listing:
    """Files of a folder; hidden files and folders are left out."""
    root = Path(folder)
    found = root.rglob("*") if recursive else root.glob("*")
    relative = (path.relative_to(root) for path in found if path.is_file())
    files = sorted(path.as_posix() for path in relative if not any(part.startswith(".") for part in path.parts))
    return Listing(str(folder), "folder", tuple(files))


def list_archive(path: str | Path) -> Listing:
    """Files of a .zip or .tar archive.

    Raises
    ------
    InputError
        If the archive is damaged.
    """
    kind = _ARCHIVES[Path(path).suffix.lower()]
    try:
        if kind == "zip":
            with zipfile.ZipFile(path) as archive:
                files = [info.filename for info in archive.infolist() if not info.is_dir()]
        else:
            with tarfile.open(path) as archive:
                files = [member.name for member in archive.getmembers() if member.isfile()]
    except (OSError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise InputError(f"{path} cannot be read as an archive ({error}): fetch it again") from error
    return Listing(str(path), kind, tuple(sorted(file.removeprefix("./") for file in files)))


def read_gdal_path(path: str) -> bytes:
    """Whole content of a (small) file given as GDAL opens it.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    inside = re.match(r"/vsi(?:zip|tar)/(.+?\.(?:zip|tar))/(.+)$", path, re.IGNORECASE)
    root, file = inside.groups() if inside else (str(Path(path).parent), Path(path).name)
    return Listing(root, _ARCHIVES[Path(root).suffix.lower()] if inside else "folder", (file,)).read(file)


def _read_zip(path: str, file: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(file)


def _read_tar(path: str, file: str) -> bytes:
    with tarfile.open(path) as archive:
        member = next(m for m in archive.getmembers() if m.name.removeprefix("./") == file)
        stream = archive.extractfile(member)
        if stream is None:
            raise KeyError(file)
        return stream.read()
