"""What a product reader finds before any pixel file is opened: paths, roles, and what the metadata claim."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pondscan.model import Calibration
from pondscan.scenes.listing import Listing
from pondscan.scenes.radiometry import Claim


@dataclass(frozen=True, slots=True)
class BandPart:
    """A band as a product reader found it."""

    role: str
    path: str
    index: int = 1
    name: str = ""
    """What the product calls it."""
    claims: tuple[Claim, ...] = ()
    """What the product's own metadata say of scale and offset, the most trusted first."""
    nodata: float | None = None


@dataclass(frozen=True, slots=True)
class MaskPart:
    """A mask as a product reader found it."""

    role: str
    path: str
    index: int = 1

    @property
    def is_raster(self) -> bool:
        """False for the cloud polygons of older Sentinel-2 products."""
        return not self.path.lower().endswith(".gml")


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a product reader knows of a scene."""

    scene_id: str
    product: str
    sensor: str
    source: str
    files: tuple[str, ...]
    bands: tuple[BandPart, ...]
    masks: tuple[MaskPart, ...] = ()
    platform: str | None = None
    datetime: datetime | None = None
    calibrated: Calibration | None = None
    """Calibration class if the product tells; None where it follows from what is known of the scale."""
    has_sensor_scale: bool = True
    """Whether the sensor's usual scale holds for this product where nothing states one."""
    sun_elevation_deg: float | None = None
    sun_azimuth_deg: float | None = None
    processing: str | None = None
    acquisition: str | None = None
    warnings: tuple[str, ...] = field(default=())


def files_read(
    listing: Listing, metadata: Iterable[str], bands: Sequence[BandPart], masks: Sequence[MaskPart] = ()
) -> tuple[str, ...]:
    """Every file on disk that a scene is read from: the archive, or listed metadata files, bands and masks."""
    if listing.kind != "folder":
        return (listing.root,)
    paths = [*map(listing.shown, metadata), *(band.path for band in bands), *(mask.path for mask in masks)]
    return tuple(dict.fromkeys(paths))
