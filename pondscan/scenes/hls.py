"""Harmonized Landsat Sentinel-2 v2.0 granules, L30 and S30: one GeoTIFF for each band, cloud mask ``Fmask``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pondscan.config import Settings
from pondscan.errors import InputError
from pondscan.model import Scene
from pondscan.scenes.assemble import assemble
from pondscan.scenes.candidate import Candidate
from pondscan.scenes.listing import Listing, depth, is_raster, name, parent
from pondscan.scenes.parts import BandPart, MaskPart, Parts, files_read
from pondscan.scenes.raster import probe
from pondscan.sensors import SENSORS, canonical_band, roles_from_table

_GRANULE = re.compile(r"(HLS\.(L30|S30)\.T(\w{5})\.(\d{7}T\d{6})\.v(\d+\.\d+))\.(\w+)\.tiff?$")


def find(listing: Listing) -> list[Candidate]:
    """Granules by the identifier their files' names begin with."""
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for file in listing.files:
        match = _GRANULE.match(name(file))
        if match:
            groups.setdefault((parent(file), match.group(1)), {})[match.group(6)] = file
    candidates = []
    for (folder, granule), layers in sorted(groups.items()):
        if not any(canonical_band(layer) for layer in layers):
            continue
        members = frozenset(f for f in listing.beside(folder) if name(f).startswith(f"{granule}."))
        source = str(Path(listing.root) / folder / granule) if listing.kind == "folder" else listing.root
        build = partial(_build, listing, granule, layers, source)
        candidates.append(Candidate(source, depth(min(members)), min(members), members, build))
    return candidates


def _build(listing: Listing, granule: str, layers: Mapping[str, str], source: str, settings: Settings) -> Scene:
    match = _GRANULE.match(f"{granule}.B02.tif")
    if match is None:
        raise InputError(f"{source} is not named as HLS granules are: restore its name")
    kind, tile, moment, version = match.group(2, 3, 4, 5)
    bands = _bands(listing, layers, kind)
    masks = tuple(MaskPart("fmask", listing.gdal_path(layers["Fmask"])) for _ in range("Fmask" in layers))
    tags = probe(bands[0].path).tags if bands else {}
    zenith, azimuth = tags.get("MEAN_SUN_ZENITH_ANGLE"), tags.get("MEAN_SUN_AZIMUTH_ANGLE")
    return assemble(
        Parts(
            scene_id=granule,
            product=f"HLS {kind} v{version}",
            sensor="hls",
            source=source,
            files=files_read(listing, (), bands, masks),
            bands=bands,
            masks=masks,
            platform=_platform(tags, kind),
            datetime=datetime.strptime(moment, "%Y%jT%H%M%S").replace(tzinfo=UTC),
            calibrated="reflectance",
            sun_elevation_deg=None if zenith is None else 90 - _first_number(zenith),
            sun_azimuth_deg=None if azimuth is None else _first_number(azimuth),
            processing=f"v{version}",
            acquisition=f"HLS {kind} T{tile} {moment}",
        ),
        settings,
    )


def _bands(listing: Listing, layers: Mapping[str, str], kind: str) -> tuple[BandPart, ...]:
    by_number = {number: layer for layer in layers if is_raster(layers[layer]) and (number := canonical_band(layer))}
    roles = roles_from_table(SENSORS["hls"].numbering[0 if kind == "L30" else 1], by_number)
    return tuple(BandPart(role, listing.gdal_path(layers[layer]), name=layer) for role, layer in roles.items())


def _platform(tags: Mapping[str, str], kind: str) -> str:
    """Spacecraft where the tags tell it, else the kind of granule."""
    stated = tags.get("SPACECRAFT_NAME") or tags.get("SENSOR") or ""
    return stated.split(";")[0].strip() or f"HLS {kind}"


def _first_number(text: str) -> float:
    """First of the numbers in a tag; granules of two merged scenes list one for each."""
    match = re.search(r"-?\d+(?:\.\d+)?", text)
    return float(match.group()) if match else float("nan")
