"""STAC items beside their files: the COG layout of public archives, and the offset flags those get wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pondscan.config import Settings
from pondscan.errors import InputError
from pondscan.model import BAND_ROLES, Calibration, Scene
from pondscan.scenes import sentinel2
from pondscan.scenes.assemble import assemble
from pondscan.scenes.candidate import Candidate
from pondscan.scenes.dates import parse_utc
from pondscan.scenes.identity import safe_id
from pondscan.scenes.listing import Listing, depth, is_raster, name, parent
from pondscan.scenes.metadata import read_json
from pondscan.scenes.parts import BandPart, MaskPart, Parts, files_read
from pondscan.scenes.radiometry import Claim
from pondscan.sensors import canonical_band, sensor_in_metadata

_MAX_ITEM_BYTES = 4 * 2**20

_OFFSET_BASELINE = (4, 0)
"""Sentinel-2 products of this processing baseline and later store reflectance with an offset of -0.1."""
_SENTINEL2_OFFSET = -0.1

_ASSET_MASKS = {
    "scl": "scl",
    "qa_pixel": "qa_pixel",
    "qa_radsat": "qa_radsat",
    "fmask": "fmask",
    "udm2": "udm2",
    "ortho_udm2": "udm2",
}
# Assets whose common names repeat those of single bands, or that are previews.
_NO_BAND = re.compile(r"visual|thumbnail|overview|preview|rendered|aot|wvp|tci", re.IGNORECASE)
_SPECIFIC_ROLES = {"rededge1": "rededge", "rededge071": "rededge"}


@dataclass(frozen=True, slots=True)
class _Source:
    """One band of an asset, with what the item says of it."""

    role: str
    file: str
    index: int
    name: str
    raster: Mapping[str, Any]


def is_item(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a STAC item."""
    return document.get("type") == "Feature" and "stac_version" in document and isinstance(document.get("assets"), dict)


def linked_items(document: Mapping[str, Any]) -> list[str]:
    """Local links of a STAC collection or catalogue to its items and children."""
    links = document.get("links", ())
    hrefs = [str(link.get("href", "")) for link in links if link.get("rel") in {"item", "child"}]
    return [href.removeprefix("file://") for href in hrefs if not re.match(r"(https?|s3)://", href)]


def find(listing: Listing) -> list[Candidate]:
    """Items of the listing; an item alone in its folder owns everything below it."""
    items: dict[str, dict[str, Any]] = {}
    broken: dict[str, InputError] = {}
    for file in listing.files:
        if _may_be_item(listing, file):
            try:
                document = read_json(listing, file)
            except InputError as error:
                broken[file] = error
            else:
                items.update({file: document} if is_item(document) else {})
    candidates = [_candidate(listing, file, partial(_refuse, error), []) for file, error in broken.items()]
    for file, document in items.items():
        folder = parent(file)
        is_alone = sum(parent(other) == folder or parent(other).startswith(f"{folder}/") for other in items) == 1
        owned = listing.below(folder) if is_alone and folder else _local_files(listing, file, document)
        candidates.append(_candidate(listing, file, partial(_build, listing, file, document), owned))
    return candidates


def _candidate(listing: Listing, file: str, build: Callable[[Settings], Scene], owned: Sequence[str]) -> Candidate:
    source = listing.shown(file) if listing.kind == "folder" else listing.root
    return Candidate(source, depth(file), file, frozenset({file, *owned}), build)


def _refuse(error: InputError, _settings: Settings) -> Scene:
    raise error


def _may_be_item(listing: Listing, file: str) -> bool:
    """Whether a JSON file is small enough to be an item and names STAC; other JSON may be of any size."""
    if not file.lower().endswith((".json", ".geojson")):
        return False
    if listing.kind == "folder" and Path(listing.shown(file)).stat().st_size > _MAX_ITEM_BYTES:
        return False
    return b'"stac_version"' in listing.read(file)


def _resolve(listing: Listing, item: str, href: str) -> str | None:
    """Listed file an asset points to: by its relative path, else (the item was downloaded) by its name beside it."""
    local = href.partition("?")[0].removeprefix("file://").removeprefix("./")
    folder = parent(item)
    relative = f"{folder}/{local}" if folder else local
    beside = f"{folder}/{name(local)}" if folder else name(local)
    return next((file for file in (relative, beside) if file in listing.files), None)


def _local_files(listing: Listing, item: str, document: Mapping[str, Any]) -> list[str]:
    files = (_resolve(listing, item, str(asset.get("href", ""))) for asset in document["assets"].values())
    return [file for file in files if file is not None]


def _build(listing: Listing, item: str, document: Mapping[str, Any], settings: Settings) -> Scene:
    properties = document.get("properties") or {}
    if not document.get("id"):
        raise InputError(f"{listing.shown(item)} is a STAC item without an id: it is incomplete, fetch it again")
    sensor = _sensor(document)
    sources = _band_sources(listing, item, document, sensor)
    bands = tuple(_band(listing, source, properties, sensor) for source in sources)
    masks = _masks(listing, item, document)
    return assemble(
        Parts(
            scene_id=safe_id(str(document["id"])),
            product=f"STAC item ({document.get('collection', sensor)})",
            sensor=sensor,
            source=listing.shown(item) if listing.kind == "folder" else listing.root,
            files=files_read(listing, (item,), bands, masks),
            bands=bands,
            masks=masks,
            platform=properties.get("platform"),
            datetime=_moment(properties, listing.shown(item)),
            calibrated=_calibration(properties, sensor),
            sun_elevation_deg=properties.get("view:sun_elevation"),
            sun_azimuth_deg=properties.get("view:sun_azimuth"),
            processing=_processing(properties),
            acquisition=_acquisition(properties, sensor),
            warnings=_baseline_caution(properties, sensor, bands),
        ),
        settings,
    )


def _moment(properties: Mapping[str, Any], where: str) -> Any:
    text = properties.get("datetime") or properties.get("start_datetime")
    try:
        return parse_utc(text) if text else None
    except (TypeError, ValueError) as error:
        raise InputError(f"{where} states no valid datetime ({text}): correct the item") from error


def _sensor(document: Mapping[str, Any]) -> str:
    properties = document.get("properties") or {}
    texts = [str(document.get("collection", "")), *(str(properties.get(k, "")) for k in ("constellation", "platform"))]
    named = (sensor_in_metadata(text) for text in (*texts, str(document.get("id", ""))))
    return next((sensor for sensor in named if sensor), "generic")


def _band_sources(listing: Listing, item: str, document: Mapping[str, Any], sensor: str) -> list[_Source]:
    """The local bands by role; of several assets for one role the first GeoTIFF."""
    found: dict[str, _Source] = {}
    assets = sorted(document["assets"].items(), key=lambda entry: str(entry[1].get("href", "")).endswith(".jp2"))
    for key, asset in assets:
        file = _resolve(listing, item, str(asset.get("href", "")))
        if file is None or not is_raster(file) or _NO_BAND.search(key) or key.lower() in _ASSET_MASKS:
            continue
        described = _described_bands(asset)
        rasters = asset.get("raster:bands") or asset.get("bands") or [{}] * len(described)
        for index, band in enumerate(described, start=1):
            role = _role(key if len(described) == 1 else "", band)
            if role is not None and role not in found:
                raster = _prefixless(rasters[index - 1]) if index <= len(rasters) else {}
                label = str(band.get("name") or key)
                found[role] = _Source(role, file, index, label if canonical_band(label) else Path(file).stem, raster)
    # Landsat's only near infrared goes by the name of Sentinel-2's narrow one.
    if "nir" not in found and "nir08" in found and sensor in {"landsat", "hls"}:
        narrow = found.pop("nir08")
        found["nir"] = _Source("nir", narrow.file, narrow.index, narrow.name, narrow.raster)
    return list(found.values())


def _described_bands(asset: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Bands of an asset: ``eo:bands`` up to STAC 1.0, ``bands`` from 1.1; a bare asset counts as one."""
    bands: Sequence[Mapping[str, Any]] = asset.get("eo:bands") or asset.get("bands") or [{}]
    common = asset.get("eo:common_name")
    return [{**bands[0], "common_name": common}] if common and len(bands) == 1 else bands


def _prefixless(band: Mapping[str, Any]) -> dict[str, Any]:
    """Scale, offset and no data of a band: STAC 1.1 writes ``raster:scale`` where 1.0 wrote ``scale``."""
    return {key.removeprefix("raster:"): value for key, value in band.items()}


def _role(key: str, band: Mapping[str, Any]) -> str | None:
    """Role from the asset's key where that is one, else from the common name (``rededge2`` and ``3`` are none)."""
    for label in (key, str(band.get("name", ""))):
        text = re.sub(r"[-_](jp2|tif|10m|20m)$", "", label.lower())
        if text in BAND_ROLES:
            return text
        if text in _SPECIFIC_ROLES:
            return _SPECIFIC_ROLES[text]
        if re.fullmatch(r"rededge\d+|nir09|b0?[67]", text):
            return None
    common = str(band.get("common_name") or band.get("eo:common_name") or "")
    return common if common in BAND_ROLES else None


def _band(listing: Listing, source: _Source, properties: Mapping[str, Any], sensor: str) -> BandPart:
    scale, offset = source.raster.get("scale"), source.raster.get("offset")
    claims = [Claim("STAC raster:bands", scale, offset)]
    is_applied = properties.get("earthsearch:boa_offset_applied")
    if is_applied is True:
        claims.insert(0, Claim("earthsearch:boa_offset_applied: true", offset=0.0))
    elif is_applied is False and not offset and sensor == "sentinel-2" and _has_offset_baseline(properties):
        claims.insert(0, Claim("earthsearch:boa_offset_applied: false", offset=_SENTINEL2_OFFSET))
    nodata = source.raster.get("nodata")
    return BandPart(
        role=source.role,
        path=listing.gdal_path(source.file),
        index=source.index,
        name=source.name,
        claims=tuple(claims),
        nodata=float(nodata) if nodata is not None else None,
    )


def _masks(listing: Listing, item: str, document: Mapping[str, Any]) -> tuple[MaskPart, ...]:
    masks: dict[str, MaskPart] = {}
    for key, asset in document["assets"].items():
        role = _ASSET_MASKS.get(key.lower())
        file = _resolve(listing, item, str(asset.get("href", "")))
        if role is not None and role not in masks and file is not None:
            masks[role] = MaskPart(role, listing.gdal_path(file))
    return tuple(masks.values())


def _baseline(properties: Mapping[str, Any]) -> tuple[int, ...] | None:
    text = str(properties.get("s2:processing_baseline") or properties.get("processing:version") or "")
    return tuple(int(part) for part in text.split(".")) if re.fullmatch(r"\d+\.\d+", text) else None


def _has_offset_baseline(properties: Mapping[str, Any]) -> bool:
    baseline = _baseline(properties)
    return baseline is not None and baseline >= _OFFSET_BASELINE


def _baseline_caution(properties: Mapping[str, Any], sensor: str, bands: Sequence[BandPart]) -> tuple[str, ...]:
    is_silent = all(claim.offset is None for band in bands for claim in band.claims)
    if sensor != "sentinel-2" or not is_silent or not _has_offset_baseline(properties):
        return ()
    caution = (
        f"processing baselines from 04.00 store reflectance with an offset of {_SENTINEL2_OFFSET} unless it was "
        "removed, and the item does not say whether it was: 0 is used, set input.offset if the scene is 0.1 too bright"
    )
    return (caution,)


def _calibration(properties: Mapping[str, Any], sensor: str) -> Calibration | None:
    if sensor == "sentinel-2" and "1C" in str(properties.get("s2:product_type", "")):
        return "toa"
    return None if sensor == "generic" else "reflectance"


def _processing(properties: Mapping[str, Any]) -> str | None:
    baseline = _baseline(properties)
    if baseline is None:
        return str(properties["updated"]) if properties.get("updated") else None
    level = "L1C" if "1C" in str(properties.get("s2:product_type", "")) else "L2A"
    generated = re.sub(r"\D", "", str(properties.get("s2:generation_time", "")))[:14]
    return f"{level} {baseline[0]:02d}.{baseline[1]:02d} {generated}"


def _acquisition(properties: Mapping[str, Any], sensor: str) -> str | None:
    """The same key as that of the SAFE the item was made from."""
    uri = re.match(r"(S2[A-Z])_MSIL\w+_(\d{8}T\d{6})_.*_T(\w{5})_", str(properties.get("s2:product_uri", "")))
    if sensor != "sentinel-2" or uri is None:
        return None
    return sentinel2.acquisition_key(f"Sentinel-{uri.group(1)[1:]}", uri.group(2), uri.group(3))
