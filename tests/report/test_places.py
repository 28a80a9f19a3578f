"""The section of a site: its pictures over dates with outlines, what was hidden, the curve; drawn when it is opened."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_examples import LOOKS, PS, example, survey_of, time

from pondscan.report import Quicklook, ReportInput, render
from pondscan.report.inputs import Chip, Ring

SQUARE = ((100, 200), (300, 200), (300, 400), (100, 400))


def chip(look: int, *, side_px: int = 24, seed: int = 0, **changed: object) -> Chip:
    """A look of the example in which every pixel has a colour of its own."""
    scene_id, when, sensor, observed, _ = LOOKS[look]
    values: dict[str, object] = {
        "look": look,
        "scene_id": scene_id,
        "when": time(str(when)),
        "sensor": sensor,
        "gsd_m": 3.0 if sensor == PS else 10.0,
        "picture": np.random.default_rng(seed + look).integers(0, 255, (side_px, side_px, 3), np.uint8),
        "side_m": 240.0,
        "kept": 1.0,
        "preview_m": 92.0,
        "observed": observed,
        "hidden_by": "" if observed > 0.95 else "cloud",
        "rings": (Ring("P0001", "present", 0.98, is_measured=True, points=SQUARE),),
    }
    return Chip(**(values | changed))  # type: ignore[arg-type]


def with_strips(base: ReportInput | None = None, **changed: object) -> ReportInput:
    base = base or example()
    looks = tuple(str(scene_id) for scene_id, *_ in LOOKS)
    sites = base.sites["site_id"].tolist()
    strips = {site: tuple(chip(look, seed=100 * n) for look in range(len(LOOKS))) for n, site in enumerate(sites)}
    return replace(base, looks=looks, states={}, strips=strips, **changed)  # type: ignore[arg-type]


def documents(page: str) -> dict[str, dict]:
    """What every section draws, by the id of its element."""
    section = r'<details class="place" id="([^"]+)".*?<script type="application/json">(.*?)</script>'
    found = re.findall(section, page, re.DOTALL)
    return {anchor: json.loads(text) for anchor, text in found}


def strip_of(told: dict) -> np.ndarray:
    kind, data = told["uri"].removeprefix("data:image/").split(";base64,")
    assert kind in {"png", "jpeg"}
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        return np.asarray(picture.convert("RGB"))


def test_a_small_census_shows_every_pixel_as_it_is():
    report_input = with_strips()
    site = report_input.sites["site_id"].iloc[0]
    told = documents(render(report_input))[f"place-{site}"]
    strip = strip_of(told)
    for shown, true in zip(told["chips"], report_input.strips[site], strict=True):
        x, y, width, height = shown["box"]
        assert (strip[y : y + height, x : x + width] == true.picture).all()
        assert x % 8 == 0


def test_a_look_is_told_with_date_scene_count_and_what_was_hidden():
    report_input = with_strips()
    site = report_input.sites["site_id"].iloc[0]
    chips = documents(render(report_input))[f"place-{site}"]["chips"]
    assert [one["scene"] for one in chips] == [scene_id for scene_id, *_ in LOOKS]
    assert [one["date"] for one in chips] == [str(when)[:10] for _, when, *_ in LOOKS]
    assert chips[4]["seen"] == "not seen: unknown, not zero"
    assert chips[4]["hidden"] == "all of the site under cloud"
    assert chips[3]["hidden"] == "38 % of the site under cloud"
    assert chips[0]["hidden"] == ""
    row = report_input.timeseries[report_input.timeseries["site_id"] == site].iloc[0]
    assert chips[0]["seen"].startswith(f"{row['n_ponds']:.0f} ponds, ")


def test_a_coarse_preview_says_so_unless_its_pixels_are_the_scenes_own():
    report_input = with_strips()
    site = report_input.sites["site_id"].iloc[0]
    looks = (chip(0, kept=0.0), chip(1, kept=0.6), chip(2, kept=0.0, preview_m=3.2), chip(6))
    chips = documents(render(replace(report_input, strips={site: looks})))[f"place-{site}"]["chips"]
    assert [one["preview"] for one in chips] == [
        "coarse preview (92 m pixels)", "40 % coarse preview (92 m pixels)", "", "",
    ]  # fmt: skip


def test_outlines_carry_the_colours_of_state_and_confidence():
    report_input = with_strips()
    site = report_input.sites["site_id"].iloc[0]
    rings = (
        Ring("P1", "present", 0.98, is_measured=True, points=SQUARE),
        Ring("P2", "gone", 0.6, is_measured=False, points=SQUARE),
    )
    told = documents(render(replace(report_input, strips={site: (chip(0, rings=rings),)})))[f"place-{site}"]
    one, other = told["chips"][0]["rings"]
    assert one == ["100,200 300,200 300,400 100,400", "P1", "present", 0.98, 3, 1]
    assert other[1:] == ["P2", "gone", 0.6, 0, 0]


def test_a_site_without_a_picture_says_so_and_keeps_its_curve():
    page = render(replace(with_strips(), strips={}))
    told = documents(page)
    assert len(told) == len(example().sites)
    assert all(one["chips"] == [] and one["chart"].startswith("<svg") for one in told.values())
    assert "No picture of this site was kept" in page


def test_names_from_outside_cannot_end_the_script():
    report_input = with_strips()
    site = report_input.sites["site_id"].iloc[0]
    evil = chip(0, scene_id="</script><b>x")
    page = render(replace(report_input, strips={site: (evil,)}))
    assert "</script><b>x" not in page
    assert documents(page)[f"place-{site}"]["chips"][0]["scene"] == "</script><b>x"


def noisy_quicklook(scene_id: str, seed: int) -> Quicklook:
    """A picture of the whole survey, as rough as forest is."""
    canvas = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(60, 110, (1200, 1200, 3), np.uint8)).save(canvas, "PNG")
    bounds = tuple(float(edge) for edge in survey_of(300, 9).ponds.total_bounds)
    return Quicklook(scene_id, canvas.getvalue(), bounds, str(survey_of(300, 9).ponds.crs))


def test_three_hundred_sites_of_eight_pictures_stay_below_the_limit():
    survey = survey_of(300, 9)
    noise = np.random.default_rng(1).integers(0, 255, (110, 110, 3), np.uint8)
    looks = tuple(str(one) for one in survey.scenes["scene_id"])[:8]
    ring = Ring("P0001", "present", 0.98, is_measured=True, points=SQUARE * 2)
    chips = tuple(
        replace(chip(0), look=number, scene_id=look, picture=noise, rings=(ring,) * 9)
        for number, look in enumerate(looks)
    )
    strips = dict.fromkeys(survey.sites["site_id"], chips)
    pictures = tuple(noisy_quicklook(scene_id, seed) for seed, scene_id in enumerate(looks))
    page = render(replace(survey, looks=looks, strips=strips, quicklooks=pictures))
    assert len(page.encode()) < 15_000_000
    assert all(len(told["chips"]) == 8 for told in documents(page).values())


# -- in a browser ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("places") / "report.html"
    path.write_text(render(with_strips()), "utf-8")
    return path


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_sections_are_drawn_when_opened_and_nothing_is_wrong_with_them(browser, path, size):
    from axe_playwright_python.sync_playwright import Axe

    console: list[str] = []
    requests: list[str] = []
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.on("console", lambda message: console.append(message.text))
    page.on("pageerror", lambda error: console.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_timeout(200)
    places = page.locator("details.place")
    assert places.count() == len(example().sites)
    assert page.locator("details.place[open]").count() == 3
    assert page.locator(".chip").count() == 3 * len(LOOKS)
    places.nth(4).locator("summary").focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    assert places.nth(4).locator(".chip").count() == len(LOOKS)
    assert places.nth(4).locator(".chart svg").count() == 1
    assert "under cloud" in places.nth(4).locator(".clouded").first.inner_text()
    worst = [one["id"] for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
    is_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.close()
    assert (console, worst, is_wide) == ([], [], False)
    assert [url for url in requests if not url.startswith(("data:", "file:"))] == []


def test_the_table_leads_to_a_section_and_the_section_to_the_map(browser, path):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(path.as_uri())
    closed = page.locator("details.place:not([open])").last
    anchor = closed.get_attribute("id")
    page.locator(f'#sites a.to-place[href="#{anchor}"]').click()
    page.wait_for_timeout(200)
    place = page.locator(f'[id="{anchor}"]')
    assert place.get_attribute("open") is not None
    assert place.locator(".chip").count() == len(LOOKS)
    place.get_by_role("link", name="on the map").click()
    page.wait_for_timeout(400)
    popup = page.locator(".leaflet-popup")
    assert anchor is not None
    assert anchor.removeprefix("place-") in popup.inner_text()
    popup.get_by_role("link", name="pictures over dates").click()
    page.wait_for_timeout(200)
    assert page.evaluate("location.hash") == f"#{anchor}"
    page.close()


def test_outlines_change_colour_and_go(browser, path):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(path.as_uri())
    ring = page.locator(".ring").first
    color = "element => getComputedStyle(element).stroke"
    assert ring.evaluate(color) == "rgb(18, 196, 214)"
    page.get_by_label("Outlines by").select_option("confidence")
    assert ring.evaluate(color) == "rgb(27, 12, 65)"
    page.get_by_label("Outlines by").select_option("none")
    assert not ring.is_visible()
    page.get_by_role("button", name="Open all").click()
    page.wait_for_timeout(300)
    assert page.locator(".chip").count() == len(example().sites) * len(LOOKS)
    page.close()


def test_pictures_are_on_the_printed_page(browser, path, tmp_path):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(path.as_uri())
    page.emulate_media(media="print")
    assert page.locator("details.place[open] .chip").first.is_visible()
    pdf = page.pdf(format="A4", print_background=True)
    page.close()
    assert pdf.count(b"/Subtype /Image") > 3
