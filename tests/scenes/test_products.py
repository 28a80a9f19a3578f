"""Details of the agencies' layouts that the miniature products do not vary."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from rasterio import Affine

from pondscan.config import Settings
from pondscan.errors import InputError
from pondscan.model import Coverage, Grid, Scene, Window
from pondscan.scenes import Discovery, discover, open_scene, superseded
from pondscan.scenes.cloud_polygons import cloud_polygons, rasterize_clouds
from pondscan.scenes.landsat import groups_of_text
from pondscan.scenes.metadata import parse_xml
from pondscan.scenes.sentinel2 import acquisition_key

WriteRaster = Callable[..., Path]
SIZE = 8
ONES = np.ones((SIZE, SIZE), np.uint16)


def found(path: Path) -> Discovery:
    return discover([path], Settings())


def only(path: Path) -> Scene:
    discovery = found(path)
    assert not discovery.failures
    (scene,) = discovery.scenes
    return scene


# Sentinel-2

PRODUCT_XML = """<n1:Level-2A_User_Product xmlns:n1="urn:x"><n1:General_Info>
<Product_Info><PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
<GENERATION_TIME>2022-02-03T04:05:06.000000Z</GENERATION_TIME>
<Datatake><SPACECRAFT_NAME>Sentinel-2B</SPACECRAFT_NAME>
<DATATAKE_SENSING_START>2022-02-01T03:04:05.024Z</DATATAKE_SENSING_START></Datatake></Product_Info>
<Product_Image_Characteristics>{radiometry}</Product_Image_Characteristics>
</n1:General_Info></n1:Level-2A_User_Product>"""

QUANTIFICATION = "<BOA_QUANTIFICATION_VALUE unit='none'>10000</BOA_QUANTIFICATION_VALUE>"
TILE_XML = """<n1:Level-2A_Tile_ID xmlns:n1="urn:x"><n1:General_Info>
<SENSING_TIME>2022-02-01T03:10:00.5Z</SENSING_TIME></n1:General_Info>
<Mean_Sun_Angle><ZENITH_ANGLE unit="deg">40.5</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">150</AZIMUTH_ANGLE>
</Mean_Sun_Angle></n1:Level-2A_Tile_ID>"""


def safe(
    raster: WriteRaster,
    folder: Path,
    baseline: str = "05.09",
    radiometry: str = QUANTIFICATION,
    *,
    has_tile: bool = True,
) -> Path:
    """A SAFE folder of four 10 m bands, as GeoTIFF for want of nothing better."""
    root = folder / "S2B_MSIL2A_20220201T030405_N0509_R075_T47RQJ_20220203T040506.SAFE"
    granule = root / "GRANULE" / "L2A_T47RQJ_A025600_20220201T031000"
    for band in ("B02", "B03", "B04", "B08"):
        raster(granule / "IMG_DATA" / "R10m" / f"T47RQJ_20220201T030405_{band}_10m.tif", ONES)
        coarse = Affine(20, 0, 400_000, 0, -20, 2_700_000)
        raster(granule / "IMG_DATA" / "R20m" / f"T47RQJ_20220201T030405_{band}_20m.tif", ONES, transform=coarse)
    (root / "MTD_MSIL2A.xml").write_text(PRODUCT_XML.format(baseline=baseline, radiometry=radiometry))
    if has_tile:
        (granule / "MTD_TL.xml").write_text(TILE_XML)
    return root


def test_offsets_are_read_for_each_band_by_its_id(raster: WriteRaster, tmp_path: Path) -> None:
    offsets = "".join(f'<BOA_ADD_OFFSET band_id="{i}">{-1000 - i}</BOA_ADD_OFFSET>' for i in range(13))
    scene = only(safe(raster, tmp_path, radiometry=f"{QUANTIFICATION}<L>{offsets}</L>"))
    assert {role: round(band.offset * 1e4) for role, band in scene.bands.items()} == {
        "blue": -1001,
        "green": -1002,
        "red": -1003,
        "nir": -1007,
    }
    assert {band.gsd_m for band in scene.bands.values()} == {10}


@pytest.mark.parametrize("quantification", ["10000", "1000"])
def test_quantification_is_the_products_own(raster: WriteRaster, tmp_path: Path, quantification: str) -> None:
    scene = only(safe(raster, tmp_path, radiometry=QUANTIFICATION.replace("10000", quantification)))
    assert scene.bands["red"].scale == 1 / float(quantification)
    assert scene.bands["red"].offset == 0


def test_time_sun_and_version(raster: WriteRaster, tmp_path: Path) -> None:
    scene = only(safe(raster, tmp_path, "4.0"))
    assert scene.datetime is not None
    assert scene.datetime.isoformat() == "2022-02-01T03:10:00.500000+00:00"
    assert (scene.sun_elevation_deg, scene.sun_azimuth_deg) == (49.5, 150)
    assert (scene.processing, scene.acquisition) == ("L2A 04.00 20220203040506", "S2B 20220201T030405 T47RQJ")
    assert acquisition_key("Sentinel-2B", "2022-02-01T03:04:05.024Z", None) is None


def test_a_product_is_found_from_any_place_that_names_it(raster: WriteRaster, tmp_path: Path) -> None:
    root = safe(raster, tmp_path)
    bands = next(root.rglob("R10m"))
    for path in (root, tmp_path, root / "MTD_MSIL2A.xml", bands, next(bands.iterdir()), bands / "*.tif"):
        assert only(path).scene_id == root.stem


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"radiometry": ""}, "has no BOA_QUANTIFICATION_VALUE"),
        ({"baseline": ""}, "has no PROCESSING_BASELINE"),
        ({"has_tile": False}, "has no granule beside it"),
    ],
)
def test_incomplete_products_are_refused(
    raster: WriteRaster, tmp_path: Path, damage: dict[str, object], reason: str
) -> None:
    root = safe(raster, tmp_path, **damage)  # type: ignore[arg-type]
    ((source, sentence),) = found(tmp_path).failures
    assert source == str(root)
    assert reason in sentence


def test_a_product_without_its_bands_is_refused(raster: WriteRaster, tmp_path: Path) -> None:
    root = safe(raster, tmp_path)
    for path in root.rglob("*_B08_*.tif"):
        path.unlink()
    assert "has no nir band (found: B02 = blue, B03 = green, B04 = red)" in found(root).failures[0][1]


def test_products_of_several_granules_are_several_scenes(raster: WriteRaster, tmp_path: Path) -> None:
    root = safe(raster, tmp_path)
    other = root / "GRANULE" / "L2A_T47RPJ_A025600_20220201T031000"
    for band in ("B02", "B03", "B04", "B08"):
        raster(other / "IMG_DATA" / "R10m" / f"T47RPJ_20220201T030405_{band}_10m.tif", ONES)
    (other / "MTD_TL.xml").write_text(TILE_XML)
    scenes = found(root).scenes
    assert [scene.scene_id.removeprefix(root.stem) for scene in scenes] == ["_T47RPJ", "_T47RQJ"]
    assert superseded(scenes) == {}


GML = """<eop:Mask xmlns:eop="http://www.opengis.net/eop/2.0" xmlns:gml="http://www.opengis.net/gml/3.2">
<gml:boundedBy><gml:Envelope srsName="urn:ogc:def:crs:EPSG:8.7:{code}"/></gml:boundedBy><eop:maskMembers>
<eop:MaskFeature><eop:maskType>OPAQUE</eop:maskType><eop:extentOf><gml:Polygon>
<gml:exterior><gml:LinearRing><gml:posList srsDimension="2">
0 0 180 0 180 -180 0 -180 0 0</gml:posList></gml:LinearRing></gml:exterior>
<gml:interior><gml:LinearRing><gml:posList srsDimension="2">
60 -60 120 -60 120 -120 60 -120 60 -60</gml:posList></gml:LinearRing></gml:interior>
</gml:Polygon></eop:extentOf></eop:MaskFeature>
<eop:MaskFeature><eop:maskType>CIRRUS</eop:maskType><eop:extentOf><gml:Polygon><gml:exterior><gml:LinearRing>
<gml:posList srsDimension="2">180 0 240 0 240 -60 180 -60 180 0</gml:posList></gml:LinearRing></gml:exterior>
</gml:Polygon></eop:extentOf></eop:MaskFeature></eop:maskMembers></eop:Mask>"""


def test_cloud_polygons_are_drawn_with_their_holes(tmp_path: Path) -> None:
    path = tmp_path / "MSK_CLOUDS_B00.gml"
    path.write_text(GML.format(code=32647))
    grid = Grid("EPSG:32647", 0, 0, 10, 24, 18)
    clouds = rasterize_clouds(str(path), grid, 60.0)
    assert clouds.classes.tolist() == [
        [[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0]],
        [[0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]],
    ]
    assert clouds.window(Window(5, 7, 17, 19)).tolist() == [[[1, 0], [1, 0]], [[0, 1], [0, 0]]]


def test_cloud_polygons_without_clouds(tmp_path: Path) -> None:
    path = tmp_path / "MSK_CLOUDS_B00.gml"
    path.write_text('<eop:Mask xmlns:eop="http://www.opengis.net/eop/2.0"/>')
    assert not rasterize_clouds(str(path), Grid("EPSG:32647", 0, 0, 10, 24, 18), 60.0).classes.any()


def test_cloud_polygons_of_another_place_are_refused() -> None:
    root = parse_xml(GML.format(code=32648).encode(), "x.gml")
    with pytest.raises(InputError, match=r"x\.gml is in EPSG:32648, the scene in EPSG:32647"):
        cloud_polygons(root, "x.gml", "EPSG:32647")


def test_xml_with_entities_or_broken_is_refused() -> None:
    with pytest.raises(InputError, match="declares XML entities"):
        parse_xml(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "x.xml")
    with pytest.raises(InputError, match=r"x\.xml is no valid XML"):
        parse_xml(b"<a>", "x.xml")
    assert parse_xml(b'<n:a xmlns:n="urn:x"><n:b/></n:a>', "x").find("b") is not None
    assert isinstance(parse_xml(b"<a/>", "x"), ET.Element)


# Landsat

PRODUCT_ID = "LC09_L2SP_131042_20230115_20230313_02_T1"
MTL = """GROUP = LANDSAT_METADATA_FILE
  GROUP = IMAGE_ATTRIBUTES
    DATE_ACQUIRED = 2023-01-15
    SCENE_CENTER_TIME = "03:52:11.1234560Z"
    SUN_ELEVATION = 38.5
    SUN_AZIMUTH = 152.25
  END_GROUP = IMAGE_ATTRIBUTES
  GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS
    REFLECTANCE_MULT_BAND_4 = 2.75e-05
    REFLECTANCE_ADD_BAND_4 = -0.2
    REFLECTANCE_MULT_BAND_5 = 3e-05
    REFLECTANCE_ADD_BAND_5 = -0.3
  END_GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS
  GROUP = LEVEL1_RADIOMETRIC_RESCALING
    REFLECTANCE_MULT_BAND_4 = 2.0E-05
    REFLECTANCE_ADD_BAND_4 = -0.100000
  END_GROUP = LEVEL1_RADIOMETRIC_RESCALING
END_GROUP = LANDSAT_METADATA_FILE
END
"""


def landsat(raster: WriteRaster, folder: Path, product_id: str = PRODUCT_ID) -> Path:
    root = folder / product_id
    for number in range(1, 8):
        grid = Affine(30, 0, 400_000, 0, -30, 2_700_000)
        raster(root / f"{product_id}_SR_B{number}.TIF", ONES * (number + 8000), transform=grid)
    raster(root / f"{product_id}_QA_PIXEL.TIF", np.full((SIZE, SIZE), 21824, np.uint16), transform=grid)
    (root / f"{product_id}_MTL.txt").write_text(MTL)
    return root


def test_scale_comes_from_the_level_2_group_and_the_usual_fills_the_rest(raster: WriteRaster, tmp_path: Path) -> None:
    scene = only(landsat(raster, tmp_path))
    numbers = {role: (band.scale, band.offset) for role, band in scene.bands.items()}
    assert numbers["red"] == (2.75e-5, -0.2)
    assert numbers["nir"] == (3e-5, -0.3)
    assert numbers["blue"] == (2.75e-5, -0.2)
    assert scene.datetime is not None
    assert scene.datetime.isoformat() == "2023-01-15T03:52:11.123456+00:00"
    assert (scene.sun_elevation_deg, scene.sun_azimuth_deg, scene.platform) == (38.5, 152.25, "Landsat-9")
    assert any("cannot separate single ponds" in warning for warning in scene.warnings)


def test_older_landsats_number_their_bands_differently(raster: WriteRaster, tmp_path: Path) -> None:
    scene = only(landsat(raster, tmp_path, "LE07_L2SP_131042_20030115_20200313_02_T1"))
    assert {role: band.name for role, band in scene.bands.items()} == {
        "blue": "SR_B1",
        "green": "SR_B2",
        "red": "SR_B3",
        "nir": "SR_B4",
        "swir16": "SR_B5",
        "swir22": "SR_B7",
    }


def test_two_products_in_one_folder_stay_apart(raster: WriteRaster, tmp_path: Path) -> None:
    later = PRODUCT_ID.replace("20230313", "20240101")
    for product in (PRODUCT_ID, later):
        for path in landsat(raster, tmp_path / "from", product).iterdir():
            (tmp_path / "flat").mkdir(exist_ok=True)
            path.rename(tmp_path / "flat" / path.name)
    scenes = found(tmp_path / "flat").scenes
    assert {scene.scene_id for scene in scenes} == {PRODUCT_ID, later}
    assert superseded(scenes) == {PRODUCT_ID: later}


def test_mtl_groups_keep_equal_keys_apart() -> None:
    groups = groups_of_text(MTL)
    assert groups["LEVEL1_RADIOMETRIC_RESCALING"]["REFLECTANCE_MULT_BAND_4"] == "2.0E-05"
    assert groups["IMAGE_ATTRIBUTES"]["SCENE_CENTER_TIME"] == "03:52:11.1234560Z"


# Planet

ITEM = "20230815_033422_12_24a5"


def test_radiance_without_coefficients_is_raw_numbers(raster: WriteRaster, tmp_path: Path) -> None:
    raster(tmp_path / f"{ITEM}_3B_AnalyticMS.tif")
    scene = only(tmp_path)
    assert scene.calibrated == "dn"
    assert any("no reflectance coefficients" in warning for warning in scene.warnings)


def test_ordered_top_of_atmosphere_reflectance(raster: WriteRaster, tmp_path: Path) -> None:
    raster(tmp_path / f"{ITEM}_3B_AnalyticMS_toar_clip.tif")
    scene = only(tmp_path)
    assert (scene.calibrated, scene.bands["nir"].scale) == ("toa", 1e-4)


def test_surface_reflectance_replaces_radiance_of_the_item(raster: WriteRaster, tmp_path: Path) -> None:
    raster(tmp_path / f"{ITEM}_3B_AnalyticMS.tif")
    raster(tmp_path / f"{ITEM}_3B_AnalyticMS_SR.tif")
    raster(tmp_path / f"{ITEM}_3B_AnalyticMS_SR_8b_harmonized_clip.tif", np.ones((8, SIZE, SIZE), np.uint16))
    raster(tmp_path / f"{ITEM}_3B_udm2_clip.tif", np.ones((8, SIZE, SIZE), np.uint8))
    scenes = {scene.scene_id.removeprefix(f"{ITEM}_3B_"): scene for scene in found(tmp_path).scenes}
    assert set(superseded(list(scenes.values())).values()) == {f"{ITEM}_3B_AnalyticMS_SR_8b_harmonized_clip"}
    assert all(scene.masks for scene in scenes.values())
    assert scenes["AnalyticMS_SR"].datetime is not None
    assert scenes["AnalyticMS_SR"].datetime.isoformat() == "2023-08-15T03:34:22+00:00"


def test_a_planet_file_with_other_bands_is_refused(raster: WriteRaster, tmp_path: Path) -> None:
    raster(tmp_path / f"{ITEM}_3B_AnalyticMS_SR.tif", np.ones((5, SIZE, SIZE), np.uint16))
    assert "has 5 bands, where PlanetScope has 4 or 8" in found(tmp_path).failures[0][1]


def test_skysat_coefficients_in_the_image_description(raster: WriteRaster, tmp_path: Path) -> None:
    description = json.dumps({"properties": {"reflectance_coefficients": [1e-4, 2e-4, 3e-4, 4e-4]}})
    raster(tmp_path / "20200814_162132_ssc4d3_0021_analytic.tif", tags={"TIFFTAG_IMAGEDESCRIPTION": description})
    scene = only(tmp_path)
    assert scene.calibrated == "toa"
    assert [band.scale for band in scene.bands.values()] == [1e-4, 2e-4, 3e-4, 4e-4]


def test_a_mask_of_one_band_marks_clear_and_unusable(raster: WriteRaster, tmp_path: Path) -> None:
    clear = np.ones((SIZE, SIZE), np.uint8)
    clear[0] = 0
    raster(tmp_path / f"{ITEM}_3B_AnalyticMS_SR.tif")
    raster(tmp_path / f"{ITEM}_3B_udm2.tif", clear)
    with open_scene(only(tmp_path), Settings()) as reader:
        codes = reader.read_mask(Window(0, 2, 0, SIZE))
    assert set(codes[0].tolist()) == {int(Coverage.UNUSABLE)}
    assert set(codes[1].tolist()) == {int(Coverage.CLEAR)}
