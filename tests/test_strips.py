"""Strips: a site in every look, with the pixels of the day, the outlines of the day, and what was hidden."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
from store_examples import GRID, observations_of, scene_named

from pondscan.album import FALSE, Album, Crop, painted
from pondscan.config import Settings
from pondscan.detect.crops import CELL_PX, Crops, grey
from pondscan.follow import products
from pondscan.follow.products import Products
from pondscan.follow.registration import Placement
from pondscan.model import Window
from pondscan.pipeline import run
from pondscan.report.inputs import Chip
from pondscan.store import Workspace
from pondscan.store.views import scene_views
from pondscan.strips import strip, strips, telling

SAMPLE_TILES = Path(__file__).parents[1] / "sample_tiles"
ROLES = ("red", "green", "blue", "nir")


# -- painted scenes ---------------------------------------------------------------------------------------------------


def ramp(role: int) -> np.ndarray:
    """Reflectance of a painted band in counts: a value for every pixel."""
    row, col = np.mgrid[0 : GRID.height, 0 : GRID.width]
    return (200 * (role + 1) + 20 * row + 10 * col).astype(np.int16)


def painted_workspace(folder: Path, *, with_crops: bool = True) -> Workspace:
    """Scene `a`: cells (0, 1) and (1, 1) of a ramp are kept; its quicklook is the ramp at a quarter of the pixels."""
    bands = np.stack([ramp(number) for number in range(4)])
    place = [np.s_[:, r * CELL_PX : (r + 1) * CELL_PX, c * CELL_PX : (c + 1) * CELL_PX] for r, c in ((0, 1), (1, 1))]
    crops = Crops(
        ROLES, np.array([(0, 1), (1, 1)]), np.stack([grey(np.ascontiguousarray(bands[one])) for one in place])
    )
    small = np.moveaxis(bands[:3, 2::4, 2::4], 0, 2)
    quicklook = np.clip(small / 10, 1, 255).astype(np.uint8)
    workspace = Workspace(folder)
    with workspace.lock(), workspace.new_scene(scene_named("a"), (), "h") as draft:
        draft.write_quicklook(quicklook)
        if with_crops:
            draft.write_imagery(crops)
        draft.save(observations_of("a", 0), {})
    return workspace


def middle_of(row: float, col: float) -> np.ndarray:
    return np.array([[GRID.x_origin + 10 * col, GRID.y_origin - 10 * row]])


def test_kept_pixels_are_shown_as_they_are(tmp_path):
    album = Album(painted_workspace(tmp_path), GRID.crs)
    (crop,) = album.crops("a", middle_of(16, 24), np.array([100.0]))
    assert crop.window == Window(11, 21, 19, 29)
    assert crop.kept == crop.shown == 1.0
    true = np.stack([ramp(number)[11:21, 19:29] for number in range(3)]) * 1e-4
    assert np.abs(crop.values - true).max() <= 0.001 + 1e-6


def test_what_is_not_kept_is_filled_from_the_quicklook_in_the_same_scale(tmp_path):
    album = Album(painted_workspace(tmp_path), GRID.crs)
    (crop,) = album.crops("a", middle_of(16, 24), np.array([300.0]))
    assert 0.4 < crop.kept < 0.6
    assert crop.shown == 1.0
    window = crop.window
    true = ramp(0)[window.row_start : window.row_stop, window.col_start : window.col_stop] * 1e-4
    assert np.abs(crop.values[0] - true).max() < 0.012  # coarse pixels of 40 m on a slope of 0.002 a pixel


def test_without_crops_there_is_the_quicklook_and_beyond_the_scene_nothing(tmp_path):
    album = Album(painted_workspace(tmp_path, with_crops=False), GRID.crs)
    over_the_edge, outside = album.crops("a", np.concatenate([middle_of(0, 0), middle_of(-50, 0)]), np.full(2, 100.0))
    assert (over_the_edge.kept, over_the_edge.shown) == (0.0, 0.25)
    assert np.isnan(over_the_edge.values[:, :5]).all()
    assert outside is None


def test_false_colour_has_infrared_where_it_was_kept_and_grey_elsewhere(tmp_path):
    album = Album(painted_workspace(tmp_path), GRID.crs)
    (crop,) = album.crops("a", middle_of(16, 24), np.array([300.0]), FALSE)
    row, col = 16 - crop.window.row_start, 24 - crop.window.col_start
    assert crop.values[:, row, col] == pytest.approx([0.0001 * ramp(band)[16, 24] for band in (3, 0, 1)], abs=0.0011)
    assert (np.ptp(crop.values[:, ~crop.is_kept], axis=0) == 0).all()


def test_a_scene_that_lies_off_the_others_is_cut_where_it_shows_the_place(tmp_path):
    workspace = painted_workspace(tmp_path)
    moved = Album(workspace, GRID.crs, {"a": Placement("moved", east_m=20.0, north_m=-10.0)})
    (crop,) = moved.crops("a", middle_of(16, 24), np.array([100.0]))
    assert crop.window == Window(12, 22, 21, 31)
    assert moved.pixels_of("a", middle_of(16, 24)).tolist() == [[26.0, 17.0]]


def test_a_place_of_another_zone_is_found_in_the_scene(tmp_path):
    album = Album(painted_workspace(tmp_path), "EPSG:32646")
    x, y = pyproj.Transformer.from_crs(GRID.crs, "EPSG:32646", always_xy=True).transform(*middle_of(16, 24)[0])
    assert album.pixels_of("a", np.array([[x, y]])) == pytest.approx(np.array([[24.0, 16.0]]), abs=1e-4)


def flat(value: float, *, scene_id: str = "a") -> Crop:
    values = np.full((3, 8, 8), value, np.float32)
    values[:, :4] += 0.1
    return Crop(scene_id, Window(0, 8, 0, 8), values, np.ones((8, 8), bool), 10.0, 10.0)


def test_one_stretch_for_all_dates_decided_by_the_clear_ones():
    dark, bright, cloud = painted([flat(0.05), flat(0.10), flat(0.80)], is_clear=[True, True, False])
    assert dark.mean() < bright.mean() < 255
    assert (cloud == 255).all()


def test_pixels_that_show_nothing_are_told_apart_from_black():
    crop = flat(0.05)
    crop.values[:, 0, 0] = np.nan
    (picture,) = painted([crop], is_clear=[True])
    assert picture[0, 0].tolist() == [226, 231, 233]


# -- which looks tell most --------------------------------------------------------------------------------------------


def rows_of(areas: list[float | None], sensor: str = "sentinel-2") -> pd.DataFrame:
    seen = [area is not None for area in areas]
    return pd.DataFrame(
        {
            "scene_id": [f"s{number:02d}" for number in range(len(areas))],
            "sensor": sensor,
            "n_ponds": [(1 if area else 0) if area is not None else None for area in areas],
            "area_m2": areas,
            "observed_fraction": [1.0 if one else 0.0 for one in seen],
        }
    )


def test_all_looks_are_told_where_they_are_few():
    assert len(telling(rows_of([None, 1.0, 2.0]), 8)) == 3


def test_first_and_last_onset_end_and_the_greatest_change_are_told():
    areas: list[float | None] = [0.0] * 10 + [100.0] * 10 + [400.0] * 10 + [None] * 5 + [0.0] * 5
    told = telling(rows_of(areas), 8)["scene_id"].tolist()
    assert len(told) == 8
    # first, the last clear look without it, the first with it, the jump, the last with it, the first without, the last
    assert {"s00", "s09", "s10", "s20", "s29", "s35", "s39"} <= set(told)
    assert told == sorted(told)


def test_clouded_looks_give_way_to_clear_ones():
    told = telling(rows_of(([None] * 3 + [50.0]) * 10), 8)
    assert told["area_m2"].notna().sum() >= 7  # the first look is clouded and told all the same


# -- a real run -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def census(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Products]:
    folder = tmp_path_factory.mktemp("strips") / "census"
    assert run([SAMPLE_TILES], folder, Settings()).exit_code == 0
    workspace = Workspace(folder)
    return workspace, products.build(scene_views(workspace), workspace.settings() or Settings())


@pytest.fixture(scope="module")
def of_every_site(census: tuple[Workspace, Products]) -> dict[str, tuple[Chip, ...]]:
    workspace, tables = census
    return strips(Album(workspace, tables.crs, tables.placements), tables)


def test_every_site_has_a_picture_of_every_look(census, of_every_site):
    _, tables = census
    assert list(of_every_site) == tables.sites["site_id"].tolist()
    for chips in of_every_site.values():
        assert [chip.look for chip in chips] == list(range(len(tables.looks)))
        assert all(chip.picture.std() > 5 for chip in chips), "never blank"


def test_pixels_are_those_of_the_input(census, of_every_site):
    """Kept pixels of the report lie where the file has them: bright stays bright."""
    workspace, tables = census
    chips = next(iter(of_every_site.values()))
    chip = max((one for one in chips if one.sensor == "planetscope"), key=lambda one: one.kept)
    site = tables.sites.geometry.iloc[0]
    west, south, east, north = site.bounds
    album = Album(workspace, tables.crs, tables.placements)
    middle = np.array([[(west + east) / 2, (south + north) / 2]])
    (crop,) = album.crops(chip.scene_id, middle, np.array([chip.side_m]))
    scene = album.scenes[chip.scene_id].scene
    with rasterio.open(scene.source) as file:
        whole = file.read(scene.bands["green"].index)
    window = crop.window
    true = whole[window.row_start : window.row_stop, window.col_start : window.col_stop]
    assert np.corrcoef(true.ravel(), crop.values[1].ravel())[0, 1] > 0.999
    assert chip.picture.shape == (*true.shape, 3)


def test_outlines_lie_on_the_ponds_of_the_day(census, of_every_site):
    """Liquid is dark in the near infrared, bare ground and forest are not: it shows within the outlines measured."""
    workspace, tables = census
    album, n_told = Album(workspace, tables.crs, tables.placements), 0
    for outline, chips in zip(tables.sites.geometry, of_every_site.values(), strict=True):
        west, south, east, north = outline.bounds
        middle = np.array([[(west + east) / 2, (south + north) / 2]])
        for chip in chips:
            if chip.sensor == "planetscope" and chip.observed > 0.99:
                (crop,) = album.crops(chip.scene_id, middle, np.array([chip.side_m]), FALSE)
                side = crop.window.width
                places = np.array([np.mean(ring.points, axis=0) for ring in chip.rings if ring.is_measured])
                col, row = (places.reshape(-1, 2) * side / 1000).astype(int).T
                is_inside = (col >= 0) & (col < side) & (row >= 0) & (row < side)
                infrared = crop.values[0, row[is_inside], col[is_inside]]
                assert not len(infrared) or (infrared < np.nanmedian(crop.values[0])).mean() > 0.8
                n_told += len(infrared)
    assert n_told > 30


def test_what_is_hidden_is_said_and_by_what(of_every_site):
    hidden = [chip for chips in of_every_site.values() for chip in chips if chip.observed < 0.95]
    assert hidden
    assert all(chip.hidden_by in {"unusable", "margin", "cloud", "shadow", "outside"} for chip in hidden)
    assert all(not chip.hidden_by for chips in of_every_site.values() for chip in chips if chip.observed >= 0.95)


def test_a_pond_that_is_not_there_yet_has_no_outline(census, of_every_site):
    _, tables = census
    for chips in of_every_site.values():
        for chip in chips:
            shown = {ring.pond_id for ring in chip.rings}
            assert all(tables.states[pond_id][chip.look] in "pcug" for pond_id in shown)
            assert all(ring.state == "present" for ring in chip.rings if ring.is_measured)


def test_one_site_in_every_look_is_what_the_strips_show(census, of_every_site):
    workspace, tables = census
    site_id, expected = next(iter(of_every_site.items()))
    chips = strip(Album(workspace, tables.crs, tables.placements), tables, site_id)
    assert [chip.scene_id for chip in chips] == [chip.scene_id for chip in expected]
    assert all((one.picture == other.picture).all() for one, other in zip(chips, expected, strict=True))
    assert strip(Album(workspace, tables.crs), tables, "no site") == []
