"""scripts/choose_constants and benchmarks/performance."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from pondscan import simulate

Load = Callable[[str], ModuleType]


def test_a_trial_is_counted(program: Load) -> None:
    choose = program("scripts/choose_constants")
    place = simulate.make_place(1032, preset="bare", width_m=900, height_m=900, n_sites=1, median_diameter_m=24)
    rendered = simulate.render(place, "sentinel-2", choose.WHEN, seed=1032)
    choose.TRIALS.append(choose.Trial(rendered, place, is_implant=False))
    hits, n_found, n_true, found_m2, true_m2, n_within, n_candidates, is_implant = choose.count(0)
    assert 1 <= hits <= min(n_found, n_true)
    assert found_m2 == pytest.approx(true_m2, rel=0.5)
    assert n_within <= hits
    assert n_candidates >= 1  # before they are divided: fewer than ponds where they touch
    assert not is_implant


def test_a_value_is_told_in_one_line_places_before_implants(program: Load) -> None:
    one = [8.0, 10.0, 16.0, 1100.0, 1000.0, 6.0, 40.0, 0.0]
    told = program("scripts/choose_constants").line(np.array([one, [5.0, 5.0, 5.0, 900.0, 1000.0, 4.0, 9.0, 1.0]]))
    places, implants = told.split("|")
    assert places.split() == ["0.800", "0.500", "0.615", "+0.100", "0.75", "40"]
    assert implants.split() == ["1.000", "1.000", "1.000", "-0.100", "0.80", "9"]


def test_every_constant_is_tried_at_the_value_in_use(program: Load) -> None:
    for name, (home, values) in program("scripts/choose_constants").CONSTANTS.items():
        assert getattr(home, name) in values


def test_cost_of_a_command_is_measured(program: Load) -> None:
    performance = program("benchmarks/performance")
    cost = performance.measured([performance.sys.executable, "-c", "sum(range(3_000_000))"])
    assert cost.wall_s > 0
    assert cost.cpu_s > 0
    assert cost.peak_mib > 3
