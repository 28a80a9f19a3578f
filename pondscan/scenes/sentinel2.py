"""Sentinel-2 SAFE products, L2A and L1C, folder or archive, every processing baseline.

Names changed over the years (``L2A_Product_Info`` before baseline 02.08, granules named ``S2A_OPER_…`` before
December 2016), so metadata are found by tag and files by the end of their names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

from pondscan.config import Settings
from pondscan.errors import InputError
from pondscan.model import Scene
from pondscan.scenes import sentinel2_images
from pondscan.scenes.assemble import assemble
from pondscan.scenes.candidate import Candidate
from pondscan.scenes.dates import parse_utc
from pondscan.scenes.listing import Listing, depth, name, parent
from pondscan.scenes.metadata import number_at, read_xml, text_at
from pondscan.scenes.parts import BandPart, MaskPart, Parts, files_read
from pondscan.scenes.radiometry import Claim
from pondscan.sensors import SENSORS, canonical_band, roles_from_table

_PRODUCT_XML = re.compile(r"(MTD_MSI(L1C|L2A)|S2[A-Z]_[A-Z]{4}_MTD_SAF(L1C|L2A)_.*)\.xml$")
_GRANULE_XML = re.compile(r"(MTD_TL|S2[A-Z]_[A-Z]{4}_MTD_(L1C|L2A)_TL_.*)\.xml$")
_IMAGE = re.compile(r"_(B\d\d|B8A|SCL)(?:_(\d\d)m)?\.(jp2|tiff?)$", re.IGNORECASE)
_CLASSI = re.compile(r"MSK_CLASSI_B00\.(jp2|tiff?)$")
_CLOUDS_GML = re.compile(r"MSK_CLOUDS_.*B00.*\.gml$")
_TILE = re.compile(r"_T(\d\d[A-Z]{3})(?=[_.]|$)")

_BAND_IDS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")
"""Band names in the order of the metadata's ``bandId``."""


@dataclass(frozen=True, slots=True)
class _Product:
    """What the product's metadata file says."""

    baseline: str
    generated: str
    platform: str
    sensed: str
    quantification: float
    offsets: Mapping[str, float]
    """Additive offset in digital numbers by band name; empty before baseline 04.00."""


def find(listing: Listing) -> list[Candidate]:
    """Granules of every SAFE product in the listing (one each, but for products older than December 2016).

    Images of which no product's metadata speak are there too, to be refused (see ``sentinel2_images``).
    """
    products = [parent(xml) for xml in listing.files if _PRODUCT_XML.match(name(xml))]
    candidates = sentinel2_images.find(listing, products)
    for xml in listing.files:
        match = _PRODUCT_XML.match(name(xml))
        if match is None:
            continue
        root = parent(xml)
        members = frozenset(listing.below(root))
        granules = sorted({parent(file) for file in members if _GRANULE_XML.match(name(file))})
        level = match.group(2) or match.group(3)
        for granule in granules or [""]:
            build = partial(_build, listing, xml, granule, level, is_only=len(granules) <= 1)
            own = members if len(granules) <= 1 else frozenset(listing.below(granule))
            candidates.append(Candidate(_source(listing, xml), depth(xml), min(own), own, build))
    return candidates


def _build(listing: Listing, xml: str, granule: str, level: str, settings: Settings, *, is_only: bool) -> Scene:
    product = _read_product(listing, xml, level)
    granule_xml = next((file for file in listing.beside(granule) if granule and _GRANULE_XML.match(name(file))), None)
    if granule_xml is None:
        raise InputError(f"{listing.shown(xml)} has no granule beside it: the product is incomplete, fetch it again")
    tile_metadata = read_xml(listing, granule_xml)
    images = _finest_images(listing, granule)
    bands, masks = _bands(listing, images, product), _masks(listing, granule, images, level)
    safe = _safe_name(listing, xml)
    tile = _tile(name(granule), name(granule_xml), safe)
    sun_zenith_deg, sun_azimuth_deg = _sun(tile_metadata)
    return assemble(
        Parts(
            scene_id=safe if is_only else f"{safe}_T{tile}",
            product=f"Sentinel-2 {level} SAFE" + ("" if listing.kind == "folder" else f" ({listing.kind})"),
            sensor="sentinel-2",
            source=_source(listing, xml),
            files=files_read(listing, (xml, granule_xml), bands, masks),
            bands=bands,
            masks=masks,
            platform=product.platform,
            datetime=_moment(text_at(tile_metadata, "SENSING_TIME") or product.sensed, listing.shown(xml)),
            calibrated="toa" if level == "L1C" else "reflectance",
            sun_elevation_deg=None if sun_zenith_deg is None else 90 - sun_zenith_deg,
            sun_azimuth_deg=sun_azimuth_deg,
            processing=f"{level} {product.baseline} {product.generated}",
            acquisition=acquisition_key(product.platform, product.sensed, tile),
        ),
        settings,
    )


def _source(listing: Listing, xml: str) -> str:
    """The SAFE folder, or the archive."""
    return str(Path(listing.root) / parent(xml)) if listing.kind == "folder" else listing.root


def _sun(tile_metadata: ET.Element) -> tuple[float | None, float | None]:
    """Mean zenith and azimuth of the sun over the tile, degrees."""
    angles = tile_metadata.find(".//Mean_Sun_Angle")
    if angles is None:
        return None, None
    return number_at(angles, "ZENITH_ANGLE"), number_at(angles, "AZIMUTH_ANGLE")


def _moment(text: str, where: str) -> datetime:
    try:
        return parse_utc(text)
    except ValueError as error:
        raise InputError(f"{where} states no valid sensing time ({text}): fetch the product again") from error


def acquisition_key(platform: str, sensed: str, tile: str | None) -> str | None:
    """Key shared by every processing of one tile of one datatake; None where the tile is not known.

    Examples
    --------
    >>> acquisition_key("Sentinel-2B", "2021-01-22T13:32:29.024Z", "22HBD")
    'S2B 20210122T133229 T22HBD'
    """
    if tile is None:
        return None
    return f"S{platform[-2:].upper()} {_moment(sensed, platform):%Y%m%dT%H%M%S} T{tile}"


def _safe_name(listing: Listing, xml: str) -> str:
    """Name of the SAFE without its ending; the archive's where the folder inside was renamed away."""
    folder = name(parent(xml)) if parent(xml) else name(listing.root.rstrip("/"))
    return re.sub(r"\.(SAFE|zip|tar)$", "", folder, flags=re.IGNORECASE) or name(listing.root)


def _tile(*names: str) -> str | None:
    """Tile in the first name that has one; in products of several granules the product's name has none."""
    found = (_TILE.search(text) for text in names)
    return next((match.group(1) for match in found if match), None)


def _read_product(listing: Listing, xml: str, level: str) -> _Product:
    root = read_xml(listing, xml)
    tag = "QUANTIFICATION_VALUE" if level == "L1C" else "BOA_QUANTIFICATION_VALUE"
    quantification = number_at(root, tag, f"L2A_{tag}")
    baseline = text_at(root, "PROCESSING_BASELINE")
    sensed = text_at(root, "DATATAKE_SENSING_START", "PRODUCT_START_TIME")
    if not quantification or baseline is None or sensed is None:
        absent = tag if not quantification else "PROCESSING_BASELINE" if baseline is None else "DATATAKE_SENSING_START"
        raise InputError(f"{listing.shown(xml)} has no {absent}: it is incomplete, fetch the product again")
    return _Product(
        baseline=_sortable(baseline),
        generated=re.sub(r"\D", "", text_at(root, "GENERATION_TIME") or "")[:14],
        platform=text_at(root, "SPACECRAFT_NAME") or "Sentinel-2",
        sensed=sensed,
        quantification=quantification,
        offsets=_offsets(root, "RADIO_ADD_OFFSET" if level == "L1C" else "BOA_ADD_OFFSET"),
    )


def _sortable(baseline: str) -> str:
    """Baseline with two digits either side, so that text sorts as numbers do."""
    major, _, minor = baseline.partition(".")
    return f"{int(major):02d}.{int(minor or 0):02d}" if major.isdigit() and (minor or "0").isdigit() else baseline


def _offsets(root: ET.Element, tag: str) -> dict[str, float]:
    names = dict(enumerate(_BAND_IDS))
    for info in root.iterfind(".//Spectral_Information"):
        names[int(info.get("bandId", "-1"))] = info.get("physicalBand", "")
    return {
        names[int(element.get("band_id", "-1"))]: float(element.text or 0)
        for element in root.iterfind(f".//{tag}")
        if int(element.get("band_id", "-1")) in names
    }


def _finest_images(listing: Listing, granule: str) -> dict[str, str]:
    """Band name (``B2`` …, ``SCL``) → the file of its finest resolution."""
    finest: dict[str, tuple[int, str]] = {}
    for file in listing.below(granule):
        match = _IMAGE.search(name(file))
        if match and "MSK_" not in name(file):
            band = match.group(1).upper()
            key, resolution_m = canonical_band(band) or band, int(match.group(2) or 0)
            finest[key] = min(finest.get(key, (resolution_m, file)), (resolution_m, file))
    return {band: file for band, (_, file) in finest.items()}


def _bands(listing: Listing, images: Mapping[str, str], product: _Product) -> tuple[BandPart, ...]:
    roles = roles_from_table(SENSORS["sentinel-2"].numbering[0], {band: band for band in images if band != "SCL"})
    return tuple(
        BandPart(
            role=role,
            path=listing.gdal_path(images[band]),
            name=band if len(band) == 3 else f"B0{band[1:]}",
            claims=(
                Claim(
                    "product XML",
                    1 / product.quantification,
                    product.offsets.get(band, 0.0) / product.quantification,
                ),
            ),
            nodata=0.0,
        )
        for role, band in roles.items()
    )


def _masks(listing: Listing, granule: str, images: Mapping[str, str], level: str) -> tuple[MaskPart, ...]:
    if level == "L2A":
        return (MaskPart("scl", listing.gdal_path(images["SCL"])),) if "SCL" in images else ()
    quality = listing.below(f"{granule}/QI_DATA")
    for pattern in (_CLASSI, _CLOUDS_GML):
        found = [file for file in quality if pattern.search(name(file))]
        if found:
            return (MaskPart("l1c_clouds", listing.gdal_path(found[0])),)
    return ()
