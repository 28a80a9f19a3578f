"""Sentinel-2 names and metadata: what a SAFE calls its parts, and the XML files that describe them.

Element names follow the product specification documents (PSD 14 and 15) as seen in delivered products; contents are
those of the miniature. Spectral responses, processing parameters and auxiliary files are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any, Literal

from pondscan.errors import InputError
from pondscan.simulate.agency.delivery import iso_z, write_xml
from pondscan.simulate.agency.mgrs import tile_name, utm_zone
from pondscan.simulate.agency.surface import Surface, earth_sun_distance_au

Level = Literal["L1C", "L2A"]

QUANTIFICATION = 10_000
"""Digital numbers per unit of reflectance."""


@dataclass(frozen=True, slots=True)
class MsiBand:
    """A band of the Multi-Spectral Instrument; ``role`` is empty where pondscan has no use for it."""

    band_id: int
    name: str
    role: str
    gsd_m: int
    wavelength_nm: tuple[int, float, int]
    """Lower end, centre, upper end (Sentinel-2A)."""

    @property
    def physical_name(self) -> str:
        """Name in ``Spectral_Information``: ``B2`` where files say ``B02``."""
        return f"B{self.name[1:].lstrip('0')}"


MSI_BANDS = (
    MsiBand(0, "B01", "coastal", 60, (412, 442.7, 456)),
    MsiBand(1, "B02", "blue", 10, (456, 492.7, 533)),
    MsiBand(2, "B03", "green", 10, (538, 559.8, 583)),
    MsiBand(3, "B04", "red", 10, (646, 664.6, 684)),
    MsiBand(4, "B05", "rededge", 20, (695, 704.1, 714)),
    MsiBand(5, "B06", "", 20, (731, 740.5, 749)),
    MsiBand(6, "B07", "", 20, (769, 782.8, 797)),
    MsiBand(7, "B08", "nir", 10, (760, 832.8, 907)),
    MsiBand(8, "B8A", "nir08", 20, (837, 864.7, 881)),
    MsiBand(9, "B09", "", 60, (932, 945.1, 958)),
    MsiBand(10, "B10", "", 60, (1337, 1373.5, 1412)),
    MsiBand(11, "B11", "swir16", 20, (1539, 1613.7, 1682)),
    MsiBand(12, "B12", "swir22", 20, (2078, 2202.4, 2320)),
)


def bands_of(surface: Surface) -> list[MsiBand]:
    """Bands of the instrument that the surface has."""
    return [band for band in MSI_BANDS if band.role in surface.reflectance]


@dataclass(frozen=True, slots=True)
class SafeProduct:
    """One acquisition at one level and processing baseline, and everything named after it."""

    surfaces: Mapping[int, Surface]
    """The surface at 10, 20 and 60 m."""
    level: Level
    baseline: str
    platform: str
    relative_orbit: int
    absolute_orbit: int
    tile: str
    processed: datetime

    @property
    def surface(self) -> Surface:
        """The surface on the 10 m grid."""
        return self.surfaces[10]

    @property
    def has_offset(self) -> bool:
        """Baseline 04.00 (25 January 2022) and later add 1000 to every number."""
        return self.baseline >= "04.00"

    @property
    def offset_dn(self) -> int:
        """``BOA_ADD_OFFSET`` or ``RADIO_ADD_OFFSET`` of every band."""
        return -1000 if self.has_offset else 0

    @property
    def has_old_names(self) -> bool:
        """L2A before baseline 02.08: ``L2A_`` before file names and metadata elements."""
        return self.level == "L2A" and self.baseline < "02.08"

    @property
    def sensing(self) -> str:
        """Start of the datatake as names have it."""
        return f"{self.surface.acquired_utc:%Y%m%dT%H%M%S}"

    @property
    def name(self) -> str:
        """Name of the product folder, ``.SAFE`` included."""
        return (
            f"{self.platform}_MSI{self.level}_{self.sensing}_N{self.baseline.replace('.', '')}"
            f"_R{self.relative_orbit:03d}_T{self.tile}_{self.processed:%Y%m%dT%H%M%S}.SAFE"
        )

    @property
    def granule(self) -> str:
        """Name of the folder under ``GRANULE``."""
        return f"{self.level}_T{self.tile}_A{self.absolute_orbit:06d}_{self.sensing}"

    def image(self, band: str, gsd_m: int) -> str:
        """Path of an image inside the product, without ``.jp2``."""
        folder = f"GRANULE/{self.granule}/IMG_DATA"
        stem = f"T{self.tile}_{self.sensing}_{band}"
        if self.level == "L1C":
            return f"{folder}/{stem}"
        prefix = "L2A_" if self.has_old_names else ""
        return f"{folder}/R{gsd_m}m/{prefix}{stem}_{gsd_m}m"

    def quality(self, mask: str) -> str:
        """Path of a mask inside the product."""
        return f"GRANULE/{self.granule}/QI_DATA/{mask}"


def safe_product(
    surface: Surface,
    level: Level,
    *,
    baseline: str,
    platform: str,
    relative_orbit: int,
    absolute_orbit: int,
    processed: datetime | None,
) -> SafeProduct:
    """Check what a SAFE needs of a surface and name it; processing ends six hours after acquisition unless told."""
    if re.fullmatch(r"\d\d\.\d\d", baseline) is None:
        raise InputError(
            f"processing baseline {baseline!r} is not of the form '05.09': give two digits, dot, two digits"
        )
    if platform not in {"S2A", "S2B", "S2C"}:
        raise InputError(f"platform {platform!r} is no Sentinel-2: use S2A, S2B or S2C")
    fine = surface.at_gsd(10, "Sentinel-2")
    if fine.grid.width % 6 or fine.grid.height % 6:
        raise InputError(
            f"a 10 m grid of {fine.grid.width} × {fine.grid.height} pixels has no whole 60 m pixels, "
            "which Sentinel-2 products need: make both sides multiples of 6"
        )
    return SafeProduct(
        surfaces={10: fine, 20: fine.coarsened(2), 60: fine.coarsened(6)},
        level=level,
        baseline=baseline,
        platform=platform,
        relative_orbit=relative_orbit,
        absolute_orbit=absolute_orbit,
        tile=tile_name(fine.grid, "Sentinel-2"),
        processed=processed or fine.acquired_utc + timedelta(hours=6),
    )


def write_product_metadata(product: SafeProduct, root: Path, images: Sequence[str]) -> None:
    """Write ``MTD_MSIL2A.xml`` or ``MTD_MSIL1C.xml``."""
    write_xml(root / f"MTD_MSI{product.level}.xml", "MTD_MSI.xml", **_shared(product), images=images)


def write_granule_metadata(
    product: SafeProduct, path: Path, masks: Sequence[tuple[str, str]], content_percent: Mapping[str, float]
) -> None:
    """Write ``MTD_TL.xml``; ``masks`` are (type, path inside the product)."""
    surface = product.surface
    grid = surface.grid
    n_rows, n_cols = (ceil(side * grid.gsd_m / 5000) + 1 for side in (grid.height, grid.width))
    write_xml(
        path,
        "MTD_TL.xml",
        **_shared(product),
        zone=utm_zone(grid, "Sentinel-2"),
        grid=grid,
        sizes=[(gsd, round(grid.height * 10 / gsd), round(grid.width * 10 / gsd)) for gsd in (10, 20, 60)],
        sun_zenith=f"{surface.sun_zenith_deg:.10f}",
        sun_azimuth=f"{surface.sun_azimuth_deg:.10f}",
        angle_rows=n_rows,
        angle_cols=n_cols,
        masks=masks,
        content=content_percent,
    )


def write_manifest(product: SafeProduct, root: Path) -> None:
    """Write ``manifest.safe``, the list of the product's files."""
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    write_xml(root / "manifest.safe", "manifest.safe.xml", **_shared(product), files=files)


def _shared(product: SafeProduct) -> dict[str, Any]:
    return {
        "product": product,
        "schema": "psd-15" if product.baseline >= "05.10" else "psd-14",
        "compact": f"N{product.baseline}",
        "spacecraft": f"Sentinel-{product.platform[1:]}",
        "sensed": iso_z(product.surface.acquired_utc),
        "sensed_precisely": iso_z(product.surface.acquired_utc, "microseconds"),
        "generated": iso_z(product.processed, "microseconds"),
        "generated_compact": f"{product.processed:%Y%m%dT%H%M%S}",
        "bands": MSI_BANDS,
        "quantification": QUANTIFICATION,
        "reflectance_conversion": f"{earth_sun_distance_au(product.surface.acquired_utc) ** -2:.12f}",
    }
