"""The promise of a workspace, through the command itself: any order, any split, any kill, the same bytes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from pondscan.simulate import simulate_series

PRODUCTS = (
    *("ponds.geojson", "sites.geojson", "timeseries.csv", "survey.csv", "aliases.csv"),
    *("pondscan.gpkg", "report.html"),
)
N_TRIALS = 30
LONGEST_S = 600
MOST_CHANGES = 120
"""A run of the six scenes touches the folder some hundred times."""

KILLED_AT_A_CHANGE = """
import os, signal, sys

left = int(sys.argv.pop(1))

def count(event, _):
    global left
    if event in {"os.rename", "os.remove", "os.mkdir", "shutil.rmtree", "sqlite3.connect"}:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
from pondscan.cli import main
main()
"""
"""The command, killed just before it changes the folder for the n-th time: chance alone seldom hits these moments."""


def census(scenes: list[Path], out: Path, *program: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, *(program or ("-m", "pondscan")), "run", *map(str, scenes), "--out", str(out), "-q"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # noqa: S603


def finished(scenes: list[Path], out: Path) -> float:
    """Run to the end; return how long it took."""
    started = time.monotonic()
    process = census(scenes, out)
    _, said = process.communicate(timeout=LONGEST_S)
    assert process.returncode == 0, said.decode()
    return time.monotonic() - started


def killed(scenes: list[Path], out: Path, after_s: float) -> None:
    """Run, and kill -9 after a while; it may have ended before."""
    process = census(scenes, out)
    try:
        process.communicate(timeout=after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def killed_at_a_change(scenes: list[Path], out: Path, number: int) -> None:
    """Run, and die before the change of this number; it may have ended before."""
    process = census(scenes, out, "-c", KILLED_AT_A_CHANGE, str(number))
    _, said = process.communicate(timeout=LONGEST_S)
    assert process.returncode in {0, -signal.SIGKILL}, said.decode()


def products_in(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in PRODUCTS}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[list[Path], dict[str, bytes], float]:
    """Six scenes of two sensors, one clouded; their products; how long a run of them takes."""
    folder = tmp_path_factory.mktemp("undisturbed")
    made = simulate_series(
        folder / "scenes",
        seed=7,
        sensors=("sentinel-2", "planetscope"),
        dates=(date(2021, 2, 10), date(2021, 12, 5), date(2022, 3, 12)),
        width_m=960,
        height_m=780,
        n_sites=2,
        cloud_fractions=(0.0, 0.4, 0.0),
    )
    scenes = list(made.scenes)
    seconds = finished(scenes, folder / "census")
    return scenes, products_in(folder / "census"), seconds


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(N_TRIALS))
def test_any_order_split_and_kill_end_in_the_same_bytes(undisturbed, tmp_path, seed):
    scenes, expected, seconds = undisturbed
    rng = np.random.default_rng(seed)
    order = [scenes[i] for i in rng.permutation(len(scenes))]
    cuts = np.sort(rng.choice(np.arange(1, len(order)), size=rng.integers(0, 3), replace=False))
    out = tmp_path / "census"
    for part in np.split(np.arange(len(order)), cuts):
        given = [order[i] for i in part]
        for _ in range(rng.integers(0, 3)):
            if rng.uniform() < 0.5:
                killed(given, out, after_s=float(rng.uniform(0.1, 1.0)) * seconds)
            else:
                killed_at_a_change(given, out, number=int(rng.integers(1, MOST_CHANGES)))
        finished(given, out)
    assert products_in(out) == expected
