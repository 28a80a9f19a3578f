"""Sentinel-2 SAFE: names, numbers, masks and metadata, checked by hand, by GDAL's own reader and by true granules."""

from __future__ import annotations

import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.features import geometry_mask

from pondscan.errors import InputError
from pondscan.model import Coverage
from pondscan.simulate.agency import Surface, write_safe_l1c, write_safe_l2a
from pondscan.simulate.agency.sentinel2_masks import scene_classification

SAFE_NAME = re.compile(
    r"S2[ABC]_MSI(L1C|L2A)_\d{8}T\d{6}_N\d{4}_R\d{3}_T\d\d[C-HJ-NP-X][A-HJ-NP-Z]{2}_\d{8}T\d{6}\.SAFE"
)
IMAGE_NAME = re.compile(r"T\d\d[A-Z]{3}_\d{8}T\d{6}_(B\d[\dA]|TCI|SCL)(_(10|20|60)m)?\.jp2")


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return dataset.read()


def find(product: Path, pattern: str) -> Path:
    (found,) = product.rglob(pattern)
    return found


def test_names_are_those_of_the_agency(surface: Surface, tmp_path: Path) -> None:
    for product in (write_safe_l2a(surface, tmp_path), write_safe_l1c(surface, tmp_path)):
        assert SAFE_NAME.fullmatch(product.name)
        images = list(product.rglob("IMG_DATA/**/*.jp2"))
        assert len(images) > 8
        assert all(IMAGE_NAME.fullmatch(image.name) for image in images)
    assert write_safe_l2a(surface, tmp_path / "old", baseline="02.14").name == (
        "S2A_MSIL2A_20220315T035012_N0214_R004_T47RMG_20220315T095012.SAFE"
    )


def test_before_baseline_0208_names_of_l2a_begin_with_l2a(surface: Surface, tmp_path: Path) -> None:
    product = write_safe_l2a(surface, tmp_path, baseline="02.07")
    assert find(product, "R10m/*B02*").name == "L2A_T47RMG_20220315T035012_B02_10m.jp2"
    metadata = ET.parse(product / "MTD_MSIL2A.xml")  # noqa: S314
    assert metadata.findtext(".//L2A_Product_Info/PROCESSING_BASELINE") == "02.07"
    assert metadata.findtext(".//L2A_BOA_QUANTIFICATION_VALUE") == "10000"
    assert metadata.find(".//Product_Info") is None
    granule = ET.parse(find(product, "MTD_TL.xml"))  # noqa: S314
    assert (granule.findtext(".//TILE_ID_2A") or "").endswith("_T47RMG_N02.07")
    assert write_safe_l1c(surface, tmp_path, baseline="02.07").joinpath("MTD_MSIL1C.xml").read_text().count("L2A") == 0


@pytest.mark.parametrize(("baseline", "offset_dn"), [("02.14", 0), ("03.01", 0), ("04.00", 1000), ("05.09", 1000)])
@pytest.mark.parametrize("writer", [write_safe_l2a, write_safe_l1c])
def test_numbers_read_back_to_the_bit(
    writer: Callable[..., Path], baseline: str, offset_dn: int, surface: Surface, tmp_path: Path
) -> None:
    product = writer(surface, tmp_path, baseline=baseline)
    red = read(find(product, "*_B04_10m.jp2" if writer is write_safe_l2a else "*_B04.jp2"))
    expected = np.rint(surface.reflectance["red"].astype(float) * 1e4) + offset_dn
    expected[surface.coverage == Coverage.OUTSIDE] = 0
    expected[surface.coverage == Coverage.SATURATED] = 65535
    assert red.dtype == np.uint16
    np.testing.assert_array_equal(red[0], expected)


def test_noise_survives_jpeg_2000_to_the_bit(surface: Surface, tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(1, 60_000, (24, 36)) / 1e4
    noisy = replace(
        surface,
        reflectance=dict.fromkeys(("blue", "green", "red", "nir"), noise.astype(np.float32)),
        coverage=np.ones((24, 36), np.uint8),
    )
    nir = read(find(write_safe_l2a(noisy, tmp_path, baseline="02.14"), "*_B08_10m.jp2"))
    np.testing.assert_array_equal(nir[0], np.rint(noise * 1e4))


def test_a_reflectance_of_123_ten_thousandths_is_1123_at_baseline_0509(surface: Surface, tmp_path: Path) -> None:
    dark = {role: np.full((24, 36), 0.0123, np.float32) for role in ("blue", "green", "red", "nir")}
    product = write_safe_l2a(replace(surface, reflectance=dark), tmp_path, baseline="05.09")
    assert read(find(product, "*_B03_10m.jp2"))[0, 0, 30] == 1123
    assert read(find(product, "*_B03_60m.jp2"))[0, 0, 5] == 1123


def test_coarser_bands_are_in_coarser_folders(surface: Surface, tmp_path: Path) -> None:
    product = write_safe_l2a(surface, tmp_path)
    names = {gsd: sorted(p.name.split("_")[2] for p in product.rglob(f"R{gsd}m/*.jp2")) for gsd in (10, 20, 60)}
    assert names[10] == ["B02", "B03", "B04", "B08", "TCI"]
    assert names[20] == ["B01", "B02", "B03", "B04", "B05", "B11", "B12", "B8A", "SCL", "TCI"]
    assert names[60] == names[20]
    assert "B01" not in {
        p.name.split("_")[2] for p in write_safe_l2a(surface, tmp_path, "02.14").rglob("R20m/*.jp2")
    }, "the coastal band came to 20 m with baseline 04.00"
    with rasterio.open(find(product, "*_B11_20m.jp2")) as dataset:
        assert dataset.shape == (12, 18)
        assert dataset.transform[:6] == (20, 0, 400_020, 0, -20, 2_700_000)
        assert dataset.crs.to_epsg() == 32647


def test_scene_classification_by_hand(surface: Surface, tmp_path: Path) -> None:
    scl = read(find(write_safe_l2a(surface, tmp_path), "*_SCL_20m.jp2"))[0]
    by_block = scl[::3, ::3]  # 60 m blocks are 3 pixels of 20 m
    assert by_block[0, 0] == 0
    assert by_block[0, 2] == 9
    assert by_block[1, 4] == 10
    assert by_block[2, 1] == 3
    assert by_block[2, 5] == 11
    assert by_block[3, 3] == 1
    is_clear = surface.coverage[::6, ::6] == Coverage.CLEAR
    assert np.isin(by_block[is_clear], (4, 5, 6)).all()


@pytest.mark.parametrize(
    ("green", "red", "nir", "scl"), [(0.08, 0.05, 0.02, 6), (0.05, 0.03, 0.3, 4), (0.15, 0.2, 0.25, 5)]
)
def test_clear_ground_is_water_vegetation_or_bare(
    green: float, red: float, nir: float, scl: int, surface: Surface
) -> None:
    bands = {
        role: np.full((24, 36), value, np.float32)
        for role, value in (("blue", 0.1), ("green", green), ("red", red), ("nir", nir))
    }
    painted = replace(surface, reflectance=bands, coverage=np.ones((24, 36), np.uint8))
    assert np.unique(scene_classification(painted)).tolist() == [scl]


def test_the_cloud_mask_of_new_baselines_has_three_bands_of_60_m(surface: Surface, tmp_path: Path) -> None:
    for writer in (write_safe_l1c, write_safe_l2a):
        opaque, cirrus, snow = read(find(writer(surface, tmp_path), "MSK_CLASSI_B00.jp2"))
        blocks = surface.coverage[::6, ::6]
        np.testing.assert_array_equal(opaque, blocks == Coverage.CLOUD)
        np.testing.assert_array_equal(cirrus, blocks == Coverage.CIRRUS)
        np.testing.assert_array_equal(snow, blocks == Coverage.SNOW)


def test_the_cloud_mask_of_old_baselines_is_polygons(surface: Surface, tmp_path: Path) -> None:
    ringed = surface.coverage.copy()
    ringed[6:24, 12:30] = Coverage.CLOUD
    ringed[12:18, 18:24] = Coverage.CLEAR  # a hole
    surface = replace(surface, coverage=ringed)
    product = write_safe_l1c(surface, tmp_path, baseline="02.14")
    assert not list(product.rglob("MSK_CLASSI*"))
    opaque = [polygon for kind, polygon in gml_polygons(find(product, "MSK_CLOUDS_B00.gml")) if kind == "OPAQUE"]
    with rasterio.open(find(product, "*_B02.jp2")) as dataset:
        burnt = ~geometry_mask(opaque, dataset.shape, dataset.transform)
    np.testing.assert_array_equal(burnt, surface.coverage == Coverage.CLOUD)


def gml_polygons(path: Path) -> list[tuple[str, dict[str, object]]]:
    gml, eop = "{http://www.opengis.net/gml/3.2}", "{http://www.opengis.net/eop/2.0}"
    polygons = []
    for feature in ET.parse(path).iter(f"{eop}MaskFeature"):  # noqa: S314
        rings = []
        for positions in feature.iter(f"{gml}posList"):
            numbers = np.array((positions.text or "").split(), dtype=float)
            rings.append(numbers.reshape(-1, 2).tolist())
        kind = feature.findtext(f"{eop}maskType") or ""
        polygons.append((kind, {"type": "Polygon", "coordinates": rings}))
    return polygons


def test_no_cloud_gives_a_mask_without_members(surface: Surface, tmp_path: Path) -> None:
    clear = replace(surface, coverage=np.ones((24, 36), np.uint8))
    mask = find(write_safe_l1c(clear, tmp_path, baseline="03.01"), "MSK_CLOUDS_B00.gml")
    assert gml_polygons(mask) == []
    assert "maskMembers" not in mask.read_text()


@pytest.mark.parametrize(("baseline", "n_offsets"), [("02.14", 0), ("04.00", 13), ("05.10", 13)])
def test_offsets_stand_in_the_metadata_from_baseline_0400_on(
    baseline: str, n_offsets: int, surface: Surface, tmp_path: Path
) -> None:
    l2a = ET.parse(write_safe_l2a(surface, tmp_path, baseline) / "MTD_MSIL2A.xml")  # noqa: S314
    assert l2a.findtext(".//QUANTIFICATION_VALUES_LIST/BOA_QUANTIFICATION_VALUE") == "10000"
    offsets = l2a.findall(".//BOA_ADD_OFFSET_VALUES_LIST/BOA_ADD_OFFSET")
    assert [(o.get("band_id"), o.text) for o in offsets] == [(str(i), "-1000") for i in range(n_offsets)]
    l1c = ET.parse(write_safe_l1c(surface, tmp_path, baseline) / "MTD_MSIL1C.xml")  # noqa: S314
    assert l1c.findtext(".//Product_Image_Characteristics/QUANTIFICATION_VALUE") == "10000"
    offsets = l1c.findall(".//Radiometric_Offset_List/RADIO_ADD_OFFSET")
    assert [(o.get("band_id"), o.text) for o in offsets] == [(str(i), "-1000") for i in range(n_offsets)]


def test_metadata_list_every_image_and_nothing_else(surface: Surface, tmp_path: Path) -> None:
    for product in (write_safe_l2a(surface, tmp_path), write_safe_l1c(surface, tmp_path)):
        metadata = ET.parse(find(product, "MTD_MSIL*.xml"))  # noqa: S314
        listed = {product / f"{image.text}.jp2" for image in metadata.iter("IMAGE_FILE")}
        assert listed == set(product.rglob("IMG_DATA/**/*.jp2"))
        granule = ET.parse(find(product, "MTD_TL.xml"))  # noqa: S314
        assert all((product / (mask.text or "")).is_file() for mask in granule.iter("MASK_FILENAME"))
        on_disk = {path for path in product.rglob("*") if path.is_file() and path.name != "manifest.safe"}
        manifest = ET.parse(product / "manifest.safe")  # noqa: S314
        assert {product / (node.get("href") or "") for node in manifest.iter("fileLocation")} == on_disk


def test_granule_metadata_say_time_sun_and_grid(surface: Surface, tmp_path: Path) -> None:
    granule = ET.parse(find(write_safe_l2a(surface, tmp_path), "MTD_TL.xml"))  # noqa: S314
    assert granule.findtext(".//SENSING_TIME") == "2022-03-15T03:50:12.450000Z"
    assert float(granule.findtext(".//Mean_Sun_Angle/ZENITH_ANGLE") or 0) == pytest.approx(37.5)
    assert float(granule.findtext(".//Mean_Sun_Angle/AZIMUTH_ANGLE") or 0) == pytest.approx(140.25)
    assert granule.findtext(".//HORIZONTAL_CS_CODE") == "EPSG:32647"
    assert granule.findtext(".//Size[@resolution='20']/NCOLS") == "18"
    # 6 × 4 blocks: 3 outside, of the other 21 one cirrus and three cloud
    assert float(granule.findtext(".//NODATA_PIXEL_PERCENTAGE") or 0) == pytest.approx(100 * 3 / 24, abs=1e-5)
    assert float(granule.findtext(".//CLOUDY_PIXEL_PERCENTAGE") or 0) == pytest.approx(100 * 4 / 21, abs=1e-5)


@pytest.mark.parametrize(
    ("writer", "level", "baseline", "zipped"),
    [
        (write_safe_l2a, "L2A", "05.09", False),
        (write_safe_l2a, "L2A", "05.10", True),
        (write_safe_l2a, "L2A", "02.14", False),
        (write_safe_l2a, "L2A", "02.07", False),
        (write_safe_l1c, "L1C", "05.09", True),
        (write_safe_l1c, "L1C", "02.07", False),
    ],
)
def test_gdal_reads_the_product_as_sentinel2(
    writer: Callable[..., Path], level: str, baseline: str, zipped: bool, surface: Surface, tmp_path: Path
) -> None:
    """GDAL's SENTINEL2 driver is a reader nobody here has written."""
    product = writer(surface, tmp_path, baseline=baseline, zipped=zipped)
    root = f"/vsizip/{product}/{product.name.removesuffix('.zip')}" if zipped else str(product)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(f"{root}/MTD_MSI{level}.xml") as container:
            assert container.driver == "SENTINEL2"
            assert container.tags()["SPECIAL_VALUE_SATURATED"] == "65535"
            ten_metres = next(name for name in container.subdatasets if ":10m:" in name)
    with rasterio.open(ten_metres) as dataset:
        assert dataset.crs.to_epsg() == 32647
        assert dataset.tags()["PRODUCT_START_TIME"] == "2022-03-15T03:50:12.450Z"
        (index,) = (i for i, text in enumerate(dataset.descriptions, 1) if text.startswith("B4,"))
        counts = dataset.read(index).astype(int)
    offset_dn = 1000 if baseline >= "04.00" else 0
    expected = np.rint(surface.reflectance["red"].astype(float) * 1e4).astype(int) + offset_dn
    is_plain = ~np.isin(surface.coverage, (Coverage.OUTSIDE, Coverage.SATURATED))
    np.testing.assert_array_equal(counts[is_plain], expected[is_plain])
    assert (counts[surface.coverage == Coverage.OUTSIDE] == 0).all()


@pytest.mark.parametrize(
    ("keywords", "words"),
    [({"baseline": "5.9"}, "'5.9' is not of the form"), ({"platform": "S3A"}, "'S3A' is no Sentinel-2")],
)
def test_wrong_names_are_refused(keywords: dict[str, str], words: str, surface: Surface, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        write_safe_l2a(surface, tmp_path, **keywords)


def test_grids_that_do_not_fit_are_refused(painted: Callable[..., Surface], surface: Surface, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="UTM only, not in EPSG:3857"):
        write_safe_l2a(painted(crs="EPSG:3857"), tmp_path)
    with pytest.raises(InputError, match="7 m do not divide"):
        write_safe_l2a(painted(7.0), tmp_path)
    odd = replace(
        surface,
        grid=replace(surface.grid, width=34),
        reflectance={role: band[:, :34] for role, band in surface.reflectance.items()},
        coverage=surface.coverage[:, :34],
    )
    with pytest.raises(InputError, match="34 × 24 pixels has no whole 60 m pixels"):
        write_safe_l2a(odd, tmp_path)


def test_a_finer_surface_is_averaged_to_10_m(painted: Callable[..., Surface], tmp_path: Path) -> None:
    fine = painted(5.0)
    fine = replace(
        fine,
        grid=replace(fine.grid, width=24),
        reflectance={role: band[:, :24] for role, band in fine.reflectance.items()},
        coverage=fine.coverage[:, :24],
    )
    with rasterio.open(find(write_safe_l2a(fine, tmp_path), "*_B02_10m.jp2")) as dataset:
        assert dataset.shape == (12, 12)
        assert dataset.res == (10, 10)


@pytest.mark.scenes
def test_granule_metadata_have_only_elements_of_true_ones(surface: Surface, tmp_path: Path, scenes_dir: Path) -> None:
    ours = element_paths(find(write_safe_l2a(surface, tmp_path, baseline="05.09"), "MTD_TL.xml"))
    true_granules = sorted(scenes_dir.glob("s2_l2a_metadata/*/granule_metadata.xml"))
    assert len(true_granules) == 3
    for path in true_granules:
        true = element_paths(path)
        assert not ours - true, "elements or attributes that no true granule has"
        names = {step for element, _ in true for step in element}
        assert {"SENSING_TIME", "ZENITH_ANGLE", "MASK_FILENAME"} <= names


def element_paths(path: Path) -> set[tuple[tuple[str, ...], frozenset[str]]]:
    """Every element's path with its namespaces, and the attributes it carries but for band numbers of masks."""
    found = set()

    def walk(node: ET.Element, above: tuple[str, ...]) -> None:
        here = (*above, node.tag)
        found.add((here, frozenset(node.attrib)))
        for child in node:
            walk(child, here)

    walk(ET.parse(path).getroot(), ())  # noqa: S314
    return found
