"""Trends of site areas: worked by hand, what must not change them, and whether intervals hold the truth."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pondscan.follow.history import State
from pondscan.follow.looks import Look
from pondscan.follow.series import not_seen_since
from pondscan.follow.trends import robust_trend, season_number

CLEAR = dict(zip(range(1, 13), (0.75, 0.7, 0.6, 0.45, 0.3, 0.12, 0.08, 0.1, 0.18, 0.4, 0.65, 0.75), strict=True))
"""OWN: chance of a clear look by month, Myanmar."""


def days_of(*dates: str) -> np.ndarray:
    return np.array(dates, "datetime64[D]").astype(float)


def seasons_of(day: np.ndarray) -> np.ndarray:
    return season_number(day.astype(int).astype("datetime64[D]"))


def trend(day, area_m2, sigma_m2=1e-6):
    day, area_m2 = np.asarray(day, float), np.asarray(area_m2, float)
    return robust_trend(day, area_m2, np.broadcast_to(sigma_m2, day.shape).astype(float), seasons_of(day))


class TestByHand:
    four = days_of("2020-01-15", "2021-01-15", "2022-01-15", "2023-01-15")

    def test_a_line_is_its_own_trend(self):
        found = trend(self.four, 1000 + 300 * self.four / 365.25)
        assert found == pytest.approx((300, 300, 300), abs=0.1)

    def test_one_wrong_look_does_not_turn_it(self):
        # slopes of pairs: 0, 0, 0 between the good ones (weights 1, 2, 1 of years 0-1, 1-3, 0-3 ...): the median is 0
        assert trend(self.four, [1000, 1000, 5000, 1000]).slope == pytest.approx(0, abs=1)

    def test_weighted_median_of_slopes(self):
        # pairs (years apart: slope): 01 (1: 10), 12 (1: 50), 23 (1: 30), 02 (2: 30), 13 (2: 40), 03 (3: 30)
        # ordered: 10 (1), 30 (1 + 2 + 3), 40 (2), 50 (1); half of the weight of 10 is reached at 30
        area = np.array([0.0, 10.0, 60.0, 90.0]) * (np.array([365.25]) / 365.25)
        assert trend(self.four, area).slope == pytest.approx(30, abs=0.1)

    def test_the_interval_is_never_narrower_than_the_errors_of_measurement(self):
        # of a straight line with sigma 100 at each end of three years: well over 100 * sqrt(2) / 3 / 2
        found = trend(self.four, 1000 + 300 * self.four / 365.25, sigma_m2=100)
        assert found.upper - found.slope > 1.96 * 100 * np.sqrt(2) / 3 / 2
        assert found.slope - found.lower == pytest.approx(found.upper - found.slope)

    def test_scatter_widens_it_by_student_for_few_looks(self):
        found = trend(self.four, [1000, 1100, 900, 1000])
        assert found.upper - found.slope > 4.3 * 20  # t(2) = 4.3; least squares has a standard error of 37

    def test_the_monsoon_is_a_gap_and_no_dip(self):
        dry = days_of(*(f"{year}-{month:02d}-10" for year in (2020, 2021, 2022) for month in (1, 3, 12)))
        wet = days_of("2020-07-10", "2021-07-10", "2022-07-10")
        flat = trend(dry, np.full(len(dry), 2000.0))
        mixed = trend(np.r_[dry, wet], np.r_[np.full(len(dry), 2000.0), [500.0, 500.0, 500.0]])
        assert flat.slope == pytest.approx(0, abs=1e-6)
        assert mixed == pytest.approx((0, 0, 0), abs=1e-3)

    def test_season_numbers(self):
        when = np.array(["2021-04-30", "2021-05-01", "2021-10-31", "2021-11-01", "2022-01-01"], "datetime64[D]")
        assert season_number(when).tolist() == [102, 103, 103, 104, 104]


class TestWhereGapsAllowNone:
    @pytest.mark.parametrize(
        "dates",
        [
            (),
            ("2020-01-15", "2021-01-15", "2022-01-15"),  # three looks
            ("2020-01-15", "2020-02-15", "2020-03-15", "2020-11-15"),  # less than a year
            ("2020-01-15", "2020-02-01", "2021-12-01", "2021-12-20"),  # two blocks: a difference, no trend
            ("2020-01-15", "2020-07-15", "2020-09-25", "2021-03-25"),  # too few of one season in different years
            ("2020-01-15", "2020-01-15", "2021-01-15", "2022-01-15"),  # one of them comes twice
        ],
    )
    def test_there_is_none(self, dates):
        day = days_of(*dates)
        assert trend(day, np.arange(len(day)) * 100.0) is None


series = st.lists(
    st.tuples(st.integers(0, 2500), st.integers(0, 20_000), st.integers(1, 500)),
    min_size=4,
    max_size=25,
    unique_by=lambda row: row[0],
)


class TestWhatDoesNotMatter:
    @given(series, st.randoms(use_true_random=False))
    @settings(max_examples=30, deadline=None)
    def test_order_and_looks_that_come_twice(self, rows, random):
        again = [*rows, *random.choices(rows, k=3)]
        random.shuffle(again)
        assert trend(*map(np.array, zip(*rows, strict=True))) == trend(*map(np.array, zip(*again, strict=True)))

    @given(series)
    @settings(max_examples=30, deadline=None)
    def test_the_interval_holds_the_slope_and_is_the_same_again(self, rows):
        columns = [np.array(column) for column in zip(*rows, strict=True)]
        found = trend(*columns)
        assert found == trend(*columns)
        assert found is None or found.lower <= found.slope <= found.upper

    @given(series, st.integers(2, 9))
    @settings(max_examples=30, deadline=None)
    def test_twice_the_area_has_twice_the_trend(self, rows, factor):
        day, area, sigma = (np.array(column, float) for column in zip(*rows, strict=True))
        before, after = trend(day, area, sigma), trend(day, factor * area, factor * sigma)
        assert (before is None) == (after is None)
        if before is not None:
            assert after.slope == pytest.approx(factor * before.slope)


def invented(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, float] | None:
    """Two to five years of looks between clouds at a site that grows steadily, with the works' own ups and downs."""
    n_years, step = int(rng.integers(2, 6)), float(rng.choice([10, 20, 30]))
    day = np.arange(float(rng.integers(0, 365)), 365.0 * n_years + 60, step) + rng.uniform(0, 1)
    month = (day.astype(int).astype("datetime64[D]").astype("datetime64[M]").astype(int)) % 12 + 1
    is_clear = rng.random(len(day)) < np.array([CLEAR[int(one)] for one in month]) * rng.choice([0.3, 0.6, 1.0])
    day, month = day[is_clear], month[is_clear]
    if len(day) < 2:
        return None
    area, memory_days = rng.uniform(1000, 20_000), rng.choice([0.001, 20.0, 60.0])
    per_year = rng.normal(0, 0.3) * area
    together = np.exp(-np.abs(day[:, None] - day) / memory_days)
    works = rng.multivariate_normal(np.zeros(len(day)), together, method="cholesky") * rng.choice([0.0, 0.05, 0.15])
    monsoon = np.isin(month, (5, 6, 7, 8, 9, 10)) * rng.normal(0, 0.2)
    sigma = rng.choice([0.02, 0.05, 0.1]) * area
    noise = rng.standard_t(3, len(day)) / np.sqrt(3) if rng.random() < 0.3 else rng.normal(size=len(day))
    seen = area * (1 + works + monsoon) + per_year * day / 365.25 + sigma * noise
    return day, seen, np.full(len(day), sigma), per_year


def test_intervals_hold_the_truth_of_simulated_series():
    rng = np.random.default_rng(4)
    holds = []
    while len(holds) < 200:
        made = invented(rng)
        found = trend(*made[:3]) if made is not None else None
        if found is not None:
            holds.append(found.lower <= made[3] <= found.upper)
    assert np.mean(holds) >= 0.93


class TestClosures:
    """Sites in a table of place and look, as ``series.place_looks`` gives it."""

    day0 = datetime(2022, 1, 1, tzinfo=UTC)

    def since(self, n_ponds, *, status=State.GONE, states=None):
        looks = [LookAt(self.day0 + timedelta(days=30 * number)) for number in range(len(n_ponds))]
        state = [State.PRESENT if n else State.UNOBSERVED for n in n_ponds] if states is None else states
        rows = pd.DataFrame(
            {"place": 0, "look": np.arange(len(n_ponds)), "n_ponds": np.array(n_ponds, float), "state": state}
        )
        at = np.array([[*state[:-1], status]], np.int8)
        return not_seen_since(rows, looks, at, 1)[0]

    def test_the_first_clear_look_without_liquid_after_the_last_with_some(self):
        assert self.since([3, 0, 2, np.nan, 0, 0, 0]) == np.datetime64("2022-05-01")

    def test_cloud_after_the_last_sighting_makes_the_interval_longer(self):
        assert self.since([3, np.nan, np.nan, np.nan, 0, 0, 0]) == np.datetime64("2022-05-01")

    def test_a_site_that_is_not_gone_has_none(self):
        assert np.isnat(self.since([3, 0, 0], status=State.PRESENT))
        assert np.isnat(self.since([3, np.nan, np.nan], status=State.UNOBSERVED))

    def test_a_sheet_counts_as_being_there(self):
        states = [State.PRESENT, State.GONE, State.COVERED, State.GONE, State.GONE]
        assert self.since([3, 0, 0, 0, 0], states=states) == np.datetime64("2022-04-01")

    def test_without_sites_or_looks_there_is_nothing(self):
        nothing = pd.DataFrame({"place": [], "look": [], "n_ponds": [], "state": []}).astype(
            {"place": int, "look": int}
        )
        assert len(not_seen_since(nothing, [], np.empty((0, 0), np.int8), 0)) == 0


class LookAt(Look):
    """A look of which only the time counts."""

    def __init__(self, start: datetime) -> None:
        object.__setattr__(self, "at", start)

    __slots__ = ("at",)

    @property
    def start(self) -> datetime:
        return self.at
