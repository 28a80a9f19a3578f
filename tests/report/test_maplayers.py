"""Layers from elsewhere on the moving map: cut, thinned, named, and switched in a real browser."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import shapely
from report_examples import example
from test_explorer import document

from pondscan.context.layers import Objects
from pondscan.context.sources import Context
from pondscan.report import ReportInput, render
from pondscan.report.maplayers import MOST_CORNERS, MOST_OBJECTS, drawn_layer, layer_keys

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
in_browser = pytest.mark.skipif(BROWSER is None, reason="LAYERS NOT TESTED IN A BROWSER: Chromium is not installed")
BOUNDS = (1000.0, 2000.0, 3000.0, 5000.0)


def objects(*parts: shapely.Geometry, name: str = "control_zones", called: list[str | None] | None = None) -> Objects:
    return Objects(name, np.array(parts, dtype=object), np.array(called or [None] * len(parts), dtype=object))


def drawn(layer: Objects) -> dict:
    return drawn_layer(layer, layer_keys([layer])[0], BOUNDS)


def test_places_are_metres_from_the_lower_left_corner_y_first():
    told = drawn(objects(shapely.LineString([(1000, 2000), (1100, 2300)]), called=["N'Mai Kha"]))
    assert (told["name"], told["color"], told["n_left_out"]) == ("control zones", "#56B4E9", 0)
    assert told["shapes"] == [{"name": "N'Mai Kha", "kind": "line", "paths": [[[0, 0], [300, 100]]]}]


def test_what_lies_beyond_the_surroundings_is_cut_off():
    across = shapely.LineString([(-90_000, 3000), (90_000, 3000)])
    (shape,) = drawn(objects(across, shapely.Point(9e6, 0)))["shapes"]
    assert shape["paths"] == [[[1000, -2000], [1000, 4000]]]  # one width of the map on either side


def test_holes_are_paths_of_their_own():
    ring = shapely.box(1100, 2100, 2900, 4900).difference(shapely.box(1500, 2500, 2000, 3000))
    (shape,) = drawn(objects(ring))["shapes"]
    assert (shape["kind"], len(shape["paths"])) == ("polygon", 2)


def test_a_layer_takes_no_more_room_than_it_may():
    t = np.linspace(0, 1, 200_000)
    wild = shapely.LineString(np.column_stack([1000 + 2000 * t, 3500 + 900 * np.sin(4000 * t)]))
    assert sum(len(path) for shape in drawn(objects(wild))["shapes"] for path in shape["paths"]) <= MOST_CORNERS
    rng = np.random.default_rng(1)
    discs = shapely.buffer(shapely.points(rng.uniform((1000, 2000), (3000, 5000), (4000, 2))), rng.uniform(1, 9, 4000))
    told = drawn(objects(*discs))
    assert (len(told["shapes"]), told["n_left_out"]) == (MOST_OBJECTS, 4000 - MOST_OBJECTS)
    assert len(json.dumps(told)) < 300_000


def with_layers() -> ReportInput:
    base = example()
    west, south, east, north = base.sites.total_bounds
    river = shapely.LineString([(west - 5000, south), (east + 5000, north)])
    zone = shapely.box(west - 500, south - 500, (west + east) / 2, north + 500)
    layers = (
        objects(river, name="rivers", called=["N'Mai </script>"]),
        objects(zone, called=["Zone A"]),
        objects(shapely.Point(west, south), name="villages"),
    )
    n_sites = len(base.sites)
    sites = base.sites.assign(
        rivers_distance_m=np.linspace(12.3, 4567.8, n_sites),
        control_zones_within=True,
        villages_name=["A", None, "C", "D", "E"],
    )
    return replace(base, layers=layers, sites=sites, context=Context())


def test_the_moving_map_holds_the_layers_and_nothing_in_them_can_end_its_script():
    told = document(with_layers())
    assert [layer["name"] for layer in told["layers"]] == ["rivers", "control zones", "villages"]
    assert {shape["kind"] for layer in told["layers"] for shape in layer["shapes"]} == {"line", "polygon", "point"}
    assert "N'Mai </script>" not in render(with_layers())


def test_added_columns_stand_in_the_table_of_sites_and_in_the_sections():
    html = render(with_layers())
    assert '<th class="n" data-sort>rivers, m away</th>' in html
    assert "<th data-sort>in control zones</th>" in html
    assert '<td class="n" data-value="4567.8">4,568</td>' in html
    assert '<td class="added" data-value="true">yes</td>' in html
    assert '<td class="added" data-value="">–</td>' in html
    assert html.count("<dt>rivers, m away</dt>") == len(with_layers().sites)


@in_browser
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_a_layer_is_switched_off_and_on_by_keyboard(browser, tmp_path, size):
    from axe_playwright_python.sync_playwright import Axe

    path = tmp_path / "report.html"
    path.write_text(render(with_layers()), "utf-8")
    console: list[str] = []
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.on("console", lambda message: console.append(message.text))
    page.on("pageerror", lambda error: console.append(str(error)))
    page.goto(path.as_uri())
    canvas = "() => document.querySelector('#explorer canvas').toDataURL()"
    page.wait_for_timeout(300)
    shown = page.evaluate(canvas)
    page.get_by_label("rivers").focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(300)
    hidden = page.evaluate(canvas)
    page.keyboard.press("Space")
    page.wait_for_timeout(300)
    again = page.evaluate(canvas)
    is_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    worst = [one["id"] for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
    page.close()
    assert shown != hidden
    assert len(again) == pytest.approx(len(shown), rel=0.1)
    assert (console, worst, is_wide) == ([], [], False)
