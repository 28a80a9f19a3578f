"""The real scenes: recognised, mapped, dated and read as their descriptions say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pondscan.config import Settings
from pondscan.model import INVALID, Coverage, Scene, Window
from pondscan.scenes import Discovery, discover, open_scene

pytestmark = pytest.mark.scenes


def found(path: Path, **values: Any) -> Discovery:
    return discover([path], Settings.model_validate({"input": values}))


def only(path: Path, **values: Any) -> Scene:
    discovery = found(path, **values)
    assert not discovery.failures
    (scene,) = discovery.scenes
    return scene


def read(scene: Scene) -> tuple[dict[str, np.ndarray], np.ndarray]:
    window = Window(0, scene.grid.height, 0, scene.grid.width)
    with open_scene(scene, Settings()) as reader:
        counts = reader.read(tuple(scene.bands), window)
        return dict(zip(scene.bands, counts, strict=True)), reader.read_mask(window)


def test_six_years_of_potholes(scenes_dir: Path) -> None:
    refused = found(scenes_dir / "naip_potholes")
    assert len(refused.failures) == 6
    assert all("--bands blue,green,red,nir" in sentence for _, sentence in refused.failures)
    scenes = found(scenes_dir / "naip_potholes", bands=("red", "green", "blue", "nir")).scenes
    assert [scene.datetime.year for scene in scenes if scene.datetime] == [2009, 2010, 2012, 2014, 2015, 2016]
    assert {scene.calibrated for scene in scenes} == {"dn"}
    assert {scene.grid.crs for scene in scenes} == {"EPSG:26914"}
    assert scenes[-1].grid.x_origin == 485900.6
    counts, codes = read(scenes[0])
    assert np.median(counts["nir"]) > np.median(counts["green"])
    assert (codes == Coverage.CLEAR).mean() > 0.99


@pytest.mark.parametrize("first", [0, 4])
def test_both_dates_of_the_inn(scenes_dir: Path, first: int) -> None:
    bands = ("-",) * first + ("red", "green", "blue", "nir")
    scene = only(
        scenes_dir / "s2_inn_river" / "inn_two_dates_rgbn_rgbn.tif",
        bands=bands,
        acquired="2020-07-01T10:00:00Z",
        sensor="sentinel-2",
    )
    assert scene.bands["red"].index == first + 1
    assert scene.calibrated == "reflectance"
    counts, _ = read(scene)
    assert 2000 < np.median(counts["nir"]) < 4500


def test_bolzano_with_its_scene_classification(scenes_dir: Path) -> None:
    scene = only(scenes_dir / "s2_bolzano", bands=("red", "green", "blue", "nir", "scl"))
    assert (scene.sensor, scene.calibrated, scene.bands["red"].scale) == ("sentinel-2", "reflectance", 1e-4)
    counts, codes = read(scene)
    assert counts["blue"].shape == codes.shape == (705, 935)
    assert (codes == Coverage.CLEAR).mean() > 0.9


def test_aquileia_is_warped_out_of_degrees(scenes_dir: Path) -> None:
    refused = found(scenes_dir / "s2_aquileia")
    assert "numbered bands (B02, B03, B04, B05, B08, B11, B12, B8A)" in refused.failures[0][1]
    scene = only(scenes_dir / "s2_aquileia", sensor="sentinel-2", scale=1 / 65535)
    assert scene.warped
    assert scene.grid.crs == "EPSG:32633"
    assert scene.grid.gsd_m == pytest.approx(13.96, abs=0.02)
    assert set(scene.bands) == {"blue", "green", "red", "rededge", "nir", "nir08", "swir16", "swir22"}
    assert scene.datetime is not None
    assert f"{scene.datetime:%Y%m%d}" == "20190416"
    counts, codes = read(scene)
    assert ((codes == Coverage.OUTSIDE) == (counts["green"] == INVALID)).all()
    assert 0.02 < np.median(counts["green"][counts["green"] != INVALID]) / 1e4 < 0.2


def test_salt_ponds_of_landsat_7(scenes_dir: Path) -> None:
    scene = only(scenes_dir / "landsat7_saltponds", sensor="landsat")
    assert {role: band.index for role, band in scene.bands.items()} == {
        "blue": 1,
        "green": 2,
        "red": 3,
        "nir": 4,
        "swir16": 5,
        "swir22": 7,
    }
    assert (scene.calibrated, scene.warped, scene.grid.crs) == ("dn", True, "EPSG:32612")
    assert scene == only(
        scenes_dir / "landsat7_saltponds",
        sensor="landsat",
        bands=("blue", "green", "red", "nir", "swir16", "-", "swir22"),
    )


def test_contradictory_offset_flags_of_a_public_archive(scenes_dir: Path) -> None:
    scenes = found(scenes_dir / "s2_l2a_metadata").scenes
    assert [scene.scene_id for scene in scenes] == [
        "S2B_33TWM_20230810_0_L2A",
        "S2A_33TWM_20230815_0_L2A",
        "S2A_33TWM_20230818_0_L2A",
    ]
    for scene in scenes:
        assert {(band.scale, band.offset) for band in scene.bands.values()} == {(1e-4, 0.0)}
        (conflict,) = [warning for warning in scene.warnings if "offset" in warning]
        assert conflict == (
            "blue, green, red, nir: offset 0 (earthsearch:boa_offset_applied: true) is used, not -0.1 "
            "(STAC raster:bands)"
        )
        assert scene.processing is not None
        assert scene.processing.startswith("L2A 05.09 ")
    assert scenes[1].sun_elevation_deg == pytest.approx(90 - 35.04700080359)
    assert scenes[1].acquisition == "S2A 20230815T095031 T33TWM"
    counts, codes = read(scenes[1])
    assert 0.02 < np.median(counts["green"][counts["green"] != INVALID]) / 1e4 < 0.1
    # the item says 10.864 % of the tile has no data, 0.207 % is cloud
    assert (codes == Coverage.OUTSIDE).mean() == pytest.approx(0.10864, abs=0.002)
    assert (codes == Coverage.CLOUD).mean() / (codes != Coverage.OUTSIDE).mean() == pytest.approx(0.002, abs=0.001)


def test_vectors_are_no_scene(scenes_dir: Path) -> None:
    discovery = found(scenes_dir / "frackfinder_ponds")
    assert not discovery.scenes
    assert "holds no scene" in discovery.failures[0][1]


def test_one_product_folder_is_one_scene_and_its_quality_layers_are_none(scenes_dir: Path) -> None:
    one = found(scenes_dir / "s2_l2a_metadata" / "S2A_33TWM_20230815_0_L2A")
    assert [scene.scene_id for scene in one.scenes] == ["S2A_33TWM_20230815_0_L2A"]
    assert not one.failures
