"""Miniature products in the agencies' true layouts, for trying readers and for users who want to see one.

Every writer takes a `Surface` and a folder and returns the product's path. Folder names, file names and metadata
elements are the agencies'; what a miniature has no use for (auxiliary files, viewing angle grids, thermal bands) is
left out, never invented. Same surface, same bytes.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
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


PRODUCTS: Mapping[str, Callable[[Surface, Path], Path]] = {
    "safe-l2a": write_safe_l2a,
    "safe-l2a-zip": partial(write_safe_l2a, zipped=True),
    "safe-l1c": write_safe_l1c,
    "cog": _write_cog_in,
    "cog-stac": write_cog_stac,
    "planetscope": write_planetscope,
    "planetscope-radiance": partial(write_planetscope, product="analytic"),
    "skysat": write_skysat,
    "landsat": write_landsat,
    "landsat-tar": partial(write_landsat, tar=True),
    "hls-l30": partial(write_hls, flavour="L30"),
    "hls-s30": partial(write_hls, flavour="S30"),
}
"""Names of products for the command line (``pondscan simulate --as NAME``) and who writes them."""


def write_product(product: str, surface: Surface, folder: Path) -> Path:
    """Write a surface as a product of `PRODUCTS` with that product's usual settings.

    Raises
    ------
    ConfigError
        If there is no such product; the sentence names the nearest one.
    """
    writer = PRODUCTS.get(product)
    if writer is None:
        near = difflib.get_close_matches(product, PRODUCTS, n=1, cutoff=0.0)[0]
        raise ConfigError(f"there is no product {product!r}: did you mean {near!r}, of {', '.join(PRODUCTS)}?")
    return writer(surface, folder)
