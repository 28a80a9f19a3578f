"""From what the user names to scenes: product layouts first, then bands by common stem, then single rasters."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pondscan.config import Settings
from pondscan.errors import InputError
from pondscan.model import Scene
from pondscan.scenes import generic, hls, landsat, planet, sentinel2, stac
from pondscan.scenes.candidate import Candidate, UnrecognisedError
from pondscan.scenes.dates import date_scenes
from pondscan.scenes.listing import Listing, companions, is_archive, is_raster, list_archive, list_folder
from pondscan.scenes.metadata import read_json

_PRODUCTS: tuple[Callable[[Listing], list[Candidate]], ...] = (
    sentinel2.find,
    landsat.find,
    hls.find,
    planet.find,
    stac.find,
)

Skip = Callable[[frozenset[str]], bool]
"""Asked, with the paths of a product's files, before any of them is opened: True passes the product over."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found in the inputs."""

    scenes: tuple[Scene, ...]
    """By (datetime, scene_id)."""
    failures: tuple[tuple[str, str], ...]
    """(source, sentence): named by the user and not recognised, or recognised and not readable."""
    ignored: tuple[str, ...]
    """Files met while walking folders that belong to no scene."""


@dataclass(slots=True)
class _Found:
    """Scenes, failures and ignored files while the inputs are gone through."""

    scenes: list[Scene] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)
    reasons: dict[str, str] = field(default_factory=dict)
    """Why a raster is no scene; said only of files the user named."""
    skip: Skip | None = None


def discover(inputs: Sequence[str | Path], settings: Settings, *, skip: Skip | None = None) -> Discovery:
    """Recognise every scene in files, folders, archives and globs.

    Parameters
    ----------
    inputs
        Paths or glob patterns, in any order and with repetitions.
    settings
        ``settings.input`` says what files do not say themselves.
    skip
        Passes products over; a folder in which nothing is left is no failure then.

    Raises
    ------
    InputError, ConfigError
        If several scenes have no date.
    """
    found = _Found(skip=skip)
    loose: dict[Path, set[str]] = {}
    for path in dict.fromkeys(path for text in inputs for path in _expand(str(text), found)):
        if path.is_dir():
            _walk(_safe_around(path) or path, found, settings)
        elif is_archive(str(path)):
            _open_archive(path, found, settings, is_named=True)
        elif path.suffix.lower() == ".json" and (linked := _linked(path)) is not None:
            _follow(path, linked, found, settings)
        else:
            folder = _safe_around(path) or path.parent
            loose.setdefault(folder, set()).add(path.relative_to(folder).as_posix())
    for folder, names in loose.items():
        _recognise_named(folder, names, found, settings)
    scenes = date_scenes(_distinct(found.scenes), settings.input.acquired)
    order = sorted(scenes, key=lambda scene: (scene.datetime.isoformat() if scene.datetime else "", scene.scene_id))
    used = {file for scene in scenes for file in scene.files}
    return Discovery(tuple(order), tuple(sorted(found.failures.items())), tuple(sorted(found.ignored - used)))


def _expand(text: str, found: _Found) -> list[Path]:
    """Paths an input stands for; one that stands for none is a failure."""
    if Path(text).exists():
        return [Path(text)]
    matches = sorted(glob.glob(text, recursive=True)) if glob.has_magic(text) else []  # noqa: PTH207 (absolute patterns)
    if not matches:
        what = "matches no file" if glob.has_magic(text) else "does not exist"
        found.failures[text] = f"{text} {what}: check the path"
    return [Path(match) for match in matches]


def _safe_around(path: Path) -> Path | None:
    """Sentinel-2 product that a path lies in: taken from there, a band would lose the offset its metadata state."""
    return next((folder for folder in path.parents if folder.suffix.upper() == ".SAFE"), None)


def _walk(folder: Path, found: _Found, settings: Settings) -> None:
    listing = list_folder(folder)
    n_before = len(found.scenes) + len(found.failures)
    rest = _recognise(listing, None, found, settings)
    archives = {file for file in rest if is_archive(file)}
    for file in sorted(archives):
        _open_archive(Path(listing.shown(file)), found, settings, is_named=False)
    found.ignored.update(listing.shown(file) for file in rest - archives)
    if found.skip is None and len(found.scenes) + len(found.failures) == n_before:
        found.failures[str(folder)] = (
            f"{folder} holds no scene pondscan recognises among {len(listing.files)} files: name one of them, to hear "
            "what it lacks"
        )


def _open_archive(path: Path, found: _Found, settings: Settings, *, is_named: bool) -> None:
    n_before = len(found.scenes) + len(found.failures)
    if found.skip is not None and found.skip(frozenset({str(path)})):
        return
    try:
        listing = list_archive(path)
    except InputError as error:
        found.failures[str(path)] = str(error)
        return
    _recognise(listing, None, found, settings)
    if len(found.scenes) + len(found.failures) == n_before:
        if is_named:
            found.failures[str(path)] = f"{path} holds no scene pondscan recognises: unpack it and name a file in it"
        else:
            found.ignored.add(str(path))


def _linked(path: Path) -> list[str] | None:
    """Local links of a STAC collection or catalogue; None for any other JSON."""
    document = read_json(Listing(str(path.parent), "folder", (path.name,)), path.name)
    return stac.linked_items(document) if document.get("type") in {"Collection", "Catalog"} else None


def _follow(collection: Path, linked: Iterable[str], found: _Found, settings: Settings) -> None:
    targets = [collection.parent / href for href in linked]
    if not targets:
        found.failures[str(collection)] = f"{collection} links to no local item: download its items first"
        return
    below = discover([str(target) for target in targets], _undated(settings))
    found.scenes.extend(below.scenes)
    found.failures.update(below.failures)
    found.ignored.update(below.ignored)


def _undated(settings: Settings) -> Settings:
    """The same settings without ``acquired``, which is given out once all scenes are known."""
    return settings.model_copy(update={"input": settings.input.model_copy(update={"acquired": None})})


def _recognise_named(folder: Path, names: set[str], found: _Found, settings: Settings) -> None:
    """Files the user names: the product they belong to, else bands among themselves, else each by itself."""
    is_product = folder.suffix.upper() == ".SAFE" or any(file.lower().endswith((".xml", ".json")) for file in names)
    listing = list_folder(folder, recursive=is_product)
    rest = _recognise(listing, frozenset(names), found, settings)
    for path in sorted(listing.shown(file) for file in rest):
        unknown = f"{path} belongs to no product pondscan recognises: name a raster, or its folder"
        found.failures[path] = found.reasons.get(path, unknown)


def _recognise(listing: Listing, named: frozenset[str] | None, found: _Found, settings: Settings) -> set[str]:
    """Build the scenes of a listing (of ``named`` files alone if given); give back files that belong to none."""
    wanted = set(listing.files) if named is None else set(named)
    products = [candidate for find in _PRODUCTS for candidate in find(listing)]
    rest = _take(sorted(products, key=lambda c: -c.depth), wanted, listing, found, settings)
    rest -= companions(listing.files) if named is None else set()
    rest = _take(generic.find_groups(listing, rest, settings.input), rest, listing, found, settings)
    rasters = rest if named is not None else {file for file in rest if is_raster(file)}
    return _take(generic.find_rasters(listing, rasters), rest, listing, found, settings)


def _take(
    candidates: Iterable[Candidate], wanted: set[str], listing: Listing, found: _Found, settings: Settings
) -> set[str]:
    """Build the candidates whose files nobody took before; give back the files still wanted."""
    rest = set(wanted)
    taken: set[str] = set()
    for candidate in candidates:
        if candidate.anchor in taken or not candidate.members & rest:
            continue
        if _is_passed_over(candidate, listing, found):
            taken |= candidate.members
            rest -= candidate.members
            continue
        try:
            found.scenes.append(candidate.build(settings))
        except UnrecognisedError as error:
            found.reasons.update(dict.fromkeys((listing.shown(file) for file in candidate.members), str(error)))
            continue
        except InputError as error:
            found.failures[candidate.source] = str(error)
        taken |= candidate.members
        rest -= candidate.members
    return rest


def _is_passed_over(candidate: Candidate, listing: Listing, found: _Found) -> bool:
    """Whether a product of a folder is not to be opened; archives were asked for before they were listed."""
    if found.skip is None or listing.kind != "folder":
        return False
    return found.skip(frozenset(listing.shown(file) for file in candidate.members))


def _distinct(scenes: Iterable[Scene]) -> list[Scene]:
    """One scene for each id: the same product met twice (a folder and its archive) is read from the first place."""
    kept: dict[str, Scene] = {}
    for scene in sorted(scenes, key=lambda scene: (scene.scene_id, scene.source)):
        first = kept.get(scene.scene_id)
        if first is None:
            kept[scene.scene_id] = scene
        elif first.source != scene.source:
            warning = f"also found as {scene.source}, which is not read"
            kept[scene.scene_id] = replace(first, warnings=(*first.warnings, warning))
    return list(kept.values())
