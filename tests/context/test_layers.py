"""Vector layers from elsewhere: distances in metres worked by hand, names, containment, and every refusal."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pondscan.config import ContextLayer, ContextSettings
from pondscan.context.layers import check_layer, columns, objects_near, told_of, with_columns
from pondscan.context.sources import files_of
from pondscan.errors import InputError

CRS = "EPSG:32647"
X, Y = 500_000.0, 2_840_000.0  # on the central meridian, where UTM scales by 0.9996
ORIGIN = np.array([X, Y])


def squares(*places: tuple[float, float], crs: str = CRS) -> gpd.GeoDataFrame:
    """Sites 100 m wide, by the west and south of their lower left corners from the origin."""
    outlines = [shapely.box(X + x, Y + y, X + x + 100, Y + y + 100) for x, y in places]
    return gpd.GeoDataFrame({"site_id": [f"S{n}" for n in range(len(places))]}, geometry=outlines, crs=crs)


def write(path: Path, geometries: list[shapely.Geometry], crs: str = CRS, to: str | None = None, **fields: list) -> str:
    """Write objects given in UTM metres from the origin."""
    moved = [shapely.transform(one, lambda xy: xy + ORIGIN) for one in geometries]
    frame = gpd.GeoDataFrame(fields, geometry=moved, crs=CRS).to_crs(to or CRS)
    frame.to_file(path)
    return str(path)


def told(sites: gpd.GeoDataFrame, path: str, *adds: str, **more: object) -> pd.DataFrame:
    layer = ContextLayer(name="rivers", path=path, adds=adds or ("distance",), **more)  # type: ignore[arg-type]
    return told_of(sites, layer, objects_near(layer, sites))


def test_distance_is_from_the_edge_of_the_footprint_to_the_nearest_object(tmp_path):
    lines = [shapely.LineString([(x, -9000), (x, 9000)]) for x in (-400.0, 1100.0)]
    path = write(tmp_path / "r.gpkg", lines, NAM=["west", "east"])
    answer = told(squares((0, 0), (1050, 0), (600, 0)), path, "distance", "name", name_field="NAM")
    assert answer["rivers_distance_m"].tolist() == [400.0, 0.0, 400.0]  # the second lies on the river
    assert answer["rivers_name"].tolist() == ["west", "east", "east"]


def test_a_layer_in_degrees_is_measured_in_metres(tmp_path):
    line = shapely.segmentize(shapely.LineString([(300, -5000), (300, 5000)]), 100)
    path = write(tmp_path / "r.geojson", [line], to="EPSG:4326")
    assert told(squares((0, 0)), path)["rivers_distance_m"].tolist() == pytest.approx([200.0], abs=0.01)


def test_an_edge_straight_in_degrees_is_followed_where_it_runs(tmp_path):
    """A parallel of 2° bows 380 m away from the straight line between its ends in UTM."""
    parallel = gpd.GeoDataFrame(geometry=[shapely.LineString([(98, 25.68), (100, 25.68)])], crs="EPSG:4326")
    parallel.to_file(tmp_path / "border.geojson")
    sites = squares((0, 0))
    lat = gpd.GeoSeries([shapely.Point(X + 50, Y + 100)], crs=CRS).to_crs("EPSG:4326").iloc[0].y
    expected = (25.68 - lat) * 110_790 * 0.9996  # a degree of latitude there, metres of the projection
    assert told(sites, str(tmp_path / "border.geojson"))["rivers_distance_m"].iloc[0] == pytest.approx(
        expected, abs=0.5
    )


def test_names_of_polygons_are_of_those_around_the_middle(tmp_path):
    areas = [shapely.box(-900, -900, 500, 900), shapely.box(500, -900, 900, 900), shapely.box(0, -900, 300, 900)]
    path = write(tmp_path / "t.gpkg", areas, T=["Chipwi", "Waingmaw", "Park"])
    answer = told(squares((0, 0), (700, 0), (2000, 0)), path, "name", "within", "distance", name_field="T")
    assert answer["rivers_name"].tolist() == ["Chipwi;Park", "Waingmaw", pd.NA]
    assert answer["rivers_within"].tolist() == [True, True, False]
    assert answer["rivers_distance_m"].tolist() == [0.0, 0.0, 1100.0]


def test_objects_without_a_name_have_none(tmp_path):
    path = write(tmp_path / "v.gpkg", [shapely.Point(500, 50), shapely.Point(5000, 50)], n=[None, "B"])
    assert told(squares((0, 0)), path, "name", name_field="n")["rivers_name"].isna().all()


def test_what_lies_out_of_reach_is_not_found_and_not_zero(tmp_path):
    path = write(tmp_path / "v.gpkg", [shapely.Point(2100, 50)])
    assert told(squares((0, 0)), path, search_km=2.5)["rivers_distance_m"].tolist() == [2000.0]
    assert told(squares((0, 0)), path, search_km=1.5)["rivers_distance_m"].isna().all()


def test_parts_of_an_object_and_mixed_geometries_count_each(tmp_path):
    both = shapely.MultiPoint([(400, 50), (-9000, 0)])
    mixed = [both, shapely.MultiLineString([[(0, 500), (9, 500)], [(0, -300), (9, -300)]])]
    path = write(tmp_path / "m.geojson", mixed, to="EPSG:4326", n=["points", "lines"])
    answer = told(squares((0, 0), (0, -250)), path, "distance", "name", name_field="n")
    assert answer["rivers_distance_m"].tolist() == pytest.approx([300, 50], abs=0.1)
    assert answer["rivers_name"].tolist() == ["points", "lines"]


def test_a_polygon_that_crosses_itself_is_mended(tmp_path):
    bow = shapely.Polygon([(-500, -500), (500, 500), (500, -500), (-500, 500)])
    path = write(tmp_path / "b.gpkg", [bow])
    assert told(squares((-450, -50)), path, "within")["rivers_within"].tolist() == [True]


def test_a_layer_that_crosses_the_180th_meridian_is_read_on_both_sides(tmp_path):
    east = gpd.GeoSeries([shapely.box(179.98, -17.01, 179.99, -17.0)], crs="EPSG:4326").to_crs("EPSG:32760")
    sites = gpd.GeoDataFrame({"site_id": ["S0"]}, geometry=east)
    points = gpd.GeoDataFrame(geometry=[shapely.Point(-179.95, -17.005)], crs="EPSG:4326")
    points.to_file(tmp_path / "v.geojson")
    distance = told(sites, str(tmp_path / "v.geojson"))["rivers_distance_m"].iloc[0]
    assert distance == pytest.approx(0.06 * 106_450, rel=0.002)


def test_a_layer_somewhere_else_adds_empty_columns(tmp_path):
    gpd.GeoDataFrame({"n": ["A"]}, geometry=[shapely.Point(-70, -30)], crs="EPSG:4326").to_file(tmp_path / "v.geojson")
    answer = told(squares((0, 0)), str(tmp_path / "v.geojson"), "distance", "name", name_field="n")
    assert answer.isna().all(axis=None)


def test_without_a_site_there_are_columns_without_rows(tmp_path):
    path = write(tmp_path / "v.gpkg", [shapely.Point(0, 0)])
    layer = ContextLayer(name="towns", path=path)
    none = squares((0, 0)).iloc[:0]
    sites = with_columns(none, [layer], [objects_near(layer, none)])
    assert list(sites.columns) == ["site_id", "geometry", "towns_distance_m"]
    assert str(sites["towns_distance_m"].dtype) == "float64"


def test_columns_are_named_after_the_layer_in_the_order_asked_for():
    layers = [
        ContextLayer(name="rivers", path="r", adds=("distance",)),
        ContextLayer(name="control_zones", path="z", adds=("within", "name"), name_field="n"),
    ]
    named = [(column.name, column.kind) for column in columns(layers)]
    assert named == [
        ("rivers_distance_m", "number"),
        ("control_zones_within", "boolean"),
        ("control_zones_name", "string"),
    ]
    assert "none within 100 km" in columns(layers)[0].meaning


def test_many_objects_are_asked_once(tmp_path):
    """A thousand sites among fifty thousand points: minutes if they were gone through one by one."""
    rng = np.random.default_rng(3)
    places = rng.uniform(0, 50_000, (50_000, 2))
    path = write(tmp_path / "v.gpkg", list(shapely.points(places)))
    sites = squares(*map(tuple, rng.uniform(0, 50_000, (1000, 2))))
    answer = told(sites, path)["rivers_distance_m"]
    first = shapely.distance(sites.geometry.iloc[0], shapely.points(places + ORIGIN)).min()
    assert answer.iloc[0] == pytest.approx(first)


def refusal(path: object, **more: object) -> str:
    with pytest.raises(InputError) as caught:
        check_layer(ContextLayer(name="rivers", path=str(path), **more))  # type: ignore[arg-type]
    return str(caught.value).replace(str(path), "FILE")


def test_what_is_no_vector_file_is_refused(tmp_path):
    (tmp_path / "r.gpkg").write_text("rivers", encoding="utf-8")
    assert refusal(tmp_path / "r.gpkg").startswith("FILE: it cannot be read as a vector file (rivers): check its path")
    assert refusal(tmp_path / "none.gpkg").startswith("FILE: there is no such file (rivers): check its path")


def test_a_file_of_several_layers_asks_for_one(tmp_path):
    path = tmp_path / "both.gpkg"
    for name in ("rivers", "roads"):
        gpd.GeoDataFrame(geometry=[shapely.Point(X, Y)], crs=CRS).to_file(path, layer=name)
    assert refusal(path) == "FILE: it holds the layers rivers, roads: name one with `layer`"
    assert "there is no layer 'river', it holds rivers, roads: name one of them" in refusal(path, layer="river")
    assert check_layer(ContextLayer(name="rivers", path=str(path), layer="roads"))["features"] == 1


def test_an_attribute_that_is_not_there_is_named_with_the_nearest(tmp_path):
    path = write(tmp_path / "r.gpkg", [shapely.Point(0, 0)], NAME_EN=["A"])
    words = refusal(path, adds=("name",), name_field="NAME")
    assert words == "FILE: there is no attribute 'NAME' (rivers), the nearest is 'NAME_EN'"


def test_nothing_lies_within_a_line(tmp_path):
    path = write(tmp_path / "r.gpkg", [shapely.LineString([(0, 0), (9, 9)])])
    assert "nothing lies within a LineString (rivers): leave 'within' out of its adds" in refusal(
        path, adds=("within",)
    )


def test_a_layer_that_does_not_say_its_crs_is_refused(tmp_path):
    path = write(tmp_path / "r.shp", [shapely.Point(0, 0)])
    (tmp_path / "r.prj").unlink()
    assert "FILE: it does not say its CRS: save it with one" in refusal(path)


def test_a_table_without_geometry_is_refused(tmp_path):
    (tmp_path / "r.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert "FILE: it holds no geometry" in refusal(tmp_path / "r.csv")


def test_all_files_of_a_shapefile_are_its_content(tmp_path):
    path = write(tmp_path / "r.shp", [shapely.Point(0, 0)], n=["A"])
    settings = ContextSettings(layers=(ContextLayer(name="rivers", path=path),))
    names = [Path(file.path).name for file in files_of(settings)]
    assert names[0] == "r.shp"
    assert {"r.dbf", "r.prj", "r.shx"} <= set(names)
