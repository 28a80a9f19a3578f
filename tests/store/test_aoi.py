from __future__ import annotations

import geopandas as gpd
import pytest
import shapely

from pondscan.errors import InputError
from pondscan.store.aoi import read_aoi

SQUARE = shapely.box(600_000, 2_820_000, 610_000, 2_830_000)


def write(path, geometries, crs="EPSG:32647"):
    gpd.GeoDataFrame({"n": range(len(geometries))}, geometry=geometries, crs=crs).to_file(path)
    return path


def test_any_crs_becomes_longitude_and_latitude(tmp_path):
    aoi = read_aoi(write(tmp_path / "a.gpkg", [SQUARE]))
    assert aoi.bounds == pytest.approx((99.99, 25.48, 100.1, 25.58), abs=0.02)
    back = gpd.GeoSeries([aoi], crs="OGC:CRS84").to_crs("EPSG:32647").iloc[0]
    assert back.area == pytest.approx(1e8, rel=1e-6)


def test_polygons_are_united_and_mended(tmp_path):
    bowtie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    aoi = read_aoi(
        write(tmp_path / "a.geojson", [shapely.box(0, 0, 1, 1), shapely.box(5, 5, 6, 6), bowtie], "EPSG:4326")
    )
    assert aoi.is_valid
    assert aoi.area == pytest.approx(shapely.union_all([shapely.box(0, 0, 1, 1), bowtie.buffer(0)]).area + 1.0, abs=1.1)


@pytest.mark.parametrize("geometries", [[], [shapely.Point(1, 1)], [shapely.LineString([(0, 0), (1, 1)])]])
def test_an_area_without_area_is_refused(tmp_path, geometries):
    with pytest.raises(InputError, match="the area of interest is empty: draw at least one polygon"):
        read_aoi(write(tmp_path / "a.gpkg", geometries))


def test_an_area_that_does_not_say_its_crs_is_refused(tmp_path):
    write(tmp_path / "a.shp", [SQUARE])
    (tmp_path / "a.prj").unlink()
    with pytest.raises(InputError, match="does not say its CRS"):
        read_aoi(tmp_path / "a.shp")


def test_a_file_that_is_no_vector_file_is_refused(tmp_path):
    (tmp_path / "a.geojson").write_text("nonsense")
    with pytest.raises(InputError, match=r"a\.geojson: the area of interest cannot be read"):
        read_aoi(tmp_path / "a.geojson")
    with pytest.raises(InputError, match="cannot be read"):
        read_aoi(tmp_path / "missing.gpkg")
