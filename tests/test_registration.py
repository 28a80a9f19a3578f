"""Registration: how far scenes lie off each other, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyproj
import pytest
import shapely
from ground_examples import GRID, chips_of
from painted_scenes import CRS, Disc, view

from pondscan.config import Settings
from pondscan.follow import products
from pondscan.follow.registration import Placement, SceneChips, Ties, agreeing, place
from pondscan.model import Grid

FINE = replace(GRID, gsd_m=3.0, width=730, height=730)


def ground(
    shift_m: tuple[float, float] = (0.0, 0.0), *, grid: Grid = GRID, is_clear: bool = True, **scene
) -> SceneChips:
    return SceneChips(chips_of(grid, shift_m=shift_m, **scene), grid.gsd_m, is_clear)


def test_a_shift_is_found_to_a_tenth_of_a_pixel():
    first, second = place([ground(), ground((6.0, -9.0), noise=0.005)], CRS)
    # Each lies half of the way off the mean of the two, which are both references.
    assert first.outcome == second.outcome == "moved"
    assert (second.east_m, second.north_m) == pytest.approx((3.0, -4.5), abs=0.5)
    assert (first.east_m, first.north_m) == pytest.approx((-3.0, 4.5), abs=0.5)


def test_nothing_happens_when_scenes_are_aligned():
    scenes = [ground(noise=0.005, seed=seed) for seed in range(4)]
    assert [one.outcome for one in place(scenes, CRS)] == ["aligned"] * 4
    assert all((one.east_m, one.north_m, one.ties) == (0.0, 0.0, None) for one in place(scenes, CRS))


def test_the_references_are_the_first_three_clear_ones_of_the_finest_sensor():
    scenes = [
        ground((14.0, 0.0)),  # coarse, earlier
        ground((20.0, 20.0), grid=FINE, is_clear=False),  # fine, but clouded
        *(ground(shift, grid=FINE) for shift in ((3.0, 0.0), (-3.0, 0.0), (0.0, 0.0), (9.0, 0.0))),
    ]
    found = place(scenes, CRS)
    # The mean of the three references is (0, 0): every shift is the true one.
    told = [(one.east_m, one.north_m) for one in found]
    true = [(14, 0), (20, 20), (3, 0), (-3, 0), (0, 0), (9, 0)]
    assert np.abs(np.array(told) - true).max() < 0.6
    assert found[4].outcome == "aligned"


def test_a_pair_of_scenes_is_compared_once():
    scenes = [ground(), ground((6.0, -9.0), noise=0.005), ground((3.0, 1.0), noise=0.005, seed=2)]
    known, worked_out = {}, []

    def remember(key, work_out):
        if key not in known:
            worked_out.append(key)
            known[key] = work_out()
        return known[key]

    place(scenes[:2], CRS, remember)
    assert len(worked_out) == 2
    found = place(scenes, CRS, remember)
    assert len(worked_out) == 6
    place(scenes, CRS, remember)
    assert len(worked_out) == 6
    assert [(one.outcome, one.east_m, one.north_m) for one in found] == [
        (one.outcome, one.east_m, one.north_m) for one in place(scenes, CRS)
    ]


def test_a_scene_of_other_ground_stands_alone():
    far = replace(GRID, x_origin=GRID.x_origin + 50_000)
    assert [one.outcome for one in place([ground(), ground(grid=far)], CRS)] == ["alone", "alone"]
    assert place([], CRS) == []
    assert place([ground()], CRS)[0].outcome == "alone"


def test_ground_that_shows_nothing_alike_is_refused_or_left_alone():
    unlike = SceneChips(chips_of(GRID, noise=3.0, seed=3), 10.0, True)
    _, second = place([ground(), unlike], CRS)
    assert second.outcome in ("alone", "refused")
    assert (second.east_m, second.north_m) == (0.0, 0.0)


def test_a_shift_beyond_the_search_moves_nothing():
    _, second = place([ground(), ground((200.0, 0.0))], CRS)
    assert second.outcome != "moved"


def test_scenes_of_neighbouring_zones_are_compared_on_the_same_ground():
    to_46 = pyproj.Transformer.from_crs("EPSG:32647", "EPSG:32646", always_xy=True)
    to_47 = pyproj.Transformer.from_crs("EPSG:32646", "EPSG:32647", always_xy=True)
    west, _, _, north = to_46.transform_bounds(*GRID.bounds)
    other = Grid("EPSG:32646", round(west, -1) - 100, round(north, -1) + 100, 10.0, 260, 260)
    x = other.x_origin + (np.arange(other.width) + 0.5) * 10
    y = other.y_origin - (np.arange(other.height) + 0.5) * 10
    from ground_examples import texture

    from pondscan.detect.ground import GroundSampler
    from pondscan.model import Coverage, Window

    green = np.rint(texture(*to_47.transform(*np.meshgrid(x, y))) * 1e4).astype(np.int16)
    sampler = GroundSampler(other, 2048)
    sampler(Window(0, 260, 0, 260), green, np.full(green.shape, Coverage.CLEAR, np.uint8))
    found = place([ground(), SceneChips(sampler.chips(), 10.0, True)], CRS)
    assert [one.outcome for one in found] == ["aligned", "aligned"]
    assert found[1].n_agreeing >= 20


def test_ties_that_disagree_with_their_neighbours_do_not_count():
    xy = np.stack(np.meshgrid(np.arange(6) * 320.0, np.arange(6) * 320.0), -1).reshape(-1, 2)
    apart = np.tile([5.0, 0.0], (36, 1))
    apart[::7] = [-30.0, 20.0]
    kept = agreeing(Ties(xy, apart))
    assert kept.sum() == 30
    assert not kept[::7].any()
    scattered = np.random.default_rng(1).uniform(-40, 40, (36, 2))
    assert not agreeing(Ties(xy, scattered)).any()
    assert not agreeing(Ties(xy[:5], apart[1:6])).any()


def test_the_shift_follows_the_mountains_from_place_to_place():
    xy = np.stack(np.meshgrid(np.arange(20) * 640.0, np.arange(6) * 640.0), -1).reshape(-1, 2)
    apart = np.stack([xy[:, 0] / 1000.0, np.zeros(len(xy))], 1)
    told = Placement("moved", east_m=6.0, north_m=0.0, ties=Ties(xy, apart))
    at = told.shift_at(np.array([1_000.0, 11_000.0, 90_000.0]), np.array([1600.0, 1600.0, 1600.0]))
    assert at[0, 0] == pytest.approx(1.3, abs=1.0)
    assert at[1, 0] == pytest.approx(10.7, abs=1.0)
    assert at[2].tolist() == [6.0, 0.0]  # far from every tie: the median


def ponds_of(*shifts: tuple[float, float], use: str = "auto") -> products.Products:
    """Products of scenes that each show two ponds, and the ground, so far off."""
    views = []
    for number, (east, north) in enumerate(shifts):
        shown = [Disc(1000 + east, 1000 + north, 14), Disc(1060 + east, 1000 + north, 14)]
        one = view(f"2024-0{number + 1}-10", shown, scene_id=f"s{number}", gsd_m=10.0)
        views.append(replace(one, ground=chips_of(GRID, shift_m=(east, north))))
    return products.build(views, Settings.model_validate({"registration": {"use": use}}))


def test_moved_scenes_show_one_pond_at_one_place():
    placed, unplaced = (ponds_of((0, 0), (0, 0), (0, 0), (18, -18), use=use) for use in ("auto", "off"))
    assert len(placed.ponds) == 2
    assert len(unplaced.ponds) == 4
    centres = placed.observations.geometry.centroid
    first = centres[placed.observations["scene_id"] == "s0"].to_numpy()
    last = centres[placed.observations["scene_id"] == "s3"].to_numpy()
    assert shapely.distance(first, last).max() < 2.0
    areas = placed.observations.geometry.area
    assert areas.to_numpy() == pytest.approx(np.full(len(areas), np.pi * 49), rel=0.02)
    assert any("1 of 4 scenes lie up to" in note for note in placed.notes)
    assert placed.placements["s3"].outcome == "moved"
    assert unplaced.placements["s3"].outcome == "alone"


def test_ids_come_from_the_scene_s_own_coordinates():
    """A later scene moves the place the scenes share, and must not rename a pond."""
    one, three = ponds_of((8, 8)), ponds_of((8, 8), (-4, -4), (-4, -4))
    assert set(one.ponds["pond_id"]) == set(three.ponds["pond_id"])
