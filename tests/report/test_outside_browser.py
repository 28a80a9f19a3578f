"""Events, series, seasons and changes in a real browser: no word on the console, no barrier, and on paper."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from report_examples import example
from test_outside import EVENTS, SERIES, STUDY
from test_turnover import CENSUS

from pondscan.context.sources import Context
from pondscan.report import render

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="EVENTS NOT TESTED IN A BROWSER: Chromium is not installed")


@pytest.fixture(scope="module")
def page_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(replace(example(), context=Context(EVENTS, SERIES), study=STUDY)), "utf-8")
    return path


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_events_and_series_open_without_a_barrier(browser, page_file, size):
    from axe_playwright_python.sync_playwright import Axe

    console: list[str] = []
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.on("console", lambda message: console.append(message.text))
    page.on("pageerror", lambda error: console.append(str(error)))
    page.goto(page_file.as_uri())
    for summary in page.locator("#outside summary").all():
        summary.focus()
        page.keyboard.press("Enter")
    assert page.get_by_role("region", name="Table of series").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    names = page.evaluate(
        "[...document.querySelectorAll('.event-names text')].map((text) => text.getBoundingClientRect())"
        ".map(({ left, right }) => [left, right])"
    )
    worst = [one["id"] for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
    page.close()
    assert all(one[1] <= other[0] for one, other in pairwise(names))
    assert (console, worst) == ([], [])


def test_panels_and_seasons_are_printed(browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(render(replace(CENSUS, context=Context(EVENTS, SERIES), study=STUDY)), "utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.emulate_media(media="print")
    for name in (
        "imports, t, by month",
        "New and lost ponds in each season",
        "Change of liquid area around each event",
    ):
        box = page.locator(f'[aria-label^="{name}"]').bounding_box()
        assert box["width"] > 200
        assert box["height"] > 40
    pdf = page.pdf()
    page.close()
    assert pdf.startswith(b"%PDF")
