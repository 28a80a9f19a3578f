"""PlanetScope and SkySat scenes with their usable data mask and metadata.

Surface reflectance (``analytic_sr``) is stored as reflectance · 10,000. Radiance (``analytic``) is stored in
hundredths of W m⁻² sr⁻¹ µm⁻¹; metadata give the coefficient that turns each band's number into reflectance.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pondscan.errors import InputError
from pondscan.model import Coverage
from pondscan.simulate.agency.delivery import iso_z, new_product, write_xml
from pondscan.simulate.agency.mgrs import utm_zone
from pondscan.simulate.agency.raster import write_geotiff
from pondscan.simulate.agency.stac import footprint
from pondscan.simulate.agency.surface import Surface, digital_numbers, earth_sun_distance_au

Product = Literal["analytic_sr", "analytic"]

RADIOMETRIC_SCALE = 0.01
"""Radiance per digital number, W m⁻² sr⁻¹ µm⁻¹."""


@dataclass(frozen=True, slots=True)
class DoveBand:
    """A band of a Dove or a SkySat."""

    name: str
    role: str
    """Empty for the two bands of the eight that have no STAC name; they are interpolated between neighbours."""
    wavelength_nm: int
    solar_irradiance: float
    """Of the sun at one astronomical unit, W m⁻² µm⁻¹, rounded."""


EIGHT_BANDS = (
    DoveBand("coastal_blue", "coastal", 443, 1885.0),
    DoveBand("blue", "blue", 490, 1960.0),
    DoveBand("green_i", "", 531, 1860.0),
    DoveBand("green", "green", 565, 1810.0),
    DoveBand("yellow", "", 610, 1700.0),
    DoveBand("red", "red", 665, 1512.0),
    DoveBand("rededge", "rededge", 705, 1425.0),
    DoveBand("nir", "nir", 865, 955.0),
)
FOUR_BANDS = tuple(band for band in EIGHT_BANDS if band.name in {"blue", "green", "red", "nir"})

UDM2_BANDS = ("clear", "snow", "shadow", "haze_light", "haze_heavy", "cloud", "confidence", "udm1")
"""Bands of the usable data mask; a pixel is exactly one of the first six, or outside."""

UDM2_OF_COVERAGE = {
    Coverage.CLEAR: "clear",
    Coverage.SATURATED: "clear",
    Coverage.UNUSABLE: "clear",  # what is wrong with it is said by udm1
    Coverage.SNOW: "snow",
    Coverage.SHADOW: "shadow",
    Coverage.HAZE: "haze_light",
    Coverage.CIRRUS: "haze_light",  # the mask knows no cirrus
    Coverage.CLOUD: "cloud",
}
_UDM1_BLACKFILL, _UDM1_CLOUD, _UDM1_SUSPECT_BANDS = 0b1, 0b10, 0b11111100


def write_planetscope(
    surface: Surface,
    folder: Path,
    *,
    bands: Literal[4, 8] = 4,
    product: Product = "analytic_sr",
    satellite: str = "2414",
    published: datetime | None = None,
) -> Path:
    """Write a surface as a PlanetScope scene (item type PSScene, orthorectified) and return its folder.

    Parameters
    ----------
    surface
        On a UTM grid; PlanetScope's own pixels are 3 m, others are taken as they are.
    folder
        Where the folder named by the scene's id goes.
    bands
        4, or 8 where the surface has ``coastal`` and ``rededge``.
    product
        ``analytic_sr`` surface reflectance, or ``analytic`` radiance with its coefficients.
    satellite
        Four hexadecimal digits.
    published
        Time of publication; eight hours after acquisition unless given.

    Raises
    ------
    InputError
        If a role is missing, the CRS is not UTM, or the product exists already.
    """
    layout = EIGHT_BANDS if bands == 8 else FOUR_BANDS
    utm_zone(surface.grid, "PlanetScope")
    cube, coefficients = _cube(surface, layout, product, f"PlanetScope with {bands} bands")
    moment = surface.acquired_utc
    scene = f"{moment:%Y%m%d_%H%M%S}_{moment.microsecond // 10_000:02d}_{satellite}"
    suffix = "_8b" if bands == 8 else ""
    stem = f"{scene}_3B_AnalyticMS{'_SR' if product == 'analytic_sr' else ''}{suffix}"
    with new_product(folder, scene) as root:
        _write_image(surface, root / f"{stem}.tif", cube, layout)
        _write_udm2(surface, root / f"{scene}_3B_udm2.tif")
        write_xml(
            root / f"{scene}_3B_AnalyticMS{suffix}_metadata.xml",
            "planetscope_metadata.xml",
            **_xml_values(surface, scene, satellite, stem, layout, coefficients),
        )
        properties = _properties(surface, satellite, "PSB.SD" if bands == 8 else "PS2", published)
        _write_json(root / f"{scene}_metadata.json", surface, scene, "PSScene", properties)
    return folder / scene


def write_skysat(
    surface: Surface,
    folder: Path,
    *,
    product: Product = "analytic_sr",
    satellite: str = "ssc16",
    upload: str = "u0001",
    published: datetime | None = None,
) -> Path:
    """Write a surface as a SkySat collect (four bands, orthorectified) and return its folder.

    Radiance coefficients stand in the GeoTIFF's image description, as SkySat has them. Parameters and refusals are
    those of `write_planetscope`; ``upload`` is the part of the name that tells uploads of one pass apart.
    """
    utm_zone(surface.grid, "SkySat")
    cube, coefficients = _cube(surface, FOUR_BANDS, product, "SkySat")
    moment = surface.acquired_utc
    scene = f"{moment:%Y%m%d_%H%M%S}_{satellite}_{upload}"
    ending, description = "analytic_SR", None
    if product == "analytic":
        described = {"radiometric_scale_factor": RADIOMETRIC_SCALE, "reflectance_coefficients": coefficients}
        ending, description = "analytic", json.dumps({"properties": described})
    with new_product(folder, scene) as root:
        _write_image(surface, root / f"{scene}_{ending}.tif", cube, FOUR_BANDS, description)
        _write_udm2(surface, root / f"{scene}_analytic_udm2.tif")
        properties = _properties(surface, satellite.upper(), "SkySat", published)
        _write_json(root / f"{scene}_metadata.json", surface, scene, "SkySatCollect", properties)
    return folder / scene


def reflectance_coefficient(band: DoveBand, when: datetime, sun_elevation_deg: float) -> float:
    """Return reflectance per digital number of radiance: scale · π · d² / (irradiance · sin(sun's elevation))."""
    irradiance = band.solar_irradiance * math.sin(math.radians(sun_elevation_deg))
    return RADIOMETRIC_SCALE * math.pi * earth_sun_distance_au(when) ** 2 / irradiance


def usable_data_mask(surface: Surface) -> NDArray[np.uint8]:
    """Return the (8, height, width) bands of UDM2; confidence is 100 per cent, the simulator being certain."""
    masks = np.zeros((len(UDM2_BANDS), *surface.coverage.shape), dtype=np.uint8)
    for code, name in UDM2_OF_COVERAGE.items():
        masks[UDM2_BANDS.index(name)] |= surface.coverage == code
    masks[UDM2_BANDS.index("confidence")] = np.where(surface.is_inside, 100, 0)
    udm1 = masks[UDM2_BANDS.index("udm1")]
    udm1[surface.coverage == Coverage.OUTSIDE] = _UDM1_BLACKFILL
    udm1[surface.coverage == Coverage.CLOUD] = _UDM1_CLOUD
    udm1[np.isin(surface.coverage, (Coverage.UNUSABLE, Coverage.SATURATED))] = _UDM1_SUSPECT_BANDS
    return masks


def _write_image(
    surface: Surface,
    path: Path,
    cube: NDArray[np.uint16],
    layout: tuple[DoveBand, ...],
    description: str | None = None,
) -> None:
    tags = {"TIFFTAG_DATETIME": f"{surface.acquired_utc:%Y:%m:%d %H:%M:%S}"}
    if description is not None:
        tags["TIFFTAG_IMAGEDESCRIPTION"] = description
    names = [band.name for band in layout]
    write_geotiff(path, cube, surface.grid, nodata=0, descriptions=names, tags=tags)


def _write_udm2(surface: Surface, path: Path) -> None:
    write_geotiff(path, usable_data_mask(surface), surface.grid, descriptions=UDM2_BANDS)


def _cube(
    surface: Surface, layout: tuple[DoveBand, ...], product: Product, what: str
) -> tuple[NDArray[np.uint16], list[float]]:
    """Return the numbers of every band, and the coefficients that metadata state for radiance."""
    missing = [band.role for band in layout if band.role and band.role not in surface.reflectance]
    if missing:
        raise InputError(f"the surface has no {', '.join(missing)}, which {what} needs: render it, or use 4 bands")
    coefficients = [reflectance_coefficient(band, surface.acquired_utc, surface.sun_elevation_deg) for band in layout]
    scales = coefficients if product == "analytic" else [1e-4] * len(layout)
    numbers = np.stack(
        [
            digital_numbers(_reflectance(surface, layout, band), scale=scale, offset=0.0)
            for band, scale in zip(layout, scales, strict=True)
        ]
    )
    return np.where(surface.is_inside, np.clip(numbers, 1, 65535), 0).astype(np.uint16), coefficients


def _reflectance(surface: Surface, layout: tuple[DoveBand, ...], band: DoveBand) -> NDArray[np.float64]:
    """Reflectance of a band, of one without a role by its wavelength between the neighbours that have one."""
    if band.role:
        return surface.reflectance[band.role].astype(np.float64)
    position = layout.index(band)
    before, after = layout[position - 1], layout[position + 1]
    weight = (band.wavelength_nm - before.wavelength_nm) / (after.wavelength_nm - before.wavelength_nm)
    return (1 - weight) * surface.reflectance[before.role] + weight * surface.reflectance[after.role].astype(np.float64)


def _xml_values(
    surface: Surface,
    scene: str,
    satellite: str,
    stem: str,
    layout: tuple[DoveBand, ...],
    coefficients: list[float],
) -> dict[str, Any]:
    ring = footprint(surface.grid)
    return {
        "surface": surface,
        "grid": surface.grid,
        "zone": utm_zone(surface.grid, "PlanetScope"),
        "scene": scene,
        "stem": stem,
        "satellite": satellite,
        "instrument": "PSB.SD" if len(layout) == 8 else "PS2",
        "acquired": surface.acquired_utc.isoformat(),
        "corners": {"topLeft": ring[3], "topRight": ring[2], "bottomRight": ring[1], "bottomLeft": ring[0]},
        "ring": " ".join(f"{lon},{lat}" for lon, lat in ring),
        "is_reflectance": "_SR" in stem,
        "cloud_percent": 100 * float(np.mean(surface.coverage == Coverage.CLOUD)),
        "unusable_percent": 100 * float(np.mean(surface.coverage != Coverage.CLEAR)),
        "bands": list(enumerate(coefficients, start=1)),
        "radiometric_scale": RADIOMETRIC_SCALE,
    }


def _properties(surface: Surface, satellite: str, instrument: str, published: datetime | None) -> dict[str, Any]:
    share = {name: float(np.mean(surface.coverage == code)) for code, name in UDM2_OF_COVERAGE.items()}
    return {
        "acquired": iso_z(surface.acquired_utc, "microseconds"),
        "published": iso_z(published or surface.acquired_utc + timedelta(hours=8), "microseconds"),
        "cloud_cover": round(share["cloud"], 4),
        "ground_control": True,
        "gsd": surface.grid.gsd_m,
        "pixel_resolution": surface.grid.gsd_m,
        "instrument": instrument,
        "provider": "skysat" if instrument == "SkySat" else "planetscope",
        "publishing_stage": "finalized",
        "quality_category": "standard",
        "satellite_id": satellite,
        "strip_id": f"{surface.acquired_utc:%y%m%d}01",
        "sun_azimuth": round(surface.sun_azimuth_deg, 4),
        "sun_elevation": round(surface.sun_elevation_deg, 4),
        "view_angle": 3.0,
    }


def _write_json(path: Path, surface: Surface, scene: str, item_type: str, properties: dict[str, Any]) -> None:
    feature = {
        "type": "Feature",
        "id": scene,
        "geometry": {"type": "Polygon", "coordinates": [footprint(surface.grid)]},
        "properties": {"item_type": item_type, **properties},
    }
    path.write_text(json.dumps(feature, indent=2) + "\n", encoding="utf-8")
