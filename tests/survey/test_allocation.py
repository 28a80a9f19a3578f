from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pondscan.survey.allocation import allocate, needed
from pondscan.survey.resampling import by_site, widened
from pondscan.survey.stratified import Estimate, total

strata = st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 200).map(lambda k: k / 100)), min_size=1, max_size=8)


def test_the_size_that_a_share_needs():
    """A half of a large population to ± 0.05 takes 1.96² / 4 / 0.05² = 384.1 units, and no more than there are."""
    assert needed([10**9], [0.5], half_width=0.05 * 10**9) == 385
    assert needed([100], [0.5], half_width=1) <= 100
    assert needed([100], [0.0], half_width=1) == 0


def test_more_where_more_can_go_wrong():
    assert allocate([1000, 1000], [0.5, 0.1], 120, least=10).tolist() == [100, 20]


def test_a_full_stratum_leaves_its_share_to_the_others():
    assert allocate([20, 1000, 1000], [5.0, 0.1, 0.1], 120, least=10).tolist() == [20, 50, 50]


def test_every_stratum_has_its_least():
    assert allocate([1000, 30, 1000], [0.5, 0.0, 0.0001], 100, least=50).tolist() == [50, 30, 50]


@given(strata, st.integers(0, 4000), st.integers(0, 60))
def test_an_allocation_takes_what_there_is(given_strata, n, least):
    size, spread = (np.array(one) for one in zip(*given_strata, strict=True))
    taken = allocate(size, spread, n, least=least)
    assert (taken <= size).all()
    assert (taken >= np.minimum(size, least)).all()
    can_take = np.minimum(size, least).sum() + (size - np.minimum(size, least))[size * spread > 0].sum()
    wanted = max(np.minimum(size, least).sum(), min(n, can_take))
    assert wanted - 1 <= taken.sum() <= wanted + len(size) * least


def test_neyman_beats_even_shares():
    rng = np.random.default_rng(2)
    sizes, spread = [200, 5000], [0.5, 0.1]
    populations = [rng.normal(1, s, n) for s, n in zip(spread, sizes, strict=True)]

    def error(shares):
        drawn = [
            total(
                np.concatenate([rng.choice(p, n, replace=False) for p, n in zip(populations, shares, strict=True)]),
                np.repeat([0, 1], shares),
                sizes,
            ).value
            for _ in range(400)
        ]
        return np.std(drawn)

    assert error(allocate(sizes, spread, 150, least=5)) < 0.9 * error([75, 75])


def test_sites_that_differ_widen_the_interval():
    """Ponds of a site are all right or all wrong: forty of them tell as much as four sites do."""
    values, site = np.repeat([1.0, 0.0, 1.0, 1.0], 10), np.repeat(np.arange(4), 10)
    draws = by_site(values, [0] * 40, [400], site, seed=1)
    plain = total(values, [0] * 40, [400])
    found = widened(plain, draws)
    assert found.value == plain.value
    assert found.standard_error > 2 * plain.standard_error
    assert found.upper - found.value == pytest.approx(
        (plain.upper - plain.value) * found.standard_error / plain.standard_error
    )
    assert draws.mean() == pytest.approx(300, rel=0.05)
    assert np.array_equal(draws, by_site(values, [0] * 40, [400], site, seed=1))


def test_an_interval_keeps_its_skew_and_never_shrinks():
    plain = Estimate(10.0, 2.0, 7.0, 19.0)
    wide, narrow = (widened(plain, 10 + error * np.array([-1.0, 1.0] * 500)) for error in (4.0, 1.0))
    assert (wide.lower, wide.upper) == pytest.approx((4.0, 28.0), rel=1e-3)
    assert (narrow.lower, narrow.upper) == (7.0, 19.0)


def test_units_of_their_own_give_the_plain_interval():
    rng = np.random.default_rng(3)
    values = (rng.random(200) < 0.7).astype(float)
    draws = by_site(values, [0] * 200, [1e9], np.arange(200), seed=1)
    assert np.std(draws) == pytest.approx(total(values, [0] * 200, [1e9]).standard_error, rel=0.06)


def test_a_stratum_that_a_draw_misses_keeps_its_mean():
    draws = by_site([1.0, 5.0], [0, 1], [10, 10], [0, 1], seed=1)
    assert np.allclose(draws, 60)
