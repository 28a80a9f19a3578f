"""Towns and farmland: tiled without overlap, clear of mines and rivers, as various as they are meant to be."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pondscan.simulate import Place, farmland, make_place, render, shapes
from pondscan.simulate.endmembers import palette, surface_code, surface_names, varied
from pondscan.simulate.ground import Ground
from pondscan.simulate.parcelling import Parcels, cut, plots_in
from pondscan.simulate.presets import PRESETS
from pondscan.simulate.render import sun_over

WHEN = datetime(2022, 3, 12, 4, 12, tzinfo=UTC)
ROLES = ("blue", "green", "red", "nir")


def outlines(parcels: Parcels) -> np.ndarray:
    return shapes.boxes(
        parcels.x, parcels.y, parcels.half_length, parcels.half_width, angle=parcels.angle, surface=0
    ).polygons()


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), angle=st.floats(0.0, 3.0))
def test_cutting_covers_the_ground_once(seed, angle):
    bounds = (1000.0, 2000.0, 1600.0, 2400.0)
    parcels = cut(np.random.default_rng(seed), bounds, angle, lambda x, y: np.full(x.size, 5000.0), longest=3.0)
    polygons = outlines(parcels)
    ground = shapely.box(*bounds)
    assert shapely.area(shapely.intersection(polygons, ground)).sum() == pytest.approx(600.0 * 400.0, rel=1e-9)
    assert shapely.area(shapely.union_all(polygons)) == pytest.approx(shapely.area(polygons).sum(), rel=1e-6)
    assert shapely.area(polygons).max() <= 5000.0
    assert np.all(parcels.half_length >= parcels.half_width)


def test_plots_tile_their_parcel():
    parcels = Parcels(*(np.array([value]) for value in (10.0, 20.0, 50.0, 20.0, 0.5)))
    plots = plots_in(parcels, 20.0)
    assert len(plots) == 5 * 2
    np.testing.assert_allclose(sorted(set(plots.u.round(9))), [-40.0, -20.0, 0.0, 20.0, 40.0])
    np.testing.assert_allclose(sorted(set(plots.v.round(9))), [-10.0, 10.0])
    assert np.all(plots.half_length == 10.0)
    assert np.all(plots.half_width == 10.0)
    x, y = parcels.at(np.array([0]), np.array([1.0]), np.array([0.0]))
    assert (x[0], y[0]) == (pytest.approx(10.0 + np.cos(0.5)), pytest.approx(20.0 + np.sin(0.5)))


@pytest.fixture(scope="module", params=["town", "farmland"])
def settled_place(request):
    return make_place(3, preset=request.param, width_m=3000.0, height_m=3000.0, n_sites=3)


def test_nobody_builds_on_a_mine_or_in_the_river(settled_place):
    settled = settled_place.country.settled
    for table in (settled.fields, settled.ground, settled.yards):
        if len(table) == 0:
            continue
        polygons = table.polygons()
        sites = shapely.buffer(shapely.points(settled_place.mines.site_x, settled_place.mines.site_y), 120.0)
        assert shapely.STRtree(polygons).query(sites, predicate="intersects").size == 0
        rivers = settled_place.country.rivers.polygons()
        touched = np.unique(shapely.STRtree(polygons).query(rivers, predicate="intersects")[1])
        assert touched.size < 0.02 * len(table)


def test_much_of_the_valley_is_settled(settled_place):
    settled = settled_place.country.settled
    laid = shapes.stack([settled.fields, settled.ground, settled.yards])
    ground = shapely.box(*settled_place.bounds)
    covered = shapely.area(shapely.intersection(shapely.union_all(laid.polygons()), ground))
    assert 0.2 < covered / ground.area < 0.9
    assert len(settled.objects) > 300
    assert settled.height_m.shape == (len(settled.objects),)


def test_roofs_come_in_all_brightness_and_colours():
    place = make_place(5, preset="town", width_m=2500.0, height_m=2500.0, n_sites=1)
    ground = Ground(place, WHEN, ROLES, "sentinel-2", *sun_over(place, WHEN))
    objects = place.country.settled.objects
    is_roof = np.isin(objects.surface, [surface_code(name) for name in surface_names() if name.startswith("roof")])
    blue, green, red, nir = ground.colours(objects.take(is_roof)).T
    assert np.percentile(green, 3) < 0.07
    assert np.percentile(green, 97) > 0.5
    for is_hue in (red > 1.5 * blue, blue > 1.5 * red, np.abs(red - blue) < 0.1 * red, nir < green):
        assert is_hue.sum() > 5
    width_m = 2 * objects.half_width[is_roof]
    assert np.percentile(width_m, 5) < 7.0
    assert np.percentile(width_m, 99) > 20.0


def test_fields_change_with_the_season_and_are_all_kinds():
    place = make_place(6, preset="farmland", width_m=2500.0, height_m=2500.0, n_sites=0)
    fields = place.country.settled.fields
    january, february, july = (farmland.fields_on(fields, month, 1).surface for month in (1, 2, 7))
    assert np.array_equal(january, february)
    assert np.mean(january != july) > 0.5
    names = {surface_names()[code] for code in np.concatenate([january, july])}
    assert {"soil_brown", "soil_pale", "crop_green", "crop_ripe", "meadow", "vineyard", "stubble"} <= names


def test_buildings_throw_shadows_away_from_the_sun():
    place = make_place(5, preset="town", width_m=1500.0, height_m=1500.0, n_sites=0, variety=0.0)
    calm = {"haze": 0.0, "gain_sigma": 0.0, "misregistration_px": 0.0, "noise_scale": 0.0}
    scene = render(place, "planetscope", WHEN, seed=1, **calm)
    objects = place.country.settled.objects
    tall = objects.take((place.country.settled.height_m > 16.0) & (objects.half_length > 10.0))
    towards = np.radians(scene.sun_azimuth_deg)
    beyond = tall.half_width + 9.0

    def brightness(sign: float) -> float:
        x, y = tall.x + sign * beyond * np.sin(towards), tall.y + sign * beyond * np.cos(towards)
        col = ((x - scene.grid.x_origin) / 3.0).astype(int)
        row = ((scene.grid.y_origin - y) / 3.0).astype(int)
        seen = (row >= 0) & (row < scene.grid.height) & (col >= 0) & (col < scene.grid.width)
        return float(np.median(scene.bands["nir"][row[seen], col[seen]]))

    assert len(tall) > 10
    assert brightness(-1.0) < 0.8 * brightness(1.0)


def test_variety_of_nought_leaves_the_palette_and_one_changes_it_widely():
    table = palette("sentinel-2", ROLES)
    assert varied(table, ROLES, 1, 0.0) is table
    changes = np.stack([varied(table, ROLES, seed, 1.0) / table for seed in range(40)])
    cloud = surface_code("cloud")
    assert np.all(changes[:, cloud] == 1.0)
    spread = np.log(np.delete(changes, cloud, axis=1)).std()
    assert 0.1 < spread < 0.25
    one, two = varied(table, ROLES, 3, 1.0), varied(palette("sentinel-2", ("nir", "green")), ("nir", "green"), 3, 1.0)
    np.testing.assert_array_equal(two, one[:, [3, 1]])


@pytest.mark.parametrize("preset", list(PRESETS))
def test_every_country_renders(preset):
    place = make_place(4, preset=preset, width_m=720.0, height_m=720.0)
    scene = render(place, "sentinel-2", WHEN, seed=4)
    assert all(np.isfinite(band).all() and band.min() > -0.05 and band.max() < 1.2 for band in scene.bands.values())


@pytest.fixture(scope="module")
def hamlet() -> Place:
    return make_place(3, preset="farmland", width_m=1600.0, height_m=1600.0, n_sites=1)


def test_thin_cloud_lifts_the_dark_and_no_mask_tells(hamlet):
    calm = {"haze": 0.0, "gain_sigma": 0.0, "misregistration_px": 0.0, "noise_scale": 0.0, "stripes": 0.0}
    clear, veiled = (render(hamlet, "sentinel-2", WHEN, seed=1, cirrus=c, **calm) for c in (0.0, 0.6))
    rise = veiled.bands["blue"] - clear.bands["blue"]
    dark = clear.bands["blue"] < 0.05
    assert rise[dark].mean() == pytest.approx(0.6 * 0.064, rel=0.6)
    assert rise[dark].std() > 0.003
    assert veiled.clear.all()
    assert not veiled.cloud_truth.any()


def test_stripes_run_down_the_columns(hamlet):
    calm = {"haze": 0.0, "gain_sigma": 0.0, "misregistration_px": 0.0, "noise_scale": 1.0, "cirrus": 0.0}
    even, striped = (render(hamlet, "sentinel-2", WHEN, seed=1, stripes=s, **calm) for s in (0.0, 2.0))
    change = striped.bands["nir"] - even.bands["nir"]
    assert change.mean(axis=0).std() > 0.003
    assert change.std(axis=0).mean() < 0.5 * change.mean(axis=0).std() + 0.01 * even.bands["nir"].std() * 3


def test_places_without_variety_have_neither_thin_cloud_nor_stripes():
    place = make_place(2, width_m=600.0, height_m=600.0, n_sites=1)
    drawn = render(place, "sentinel-2", WHEN, seed=7)
    none = render(place, "sentinel-2", WHEN, seed=7, cirrus=0.0, stripes=0.0)
    for role in drawn.bands:
        np.testing.assert_array_equal(drawn.bands[role], none.bands[role])
