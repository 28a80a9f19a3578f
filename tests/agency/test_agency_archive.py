"""Cloud-optimised GeoTIFFs: the public archive's layout with honest and contradictory flags, and the plain file."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import rasterio

from pondscan.errors import InputError
from pondscan.model import Coverage
from pondscan.simulate.agency import Surface, write_cog, write_cog_stac


def item_of(product: Path) -> dict[str, object]:
    item = json.loads((product / f"{product.name}.json").read_text())
    assert isinstance(item, dict)
    return item


def red_counts(surface: Surface) -> np.ndarray:
    return np.rint(surface.reflectance["red"].astype(float) * 1e4).astype(int)


@pytest.mark.parametrize(
    ("harmonised", "contradictory", "added_dn", "stated_offset"),
    [(True, False, 0, 0.0), (True, True, 0, -0.1), (False, False, 1000, -0.1)],
)
def test_flags_and_numbers(
    harmonised: bool, contradictory: bool, added_dn: int, stated_offset: float, surface: Surface, tmp_path: Path
) -> None:
    product = write_cog_stac(surface, tmp_path, harmonised=harmonised, contradictory=contradictory)
    item = item_of(product)
    assert item["properties"]["earthsearch:boa_offset_applied"] is harmonised
    assert item["assets"]["red"]["raster:bands"][0]["scale"] == 1e-4
    assert item["assets"]["red"]["raster:bands"][0]["offset"] == stated_offset
    with rasterio.open(product / "B04.tif") as dataset:
        red = dataset.read(1).astype(int)
        assert dataset.nodata == 0
    is_plain = ~np.isin(surface.coverage, (Coverage.OUTSIDE, Coverage.SATURATED))
    np.testing.assert_array_equal(red[is_plain], red_counts(surface)[is_plain] + added_dn)
    assert (red[surface.coverage == Coverage.OUTSIDE] == 0).all()


def test_the_item_describes_its_files(surface: Surface, tmp_path: Path) -> None:
    product = write_cog_stac(surface, tmp_path)
    item = item_of(product)
    assert product.name == item["id"] == "S2A_47RMG_20220315_0_L2A"
    properties = item["properties"]
    assert properties["datetime"] == "2022-03-15T03:50:12.450000Z"
    assert (properties["view:sun_elevation"], properties["view:sun_azimuth"]) == (52.5, 140.25)
    assert properties["s2:product_uri"].startswith("S2A_MSIL2A_20220315T035012_N0509_")
    hrefs = {asset["href"] for asset in item["assets"].values()}
    assert hrefs == {path.name for path in product.iterdir()} - {f"{product.name}.json"}
    for asset in item["assets"].values():
        if asset["href"].endswith(".tif"):
            with rasterio.open(product / asset["href"]) as dataset:
                assert list(dataset.shape) == asset["proj:shape"]
                assert list(dataset.transform[:6]) == asset["proj:transform"]
                assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    assert set(item["assets"]) >= {"coastal", "blue", "green", "red", "rededge1", "nir", "nir08", "swir16", "scl"}
    west, south, east, north = item["bbox"]
    assert 97 < west < east < 99
    assert 24 < south < north < 25
    assert ET.parse(product / "granule_metadata.xml").findtext(".//SENSING_TIME")  # noqa: S314


@pytest.mark.scenes
def test_the_item_has_only_fields_of_true_ones(surface: Surface, tmp_path: Path, scenes_dir: Path) -> None:
    ours = item_of(write_cog_stac(surface, tmp_path, contradictory=True))
    (true_path, *_) = sorted(scenes_dir.glob("s2_l2a_metadata/*/S2*.json"))
    true = json.loads(true_path.read_text())
    assert set(ours) <= set(true)
    assert set(ours["properties"]) <= set(true["properties"])
    assert set(ours["assets"]) <= set(true["assets"])
    for key, asset in ours["assets"].items():
        assert set(asset) <= set(true["assets"][key]), key
    flag = "earthsearch:boa_offset_applied"
    assert ours["properties"][flag] == true["properties"][flag]
    assert ours["assets"]["blue"]["raster:bands"][0] == true["assets"]["blue"]["raster:bands"][0]


def test_flags_that_cannot_be_are_refused(surface: Surface, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="contradictory flags need harmonised"):
        write_cog_stac(surface, tmp_path, harmonised=False, contradictory=True)
    with pytest.raises(InputError, match=r"02\.14 has no offset"):
        write_cog_stac(surface, tmp_path, baseline="02.14")


@pytest.mark.parametrize(("scale", "offset"), [(1e-4, 0.0), (1e-4, -0.1), (1 / 65535, 0.0), (2.75e-5, -0.2)])
def test_a_plain_file_carries_scale_offset_names_and_time(
    scale: float, offset: float, surface: Surface, tmp_path: Path
) -> None:
    path = write_cog(surface, tmp_path / "scene.tif", scale=scale, offset=offset)
    with rasterio.open(path) as dataset:
        assert dataset.descriptions == tuple(surface.reflectance)
        assert dataset.scales == (scale,) * 9
        assert dataset.offsets == (offset,) * 9
        assert dataset.tags()["TIFFTAG_DATETIME"] == "2022:03:15 03:50:12"
        red = dataset.read(dataset.descriptions.index("red") + 1)
    np.testing.assert_allclose(
        red[surface.is_inside] * scale + offset, surface.reflectance["red"][surface.is_inside], atol=scale
    )
    assert (red[~surface.is_inside] == 0).all()


def test_roles_may_be_chosen_and_ordered(surface: Surface, tmp_path: Path) -> None:
    path = write_cog(surface, tmp_path / "four.tif", roles=("nir", "red", "green", "blue"))
    with rasterio.open(path) as dataset:
        assert dataset.descriptions == ("nir", "red", "green", "blue")


def test_numbers_that_do_not_fit_are_refused(surface: Surface, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="do not fit into 1 to 65535"):
        write_cog(surface, tmp_path / "scene.tif", scale=1e-6)
    with pytest.raises(InputError, match="do not fit into 1 to 65535"):
        write_cog(surface, tmp_path / "scene.tif", offset=0.5)
    assert not list(tmp_path.iterdir())
