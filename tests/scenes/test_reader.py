"""Pixels and masks on the scene's grid: the same whatever the window, thread or layout."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rasterio import Affine

from pondscan.config import Settings
from pondscan.errors import InputError
from pondscan.model import INVALID, Coverage, Scene, Window
from pondscan.scenes import SceneReader, discover, open_scene

WriteRaster = Callable[..., Path]
NAMED = ("blue", "green", "red", "nir")
SIZE = 24
WHOLE = Window(0, SIZE, 0, SIZE)
DEFAULTS = Settings.model_validate({"input": {"scale": 1e-4}})


def only(path: Path, chosen: Settings = DEFAULTS) -> Scene:
    found = discover([path], chosen)
    assert not found.failures
    (scene,) = found.scenes
    return scene


def painted(seed: int = 0, size: int = SIZE, count: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 5000, (count, size, size)).astype(np.uint16)


@pytest.fixture(scope="module")
def mixed(raster: WriteRaster, tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, dict[str, np.ndarray]]:
    """10 m bands, a 20 m band that begins 20 m further north-west, a 60 m scene classification, some no data."""
    folder = tmp_path_factory.mktemp("mixed")
    truth: dict[str, np.ndarray] = {}
    for seed, role in enumerate(NAMED):
        band = painted(seed)[0]
        band[:, :3] = 0
        raster(folder / f"x_20200101_{role}.tif", band, nodata=0, tiled=True, blockxsize=16, blockysize=16)
        truth[role] = np.where(band == 0, INVALID, band.astype(np.int32)).astype(np.int16)
    coarse = painted(9, 14)[0]
    raster(folder / "x_20200101_swir16.tif", coarse, transform=Affine(20, 0, 399_980, 0, -20, 2_700_020), nodata=0)
    truth["swir16"] = np.kron(coarse, np.ones((2, 2)))[2 : SIZE + 2, 2 : SIZE + 2].astype(np.int16)
    classes = np.array([[4, 8, 3, 4], [10, 4, 11, 4], [1, 4, 4, 2], [4, 4, 0, 9]], np.uint8)
    raster(folder / "x_20200101_SCL.tif", classes, transform=Affine(60, 0, 400_000, 0, -60, 2_700_000))
    truth["scl"] = np.kron(classes, np.ones((6, 6), np.uint8))
    return only(folder), truth


def test_bands_of_every_resolution_come_back(mixed: tuple[Scene, dict[str, np.ndarray]]) -> None:
    scene, truth = mixed
    assert {role: band.gsd_m for role, band in scene.bands.items()} == {**dict.fromkeys(NAMED, 10), "swir16": 20}
    roles = ("nir", "swir16", "blue")
    with open_scene(scene, DEFAULTS) as reader:
        counts = reader.read(roles, WHOLE)
    assert counts.dtype == np.int16
    for role, band in zip(roles, counts, strict=True):
        np.testing.assert_array_equal(band, truth[role], err_msg=role)


def test_the_mask_comes_back_on_the_fine_grid(mixed: tuple[Scene, dict[str, np.ndarray]]) -> None:
    scene, truth = mixed
    with open_scene(scene, DEFAULTS) as reader:
        codes = reader.read_mask(WHOLE)
    assert (codes[:, :3] == Coverage.OUTSIDE).all()
    meaning = {1: "SATURATED", 3: "SHADOW", 8: "CLOUD", 9: "CLOUD", 10: "CIRRUS", 11: "SNOW", 0: "OUTSIDE"}
    for value in np.unique(truth["scl"]):
        seen = codes[:, 3:][truth["scl"][:, 3:] == value]
        assert set(seen.tolist()) == {int(Coverage[meaning.get(int(value), "CLEAR")])}


@given(st.tuples(*[st.integers(0, SIZE - 1)] * 2), st.tuples(*[st.integers(0, SIZE - 1)] * 2))
@hypothesis_settings(deadline=None, max_examples=60)
def test_a_window_shows_what_the_whole_shows(
    mixed: tuple[Scene, dict[str, np.ndarray]], rows: tuple[int, int], cols: tuple[int, int]
) -> None:
    window = Window(min(rows), max(rows) + 1, min(cols), max(cols) + 1)
    cut = (slice(window.row_start, window.row_stop), slice(window.col_start, window.col_stop))
    scene, truth = mixed
    with open_scene(scene, DEFAULTS) as reader:
        counts = reader.read(("green", "swir16"), window)
        np.testing.assert_array_equal(counts[0], truth["green"][cut])
        np.testing.assert_array_equal(counts[1], truth["swir16"][cut])
        np.testing.assert_array_equal(reader.read_mask(window), reader.read_mask(WHOLE)[cut])


def test_threads_read_what_one_thread_reads(mixed: tuple[Scene, dict[str, np.ndarray]]) -> None:
    scene, truth = mixed
    windows = [Window(r, r + 8, c, c + 8) for r in range(0, SIZE, 8) for c in range(0, SIZE, 8)] * 5
    with open_scene(scene, DEFAULTS) as reader, ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda w: (reader.read(("red", "swir16"), w), reader.read_mask(w)), windows))
        for window, (counts, codes) in zip(windows, read, strict=True):
            cut = (slice(window.row_start, window.row_stop), slice(window.col_start, window.col_stop))
            np.testing.assert_array_equal(counts[0], truth["red"][cut])
            np.testing.assert_array_equal(counts[1], truth["swir16"][cut])
            assert codes.shape == (8, 8)


def test_what_is_read_can_be_changed_without_harm(mixed: tuple[Scene, dict[str, np.ndarray]]) -> None:
    scene, truth = mixed
    with open_scene(scene, DEFAULTS) as reader:
        reader.read(("green", "nir"), WHOLE)[:] = 7
        np.testing.assert_array_equal(reader.read(("green",), WHOLE)[0], truth["green"])
        assert (reader.read_mask(WHOLE)[:, :3] == Coverage.OUTSIDE).all()


def test_masks_can_be_switched_off_whole_or_by_class(mixed: tuple[Scene, dict[str, np.ndarray]]) -> None:
    scene, _ = mixed
    off = Settings.model_validate({"mask": {"use": "off"}})
    with open_scene(scene, off) as reader:
        assert set(np.unique(reader.read_mask(WHOLE)).tolist()) == {int(Coverage.OUTSIDE), int(Coverage.CLEAR)}
    snow = Settings.model_validate({"mask": {"classes": ["snow"]}})
    with open_scene(scene, snow) as reader:
        codes = set(np.unique(reader.read_mask(WHOLE)).tolist())
    assert codes == {int(Coverage.OUTSIDE), int(Coverage.CLEAR), int(Coverage.SNOW)}


def test_an_unknown_role_is_refused(mixed: tuple[Scene, dict[str, np.ndarray]]) -> None:
    scene, _ = mixed
    with open_scene(scene, DEFAULTS) as reader, pytest.raises(InputError, match="has no swir22 band"):
        reader.read(("swir22",), WHOLE)


def four(raster: WriteRaster, folder: Path, bands: np.ndarray | None = None, **options: Any) -> Path:
    return raster(folder / "x_20200101.tif", painted() if bands is None else bands, names=NAMED, **options)


def test_missing_and_saturated_pixels(raster: WriteRaster, tmp_path: Path) -> None:
    bands = painted()
    bands[:, 0, 0] = 0
    bands[1:2, 0, 1] = 0
    bands[0, 0, 2] = 0
    bands[1, 0, 3] = 65535
    with open_scene(only(four(raster, tmp_path, bands, nodata=0)), DEFAULTS) as reader:
        codes = reader.read_mask(WHOLE)
        assert reader.read(("green",), WHOLE)[0, 0, 3] == 32767
    wanted = [Coverage.OUTSIDE, Coverage.UNUSABLE, Coverage.CLEAR, Coverage.SATURATED, Coverage.CLEAR]
    assert codes[0, :5].tolist() == [int(code) for code in wanted]


def test_a_files_own_mask_says_where_data_are(raster: WriteRaster, tmp_path: Path) -> None:
    import rasterio

    path = four(raster, tmp_path)
    is_data = np.ones((SIZE, SIZE), bool)
    is_data[5, 6] = False
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(is_data)
    with open_scene(only(path), DEFAULTS) as reader:
        assert np.argwhere(reader.read(("red",), WHOLE)[0] == INVALID).tolist() == [[5, 6]]
        assert np.argwhere(reader.read_mask(WHOLE) == Coverage.OUTSIDE).tolist() == [[5, 6]]


def test_blocks_and_interleave_are_told(raster: WriteRaster, tmp_path: Path) -> None:
    tiled = {"tiled": True, "blockxsize": 512, "blockysize": 512}
    bands = np.ones((4, 600, 600), np.uint16)
    pixel = only(four(raster, tmp_path / "pixel", bands, interleave="pixel", **tiled))
    with open_scene(pixel, DEFAULTS) as reader:
        assert reader.block_px == 512
        assert reader.together("green") == NAMED
    band = only(four(raster, tmp_path / "band", bands, interleave="band", **tiled))
    with open_scene(band, DEFAULTS) as reader:
        assert reader.together("green") == ("green",)
    striped = only(four(raster, tmp_path / "striped", bands, interleave="band"))
    with open_scene(striped, DEFAULTS) as reader:
        assert reader.block_px == 512


def test_tiles_follow_the_coarsest_band_on_the_ground(raster: WriteRaster, tmp_path: Path) -> None:
    tiled = {"tiled": True, "blockxsize": 512, "blockysize": 512}
    for role in NAMED:
        raster(tmp_path / f"x_20200101_{role}.tif", np.ones((1200, 1200), np.uint16), **tiled)
    raster(
        tmp_path / "x_20200101_swir16.tif",
        np.ones((600, 600), np.uint16),
        transform=Affine(20, 0, 400_000, 0, -20, 2_700_000),
        **tiled,
    )
    with open_scene(only(tmp_path), DEFAULTS) as reader:
        assert reader.block_px == 1024


def test_a_truncated_file_is_refused_by_name_when_it_is_read(raster: WriteRaster, tmp_path: Path) -> None:
    path = four(raster, tmp_path, painted(size=400), driver="COG", blocksize=128)
    path.write_bytes(path.read_bytes()[:-40_000])
    scene = only(path)
    with (
        open_scene(scene, DEFAULTS) as reader,
        pytest.raises(InputError, match=r"x_20200101.tif cannot be read.*fetch"),
    ):
        reader.read(NAMED, Window(0, 400, 0, 400))


def test_a_truncated_jpeg2000_is_refused_in_windows_of_any_size(raster: WriteRaster, tmp_path: Path) -> None:
    """GDAL's own threads pass over tiles they cannot decode, and leave zeros: no number may come of that."""
    tiles = {"driver": "JP2OpenJPEG", "blockxsize": 64, "blockysize": 64, "QUALITY": "100", "REVERSIBLE": "YES"}
    for seed, role in enumerate(NAMED):
        raster(tmp_path / f"x_20200101_{role}.jp2", painted(seed, 256)[0], **tiles)
    nir = tmp_path / "x_20200101_nir.jp2"
    nir.write_bytes(nir.read_bytes()[: nir.stat().st_size // 2])
    scene = only(tmp_path)
    for window in (Window(0, 256, 0, 256), Window(192, 256, 192, 256)):
        with (
            open_scene(scene, DEFAULTS) as reader,
            pytest.raises(InputError, match=r"x_20200101_nir\.jp2 cannot be read"),
        ):
            reader.read(("nir",), window)


def test_a_file_that_vanished_is_refused(raster: WriteRaster, tmp_path: Path) -> None:
    path = four(raster, tmp_path)
    scene = only(path)
    path.unlink()
    with pytest.raises(InputError, match="there is no such file"):
        open_scene(scene, DEFAULTS)


# Warping


def distance_m(size: int, transform: Affine, centre: tuple[float, float], metres: tuple[float, float]) -> np.ndarray:
    """Distance from a place in metres, given the metres of a unit east and north."""
    cols, rows = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    x, y = transform.a * cols + transform.c, transform.e * rows + transform.f
    return np.hypot((x - centre[0]) * metres[0], (y - centre[1]) * metres[1])


def geographic(raster: WriteRaster, folder: Path, size: int = 200) -> tuple[Path, float]:
    """A disc of 600 m radius at 60° N in degrees, where a degree of longitude is half as long."""
    lat, lon, step = 60.0, 99.0, 1.5e-4
    transform = Affine(step, 0, lon - step * size / 2, 0, -step, lat + step * size / 2)
    metres = (111_320.0 * np.cos(np.radians(lat)), 111_412.0)
    is_disc = distance_m(size, transform, (lon, lat), metres) < 600.0
    band = np.where(is_disc, 3000, 1000).astype(np.uint16)
    path = raster(folder / "x_20200101.tif", np.stack([band] * 4), names=NAMED, crs="EPSG:4326", transform=transform)
    return path, float(np.pi * 600.0**2)


def test_areas_are_right_after_warping_from_degrees(raster: WriteRaster, tmp_path: Path) -> None:
    path, area_m2 = geographic(raster, tmp_path)
    scene = only(path)
    assert scene.warped
    assert scene.grid.crs == "EPSG:32647"
    assert any("pixels are resampled from EPSG:4326" in warning for warning in scene.warnings)
    with open_scene(scene, DEFAULTS) as reader:
        counts = reader.read(("green",), Window(0, scene.grid.height, 0, scene.grid.width))[0]
    fraction = np.clip((counts[counts != INVALID].astype(float) - 1000) / 2000, 0, 1)
    assert fraction.sum() * scene.grid.pixel_area_m2 == pytest.approx(area_m2, rel=0.01)
    assert (counts == INVALID).any()


def test_warped_pixels_do_not_depend_on_the_window(raster: WriteRaster, tmp_path: Path) -> None:
    scene = only(geographic(raster, tmp_path)[0])
    height, width = scene.grid.height, scene.grid.width
    with open_scene(scene, DEFAULTS) as reader:
        whole = reader.read(("nir",), Window(0, height, 0, width))[0]
        mask = reader.read_mask(Window(0, height, 0, width))
    assert ((mask == Coverage.OUTSIDE) == (whole == INVALID)).all()
    for step in (37, 64):
        with open_scene(scene, DEFAULTS) as reader:
            for row in range(0, height, step):
                for col in range(0, width, step):
                    window = Window(row, min(row + step, height), col, min(col + step, width))
                    cut = whole[window.row_start : window.row_stop, window.col_start : window.col_stop]
                    np.testing.assert_array_equal(reader.read(("nir",), window)[0], cut)


def test_masks_are_never_interpolated(raster: WriteRaster, tmp_path: Path) -> None:
    path, _ = geographic(raster, tmp_path)
    import rasterio

    with rasterio.open(path) as dataset:
        transform = dataset.transform
    usable = np.random.default_rng(1).integers(0, 2, (200, 200)).astype(np.uint8)
    raster(tmp_path / "x_20200101.clear.tif", usable, crs="EPSG:4326", transform=transform)
    scene = only(path)
    with open_scene(scene, DEFAULTS) as reader:
        codes = reader.read_mask(Window(0, scene.grid.height, 0, scene.grid.width))
    assert set(np.unique(codes).tolist()) == {int(c) for c in (Coverage.OUTSIDE, Coverage.CLEAR, Coverage.UNUSABLE)}
    inside = codes[codes != Coverage.OUTSIDE]
    assert (inside == Coverage.CLEAR).mean() == pytest.approx(usable.mean(), abs=0.02)


def test_a_band_half_a_pixel_off_is_resampled(raster: WriteRaster, tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.arange(SIZE, dtype=np.uint16) * 100 + 1000, (SIZE, SIZE))
    for role in NAMED:
        shift = 5 if role == "red" else 0
        transform = Affine(10, 0, 400_000 + shift, 0, -10, 2_700_000)
        raster(tmp_path / f"x_20200101_{role}.tif", ramp, transform=transform)
    with open_scene(only(tmp_path), DEFAULTS) as reader:
        counts = reader.read(("blue", "red"), WHOLE)
    assert not only(tmp_path).warped
    np.testing.assert_array_equal(counts[1, 4:-4, 4:-4], counts[0, 4:-4, 4:-4] - 50)


# Quicklook


def test_the_quicklook_keeps_shape_colour_and_gaps(raster: WriteRaster, tmp_path: Path) -> None:
    bands = np.full((4, 40, 80), 500, np.uint16)
    bands[2, :, 40:] = 4000
    bands[:, :8, :8] = 0
    scene = only(four(raster, tmp_path, bands, nodata=0))
    with open_scene(scene, DEFAULTS) as reader:
        picture = reader.quicklook(20)
        assert reader.quicklook(1000).shape == (40, 80, 3)
    assert (picture.shape, picture.dtype) == ((10, 20, 3), np.uint8)
    assert (picture[0, 0] == 0).all()
    assert picture[5, 15].tolist() == [255, 1, 1]


def test_a_reader_closes_what_it_opened(mixed: tuple[Scene, dict[str, np.ndarray]]) -> None:
    scene, truth = mixed
    reader = SceneReader(scene, mask_classes=("cloud",))
    with reader, ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: reader.read(("red",), WHOLE), range(4)))
        opened = list(reader._open)
    assert opened
    assert all(dataset.closed for dataset in opened)
    with reader:
        np.testing.assert_array_equal(reader.read(("red",), WHOLE)[0], truth["red"])
