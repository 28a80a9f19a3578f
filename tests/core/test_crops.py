"""Crops: the right pixels, whole cells, near what may be believed, and the same however a scene is read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pondscan import simulate
from pondscan.config import Settings
from pondscan.detect import prospects, scan
from pondscan.detect.crops import CELL_PX, STEP, Crops, CropSampler, grey, reflectance
from pondscan.detect.measure import OPTICAL
from pondscan.detect.tiles import RollingRows
from pondscan.model import INVALID, Grid, Scene, Window
from pondscan.simulate.reader import RenderedReader

GRID = Grid("EPSG:32647", 600_000.0, 2_830_000.0, 10.0, 200, 150)
WHEN = datetime(2022, 3, 12, 4, tzinfo=UTC)


@given(st.integers(0, 5080))
def test_reflectance_is_recovered_to_half_a_step(counts: int) -> None:
    value = grey(np.array([counts], np.int16))
    assert value[0] > 0
    assert abs(reflectance(value)[0] - counts * 1e-4) <= STEP / 2 + 1e-6


def test_what_is_brighter_or_darker_than_the_scale_is_clipped_and_no_data_is_nought() -> None:
    assert grey(np.array([-300, 30_000, INVALID], np.int16)).tolist() == [1, 255, 0]


def rows_of(role_values: dict[str, np.ndarray]) -> RollingRows:
    rows = RollingRows(GRID.width, GRID.height)
    for role, values in role_values.items():
        rows.put(role, Window(0, GRID.height, 0, GRID.width), values)
    return rows


def gradient() -> dict[str, np.ndarray]:
    row, col = np.mgrid[0 : GRID.height, 0 : GRID.width]
    values = {"red": 20 * row, "green": 20 * col, "blue": row + col, "nir": 20 * (row + col) // 2}
    return {role: counts.astype(np.int16) for role, counts in values.items()}


def load(*_: object) -> None:
    """All is in memory."""


def test_whole_cells_within_the_margin_of_an_object_are_kept() -> None:
    sampler = CropSampler(GRID, OPTICAL, room_px=100)
    sampler.take(np.array([75.0]), np.array([100.0]), rows_of(gradient()).gather, load)
    crops = sampler.around(np.array([75.0]), np.array([100.0]))
    # 120 m are 12 pixels: rows 63 to 87 are in the cells 3 to 5, columns 88 to 112 in the cells 5 to 7.
    assert crops.cells.tolist() == [[r, c] for r in (3, 4, 5) for c in (5, 6, 7)]
    assert crops.roles == ("red", "green", "blue", "nir")
    assert crops.pixels.shape == (9, 4, CELL_PX, CELL_PX)
    true = gradient()
    for (r, c), pixels in zip(crops.cells, crops.pixels, strict=True):
        place = np.s_[r * CELL_PX : (r + 1) * CELL_PX, c * CELL_PX : (c + 1) * CELL_PX]
        assert (pixels == np.stack([grey(true[role][place]) for role in crops.roles])).all()


def test_a_cell_over_the_edge_of_the_scene_is_empty_beyond_it() -> None:
    sampler = CropSampler(GRID, OPTICAL, room_px=100)
    sampler.take(np.array([149.0]), np.array([199.0]), rows_of(gradient()).gather, load)
    crops = sampler.around(np.array([149.0]), np.array([199.0]))
    assert crops.cells.max(axis=0).tolist() == [9, 12]
    corner = crops.pixels[-1]
    assert (corner[:, :6, :8] > 0).all()  # 150 rows end in the sixth of the last cell, 200 columns in its eighth
    assert (corner[:, 6:] == 0).all()
    assert (corner[:, :, 8:] == 0).all()


def test_the_margin_gives_way_where_there_is_no_room() -> None:
    assert CropSampler(GRID, OPTICAL, room_px=100).reach_px == 12 + CELL_PX
    assert CropSampler(GRID, OPTICAL, room_px=20).reach_px == 20
    assert CropSampler(replace(GRID, gsd_m=0.5), OPTICAL, room_px=400).reach_px == 64 + CELL_PX


def test_nothing_believed_is_nothing_kept() -> None:
    sampler = CropSampler(GRID, OPTICAL, room_px=100)
    none = np.empty(0)
    assert len(sampler.around(none, none)) == 0
    sampler.take(np.array([75.0]), np.array([100.0]), rows_of(gradient()).gather, load)
    assert len(sampler.around(none, none)) == 0


@cache
def rendered(sensor: str) -> simulate.Rendered:
    place = simulate.make_place(21, width_m=2400, height_m=2100, n_sites=8, median_diameter_m=18)
    return simulate.render(place, sensor, WHEN, seed=21, cloud_fraction=0.1)


def scanned(sensor: str, *, tile_px: int = 512, workers: int = 2) -> scan.ScanResult:
    reader = RenderedReader(rendered(sensor))
    with ThreadPoolExecutor(workers) as executor:
        return scan.scan_scene(reader, Settings.model_validate({"tiles": {"size_px": tile_px}}), executor=executor)


@cache
def reference(sensor: str) -> Crops:
    crops = scanned(sensor).crops
    assert crops is not None
    return crops


@given(st.sampled_from(["planetscope", "sentinel-2"]), st.sampled_from([256, 768, 1024]), st.integers(1, 3))
@settings(deadline=None, max_examples=5)
def test_crops_depend_neither_on_tiles_nor_on_workers(sensor: str, tile_px: int, workers: int) -> None:
    crops, expected = scanned(sensor, tile_px=tile_px, workers=workers).crops, reference(sensor)
    assert crops is not None
    assert np.array_equal(crops.cells, expected.cells)
    assert np.array_equal(crops.pixels, expected.pixels)


@pytest.mark.parametrize("sensor", ["planetscope", "sentinel-2"])
def test_every_stored_object_has_the_pixels_of_the_scene_around_it(sensor: str) -> None:
    crops, scene = reference(sensor), rendered(sensor)
    grid, observations = scene.grid, scanned(sensor).observations
    assert len(observations) > 10
    kept = {tuple(cell) for cell in crops.cells.tolist()}
    for x, y in zip(observations["x"], observations["y"], strict=True):
        row, col = (grid.y_origin - y) / grid.gsd_m, (x - grid.x_origin) / grid.gsd_m
        for d_row, d_col in ((-11, -11), (0, 0), (11, 11)):
            r, c = int(row + d_row), int(col + d_col)
            if 0 <= r < grid.height and 0 <= c < grid.width:
                assert (r // CELL_PX, c // CELL_PX) in kept
    for number, role in enumerate(crops.roles):
        true = np.nan_to_num(scene.bands[role])
        for (r, c), pixels in zip(crops.cells[::17], crops.pixels[::17, number], strict=True):
            shown = true[r * CELL_PX : (r + 1) * CELL_PX, c * CELL_PX : (c + 1) * CELL_PX]
            inside = pixels[: shown.shape[0], : shown.shape[1]]
            assert np.abs(reflectance(inside) - np.clip(shown, 0, 0.508)).max() < STEP


def test_the_settings_can_leave_them_out() -> None:
    with ThreadPoolExecutor(2) as executor:
        settings_without = Settings.model_validate({"chips": {"imagery": False}})
        result = scan.scan_scene(RenderedReader(rendered("sentinel-2")), settings_without, executor=executor)
    assert result.crops is None
    assert len(result.observations) == len(scanned("sentinel-2").observations)


@pytest.mark.parametrize("sensor", ["planetscope", "sentinel-2"])
def test_nothing_that_is_believed_was_given_up_before_all_was_measured(sensor: str, monkeypatch) -> None:
    """The bound on what an object may be judged holds for every object."""
    hoped: set[tuple[float, float]] = set()
    bound = prospects.hopeful

    def told(frames: list[pd.DataFrame], scene: Scene, *how: object) -> tuple[np.ndarray, np.ndarray]:
        row, col = bound(frames, scene, *how)
        hoped.update(zip(row.tolist(), col.tolist(), strict=True))
        return row, col

    monkeypatch.setattr(prospects, "hopeful", told)
    with ThreadPoolExecutor(2) as executor:
        judged, _, _ = scan.judge_scene(RenderedReader(rendered(sensor)), Settings(), executor=executor)
    believed = judged.frame[judged.frame["confidence"] >= scan.KEPT_CONFIDENCE]
    assert len(believed) > 10
    assert set(zip(believed["row"].tolist(), believed["col"].tolist(), strict=True)) <= hoped
    assert len(hoped) < len(judged.frame)
