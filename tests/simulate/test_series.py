"""What `pondscan simulate` writes."""

from __future__ import annotations

import filecmp
import json
import runpy
from datetime import UTC, date, datetime
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
from geojson_validator import validate_structure

from pondscan.errors import ConfigError, WorkspaceError
from pondscan.simulate import Series, make_place, overpass, render, simulate_series

SAMPLE_TILES = Path(__file__).parents[2] / "sample_tiles"
DATES = (date(2021, 2, 10), date(2022, 3, 12))


def simulate(folder: Path, **changes: object) -> Series:
    arguments = {
        "seed": 2,
        "sensors": ("sentinel-2", "planetscope"),
        "dates": DATES,
        "width_m": 960.0,
        "height_m": 780.0,
        "n_sites": 2,
        "cloud_fractions": (0.0, 0.25),
    }
    return simulate_series(folder, **(arguments | changes))


@pytest.fixture(scope="module")
def series(tmp_path_factory) -> Series:
    return simulate(tmp_path_factory.mktemp("series") / "made" / "here")


def test_files_are_named_after_sensor_and_day(series):
    assert sorted(path.name for path in series.truth_path.parent.iterdir()) == [
        "planetscope_20210210.clear.tif",
        "planetscope_20210210.tif",
        "planetscope_20220312.clear.tif",
        "planetscope_20220312.tif",
        "sentinel-2_20210210.clear.tif",
        "sentinel-2_20210210.tif",
        "sentinel-2_20220312.clear.tif",
        "sentinel-2_20220312.tif",
        "truth.geojson",
    ]


def test_a_scene_says_all_a_reader_needs(series):
    with rasterio.open(series.truth_path.parent / "sentinel-2_20220312.tif") as file:
        assert file.descriptions == ("blue", "green", "red", "nir", "swir16", "swir22")
        assert file.scales == (1e-4,) * 6
        assert file.offsets == (0.0,) * 6
        assert file.nodata == 0
        assert file.dtypes == ("uint16",) * 6
        assert file.crs.to_epsg() == 32647
        assert file.res == (10.0, 10.0)
        assert file.tags()["TIFFTAG_DATETIME"] == "2022:03:12 04:12:00"
        assert file.profile["tiled"]
        assert file.profile["compress"] == "deflate"
        assert file.read().min() >= 1
        shape, transform = file.shape, file.transform
    with rasterio.open(series.truth_path.parent / "sentinel-2_20220312.clear.tif") as file:
        assert file.shape == shape
        assert file.transform == transform
        assert file.dtypes == ("uint8",)
        assert set(np.unique(file.read())) == {0, 1}


def test_the_same_again_byte_for_byte(series, tmp_path):
    again = simulate(tmp_path)
    names = [path.name for path in series.truth_path.parent.iterdir()]
    same, different, odd = filecmp.cmpfiles(series.truth_path.parent, again.truth_path.parent, names, shallow=False)
    assert (len(same), different, odd) == (9, [], [])


def test_the_truth_is_geojson_after_rfc_7946(series):
    document = json.loads(series.truth_path.read_text(encoding="utf-8"))
    assert "crs" not in document
    assert validate_structure(document) == {}
    for feature in document["features"]:
        for x, y in feature["geometry"]["coordinates"][0]:
            assert 98.0 < x < 99.0
            assert 25.0 < y < 26.0
            assert round(x, 7) == x
    table = geopandas.read_file(series.truth_path)
    assert table.geometry.is_valid.all()
    assert table.geometry.exterior.is_ccw.all()
    assert set(zip(table["sensor"], table["date"].astype(str).str[:10], strict=True)) == {
        (sensor, f"{day}") for sensor in ("sentinel-2", "planetscope") for day in DATES
    }
    np.testing.assert_allclose(table.to_crs("EPSG:32647").area, table["area_m2"], rtol=3e-3)


def test_ponds_keep_their_ids_over_dates_and_sensors(series):
    early, late = (series.truth.query(f"date == '{day}'") for day in DATES)
    assert set(early["pond_id"]) <= set(late["pond_id"])
    areas = series.truth.groupby("pond_id")["area_m2"].nunique()
    assert (areas == 1).all()


def test_scenes_are_announced_as_they_are_done(tmp_path):
    done: list[str] = []
    simulate(tmp_path, sensors=("sentinel-2",), on_scene=lambda path: done.append(path.name))
    assert done == ["sentinel-2_20210210.tif", "sentinel-2_20220312.tif"]


def test_every_sensor_passes_at_its_hour():
    assert overpass("sentinel-2", date(2022, 3, 12)) == datetime(2022, 3, 12, 4, 12, tzinfo=UTC)
    assert overpass("planetscope", date(2022, 3, 12)) == datetime(2022, 3, 12, 3, 36, tzinfo=UTC)


def test_nothing_is_overwritten(series):
    folder = series.truth_path.parent
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    with pytest.raises(WorkspaceError, match=r"sentinel-2_20210210\.tif exists already; choose another folder"):
        simulate(folder)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"dates": ()}, "no date to simulate; give at least one"),
        ({"dates": (DATES[0], DATES[0])}, "a date is given twice"),
        ({"sensors": ("skysat", "skysat")}, "a sensor is given twice"),
        ({"sensors": ("ikonos",)}, "sensor 'ikonos' is not simulated"),
        ({"cloud_fractions": (0.1, 0.2, 0.3)}, "3 cloud fractions for 2 dates; give one for all, or one per date"),
        ({"preset": "moon"}, "preset 'moon' does not exist"),
    ],
)
def test_what_cannot_be_simulated_is_refused_and_leaves_nothing(tmp_path, changes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        simulate(tmp_path / "out", **changes)
    assert not (tmp_path / "out").exists()


def test_the_sample_tiles_are_small_and_complete():
    names = {path.name for path in SAMPLE_TILES.iterdir()}
    assert {"README.md", "truth.geojson"} <= names
    scenes = sorted(name for name in names if name.endswith(".tif") and not name.endswith(".clear.tif"))
    assert len(scenes) == 6
    assert {name.replace(".tif", ".clear.tif") for name in scenes} <= names
    assert sum(path.stat().st_size for path in SAMPLE_TILES.iterdir()) < 6 * 2**20


def test_the_sample_tiles_are_what_the_simulator_makes_today():
    script = runpy.run_path(str(SAMPLE_TILES.parent / "scripts" / "make_sample_tiles"))
    place = make_place(script["SEED"], **script["PLACE"])
    for day, cloud in zip(script["DATES"], script["CLOUD_FRACTIONS"], strict=True):
        scene = render(place, "sentinel-2", overpass("sentinel-2", day), seed=script["SEED"], cloud_fraction=cloud)
        with rasterio.open(SAMPLE_TILES / f"sentinel-2_{day:%Y%m%d}.tif") as file:
            stored = file.read().astype(float)
        # Another processor may round the last bit of a sum otherwise.
        assert np.abs(stored - np.stack(list(scene.bands.values())) / 1e-4).max() < 2.0


def test_the_sample_tiles_show_growth_and_cloud():
    table = geopandas.read_file(SAMPLE_TILES / "truth.geojson")
    ponds = table[(table["kind"] != "other_water") & (table["sensor"] == "planetscope")]
    present = ponds[ponds["status"] == "present"].groupby(ponds["date"].astype(str).str[:10]).size()
    first, _, last = sorted(present.index)
    assert present[last] >= 1.5 * present[first] >= 15
    assert (table["status"] == "clouded").any()
