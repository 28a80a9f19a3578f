"""PlanetScope and SkySat: names, radiance by its coefficients, usable data masks."""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio

from pondscan.errors import InputError
from pondscan.model import REQUIRED_ROLES, Coverage
from pondscan.simulate.agency import Surface, write_planetscope, write_skysat
from pondscan.simulate.agency.planet import EIGHT_BANDS, FOUR_BANDS, reflectance_coefficient, usable_data_mask

PSSCENE = re.compile(
    r"\d{8}_\d{6}_\d{2}_[0-9a-f]{4}_(3B_(AnalyticMS(_SR)?(_8b)?\.tif|AnalyticMS(_8b)?_metadata\.xml|udm2\.tif)|metadata\.json)"
)
SKYSAT = re.compile(r"\d{8}_\d{6}_ssc\d{1,2}_u\d{4}_(analytic(_SR)?\.tif|analytic_udm2\.tif|metadata\.json)")
PS = "{http://schemas.planet.com/ps/v1/planet_product_metadata_geocorrected_level}"
OPT = "{http://earth.esa.int/opt}"


def coefficients_of(product: Path) -> dict[int, float]:
    (path,) = product.glob("*_metadata.xml")
    bands = ET.parse(path).iter(f"{PS}bandSpecificMetadata")  # noqa: S314
    return {
        int(band.findtext(f"{PS}bandNumber") or 0): float(band.findtext(f"{PS}reflectanceCoefficient") or 0)
        for band in bands
    }


@pytest.mark.parametrize("bands", [4, 8])
@pytest.mark.parametrize("product", ["analytic_sr", "analytic"])
def test_names_of_a_planetscope_scene(bands: int, product: str, surface: Surface, tmp_path: Path) -> None:
    scene = write_planetscope(surface, tmp_path, bands=bands, product=product)
    assert scene.name == "20220315_035012_45_2414"
    names = sorted(path.name for path in scene.iterdir())
    assert len(names) == 4
    assert all(PSSCENE.fullmatch(name) for name in names)
    ending = {"analytic_sr": "_SR", "analytic": ""}[product] + {4: "", 8: "_8b"}[bands]
    assert f"20220315_035012_45_2414_3B_AnalyticMS{ending}.tif" in names


def test_reflectance_is_stored_in_ten_thousandths(surface: Surface, tmp_path: Path) -> None:
    scene = write_planetscope(surface, tmp_path, bands=8)
    with rasterio.open(next(scene.glob("*_SR_8b.tif"))) as dataset:
        assert dataset.descriptions[0] == "coastal_blue"
        assert dataset.descriptions[-1] == "nir"
        nir = dataset.read(8)
        assert dataset.nodata == 0
    expected = np.rint(surface.reflectance["nir"].astype(float) * 1e4)
    np.testing.assert_array_equal(nir[surface.is_inside], expected[surface.is_inside])
    assert (nir[~surface.is_inside] == 0).all()


@pytest.mark.parametrize("bands", [4, 8])
def test_radiance_times_its_coefficient_is_reflectance(bands: int, surface: Surface, tmp_path: Path) -> None:
    scene = write_planetscope(surface, tmp_path, bands=bands, product="analytic")
    coefficients = coefficients_of(scene)
    assert sorted(coefficients) == list(range(1, bands + 1))
    layout = EIGHT_BANDS if bands == 8 else FOUR_BANDS
    with rasterio.open(next(scene.glob("*_3B_AnalyticMS*.tif"))) as dataset:
        for index, band in enumerate(layout, start=1):
            if band.role:
                reflectance = dataset.read(index) * coefficients[index]
                wanted = surface.reflectance[band.role]
                error = np.abs(reflectance - wanted)[surface.is_inside]
                assert error.max() <= coefficients[index] / 2 + 1e-7


def test_a_coefficient_by_hand() -> None:
    # blue, sun at 30°, earth 1.01673 au away on 4 July: 0.01 · π · 1.03374 / (1960 · 0.5)
    blue = EIGHT_BANDS[1]
    by_hand = 0.01 * math.pi * 1.01673**2 / 980
    assert reflectance_coefficient(blue, datetime(2022, 7, 4, tzinfo=UTC), 30.0) == pytest.approx(by_hand, rel=1e-4)
    assert 3.2e-5 < by_hand < 3.4e-5


def test_the_two_bands_without_a_role_lie_between_their_neighbours(surface: Surface, tmp_path: Path) -> None:
    with rasterio.open(next(write_planetscope(surface, tmp_path, bands=8).glob("*_8b.tif"))) as dataset:
        blue, green_i, green, yellow, red = (dataset.read(i)[surface.is_inside].astype(float) for i in (2, 3, 4, 5, 6))
    np.testing.assert_allclose(green_i, blue + (531 - 490) / (565 - 490) * (green - blue), atol=1)
    np.testing.assert_allclose(yellow, green + (610 - 565) / (665 - 565) * (red - green), atol=1)


def test_every_pixel_has_one_class_of_the_usable_data_mask(surface: Surface, tmp_path: Path) -> None:
    masks = usable_data_mask(surface)
    np.testing.assert_array_equal(masks[:6].sum(axis=0), surface.is_inside)
    with rasterio.open(next(write_planetscope(surface, tmp_path).glob("*_udm2.tif"))) as dataset:
        assert dataset.descriptions == (
            "clear",
            "snow",
            "shadow",
            "haze_light",
            "haze_heavy",
            "cloud",
            "confidence",
            "udm1",
        )
        np.testing.assert_array_equal(dataset.read(), masks)


@pytest.mark.parametrize(
    ("code", "band", "udm1"),
    [
        (Coverage.CLEAR, 1, 0),
        (Coverage.SNOW, 2, 0),
        (Coverage.SHADOW, 3, 0),
        (Coverage.HAZE, 4, 0),
        (Coverage.CLOUD, 6, 2),
        (Coverage.UNUSABLE, 1, 252),
        (Coverage.OUTSIDE, None, 1),
    ],
)
def test_classes_by_hand(code: Coverage, band: int | None, udm1: int, surface: Surface) -> None:
    flat = np.full_like(surface.coverage, code)
    masks = usable_data_mask(
        Surface(surface.grid, surface.reflectance, flat, surface.acquired, surface.sun_elevation_deg, 0.0)
    )[:, 0, 0].tolist()
    assert masks[:6] == [int(index == band) for index in range(1, 7)]
    assert masks[6:] == [0 if band is None else 100, udm1]


def test_metadata_say_time_and_sun(surface: Surface, tmp_path: Path) -> None:
    scene = write_planetscope(surface, tmp_path)
    properties = json.loads(next(scene.glob("*_metadata.json")).read_text())["properties"]
    assert properties["acquired"] == "2022-03-15T03:50:12.450000Z"
    assert (properties["sun_elevation"], properties["sun_azimuth"]) == (52.5, 140.25)
    xml = ET.parse(next(scene.glob("*.xml")))  # noqa: S314
    assert xml.findtext(f".//{PS}acquisitionDateTime") == "2022-03-15T03:50:12.450000+00:00"
    assert float(xml.findtext(f".//{OPT}illuminationElevationAngle") or 0) == 52.5
    assert xml.findtext(f".//{PS}atmosphericCorrectionApplied") == "true"
    assert coefficients_of(scene), "reflectance products come with radiance coefficients too, not to be applied"


def test_skysat(surface: Surface, tmp_path: Path) -> None:
    reflectance = write_skysat(surface, tmp_path / "sr")
    radiance = write_skysat(surface, tmp_path / "rad", product="analytic")
    for scene in (reflectance, radiance):
        assert scene.name == "20220315_035012_ssc16_u0001"
        assert all(SKYSAT.fullmatch(path.name) for path in scene.iterdir())
    with rasterio.open(reflectance / f"{reflectance.name}_analytic_SR.tif") as dataset:
        assert dataset.descriptions == ("blue", "green", "red", "nir")
        in_counts = dataset.read()
        assert "TIFFTAG_IMAGEDESCRIPTION" not in dataset.tags()
    with rasterio.open(radiance / f"{radiance.name}_analytic.tif") as dataset:
        described = json.loads(dataset.tags()["TIFFTAG_IMAGEDESCRIPTION"])["properties"]
        by_coefficient = dataset.read() * np.array(described["reflectance_coefficients"])[:, None, None]
    np.testing.assert_allclose(by_coefficient, in_counts * 1e-4, atol=1e-4)


def test_eight_bands_need_coastal_and_rededge(painted: Callable[..., Surface], tmp_path: Path) -> None:
    four = painted(3.0, roles=REQUIRED_ROLES)
    assert write_planetscope(four, tmp_path, bands=4).is_dir()
    with pytest.raises(InputError, match=r"no coastal, rededge, which PlanetScope with 8 bands needs"):
        write_planetscope(four, tmp_path / "eight", bands=8)
    with pytest.raises(InputError, match="SkySat comes in UTM only"):
        write_skysat(painted(crs="EPSG:4326"), tmp_path)
