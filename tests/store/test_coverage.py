from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from store_examples import GRID, codes_with_cloud, tiles_of

from pondscan.errors import WorkspaceError
from pondscan.model import Coverage, Grid, Window
from pondscan.store.coverage import COLOURS, CoverageMap, CoverageWriter, sample_points

WEST, NORTH = GRID.x_origin, GRID.y_origin


def write(folder, tiles, name="coverage.tif", grid=GRID):
    writer = CoverageWriter(grid)
    for window, codes in tiles:
        writer.write(window, codes)
    writer.finish(folder / name)
    writer.close()
    return folder / name


@pytest.fixture
def coverage(tmp_path) -> CoverageMap:
    return CoverageMap(write(tmp_path, tiles_of(codes_with_cloud(), 16)))


def test_the_file_is_what_a_gis_expects(coverage):
    with rasterio.open(coverage.path) as dataset:
        assert (dataset.dtypes, dataset.nodata, dataset.crs) == (("uint8",), 0.0, "EPSG:32647")
        assert dataset.profile["tiled"]
        assert dataset.compression.name == "deflate"
        assert tuple(dataset.transform)[:6] == GRID.transform
        assert dataset.colormap(1)[Coverage.CLOUD] == COLOURS[Coverage.CLOUD]
        assert np.array_equal(dataset.read(1), codes_with_cloud())


def test_every_code_has_a_colour_of_its_own():
    assert set(COLOURS) == set(Coverage)
    assert len(set(COLOURS.values())) == len(Coverage)


def test_no_other_file_is_written(coverage):
    assert [file.name for file in coverage.path.parent.iterdir()] == ["coverage.tif"]


@pytest.mark.parametrize("side", [7, 16, 100])
def test_bytes_do_not_depend_on_tiles_or_their_order(tmp_path, side):
    whole = write(tmp_path, tiles_of(codes_with_cloud(), 1000), "whole.tif")
    tiles = tiles_of(codes_with_cloud(), side)
    np.random.default_rng(side).shuffle(tiles)
    assert write(tmp_path, tiles, "tiled.tif").read_bytes() == whole.read_bytes()


def test_tiles_may_come_from_several_threads(tmp_path):
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 10, (1300, 900), dtype=np.uint8)
    grid = Grid("EPSG:32647", WEST, NORTH, 10.0, 900, 1300)
    writer = CoverageWriter(grid)
    with ThreadPoolExecutor(4) as executor:
        list(executor.map(lambda tile: writer.write(*tile), tiles_of(codes, 100)))
    writer.finish(tmp_path / "a.tif")
    writer.close()
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert np.array_equal(dataset.read(1), codes)
    assert list(writer.counts.values()) == np.bincount(codes.ravel(), minlength=10).tolist()


def test_counts_are_by_reason_and_what_nobody_told_of_is_outside(tmp_path):
    writer = CoverageWriter(GRID)
    writer.write(Window(0, 10, 0, 60), np.full((10, 60), Coverage.SHADOW, np.uint8))
    counts = writer.counts
    writer.close()
    assert {name: n for name, n in counts.items() if n} == {"shadow": 600, "outside": 1800}


def test_a_tile_of_the_wrong_shape_or_type_is_refused(tmp_path):
    writer = CoverageWriter(GRID)
    with pytest.raises(ValueError, match="4 × 4 tile came as uint8"):
        writer.write(Window(0, 4, 0, 4), np.zeros((4, 5), np.uint8))
    with pytest.raises(ValueError, match="came as int64"):
        writer.write(Window(0, 4, 0, 4), np.zeros((4, 4), np.int64))
    writer.close()


def test_grid_and_counts_come_back(coverage):
    assert coverage.grid == GRID
    assert {name: n for name, n in coverage.counts().items() if n} == {"clear": 1200, "cloud": 600, "outside": 600}


def test_codes_at_places(coverage):
    x = WEST + np.array([[5.0, 195.0, 200.0], [599.0, 600.0, -1.0]])
    y = NORTH - np.array([[5.0, 5.0, 295.0], [299.0, 5.0, 5.0]])
    clear, cloud, outside = Coverage.CLEAR, Coverage.CLOUD, Coverage.OUTSIDE
    assert coverage.codes_at(x, y, GRID.crs).tolist() == [[cloud, cloud, clear], [clear, outside, outside]]


def test_codes_at_longitude_and_latitude(coverage):
    place = gpd.GeoSeries([shapely.Point(WEST + 305, NORTH - 105)], crs=GRID.crs).to_crs("EPSG:4326")
    assert coverage.codes_at(place.x, place.y, "EPSG:4326").tolist() == [Coverage.CLEAR]


def test_codes_are_the_pixels_wherever_the_blocks_end(tmp_path):
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 10, (1100, 1537), dtype=np.uint8)
    grid = Grid("EPSG:32647", WEST, NORTH, 3.0, 1537, 1100)
    coverage = CoverageMap(write(tmp_path, tiles_of(codes, 512), grid=grid))
    row, col = rng.integers(0, 1100, 5000), rng.integers(0, 1537, 5000)
    asked = coverage.codes_at(WEST + 3.0 * (col + 0.5), NORTH - 3.0 * (row + 0.5), grid.crs)
    assert np.array_equal(asked, codes[row, col])


def test_what_was_seen_clear_is_the_pixels_and_is_read_once(tmp_path):
    rng = np.random.default_rng(6)
    codes = np.where(rng.random((1100, 1537)) < 0.5, Coverage.CLEAR, Coverage.CLOUD).astype(np.uint8)
    codes[:512, :512], codes[512:1024, :512] = Coverage.CLEAR, Coverage.SHADOW  # a clear block and a hidden one
    grid = Grid("EPSG:32647", WEST, NORTH, 3.0, 1537, 1100)
    path, known = write(tmp_path, tiles_of(codes, 512), grid=grid), {}

    def remember(key, work_out):
        if key not in known:
            known[key] = work_out()
        return known[key]

    row, col = rng.integers(-50, 1150, 20_000), rng.integers(-50, 1600, 20_000)
    is_inside = (row >= 0) & (row < 1100) & (col >= 0) & (col < 1537)
    expected = np.zeros(20_000, bool)
    expected[is_inside] = codes[row[is_inside], col[is_inside]] == Coverage.CLEAR
    for coverage in (CoverageMap(path), CoverageMap(path, remember), CoverageMap(path, remember, grid)):
        asked = coverage.is_clear_at(WEST + 3.0 * (col + 0.5), NORTH - 3.0 * (row + 0.5), grid.crs)
        assert np.array_equal(asked, expected)
    assert len(known) == 1
    assert sum(numbers.nbytes for numbers in known.values()) < codes.size / 6


@pytest.mark.parametrize(
    ("box", "share"),
    [
        ((300, 0, 400, 100), 1.0),
        ((0, 0, 100, 100), 0.0),
        ((150, 0, 250, 100), 0.5),
        ((150, 250, 250, 350), 0.25),
        ((303, 101, 305, 103), 1.0),
        ((5000, 0, 5100, 100), 0.0),
    ],
)
def test_clear_share_of_boxes(coverage, box, share):
    left, top, right, bottom = box
    polygon = shapely.box(WEST + left, NORTH - bottom, WEST + right, NORTH - top)
    assert coverage.clear_fraction([polygon], GRID.crs) == pytest.approx([share], abs=0.01)


def test_clear_shares_of_overlapping_polygons_are_each_their_own(coverage):
    large = shapely.box(WEST, NORTH - 300, WEST + 400, NORTH)
    small = shapely.box(WEST + 10, NORTH - 60, WEST + 60, NORTH - 10)
    assert coverage.clear_fraction([large, small, large], GRID.crs) == pytest.approx([0.5, 0.0, 0.5], abs=0.01)


def test_all_or_nothing_is_exact(coverage):
    discs = shapely.buffer(shapely.points(WEST + np.array([400.0, 100.0]), NORTH - 150.0), 77.0)
    assert coverage.clear_fraction(discs, GRID.crs).tolist() == [1.0, 0.0]


def test_an_empty_polygon_has_no_clear_share(coverage):
    share = coverage.clear_fraction(
        [shapely.Polygon(), shapely.box(WEST + 300, NORTH - 9, WEST + 309, NORTH)], GRID.crs
    )
    assert np.isnan(share[0])
    assert share[1] == 1.0
    assert coverage.clear_fraction([], GRID.crs).shape == (0,)


def test_a_sliver_thinner_than_its_lattice_is_asked_once():
    sliver = shapely.Polygon([(0, 0), (1000, 1000), (1000.001, 1000), (0.001, 0)])
    owner, x, y = sample_points(np.array([sliver], dtype=object), 512)
    assert len(owner) >= 1
    assert set(owner.tolist()) == {0}
    assert np.all(shapely.dwithin(sliver, shapely.points(x, y), 1e-6))


def test_lattices_hold_about_as_many_points_as_asked():
    shapes = np.array([shapely.box(0, 0, 40, 10), shapely.Point(500, 500).buffer(3)], dtype=object)
    owner, _, _ = sample_points(shapes, 400)
    assert np.bincount(owner) == pytest.approx([400, 400], rel=0.06)


def test_observed_share_of_the_scene_and_of_an_area(coverage):
    assert coverage.observed_fraction() == pytest.approx(1200 / 1800)
    whole = shapely.box(WEST, NORTH - 400, WEST + 600, NORTH)
    assert coverage.observed_fraction(whole, GRID.crs) == pytest.approx(0.5)
    assert coverage.observed_fraction(shapely.box(WEST, NORTH - 300, WEST + 1200, NORTH), GRID.crs) == pytest.approx(
        1 / 3
    )
    assert np.isnan(coverage.observed_fraction(shapely.Polygon(), GRID.crs))


def test_nothing_inside_is_unknown_not_zero(tmp_path):
    coverage = CoverageMap(write(tmp_path, []))
    assert np.isnan(coverage.observed_fraction())


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(WorkspaceError, match=r"gone\.tif: the coverage of this scene is missing or damaged: forget"):
        CoverageMap(tmp_path / "gone.tif").codes_at([0.0], [0.0], GRID.crs)
    with pytest.raises(WorkspaceError, match=r"gone\.tif: the coverage of this scene is missing or damaged: forget"):
        CoverageMap(tmp_path / "gone.tif").is_clear_at([0.0], [0.0], GRID.crs)
