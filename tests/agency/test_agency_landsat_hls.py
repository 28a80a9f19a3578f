"""Landsat Collection 2 and HLS: names, numbers, quality bits by hand, metadata."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

from pondscan.errors import InputError
from pondscan.model import Coverage
from pondscan.simulate.agency import Surface, write_hls, write_landsat
from pondscan.simulate.agency.hls import fmask_bits
from pondscan.simulate.agency.landsat import qa_pixel, qa_radsat

LANDSAT = re.compile(r"LC0[89]_L2SP_\d{6}_\d{8}_\d{8}_02_T1(_(SR_B[1-7]|QA_PIXEL|QA_RADSAT)\.TIF|_MTL\.(json|txt))?")
HLS = re.compile(r"HLS\.[LS]30\.T\d\d[A-Z]{3}\.\d{7}T\d{6}\.v2\.0(\.(B\d[\dA]|Fmask)\.tif)?")


def flat(surface: Surface, code: Coverage, green: float = 0.1, nir: float = 0.3) -> Surface:
    shape = surface.coverage.shape
    bands = {"blue": 0.1, "green": green, "red": 0.1, "nir": nir}
    reflectance = {role: np.full(shape, value, np.float32) for role, value in bands.items()}
    return replace(surface, reflectance=reflectance, coverage=np.full(shape, code, np.uint8))


def read(path: Path | str) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return dataset.read(1)


@pytest.mark.parametrize(
    ("code", "bits"),
    [  # values of the agency's table for Landsat 8
        (Coverage.OUTSIDE, 1),
        (Coverage.CLEAR, 21824),
        (Coverage.CLOUD, 22280),
        (Coverage.SHADOW, 23888),
        (Coverage.SNOW, 30048),
        (Coverage.CIRRUS, 54596),
        (Coverage.SATURATED, 21824),
    ],
)
def test_qa_pixel_by_the_agencys_table(code: Coverage, bits: int, surface: Surface) -> None:
    assert np.unique(qa_pixel(flat(surface, code))).tolist() == [bits]


def test_clear_water_has_its_bit(surface: Surface) -> None:
    assert np.unique(qa_pixel(flat(surface, Coverage.CLEAR, green=0.1, nir=0.02))).tolist() == [21952]


@pytest.mark.parametrize(("code", "bits"), [(Coverage.CLEAR, 0), (Coverage.SATURATED, 127), (Coverage.UNUSABLE, 512)])
def test_qa_radsat_by_hand(code: Coverage, bits: int, surface: Surface) -> None:
    assert np.unique(qa_radsat(flat(surface, code))).tolist() == [bits]


def test_landsat_numbers_are_those_of_the_30_m_mean(surface: Surface, tmp_path: Path) -> None:
    product = write_landsat(surface, tmp_path)
    assert product.name == "LC08_L2SP_132042_20220315_20220324_02_T1"
    assert all(LANDSAT.fullmatch(path.name) for path in product.iterdir())
    assert len(list(product.glob("*_SR_B?.TIF"))) == 7
    nir = read(product / f"{product.name}_SR_B5.TIF")
    wanted = np.rint((surface.reflectance["nir"].astype(float)[::3, ::3] + 0.2) / 2.75e-5)
    coverage = surface.coverage[::3, ::3]
    is_plain = ~np.isin(coverage, (Coverage.OUTSIDE, Coverage.SATURATED))
    np.testing.assert_array_equal(nir[is_plain], wanted[is_plain])
    assert (nir[coverage == Coverage.OUTSIDE] == 0).all()
    assert (nir[coverage == Coverage.SATURATED] == 65535).all()
    np.testing.assert_array_equal(
        read(product / f"{product.name}_QA_RADSAT.TIF") == 127, coverage == Coverage.SATURATED
    )


def test_landsat_metadata_agree_in_both_forms(surface: Surface, tmp_path: Path) -> None:
    product = write_landsat(surface, tmp_path, spacecraft=9, path_row=(7, 60))
    assert product.name.startswith("LC09_L2SP_007060_")
    groups = json.loads((product / f"{product.name}_MTL.json").read_text())["LANDSAT_METADATA_FILE"]
    image = groups["IMAGE_ATTRIBUTES"]
    assert (image["SPACECRAFT_ID"], image["WRS_PATH"], image["WRS_ROW"]) == ("LANDSAT_9", "7", "60")
    assert (image["DATE_ACQUIRED"], image["SCENE_CENTER_TIME"]) == ("2022-03-15", "03:50:12.4500000Z")
    assert float(image["SUN_ELEVATION"]) == 52.5
    scaling = groups["LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"]
    assert (scaling["REFLECTANCE_MULT_BAND_5"], scaling["REFLECTANCE_ADD_BAND_5"]) == ("2.75e-05", "-0.2")
    assert groups["PROJECTION_ATTRIBUTES"]["CORNER_UL_PROJECTION_X_PRODUCT"] == "400035.000"
    text = (product / f"{product.name}_MTL.txt").read_text()
    assert parse_odl(text) == groups
    assert 'SPACECRAFT_ID = "LANDSAT_9"' in text
    assert "SUN_ELEVATION = 52.5" in text
    assert text.endswith("\nEND\n")
    files = [value for key, value in groups["PRODUCT_CONTENTS"].items() if key.startswith("FILE_NAME")]
    assert all((product / name).is_file() for name in files)


def parse_odl(text: str) -> dict[str, dict[str, str]]:
    groups: dict[str, dict[str, str]] = {}
    open_groups: list[str] = []
    for line in text.splitlines()[:-1]:
        key, value = (part.strip() for part in line.split("=", 1))
        if key == "GROUP":
            open_groups.append(value)
        elif key == "END_GROUP":
            assert open_groups.pop() == value
        else:
            groups.setdefault(open_groups[-1], {})[key] = value.strip('"')
    assert not open_groups
    return groups


def test_landsat_tar_holds_the_same_files_at_its_top(surface: Surface, tmp_path: Path) -> None:
    folder = write_landsat(surface, tmp_path)
    archive = write_landsat(surface, tmp_path, tar=True)
    assert archive.name == f"{folder.name}.tar"
    with tarfile.open(archive) as packed:
        assert sorted(packed.getnames()) == sorted(path.name for path in folder.iterdir())
    inside = f"/vsitar/{archive}/{folder.name}_SR_B4.TIF"
    np.testing.assert_array_equal(read(inside), read(folder / f"{folder.name}_SR_B4.TIF"))


@pytest.mark.parametrize(
    ("code", "bits"),
    [
        (Coverage.OUTSIDE, 255),
        (Coverage.CLEAR, 0b0100_0000),
        (Coverage.CLOUD, 0b0100_0010),
        (Coverage.CIRRUS, 0b0100_0010),
        (Coverage.SHADOW, 0b0100_1000),
        (Coverage.SNOW, 0b0101_0000),
        (Coverage.HAZE, 0b1100_0000),
    ],
)
def test_fmask_by_hand(code: Coverage, bits: int, surface: Surface) -> None:
    assert np.unique(fmask_bits(flat(surface, code))).tolist() == [bits]


def test_fmask_tells_clear_water_and_refuses_unusable(surface: Surface) -> None:
    assert np.unique(fmask_bits(flat(surface, Coverage.CLEAR, green=0.1, nir=0.02))).tolist() == [0b0110_0000]
    with pytest.raises(InputError, match="Fmask cannot say"):
        fmask_bits(flat(surface, Coverage.UNUSABLE))


@pytest.mark.parametrize(
    ("flavour", "nir_band", "bands"),
    [
        ("L30", "B05", ["B01", "B02", "B03", "B04", "B05", "B06", "B07"]),
        ("S30", "B08", ["B01", "B02", "B03", "B04", "B05", "B08", "B11", "B12", "B8A"]),
    ],
)
def test_hls_granules(flavour: str, nir_band: str, bands: list[str], surface: Surface, tmp_path: Path) -> None:
    product = write_hls(surface, tmp_path, flavour=flavour)
    assert product.name == f"HLS.{flavour}.T47RMG.2022074T035012.v2.0"
    assert all(HLS.fullmatch(path.name) for path in product.iterdir())
    names = sorted(path.name.removeprefix(f"{product.name}.") for path in product.iterdir())
    assert names == [*(f"{band}.tif" for band in bands), "Fmask.tif"]
    with rasterio.open(product / f"{product.name}.{nir_band}.tif") as dataset:
        nir = dataset.read(1)
        tags = dataset.tags()
        assert (dataset.dtypes[0], dataset.nodata, dataset.scales, dataset.res) == ("int16", -9999, (1e-4,), (30, 30))
    wanted = np.rint(surface.reflectance["nir"].astype(float) * 1e4)[::3, ::3]
    is_inside = surface.is_inside[::3, ::3]
    np.testing.assert_array_equal(nir[is_inside], wanted[is_inside])
    assert (nir[~is_inside] == -9999).all()
    assert tags["SENSING_TIME"] == "2022-03-15T03:50:12.450000Z"
    assert float(tags["MEAN_SUN_ZENITH_ANGLE"]) == 37.5
    assert float(tags["MEAN_SUN_AZIMUTH_ANGLE"]) == 140.25


def test_grids_that_do_not_make_30_m_are_refused(painted: Callable[..., Surface], tmp_path: Path) -> None:
    for writer in (write_landsat, write_hls):
        with pytest.raises(InputError, match="7 m do not divide: simulate it at a whole fraction of 30 m"):
            writer(painted(7.0), tmp_path)
        with pytest.raises(InputError, match="comes in UTM only"):
            writer(painted(crs="EPSG:3857"), tmp_path)
        with pytest.raises(InputError, match="multiples of 10"):
            writer(painted(3.0), tmp_path)
    assert not list(tmp_path.iterdir())
