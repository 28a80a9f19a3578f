from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ET

import geopandas as gpd
import pytest
from export_examples import publish

from pondscan import handover
from pondscan.export.kml import qgis_colors

KML = {"k": "http://www.opengis.net/kml/2.2"}


@pytest.fixture
def path(workspace):
    handover.export(workspace, "kml")
    return workspace / "export" / "kml" / "census.kml"


@pytest.fixture
def root(path):
    return ET.parse(path).getroot()  # noqa: S314


def marks(root, folder):
    found = next(one for one in root.iter(f"{{{KML['k']}}}Folder") if one.find("k:name", KML).text == folder)
    return {mark.find("k:name", KML).text: mark for mark in found.findall("k:Placemark", KML)}


def test_every_style_spoken_of_is_there(root):
    styles = {f"#{style.get('id')}" for style in root.iter(f"{{{KML['k']}}}Style")}
    assert {url.text for url in root.iter(f"{{{KML['k']}}}styleUrl")} <= styles
    assert len(styles) == 11 + 4


def test_colours_are_those_of_qgis_with_the_bytes_turned():
    assert qgis_colors("ponds")["turquoise"] == f"{190:02x}{170:02x}{178:02x}{32:02x}"


def test_only_a_pond_that_is_gone_leaves_the_time_slider(root):
    ponds = marks(root, "Ponds")
    assert ponds["p1"].find("k:TimeSpan/k:end", KML).text == "2024-02-17T04:12:00Z"
    assert ponds["p2"].find("k:TimeSpan/k:begin", KML).text == "2024-02-17T04:12:00Z"
    assert ponds["p2"].find("k:TimeSpan/k:end", KML) is None


def test_nulls_are_left_out_and_never_zero(root):
    data = {one.get("name"): one.text for one in marks(root, "Ponds")["p3"].iter(f"{{{KML['k']}}}SimpleData")}
    assert "site_id" not in data
    assert "not_seen_before" not in data
    assert (data["n_seen"], data["area_m2"]) == ("3", "201.0")


def test_outlines_are_in_place(path, census):
    ponds = gpd.read_file(path, layer="Ponds").set_index("pond_id")
    exact = census.ponds.set_index("pond_id").geometry["p2"]
    assert ponds.to_crs("EPSG:32647").geometry["p2"].symmetric_difference(exact).area < 0.01 * exact.area


def test_names_of_folders_that_are_no_xml_are_escaped(census, tmp_path):
    folder = publish(census, tmp_path / "A & <B>")
    handover.export(folder, "kml")
    root = ET.parse(folder / "export" / "kml" / "census.kml").getroot()  # noqa: S314
    assert root.find("k:Document/k:name", KML).text == "A & <B>"


def test_ogrinfo_opens_it(path):
    if not shutil.which("ogrinfo"):
        pytest.skip("OGRINFO NOT TESTED: it is not installed (Debian package gdal-bin)")
    answer = subprocess.run(["ogrinfo", "-so", "-al", str(path)], capture_output=True, text=True, check=True)  # noqa: S603, S607
    assert "Layer name: Sites" in answer.stdout
    assert "Feature Count: 3" in answer.stdout
