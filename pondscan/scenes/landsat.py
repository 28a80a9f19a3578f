"""Landsat Collection 2 Level 2 surface reflectance, folder or .tar, metadata as MTL in JSON, text or XML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from pondscan.config import Settings
from pondscan.errors import InputError
from pondscan.model import Scene
from pondscan.scenes.assemble import assemble
from pondscan.scenes.candidate import Candidate
from pondscan.scenes.dates import parse_utc
from pondscan.scenes.listing import Listing, depth, name, parent
from pondscan.scenes.metadata import read_json, read_xml
from pondscan.scenes.parts import BandPart, MaskPart, Parts, files_read
from pondscan.scenes.radiometry import Claim
from pondscan.sensors import landsat_numbering, roles_from_table

_PRODUCT = re.compile(r"(L[COTEM]0(\d)_L2S[PR]_(\d{6})_(\d{8})_(\d{8})_02_(T1|T2|RT))_", re.IGNORECASE)
_BAND = re.compile(r"_SR_(B\d+)\.tiff?$", re.IGNORECASE)
_MASKS = {"_QA_PIXEL.TIF": "qa_pixel", "_QA_RADSAT.TIF": "qa_radsat"}
_MTL_SUFFIXES = ("_MTL.json", "_MTL.txt", "_MTL.xml")

Mtl = Mapping[str, Mapping[str, str]]
"""Group → key → value, as text."""


def find(listing: Listing) -> list[Candidate]:
    """Products by the identifier their files' names begin with."""
    groups: dict[tuple[str, str], set[str]] = {}
    for file in listing.files:
        match = _PRODUCT.match(name(file))
        if match:
            groups.setdefault((parent(file), match.group(1)), set()).add(file)
    candidates = []
    for (folder, product_id), files in sorted(groups.items()):
        if not any(_BAND.search(name(file)) for file in files):
            continue
        is_alone = sum(f == folder for f, _ in groups) == 1
        source = (
            listing.root
            if listing.kind == "tar"
            else str(Path(listing.root) / folder / ("" if is_alone else product_id))
        )
        build = partial(_build, listing, product_id, frozenset(files), source)
        candidates.append(Candidate(source, depth(min(files)), min(files), frozenset(files), build))
    return candidates


def _build(listing: Listing, product_id: str, files: frozenset[str], source: str, settings: Settings) -> Scene:
    mtl_file = next((f for suffix in _MTL_SUFFIXES for f in sorted(files) if f.endswith(suffix)), None)
    mtl = _read_mtl(listing, mtl_file) if mtl_file else {}
    match = _PRODUCT.match(f"{product_id}_")
    if match is None:
        raise InputError(f"{source} is not named as Landsat Collection 2 Level 2 products are: restore its name")
    _, spacecraft, path_row, acquired, processed, _ = match.groups()
    bands = _bands(listing, files, int(spacecraft), mtl)
    masks = tuple(
        MaskPart(role, listing.gdal_path(file))
        for ending, role in _MASKS.items()
        for file in sorted(files)
        if file.upper().endswith(ending)
    )
    attributes = mtl.get("IMAGE_ATTRIBUTES", {})
    warnings = () if mtl_file else ("no MTL metadata: Collection 2's usual scale and offset are assumed",)
    return assemble(
        Parts(
            scene_id=product_id,
            product="Landsat Collection 2 Level 2" + ("" if listing.kind == "folder" else f" ({listing.kind})"),
            sensor="landsat",
            source=source,
            files=files_read(listing, [mtl_file] if mtl_file else [], bands, masks),
            bands=bands,
            masks=masks,
            platform=f"Landsat-{spacecraft}",
            datetime=parse_utc(_sensing_time(attributes, acquired)),
            calibrated="reflectance",
            sun_elevation_deg=_number(attributes.get("SUN_ELEVATION")),
            sun_azimuth_deg=_number(attributes.get("SUN_AZIMUTH")),
            processing=f"02 {processed}",
            acquisition=f"{product_id[:4].upper()} {path_row} {acquired}",
            warnings=warnings,
        ),
        settings,
    )


def _bands(listing: Listing, files: frozenset[str], spacecraft: int, mtl: Mtl) -> tuple[BandPart, ...]:
    by_number = {m.group(1).upper(): file for file in sorted(files) if (m := _BAND.search(name(file)))}
    roles = roles_from_table(landsat_numbering(spacecraft), {number: number for number in by_number})
    # The Level-1 group repeats the same keys with other numbers: only this group speaks of surface reflectance.
    rescaling = mtl.get("LEVEL2_SURFACE_REFLECTANCE_PARAMETERS", {})
    return tuple(
        BandPart(
            role=role,
            path=listing.gdal_path(by_number[number]),
            name=f"SR_{number}",
            claims=(
                Claim(
                    "MTL",
                    _number(rescaling.get(f"REFLECTANCE_MULT_BAND_{number[1:]}")),
                    _number(rescaling.get(f"REFLECTANCE_ADD_BAND_{number[1:]}")),
                ),
            ),
            nodata=0.0,
        )
        for role, number in roles.items()
    )


def _sensing_time(attributes: Mapping[str, str], acquired: str) -> str:
    day = attributes.get("DATE_ACQUIRED", f"{acquired[:4]}-{acquired[4:6]}-{acquired[6:]}")
    return f"{day}T{attributes.get('SCENE_CENTER_TIME', '00:00:00Z')}"


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _read_mtl(listing: Listing, file: str) -> dict[str, dict[str, str]]:
    if file.endswith(".json"):
        return _groups_of_json(read_json(listing, file))
    if file.endswith(".xml"):
        return _groups_of_xml(read_xml(listing, file))
    return groups_of_text(listing.read(file).decode("utf-8", "replace"))


def _groups_of_json(document: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    groups = document.get("LANDSAT_METADATA_FILE", document)
    return {
        group: {key: str(value) for key, value in values.items()}
        for group, values in groups.items()
        if isinstance(values, dict)
    }


def _groups_of_xml(root: ET.Element) -> dict[str, dict[str, str]]:
    return {group.tag: {entry.tag: (entry.text or "").strip() for entry in group} for group in root}


def groups_of_text(text: str) -> dict[str, dict[str, str]]:
    r"""Groups of an MTL in its text form (``GROUP = NAME`` … ``KEY = "value"`` … ``END_GROUP``).

    Examples
    --------
    >>> groups_of_text('GROUP = A\n  KEY = "1"\nEND_GROUP = A\nEND')
    {'A': {'KEY': '1'}}
    """
    groups: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = (part.strip() for part in line.partition("="))
        if key == "GROUP":
            current = groups.setdefault(value, {})
        elif equals and key != "END_GROUP":
            current[key] = value.strip('"')
    return {group: values for group, values in groups.items() if values}
