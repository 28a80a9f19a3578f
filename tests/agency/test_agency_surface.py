"""Surfaces: what is refused, how pixels are averaged, and the arithmetic of digital numbers by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pondscan.errors import ConfigError, InputError
from pondscan.model import Coverage, Grid
from pondscan.simulate import Rendered, make_place, render
from pondscan.simulate.agency import PRODUCTS, Surface, surface_from_rendered, write_product, write_safe_l2a
from pondscan.simulate.agency.mgrs import tile_name
from pondscan.simulate.agency.surface import digital_numbers, earth_sun_distance_au


@pytest.mark.parametrize(
    ("reflectance", "offset", "dn"),
    [
        (0.0123, -0.1, 1123),
        (0.0123, 0.0, 123),
        (0.002, -0.1, 1020),
        (-0.01, -0.1, 900),
        (0.00005, 0.0, 0),
        (0.6, 0.0, 6000),
    ],
)
def test_digital_numbers_of_sentinel2_by_hand(reflectance: float, offset: float, dn: int) -> None:
    assert digital_numbers(np.float32(reflectance), scale=1e-4, offset=offset) == dn


def test_digital_numbers_of_landsat_by_hand() -> None:
    # (0.0123 + 0.2) / 2.75e-5 = 7720
    assert digital_numbers(0.0123, scale=2.75e-5, offset=-0.2) == 7720


@given(st.floats(-0.0625, 1.5, width=32))
def test_an_offset_of_whole_steps_shifts_every_number_alike(reflectance: float) -> None:
    plain = digital_numbers(reflectance, scale=1e-4, offset=0.0)
    assert digital_numbers(reflectance, scale=1e-4, offset=-0.1) == plain + 1000


def test_coarse_pixels_are_means_of_the_pixels_with_data_and_the_worst_of_their_coverage() -> None:
    band = np.array([[0.1, 0.3, 0.5, 0.7], [0.1, 0.3, 0.9, 0.9]], dtype=np.float32)
    coverage = np.array(
        [[Coverage.CLEAR, Coverage.CLOUD, Coverage.OUTSIDE, Coverage.CLEAR], [1, 1, Coverage.OUTSIDE, Coverage.SHADOW]],
        dtype=np.uint8,
    )
    grid = Grid("EPSG:32647", 0.0, 40.0, 10.0, 4, 2)
    fine = Surface(
        grid, dict.fromkeys(("blue", "green", "red", "nir"), band), coverage, datetime(2022, 1, 1, tzinfo=UTC), 45, 150
    )
    coarse = fine.coarsened(2)
    np.testing.assert_allclose(coarse.reflectance["nir"], [[0.2, 0.8]], rtol=1e-6)
    np.testing.assert_array_equal(coarse.coverage, [[Coverage.CLOUD, Coverage.SHADOW]])
    assert coarse.grid == Grid("EPSG:32647", 0.0, 40.0, 20.0, 2, 1)
    assert fine.coarsened(1) is fine


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"acquired": datetime(2022, 1, 1)}, "time zone"),  # noqa: DTZ001
        ({"sun_elevation_deg": -3.0}, "-3.0 is not between"),
        ({"reflectance": {}}, "has no blue, green, red, nir"),
        ({"coverage": np.ones((2, 2), np.uint8)}, r"coverage is not \(24, 36\)"),
        ({"coverage": np.full((24, 36), Coverage.MARGIN, np.uint8)}, "holds 8"),
    ],
)
def test_a_surface_that_no_product_can_hold_is_refused(surface: Surface, change: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        replace(surface, **change)


def test_not_a_number_is_refused_but_where_it_is_outside(surface: Surface) -> None:
    holed = surface.reflectance["red"].copy()
    holed[0, 0] = np.nan  # outside
    assert replace(surface, reflectance={**surface.reflectance, "red": holed})
    holed[0, 30] = np.nan  # clear
    with pytest.raises(InputError, match="not finite"):
        replace(surface, reflectance={**surface.reflectance, "red": holed})
    with pytest.raises(InputError, match="'violet' is unknown"):
        replace(surface, reflectance={**surface.reflectance, "violet": holed})


def test_a_grid_that_does_not_divide_the_products_pixels_is_refused(painted: Callable[..., Surface]) -> None:
    with pytest.raises(InputError, match="7 m do not divide"):
        painted(7.0).at_gsd(30, "Landsat")
    with pytest.raises(InputError, match="multiples of 7"):
        painted(10.0).coarsened(7)


def test_what_the_simulator_renders_becomes_a_surface() -> None:
    place = make_place(5, preset="forest", width_m=400, height_m=400, n_sites=0)
    when = datetime(2022, 3, 12, 4, 0, tzinfo=UTC)
    rendered = render(place, "sentinel-2", when, seed=5, cloud_fraction=0.5)
    taken = surface_from_rendered(rendered)
    assert taken.acquired == when
    assert taken.sun_elevation_deg == rendered.sun_elevation_deg
    np.testing.assert_array_equal(taken.coverage == Coverage.CLEAR, rendered.clear == 1)
    np.testing.assert_array_equal(
        taken.coverage == Coverage.SHADOW, (rendered.clear == 0) & (rendered.cloud_truth == 2)
    )
    assert set(np.unique(taken.coverage)) >= {Coverage.CLEAR, Coverage.CLOUD}


def test_a_surface_is_cut_to_whole_pixels_of_the_coarsest_band(surface: Surface) -> None:
    odd = replace(
        surface,
        grid=replace(surface.grid, width=35, height=23),
        reflectance={role: band[:23, :35] for role, band in surface.reflectance.items()},
        coverage=surface.coverage[:23, :35],
    )
    cut = odd.trimmed(60)
    assert (cut.grid.height, cut.grid.width) == (18, 30)
    assert cut.grid.bounds[0] == odd.grid.bounds[0]
    np.testing.assert_array_equal(cut.reflectance["nir"], surface.reflectance["nir"][:18, :30])
    assert odd.trimmed(0).grid == odd.grid
    with pytest.raises(InputError, match="no whole pixel of 600 m: simulate a larger place"):
        odd.trimmed(600)


@pytest.mark.parametrize(
    ("grid", "name"),
    [
        (Grid("EPSG:32633", 499_980, 5_200_020, 10, 10_980, 10_980), "33TWM"),
        (Grid("EPSG:32629", 499_980, 5_900_040, 10, 10_980, 10_980), "29UNU"),
        (Grid("EPSG:32646", 499_980, 3_100_020, 10, 10_980, 10_980), "46RER"),
        (Grid("EPSG:32756", 300_000, 6_300_040, 30, 3_660, 3_660), "56HLH"),
    ],
)
def test_tiles_are_named_as_the_agency_names_them(grid: Grid, name: str) -> None:
    assert tile_name(grid, "Sentinel-2") == name


@pytest.mark.parametrize(
    ("day", "distance_au"), [((2022, 1, 4), 0.98327), ((2022, 7, 4), 1.01673), ((2019, 1, 14), 0.98356)]
)
def test_the_suns_distance(day: tuple[int, int, int], distance_au: float) -> None:
    assert earth_sun_distance_au(datetime(*day, tzinfo=UTC)) == pytest.approx(distance_au, abs=1e-3)


@pytest.fixture(scope="module")
def scenes() -> dict[str, Rendered]:
    place = make_place(5, preset="forest", width_m=400, height_m=400, n_sites=0)
    when = datetime(2022, 3, 12, 4, 0, tzinfo=UTC)
    sensors = {sensor for product in PRODUCTS.values() for sensor in product.sensors}
    return {sensor: render(place, sensor, when, seed=5, cloud_fraction=0.3) for sensor in sensors}


@pytest.mark.parametrize("name", sorted(PRODUCTS))
def test_a_rendered_scene_is_written_as_a_product(name: str, scenes: dict[str, Rendered], tmp_path: Path) -> None:
    for sensor in PRODUCTS[name].sensors:
        path = write_product(name, scenes[sensor], tmp_path / sensor)
        assert list((tmp_path / sensor).iterdir()) == [path], "nothing else is left behind"


def test_products_are_refused_that_do_not_exist_or_do_not_fit(scenes: dict[str, Rendered], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no product 'landsatt': did you mean 'landsat'"):
        write_product("landsatt", scenes["landsat"], tmp_path)
    with pytest.raises(ConfigError, match="skysat scenes do not come as 'safe-l2a': choose one of skysat"):
        write_product("safe-l2a", scenes["skysat"], tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", sorted(PRODUCTS))
def test_the_same_surface_gives_the_same_bytes(name: str, surface: Surface, tmp_path: Path) -> None:
    first, second = (PRODUCTS[name].write(surface, tmp_path / copy) for copy in "ab")
    assert _contents(first) == _contents(second)


@pytest.mark.parametrize("name", sorted(PRODUCTS))
def test_a_product_is_never_overwritten(name: str, surface: Surface, tmp_path: Path) -> None:
    before = _contents(PRODUCTS[name].write(surface, tmp_path))
    with pytest.raises(InputError, match="exists already"):
        PRODUCTS[name].write(surface, tmp_path)
    assert _contents(next(tmp_path.iterdir())) == before


def test_a_failure_leaves_nothing_behind(surface: Surface, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_keywords: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("pondscan.simulate.agency.sentinel2.write_granule_metadata", fail)
    with pytest.raises(OSError, match="disk full"):
        write_safe_l2a(surface, tmp_path)
    assert list(tmp_path.iterdir()) == []


def _contents(product: Path) -> dict[str, bytes]:
    files = [product] if product.is_file() else [path for path in product.rglob("*") if path.is_file()]
    return {path.relative_to(product.parent).as_posix(): path.read_bytes() for path in files}
