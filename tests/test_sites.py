from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from pondscan.follow import sites


def test_single_linkage_chains_and_leaves_the_far_one_alone():
    xy = np.array([[0.0, 0.0], [1000.0, 0.0], [150.0, 0.0], [300.0, 0.0], [1100.0, 0.0], [5000.0, 0.0]])
    label = sites.link(xy, distance_m=200, min_ponds=2)
    # 0-150-300 chain into the first site, 1000-1100 into the second, 5000 stands alone
    assert label.tolist() == [0, 1, 0, 0, 1, sites.ALONE]


def test_distance_is_inclusive_and_min_ponds_counts():
    xy = np.array([[0.0, 0.0], [200.0, 0.0], [400.5, 0.0]])
    assert sites.link(xy, distance_m=200, min_ponds=2).tolist() == [0, 0, sites.ALONE]
    assert sites.link(xy, distance_m=200, min_ponds=3).tolist() == [sites.ALONE] * 3
    assert sites.link(xy, distance_m=200, min_ponds=1).tolist() == [0, 0, 1]


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_ponds_for_a_site(n):
    xy = np.zeros((n, 2))
    assert sites.link(xy, distance_m=200, min_ponds=2).tolist() == [sites.ALONE] * n
    assert sites.count_by_distance(xy, min_ponds=2, distances_m=(100.0,)) == ((100.0, 0, n),)
    assert sites.footprints(np.empty(0, dtype=object), np.empty(0, np.int64), buffer_m=50).tolist() == []
    assert sites.at_least(np.empty(0), np.empty(0, np.int64), n=2).tolist() == []


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=30), st.randoms())
def test_linkage_does_not_depend_on_order(points, random):
    xy = np.array(points, dtype=float) * 10
    order = list(range(len(xy)))
    random.shuffle(order)
    label = sites.link(xy, distance_m=60, min_ponds=2)
    shuffled = np.empty_like(label)
    shuffled[order] = sites.link(xy[order], distance_m=60, min_ponds=2)
    same = label[:, None] == label[None, :]
    assert (same == (shuffled[:, None] == shuffled[None, :])).all()
    assert ((label == sites.ALONE) == (shuffled == sites.ALONE)).all()
    # by definition: linked exactly when a chain of steps of at most 60 m joins them
    reach = np.hypot(*(xy[:, None] - xy[None, :]).transpose(2, 0, 1)) <= 60
    for _ in range(len(xy)):
        reach = reach @ reach
    belongs = (label[:, None] == label[None, :]) & (label[:, None] != sites.ALONE)
    assert (belongs == (reach & (reach.sum(1) >= 2)[:, None])).all()


class TestGrow:
    xy = np.array([[0.0, 0.0], [500.0, 0.0], [600.0, 0.0], [300.0, 0.0], [150.0, 0.0]])

    def grown(self, since, n_looks=3, min_ponds=2):
        is_believed = np.arange(n_looks) >= np.array(since)[:, None]
        group, namesake = sites.grow(self.xy[: len(since)], is_believed, distance_m=200, min_ponds=min_ponds)
        return group.tolist(), namesake.tolist()

    def test_a_group_is_named_after_its_earliest_pond(self):
        assert self.grown([0, 0, 0]) == ([0, 1, 1], [-1, 1])
        # 500 is believed a look later than 600
        assert self.grown([0, 1, 0]) == ([0, 1, 1], [-1, 2])

    def test_the_older_name_stays_though_an_older_pond_joins(self):
        # 500 and 600 are a site at once; 300 and 150 join it to the older pond at 0 later
        assert self.grown([0, 0, 0, 1, 2]) == ([0] * 5, [1])

    def test_of_two_sites_the_one_that_was_a_site_first_keeps_its_name(self):
        # 0 and 150 are a site from look 1 on, 500 and 600 from look 0, 300 joins them at look 2
        assert self.grown([0, 0, 0, 2, 1]) == ([0] * 5, [1])
        assert self.grown([0, 0, 1, 2, 0]) == ([0] * 5, [0])

    def test_nothing(self):
        for n_looks in (0, 2):
            group, namesake = sites.grow(np.empty((0, 2)), np.empty((0, n_looks), bool), distance_m=9, min_ponds=2)
            assert (group.tolist(), namesake.tolist()) == ([], [])

    @given(st.integers(0, 2**32 - 1))
    def test_groups_are_those_of_single_linkage(self, seed):
        rng = np.random.default_rng(seed)
        xy, since = rng.uniform(0, 900, (20, 2)), rng.integers(0, 4, 20)
        group, namesake = sites.grow(xy, np.arange(4) >= since[:, None], distance_m=120, min_ponds=2)
        linked = sites.link(xy, distance_m=120, min_ponds=1)
        assert ((group[:, None] == group) == (linked[:, None] == linked)).all()
        assert ((namesake >= 0) == (np.bincount(group) >= 2)).all()
        assert all(group[pond] == number for number, pond in enumerate(namesake) if pond >= 0)


def test_count_by_distance_curve():
    xy = np.array([[0.0, 0.0], [60.0, 0.0], [180.0, 0.0], [1000.0, 0.0]])
    curve = sites.count_by_distance(xy, min_ponds=2, distances_m=(50.0, 100.0, 150.0, 900.0))
    assert curve == ((50.0, 0, 4), (100.0, 1, 2), (150.0, 1, 1), (900.0, 1, 0))


def test_footprint_is_the_ground_around_with_gaps_closed():
    ponds = shapely.buffer(shapely.points([0.0, 80.0, 5000.0], [0.0, 0.0, 0.0]), 5.0)
    near, far = sites.footprints(ponds, np.array([0, 0, 1]), buffer_m=50)
    assert near.geom_type == "Polygon"
    # a disc of radius 55 m, drawn with 32 corners
    assert far.area == pytest.approx(np.pi * 55**2, rel=0.01)
    # ground beside the neck between the two ponds is closed: the union of the two buffers alone does not hold it
    neck = shapely.Point(40.0, 40.0)
    assert not shapely.buffer(ponds[:2], 50.0)[0].union(shapely.buffer(ponds[1], 50.0)).contains(neck)
    assert near.contains(neck)
    assert near.is_valid


def test_footprint_of_an_isolated_pond_is_not_drawn():
    ponds = shapely.buffer(shapely.points([0.0, 50.0, 9000.0], [0.0, 0.0, 0.0]), 5.0)
    assert len(sites.footprints(ponds, np.array([0, 0, sites.ALONE]), buffer_m=50)) == 1


def test_probability_of_at_least_two():
    p = np.array([0.5, 0.2, 0.9, 0.9, 0.4])
    label = np.array([0, 1, 0, 1, sites.ALONE])
    # two ponds each: both must be real
    assert sites.at_least(p, label, n=2).tolist() == pytest.approx([0.45, 0.18])
    assert sites.at_least(p, label, n=1).tolist() == pytest.approx([1 - 0.5 * 0.1, 1 - 0.8 * 0.1])
    assert sites.at_least(p, label, n=3).tolist() == pytest.approx([0.0, 0.0], abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(1, 4))
def test_probability_of_at_least_by_enumeration(p, n):
    outcomes = np.array(np.meshgrid(*[[0, 1]] * len(p))).reshape(len(p), -1).T
    chance = np.where(outcomes == 1, p, 1 - np.array(p)).prod(axis=1)
    expected = chance[outcomes.sum(axis=1) >= n].sum()
    assert sites.at_least(np.array(p), np.zeros(len(p), np.int64), n=n)[0] == pytest.approx(expected, abs=1e-9)


def test_sigma_parts():
    shared, variance = sites.parts_of_sigma(pd.Series([5.0, 2.0, 3.0]), pd.Series([3.0, 4.0, np.nan]))
    assert shared.tolist() == [3.0, 4.0, 0.0]
    assert variance.tolist() == [16.0, 0.0, 9.0]
    # sqrt(16 + 0 + 9 + (3 + 4 + 0)^2)
    total = sites.total_sigma(np.array([variance.sum()]), np.array([shared.sum()]))
    assert total[0] == pytest.approx(np.sqrt(74))
