"""Mines laid into a scene that is already there: real pixels stay, truth lies where the mines are."""

from __future__ import annotations

import filecmp
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import geopandas
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.features import geometry_mask

from pondscan.errors import ConfigError, InputError, WorkspaceError
from pondscan.model import INVALID, Band, Coverage, Grid, Scene, Window
from pondscan.simulate import bare_place, host, implant, simulate_into, truth
from pondscan.simulate.film import UNIT

GRID = Grid("EPSG:32647", 450_000.0, 2_832_000.0, 10.0, 300, 280)
TAKEN = datetime(2016, 6, 12, 10, tzinfo=UTC)
MEADOW = {"blue": 300, "green": 600, "red": 400, "nir": 3500, "swir16": 2000}


class Host:
    """A meadow with a lake in the west and cloud in the south, as a scene reader would hand it out."""

    def __init__(self, *, calibrated: str = "reflectance", scale: float = 1e-4, roles: Sequence[str] = tuple(MEADOW)):
        rng = np.random.default_rng(1)
        shape = (GRID.height, GRID.width)
        self.counts = {role: (MEADOW[role] + rng.integers(-60, 60, shape)).astype(np.int16) for role in roles}
        if calibrated == "dn":
            self.counts = {
                role: np.rint(np.rint(20 + plane / 20) * UNIT / 1e-4).astype(np.int16)
                for role, plane in self.counts.items()
            }
        for role, water in (("green", 0.9), ("nir", 0.05)):
            self.counts[role][:, :60] = (self.counts[role][:, :60] * water).astype(np.int16)
        self.counts["green"][0, 0] = self.counts["nir"][0, 0] = INVALID
        self.counts["blue"][5, 250] = -37 if calibrated == "reflectance" else 39
        self.mask = np.full(shape, Coverage.CLEAR, np.uint8)
        self.mask[200:] = Coverage.CLOUD
        bands = {
            role: Band(role, "x.tif", n, scale, 0.0, None, 20.0 if role == "swir16" else 10.0)
            for n, role in enumerate(roles, start=1)
        }
        self.scene = Scene(
            "meadow", "sentinel-2", None, "GeoTIFF", TAKEN, GRID, bands, (), calibrated, "meadow.tif", ("meadow.tif",)
        )
        self.largest = 0

    def read(self, roles: Sequence[str], window: Window) -> NDArray[np.int16]:
        self.largest = max(self.largest, window.height * window.width)
        return np.stack([self.counts[role][_slices(window)] for role in roles])

    def read_mask(self, window: Window) -> NDArray[np.uint8]:
        return self.mask[_slices(window)]


def _slices(window: Window) -> tuple[slice, slice]:
    return np.s_[window.row_start : window.row_stop, window.col_start : window.col_stop]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    reader = Host()
    return reader, simulate_into(
        reader, tmp_path_factory.mktemp("into") / "made", seed=3, n_sites=5, median_diameter_m=20.0
    )


def test_real_pixels_stay_as_they_were(made):
    reader, written = made
    ponds = written.truth.geometry.buffer(250.0).union_all()
    with rasterio.open(written.scene_path) as file:
        assert file.dtypes == ("int16",) * 5
        assert file.nodata == INVALID
        assert file.scales == (1e-4,) * 5
        assert file.tags()["TIFFTAG_DATETIME"] == "2016:06:12 10:00:00"
        near = geometry_mask([ponds], (GRID.height, GRID.width), file.transform, invert=True)
        for number, role in enumerate(file.descriptions, start=1):
            band = file.read(number)
            np.testing.assert_array_equal(band[~near], reader.counts[role][~near])
            assert 0.002 < (band != reader.counts[role]).mean() < 0.2
            assert band[0, 0] == (INVALID if role in ("green", "nir") else reader.counts[role][0, 0])
        assert file.read(1)[5, 250] == -37


def test_ponds_are_where_the_truth_has_them(made):
    _, written = made
    present = written.truth[(written.truth["status"] == "present") & (written.truth["diameter_m"] > 16.0)]
    with rasterio.open(written.scene_path) as file:
        nir = file.read(file.descriptions.index("nir") + 1)
    row = ((GRID.y_origin - present.geometry.centroid.y) // 10).astype(int)
    col = ((present.geometry.centroid.x - GRID.x_origin) // 10).astype(int)
    assert len(present) > 5
    assert np.median(nir[row, col]) < 0.4 * 3500


def test_mines_keep_to_clear_dry_ground(made):
    _, written = made
    sites = written.truth.dissolve("site_id").centroid
    assert len(sites) == 5
    assert (sites.x > GRID.x_origin + 600.0).all()
    assert (sites.y > GRID.y_origin - 2000.0).all()
    with rasterio.open(written.mask_path) as file:
        clear = file.read(1)
    assert clear[:200].all()
    assert not clear[200:].any()
    on_disc = geopandas.read_file(written.truth_path)
    assert len(on_disc) == len(written.truth)
    assert on_disc.crs.to_epsg() == 4326
    assert set(on_disc["date"].astype(str).str[:10]) == {"2016-06-12"}
    assert {"present", "gone"} >= set(on_disc["status"]) - {"covered", "clouded"}


def test_the_same_seed_gives_the_same_bytes_and_windows_change_nothing(made, tmp_path, monkeypatch):
    _, written = made
    again = simulate_into(Host(), tmp_path / "again", seed=3, n_sites=5, median_diameter_m=20.0)
    assert filecmp.cmp(again.scene_path, written.scene_path, shallow=False)
    assert filecmp.cmp(again.truth_path, written.truth_path, shallow=False)
    monkeypatch.setattr("pondscan.simulate.into.READ_PX", 256)
    monkeypatch.setattr("pondscan.simulate.host.READ_PX", 256)
    reader = Host()
    pieces = simulate_into(reader, tmp_path / "pieces", seed=3, n_sites=5, median_diameter_m=20.0)
    assert reader.largest <= 256 * 256
    with rasterio.open(pieces.scene_path) as one, rasterio.open(written.scene_path) as other:
        np.testing.assert_array_equal(one.read(), other.read())
    assert filecmp.cmp(pieces.truth_path, written.truth_path, shallow=False)


def test_raw_numbers_are_matched_to_the_ground_and_others_kept(tmp_path):
    reader = Host(calibrated="dn", scale=UNIT, roles=("red", "green", "blue", "nir"))
    reader.scene = replace(reader.scene, sensor="generic")
    written = simulate_into(reader, tmp_path, seed=4, n_sites=4)
    with rasterio.open(written.scene_path) as file:
        assert file.dtypes == ("uint8",) * 4
        assert file.scales == (1.0,) * 4
        numbers = {role: file.read(n) for n, role in enumerate(file.descriptions, start=1)}
    near = written.truth.geometry.buffer(250.0).union_all()
    transform = rasterio.transform.Affine(*GRID.transform)
    is_near = geometry_mask([near], (GRID.height, GRID.width), transform, invert=True)
    for role, plane in numbers.items():
        is_real = ~is_near & (reader.counts[role] != INVALID)
        np.testing.assert_array_equal(plane[is_real], np.rint(reader.counts[role][is_real] * 1e-4 / UNIT))
        changed = plane[is_near & (plane != np.rint(reader.counts[role] * 1e-4 / UNIT))]
        assert changed.size > 100
        assert 0 < np.median(changed) < 255


def test_levels_turn_reflectance_into_the_scene_s_numbers_and_back():
    reader = Host(calibrated="dn", scale=UNIT, roles=("red", "green", "blue", "nir"))
    levels = host.levels_of(reader, ("green", "nir"))
    low, high = np.percentile(reader.counts["green"][1:] * 1e-4, (2, 90))
    assert levels.reflectance("green", np.array(low)) == pytest.approx(0.03, abs=0.003)
    assert levels.reflectance("green", np.array(high)) == pytest.approx(0.12, abs=0.01)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"calibrated": "toa"}, "top-of-atmosphere"),
        ({"calibrated": "dn"}, "more than eight bits"),
        ({"datetime": None}, "--datetime"),
    ],
)
def test_scenes_that_mines_cannot_be_said_in_are_refused_in_a_sentence(tmp_path, changes, word):
    reader = Host()
    reader.scene = replace(reader.scene, **changes)
    with pytest.raises(InputError, match=word) as caught:
        simulate_into(reader, tmp_path / "none")
    assert "meadow.tif" in str(caught.value)
    assert not (tmp_path / "none").exists()


def test_no_room_and_files_in_the_way_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="of 400 sites"):
        simulate_into(Host(), tmp_path / "full", n_sites=400)
    drowned = Host()
    drowned.mask[:] = Coverage.CLOUD
    with pytest.raises(InputError, match="no clear dry ground"):
        simulate_into(drowned, tmp_path / "full")
    (tmp_path / "truth.geojson").write_text("mine")
    with pytest.raises(WorkspaceError, match=r"truth\.geojson exists"):
        simulate_into(Host(), tmp_path)


def test_bands_nobody_can_simulate_are_left_out_and_named(tmp_path):
    reader = Host()
    odd = Band("coastal", "x.tif", 9, 1e-4, 0.0, None, 60.0)
    reader.scene = replace(reader.scene, bands=reader.scene.bands | {"coastal": odd})
    written = simulate_into(reader, tmp_path, n_sites=1)
    assert written.left_out == ("coastal",)


@pytest.mark.parametrize(
    ("sensor", "gsd_m", "sigma_px"),
    [
        ("sentinel-2", 10.0, 0.508),
        ("sentinel-2", 14.0, (5.08**2 + (14.0**2 - 10.0**2) / 12) ** 0.5 / 14.0),
        ("generic", 5.0, 0.683),
        ("generic", 0.5, 0.62),
    ],
)
def test_optics_follow_the_scene_s_pixels(sensor, gsd_m, sigma_px):
    scene = Host().scene
    bands = {role: replace(band, gsd_m=gsd_m) for role, band in scene.bands.items()}
    eye = host.optics_of(replace(scene, sensor=sensor, grid=replace(GRID, gsd_m=gsd_m), bands=bands))
    green = next(band for band in eye.bands if band.role == "green")
    assert green.gsd_m == pytest.approx(gsd_m)
    assert green.sigma_m / gsd_m == pytest.approx(sigma_px, abs=0.003)


def test_implanting_in_memory_and_in_files_draws_the_same_mines():
    x, y = np.array([GRID.x_origin + 1500.0]), np.array([GRID.y_origin - 1400.0])
    opens = (datetime(2014, 1, 1).date(), datetime(2014, 2, 1).date())  # noqa: DTZ001
    place = bare_place(5, x, y, GRID.bounds, GRID.crs, opens=opens)
    real = {role: np.full((GRID.height, GRID.width), value * 1e-4, np.float32) for role, value in MEADOW.items()}
    real["nir"][0, 0] = np.nan
    scene = implant.implant(place, "sentinel-2", TAKEN.replace(hour=4), real, GRID)
    assert set(scene.bands) == set(MEADOW)
    assert np.isnan(scene.bands["nir"][0, 0])
    changed = scene.bands["red"] != real["red"]
    rows, cols = np.nonzero(changed)
    assert 100 < changed.sum() < 4000
    assert abs(rows.mean() - 140) < 15
    assert abs(cols.mean() - 150) < 15
    assert len(truth(place, TAKEN)) > 0
    assert scene.bands["swir16"][::2, ::2].shape == (140, 150)
    np.testing.assert_array_equal(scene.bands["swir16"][::2, ::2], scene.bands["swir16"][1::2, 1::2])
