"""The map one can move: its data by hand, and in a real browser."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from report_examples import LOOKS, example, nothing_found

from pondscan.report import ReportInput, render
from pondscan.report.explorer import explorer, library
from pondscan.report.map import anchor
from pondscan.report.pictures import maps

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
in_browser = pytest.mark.skipif(BROWSER is None, reason="MOVING MAP NOT TESTED: Chromium is not installed")


def with_looks() -> ReportInput:
    """Every pond present from the second look on, the first of them gone at the last."""
    report_input = example()
    ids = report_input.ponds["pond_id"].tolist()
    states = dict.fromkeys(ids, "-" + "p" * (len(LOOKS) - 1))
    states[ids[0]] = "-" + "p" * (len(LOOKS) - 2) + "g"
    return replace(report_input, looks=tuple(str(look[0]) for look in LOOKS), states=states)


def document(report_input: ReportInput) -> dict:
    drawn = maps(report_input)
    return json.loads(explorer(report_input, drawn.crs, drawn.main.sheet.view.bounds))


def test_it_holds_every_pond_and_site_with_its_states():
    report_input = with_looks()
    told = document(report_input)
    assert [pond["id"] for pond in told["ponds"]] == report_input.ponds["pond_id"].tolist()
    assert [site["id"] for site in told["sites"]] == report_input.sites["site_id"].tolist()
    assert told["ponds"][0]["states"] == "-pppppppg"
    assert [look["date"][:10] for look in told["looks"]] == [look[1][:10] for look in LOOKS]
    assert {picture["look"] for picture in told["pictures"]} <= set(range(len(LOOKS)))


def test_places_are_metres_from_the_lower_left_corner_y_first():
    report_input = with_looks()
    west, south, east, north = maps(report_input).main.sheet.view.bounds
    told = document(report_input)
    assert told["size_m"] == [round(east - west, 1), round(north - south, 1)]
    outline = report_input.ponds.geometry.iloc[0]
    ring = told["ponds"][0]["ring"][0]
    assert min(y for y, _ in ring) == pytest.approx(outline.bounds[1] - south, abs=0.31)
    assert max(x for _, x in ring) == pytest.approx(outline.bounds[2] - west, abs=0.31)


def test_nothing_in_it_can_end_the_script_element():
    report_input = with_looks()
    hostile = report_input.ponds.assign(site_id="</script><script>alert(1)</script>")
    drawn = maps(report_input)
    text = explorer(replace(report_input, ponds=hostile), drawn.crs, drawn.main.sheet.view.bounds)
    assert "<" not in text
    assert json.loads(text)["ponds"][0]["site"] == "</script><script>alert(1)</script>"


def test_the_library_fetches_nothing():
    script, style = library()
    assert "Leaflet 1.9" in script
    assert "sourceMappingURL" not in script
    assert "url(images" not in style


def test_many_looks_share_the_room_for_pictures():
    report_input = with_looks()
    looks = tuple(f"look{number}" for number in range(40))
    quicklooks = tuple(replace(report_input.quicklooks[0], scene_id=look) for look in looks)
    told = document(replace(report_input, looks=looks, quicklooks=quicklooks))
    assert len(told["pictures"]) == 24
    assert [told["pictures"][0]["look"], told["pictures"][-1]["look"]] == [0, 39]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(with_looks()), "utf-8")
    return path


@in_browser
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_the_date_slider_changes_the_ponds_and_a_site_is_shown_on_the_map(browser, page_file, size):
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import expect

    requests, console = [], []
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: console.append(message.text))
    page.on("pageerror", lambda error: console.append(str(error)))
    page.goto(page_file.as_uri())
    when, slider = page.locator("#explorer-when"), page.locator("#explorer-look")
    n_ponds = len(with_looks().ponds)
    expect(when).to_contain_text(f"{n_ponds - 1} ponds present")
    slider.focus()
    page.keyboard.press("Home")
    expect(when).to_contain_text("2024-01-14")
    expect(when).to_contain_text(": 0 ponds present")
    page.keyboard.press("ArrowRight")
    expect(when).to_contain_text(f"{n_ponds} ponds present")
    page.select_option("#explorer-color", "confidence")
    expect(page.locator("#explorer-legend li").first).to_have_text("below 0.7")
    pane = page.locator("#explorer .leaflet-map-pane")
    before = pane.get_attribute("style")
    page.locator("#explorer").focus()
    page.keyboard.press("ArrowRight")
    expect(pane).not_to_have_attribute("style", before)
    site = with_looks().sites["site_id"].iloc[0]
    page.locator(f"#{anchor(site)} [data-pick]").click()
    expect(page.locator(".explorer-card")).to_contain_text(site)
    page.locator("#explore").scroll_into_view_if_needed()
    worst = [one["id"] for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
    page.close()
    assert worst == []
    assert console == []
    assert [url for url in requests if not url.startswith("data:")] == [page_file.as_uri()]


@in_browser
def test_a_report_of_nothing_has_no_script_error(browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(render(nothing_found()), "utf-8")
    console = []
    page = browser.new_page()
    page.on("console", lambda message: console.append(message.text))
    page.on("pageerror", lambda error: console.append(str(error)))
    page.goto(path.as_uri())
    page.close()
    assert console == []


def test_the_map_opens_on_the_finest_look_of_the_newest_day():
    from report_examples import PS, S2, scene_row

    from pondscan.report.explorer import explorer

    looks = ("old", "fine", "coarse")
    scenes = pd.DataFrame(
        [
            scene_row("old", "2024-01-01T04:00", PS, 1.0),
            scene_row("fine", "2024-02-01T03:00", PS, 1.0),
            scene_row("coarse", "2024-02-01T04:00", S2, 1.0),
        ]
    )
    bounds = tuple(example().ponds.total_bounds)
    for shown, opens_on in ((looks, 1), (looks[:1], 0), (("fine", "old", "coarse"), 0), ((), 0)):
        report_input = example(looks=shown, scenes=scenes, quicklooks=())
        assert json.loads(explorer(report_input, str(example().ponds.crs), bounds))["opens_on"] == opens_on
