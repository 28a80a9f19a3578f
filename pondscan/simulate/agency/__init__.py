"""Miniature products in the agencies' true layouts, for trying readers and for users who want to see one.

Every writer takes a `Surface` and a folder and returns the product's path. Folder names, file names and metadata
elements are the agencies'; what a miniature has no use for (auxiliary files, viewing angle grids, thermal bands) is
left out. Same surface, same bytes.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pondscan.errors import ConfigError
from pondscan.simulate.agency.hls import write_hls
from pondscan.simulate.agency.landsat import write_landsat
from pondscan.simulate.agency.planet import write_planetscope, write_skysat
from pondscan.simulate.agency.sentinel2 import write_safe_l1c, write_safe_l2a
from pondscan.simulate.agency.stac import write_cog, write_cog_stac
from pondscan.simulate.agency.surface import Surface, surface_from_rendered

if TYPE_CHECKING:
    from pondscan.simulate.render import Rendered

__all__ = [
    "PRODUCTS",
    "Product",
    "Surface",
    "product_for",
    "surface_from_rendered",
    "write_cog",
    "write_cog_stac",
    "write_hls",
    "write_landsat",
    "write_planetscope",
    "write_product",
    "write_safe_l1c",
    "write_safe_l2a",
    "write_skysat",
]


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the command line."""

    write: Callable[[Surface, Path], Path]
    coarsest_m: float
    """Its coarsest pixel; a surface is cut to whole ones. 0 where any grid will do."""
    sensors: tuple[str, ...]
    """Simulated sensors (`optics.OPTICS`) whose scenes may be written so."""


_MSI = ("sentinel-2", "sentinel-2-4", "sentinel-2-all")
_DOVE = ("planetscope", "planetscope-8")
_SKYSAT = ("skysat",)
_OLI = ("landsat",)

PRODUCTS: Mapping[str, Product] = {
    "safe-l2a": Product(write_safe_l2a, 60, _MSI),
    "safe-l2a-zip": Product(partial(write_safe_l2a, zipped=True), 60, _MSI),
    "safe-l1c": Product(write_safe_l1c, 60, _MSI),
    "cog-stac": Product(write_cog_stac, 60, _MSI),
    "planetscope": Product(write_planetscope, 0, _DOVE),
    "planetscope-8": Product(partial(write_planetscope, bands=8), 0, ("planetscope-8",)),
    "planetscope-radiance": Product(partial(write_planetscope, product="analytic"), 0, _DOVE),
    "skysat": Product(write_skysat, 0, _SKYSAT),
    "landsat": Product(write_landsat, 30, _OLI),
    "landsat-tar": Product(partial(write_landsat, tar=True), 30, _OLI),
    "hls-l30": Product(partial(write_hls, flavour="L30"), 30, _OLI),
    "hls-s30": Product(partial(write_hls, flavour="S30"), 30, _MSI),
}
"""Products by the names of the command line (``pondscan simulate --as NAME``)."""


def product_for(name: str, sensor: str) -> Product:
    """Look a product up, for scenes of a simulated sensor (`optics.OPTICS`).

    Raises
    ------
    ConfigError
        If there is no such product, naming the nearest one, or it does not come from this sensor.
    """
    product = PRODUCTS.get(name)
    if product is None:
        near = difflib.get_close_matches(name, PRODUCTS, n=1, cutoff=0.0)[0]
        raise ConfigError(f"there is no product {name!r}: did you mean {near!r}, of {', '.join(PRODUCTS)}?")
    if sensor not in product.sensors:
        fitting = ", ".join(other for other, its in PRODUCTS.items() if sensor in its.sensors)
        raise ConfigError(f"{sensor} scenes do not come as {name!r}: choose one of {fitting}")
    return product


def write_product(name: str, rendered: Rendered, folder: Path) -> Path:
    """Write a rendered scene as a product of `PRODUCTS` with that product's usual settings and return its path.

    The scene is first cut, at its east and south, to whole pixels of the product's coarsest band.

    Raises
    ------
    ConfigError
        As for `product_for`.
    InputError
        If the scene cannot be written as this product, or the product exists already.
    """
    product = product_for(name, rendered.sensor)
    return product.write(surface_from_rendered(rendered).trimmed(product.coarsest_m), folder)
