from __future__ import annotations

import random
import re
import time

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from painted_scenes import EDGE, SOUTH, WEST, Disc, view

from pondscan.config import ConfidenceSettings, ProductSettings, Settings, SiteSettings
from pondscan.errors import InputError
from pondscan.follow.products import Products, build
from pondscan.tables import ALIASES, OBSERVATIONS, PONDS, SITES, SURVEY, TIMESERIES, conform, names

EVERYWHERE = shapely.box(0, 0, EDGE, EDGE)
ROW = [Disc(500 + 20 * i, 500) for i in range(4)]
TABLES = {
    "ponds": PONDS,
    "sites": SITES,
    "observations": OBSERVATIONS,
    "timeseries": TIMESERIES,
    "survey": SURVEY,
    "aliases": ALIASES,
}


def census(*views, **sections) -> Products:
    return build(views, Settings(**sections))


def assert_same(one: Products, other: Products) -> None:
    for name in TABLES:
        left, right = getattr(one, name), getattr(other, name)
        pd.testing.assert_frame_equal(pd.DataFrame(left), pd.DataFrame(right), obj=name)
        if "geometry" in left.columns:
            assert (left.geometry.to_wkb() == right.geometry.to_wkb()).all()
    assert (one.crs, one.notes, one.distance_curve) == (other.crs, other.notes, other.distance_curve)


def random_series(seed: int) -> list:
    """Looks of two sensors with jitter, clouds, overlaps and ponds that come and go."""
    rng = np.random.default_rng(seed)
    ponds = rng.uniform(200, 900, (12, 2))
    views = []
    for number in range(6):
        is_fine = rng.random() < 0.6
        shift = rng.normal(0, 2, 2)
        seen = ponds[rng.random(12) < 0.8] + shift
        discs = [
            Disc(x, y, float(rng.uniform(8, 25)), float(np.clip(rng.normal(0.7, 0.2), 0.1, 0.99))) for x, y in seen
        ]
        west = rng.uniform(0, 2500)
        cloud = shapely.box(west, 0, west + rng.uniform(0, 800), EDGE)
        when = f"2024-{number // 2 * 3 + 1:02d}-10T04:{number % 2 * 20:02d}"
        sensor = {"sensor": "planetscope", "gsd_m": 3.0} if is_fine else {"sensor": "sentinel-2", "gsd_m": 10.0}
        views.append(view(when, discs, cloud=cloud, scene_id=f"{seed}_{number}", **sensor))
    return views


class TestPurity:
    @settings(max_examples=10, deadline=None)
    @given(st.integers(0, 10_000), st.integers(0, 10_000))
    def test_order_of_scenes_changes_nothing(self, seed, shuffle):
        views = random_series(seed)
        shuffled = views.copy()
        random.Random(shuffle).shuffle(shuffled)  # noqa: S311 - no cryptography here
        assert_same(build(views, Settings()), build(shuffled, Settings()))

    @settings(max_examples=10, deadline=None)
    @given(st.integers(0, 10_000))
    def test_invariants(self, seed):
        products = build(random_series(seed), Settings())
        ponds, sites = products.ponds, products.sites
        assert ponds["pond_id"].is_unique
        assert ponds["pond_id"].is_monotonic_increasing
        assert sites["site_id"].is_unique
        assert set(ponds["site_id"].dropna()) == set(sites["site_id"])
        assert (ponds["n_seen"] >= 1).all()
        assert (ponds["n_clear"] >= ponds["n_seen"]).all()
        assert not (ponds["not_seen_before"] >= ponds["first_seen"]).any()
        assert not (ponds["last_seen"] < ponds["first_seen"]).any()
        assert ponds["confidence"].between(0.5, 1).all()
        assert not products.aliases["old_id"].isin([*ponds["pond_id"], *sites["site_id"]]).any()
        assert set(products.aliases["new_id"]) <= {*ponds["pond_id"], *sites["site_id"]}
        survey = products.survey.dropna(subset=["n_ponds"])
        for count in ("n_ponds", "n_sites"):
            assert (survey[f"{count}_lower"] <= survey[count]).all()
            assert (survey[count] <= survey[f"{count}_upper"]).all()
        outlines = np.asarray(ponds.geometry.array, dtype=object)
        assert shapely.is_valid(outlines).all()

    def test_inputs_are_not_changed(self):
        one = view("2024-01-01", ROW)
        before = one.observations.copy()
        census(one, view("2024-02-01", ROW, cloud=EVERYWHERE))
        pd.testing.assert_frame_equal(pd.DataFrame(one.observations), pd.DataFrame(before))


class TestNothing:
    @pytest.mark.parametrize(
        ("views", "why", "n_looks"),
        [
            ([], "no scene is stored", 0),
            ([view("2024-01-01")], "no scene shows an object", 1),
            ([view("2024-01-01", cloud=EVERYWHERE), view("2024-02-01", cloud=EVERYWHERE)], "masked", 2),
            ([view("2024-01-01", [Disc(50, 50, confidence=0.31)])], "confidence 0.31, below .* = 0.5", 1),
            ([view("2024-01-01", [Disc(50, 50, rejected="river")])], "no scene shows an object", 1),
        ],
    )
    def test_says_why(self, views, why, n_looks):
        products = census(*views)
        assert len(products.notes) == 1
        assert re.search(why, products.notes[0])
        assert (len(products.ponds), len(products.sites), len(products.timeseries)) == (0, 0, 0)
        assert (products.survey["period"] == "look").sum() == n_looks

    @pytest.mark.parametrize("views", [[], [view("2024-01-01", [*ROW, Disc(2000, 2000)]), view("2024-02-01", ROW)]])
    def test_exact_columns_and_types(self, views):
        products = census(*views)
        for name, table in TABLES.items():
            frame = getattr(products, name)
            geometry = ["geometry"] if name in ("ponds", "sites", "observations") else []
            assert list(frame.columns) == names(table) + geometry
            pd.testing.assert_series_equal(frame.dtypes, conform(frame, table).dtypes)
            if geometry:
                assert frame.crs == products.crs
                assert frame.crs.axis_info[0].unit_name == "metre"


class TestPonds:
    def test_one_undated_scene(self):
        products = census(view(None, ROW))
        assert products.ponds["first_seen"].isna().all()
        assert products.ponds["status"].tolist() == ["present"] * 4
        assert products.notes == ("Scene planetscope_None has no acquisition time.",)
        assert len(products.timeseries) == 1

    def test_one_look_alone(self):
        pond = census(view("2024-01-01T04:00", [Disc(500, 500)])).ponds.iloc[0]
        assert (pond["status"], pond["n_seen"], pond["n_clear"]) == ("present", 1, 1)
        assert pond["site_id"] is pd.NA
        assert pond["not_seen_before"] is pd.NaT
        assert pond["first_seen"] == pond["last_seen"] == pd.Timestamp("2024-01-01T04:00Z")

    def test_appears_and_vanishes_under_cloud(self):
        ponds = census(
            view("2024-01-01"),
            view("2024-02-01", cloud=EVERYWHERE),
            view("2024-03-01", ROW),
            view("2024-04-01", ROW),
            view("2024-05-01", cloud=EVERYWHERE),
            view("2024-06-01", cloud=EVERYWHERE),
            view("2024-07-01", cloud=EVERYWHERE),
            view("2024-08-01", cloud=EVERYWHERE),
        ).ponds
        assert set(ponds["status"]) == {"unobserved"}
        assert set(ponds["not_seen_before"]) == {pd.Timestamp("2024-01-01", tz="UTC")}
        assert set(ponds["first_seen"]) == {pd.Timestamp("2024-03-01", tz="UTC")}
        assert set(ponds["last_seen"]) == {pd.Timestamp("2024-04-01", tz="UTC")}
        assert set(ponds["n_clear"]) == {3}

    def test_gone_pond_keeps_its_last_area(self):
        looks = [view(f"2024-{month:02d}-01", ROW if month < 3 else ROW[:3]) for month in range(1, 7)]
        ponds = census(*looks).ponds
        gone = ponds[ponds["status"] == "gone"]
        assert len(gone) == 1
        assert gone["area_m2"].iloc[0] == pytest.approx(np.pi * 36, abs=0.01)
        assert gone["scene_id"].iloc[0] == "planetscope_2024-02-01"
        assert gone["site_id"].notna().all()

    def test_edge_of_the_scene_is_unobserved_not_missed(self):
        away = [view(f"2024-0{month}-01", extent=(506.0, 0.0, EDGE, EDGE)) for month in range(2, 7)]
        pond = census(view("2024-01-01", [Disc(500, 500)]), *away).ponds.iloc[0]
        # the place lies outside the later scenes: they say nothing at all
        assert (pond["status"], pond["n_clear"]) == ("present", 1)
        astride = [view(f"2024-0{month}-01", extent=(497.0, 0.0, EDGE, EDGE)) for month in range(2, 7)]
        pond = census(view("2024-01-01", [Disc(500, 500)]), *astride).ponds.iloc[0]
        assert (pond["status"], pond["n_clear"]) == ("unobserved", 1)

    def test_misregistration_keeps_identities_and_outlines_apart(self):
        dense = [Disc(500 + 14 * i, 500 + 14 * j) for i in range(5) for j in range(3)]
        looks = []
        for number, (dx, dy) in enumerate([(0, 0), (5, 0), (0, -5), (-3.5, 3.5)]):
            kept = [disc for i, disc in enumerate(dense) if (i + number) % 4]
            moved = [Disc(disc.x + dx, disc.y + dy) for disc in kept]
            looks.append(view(f"2024-0{number + 1}-01", moved))
        products = census(*looks)
        ponds = products.ponds
        assert len(ponds) == 15
        assert [note.split("(")[1].split(")")[0] for note in products.notes] == [
            "+5.0 m east, +0.0 m north",
            "+0.0 m east, -5.0 m north",
            "-3.5 m east, +3.5 m north",
        ]
        assert sorted(ponds["n_seen"]) == [3] * 15
        outlines = np.asarray(ponds.geometry.array, dtype=object)
        one, other = shapely.STRtree(outlines).query(outlines)
        assert shapely.area(shapely.intersection(outlines[one], outlines[other]))[one != other].max() < 0.01
        assert shapely.area(outlines).tolist() == pytest.approx(ponds["area_m2"].tolist(), rel=0.01)

    def test_min_confidence_and_prevalence_of_flashes(self):
        twice = [view(f"2024-0{month}-01", [Disc(500, 500, confidence=0.6)]) for month in (1, 2)]
        assert len(census(*twice).ponds) == 1
        assert len(census(*twice, confidence=ConfidenceSettings(min_confidence=0.7)).ponds) == 0
        flash = [view("2024-01-01"), view("2024-02-01", [Disc(500, 500, confidence=0.6)]), view("2024-03-01")]
        assert len(census(*flash).ponds) == 0

    def test_crs_asked_for(self):
        products = census(view("2024-01-01", ROW), products=ProductSettings(crs="EPSG:32646"))
        assert products.crs == "EPSG:32646"
        assert products.sites.crs == "EPSG:32646"
        assert products.ponds["pond_id"].tolist() == census(view("2024-01-01", ROW)).ponds["pond_id"].tolist()

    def test_aoi_is_by_centroid(self):
        one = view("2024-01-01", ROW)
        lon, lat = one.observations["lon"], one.observations["lat"]
        aoi = shapely.box(lon[0] - 1e-4, lat[0] - 1e-3, (lon[1] + lon[2]) / 2, lat[0] + 1e-3)
        products = build([one], Settings(), aoi=aoi)
        assert len(products.ponds) == 2
        assert products.survey["observed_fraction"].tolist() == [1.0] * 3
        beside = build([one], Settings(), aoi=shapely.box(lon[0] - 0.1, lat[0] - 0.1, lon[0] - 0.08, lat[0] + 0.1))
        assert (len(beside.ponds), beside.survey["n_ponds"].isna().all()) == (0, True)
        with pytest.raises(InputError, match=r"0 to 1 °E.*EPSG:32647"):
            build([one], Settings(), aoi=shapely.box(0, 0, 1, 1))


class TestIds:
    def test_arrival_in_time_order_never_changes_an_id(self):
        views = sorted(random_series(7), key=lambda one: one.order)
        earlier: set[str] = set()
        for number in range(1, len(views) + 1):
            products = build(views[:number], Settings(confidence=ConfidenceSettings(min_confidence=0)))
            now = set(products.ponds["pond_id"])
            merged = dict(zip(products.aliases["old_id"], products.aliases["new_id"], strict=True))
            assert all(pond_id in now or merged.get(pond_id) in now for pond_id in earlier)
            earlier = now

    @settings(max_examples=4, deadline=None)
    @given(st.integers(0, 10_000))
    def test_of_one_sensor_every_pond_and_site_keeps_its_id(self, seed):
        rng = np.random.default_rng(seed)
        places = rng.uniform(200, 1500, (15, 2))
        views = []
        for month in range(1, 6):
            discs = [Disc(x, y, confidence=rng.uniform(0.3, 0.99)) for x, y in places[rng.random(15) < 0.7]]
            views.append(view(f"2024-0{month}-01", discs))
        earlier: set[str] = set()
        earlier_sites: dict[str, str] = {}
        for number in range(1, 6):
            every = build(views[:number], Settings(confidence=ConfidenceSettings(min_confidence=0)))
            assert earlier <= set(every.ponds["pond_id"])
            earlier = set(every.ponds["pond_id"])
            believed = build(views[:number], Settings())
            alias = dict(zip(believed.aliases["old_id"], believed.aliases["new_id"], strict=True))
            now = dict(believed.ponds.dropna(subset=["site_id"])[["pond_id", "site_id"]].itertuples(index=False))
            # a pond's site keeps its id, unless it has grown together with a site that had one before it
            for pond_id in now.keys() & earlier_sites.keys():
                old, new = earlier_sites[pond_id], now[pond_id]
                assert old == new or (new in earlier_sites.values() and alias[old] == new)
            earlier_sites = now

    def test_a_site_is_named_after_the_pond_believed_first_and_keeps_the_name(self):
        # the first candidate is doubted at first, and believed only later
        doubted = view("2024-01-01", [Disc(500, 500, confidence=0.3)])
        site = view("2024-02-01", [Disc(540, 500), Disc(560, 500)])
        both = [view(f"2024-0{month}-01", [Disc(500, 500, confidence=0.99), *ROW[2:]]) for month in (3, 4)]
        before, after = census(doubted, site), census(doubted, site, *both)
        assert (len(before.ponds), len(after.ponds)) == (2, 3)
        assert before.sites["site_id"].tolist() == after.sites["site_id"].tolist()

    def test_a_site_does_not_fall_apart_when_a_pond_is_no_longer_believed(self):
        left, right, flash = ROW[:2], [Disc(800, 500), Disc(820, 500)], Disc(660, 500, confidence=0.6)
        looks = [view("2024-01-01", left), view("2024-02-01", [*left, flash, *right]), view("2024-03-01", left + right)]
        before, after = census(*looks[:2]), census(*looks)
        assert (len(before.ponds), len(after.ponds)) == (5, 4)
        assert before.sites["site_id"].tolist() == after.sites["site_id"].tolist()

    def test_a_late_earlier_scene_leaves_the_old_id_as_alias(self):
        shifted = [Disc(disc.x + 6, disc.y + 1) for disc in ROW]
        before = census(view("2024-02-01", shifted))
        after = census(view("2024-02-01", shifted), view("2024-01-01", ROW))
        new = dict(zip(after.aliases["old_id"], after.aliases["new_id"], strict=True))
        assert not set(before.ponds["pond_id"]) & set(after.ponds["pond_id"])
        assert [new[old] for old in before.ponds["pond_id"]] == after.ponds["pond_id"].tolist()
        assert [new[old] for old in before.sites["site_id"]] == after.sites["site_id"].tolist()

    def test_sites_that_grow_together_keep_the_older_id(self):
        left, right = ROW[:2], [Disc(900, 500), Disc(920, 500)]
        bridge = [Disc(700, 500), Disc(720, 500)]
        apart = census(view("2024-01-01", [*left, *right]))
        joined = census(view("2024-01-01", [*left, *right]), view("2024-02-01", [*left, *right, *bridge]))
        assert len(apart.sites) == 2
        assert len(joined.sites) == 1
        (kept,) = joined.sites["site_id"]
        new = dict(zip(joined.aliases["old_id"], joined.aliases["new_id"], strict=True))
        assert kept in set(apart.sites["site_id"])
        assert all(old == kept or new[old] == kept for old in apart.sites["site_id"])

    def test_a_pond_id_is_where_it_is(self):
        products = census(view("2024-01-01", [Disc(500, 500)]))
        assert products.ponds["pond_id"].tolist() == ["Pwhx1ed621"]


class TestSites:
    def test_attributes_of_the_present_ponds(self):
        looks = [view(f"2024-0{month}-01", ROW if month < 3 else ROW[:3]) for month in range(1, 7)]
        site = census(*looks).sites.iloc[0]
        assert (site["status"], site["n_ponds"], site["pond_equivalents"]) == ("present", 3, 3.0)
        assert site["pond_area_m2"] == pytest.approx(3 * np.pi * 36, abs=0.02)
        # own variance 100 - 36, shared sigma 6; each is no pond with 0.1
        area = np.pi * 36
        expected = np.sqrt(3 * (64 + 0.09 * area**2) + (3 * 6) ** 2 + (3 * 0.1 * area) ** 2)
        assert site["pond_area_sigma_m2"] == pytest.approx(expected, abs=0.01)
        # at least two of four ponds of 0.9
        assert site["confidence"] == pytest.approx(1 - 0.1**4 - 4 * 0.9 * 0.1**3, abs=1e-4)
        assert site["last_seen"] == pd.Timestamp("2024-06-01", tz="UTC")
        assert np.isnan(site["trend_m2_per_year"])

    def test_unobserved_site_has_no_counts(self):
        site = census(view("2024-01-01", ROW), view("2024-02-01", cloud=EVERYWHERE)).sites.iloc[0]
        assert site["status"] == "unobserved"
        assert site[["n_ponds", "pond_area_m2", "pond_area_sigma_m2", "pond_equivalents"]].isna().all()

    def test_isolated_ponds_and_the_distance_curve(self):
        products = census(view("2024-01-01", [*ROW, Disc(735, 500)]), sites=SiteSettings(distance_m=100, min_ponds=2))
        assert products.ponds["site_id"].isna().sum() == 1
        # 735 lies 175 m from the row's last pond
        assert products.distance_curve[1:4] == ((100.0, 1, 1), (150.0, 1, 1), (200.0, 1, 0))

    def test_footprint_ends_at_the_edge_of_the_ground_looked_at(self):
        footprint = census(view("2024-01-01", [Disc(10, 500), Disc(30, 500)])).sites.geometry[0]
        assert footprint.bounds[0] == pytest.approx(WEST, abs=0.01)
        assert footprint.bounds[1] == pytest.approx(SOUTH + 500 - 56, abs=0.5)


def test_notes_name_what_is_less_certain():
    products = census(
        view("2024-01-01", ROW, calibrated="dn"),
        view("2024-02-01", ROW, calibrated="toa"),
        view("2024-03-01", ROW, scene_id="old", superseded_by="new"),
        view("2024-03-01", ROW, scene_id="new"),
    )
    assert products.notes[0] == "Scene old is not used: new is a newer processing of the same acquisition."
    assert products.notes[1].startswith("1 of 3 scenes hold raw digital numbers")
    assert products.notes[2].startswith("1 of 3 scenes hold top-of-atmosphere reflectance")
    assert set(products.observations["scene_id"]) == {"planetscope_2024-01-01", "planetscope_2024-02-01", "new"}


def test_one_scene_is_not_one_of_one():
    assert census(view("2024-01-01", ROW, calibrated="dn")).notes[0].startswith("The only scene holds raw digital")


def test_a_confidence_just_below_the_bound_is_not_rounded_up_to_it():
    nearly = census(view("2024-01-01", [Disc(300, 500, confidence=0.4996)]))
    assert "has confidence 0.49, below confidence.min_confidence = 0.5" in nearly.notes[-1]


def test_three_thousand_ponds_and_twelve_looks_in_seconds():
    rng = np.random.default_rng(0)
    place = np.array([(100 + i % 60 * 45, 100 + i // 60 * 45) for i in range(3000)], dtype=float)
    views = [
        view(f"2024-{month:02d}-10", [Disc(x, y) for x, y in place + rng.normal(0, 1, place.shape)])
        for month in range(1, 13)
    ]
    started = time.perf_counter()
    products = build(views, Settings())
    assert time.perf_counter() - started < 30  # about 3 s alone on one core
    assert len(products.ponds) == 3000
    assert (products.ponds["n_seen"] == 12).all()
