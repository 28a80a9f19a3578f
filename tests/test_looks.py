from __future__ import annotations

import numpy as np
import pytest
import shapely
from painted_scenes import CRS, SOUTH, WEST, Disc, view

from pondscan.errors import ConfigError, InputError
from pondscan.follow.looks import (
    clear_share,
    days,
    extents,
    group_looks,
    in_order,
    lattice_over,
    sightings,
    start_times,
    working_crs,
)

WEST_HALF, EAST_HALF = (0.0, 0.0, 1800.0, 3000.0), (1200.0, 0.0, 3000.0, 3000.0)


def looks_of(*views):
    used = in_order(views)
    extent = extents(used, CRS)
    return group_looks(used, extent, lattice_over(shapely.union_all(extent), CRS))


def seen_in(*views, aoi=None):
    frame = sightings(looks_of(*views), CRS, aoi)
    return [(row.scene_id, row.object_id, row.look) for row in frame.itertuples()]


def box(west, south, east, north):
    return shapely.box(WEST + west, SOUTH + south, WEST + east, SOUTH + north)


class TestGrouping:
    def test_half_an_hour_from_the_first_not_from_the_last(self):
        times = ["2024-01-01T04:00", "2024-01-01T04:20", "2024-01-01T04:30", "2024-01-01T04:31", "2024-01-01T05:01"]
        looks = looks_of(*[view(time) for time in times])
        assert [len(look.views) for look in looks] == [3, 2]
        assert looks[0].scene_id == ";".join(f"planetscope_{time}" for time in times[:3])
        assert (looks[0].start.minute, looks[0].end.minute) == (0, 30)

    def test_constellations_stay_separate(self):
        looks = looks_of(view("2024-01-01T04:00"), view("2024-01-01T04:01", sensor="sentinel-2", gsd_m=10.0))
        assert [look.sensor for look in looks] == ["planetscope", "sentinel-2"]

    def test_generic_files_of_different_pixels_stay_separate(self):
        looks = looks_of(
            view("2024-01-01", sensor="generic", gsd_m=3.0, scene_id="a"),
            view("2024-01-01", sensor="generic", gsd_m=10.0, scene_id="b"),
        )
        assert [look.scene_id for look in looks] == ["a", "b"]

    def test_better_view_first(self):
        clouded = view("2024-01-01", cloud=shapely.box(0, 0, 1500, 3000), scene_id="a")
        clear = view("2024-01-01", scene_id="b")
        same = view("2024-01-01", scene_id="c")
        (look,) = looks_of(clouded, same, clear)
        assert [one.scene_id for one in look.views] == ["b", "c", "a"]
        assert look.scene_id == "a;b;c"

    def test_undated_scene_comes_first_and_alone(self):
        looks = looks_of(view("2024-01-01"), view(None))
        assert [look.start is None for look in looks] == [True, False]
        assert np.isnat(start_times(looks)).tolist() == [True, False]
        # 1 January 2024 is day 19,723 of the Unix calendar
        assert days(start_times(looks))[1] == 19_723.0

    def test_two_undated_scenes_are_refused_by_name(self):
        with pytest.raises(InputError, match=r"scenes a, b have no acquisition time.*--datetime"):
            in_order([view(None, scene_id="b"), view(None, scene_id="a"), view("2024-01-01")])

    def test_superseded_scene_counts_only_when_its_successor_is_missing(self):
        old, new = view("2024-01-01", scene_id="old", superseded_by="new"), view("2024-01-01", scene_id="new")
        assert [one.scene_id for one in in_order([old, new])] == ["new"]
        assert [one.scene_id for one in in_order([old])] == ["old"]


class TestWorkingCrs:
    def test_zone_of_the_first_scene(self):
        assert working_crs(in_order([view("2024-01-01")]), None) == "EPSG:32647"
        assert working_crs([view("2024-01-01")], "EPSG:32646") == "EPSG:32646"

    @pytest.mark.parametrize(("crs", "why"), [("EPSG:4326", "metres"), ("EPSG:2263", "metres"), ("nonsense", "known")])
    def test_refused(self, crs, why):
        with pytest.raises(ConfigError, match=why) as caught:
            working_crs([], crs)
        assert crs in str(caught.value)


class TestSightings:
    pond = Disc(1500, 1500)

    def test_overlap_is_observed_once(self):
        west = view("2024-01-01T04:00", [Disc(100, 100), self.pond], extent=WEST_HALF, scene_id="w")
        east = view("2024-01-01T04:01", [Disc(1503, 1500), Disc(2000, 100)], extent=EAST_HALF, scene_id="e")
        # as clear and as fine: the scene_id decides, e before w
        assert seen_in(west, east) == [("e", 0, 0), ("e", 1, 0), ("w", 0, 0)]

    def test_other_scene_fills_in_under_cloud(self):
        cloud = shapely.box(1200, 1200, 1800, 1800)
        west = view("2024-01-01T04:00", [self.pond], extent=WEST_HALF, scene_id="w")
        east = view("2024-01-01T04:01", [], extent=EAST_HALF, scene_id="e", cloud=cloud)
        assert seen_in(west, east) == [("w", 0, 0)]

    def test_object_that_the_better_view_does_not_show_is_dropped(self):
        cloud = shapely.box(0, 0, 1000, 3000)
        worse = view("2024-01-01T04:00", [self.pond], scene_id="a", cloud=cloud)
        better = view("2024-01-01T04:01", [], scene_id="b")
        assert seen_in(worse, better) == []

    def test_object_cut_by_the_edge_gives_way_to_the_whole_one(self):
        better = view("2024-01-01T04:00", [Disc(1796, 1500, 8, flags="edge")], extent=WEST_HALF, scene_id="a")
        worse = view("2024-01-01T04:01", [Disc(1799, 1500, 14)], extent=EAST_HALF, scene_id="b")
        assert seen_in(better, worse) == [("b", 0, 0)]
        both_cut = view("2024-01-01T04:01", [Disc(1799, 1500, 14, flags="x;edge")], extent=EAST_HALF, scene_id="b")
        assert seen_in(better, both_cut) == [("a", 0, 0)]

    def test_rejected_objects_do_not_count(self):
        assert seen_in(view("2024-01-01", [Disc(50, 50, rejected="river"), Disc(90, 90)], scene_id="a")) == [
            ("a", 1, 0)
        ]

    def test_aoi_is_by_centroid(self):
        frame = sightings(looks_of(view("2024-01-01", [self.pond, Disc(100, 100)])), CRS)
        lon, lat = frame["lon"][0], frame["lat"][0]
        aoi = shapely.box(lon - 1e-5, lat - 1e-5, lon + 1e-5, lat + 1e-5)
        assert [number for _, number, _ in seen_in(view("2024-01-01", [self.pond, Disc(100, 100)]), aoi=aoi)] == [0]

    def test_moved_to_the_working_crs(self):
        frame = sightings(looks_of(view("2024-01-01", [self.pond])), "EPSG:32646")
        assert frame.crs == "EPSG:32646"
        centre = frame.geometry[0].centroid
        assert (frame["x"][0], frame["y"][0]) == pytest.approx((centre.x, centre.y), abs=0.01)
        assert frame["x"][0] > 1_000_000


class TestClearShare:
    def test_one_scene_is_exact(self):
        (look,) = looks_of(view("2024-01-01", cloud=shapely.box(0, 0, 40, 100)))
        shares = clear_share(look, np.array([box(0, 0, 100, 100), box(-50, 0, 50, 100)], dtype=object), CRS)
        assert shares.tolist() == pytest.approx([0.6, 0.1])

    def test_two_scenes_count_shared_ground_once(self):
        west = view("2024-01-01T04:00", extent=WEST_HALF)
        east = view("2024-01-01T04:01", extent=EAST_HALF, cloud=shapely.box(1700, 0, 1900, 3000))
        (look,) = looks_of(west, east)
        # 1000 to 2000: west sees to 1800, east 1200-1700 and from 1900: 900 of 1000 m
        share = clear_share(look, np.array([box(1000, 0, 2000, 1000)], dtype=object), CRS)
        assert share[0] == pytest.approx(0.9, abs=0.03)
        assert clear_share(look, np.empty(0, dtype=object), CRS).tolist() == []


def test_lattice_is_even_and_empty_over_nothing():
    lattice = lattice_over(box(0, 0, 1000, 1000), CRS, 100)
    assert len(lattice.x) == 100
    assert sorted(set(lattice.x - WEST)) == pytest.approx(list(range(50, 1000, 100)))
    assert len(lattice_over(shapely.Polygon(), CRS).x) == 0
