"""scripts/fit_confidence: labels, fit, and models read back by the scan."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from pondscan import simulate
from pondscan.detect import company

Load = Callable[[str], ModuleType]


@pytest.fixture
def fit_confidence(program: Load) -> ModuleType:
    return program("scripts/fit_confidence")


def test_knots_are_hats_that_add_up_to_one(fit_confidence: ModuleType) -> None:
    columns = fit_confidence.basis(np.array([0.0, 1.0, 1.5, 9.0, np.nan]), [0, 1, 2])
    assert columns.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1], [0, 0, 0]]


def test_fit_tells_ponds_from_clutter_by_what_divides_them(fit_confidence: ModuleType) -> None:
    rng = np.random.default_rng(1)
    n = 600
    is_pond = rng.random(n) < 0.5
    frame = pd.DataFrame({name: rng.uniform(knots[0], knots[-1], n) for name, knots in fit_confidence.KNOTS.items()})
    frame["snr"] = np.where(is_pond, rng.uniform(8, 30, n), rng.uniform(2, 8, n))
    frame = frame.assign(leach_pond=is_pond.astype(float), background="simulated", scene=1, area_km2=4.0, weight=1.0)
    model = fit_confidence.fit(frame, "leach_pond", has_swir=False)
    assert "swir_drop" not in model["terms"]
    assert model["assumed_ponds_per_km2"] == round(is_pond.sum() / 4.0, 2)
    assert ((company.log_odds(frame, model, 10.0) > 0) == is_pond).mean() > 0.97


def test_company_speaks_for_a_pond_that_shows_little_by_itself(fit_confidence: ModuleType) -> None:
    rng = np.random.default_rng(2)
    n = 900  # in threes, 30 m apart: two clear ponds or two clear nothings, and one that could be either
    is_site, is_faint = np.repeat(rng.random(n // 3) < 0.5, 3), np.arange(n) % 3 == 2
    frame = pd.DataFrame({"snr": np.where(is_faint, 5.0, np.where(is_site, 9.0, 1.0)), "leach_pond": is_site * 1.0})
    frame = frame.assign(
        row=3.0 * (np.arange(n) % 3), col=100.0 * (np.arange(n) // 3), rejected="", gsd_m=10.0, weight=1.0
    )
    frame = frame.assign(area_km2=10.0, background=np.where(np.arange(n) < 450, "simulated", "town"), scene=1)
    first = {"intercept": -5.0, "terms": {"snr": {"knots": [0, 10], "values": [0.0, 10.0]}}, "n_ponds": 7}
    model, without = fit_confidence.in_two_steps(frame, first, {"town": first, "river": first}, 0.5)
    for one in (model, without["town"]):
        odds = company.log_odds(frame, one, 10.0)
        assert odds[is_faint & is_site].min() > 1
        assert odds[is_faint & ~is_site].max() < -1
        assert (one["n_ponds"], one["first"]) == (7, {"intercept": -5.0, "terms": first["terms"]})
        assert one["assumed_ponds_per_km2"] == round(0.5 * is_site.sum() / 20.0, 2), "of the scenes of the second step"
    assert set(without) == {"town"}, "a background that is not there is left as it is"


def test_candidates_are_labelled_by_their_truth(fit_confidence: ModuleType) -> None:
    place = simulate.make_place(1031, preset="forest", width_m=600, height_m=600, n_sites=1, median_diameter_m=12)
    rendered = simulate.render(place, "planetscope", datetime(2022, 3, 12, 4, tzinfo=UTC), seed=1031)
    frame = fit_confidence.labelled(place, rendered, "reflectance")
    true = simulate.truth(place, rendered.datetime, rendered)
    is_pond = (true["status"] == "present") & (true["kind"] != "other_water")
    assert 0 < frame["leach_pond"].sum() <= is_pond.sum()
    assert frame["leach_pond"].sum() > 0.7 * is_pond.sum()
    assert (frame["small_water"].fillna(1) >= frame["leach_pond"].fillna(0)).all()
