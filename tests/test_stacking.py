from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from painted_scenes import Disc, view

from pondscan.config import Settings
from pondscan.follow.products import take_census
from pondscan.follow.stacking import near_pairs, stack, supplement

CRS = "EPSG:32647"


def of(seen: str, *, mean: float = 0.0, gsd_m: float = 10.0, day=None, n_ponds: int = 1, step_m: float = 20.0):
    """Ponds in a row that all look alike; ``x`` saw them, ``.`` was clear and did not, ``u`` could not tell."""
    marks = np.array([list(seen)] * n_ponds)
    return stack(
        marks == "x",
        marks == ".",
        np.full(n_ponds, mean),
        neighbours=near_pairs(step_m * np.arange(n_ponds), np.zeros(n_ponds)),
        gsd_m=np.full(len(seen), gsd_m),
        day=np.zeros(len(seen)) if day is None else np.array(day, dtype=float),
    )


class TestStack:
    def test_share_of_the_clear_looks(self):
        assert of("x.u.x").share.tolist() == [0.5]
        assert of("x.u.x").n_looks.tolist() == [4]
        assert of("u").share.tolist() == [0.0]

    def test_looks_long_before_and_after_count_less(self):
        # one miss a year before, one between, one half a year after: 2 / (2 + 1/e + 1 + e^-0.5)
        share = of(".x.x.", day=[0, 365, 400, 500, 682.5]).share[0]
        assert share == pytest.approx(2 / (3 + np.exp(-1) + np.exp(-0.5)))

    def test_only_looks_as_fine_as_the_finest_that_saw_it_are_asked(self):
        seen, empty = np.array([[True, False, False]]), np.array([[False, True, True]])
        told = stack(
            seen, empty, np.zeros(1), neighbours=near_pairs(np.zeros(1), np.zeros(1)),
            gsd_m=np.array([3.0, 10.0, 3.0]), day=np.zeros(3),
        )  # fmt: skip
        assert (told.share[0], told.n_looks[0], told.is_fine[0]) == (0.5, 2, True)
        assert not of("x").is_fine[0]

    def test_neighbours_to_expect(self):
        # ends of a row of five, 20 m apart, have three others within 60 m; each is real with 0.5 and seen at half
        near = of("x.", n_ponds=5).near
        assert near.tolist() == pytest.approx([0.75, 1.0, 1.0, 1.0, 0.75])
        assert of("x.", n_ponds=5, step_m=61.0).near.tolist() == [0] * 5


class TestSupplement:
    @given(st.floats(-4, 7), st.integers(1, 9))
    def test_one_look_is_believed_as_it_is(self, mean, n_ponds):
        assert supplement(of("xu", mean=mean, n_ponds=n_ponds), "leach_pond").tolist() == [0.0] * n_ponds

    def test_targets_without_a_model_keep_their_mean(self):
        assert supplement(of("x.x", n_ponds=3), "small_water").tolist() == [0.0] * 3

    def test_ponds_that_are_resolved_need_no_company(self):
        assert supplement(of("x.x", gsd_m=3.0), "leach_pond").tolist() == [0.0]

    def test_a_flash_loses_and_company_that_lasts_gains(self):
        def told(seen: str, n_ponds: int) -> float:
            return float(supplement(of(seen, mean=0.5, n_ponds=n_ponds), "leach_pond")[0])

        assert told("...x..", 1) < -1
        assert told("...x..", 1) < told("xxxxxx", 1)
        assert told("xxxxxx", 1) < told("xxxxxx", 4)
        assert told("xxxxxx", 4) > 1


def test_six_coarse_looks_tell_a_row_of_faint_ponds_from_a_faint_roof():
    row = [Disc(500 + 25 * i, 500, 10.0, confidence=0.45) for i in range(5)]
    roof = [Disc(1500, 1500, 10.0, confidence=0.45)]
    coarse = {"sensor": "sentinel-2", "gsd_m": 10.0}
    views = [view(f"2024-01-{day:02d}", [*row, *(roof if day == 16 else [])], **coarse) for day in range(1, 31, 5)]
    least = Settings().confidence.min_confidence
    one, _ = take_census(views[3:4], CRS)
    assert (one.ponds["confidence"] < least).all()
    six, _ = take_census(views, CRS)
    is_row = six.ponds["y"] < six.ponds["y"].mean()
    assert (six.ponds.loc[is_row, "confidence"] > 0.7).all()
    assert (six.ponds.loc[~is_row, "confidence"] < 0.2).all()
