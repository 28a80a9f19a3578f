"""scripts/choose_splitting and benchmarks/performance."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from pondscan import simulate

Load = Callable[[str], ModuleType]


def test_splitting_is_counted_on_a_place(program: Load) -> None:
    choose = program("scripts/choose_splitting")
    place = simulate.make_place(1032, preset="bare", width_m=900, height_m=900, n_sites=1, median_diameter_m=24)
    rendered = simulate.render(place, "sentinel-2", choose.WHEN, seed=1032)
    hits, n_found, n_true, found_m2, true_m2 = choose.count(place, rendered)
    assert 1 <= hits <= min(n_found, n_true)
    assert found_m2 == pytest.approx(true_m2, rel=0.5)


def test_splitting_is_told_in_one_line(program: Load) -> None:
    told = program("scripts/choose_splitting").line(0.2, 0.85, np.array([8.0, 10.0, 16.0, 1100.0, 1000.0]))
    assert told.split() == ["0.20", "0.85", "0.800", "0.500", "0.615", "+0.100"]


def test_cost_of_a_command_is_measured(program: Load) -> None:
    performance = program("benchmarks/performance")
    cost = performance.measured([performance.sys.executable, "-c", "sum(range(3_000_000))"])
    assert cost.wall_s > 0
    assert cost.cpu_s > 0
    assert cost.peak_mib > 3
