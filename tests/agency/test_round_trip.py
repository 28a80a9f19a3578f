"""Every miniature product, read back by pondscan: counts, masks, time, sensor, sun, and offsets to the bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pondscan.config import Settings
from pondscan.model import BAND_ROLES, INVALID, Coverage, Scene, Window
from pondscan.scenes import discover, open_scene
from pondscan.simulate.agency import (
    Surface,
    write_cog,
    write_cog_stac,
    write_hls,
    write_landsat,
    write_planetscope,
    write_safe_l1c,
    write_safe_l2a,
    write_skysat,
)

FOUR = ("blue", "green", "red", "nir")
OLI = ("coastal", *FOUR, "swir16", "swir22")
S30 = ("coastal", *FOUR, "rededge", "swir16", "swir22")
BLIND_TO_SHADOW = {Coverage.SHADOW: Coverage.CLEAR}
MASKLESS = dict.fromkeys(set(Coverage) - {Coverage.OUTSIDE}, Coverage.CLEAR)


def cog(surface: Surface, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return write_cog(surface, folder / "scene.tif", offset=-0.1)


@dataclass(frozen=True)
class Expected:
    """What a faithful reader says of the painted surface in one product."""

    write: Callable[[Surface, Path], Path]
    sensor: str
    roles: tuple[str, ...] = BAND_ROLES
    gsd_m: float = 10.0
    calibrated: str = "reflectance"
    tolerance: int = 0
    """Counts a number may be off by, where the product's own steps are no counts."""
    seen_as: Mapping[Coverage, Coverage] = field(default_factory=dict)
    """Coverage the product cannot say, and what it becomes."""
    shown_by: Mapping[str, str] = field(default_factory=dict)
    """Role → the surface's role it is read from, where they differ."""
    has_sun: bool = True
    rounds_time_to_s: bool = False


PRODUCTS = {
    "L2A 05.09": Expected(write_safe_l2a, "sentinel-2"),
    "L2A 04.00": Expected(partial(write_safe_l2a, baseline="04.00"), "sentinel-2"),
    "L2A 02.14": Expected(partial(write_safe_l2a, baseline="02.14"), "sentinel-2"),
    "L2A 02.07": Expected(partial(write_safe_l2a, baseline="02.07"), "sentinel-2"),
    "L2A zip": Expected(partial(write_safe_l2a, zipped=True), "sentinel-2"),
    "L1C 05.09": Expected(write_safe_l1c, "sentinel-2", calibrated="toa", seen_as=BLIND_TO_SHADOW),
    "L1C zip": Expected(partial(write_safe_l1c, zipped=True), "sentinel-2", calibrated="toa", seen_as=BLIND_TO_SHADOW),
    "L1C 02.14": Expected(
        partial(write_safe_l1c, baseline="02.14"),
        "sentinel-2",
        calibrated="toa",
        seen_as={**BLIND_TO_SHADOW, Coverage.SNOW: Coverage.CLEAR},
    ),
    "L1C 02.14 zip": Expected(
        partial(write_safe_l1c, baseline="02.14", zipped=True),
        "sentinel-2",
        calibrated="toa",
        seen_as={**BLIND_TO_SHADOW, Coverage.SNOW: Coverage.CLEAR},
    ),
    "STAC harmonised": Expected(write_cog_stac, "sentinel-2"),
    "STAC contradictory": Expected(partial(write_cog_stac, contradictory=True), "sentinel-2"),
    "STAC unharmonised": Expected(partial(write_cog_stac, harmonised=False), "sentinel-2"),
    "COG": Expected(cog, "generic", seen_as=MASKLESS, has_sun=False, rounds_time_to_s=True),
    "PlanetScope 4": Expected(
        write_planetscope,
        "planetscope",
        roles=FOUR,
        seen_as={Coverage.CIRRUS: Coverage.HAZE, Coverage.SATURATED: Coverage.UNUSABLE},
    ),
    "PlanetScope 8": Expected(
        partial(write_planetscope, bands=8),
        "planetscope",
        roles=("coastal", *FOUR, "rededge"),
        seen_as={Coverage.CIRRUS: Coverage.HAZE, Coverage.SATURATED: Coverage.UNUSABLE},
    ),
    "PlanetScope radiance": Expected(
        partial(write_planetscope, bands=8, product="analytic"),
        "planetscope",
        roles=("coastal", *FOUR, "rededge"),
        calibrated="toa",
        tolerance=1,
        seen_as={Coverage.CIRRUS: Coverage.HAZE, Coverage.SATURATED: Coverage.UNUSABLE},
    ),
    "SkySat": Expected(
        write_skysat,
        "skysat",
        roles=FOUR,
        seen_as={Coverage.CIRRUS: Coverage.HAZE, Coverage.SATURATED: Coverage.UNUSABLE},
    ),
    "SkySat radiance": Expected(
        partial(write_skysat, product="analytic"),
        "skysat",
        roles=FOUR,
        calibrated="toa",
        tolerance=1,
        seen_as={Coverage.CIRRUS: Coverage.HAZE, Coverage.SATURATED: Coverage.UNUSABLE},
    ),
    "Landsat": Expected(write_landsat, "landsat", roles=OLI, gsd_m=30.0, tolerance=1),
    "Landsat tar": Expected(partial(write_landsat, tar=True), "landsat", roles=OLI, gsd_m=30.0, tolerance=1),
    "HLS L30": Expected(
        write_hls,
        "hls",
        roles=OLI,
        gsd_m=30.0,
        seen_as={Coverage.CIRRUS: Coverage.CLOUD, Coverage.SATURATED: Coverage.CLEAR},
        rounds_time_to_s=True,
    ),
    "HLS S30": Expected(
        partial(write_hls, flavour="S30"),
        "hls",
        roles=S30,
        gsd_m=30.0,
        seen_as={Coverage.CIRRUS: Coverage.CLOUD, Coverage.SATURATED: Coverage.CLEAR},
        shown_by={"nir": "nir08"},
        rounds_time_to_s=True,
    ),
}


def only_scene(path: Path) -> Scene:
    found = discover([str(path)], Settings())
    assert not found.failures
    (scene,) = found.scenes
    return scene


def whole(scene: Scene) -> Window:
    return Window(0, scene.grid.height, 0, scene.grid.width)


def counts_of(scene: Scene, roles: tuple[str, ...]) -> np.ndarray:
    with open_scene(scene, Settings()) as reader:
        return reader.read(roles, whole(scene))


@pytest.fixture(scope="module", params=sorted(PRODUCTS))
def expected(request: pytest.FixtureRequest) -> Expected:
    product = PRODUCTS[request.param]
    assert isinstance(product, Expected)
    return product


@pytest.fixture(scope="module")
def path(expected: Expected, surface: Surface, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product, written once for all tests; alone in its folder."""
    return expected.write(surface, tmp_path_factory.mktemp("product"))


@pytest.fixture(scope="module")
def scene(path: Path) -> Scene:
    return only_scene(path)


def test_the_scene_is_described_as_it_was_written(expected: Expected, surface: Surface, scene: Scene) -> None:
    assert scene.sensor == expected.sensor
    assert scene.calibrated == expected.calibrated
    assert set(scene.bands) == set(expected.roles)
    moment = surface.acquired.replace(microsecond=0) if expected.rounds_time_to_s else surface.acquired
    assert scene.datetime == moment
    if expected.has_sun:
        assert scene.sun_elevation_deg == pytest.approx(52.5, abs=1e-4)
        assert scene.sun_azimuth_deg == pytest.approx(140.25, abs=1e-4)
    factor = round(expected.gsd_m / surface.grid.gsd_m)
    assert scene.grid == surface.coarsened(factor).grid


def test_the_folder_around_a_product_gives_the_same_scene(path: Path, scene: Scene) -> None:
    assert only_scene(path.parent).scene_id == scene.scene_id


def test_reflectance_comes_back(expected: Expected, surface: Surface, scene: Scene) -> None:
    coarse = surface.coarsened(round(expected.gsd_m / surface.grid.gsd_m))
    counts = counts_of(scene, expected.roles)
    assert counts.dtype == np.int16
    is_plain = ~np.isin(coarse.coverage, (Coverage.OUTSIDE, Coverage.SATURATED))
    for role, band in zip(expected.roles, counts, strict=True):
        wanted = np.rint(coarse.reflectance[expected.shown_by.get(role, role)].astype(float) * 1e4).astype(int)
        error = np.abs(band.astype(int) - wanted)[is_plain]
        assert error.max() <= expected.tolerance, role
        assert (band[coarse.coverage == Coverage.OUTSIDE] == INVALID).all(), role


def test_coverage_comes_back(expected: Expected, surface: Surface, scene: Scene) -> None:
    with open_scene(scene, Settings()) as reader:
        codes = reader.read_mask(whole(scene))
    coarse = surface.coarsened(round(expected.gsd_m / surface.grid.gsd_m))
    table = np.arange(len(Coverage), dtype=np.uint8)
    for code, seen in expected.seen_as.items():
        table[code] = seen
    np.testing.assert_array_equal(codes, table[coarse.coverage])


def test_one_surface_gives_the_same_counts_whatever_the_offset(surface: Surface, tmp_path: Path) -> None:
    """The bar for offsets: baselines 02.14, 04.00, 05.09, a COG with scale and offset, a contradictory archive."""
    forms = {
        "02.14": write_safe_l2a(surface, tmp_path / "a", baseline="02.14"),
        "04.00": write_safe_l2a(surface, tmp_path / "b", baseline="04.00"),
        "05.09": write_safe_l2a(surface, tmp_path / "c", baseline="05.09"),
        "COG": cog(surface, tmp_path / "d"),
        "STAC": write_cog_stac(surface, tmp_path / "e", contradictory=True),
    }
    # the plain file knows no saturation: its pixels have numbers where the others have none
    is_plain = surface.coverage != Coverage.SATURATED
    counts = {name: counts_of(only_scene(path), BAND_ROLES)[:, is_plain] for name, path in forms.items()}
    for name in forms:
        np.testing.assert_array_equal(counts[name], counts["02.14"], err_msg=name)


def test_a_noisy_surface_gives_the_same_counts_whatever_the_offset(surface: Surface, tmp_path: Path) -> None:
    noise = np.random.default_rng(11).uniform(0.002, 0.9, (24, 36)).astype(np.float32)
    noisy = Surface(
        surface.grid,
        {role: np.roll(noise, shift) for shift, role in enumerate((*FOUR, "swir16", "swir22"))},
        np.full((24, 36), Coverage.CLEAR, np.uint8),
        surface.acquired,
        surface.sun_elevation_deg,
        surface.sun_azimuth_deg,
    )
    roles = (*FOUR, "swir16", "swir22")
    plain = counts_of(only_scene(write_safe_l2a(noisy, tmp_path / "a", baseline="02.14")), roles)
    shifted = counts_of(only_scene(write_safe_l2a(noisy, tmp_path / "b", baseline="05.09")), roles)
    archived = counts_of(only_scene(write_cog_stac(noisy, tmp_path / "c", contradictory=True)), roles)
    np.testing.assert_array_equal(shifted, plain)
    np.testing.assert_array_equal(archived, plain)
    # 20 m bands are averages there and repeated on reading, so the file of 10 m pixels agrees in the 10 m bands alone
    np.testing.assert_array_equal(counts_of(only_scene(cog(noisy, tmp_path / "d")), FOUR), plain[:4])


@pytest.mark.parametrize(("contradictory", "is_warned"), [(True, True), (False, False)])
def test_contradictory_flags_are_warned_of_with_both_values(
    contradictory: bool, is_warned: bool, surface: Surface, tmp_path: Path
) -> None:
    scene = only_scene(write_cog_stac(surface, tmp_path, contradictory=contradictory))
    conflicts = [warning for warning in scene.warnings if "offset" in warning]
    assert bool(conflicts) is is_warned
    assert all("offset 0" in warning and "-0.1" in warning for warning in conflicts)


def test_landsat_text_metadata_alone_say_the_same(surface: Surface, tmp_path: Path) -> None:
    product = write_landsat(surface, tmp_path)
    by_json = only_scene(product)
    next(product.glob("*_MTL.json")).unlink()
    by_text = only_scene(product)
    assert by_text.bands == by_json.bands
    assert by_text.datetime == by_json.datetime
    assert (by_text.sun_elevation_deg, by_text.sun_azimuth_deg) == (52.5, 140.25)


def test_reflectance_is_never_multiplied_by_radiance_coefficients(surface: Surface, tmp_path: Path) -> None:
    """Planet's reflectance comes with the same XML as its radiance: its coefficients are not for it."""
    with_xml = write_planetscope(surface, tmp_path)
    assert {band.scale for band in only_scene(with_xml).bands.values()} == {1e-4}
    next(with_xml.glob("*.xml")).unlink()
    assert {band.scale for band in only_scene(with_xml).bands.values()} == {1e-4}


def test_radiance_without_its_coefficients_is_raw_numbers(surface: Surface, tmp_path: Path) -> None:
    product = write_planetscope(surface, tmp_path, product="analytic")
    next(product.glob("*.xml")).unlink()
    scene = only_scene(product)
    assert scene.calibrated == "dn"
    assert any("radiance" in warning for warning in scene.warnings)


def test_products_of_one_acquisition_are_versions_of_each_other(surface: Surface, tmp_path: Path) -> None:
    paths = [
        write_safe_l2a(surface, tmp_path, baseline="02.14"),
        write_safe_l2a(surface, tmp_path, baseline="05.09"),
        write_cog_stac(surface, tmp_path),
    ]
    scenes = [only_scene(path) for path in paths]
    assert len({scene.acquisition for scene in scenes}) == 1
    assert scenes[0].processing is not None
    assert scenes[1].processing is not None
    assert scenes[0].processing < scenes[1].processing


def test_a_folder_of_everything_is_told_apart(surface: Surface, tmp_path: Path) -> None:
    for name, product in PRODUCTS.items():
        product.write(surface, tmp_path / name.replace(" ", "_"))
    found = discover([str(tmp_path)], Settings())
    assert not found.failures
    # a zip or tar beside its folder is the same scene, and so are the three forms of the archive's
    n_copies = sum("zip" in name or "tar" in name for name in PRODUCTS) + 2
    assert len(found.scenes) == len(PRODUCTS) - n_copies
    assert len({scene.scene_id for scene in found.scenes}) == len(found.scenes)
    assert sum("is not read" in warning for scene in found.scenes for warning in scene.warnings) == n_copies
    assert not [path for path in found.ignored if str(path).endswith((".tif", ".TIF", ".jp2"))]


# A Sentinel-2 product in pieces


def _without_metadata(safe: Path) -> Path:
    (safe / "MTD_MSIL2A.xml").unlink()
    return safe


def _granule(safe: Path) -> Path:
    (granule,) = (safe / "GRANULE").iterdir()
    return granule.rename(safe.parent / granule.name)


def _loose_images(safe: Path) -> Path:
    folder = safe.parent / "loose"
    folder.mkdir()
    for image in safe.glob("GRANULE/*/IMG_DATA/R10m/*.jp2"):
        image.rename(folder / image.name)
    return folder


@pytest.mark.parametrize("taken_apart", [_without_metadata, _granule, _loose_images])
def test_images_without_their_metadata_are_refused_once_until_the_offset_is_said(
    surface: Surface, tmp_path: Path, taken_apart: Callable[[Path], Path]
) -> None:
    whole = discover([write_safe_l2a(surface, tmp_path / "whole")], Settings()).scenes[0]
    piece = taken_apart(write_safe_l2a(surface, tmp_path / "pieces"))
    found = discover([piece], Settings())
    assert not found.scenes
    ((source, sentence),) = found.failures
    assert source.startswith(str(piece))
    assert "MTD_MSIL2A.xml" in sentence
    assert "set input.offset to -0.1" in sentence

    (scene,) = discover([piece], Settings.model_validate({"input": {"offset": -0.1}})).scenes
    assert (scene.sensor, scene.calibrated, scene.grid) == ("sentinel-2", "reflectance", whole.grid)
    window = Window(0, scene.grid.height, 0, scene.grid.width)
    with open_scene(scene, Settings()) as one, open_scene(whole, Settings()) as other:
        assert np.array_equal(one.read(FOUR, window), other.read(FOUR, window))
