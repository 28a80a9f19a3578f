"""Mines and what becomes of them: layout, life cycle, truth."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pondscan.errors import ConfigError
from pondscan.simulate import cycle, make_place, mines, shapes, truth

MARCH_2022 = datetime(2022, 3, 12, 4, 12, tzinfo=UTC)
KINDS = {
    "turquoise", "milky", "white", "dark", "algal", "brown", "yellow_green", "meshed", "sheeted", "dry", "other_water",
}  # fmt: skip


def many_sites(seed: int, n_sites: int = 300, median_diameter_m: float = 12.0) -> mines.Mines:
    spread = np.arange(n_sites, dtype=float)
    opened = np.random.default_rng(seed).uniform(7000.0, 8000.0, n_sites)
    return mines.make_mines(seed, spread * 3000.0, spread * 0.0, spread, opened, median_diameter_m)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), median_diameter_m=st.sampled_from([8.0, 12.0, 18.0, 25.0]))
def test_no_two_ponds_overlap_whatever_the_seed(seed, median_diameter_m):
    laid = many_sites(seed, 40, median_diameter_m)
    outlines = laid.basins.polygons()
    one, other = shapely.STRtree(outlines).query(outlines, predicate="dwithin", distance=0.5)
    assert np.all(one == other)


def test_neighbours_in_a_row_keep_the_berms_of_real_sites():
    laid = many_sites(1)
    outlines = laid.basins.polygons()
    is_round = laid.basins.half_length < 1.06 * laid.basins.half_width
    same_row = (np.diff(laid.site) == 0) & (np.diff(laid.row) == 0) & is_round[1:] & is_round[:-1]
    gaps = shapely.distance(outlines[:-1], outlines[1:])[same_row]
    assert gaps.size > 500
    assert np.percentile(gaps, 2) > 1.0
    assert np.percentile(gaps, 98) < 6.5
    assert 2.5 < np.median(gaps) < 5.0


def test_tight_sites_clear_a_few_metres_and_the_others_are_as_they_were():
    where = np.arange(40) * 3000.0, np.zeros(40), np.zeros(40), np.full(40, 7000.0)
    roomy, mixed, tight = (mines.make_mines(5, *where, 12.0, tightness=share) for share in (0.0, 0.5, 1.0))
    assert np.array_equal(tight.basins.x, roomy.basins.x)  # the ponds are the same, only their ground is not
    margin = tight.clearings.half_width - tight.basins.half_width
    assert margin.min() >= 2.0
    assert margin.max() <= 9.0
    assert len(set(tight.clearings.surface)) == 3
    assert (tight.rim_m.min() < 0.6, tight.rim_m.max() > 1.4, roomy.rim_m.max() < 0.71) == (True, True, True)
    assert len(tight.clearings) < len(mixed.clearings) < len(roomy.clearings)


def test_sites_hold_nine_ponds_on_average_of_twelve_metres():
    laid = many_sites(2)
    n_ponds = np.bincount(laid.site)
    assert n_ponds.min() >= 1
    assert n_ponds.max() <= mines.MAX_PONDS
    assert n_ponds.mean() == pytest.approx(9.0, abs=1.5)
    tanks = laid.basins.half_length / laid.basins.half_width < 1.06
    tanks &= laid.basins.half_width < 15.0
    diameter_m = 2.0 * np.sqrt(laid.basins.area_m2 / np.pi)
    assert np.median(diameter_m[tanks]) == pytest.approx(12.0, abs=1.5)
    assert diameter_m.min() >= 5.0


def test_life_has_an_order():
    laid = many_sites(3)
    assert np.all(laid.built < laid.filled)
    assert np.all(laid.filled < laid.abandoned)
    assert np.all(laid.abandoned < laid.dried)
    assert np.all(laid.site_opened[laid.site] < laid.built)


def test_every_pond_lies_on_ground_cleared_before_it_was_built():
    laid = many_sites(4, 60)
    wide = laid.clearings.take(laid.clearings.half_width > mines.RAGGEDNESS_M + 4.0)
    cleared = shapely.union_all(wide.grown(-mines.RAGGEDNESS_M, 0).polygons())
    assert shapely.contains(cleared, laid.basins.polygons()).all()
    assert laid.clearing_opened.min() >= laid.site_opened.min()


def test_a_single_pond_goes_from_dry_to_full_to_dry():
    laid = many_sites(5, 30)
    built, filled, dried = (float(getattr(laid, name)[0]) for name in ("built", "filled", "dried"))

    def state(day: float) -> tuple[str, str] | None:
        states = cycle.pond_states(laid, datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=day), seed=1)
        found = np.flatnonzero(states.pond == 0)
        return (states.kind[found[0]], states.status[found[0]]) if found.size else None

    assert state(built - 1.0) is None
    assert state((built + filled) / 2) == ("dry", "gone")
    kind, status = state(filled + 1.0)
    assert kind not in ("dry", "other_water")
    assert status == ("covered" if kind == "sheeted" else "present")
    kind, status = state(dried - 1.0)
    assert kind in ("brown", "algal", "yellow_green")
    assert status == "present"
    assert state(dried + 1.0) == ("dry", "gone")


def test_a_sheet_hides_liquid_while_it_lies_and_no_empty_basin():
    place = make_place(4, width_m=2000, height_m=2000, n_sites=3)
    there = place.mines
    n_ponds = len(there.site)
    day = cycle.day_number(datetime(2022, 3, 12, tzinfo=UTC))
    life = {"built": day - 300, "filled": day - 200, "abandoned": day + 300, "dried": day + 400}
    lived = {name: np.full(n_ponds, value) for name, value in life.items()}
    sheets = {"sheeted_from": np.full(n_ponds, day - 10), "sheeted_until": np.full(n_ponds, day + 10)}
    sheeted = replace(there, **lived, **sheets)

    everything = cycle.pond_states(sheeted, datetime(2022, 3, 12, tzinfo=UTC), 4)
    assert (everything.status == "covered").all()
    assert not (cycle.pond_states(sheeted, datetime(2022, 4, 12, tzinfo=UTC), 4).status == "covered").all()
    dry = cycle.pond_states(replace(sheeted, dried=np.full(n_ponds, day - 5)), datetime(2022, 3, 12, tzinfo=UTC), 4)
    assert set(dry.kind) == {"dry"}


def test_kinds_come_in_the_shares_assumed():
    laid = many_sites(6)
    shared = []
    for year in range(2021, 2024):
        states = cycle.pond_states(laid, datetime(year, 2, 1, tzinfo=UTC), seed=6)
        worked = (states.kind != "dry") & (
            cycle.day_number(datetime(year, 2, 1, tzinfo=UTC)) < laid.abandoned[states.pond]
        )
        shared.append(states.kind[worked])
    kinds = np.concatenate(shared)
    assert kinds.size > 1500
    assert np.mean(kinds == "turquoise") == pytest.approx(0.52, abs=0.06)
    assert np.mean(kinds == "milky") == pytest.approx(0.14, abs=0.05)
    assert {"white", "dark", "yellow_green", "meshed", "sheeted"} <= set(kinds)


def test_a_place_is_the_same_again_and_another_with_another_seed():
    one, again, other = make_place(3, width_m=1500.0), make_place(3, width_m=1500.0), make_place(4, width_m=1500.0)
    assert np.array_equal(one.mines.basins.x, again.mines.basins.x)
    assert np.array_equal(one.terrain.elevation_m, again.terrain.elevation_m)
    assert not np.array_equal(one.terrain.elevation_m, other.terrain.elevation_m)


def test_the_truth_table_says_what_is_there():
    place = make_place(7, preset="village")
    table = truth(place, MARCH_2022)
    assert list(table.columns) == [
        "pond_id", "site_id", "kind", "status", "diameter_m", "area_m2", "date", "sensor", "geometry",
    ]  # fmt: skip
    assert table.crs.to_epsg() == 32647
    assert set(table["kind"]) <= KINDS
    assert set(table["status"]) <= {"present", "covered", "gone"}
    assert table["pond_id"].is_unique
    assert table["site_id"].isna().equals(table["kind"] == "other_water")
    assert (table["kind"] == "other_water").any()
    np.testing.assert_allclose(table.area, table["area_m2"], rtol=1e-3)
    np.testing.assert_allclose(np.pi * table["diameter_m"] ** 2 / 4, table["area_m2"])
    assert set(table["date"]) == {"2022-03-12"}


def test_a_place_without_sites_has_no_pond_but_fish_ponds():
    place = make_place(7, preset="paddies", n_sites=0)
    assert len(place.mines.basins) == 0
    assert set(truth(place, MARCH_2022)["kind"]) == {"other_water"}
    assert truth(make_place(7, preset="forest", n_sites=0), MARCH_2022).empty


def test_sites_keep_apart_and_inside():
    place = make_place(11, width_m=6000.0, height_m=4000.0)
    west, south, east, north = place.bounds
    x, y = place.mines.site_x, place.mines.site_y
    assert x.size == round(0.55 * 24)
    assert ((x > west) & (x < east) & (y > south) & (y < north)).all()
    apart = np.hypot(x[:, None] - x, y[:, None] - y) + 1e9 * np.eye(x.size)
    assert apart.min() > 400.0


def test_fish_ponds_never_touch_and_never_lie_in_a_river():
    place = make_place(12, preset="paddies")
    fish, rivers = place.country.fish_ponds.polygons(), place.country.rivers.polygons()
    assert fish.size >= 5
    one, other = shapely.STRtree(fish).query(fish, predicate="intersects")
    assert np.all(one == other)
    assert shapely.STRtree(rivers).query(fish, predicate="intersects").size == 0


def test_more_ponds_later():
    place = make_place(2, opens=(date(2020, 1, 1), date(2024, 1, 1)))
    built = [len(truth(place, datetime(year, 1, 1, tzinfo=UTC))) for year in range(2020, 2026)]
    assert built == sorted(built)
    assert built[-1] > built[1]


def test_grown_boxes_hold_the_boxes():
    laid = many_sites(8, 5)
    rims = laid.basins.grown(laid.rim_m, 0)
    assert shapely.contains(rims.polygons(), shapes.boxes(
        laid.basins.x, laid.basins.y, laid.basins.half_length - 0.1, laid.basins.half_width - 0.1,
        radius=np.maximum(laid.basins.radius - 0.1, 0.0), angle=laid.basins.angle, surface=0,
    ).polygons()).all()  # fmt: skip


def test_too_small_a_place_or_too_many_sites_are_refused():
    with pytest.raises(ConfigError, match="100 m × 5000 m is too small to simulate; make it at least 240 m"):
        make_place(1, width_m=100.0)
    with pytest.raises(ConfigError, match=r"only \d+ of 400 sites find a workable slope"):
        make_place(1, width_m=2000.0, height_m=2000.0, n_sites=400)
