"""Rasters without an agency's layout: which band is which, what the numbers mean, what is refused and how."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from pondscan.config import MaskSettings, Settings
from pondscan.model import REQUIRED_ROLES, Scene
from pondscan.scenes import discover, open_scene

WriteRaster = Callable[..., Path]
SIZE = 8

RGBN = ("red", "green", "blue", "nir")


def settings(**values: Any) -> Settings:
    return Settings.model_validate({"input": values})


def only(path: Path, **values: Any) -> Scene:
    found = discover([path], settings(**values))
    assert not found.failures
    (scene,) = found.scenes
    return scene


def refusal(path: Path | str, **values: Any) -> str:
    found = discover([path], settings(**values))
    assert not found.scenes
    ((_, sentence),) = found.failures
    assert sentence.count("\n") == 0
    return sentence


def indices(scene: Scene) -> dict[str, int]:
    return {role: band.index for role, band in scene.bands.items()}


def test_bands_by_their_descriptions_in_any_case(four: WriteRaster) -> None:
    scene = only(four(names=("Red", "GREEN", "blue", "Near Infrared")))
    assert indices(scene) == {"blue": 3, "green": 2, "red": 1, "nir": 4}
    assert scene.bands["nir"].name == "Near Infrared"


def test_bands_by_the_users_order(four: WriteRaster) -> None:
    path = four(bands=np.ones((6, SIZE, SIZE), np.uint16), names=())
    scene = only(path, bands=("-", *RGBN), sensor="sentinel-2")
    assert indices(scene) == {"blue": 4, "green": 3, "red": 2, "nir": 5}
    assert "band 6 not named by --bands, not used" in scene.warnings


def test_the_users_order_beats_descriptions(four: WriteRaster) -> None:
    assert indices(only(four(), bands=RGBN))["red"] == 1


def test_numbered_descriptions_need_a_sensor(four: WriteRaster) -> None:
    path = four(names=("B02", "B03", "B04", "B08"))
    assert indices(only(path, sensor="sentinel-2")) == {"blue": 1, "green": 2, "red": 3, "nir": 4}
    sentence = refusal(path)
    assert "numbered bands (B02, B03, B04, B08)" in sentence
    assert "input.sensor=sentinel-2" in sentence


def test_landsat_numbers_that_could_be_either_are_refused(four: WriteRaster) -> None:
    path = four(bands=np.ones((7, SIZE, SIZE), np.uint16), names=[f"B{i}" for i in range(1, 8)])
    assert "Landsat 4–7 and 8–9 number differently" in refusal(path, sensor="landsat")


def test_a_known_sensor_tells_the_band_order(four: WriteRaster) -> None:
    path = four(bands=np.ones((8, SIZE, SIZE), np.uint16), names=())
    scene = only(path, sensor="planetscope")
    assert indices(scene) == {"coastal": 1, "blue": 2, "green": 4, "red": 6, "rededge": 7, "nir": 8}


@pytest.mark.parametrize(
    ("names", "missing"), [(("blue", "green", "red", "swir16"), "no nir band"), ((), "no blue, green, red, nir band")]
)
def test_a_missing_role_is_refused_with_what_was_found_and_the_remedy(
    four: WriteRaster, names: tuple[str, ...], missing: str
) -> None:
    sentence = refusal(four(names=names))
    assert missing in sentence
    assert ("4 = swir16" if names else "4 bands without names") in sentence
    assert "--bands blue,green,red,nir" in sentence


def test_more_roles_than_bands_are_refused(four: WriteRaster) -> None:
    assert "has 4 bands, but --bands names 5" in refusal(four(), bands=(*RGBN, "swir16"))


def test_a_role_claimed_by_two_bands_is_refused(four: WriteRaster) -> None:
    assert "two nir bands (nir and NIR)" in refusal(four(names=("blue", "green", "nir", "NIR")))


def test_too_few_bands_named_by_the_user_are_refused(raster: WriteRaster, tmp_path: Path) -> None:
    path = raster(tmp_path / "dem.tif", np.ones((SIZE, SIZE), np.float32))
    assert "has 1 band, and a scene needs blue, green, red and nir" in refusal(path)


def test_no_crs_is_refused(four: WriteRaster) -> None:
    assert "has no coordinate reference system" in refusal(four(crs=None))


def test_complex_numbers_are_refused(four: WriteRaster) -> None:
    assert "complex64" in refusal(four(bands=np.ones((4, SIZE, SIZE), np.complex64)))


# What the numbers mean


def test_bytes_are_raw_numbers(four: WriteRaster) -> None:
    scene = only(four(bands=np.full((4, SIZE, SIZE), 51, np.uint8)), sensor="landsat")
    assert scene.calibrated == "dn"
    assert scene.bands["green"].scale == 1 / 255
    assert any("digital numbers of unknown scale" in warning for warning in scene.warnings)


def test_unknown_16_bit_numbers_are_stretched_alike(four: WriteRaster) -> None:
    bands = np.stack([np.full((SIZE, SIZE), value, np.uint16) for value in (100, 200, 300, 1200)])
    scene = only(four(bands=bands))
    assert scene.calibrated == "dn"
    assert {band.scale for band in scene.bands.values()} == {0.6 / 1200}


def test_no_data_does_not_weigh_in_the_stretch(four: WriteRaster) -> None:
    bands = np.full((4, SIZE, SIZE), 65535, np.uint16)
    bands[:, 0, 0] = 600
    scene = only(four(bands=bands), nodata=65535)
    assert scene.bands["nir"].scale == 0.6 / 600
    assert scene.bands["nir"].nodata == 65535


def test_a_stated_scale_makes_reflectance(four: WriteRaster) -> None:
    assert only(four(), scale=1e-4).calibrated == "reflectance"
    stated = only(four(name="b.tif", scale=1e-4, offset=-0.1))
    assert (stated.calibrated, stated.bands["red"].scale, stated.bands["red"].offset) == ("reflectance", 1e-4, -0.1)


def test_the_configuration_beats_the_file_and_says_so(four: WriteRaster) -> None:
    scene = only(four(scale=1e-4, offset=-0.1), offset=0.0)
    assert (scene.bands["red"].scale, scene.bands["red"].offset) == (1e-4, 0.0)
    (conflict,) = [warning for warning in scene.warnings if "offset" in warning]
    assert conflict == "blue, green, red, nir: offset 0 (input.scale/offset) is used, not -0.1 (GDAL scale/offset)"


def test_a_sensors_usual_scale_is_assumed_aloud(four: WriteRaster) -> None:
    scene = only(four(), sensor="sentinel-2")
    assert (scene.calibrated, scene.bands["red"].scale, scene.bands["red"].nodata) == ("reflectance", 1e-4, 0.0)
    assert any("usual for Sentinel-2 MSI, are assumed" in warning for warning in scene.warnings)


@pytest.mark.parametrize(("high", "calibrated", "scale"), [(0.8, "reflectance", 1.0), (8000.0, "dn", 0.6 / 8000)])
def test_floating_point_numbers_are_judged_by_their_range(
    four: WriteRaster, high: float, calibrated: str, scale: float
) -> None:
    scene = only(four(bands=np.full((4, SIZE, SIZE), high, np.float32)))
    assert scene.calibrated == calibrated
    assert scene.bands["green"].scale == pytest.approx(scale)


def test_the_calibration_class_can_be_overridden(four: WriteRaster) -> None:
    assert only(four(), scale=1e-4, calibrated="toa").calibrated == "toa"


def test_a_scale_of_zero_is_refused(four: WriteRaster) -> None:
    assert "states a scale of 0" in refusal(four(scale=0.0, offset=0.5))


def test_the_kind_of_mask_tells_the_sensor(four: WriteRaster) -> None:
    scene = only(four(bands=np.ones((5, SIZE, SIZE), np.uint16), names=()), bands=(*RGBN, "scl"))
    assert scene.sensor == "sentinel-2"
    assert [(mask.role, mask.index) for mask in scene.masks] == [("scl", 5)]


@pytest.mark.parametrize(
    ("tags", "sensor"),
    [
        ({"SENSOR": "planetscope"}, "planetscope"),
        ({"SENSOR": "MSI", "PLATFORM": "Sentinel-2B"}, "sentinel-2"),
        ({"SATELLITE": "S2C"}, "sentinel-2"),
        ({"SENSOR": "somebody's drone"}, "generic"),
    ],
)
def test_a_tag_tells_the_sensor(four: WriteRaster, tags: dict[str, str], sensor: str) -> None:
    assert only(four(tags=tags, scale=1e-4)).sensor == sensor


def test_gdals_imagery_domain_tells_the_sensor_and_the_user_wins(four: WriteRaster) -> None:
    path = four(scale=1e-4)
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(ns="IMAGERY", SATELLITEID="SkySat-C12", ACQUISITIONDATETIME="2024-02-17 04:12:00")
    scene = only(path)
    assert (scene.sensor, scene.datetime) == ("skysat", datetime(2024, 2, 17, 4, 12, tzinfo=UTC))
    assert only(path, sensor="planetscope").sensor == "planetscope"


def test_numbered_bands_are_understood_when_a_tag_names_the_sensor(four: WriteRaster) -> None:
    path = four(names=("B2", "B3", "B4", "B8"), tags={"SENSOR": "sentinel-2"})
    assert indices(only(path)) == {"blue": 1, "green": 2, "red": 3, "nir": 4}


def test_tags_tell_where_the_sun_stood(four: WriteRaster) -> None:
    scene = only(four(tags={"SUN_ELEVATION": "44.7", "SUN_AZIMUTH": "149.2"}))
    assert (scene.sun_elevation_deg, scene.sun_azimuth_deg) == (44.7, 149.2)
    silent = only(four("other_20200103.tif", tags={"SUN_ELEVATION": "high", "SUN_AZIMUTH": "nan"}))
    assert (silent.sun_elevation_deg, silent.sun_azimuth_deg) == (None, None)


def test_where_sentinel2_numbers_are_assumed_the_offset_that_may_be_in_them_is_named(four: WriteRaster) -> None:
    (warning,) = [text for text in only(four(), sensor="sentinel-2").warnings if "assumed" in text]
    assert "set input.offset=-0.1" in warning
    assert not [text for text in only(four(), sensor="sentinel-2", offset=-0.1).warnings if "assumed" in text]


def test_quality_layers_named_after_bands_are_no_bands(raster: WriteRaster, four: WriteRaster, tmp_path: Path) -> None:
    for band in ("B02", "B03", "B04", "B08"):
        raster(tmp_path / "QI_DATA" / f"MSK_DETFOO_{band}.tif", np.ones((SIZE, SIZE), np.uint8))
    assert only(four().parent, sensor="sentinel-2").product == "GeoTIFF"


# Identity, date, sidecar


def test_a_scene_is_named_by_stem_and_content(four: WriteRaster, tmp_path: Path) -> None:
    scene = only(four())
    assert scene.scene_id.startswith("scene_20200102_")
    assert len(scene.scene_id) == len("scene_20200102_") + 8
    copy = tmp_path / "elsewhere" / "scene_20200102.tif"
    copy.parent.mkdir()
    copy.write_bytes(Path(scene.source).read_bytes())
    assert only(copy).scene_id == scene.scene_id
    assert only(copy).acquisition == scene.acquisition


def test_the_date_is_read_from_the_header_before_the_name(four: WriteRaster) -> None:
    path = four(tags={"TIFFTAG_DATETIME": "2021:03:04 05:06:07"})
    assert only(path).datetime.isoformat() == "2021-03-04T05:06:07+00:00"  # type: ignore[union-attr]


def test_a_clear_sidecar_is_used(four: WriteRaster, raster: WriteRaster, tmp_path: Path) -> None:
    path = four()
    raster(tmp_path / "scene_20200102.clear.tif", np.ones((SIZE, SIZE), np.uint8))
    for named in (path, tmp_path):
        scene = only(named)
        assert [mask.role for mask in scene.masks] == ["clear"]
        assert len(scene.files) == 2


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        (MaskSettings(use="off"), "no cloud mask is used: every pixel with data counts as clear"),
        (MaskSettings(screen=False), "no cloud mask is used: every pixel with data counts as clear"),
        (MaskSettings(), "no cloud mask of its own: screened by pondscan's own cloud test"),
    ],
)
def test_no_mask_is_said(four: WriteRaster, mask: MaskSettings, told: str) -> None:
    with open_scene(only(four()), Settings(mask=mask)) as reader:
        assert told in reader.warnings


# Band-per-file


def write_bands(raster: WriteRaster, folder: Path, names: tuple[str, ...], **options: Any) -> None:
    for value, name in enumerate(names, start=1):
        raster(folder / f"{name}.tif", np.full((SIZE, SIZE), value, np.uint16), **options)


@pytest.mark.parametrize(
    ("files", "values"),
    [
        (tuple(f"place_20200102_{role}" for role in REQUIRED_ROLES), {}),
        (REQUIRED_ROLES, {}),
        (tuple(f"place.{role.upper()}" for role in REQUIRED_ROLES), {}),
        (tuple(f"place_20200102_{band}" for band in ("B02", "B03", "B04", "B08")), {"sensor": "sentinel-2"}),
        (tuple(f"T33TWM_20230815T095031_{band}_10m" for band in ("B02", "B03", "B04", "B08")), {}),
        (
            ("p_one", "p_two", "p_three", "p_four"),
            {"band_files": {"blue": "_one", "green": "_two", "red": "_three", "nir": "_four"}},
        ),
    ],
)
def test_bands_by_file_name(
    raster: WriteRaster, tmp_path: Path, files: tuple[str, ...], values: dict[str, Any]
) -> None:
    write_bands(raster, tmp_path / "folder", files)
    scene = only(tmp_path / "folder", **values)
    assert [Path(band.path).stem for band in scene.bands.values()] == list(files)
    assert scene.product == "band-per-file"


def test_the_finest_of_several_resolutions_is_taken(raster: WriteRaster, tmp_path: Path) -> None:
    write_bands(raster, tmp_path, tuple(f"x_{role}_10m" for role in REQUIRED_ROLES))
    write_bands(
        raster,
        tmp_path,
        tuple(f"x_{role}_20m" for role in REQUIRED_ROLES),
        transform=Affine(20, 0, 400_000, 0, -20, 2_700_000),
    )
    assert only(tmp_path).gsd_m == 10


def test_bands_of_different_places_are_refused(raster: WriteRaster, tmp_path: Path) -> None:
    write_bands(raster, tmp_path, ("x_blue", "x_green", "x_red"))
    raster(
        tmp_path / "x_nir.tif",
        np.ones((SIZE, SIZE), np.uint16),
        transform=Affine(10, 0, 500_000, 0, -10, 2_700_000),
    )
    assert "does not cover the ground of the other bands" in refusal(tmp_path)


def test_a_set_of_bands_that_lacks_one_is_refused(raster: WriteRaster, tmp_path: Path) -> None:
    write_bands(raster, tmp_path, ("x_blue", "x_green", "x_red"))
    assert "has no nir band (found: blue, green, red)" in refusal(tmp_path)


def test_multiband_files_with_numbered_names_are_taken_one_by_one(raster: WriteRaster, tmp_path: Path) -> None:
    for name in ("area_b1_20200101", "area_b2_20200102", "north_b1", "north_b2"):
        raster(
            tmp_path / f"{name}.tif", names=("blue", "green", "red", "nir"), tags={"ACQUISITIONDATETIME": "2020-01-01"}
        )
    assert len(discover([tmp_path], settings()).scenes) == 4
