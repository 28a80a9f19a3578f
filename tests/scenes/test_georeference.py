"""The scene's grid, and where bands lie on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rasterio import Affine

from pondscan.errors import InputError
from pondscan.model import Grid
from pondscan.scenes.georeference import Placement, covers, placement, scene_grid
from pondscan.scenes.raster import probe

WriteRaster = Callable[..., Path]

GRID = Grid("EPSG:32647", 400_000, 2_700_000, 10, 8, 8)


def test_a_north_up_square_projected_file_keeps_its_grid(raster: WriteRaster, tmp_path: Path) -> None:
    assert scene_grid(probe(str(raster(tmp_path / "a.tif")))) == (GRID, False)


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:4326", Affine(1e-4, 0, 98.5, 0, -1e-4, 25.6)),
        ("EPSG:3857", Affine(11, 0, 10_964_970, 0, -11, 2_951_000)),
        ("EPSG:32647", Affine(10, 0, 400_000, 0, -12, 2_700_000)),
        ("EPSG:32647", Affine(8, 6, 400_000, 6, -8, 2_700_000)),
        ("EPSG:32647", Affine(10, 0, 400_000, 0, 10, 2_700_000)),
    ],
)
def test_any_other_grid_is_warped_to_one_of_the_same_pixel_area(
    raster: WriteRaster, tmp_path: Path, crs: str, transform: Affine
) -> None:
    info = probe(str(raster(tmp_path / "a.tif", crs=crs, transform=transform)))
    grid, is_warped = scene_grid(info)
    assert is_warped
    assert grid.crs == "EPSG:32647"
    if crs == "EPSG:32647":
        assert grid.pixel_area_m2 == pytest.approx(abs(transform.determinant), rel=1e-3)
    else:
        assert 9 < grid.gsd_m < 12
    true_area_m2 = 64 * grid.pixel_area_m2
    assert grid.width * grid.height * grid.pixel_area_m2 >= 0.99 * true_area_m2
    assert grid.x_origin / grid.gsd_m == pytest.approx(round(grid.x_origin / grid.gsd_m), abs=1e-6)


def test_a_file_without_crs_is_refused(raster: WriteRaster, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a.tif has no coordinate reference system.*gdal_edit"):
        scene_grid(probe(str(raster(tmp_path / "a.tif", crs=None))))


@pytest.mark.parametrize(
    ("transform", "size", "wanted"),
    [
        (Affine(10, 0, 400_000, 0, -10, 2_700_000), 8, Placement(1, 0, 0)),
        (Affine(20, 0, 400_000, 0, -20, 2_700_000), 4, Placement(2, 0, 0)),
        (Affine(60, 0, 399_980, 0, -60, 2_700_040), 4, Placement(6, 4, 2)),
        (Affine(10, 0, 400_000.1, 0, -10, 2_700_000), 8, Placement(1, 0, 0)),
        (Affine(10, 0, 400_003, 0, -10, 2_700_000), 8, None),
        (Affine(15, 0, 400_000, 0, -15, 2_700_000), 8, None),
        (Affine(5, 0, 400_000, 0, -5, 2_700_000), 16, None),
        (Affine(20, 1, 400_000, 1, -20, 2_700_000), 4, None),
    ],
)
def test_placement(raster: WriteRaster, tmp_path: Path, transform: Affine, size: int, wanted: Placement | None) -> None:
    path = raster(tmp_path / "a.tif", np.zeros((size, size), np.uint16), transform=transform)
    assert placement(probe(str(path)), GRID) == wanted


def test_another_crs_has_no_placement(raster: WriteRaster, tmp_path: Path) -> None:
    assert placement(probe(str(raster(tmp_path / "a.tif", crs="EPSG:32648"))), GRID) is None


def test_covers_forgives_two_pixels(raster: WriteRaster, tmp_path: Path) -> None:
    near = raster(tmp_path / "a.tif", transform=Affine(10, 0, 400_020, 0, -10, 2_700_000))
    far = raster(tmp_path / "b.tif", transform=Affine(10, 0, 400_030, 0, -10, 2_700_000))
    assert covers(probe(str(near)), GRID)
    assert not covers(probe(str(far)), GRID)
