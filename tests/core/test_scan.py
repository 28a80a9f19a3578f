"""The scan as a whole, on a simulated scene read from memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pondscan import evaluate, simulate, tables
from pondscan.config import Settings
from pondscan.detect import scan
from pondscan.model import INVALID, Coverage, Window
from pondscan.simulate.reader import RenderedReader

WHEN = datetime(2022, 3, 12, 4, tzinfo=UTC)


@cache
def place() -> simulate.Place:
    return simulate.make_place(21, width_m=8400, height_m=6000, n_sites=40, median_diameter_m=18)


@cache
def rendered() -> simulate.Rendered:
    """The place, cut so that a large pond lies on the corner of four tiles of 256 pixels."""
    whole = simulate.render(place(), "sentinel-2", WHEN, seed=21, cloud_fraction=0.1)
    true = simulate.truth(place(), WHEN, whole).to_crs(whole.grid.crs)
    x, y = true.geometry.centroid.x, true.geometry.centroid.y
    row, col = (whole.grid.y_origin - y) / 10, (x - whole.grid.x_origin) / 10
    is_inner = (true["status"] == "present") & (row > 260) & (col > 260) & (true["diameter_m"] > 18)
    pond = true[is_inner].index[0]
    top, left = (2 * int((place_px - 256) / 2) for place_px in (row[pond], col[pond]))
    grid = replace(
        whole.grid,
        x_origin=whole.grid.x_origin + 10 * left,
        y_origin=whole.grid.y_origin - 10 * top,
        width=whole.grid.width - left,
        height=whole.grid.height - top,
    )
    bands = {role: values[top:, left:] for role, values in whole.bands.items()}
    return replace(
        whole, grid=grid, bands=bands, clear=whole.clear[top:, left:], cloud_truth=whole.cloud_truth[top:, left:]
    )


def scanned(reader: RenderedReader, *, workers: int = 2, **changes: object) -> tuple[scan.ScanResult, np.ndarray]:
    grid = reader.scene.grid
    coverage = np.full((grid.height, grid.width), 255, np.uint8)

    def sink(window: Window, codes: np.ndarray) -> None:
        target = coverage[window.row_start : window.row_stop, window.col_start : window.col_stop]
        assert (target == 255).all(), "a row of coverage is handed on once"
        target[:] = codes

    with ThreadPoolExecutor(workers) as executor:
        result = scan.scan_scene(
            reader,
            Settings.model_validate(changes),
            coverage_sink=sink,
            executor=executor,
            progress=lambda share: None,
        )
    return result, coverage


@cache
def reference() -> tuple[scan.ScanResult, np.ndarray]:
    return scanned(RenderedReader(rendered()))


@given(st.sampled_from([256, 512, 768, 1024, 2048, 4096]), st.integers(1, 4))
@settings(deadline=None, max_examples=8)
def test_the_result_depends_neither_on_tiles_nor_on_workers(tile_px: int, workers: int) -> None:
    result, coverage = scanned(RenderedReader(rendered()), workers=workers, tiles={"size_px": tile_px})
    expected, expected_coverage = reference()
    assert len(result.observations) > 50
    assert result.observations.drop(columns="geometry").equals(expected.observations.drop(columns="geometry"))
    assert (result.observations.geometry.to_wkb() == expected.observations.geometry.to_wkb()).all()
    assert (coverage == expected_coverage).all()
    assert result.counts == expected.counts


def test_ponds_of_the_usual_size_are_counted_where_the_target_has_one() -> None:
    assert reference()[0].observations["pond_equivalents"].max() > 1.5
    waters = scanned(RenderedReader(rendered()), confidence={"target": "small_water"})[0].observations
    assert len(waters) > 50
    assert (waters["pond_equivalents"] == 1).all()


def test_a_pond_lies_astride_the_tile_edges() -> None:
    observations, grid = reference()[0].observations, rendered().grid
    corner = shapely.Point(grid.x_origin + 2560, grid.y_origin - 2560)
    assert (observations.distance(corner) < 10).any()
    assert observations.intersects(shapely.LineString([(corner.x, -1e9), (corner.x, 1e9)])).any()


def test_most_ponds_are_found_in_the_right_place() -> None:
    observations = reference()[0].observations
    sure = observations[observations["confidence"] >= 0.5]
    true = simulate.truth(place(), WHEN, rendered()).to_crs(observations.crs)
    is_pond = ((true["status"] == "present") & (true["kind"] != "other_water")).to_numpy()
    pairs = evaluate.match(sure.geometry.to_numpy(), true.geometry.to_numpy())
    n_hits = int(is_pond[pairs.true].sum())
    assert n_hits >= 0.6 * is_pond.sum()
    assert n_hits >= 0.8 * (len(sure) - (~is_pond[pairs.touched]).sum())


def test_outlines_are_valid_apart_and_as_large_as_they_say() -> None:
    observations = reference()[0].observations
    outlines = observations.geometry.to_numpy()
    assert shapely.is_valid(outlines).all()
    assert shapely.area(outlines) == pytest.approx(observations["area_m2"].to_numpy(), rel=0.01)
    assert len(shapely.STRtree(outlines).query(outlines, predicate="overlaps")[0]) == 0


def test_observations_have_the_columns_of_the_table() -> None:
    observations = reference()[0].observations
    assert list(observations.columns) == [*tables.names(tables.OBSERVATIONS), "geometry"]
    assert observations["object_id"].is_monotonic_increasing
    assert (observations["area_sigma_m2"] > observations["shared_sigma_m2"]).all()


def test_everything_measured_is_evidence() -> None:
    result, _ = scanned(RenderedReader(rendered()))
    evidence = result.evidence
    assert list(evidence.columns) == tables.names(tables.EVIDENCE)
    assert len(evidence) > len(result.observations) > 50
    assert evidence["log_odds"].isna().any(), "the rejected are there"
    assert (evidence["log_odds"] < np.log(0.1 / 0.9)).any(), "the unlikely are there"
    likely = evidence[evidence["log_odds"] >= np.log(0.1 / 0.9) + 0.01]
    apart = [np.abs(np.subtract.outer(likely[c].to_numpy(), result.observations[c].to_numpy())) for c in ("x", "y")]
    assert (np.maximum(*apart).min(axis=1) < 0.11).all(), "what is likely is an observation"


def test_four_bands_are_enough() -> None:
    four, _ = scanned(RenderedReader(rendered(), roles=("blue", "green", "red", "nir")))
    six = reference()[0]
    n_four, n_six = ((found.observations["confidence"] >= 0.5).sum() for found in (four, six))
    assert abs(n_four - n_six) <= 0.25 * n_six


def test_masked_pixels_are_counted_and_widened_by_the_margin() -> None:
    result, coverage = reference()
    n_masked = int((rendered().clear == 0).sum())
    assert result.counts["unusable"] == n_masked > 0
    assert result.counts["margin"] == (coverage == Coverage.MARGIN).sum() > 0
    assert sum(result.counts[code.name.lower()] for code in Coverage) == coverage.size


def test_without_a_mask_every_pixel_counts() -> None:
    result, coverage = scanned(RenderedReader(rendered()), mask={"use": "off"})
    assert (coverage == Coverage.CLEAR).all()
    assert result.counts["unusable"] == 0


def test_rejected_candidates_are_kept_on_request_with_their_reason() -> None:
    result, _ = scanned(RenderedReader(rendered()), products={"keep_rejected": True})
    kept = result.observations["rejected"]
    assert (kept != "").any()
    assert (reference()[0].observations["rejected"] == "").all()


class Gaps(RenderedReader):
    """A scene whose upper rows have no data."""

    def read(self, roles, window):  # type: ignore[no-untyped-def]
        counts = super().read(roles, window)
        rows = np.arange(window.row_start, window.row_stop)
        counts[:, rows < 150] = INVALID
        return counts

    def read_mask(self, window: Window) -> np.ndarray:
        codes = super().read_mask(window)
        codes[np.arange(window.row_start, window.row_stop) < 150] = Coverage.OUTSIDE
        return codes


def test_no_data_is_outside_and_holds_no_pond() -> None:
    result, coverage = scanned(Gaps(rendered()))
    assert (coverage[:150] == Coverage.OUTSIDE).all()
    edge_m = rendered().grid.y_origin - 150 * rendered().grid.gsd_m
    assert (result.observations["y"] < edge_m + 10).all()


def test_a_scene_of_forest_alone_yields_nothing_without_complaint() -> None:
    empty = simulate.make_place(3, preset="forest", width_m=2400, height_m=2400, n_sites=0)
    result, _ = scanned(RenderedReader(simulate.render(empty, "planetscope", WHEN, seed=3)))
    assert (result.observations["confidence"] >= 0.5).sum() <= 1


def test_rejected_candidates_without_any_liquid_have_an_outline_too() -> None:
    ground = simulate.make_place(151, preset="farmland", width_m=600, height_m=600, median_diameter_m=10)
    fine = simulate.render(ground, "skysat", datetime(2022, 3, 12, 4, 12, tzinfo=UTC), seed=151, haze=0.0)
    result, _ = scanned(RenderedReader(fine), products={"keep_rejected": True})
    assert result.observations["area_m2"].min() == 0.01, "the place no longer has such a candidate: find another"
    assert shapely.is_valid(result.observations.geometry.to_numpy()).all()
