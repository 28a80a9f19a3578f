"""Imagery of a scene: an ordinary sparse GeoTIFF, the pixels that were kept and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from store_examples import GRID, observations_of, scene_named

from pondscan.detect.crops import CELL_PX, Crops
from pondscan.errors import WorkspaceError
from pondscan.model import Grid, Window
from pondscan.store import Workspace
from pondscan.store.imagery import Imagery, write_imagery

LARGE = Grid("EPSG:32647", 600_000.0, 2_830_000.0, 10.0, 5000, 4000)


def crops_at(*cells: tuple[int, int]) -> Crops:
    rng = np.random.default_rng(3)
    pixels = rng.integers(1, 256, (len(cells), 4, CELL_PX, CELL_PX), np.uint8)
    return Crops(("red", "green", "blue", "nir"), np.array(cells), pixels)


def test_pixels_come_back_where_they_were_and_the_rest_is_empty(tmp_path):
    crops = crops_at((0, 0), (3, 5), (200, 100))
    write_imagery(tmp_path / "a.tif", LARGE, crops)
    windows = [Window(48, 64, 80, 96), Window(-8, 8, -8, 8), Window(1000, 1010, 1000, 1010)]
    roles, (inner, corner, nothing) = Imagery(tmp_path / "a.tif").read(windows)
    assert roles == ("red", "green", "blue", "nir")
    assert (inner == crops.pixels[1]).all()
    assert (corner[:, 8:, 8:] == crops.pixels[0, :, :8, :8]).all()
    assert (corner[:, :8] == 0).all()
    assert (nothing == 0).all()
    assert (tmp_path / "a.tif").stat().st_size < 60_000  # of 80 MB


def test_a_gis_reads_reflectance_in_natural_colours(tmp_path):
    write_imagery(tmp_path / "a.tif", GRID, crops_at((0, 1)))
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert [one.name for one in dataset.colorinterp[:3]] == ["red", "green", "blue"]
        assert dataset.descriptions == ("red", "green", "blue", "nir")
        assert dataset.scales == (0.002,) * 4
        assert dataset.offsets == (-0.002,) * 4
        assert dataset.nodata == 0
        assert dataset.crs == GRID.crs
        assert tuple(dataset.transform)[:6] == GRID.transform


def test_the_same_crops_give_the_same_bytes(tmp_path):
    for name in ("a.tif", "b.tif"):
        write_imagery(tmp_path / name, LARGE, crops_at((0, 0), (3, 5), (249, 311)))
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_a_damaged_file_is_named_with_the_remedy(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"no picture")
    with pytest.raises(WorkspaceError, match=r"a\.tif: the pictures of this scene are damaged: forget the scene"):
        Imagery(tmp_path / "a.tif").read([Window(0, 1, 0, 1)])


def test_a_workspace_keeps_them_with_the_scene(tmp_path):
    workspace = Workspace(tmp_path / "census")
    with workspace.lock():
        with workspace.new_scene(scene_named("a"), (), "h") as draft:
            draft.write_imagery(crops_at((0, 1)))
            draft.save(observations_of("a", 1), {})
        with workspace.new_scene(scene_named("b"), (), "h") as draft:
            draft.write_imagery(crops_at())
            draft.save(observations_of("b", 0), {})
        assert workspace.imagery("a") is not None
        assert workspace.imagery("b") is None
        workspace.remove_scene("a")
        assert workspace.imagery("a") is None
