"""Shares and their intervals, against numbers computed by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pondscan.survey.intervals import f1, wilson


def test_wilson_by_hand():
    """p = 0.9, n = 20, z² = 3.8415: (0.9 + 0.09604 ± 1.96·√(0.0045 + 0.0024010)) / 1.19207."""
    share = wilson(18, 20)
    assert share.value == 0.9
    assert share.lower == pytest.approx(0.6990, abs=1e-4)
    assert share.upper == pytest.approx(0.9721, abs=1e-4)


def test_all_hit_is_not_certain():
    """At p = 1 the lower end is n / (n + z²)."""
    share = wilson(10, 10)
    assert share.lower == pytest.approx(10 / 13.8415, abs=1e-4)
    assert share.upper == 1.0


def test_of_nothing_there_is_no_share():
    assert wilson(0, 0).value is None
    assert f1(0, 0, 0).lower is None


def test_f1_and_its_interval_by_hand():
    """6 hits, 2 false, 4 missed: F1 = 12/18; J = 6/12 in 0.2538..0.7462, and 2J/(1+J) of those ends."""
    share = f1(6, 8, 10)
    assert share.value == pytest.approx(2 / 3)
    assert share.lower == pytest.approx(2 * 0.2538 / 1.2538, abs=1e-4)
    assert share.upper == pytest.approx(2 * 0.7462 / 1.7462, abs=1e-4)


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200))
def test_intervals_hold_their_share(n_hits, n_false, n_missed):
    for share in (wilson(n_hits, n_hits + n_false), f1(n_hits, n_hits + n_false, n_hits + n_missed)):
        if share.value is not None:
            assert 0 <= share.lower <= share.value + 1e-12
            assert share.value - 1e-12 <= share.upper <= 1
