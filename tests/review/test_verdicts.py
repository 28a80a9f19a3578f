from __future__ import annotations

from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from painted_scenes import CRS, SOUTH, WEST, Disc, circle, view

from pondscan.config import Settings
from pondscan.follow import verdicts
from pondscan.follow.products import Products, build
from pondscan.store.verdicts import read_verdicts, verdict_bytes
from pondscan.tables import VERDICTS, conform

ROW = [Disc(500 + 30 * i, 500, confidence=0.9 - 0.2 * i) for i in range(3)]
"""Ponds of confidence 0.9, 0.7 and 0.5."""


def said(verdict: str, outline: shapely.Polygon, *, hour: int = 0, **columns) -> dict:
    """One verdict on an outline in metres from the corner of the painted ground."""
    moved = shapely.transform(outline, lambda xy: xy + np.array([WEST, SOUTH]))
    told = {"pond_id": None, "is_drawn": False, "scene_id": None, "reviewer": "Ann", "note": None}
    return {"verdict": verdict, "judged": datetime(2025, 1, 1, hour, tzinfo=UTC), "geometry": moved} | told | columns


def reviewed(*rows: dict) -> gpd.GeoDataFrame:
    frame = gpd.GeoDataFrame(pd.DataFrame(list(rows)), geometry="geometry", crs=CRS)
    return conform(frame, VERDICTS).to_crs("OGC:CRS84")


def census(*rows: dict, views=None) -> Products:
    return build(views or [view("2024-01-10", ROW)], Settings(), reviewed=reviewed(*rows) if rows else None)


def test_a_rejected_pond_is_in_no_product_and_stays_in_the_observations():
    before, after = census(), census(said("rejected", circle(500, 500, 12)))
    assert len(before.ponds) == 3
    assert set(before.ponds["pond_id"]) - set(after.ponds["pond_id"]) == {before.ponds["pond_id"].iloc[0]}
    assert after.survey["n_ponds"].tolist() == [2] * len(after.survey)
    assert len(after.observations) == 3


def test_an_accepted_candidate_is_in_with_confidence_one():
    doubted = [view("2024-01-10", [*ROW, Disc(600, 500, confidence=0.2)])]
    assert len(census(views=doubted).ponds) == 3
    ponds = census(said("accepted", circle(600, 500, 12)), views=doubted).ponds
    assert sorted(ponds["confidence"]) == [0.5, 0.7, 0.9, 1.0]


def test_of_two_verdicts_the_newest_counts_and_unsure_takes_the_older_back():
    outline = circle(500, 500, 12)
    older, newer = said("accepted", outline, hour=1), said("rejected", outline, hour=2, reviewer="Bob")
    assert len(census(newer, older).ponds) == 2
    unsure = census(older, newer, said("unsure", outline, hour=3)).ponds
    assert sorted(unsure["confidence"]) == [0.5, 0.7, 0.9]


def test_a_verdict_holds_when_later_scenes_see_the_pond_a_little_elsewhere():
    views = [view("2024-01-10", ROW), view("2024-02-10", [Disc(503, 502, confidence=0.95)])]
    after = census(said("rejected", circle(500, 500, 12)), views=views)
    assert len(after.ponds) == 2


def test_an_added_pond_is_a_sighting_of_the_newest_look_that_saw_its_place():
    hidden = shapely.box(650, 0, 3000, 3000)
    views = [view("2024-01-10", ROW), view("2024-02-10", ROW, cloud=hidden)]
    added = said("accepted", circle(700, 500, 20), is_drawn=True)
    after = census(added, views=views)
    (pond,) = after.ponds[after.ponds["confidence"] == 1.0].itertuples()
    assert pond.scene_id == "planetscope_2024-01-10"
    assert pond.area_m2 == pytest.approx(np.pi * 100, abs=0.05)
    # a quarter of a 3 m pixel along a shore of 36 straight pieces
    assert pond.area_sigma_m2 == pytest.approx(0.25 * 3.0 * circle(0, 0, 20).length, rel=1e-3)
    drawn = after.observations[after.observations["flags"] == "drawn"]
    assert len(drawn) == 1


def test_a_redrawn_outline_replaces_every_sighting_of_the_same_water_in_its_look():
    views = [view("2024-01-10", ROW), view("2024-02-10", ROW)]
    both = shapely.union(circle(500, 500, 12), circle(530, 500, 12)).convex_hull
    named = {"is_drawn": True, "scene_id": "planetscope_2024-02-10", "pond_id": "Pwhatever"}
    after = census(said("accepted", both, **named), views=views)
    last = after.observations[after.observations["scene_id"] == "planetscope_2024-02-10"]
    assert sorted(last["area_m2"].round()) == sorted([round(both.area), round(circle(0, 0, 12).area)])
    assert last.loc[last["flags"] == "drawn", "kind"].tolist() == ["turquoise"]
    assert last["object_id"].is_unique
    assert (after.observations["scene_id"] == "planetscope_2024-01-10").sum() == 3


def test_a_drawn_outline_that_is_rejected_later_is_gone():
    added = said("accepted", circle(700, 500, 20), is_drawn=True, hour=1)
    rejected = said("rejected", circle(700, 500, 20), hour=2)
    after = census(added, rejected)
    assert len(after.ponds) == 3
    assert not (after.observations["flags"] == "drawn").any()


def test_a_verdict_on_nothing_is_said_in_the_notes():
    after = census(said("accepted", circle(2000, 2000, 12)))
    assert "1 of them speak of places where no scene shows a candidate" in " ".join(after.notes)


def test_verdicts_do_not_depend_on_their_order_nor_the_scenes_on_theirs():
    views = [view("2024-01-10", ROW), view("2024-02-10", ROW)]
    rows = [
        said("rejected", circle(500, 500, 12), hour=1),
        said("accepted", circle(700, 500, 20), is_drawn=True, hour=2),
        said("accepted", circle(530, 500, 16), is_drawn=True, hour=3),
    ]
    one, other = census(*rows, views=views), census(*rows[::-1], views=views[::-1])
    for name in ("ponds", "sites", "observations", "timeseries", "survey"):
        pd.testing.assert_frame_equal(pd.DataFrame(getattr(one, name)), pd.DataFrame(getattr(other, name)))


def test_nobody_having_reviewed_is_the_same_as_an_empty_review():
    nothing = build([view("2024-01-10", ROW)], Settings(), reviewed=verdicts.nothing_said())
    pd.testing.assert_frame_equal(pd.DataFrame(nothing.ponds), pd.DataFrame(census().ponds))


def test_verdicts_come_back_from_their_file_as_they_were(tmp_path):
    frame = reviewed(
        said("accepted", circle(500, 500, 12), note='a "quoted" note, with ümläuts', pond_id="Pabc"),
        said("rejected", circle(530, 500, 12), hour=1),
    )
    path = tmp_path / "verdicts.geojson"
    path.write_bytes(verdict_bytes(frame))
    back = read_verdicts(path)
    pd.testing.assert_frame_equal(
        pd.DataFrame(back.drop(columns="geometry")), pd.DataFrame(frame.drop(columns="geometry"))
    )
    assert verdict_bytes(back) == path.read_bytes()
    assert gpd.read_file(path)["verdict"].tolist() == ["accepted", "rejected"]


def test_what_was_said_before_is_not_said_again():
    known = reviewed(said("accepted", circle(500, 500, 12), pond_id="Pabc"))
    again = reviewed(
        said("accepted", circle(500, 500, 12), pond_id="Pabc", hour=9),
        said("accepted", circle(500, 500, 12), pond_id="Pabc", reviewer="Bob"),
        said("accepted", circle(500, 500, 14), pond_id="Pabc", is_drawn=True),
    )
    assert len(verdicts.without_known(again, known)) == 2
