"""Sentinel-2 images without the product metadata around them: a bare granule, a SAFE that lacks its MTD_MSI….xml.

Whether 0.1 must be taken off their reflectance stands in that file alone, so they are refused until the user says it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import partial

from pondscan.config import Settings
from pondscan.errors import InputError
from pondscan.model import Scene
from pondscan.scenes.assemble import assemble
from pondscan.scenes.candidate import Candidate
from pondscan.scenes.dates import date_in_name
from pondscan.scenes.listing import Listing, depth, name, parent
from pondscan.scenes.parts import BandPart, MaskPart, Parts, files_read
from pondscan.sensors import SENSORS, canonical_band, roles_from_table

_IMAGE = re.compile(
    r"(?P<granule>(?:L2A_)?T\d\d[A-Z]{3}_\d{8}T\d{6}|(?:L2A_|S2[A-Z]_)\S*?_T\d\d[A-Z]{3})"
    r"_(?P<band>B\d\d|B8A|SCL)(?:_(?P<gsd>\d\d)m)?\.jp2$"
)
_INSIDE_GRANULE = re.compile(r"(?:^|/)IMG_DATA(?:/R\d\dm)?$")


def find(listing: Listing, products: Collection[str]) -> list[Candidate]:
    """Original images below none of ``products``, the folders whose metadata speak for them; a scene per granule."""
    owned = {file for root in products for file in listing.below(root)}
    granules: dict[tuple[str, str], set[str]] = {}
    for file in listing.files:
        match = _IMAGE.match(name(file))
        if match and file not in owned:
            folder = _INSIDE_GRANULE.sub("", parent(file))
            granules.setdefault((folder, match["granule"]), set()).add(file)
    candidates = []
    for (folder, granule), images in granules.items():
        members = frozenset(images | ({*listing.below(folder)} - owned if "IMG_DATA" in min(images) else set()))
        build = partial(_build, listing, folder, granule, _finest(images))
        candidates.append(Candidate(_shown(listing, folder), depth(min(images)), min(images), members, build))
    return candidates


def _shown(listing: Listing, folder: str) -> str:
    return listing.shown(folder) if listing.kind == "folder" else listing.root


def _finest(images: Collection[str]) -> dict[str, str]:
    """Band (``B2`` …, ``SCL``) → the image of its finest resolution."""
    finest: dict[str, tuple[int, str]] = {}
    for file in images:
        match = _IMAGE.match(name(file))
        if match:
            band = canonical_band(match["band"]) or match["band"]
            one = (int(match["gsd"] or 0), file)
            finest[band] = min(finest.get(band, one), one)
    return {band: file for band, (_, file) in finest.items()}


def _build(listing: Listing, folder: str, granule: str, images: Mapping[str, str], settings: Settings) -> Scene:
    where = _shown(listing, folder)
    if settings.input.offset is None:
        raise InputError(
            f"{where} holds images of a Sentinel-2 product ({granule}) without its MTD_MSIL2A.xml or MTD_MSIL1C.xml, "
            "which alone says whether 0.1 must be taken off: give the whole product, or set input.offset to -0.1 "
            "(processing baseline 04.00 and later) or 0 (earlier)"
        )
    roles = roles_from_table(SENSORS["sentinel-2"].numbering[0], {band: band for band in images if band != "SCL"})
    bands = tuple(BandPart(role, listing.gdal_path(images[band]), name=band) for role, band in roles.items())
    masks = (MaskPart("scl", listing.gdal_path(images["SCL"])),) if "SCL" in images else ()
    is_level_2 = any(re.search(r"_\d\dm\.jp2$", file) for file in images.values())
    return assemble(
        Parts(
            scene_id=granule,
            product=f"Sentinel-2 {'L2A' if is_level_2 else 'L1C'} images without product metadata",
            sensor="sentinel-2",
            source=where,
            files=files_read(listing, (), bands, masks),
            bands=bands,
            masks=masks,
            datetime=date_in_name(granule),
            calibrated="reflectance" if is_level_2 else "toa",
        ),
        settings,
    )
