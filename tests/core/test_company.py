"""Neighbours, chains, and ponds to expect around a candidate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pondscan.detect import company


def frame(**columns: list[float]) -> pd.DataFrame:
    """Candidates at 10 m pixels, in a row unless said otherwise."""
    n = len(columns["col"])
    usual = {"row": [0.0] * n, "diameter_m": [15.0] * n, "snr": [9.0] * n}
    return pd.DataFrame(usual | columns).assign(rejected="")


def test_neighbours_are_of_like_size_and_near() -> None:
    some = frame(col=[0.0, 3.0, 8.0, 20.0], diameter_m=[15.0, 12.0, 40.0, 15.0])
    assert company.neighbours(some, 10.0).tolist() == [1, 1, 0, 0]


def test_a_row_of_touching_candidates_is_one_long_chain() -> None:
    length, ratio = company.chains(frame(col=[0.0, 2.0, 4.0, 6.0, 40.0]), 10.0)
    assert length[:4] == pytest.approx(length[0])
    assert length[0] > 3 * length[4]
    assert ratio[0] > 4
    assert ratio[4] == pytest.approx(1)


def test_company_is_the_sum_of_chances_within_reach() -> None:
    # chances 1/2, 3/4, 1/4 at 0, 60 and 120 m: the middle one sees both others, those at the ends only the middle
    alone = np.array([0.0, np.log(3.0), -np.log(3.0)])
    seen = company.with_company(frame(col=[0.0, 6.0, 12.0]), alone, 10.0)
    assert seen["company"].tolist() == pytest.approx([0.75, 0.75, 0.75])
    assert seen["alone"].tolist() == alone.tolist()


def test_the_rejected_are_no_company_and_one_alone_has_none() -> None:
    some = frame(col=[0.0, 6.0]).assign(rejected=["", "channel"])
    assert company.with_company(some, np.zeros(2), 10.0)["company"].tolist() == pytest.approx([0.0, 0.5])
    assert company.with_company(frame(col=[0.0]), np.zeros(1), 10.0)["company"].tolist() == [0.0]
    assert company.with_company(frame(col=[]), np.zeros(0), 10.0)["company"].tolist() == []


def test_the_second_step_reads_the_first() -> None:
    first = {"intercept": -1.0, "terms": {"snr": {"knots": [0, 10], "values": [0.0, 10.0]}}}
    second = {
        "alone": {"knots": [-10, 10], "values": [-10.0, 10.0]},
        "company": {"knots": [0, 1], "values": [0.0, 2.0]},
    }
    some = frame(col=[0.0, 6.0], snr=[1.0, 1.0])  # log-odds 0 each, so half a pond beside each
    assert company.log_odds(some, first, 10.0).tolist() == pytest.approx([0.0, 0.0])
    both = {"intercept": 0.5, "terms": second, "first": first}
    assert company.log_odds(some, both, 10.0).tolist() == pytest.approx([1.5, 1.5])
