"""Miniature products in the agencies' true layouts, for trying readers and for users who want to see one.

Every writer takes a `Surface` and a folder and returns the product's path. Folder names, file names and metadata
elements are the agencies'; what a miniature has no use for (auxiliary files, viewing angle grids, thermal bands) is
left out, never invented. Same surface, same bytes.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pondscan.errors import ConfigError
from pondscan.simulate.agency.hls import write_hls
from pondscan.simulate.agency.landsat import write_landsat
from pondscan.simulate.agency.planet import write_planetscope, write_skysat
from pondscan.simulate.agency.sentinel2 import write_safe_l1c, write_safe_l2a
from pondscan.simulate.agency.stac import write_cog, write_cog_stac
from pondscan.simulate.agency.surface import Surface, surface_from_rendered

__all__ = [
    "PRODUCTS",
    "Product",
    "Surface",
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


def _write_cog_in(surface: Surface, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return write_cog(surface, folder / f"simulated_{surface.acquired_utc:%Y%m%dT%H%M%S}.tif")


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the command line."""

    write: Callable[[Surface, Path], Path]
    coarsest_m: float
    """Its coarsest pixel; a surface is cut to whole ones. 0 where any grid will do."""


PRODUCTS: Mapping[str, Product] = {
    "safe-l2a": Product(write_safe_l2a, 60),
    "safe-l2a-zip": Product(partial(write_safe_l2a, zipped=True), 60),
    "safe-l1c": Product(write_safe_l1c, 60),
    "cog": Product(_write_cog_in, 0),
    "cog-stac": Product(write_cog_stac, 60),
    "planetscope": Product(write_planetscope, 0),
    "planetscope-radiance": Product(partial(write_planetscope, product="analytic"), 0),
    "skysat": Product(write_skysat, 0),
    "landsat": Product(write_landsat, 30),
    "landsat-tar": Product(partial(write_landsat, tar=True), 30),
    "hls-l30": Product(partial(write_hls, flavour="L30"), 30),
    "hls-s30": Product(partial(write_hls, flavour="S30"), 30),
}
"""Products by the names of the command line (``pondscan simulate --as NAME``)."""


def write_product(product: str, surface: Surface, folder: Path) -> Path:
    """Write a surface as a product of `PRODUCTS` with that product's usual settings and return its path.

    The surface is first cut, at its east and south, to whole pixels of the product's coarsest band.

    Raises
    ------
    ConfigError
        If there is no such product; the sentence names the nearest one.
    InputError
        If the surface cannot be written as this product, or the product exists already.
    """
    chosen = PRODUCTS.get(product)
    if chosen is None:
        near = difflib.get_close_matches(product, PRODUCTS, n=1, cutoff=0.0)[0]
        raise ConfigError(f"there is no product {product!r}: did you mean {near!r}, of {', '.join(PRODUCTS)}?")
    return chosen.write(surface.trimmed(chosen.coarsest_m), folder)
