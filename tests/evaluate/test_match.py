"""Pairs and Hoover classes, on squares whose overlaps can be counted."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from pondscan.evaluate.hoover import hoover
from pondscan.evaluate.match import match, one_to_one, overlaps


def boxes(*corners: tuple[float, float, float, float]) -> np.ndarray:
    return np.array([shapely.box(*corner) for corner in corners], dtype=object)


def test_overlaps_are_measured():
    touches = overlaps(boxes((0, 0, 10, 10)), boxes((5, 0, 15, 10), (20, 0, 30, 10)))
    assert touches.found.tolist() == [0]
    assert touches.true.tolist() == [0]
    assert touches.area_m2.tolist() == [50.0]
    assert touches.iou.tolist() == pytest.approx([50 / 150])
    assert touches.is_mutual.tolist() == [False]


@pytest.mark.parametrize(("shift", "n_pairs"), [(0, 1), (5, 1), (5.5, 0), (20, 0)])
def test_a_pair_overlaps_by_three_tenths(shift, n_pairs):
    """Boxes of 10 shifted by s share (10 - s) / (10 + s): 0.33 at 5, 0.29 at 5.5."""
    assert len(match(boxes((0, 0, 10, 10)), boxes((shift, 0, 10 + shift, 10))).found) == n_pairs


def test_centroids_in_each_other_make_a_pair_of_very_different_sizes():
    pairs = match(boxes((0, 0, 10, 10)), boxes((4, 4, 6, 6)))  # 4 % overlap
    assert pairs.found.tolist() == [0]


def test_of_all_pairings_the_largest_overlap_is_taken():
    """The best single pair is 0-0 (7.2 / 12.8 = 0.56), but 0-1 and 1-0 have 0.33 + 0.52 together."""
    pairs = match(boxes((0, 0, 10, 10), (6, 0, 16, 10)), boxes((2.8, 0, 12.8, 10), (-5, 0, 5, 10)))
    assert dict(zip(pairs.found.tolist(), pairs.true.tolist(), strict=True)) == {0: 1, 1: 0}


def test_one_blob_pairs_with_one_pond_only():
    pairs = match(boxes((0, 0, 20, 10)), boxes((0, 0, 9, 10), (11, 0, 20, 10)))
    assert len(pairs.found) == 1
    assert pairs.touching.tolist() == [0, 0]


@pytest.mark.parametrize(("n_found", "n_true"), [(0, 0), (0, 2), (2, 0)])
def test_nothing_meets_nothing(n_found, n_true):
    pairs = match(boxes(*[(0, 0, 1, 1)] * n_found), boxes(*[(0, 0, 1, 1)] * n_true))
    assert (len(pairs.found), len(pairs.touching)) == (0, 0)


def classes(found: np.ndarray, true: np.ndarray) -> tuple[list[str], list[str]]:
    touches = overlaps(found, true)
    one, other = hoover(touches, *one_to_one(touches), found=found, true=true)
    return one.tolist(), other.tolist()


def test_a_blob_over_three_ponds_merges_them():
    """The second blob is paired with none: each is 100 of its 390 (IoU 0.26), and its centre lies between them."""
    true = boxes((0, 0, 10, 10), (13, 0, 23, 10), (26, 0, 36, 10))
    assert classes(boxes((0, 0, 36, 14.5)), true) == (["matched"], ["merged", "matched", "merged"])
    assert classes(boxes((-9, 0, 30, 10)), true) == (["merged"], ["merged", "merged", "missed"])


def test_pieces_of_a_pond_split_it():
    true = boxes((0, 0, 40, 10))
    quarters = boxes((0, 0, 9, 10), (10, 0, 19, 10), (21, 0, 30, 10))
    assert classes(quarters, true) == (["split"] * 3, ["split"])


def test_pieces_beside_the_partner_are_split_too():
    assert classes(boxes((0, 0, 30, 10), (31, 0, 40, 10)), boxes((0, 0, 40, 10))) == (["matched", "split"], ["matched"])


def test_what_touches_nothing_is_false_or_missed():
    assert classes(boxes((0, 0, 10, 10)), boxes((20, 0, 30, 10))) == (["false"], ["missed"])


def test_one_small_piece_is_false_and_leaves_the_pond_missed():
    assert classes(boxes((0, 0, 5, 10)), boxes((0, 0, 40, 10))) == (["false"], ["missed"])
