"""When sites began and ended: intervals as wide as the doubt that the looks leave."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
import shapely
from painted_scenes import EDGE, Disc, view

from pondscan.config import Settings
from pondscan.follow.onsets import NAMES
from pondscan.follow.products import build

ROW = [Disc(500.0 + 30 * number, 500.0, diameter=14.0) for number in range(4)]
EVERYWHERE = shapely.box(0, 0, EDGE, EDGE)


def site(*views) -> pd.Series:
    (row,) = build(views, Settings()).sites.to_dict("records")
    return pd.Series({name: None if pd.isna(row[name]) else f"{row[name]:%Y-%m-%d}" for name in DATES}, dtype=object)


DATES = ("first_seen", "not_seen_before", "last_seen", "not_seen_since", *NAMES)


def fine(when: str, discs=(), **marks):
    return view(when, discs, **marks)


def coarse(when: str, discs=(), **marks):
    return view(when, discs, sensor="sentinel-2", gsd_m=10.0, **marks)


def test_clear_looks_that_leave_no_doubt_are_the_ends():
    told = site(fine("2024-01-01"), fine("2024-02-01"), fine("2024-03-01", ROW), fine("2024-04-01", ROW))
    assert (told["began_after"], told["began_by"]) == ("2024-02-01", "2024-03-01")
    assert (told["not_seen_before"], told["first_seen"]) == ("2024-02-01", "2024-03-01")
    assert told[["ended_after", "ended_by"]].isna().all()


def test_a_coarse_look_that_may_have_missed_the_ponds_dates_nothing():
    pair = [Disc(500.0, 500.0, diameter=11.0), Disc(530.0, 500.0, diameter=11.0)]
    earlier = [fine("2023-11-01"), fine("2023-12-01"), fine("2024-01-01")]
    told = site(*earlier, coarse("2024-02-01"), fine("2024-03-01", pair), fine("2024-04-01", pair))
    assert (told["began_after"], told["began_by"]) == ("2024-01-01", "2024-03-01")


def test_two_small_ponds_that_one_coarse_look_missed_leave_the_onset_open():
    pair = [Disc(500.0, 500.0, diameter=11.0), Disc(530.0, 500.0, diameter=11.0)]
    told = site(coarse("2024-02-01"), fine("2024-03-01", pair), fine("2024-04-01", pair))
    assert told["not_seen_before"] in {None, "2024-02-01"}
    assert (told["began_after"], told["began_by"]) == (None, "2024-03-01")


def test_cloud_before_the_first_sighting_makes_the_interval_longer():
    looks = [fine("2024-01-01"), fine("2024-02-01", cloud=EVERYWHERE), fine("2024-03-01", ROW)]
    assert site(*looks)["began_after"] == "2024-01-01"


def test_a_site_that_was_always_there_has_no_earliest_day():
    told = site(fine("2024-01-01", ROW), fine("2024-02-01", ROW))
    assert (told["began_after"], told["began_by"]) == (None, "2024-01-01")


def test_a_closure_lies_between_the_looks_around_it():
    empty = [fine(f"2024-0{month}-01") for month in (4, 5, 6)]
    told = site(fine("2024-01-01", ROW), fine("2024-02-01", ROW), fine("2024-03-01", cloud=EVERYWHERE), *empty)
    assert (told["ended_after"], told["ended_by"]) == ("2024-02-01", "2024-04-01")
    assert (told["last_seen"], told["not_seen_since"]) == ("2024-02-01", "2024-04-01")


def test_an_undated_look_dates_nothing():
    told = site(view(None), fine("2024-02-01", ROW), fine("2024-03-01", ROW))
    assert (told["began_after"], told["began_by"]) == (None, "2024-02-01")


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_any_order_of_arrival_gives_the_same(order):
    looks = [fine("2024-01-01"), coarse("2024-02-01"), fine("2024-03-01", ROW)]
    assert site(*(looks[number] for number in order)).tolist() == site(*looks).tolist()


def test_no_looks_and_no_sites_have_no_dates():
    assert list(build([], Settings()).sites[list(NAMES)].columns) == list(NAMES)
    assert build([fine("2024-01-01")], Settings()).sites.empty
