"""PlanetScope (PSScene) and SkySat: surface reflectance, or radiance with the coefficients that make it reflectance."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pondscan.config import Settings
from pondscan.errors import InputError
from pondscan.model import Calibration, Scene
from pondscan.scenes.assemble import assemble
from pondscan.scenes.candidate import Candidate
from pondscan.scenes.dates import parse_utc
from pondscan.scenes.listing import Listing, depth, name, parent, stem
from pondscan.scenes.metadata import number_at, read_json, read_xml, text_at
from pondscan.scenes.parts import BandPart, MaskPart, Parts, files_read
from pondscan.scenes.radiometry import Claim
from pondscan.scenes.raster import RasterInfo, probe, shown
from pondscan.sensors import SENSORS

_ORDERED = r"(?P<toar>_toar)?(?:_harmonized|_clip|_reproject|_file_format)*\.tiff?$"
"""What ordering tools add to a name."""
_PSSCENE = re.compile(
    r"(?P<item>(?P<day>\d{8})_(?P<time>\d{6})(?:_\d{2})?_(?P<satellite>[0-9a-f]{4}))"
    r"_3[AB]_AnalyticMS(?P<sr>_SR)?(?:_8b)?" + _ORDERED,
    re.IGNORECASE,
)
_SKYSAT = re.compile(
    r"(?P<item>(?P<day>\d{8})_(?P<time>\d{6})_(?P<satellite>ssc?\d+(?:d\d)?)_[u\d]\d+)"
    r"_(?:ortho_)?analytic(?P<sr>_sr)?" + _ORDERED,
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Asset:
    """One analytic raster of an item, and what its name says."""

    sensor: str
    item: str
    satellite: str
    moment: datetime
    is_sr: bool
    """Surface reflectance."""
    is_toar: bool
    """Top-of-atmosphere reflectance, made from radiance when it was ordered."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the item's metadata say."""

    moment: datetime | None = None
    sun_elevation_deg: float | None = None
    sun_azimuth_deg: float | None = None
    coefficients: Mapping[int, float] | None = None
    """Top-of-atmosphere reflectance per digital number, by band number."""


def find(listing: Listing) -> list[Candidate]:
    """Analytic rasters by their names; each is a scene with the masks and metadata of its item beside it."""
    candidates = []
    for file in listing.files:
        asset = _asset(file)
        if asset is None:
            continue
        siblings = [f for f in listing.beside(parent(file)) if name(f).lower().startswith(asset.item.lower())]
        members = frozenset({file, *(f for f in siblings if _asset(f) is None)})
        build = partial(_build, listing, file, asset, tuple(siblings))
        source = listing.shown(file) if listing.kind == "folder" else f"{listing.root}/{file}"
        candidates.append(Candidate(source, depth(file), file, members, build))
    return candidates


def _asset(file: str) -> _Asset | None:
    for sensor, pattern in (("planetscope", _PSSCENE), ("skysat", _SKYSAT)):
        match = pattern.match(name(file))
        if match:
            try:
                moment = datetime.strptime(match["day"] + match["time"], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            except ValueError:
                return None
            return _Asset(sensor, match["item"], match["satellite"], moment, bool(match["sr"]), bool(match["toar"]))
    return None


def _build(listing: Listing, file: str, asset: _Asset, siblings: tuple[str, ...], settings: Settings) -> Scene:
    path = listing.gdal_path(file)
    info = probe(path)
    mask_file = next((f for f in siblings if re.search(r"udm2(_clip|_file_format)*\.tiff?$", name(f), re.I)), None)
    metadata = _metadata_files(siblings)
    facts = _facts(listing, metadata, info)
    calibrated, warnings = _calibration(asset, facts, file)
    bands = _bands(path, asset, info, facts)
    masks = (MaskPart("udm2", listing.gdal_path(mask_file)),) if mask_file else ()
    return assemble(
        Parts(
            scene_id=stem(file),
            product=f"{SENSORS[asset.sensor].title} {info.count}-band " + _kind(asset),
            sensor=asset.sensor,
            source=listing.shown(file),
            files=files_read(listing, metadata, bands, masks),
            bands=bands,
            masks=masks,
            platform=asset.satellite,
            datetime=facts.moment or asset.moment,
            calibrated=calibrated,
            has_sensor_scale=asset.is_sr or asset.is_toar,
            sun_elevation_deg=facts.sun_elevation_deg,
            sun_azimuth_deg=facts.sun_azimuth_deg,
            processing=("analytic_sr" if asset.is_sr else "analytic") + f" {info.count}b",
            acquisition=f"{asset.sensor} {asset.item}",
            warnings=warnings,
        ),
        settings,
    )


def _kind(asset: _Asset) -> str:
    return "reflectance" if asset.is_sr else "top-of-atmosphere reflectance" if asset.is_toar else "radiance"


def _calibration(asset: _Asset, facts: _Facts, file: str) -> tuple[Calibration | None, tuple[str, ...]]:
    if asset.is_sr:
        return "reflectance", ()
    if asset.is_toar or facts.coefficients:
        return "toa", ()
    return None, (f"{name(file)} is radiance, and no reflectance coefficients (metadata XML) are beside it",)


def _bands(path: str, asset: _Asset, info: RasterInfo, facts: _Facts) -> tuple[BandPart, ...]:
    orders = SENSORS[asset.sensor].band_order or {}
    if info.count not in orders:
        known = " or ".join(str(count) for count in orders)
        raise InputError(
            f"{shown(path)} has {info.count} bands, where {SENSORS[asset.sensor].title} has {known}: fetch it again"
        )
    claims = {
        number: (Claim("metadata XML", coefficient, 0.0),)
        for number, coefficient in ({} if asset.is_sr or asset.is_toar else facts.coefficients or {}).items()
    }
    return tuple(
        BandPart(role, path, number, info.descriptions[number - 1], claims.get(number, ()), 0.0)
        for number, role in enumerate(orders[info.count], start=1)
        if role != "-"
    )


def _metadata_files(siblings: tuple[str, ...]) -> list[str]:
    """The item's XML (radiance coefficients, geometry of the sun) and JSON."""
    return [f for f in siblings if re.search(r"metadata(_clip)?\.(xml|json)$", name(f), re.IGNORECASE)]


def _facts(listing: Listing, metadata: list[str], info: RasterInfo) -> _Facts:
    facts = _facts_of_header(info)
    for file in metadata:
        found = _facts_of_xml(listing, file) if file.lower().endswith(".xml") else _facts_of_json(listing, file)
        facts = _Facts(
            facts.moment or found.moment,
            _either(facts.sun_elevation_deg, found.sun_elevation_deg),
            _either(facts.sun_azimuth_deg, found.sun_azimuth_deg),
            facts.coefficients or found.coefficients,
        )
    return facts


def _either(first: float | None, second: float | None) -> float | None:
    return second if first is None else first


def _facts_of_header(info: RasterInfo) -> _Facts:
    """SkySat rasters carry their coefficients as JSON in the image description."""
    try:
        properties = json.loads(info.tags.get("TIFFTAG_IMAGEDESCRIPTION", "{}")).get("properties", {})
    except (ValueError, AttributeError):
        return _Facts()  # an image description in plain words
    coefficients = properties.get("reflectance_coefficients") or ()
    return _Facts(coefficients={i: float(value) for i, value in enumerate(coefficients, start=1)} or None)


def _facts_of_xml(listing: Listing, file: str) -> _Facts:
    root = read_xml(listing, file)
    coefficients = {
        int(number): coefficient
        for band in root.iterfind(".//bandSpecificMetadata")
        if (number := number_at(band, "bandNumber")) and (coefficient := number_at(band, "reflectanceCoefficient"))
    }
    acquired = text_at(root, "acquisitionDateTime", "beginPosition")
    return _Facts(
        moment=_moment(acquired, listing.shown(file)),
        sun_elevation_deg=number_at(root, "illuminationElevationAngle"),
        sun_azimuth_deg=number_at(root, "illuminationAzimuthAngle"),
        coefficients=coefficients or None,
    )


def _facts_of_json(listing: Listing, file: str) -> _Facts:
    document = read_json(listing, file)
    properties: dict[str, Any] = document.get("properties") or document
    return _Facts(
        moment=_moment(properties.get("acquired"), listing.shown(file)),
        sun_elevation_deg=properties.get("sun_elevation"),
        sun_azimuth_deg=properties.get("sun_azimuth"),
    )


def _moment(text: str | None, where: str) -> datetime | None:
    try:
        return parse_utc(text) if text else None
    except ValueError as error:
        raise InputError(f"{where} states no valid acquisition time ({text}): fetch it again") from error
