from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import numpy as np
import pandas as pd
import pytest
import shapely
from painted_scenes import EDGE, Disc, day, view

from pondscan.config import Settings
from pondscan.detect import detection
from pondscan.follow.products import build
from pondscan.follow.survey import count_interval

EVERYWHERE = shapely.box(0, 0, EDGE, EDGE)
ROW = [Disc(500 + 20 * i, 500) for i in range(4)]
FAR_ROW = [Disc(2500 + 20 * i, 2500) for i in range(3)]
AREA = np.pi * 36
"""Square metres of a pond of 12 m."""

FALSE = detection.false_sighting()
SURE = 0.95

UNSEEN = ["n_sites", "n_sites_upper", "n_ponds", "n_ponds_lower", "pond_area_m2", "pond_area_upper_m2", "envelope_m2"]


def census(*views):
    return build(views, Settings())


def cells(frame: pd.DataFrame, *columns: str) -> list[tuple]:
    plain = frame[list(columns)].astype(object)
    return list(plain.where(plain.notna(), None).itertuples(index=False, name=None))


class TestCountInterval:
    def test_sure_objects_leave_no_doubt(self):
        assert count_interval(7, expected=6.999, variance=0.001, n_objects=7) == (7, 7)

    def test_by_hand(self):
        # 100 objects of 0.8: 80 ± 1.96 * 4 = 72.16 to 87.84; the count of 100 widens it
        assert count_interval(100, expected=80, variance=16, n_objects=100) == (72, 100)
        # 20 more candidates of 0.3 below the threshold: 86 ± 1.96 * sqrt(20.2) = 77.2 to 94.8
        assert count_interval(100, expected=86, variance=20.2, n_objects=120) == (77, 100)
        assert count_interval(3, expected=6, variance=4, n_objects=40) == (2, 10)

    def test_never_below_zero_nor_above_the_objects(self):
        assert count_interval(1, expected=0.6, variance=0.24, n_objects=1) == (0, 1)
        assert count_interval(0, expected=0.0, variance=0.0, n_objects=0) == (0, 0)


class TestTimeseries:
    def test_seen_clouded_partly_and_empty(self):
        products = census(
            view("2024-01-01", ROW),
            view("2024-02-01", cloud=EVERYWHERE),
            view("2024-03-01", ROW[:2], cloud=shapely.box(530, 0, EDGE, EDGE)),
            view("2024-04-01"),
            view("2024-05-01"),
            view("2024-06-15"),
        )
        table = products.timeseries
        assert cells(table, "n_ponds", "status") == [
            (4, "present"),
            (None, "unobserved"),
            (2, "present"),
            # clear and empty, but three clear misses are needed before a pond is called gone
            (0, "present"),
            (0, "present"),
            (0, "gone"),
        ]
        assert cells(table, "area_m2")[1] == (None,)
        assert table["area_m2"][[0, 2, 3]].tolist() == pytest.approx([4 * AREA, 2 * AREA, 0], abs=0.01)
        # a clear miss is zero with a sigma: three ponds may have been overlooked once, hardly three times
        assert table["area_sigma_m2"][[3, 4]].tolist() == sorted(table["area_sigma_m2"][[3, 4]], reverse=True)
        assert 10 < table["area_sigma_m2"][3] < AREA
        assert table["area_sigma_m2"][5] < 1
        assert table["observed_fraction"][[0, 1, 3]].tolist() == [1, 0, 1]
        assert 0.3 < table["observed_fraction"][2] < 0.7
        assert cells(products.sites, "status", "n_ponds", "pond_area_m2") == [("gone", 0, 0.0)]

    def test_sigma_of_sure_ponds_is_that_of_their_areas(self):
        table = census(view("2024-01-01", [Disc(500 + 20 * i, 500, confidence=0.999) for i in range(4)])).timeseries
        # own variance 100 - 36, shared sigma 6; each is no pond with 0.04: no look is surer than 0.958 : 0.042
        there, chance = 1 / (1 + FALSE / SURE), float(detection.chance(12.0, 3.0))
        doubt, small = (1 - there) * AREA, (1 / chance - 1) * AREA
        variance = 4 * (64 + there * doubt * AREA + small * AREA / chance)
        assert table["area_sigma_m2"][0] == pytest.approx(
            np.sqrt(variance + 24**2 + (4 * (small - doubt)) ** 2), abs=0.01
        )

    def test_ponds_too_small_for_a_look_are_in_its_sigma(self):
        small = [Disc(500 + 20 * i, 500, 8.0) for i in range(6)]
        large = Disc(500, 530, 30.0, confidence=0.999)
        fine = [view(f"2024-0{month}-01", [*small, large]) for month in (1, 2, 4, 5)]
        coarse = view("2024-03-01", [large], sensor="sentinel-2", gsd_m=10.0)
        table = census(*fine, coarse).timeseries
        of_large = np.pi * 15**2
        assert table["area_m2"][2] == pytest.approx(of_large, rel=1e-3)
        # six of 50 m² that it does not show, each real with 0.9
        assert table["area_sigma_m2"][2] > 6 * 0.9 * np.pi * 16

    def test_a_sighting_that_all_looks_contradict_is_no_liquid(self):
        faint = [Disc(500 + 20 * i, 500, confidence=0.3) for i in range(4)]
        looks = [view("2024-01-01", ROW), view("2024-02-01", ROW), *(view(f"2024-0{month}-01") for month in (3, 4, 5))]
        table = census(*looks, view("2024-06-01", faint), *(view(f"2024-0{month}-01") for month in (7, 8))).timeseries
        assert cells(table, "n_ponds", "area_m2", "status")[5] == (0, 0.0, "gone")
        # but it may have been some
        assert 10 < table["area_sigma_m2"][5] < 3 * AREA

    def test_status_is_empty_before_the_first_pond(self):
        table = census(view("2024-01-01"), view("2024-02-01", ROW)).timeseries
        assert cells(table, "n_ponds", "status") == [(0, None), (4, "present")]

    def test_a_look_too_coarse_cannot_say_zero(self):
        coarse = view("2024-02-01", sensor="landsat", gsd_m=30.0)
        table = census(view("2024-01-01", ROW), coarse).timeseries
        assert cells(table, "sensor", "n_ponds", "observed_fraction", "status") == [
            ("planetscope", 4, 1.0, "present"),
            ("landsat", None, 1.0, "unobserved"),
        ]

    def test_a_pond_that_was_part_of_a_larger_object_is_not_new(self):
        blob = view("2024-01-01", [Disc(500, 500, 30.0), Disc(560, 500)], sensor="sentinel-2", gsd_m=10.0)
        apart = [Disc(493, 500, 14.0), Disc(507, 500, 14.0), Disc(560, 500), Disc(585, 500, 20.0)]
        ponds = census(blob, *(view(f"2024-0{month}-01", apart) for month in (2, 3))).ponds
        by_place = ponds.assign(east=ponds.geometry.centroid.x.round(6)).sort_values("east")
        assert by_place["not_seen_before"].isna().tolist() == [True, True, True, False]

    def test_a_blur_amounts_to_ponds_of_the_size_that_finer_looks_know(self):
        blur = Disc(530, 500, 24.0, pond_equivalents=2.2)
        fine, coarse = view("2024-01-01", ROW), view("2024-02-01", [blur], sensor="sentinel-2", gsd_m=10.0)
        # four ponds of 12 m: a disc of 24 m is four of them, whatever the scene assumed
        assert census(fine, coarse).timeseries["pond_equivalents"].tolist() == [4.0, pytest.approx(4.0, abs=0.01)]
        # with nothing finer it is what the scene said
        alone = census(view("2024-02-01", [blur, Disc(570, 500)], sensor="sentinel-2", gsd_m=10.0)).timeseries
        assert alone["pond_equivalents"].tolist() == [pytest.approx(3.2)]

    def test_coarse_pixels_do_not_take_a_sheet_off(self):
        sheeted = [Disc(disc.x, disc.y, kind="sheeted") for disc in ROW]
        coarse = view("2024-03-01", ROW, sensor="sentinel-2", gsd_m=10.0)
        grey = replace(coarse, observations=coarse.observations.assign(ndwi_peak=-0.15))
        wet = replace(coarse, observations=coarse.observations.assign(ndwi_peak=0.4))
        before = [view("2024-01-01", ROW), view("2024-02-01", sheeted)]
        assert cells(census(*before, grey).timeseries, "status", "area_m2")[2] == ("covered", None)
        assert cells(census(*before, wet).timeseries, "status", "n_ponds")[2] == ("present", 4)
        # nor a look at raw numbers, whose NDWI says nothing
        raw = replace(grey, scene=replace(grey.scene, calibrated="dn"))
        assert cells(census(*before, raw).timeseries, "status", "n_ponds")[2] == ("present", 4)
        # a sheet that only later looks show was there already
        later = [view("2024-01-01", ROW), grey, view("2024-04-01", sheeted)]
        assert cells(census(*later).timeseries, "status")[1] == ("covered",)

    def test_sheets_are_covered_and_not_water(self):
        sheeted = [Disc(disc.x, disc.y, kind="sheeted") for disc in ROW]
        products = census(view("2024-01-01", ROW), view("2024-02-01", sheeted))
        assert cells(products.timeseries, "status") == [("present",), ("covered",)]
        assert cells(products.sites, "status", "n_ponds", "pond_area_m2") == [("covered", None, None)]
        assert set(products.ponds["status"]) == {"covered"}

    def test_coarse_look_counts_objects_and_gives_pond_equivalents(self):
        strip = shapely.box(494, 496.5, 566, 503.5)
        blob = Disc(530, 500, 25.3, outline=strip, pond_equivalents=3.8)
        coarse = view("2024-02-01", [blob], sensor="sentinel-2", gsd_m=10.0)
        products = census(view("2024-01-01", ROW), coarse)
        assert cells(products.timeseries, "sensor", "n_ponds", "pond_equivalents", "area_m2") == [
            ("planetscope", 4, 4.0, pytest.approx(4 * AREA, abs=0.01)),
            ("sentinel-2", 1, 4.46, 504.0),
        ]
        # the finer identities stay, each seen twice, with the outlines of the look that resolved them
        assert cells(products.ponds, "n_seen", "sensor", "status") == [(2, "planetscope", "present")] * 4

    def test_two_sites_keep_their_own_rows(self):
        table = census(view("2024-01-01", ROW + FAR_ROW), view("2024-02-01", ROW)).timeseries
        assert table["site_id"].is_monotonic_increasing
        assert sorted(cells(table, "n_ponds")) == [(0,), (3,), (4,), (4,)]


class TestTrend:
    months = ("2022-01-10", "2022-12-10", "2023-02-10", "2024-01-10")

    def growing(self, *whens, per_year=100.0, **scene):
        views = []
        for when in whens:
            years = (day(when) - day("2022-01-01")).days / 365.25
            diameter = np.sqrt((200 + per_year / 2 * years) * 4 / np.pi)
            views.append(view(when, [Disc(500, 500, diameter), Disc(540, 500, diameter)], **scene))
        return views

    def trend(self, *views):
        names = ["trend_m2_per_year", "trend_lower_m2_per_year", "trend_upper_m2_per_year"]
        return census(*views).sites[names].to_numpy(float)[0]

    def test_exact_growth_is_found(self):
        slope, lower, upper = self.trend(*self.growing(*self.months))
        assert slope == pytest.approx(100, abs=0.5)
        # nothing departs from the line, so the interval is that of the measurement: some 20 m2 at each of four looks
        assert lower == pytest.approx(2 * slope - upper)
        assert 5 < upper - slope < 60

    def test_null_below_four_looks_or_a_year(self):
        assert np.isnan(self.trend(*self.growing(*self.months[:3]))).all()
        assert np.isnan(self.trend(*self.growing("2022-01-10", "2022-02-10", "2022-03-10", "2022-12-10"))).all()

    def test_clouded_looks_do_not_count(self):
        clouded = view("2024-01-10", cloud=EVERYWHERE)
        assert np.isnan(self.trend(*self.growing(*self.months[:3]), clouded)).all()

    def test_seasons_are_not_mixed(self):
        # the wet season holds three times the water; the dry one, with more looks, grows by 100 a year
        flooded = [
            view(when, [Disc(500, 500, 28), Disc(540, 500, 28)]) for when in ("2022-07-10", "2023-07-10", "2024-07-10")
        ]
        assert self.trend(*self.growing(*self.months), *flooded)[0] == pytest.approx(100, abs=0.5)

    def test_the_finest_sensor_with_enough_looks_speaks(self):
        coarse = [
            view(f"{year}-03-01", [Disc(500, 500, 20), Disc(540, 500, 20)], sensor="sentinel-2", gsd_m=10.0)
            for year in (2021, 2022, 2023, 2024)
        ]
        assert self.trend(*self.growing(*self.months), *coarse)[0] == pytest.approx(100, abs=0.5)
        assert self.trend(*self.growing(*self.months[:3]), *coarse)[0] == pytest.approx(0, abs=0.5)


class TestSurvey:
    def test_by_look_season_and_year(self):
        table = census(
            view("2023-12-01", [*ROW, Disc(1500, 1500)]),
            view("2024-02-01", ROW[:3], cloud=shapely.box(1000, 0, EDGE, EDGE)),
            view("2024-07-01", cloud=EVERYWHERE),
        ).survey
        assert cells(table, "period", "n_scenes", "n_sites", "n_ponds", "n_ponds_isolated") == [
            ("look", 1, 1, 5, 1),
            ("look", 1, 1, 3, 0),
            ("look", 1, None, None, None),
            # December to February is one dry season; both looks saw the site whole, the later one is taken
            ("season", 2, 1, 4, 1),
            ("season", 1, None, None, None),
            ("year", 1, 1, 5, 1),
            # in 2024 the isolated pond was never looked at
            ("year", 2, 1, 3, 0),
        ]
        assert table["observed_fraction"].tolist() == pytest.approx([1, 1 / 3, 0, 1, 0, 1, 1 / 3], abs=0.01)
        assert cells(table[table["period"] == "season"], "period_start", "period_end")[0] == (
            pd.Timestamp("2023-11-01", tz=UTC),
            pd.Timestamp("2024-04-30T23:59:59", tz=UTC),
        )

    def test_unobserved_is_never_zero(self):
        table = census(view("2024-01-01", ROW), view("2024-07-01", cloud=EVERYWHERE)).survey
        clouded = table[table["observed_fraction"] == 0]
        assert len(clouded) == 2
        assert clouded[UNSEEN].isna().all(axis=None)

    def test_zero_after_a_clear_look_without_any_pond(self):
        table = census(view("2024-01-01")).survey
        assert (table[UNSEEN] == 0).all(axis=None)
        assert table["period"].tolist() == ["look", "season", "year"]

    def test_nothing_seen_in_a_sliver_is_no_zero(self):
        table = census(view("2024-01-01", cloud=shapely.box(0, 0, 2000, EDGE))).survey
        assert table[UNSEEN].isna().all(axis=None)

    def test_one_sensor_for_each_site_and_period_the_finest_that_saw_half(self):
        fine = view("2024-01-01", ROW + FAR_ROW, cloud=shapely.box(2000, 2000, EDGE, EDGE))
        wide = [Disc(disc.x, disc.y, 18) for disc in ROW + FAR_ROW]
        coarse = view("2024-01-20", wide, sensor="sentinel-2", gsd_m=10.0)
        season = census(fine, coarse).survey.query("period == 'season'")
        # the near site from the fine sensor, the far one, clouded there, from the coarse one
        expected = 4 * AREA + 3 * np.pi * 81
        assert cells(season, "n_sites", "n_ponds", "pond_area_m2") == [(2, 7, pytest.approx(expected, abs=0.02))]

    def test_three_areas_and_their_intervals(self):
        row = census(view("2024-01-01", ROW + FAR_ROW)).survey.iloc[0]
        assert row["pond_area_m2"] == pytest.approx(7 * AREA, abs=0.01)
        # own variance 100 - 36, shared sigma 6; each is no pond with 0.1
        half = 1.96 * np.sqrt(7 * 64 + 42**2 + 7 * 0.9 * 0.1 * AREA**2 + (0.1 * 7 * AREA) ** 2)
        assert row["pond_area_lower_m2"] == pytest.approx(7 * AREA - half, abs=0.01)
        assert row["pond_area_upper_m2"] == pytest.approx(7 * AREA + half, abs=0.01)
        # each footprint is about a stadium of radius 56 m around a row of 60 or 40 m
        assert row["footprint_m2"] == pytest.approx(2 * np.pi * 56**2 + 112 * 100, rel=0.02)

    def test_envelope_spans_the_ground_between_sites(self):
        east = [Disc(2500 + 20 * i, 500) for i in range(3)]
        row = census(view("2024-01-01", ROW + east)).survey.iloc[0]
        # a band 112 m wide over 2040 m, and the half discs at its ends
        assert row["envelope_m2"] == pytest.approx(112 * 2040 + np.pi * 56**2, rel=0.01)

    def test_candidates_at_a_site_count_with_their_probability_in_the_interval_alone(self):
        faint = [Disc(500 + 20 * i, 540, confidence=0.4) for i in range(10)]
        far = [Disc(2000, 2000 + 300 * i, confidence=0.4) for i in range(3)]
        products = census(view("2024-01-01", [*ROW, *faint, *far]))
        row = products.survey.iloc[0]
        assert (row["n_ponds"], len(products.ponds)) == (4, 4)
        # 4 * 0.9 + 10 * 0.4 = 7.6, variance 4 * 0.09 + 10 * 0.24 = 2.76: 7.6 ± 3.26 ± 0.5
        assert (row["n_ponds_lower"], row["n_ponds_upper"]) == (4, 11)

    def test_undated_look_has_no_season(self):
        table = census(view(None, ROW)).survey
        assert cells(table, "period", "period_start", "n_ponds") == [("look", None, 4)]


class TestMixedSensors:
    LARGE = tuple(Disc(500.0 + 60 * number, 500.0, diameter=24.0) for number in range(3))
    SMALL = tuple(Disc(500.0 + 30 * number, 540.0, diameter=8.0) for number in range(4))

    def looks(self):
        fine = view("2024-01-01", [*self.LARGE, *self.SMALL])
        coarse = view("2024-02-01", self.LARGE, sensor="sentinel-2", gsd_m=10.0)
        return census(fine, coarse).survey.query("period == 'look'")

    def test_ponds_that_every_sensor_counts_are_compared(self):
        table = self.looks()
        assert table["n_ponds"].tolist() == [7, 3]
        assert table["n_ponds_common"].tolist() == [3, 3]
        assert table["pond_area_common_m2"].tolist() == pytest.approx([3 * np.pi * 144] * 2, rel=0.001)
        (least_m,) = table["common_from_diameter_m"].unique()
        assert detection.chance(np.array([least_m]), 10.0, "counted") == pytest.approx([0.5], abs=0.02)

    def test_the_limit_is_that_of_the_pixels_that_counted(self):
        alone = census(view("2024-01-01", [*self.LARGE, *self.SMALL])).survey
        assert (alone["n_ponds_common"] == 7).all()
        assert (alone["common_from_diameter_m"] < 8).all()

    def test_nothing_is_said_of_raw_numbers_and_of_what_was_not_seen(self):
        raw = census(view("2024-01-01", self.LARGE, calibrated="dn")).survey
        assert raw["n_ponds_common"].isna().all()
        clouded = census(view("2024-01-01", self.LARGE), view("2024-02-01", cloud=EVERYWHERE)).survey
        assert clouded.query("period == 'look'")["n_ponds_common"].isna().tolist() == [False, True]
