"""Rasters without an agency's layout: one multiband GeoTIFF, or one file for each band with a common stem."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pondscan.config import InputSettings, Settings
from pondscan.errors import ConfigError, InputError
from pondscan.hashing import content_hash
from pondscan.model import BAND_ROLES, MASK_ROLES, REQUIRED_ROLES, Scene
from pondscan.scenes.assemble import assemble, require_roles
from pondscan.scenes.candidate import Candidate, UnrecognisedError
from pondscan.scenes.dates import date_in_header
from pondscan.scenes.listing import Listing, depth, is_raster, name, parent, stem
from pondscan.scenes.masks import MULTIBAND_ROLES
from pondscan.scenes.parts import BandPart, MaskPart, Parts, files_read
from pondscan.scenes.raster import RasterInfo, probe
from pondscan.sensors import SENSORS, canonical_band, roles_of_bands, sensor_in_metadata

_SYNONYMS = {
    "coastal_blue": "coastal",
    "coastal_aerosol": "coastal",
    "red_edge": "rededge",
    "near_infrared": "nir",
    "nir1": "nir",
    "swir1": "swir16",
    "swir2": "swir22",
}
_SENSOR_OF_MASK = {"scl": "sentinel-2", "qa_pixel": "landsat", "qa_radsat": "landsat", "fmask": "hls"}
_SENSOR_TAGS = ("SENSOR", "SATELLITEID", "PLATFORM", "SATELLITE")
"""Tags that may name the sensor, the clearest first; ``SATELLITEID`` is GDAL's, in its domain IMAGERY."""
_SENSOR_OF_NAME = (
    (re.compile(r"HLS\.[LS]30"), "hls"),
    (re.compile(r"S2[A-Z]_|(?:^|[_/])T\d\d[A-Z]{3}_\d{8}T\d{6}"), "sentinel-2"),
    (re.compile(r"L[COTEM]0\d_"), "landsat"),
)
_BY_ORDER = "--bands in file order, e.g. --bands blue,green,red,nir,swir16,-,swir22"
_BY_FILE = "input.band_files in a configuration file, e.g. band_files = { green = '_B03' }"
_BAND_AT_END = re.compile(r"(?:(?P<base>.*?)[_\-. ])?(?P<token>qa_pixel|qa_radsat|[A-Za-z0-9]+)$", re.IGNORECASE)
_CLEAR_SUFFIX = ".clear.tif"


@dataclass(frozen=True, slots=True)
class _Mapping:
    """Which band or file fills each role: role → the position or name it came from."""

    bands: Mapping[str, str]
    masks: Mapping[str, str]
    sensor: str


def find_groups(listing: Listing, files: Iterable[str], settings: InputSettings) -> list[Candidate]:
    """Band-per-file scenes: files of one folder whose names differ only in a band's name."""
    groups: dict[tuple[str, str], dict[str, list[str]]] = {}
    for file in sorted(files):
        split = _split(stem(file), settings.band_files) if is_raster(file) and not _is_sidecar(file) else None
        if split is not None:
            base, token = split
            groups.setdefault((parent(file), base), {}).setdefault(token, []).append(file)
    candidates = []
    for (folder, base), tokens in groups.items():
        if len(tokens) < 2:
            continue
        label = base or name(folder) or Path(listing.root).name
        sidecars = [f for f in listing.beside(folder) if name(f) == f"{label}{_CLEAR_SUFFIX}"]
        chosen = {token: min(same, key=_resolution_m) for token, same in tokens.items()}
        build = partial(_build_group, listing, label, folder, chosen, tuple(sidecars))
        members = frozenset({file for same in tokens.values() for file in same} | set(sidecars))
        candidates.append(
            Candidate(listing.shown(f"{folder}/{label}".lstrip("/")), depth(min(members)), min(members), members, build)
        )
    return candidates


def find_rasters(listing: Listing, files: Iterable[str]) -> list[Candidate]:
    """Every remaining raster by itself."""
    candidates = []
    for file in sorted(files):
        if not _is_sidecar(file):
            sidecar = str(Path(file).with_suffix("")) + _CLEAR_SUFFIX
            members = frozenset({file, sidecar} & set(listing.files))
            build = partial(_build_raster, listing, file, sidecar if sidecar in members else None)
            candidates.append(Candidate(listing.shown(file), depth(file), file, members, build))
    return candidates


def _is_sidecar(file: str) -> bool:
    return name(file).lower().endswith(_CLEAR_SUFFIX)


def _resolution_m(file: str) -> tuple[int, str]:
    match = re.search(r"_(\d+)m$", stem(file))
    return (int(match.group(1)) if match else 0, file)


def _split(text: str, band_files: Mapping[str, str]) -> tuple[str, str] | None:
    """Common part and band name of a file's stem: ``aquileia_20190416_B8A`` → (``aquileia_20190416``, ``B8A``)."""
    for role, ending in band_files.items():
        if text.endswith(ending):
            return text[: -len(ending)].rstrip("_-. "), role
    match = _BAND_AT_END.match(re.sub(r"_\d+m$", "", text))
    if match and (canonical_band(match["token"]) or _named_role(match["token"])):
        return match["base"] or "", match["token"]
    return None


def _named_role(text: str) -> str | None:
    """Role that a description or file name spells out, in any case; masks too."""
    plain = re.sub(r"[\s\-]+", "_", text.strip().lower())
    plain = _SYNONYMS.get(plain, plain)
    return plain if plain in BAND_ROLES or plain in MASK_ROLES else None


def _sensor(settings: InputSettings, text: str, tags: Mapping[str, str], masks: Iterable[str] = ()) -> str:
    """Sensor that the user names, else the file's tags, else that the name tells, else that the mask implies."""
    if settings.sensor is not None:
        return settings.sensor
    by_tag = next((sensor for key in _SENSOR_TAGS if (sensor := sensor_in_metadata(tags.get(key, "")))), None)
    by_name = next((sensor for pattern, sensor in _SENSOR_OF_NAME if pattern.search(text)), None)
    by_mask = next((_SENSOR_OF_MASK[mask] for mask in masks if mask in _SENSOR_OF_MASK), None)
    return by_tag or by_name or by_mask or "generic"


def _map_names(
    names: Sequence[str], settings: InputSettings, where: str, tags: Mapping[str, str], remedy: str
) -> _Mapping:
    """Roles from names: those spelled out, then the numbered ones of a known sensor.

    Raises
    ------
    InputError
        If bands are numbered and the sensor is not known, or a role is claimed twice.
    """
    spelled: dict[str, str] = {}
    for text in names:
        role = _named_role(text) if text else None
        if role is not None and role in spelled:
            raise InputError(f"{where} has two {role} bands ({spelled[role]} and {text}): map them with --bands")
        if role is not None:
            spelled[role] = text
    masks = {role: text for role, text in spelled.items() if role in MASK_ROLES}
    sensor = _sensor(settings, where, tags, masks)
    numbered = [text for text in names if text and canonical_band(text)]
    bands = {**roles_of_bands(sensor, numbered), **{r: t for r, t in spelled.items() if r in BAND_ROLES}}
    if numbered and not set(REQUIRED_ROLES) <= set(bands):
        _refuse_numbers(where, numbered, sensor, remedy)
    return _Mapping(bands, masks, sensor)


def _refuse_numbers(where: str, numbered: Sequence[str], sensor: str, remedy: str) -> None:
    listed = ", ".join(numbered)
    if sensor == "generic":
        raise InputError(
            f"{where} has numbered bands ({listed}), and B2 is blue on one sensor and green on another: name the "
            f"sensor with --set input.sensor=sentinel-2 (or landsat, hls), or the roles with {remedy}"
        )
    if sensor == "landsat":
        raise InputError(
            f"{where} has bands {listed}, which Landsat 4–7 and 8–9 number differently: name the roles with {remedy}"
        )


def _map_by_order(info: RasterInfo, roles: Sequence[str], settings: InputSettings, where: str) -> _Mapping:
    """Roles in file order, as the user lists them."""
    if len(roles) > info.count:
        raise InputError(
            f"{where} has {info.count} bands, but --bands names {len(roles)} ({','.join(roles)}): give one role for "
            "each band, - to skip one"
        )
    bands: dict[str, str] = {}
    masks: dict[str, str] = {}
    for number, role in enumerate(roles, start=1):
        if role == "-":
            continue
        if role in MULTIBAND_ROLES or role not in (*BAND_ROLES, *MASK_ROLES):
            raise ConfigError(
                f"--bands knows no role {role!r}: use {', '.join(BAND_ROLES)}, scl, qa_pixel, fmask, clear or -"
            )
        target = bands if role in BAND_ROLES else masks
        if role in target:
            raise ConfigError(f"--bands names {role} twice: give each role once and - for bands to skip")
        target[role] = str(number)
    return _Mapping(bands, masks, _sensor(settings, where, info.tags, masks))


def _map_raster(info: RasterInfo, settings: InputSettings, where: str) -> _Mapping:
    """Roles of a multiband file: the user's list, else the band descriptions, else the known sensor's band order."""
    if settings.bands is not None:
        return _map_by_order(info, settings.bands, settings, where)
    order = (SENSORS[_sensor(settings, where, info.tags)].band_order or {}).get(info.count)
    if order is not None and not any(_named_role(text) for text in info.descriptions):
        return _map_by_order(info, order, settings, where)
    mapping = _map_names(info.descriptions, settings, where, info.tags, _BY_ORDER)
    numbers = {text: str(i) for i, text in reversed(list(enumerate(info.descriptions, start=1)))}
    return _Mapping(
        {role: numbers[text] for role, text in mapping.bands.items()},
        {role: numbers[text] for role, text in mapping.masks.items()},
        mapping.sensor,
    )


def _build_raster(listing: Listing, file: str, sidecar: str | None, settings: Settings) -> Scene:
    path, where = listing.gdal_path(file), listing.shown(file)
    info = probe(path)
    if info.count < len(REQUIRED_ROLES):
        raise UnrecognisedError(
            f"{where} has {info.count} band{'s' * (info.count > 1)}, and a scene needs blue, green, red and nir: give "
            "a file with all four, or one file for each band with names that end in the role"
        )
    mapping = _map_raster(info, settings.input, where)
    described = [f"{i} = {text}" for i, text in enumerate(info.descriptions, start=1) if text]
    require_roles(mapping.bands, where, found=described or [f"{info.count} bands without names"])
    bands = tuple(BandPart(role, path, int(i), info.descriptions[int(i) - 1]) for role, i in mapping.bands.items())
    masks = [MaskPart(role, path, int(i)) for role, i in mapping.masks.items()]
    sidecars = (sidecar,) if sidecar else ()
    return _assemble(listing, stem(file), where, mapping.sensor, bands, masks, sidecars, info, settings, "GeoTIFF")


def _build_group(
    listing: Listing, label: str, folder: str, tokens: Mapping[str, str], sidecars: tuple[str, ...], settings: Settings
) -> Scene:
    where = listing.shown(f"{folder}/{label}".lstrip("/"))
    infos = {token: probe(listing.gdal_path(file)) for token, file in tokens.items()}
    if not all(info.is_single_band for info in infos.values()):
        raise UnrecognisedError(
            f"{where} ({', '.join(tokens)}) holds files of several bands: they are taken one by one"
        )
    mapping = _map_names(list(tokens), settings.input, where, infos[min(infos)].tags, _BY_FILE)
    if len(set(mapping.bands) & set(REQUIRED_ROLES)) < 2:
        raise UnrecognisedError(
            f"{where} ({', '.join(tokens)}) is no set of bands with blue, green, red and nir among them"
        )
    require_roles(mapping.bands, where, found=list(tokens))
    bands = tuple(BandPart(role, listing.gdal_path(tokens[t]), name=t) for role, t in mapping.bands.items())
    masks = [MaskPart(role, listing.gdal_path(tokens[t])) for role, t in mapping.masks.items()]
    header = infos[mapping.bands["green"]]
    return _assemble(listing, label, where, mapping.sensor, bands, masks, sidecars, header, settings, "band-per-file")


def _assemble(
    listing: Listing,
    label: str,
    where: str,
    sensor: str,
    bands: tuple[BandPart, ...],
    masks: list[MaskPart],
    sidecars: tuple[str, ...],
    header: RasterInfo,
    settings: Settings,
    product: str,
) -> Scene:
    masks = [*masks, *(MaskPart("clear", listing.gdal_path(sidecar)) for sidecar in sidecars)]
    files = files_read(listing, (), bands, masks)
    digest = content_hash(files)
    return assemble(
        Parts(
            scene_id=f"{label}_{digest[:8]}",
            product=product,
            sensor=sensor,
            source=where,
            files=files,
            bands=bands,
            masks=tuple(masks),
            datetime=date_in_header(header.tags),
            sun_elevation_deg=_angle_deg(header.tags, "SUN_ELEVATION"),
            sun_azimuth_deg=_angle_deg(header.tags, "SUN_AZIMUTH"),
            acquisition=f"content {digest}" if listing.kind == "folder" else None,
            warnings=_unused(header, settings.input),
        ),
        settings,
    )


def _angle_deg(tags: Mapping[str, str], key: str) -> float | None:
    """Angle of the sun that a file states; None where it states none, or no number of degrees."""
    try:
        angle_deg = float(tags[key])
    except (KeyError, ValueError):
        return None
    return angle_deg if -360.0 <= angle_deg <= 360.0 else None


def _unused(header: RasterInfo, settings: InputSettings) -> tuple[str, ...]:
    """Bands of a multiband file that --bands does not speak of."""
    if settings.bands is None or header.count <= len(settings.bands):
        return ()
    first = len(settings.bands) + 1
    which = f"band {first}" if first == header.count else f"bands {first} to {header.count}"
    return (f"{which} not named by --bands, not used",)
