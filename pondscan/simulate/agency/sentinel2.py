"""Sentinel-2 L2A and L1C as SAFE folders and zips, of every processing baseline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pondscan.model import Coverage
from pondscan.simulate.agency.delivery import new_archive, new_product
from pondscan.simulate.agency.raster import write_jp2
from pondscan.simulate.agency.sentinel2_masks import (
    classification_mask,
    cloud_probability,
    content_percent,
    scene_classification,
    snow_probability,
    write_cloud_polygons,
)
from pondscan.simulate.agency.sentinel2_metadata import (
    QUANTIFICATION,
    MsiBand,
    SafeProduct,
    bands_of,
    safe_product,
    write_granule_metadata,
    write_manifest,
    write_product_metadata,
)
from pondscan.simulate.agency.surface import Surface, digital_numbers

SATURATED_DN = 65535
"""Special value for pixels beyond the detector's range; 0 is no data."""


def write_safe_l2a(
    surface: Surface,
    folder: Path,
    baseline: str = "05.09",
    *,
    zipped: bool = False,
    platform: str = "S2A",
    relative_orbit: int = 4,
    absolute_orbit: int = 35_000,
    processed: datetime | None = None,
) -> Path:
    """Write a surface as Sentinel-2 L2A and return the ``.SAFE`` folder, or the ``.SAFE.zip`` when ``zipped``.

    Parameters
    ----------
    surface
        On a UTM grid whose pixels divide 10 m; at 10 m both sides are multiples of 6.
    folder
        Where the product goes; made when missing.
    baseline
        Processing baseline. From 04.00 on, numbers carry an offset of 1000 and cloud masks are rasters.
    zipped
        Pack the folder as the Copernicus archive does.
    platform, relative_orbit, absolute_orbit, processed
        Parts of the name; ``processed`` is six hours after acquisition unless given.

    Raises
    ------
    InputError
        If the grid does not fit, the baseline is malformed, or the product exists already.
    """
    product = safe_product(
        surface,
        "L2A",
        baseline=baseline,
        platform=platform,
        relative_orbit=relative_orbit,
        absolute_orbit=absolute_orbit,
        processed=processed,
    )
    with _delivery(product, folder, zipped=zipped) as root:
        images = [image for gsd_m in (10, 20, 60) for image in _write_l2a_images(product, root, gsd_m)]
        masks = _write_cloud_masks(product, root)
        coarse = product.surfaces[20]
        for kind, values in (("MSK_CLDPRB", cloud_probability(coarse)), ("MSK_SNWPRB", snow_probability(coarse))):
            masks.append((kind, product.quality(f"{kind}_20m.jp2")))
            write_jp2(root / masks[-1][1], values, coarse.grid)
        _write_metadata(product, root, images, masks)
    return folder / _delivered_name(product, zipped=zipped)


def write_safe_l1c(
    surface: Surface,
    folder: Path,
    baseline: str = "05.09",
    *,
    zipped: bool = False,
    platform: str = "S2A",
    relative_orbit: int = 4,
    absolute_orbit: int = 35_000,
    processed: datetime | None = None,
) -> Path:
    """Write a surface as Sentinel-2 L1C (its reflectance taken as top of atmosphere) and return the product.

    The cloud mask has 60 m pixels and knows opaque cloud and cirrus, from baseline 04.00 on snow too; shadow it does
    not know. Parameters and refusals are those of `write_safe_l2a`.
    """
    product = safe_product(
        surface,
        "L1C",
        baseline=baseline,
        platform=platform,
        relative_orbit=relative_orbit,
        absolute_orbit=absolute_orbit,
        processed=processed,
    )
    with _delivery(product, folder, zipped=zipped) as root:
        images = [_write_band(product, root, band, band.gsd_m) for band in bands_of(product.surface)]
        images.append(_write_true_colour(product, root, 10))
        masks = _write_cloud_masks(product, root)
        _write_metadata(product, root, images, masks)
    return folder / _delivered_name(product, zipped=zipped)


def msi_digital_numbers(surface: Surface, role: str, *, offset_dn: int) -> NDArray[np.uint16]:
    """Return the numbers of a band: 0 outside, 65535 saturated, else at least 1 as the processors cut them."""
    numbers = digital_numbers(surface.reflectance[role], scale=1 / QUANTIFICATION, offset=offset_dn / QUANTIFICATION)
    numbers = np.clip(numbers, 1, SATURATED_DN - 1)
    numbers = np.where(surface.coverage == Coverage.SATURATED, SATURATED_DN, numbers)
    return np.where(surface.is_inside, numbers, 0).astype(np.uint16)


def _delivered_name(product: SafeProduct, *, zipped: bool) -> str:
    return f"{product.name}.zip" if zipped else product.name


@contextmanager
def _delivery(product: SafeProduct, folder: Path, *, zipped: bool) -> Iterator[Path]:
    name = _delivered_name(product, zipped=zipped)
    if zipped:
        with new_archive(folder, name, product.name, product.processed) as root:
            yield root
    else:
        with new_product(folder, name) as root:
            yield root


def _write_l2a_images(product: SafeProduct, root: Path, gsd_m: int) -> list[str]:
    """Write the folder of one pixel size: every band that is no coarser, but the broad nir at 10 m alone."""
    bands = [band for band in bands_of(product.surface) if _is_in_l2a(band, gsd_m, product)]
    images = [_write_band(product, root, band, gsd_m) for band in bands]
    images.append(_write_true_colour(product, root, gsd_m))
    if gsd_m > 10:
        coarse = product.surfaces[gsd_m]
        images.append(product.image("SCL", gsd_m))
        write_jp2(root / f"{images[-1]}.jp2", scene_classification(coarse), coarse.grid)
    return images


def _is_in_l2a(band: MsiBand, gsd_m: int, product: SafeProduct) -> bool:
    if band.name == "B08":
        return gsd_m == 10
    if band.name == "B01" and gsd_m == 20:
        return product.baseline >= "04.00"
    return band.gsd_m <= gsd_m


def _write_band(product: SafeProduct, root: Path, band: MsiBand, gsd_m: int) -> str:
    surface = product.surfaces[gsd_m]
    image = product.image(band.name, gsd_m)
    numbers = msi_digital_numbers(surface, band.role, offset_dn=product.offset_dn)
    write_jp2(root / f"{image}.jp2", numbers, surface.grid)
    return image


def _write_true_colour(product: SafeProduct, root: Path, gsd_m: int) -> str:
    """Write the picture: red, green, blue, 255 at a reflectance of 0.3558, 0 where there is no data."""
    surface = product.surfaces[gsd_m]
    reflectance = np.stack([surface.reflectance[role] for role in ("red", "green", "blue")])
    grey = np.clip(np.rint(reflectance / 0.3558 * 255), 1, 255)
    image = product.image("TCI", gsd_m)
    write_jp2(root / f"{image}.jp2", np.where(surface.is_inside, grey, 0).astype(np.uint8), surface.grid)
    return image


def _write_cloud_masks(product: SafeProduct, root: Path) -> list[tuple[str, str]]:
    """Write the mask of the level-1 processor: a raster from baseline 04.00 on, polygons before."""
    coarse = product.surfaces[60]
    if product.has_offset:
        mask = product.quality("MSK_CLASSI_B00.jp2")
        write_jp2(root / mask, classification_mask(coarse), coarse.grid)
        return [("MSK_CLASSI", mask)]
    mask = product.quality("MSK_CLOUDS_B00.gml")
    identifier = f"{product.platform}_OPER_MSK_CLOUDS_{product.sensing}_T{product.tile}_B00_MSIL1C"
    write_cloud_polygons(root / mask, coarse, identifier=identifier)
    return [("MSK_CLOUDS", mask)]


def _write_metadata(product: SafeProduct, root: Path, images: list[str], masks: list[tuple[str, str]]) -> None:
    content = content_percent(scene_classification(product.surface))
    write_product_metadata(product, root, images)
    write_granule_metadata(product, root / "GRANULE" / product.granule / "MTD_TL.xml", masks, content)
    write_manifest(product, root)
