"""scripts/fit_confidence: labels, fit, and models read back by the scan."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from pondscan import simulate
from pondscan.detect import ponds

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
    frame = frame.assign(leach_pond=is_pond.astype(float), background="simulated", scene=1, area_km2=4.0)
    frame = frame.assign(gsd_m=10.0, rejected="", row=0.0, col=100.0 * np.arange(n))  # each alone
    model = fit_confidence.fit(frame, "leach_pond", has_swir=False)
    assert "swir_drop" not in model["terms"]
    assert model["assumed_ponds_per_km2"] == round(is_pond.sum() / 4.0, 2)
    assert ((ponds.log_odds(frame, model, 10.0) > 0) == is_pond).mean() > 0.97


def test_company_speaks_for_a_pond_that_shows_little_by_itself(fit_confidence: ModuleType) -> None:
    rng = np.random.default_rng(2)
    n = 900  # in threes, 30 m apart: two clear ponds or two clear nothings, and one that could be either
    frame = pd.DataFrame({name: np.full(n, knots[1], float) for name, knots in fit_confidence.KNOTS.items()})
    is_site, is_faint = np.repeat(rng.random(n // 3) < 0.5, 3), np.arange(n) % 3 == 2
    frame["snr"] = np.where(is_faint, 5.0, np.where(is_site, 14.0, 2.0))
    frame = frame.assign(leach_pond=is_site.astype(float), background="simulated", scene=1, area_km2=4.0)
    frame = frame.assign(gsd_m=10.0, rejected="", row=3.0 * (np.arange(n) % 3), col=100.0 * (np.arange(n) // 3))
    model = fit_confidence.fit(frame, "leach_pond", has_swir=False)
    odds = ponds.log_odds(frame, model, 10.0)
    assert odds[is_faint & is_site].min() > 1
    assert odds[is_faint & ~is_site].max() < -1
    assert "first" not in fit_confidence.fit(
        frame.assign(small_water=frame["leach_pond"]), "small_water", has_swir=False
    )


def test_candidates_are_labelled_by_their_truth(fit_confidence: ModuleType) -> None:
    place = simulate.make_place(1031, preset="forest", width_m=600, height_m=600, n_sites=1, median_diameter_m=12)
    rendered = simulate.render(place, "planetscope", datetime(2022, 3, 12, 4, tzinfo=UTC), seed=1031)
    frame = fit_confidence.labelled(place, rendered, "reflectance")
    true = simulate.truth(place, rendered.datetime, rendered)
    is_pond = (true["status"] == "present") & (true["kind"] != "other_water")
    assert 0 < frame["leach_pond"].sum() <= is_pond.sum()
    assert frame["leach_pond"].sum() > 0.7 * is_pond.sum()
    assert (frame["small_water"].fillna(1) >= frame["leach_pond"].fillna(0)).all()
