from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from time import process_time

import geopandas as gpd
import pandas as pd
import pytest
from report_examples import all_clouded, example, nothing_found, pond, ponds_table, survey_of, undated

from pondscan.errors import WorkspaceError
from pondscan.report import ReportInput, render

VOID = {"meta", "link", "br", "wbr", "image", "path", "use", "circle", "rect"}


class Page(HTMLParser):
    """What the tests ask of a page: its tags, ids, links, text, and the exact values beside the texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, name: str) -> list[str]:
        return [value for _, attributes in self.tags if (value := attributes.get(name)) is not None]


@pytest.fixture(scope="module")
def html() -> str:
    return rendered("example")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


ALL = {"example": example, "nothing": nothing_found, "undated": undated, "clouded": all_clouded}


@cache
def rendered(name: str) -> str:
    return render(ALL[name]())


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_loaded_from_elsewhere(name: str) -> None:
    page = Page(rendered(name))
    for attribute in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
        assert all(value.startswith(("#", "data:")) for value in page.all(attribute))
    style = re.sub(r"data:[^)\"']*", "", "".join(page.all("style")))
    assert "url(" not in style.replace("url(#", "")
    assert "@import" not in page.text


@pytest.mark.parametrize("name", ALL)
def test_ids_are_unique_and_links_arrive(name: str) -> None:
    page = Page(rendered(name))
    ids = page.all("id")
    assert len(ids) == len(set(ids))
    links = {value[1:] for value in page.all("href") if value.startswith("#")}
    assert links <= set(ids)


def test_the_policy_allows_its_own_scripts_and_nothing_else(html: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    scripts = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    assert policy
    assert len(scripts) == 4
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    rules = dict(rule.strip().split(" ", 1) for rule in unescape(policy[1]).split(";"))
    assert rules == {
        "default-src": "'none'",
        "script-src": " ".join(f"'sha256-{digest}'" for digest in digests),
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert not re.search(r"\son[a-z]+=", html)


def test_the_headline_is_the_year_of_the_survey_table(page: Page) -> None:
    head = example().survey.query("period == 'year'").iloc[0]
    values = [float(attributes["value"] or "nan") for tag, attributes in page.tags if tag == "data"][:3]
    assert values == [head["pond_area_m2"], head["n_ponds"], head["n_sites"]]
    assert "6,280 ± 440" in page.text.replace("\n", "")
    assert "95 % interval of measurement: 5,840 – 6,720 m²" in page.text


def test_the_sites_of_the_table_are_those_of_the_products(page: Page) -> None:
    sites = example().sites.sort_values("pond_area_m2", ascending=False)
    rows = [float(value) for value in page.all("data-value") if re.fullmatch(r"\d+\.\d+", value)]
    assert set(sites["pond_area_m2"]) <= set(rows)
    assert set(sites["footprint_m2"]) <= set(rows)
    table = page.text[page.text.index("All sites.") : page.text.index("Largest liquid area first.")]
    order = re.findall(r"S-47R-\d+", table)
    assert order == list(sites["site_id"])


def test_every_look_is_in_the_table_of_periods_and_unseen_ones_have_no_number(html: str) -> None:
    rows = re.findall(r'<tr><th scope="row"><span(?: class="when")?>(.*?)</span>.*?</tr>', html, flags=re.DOTALL)
    assert rows == ["Year 2024", *sorted((str(when)[:10] for when in example().scenes["datetime"]), reverse=True)]
    unseen = html[html.index(">2024-08-20</span>") : html.index(">2024-07-06</span>")]
    assert unseen.count("–") == 3
    assert "0 %" in unseen


def test_failures_warnings_notes_settings_and_versions_are_told(page: Page) -> None:
    told = Page(render(example(notes=("Scene X is not used: Y is newer.",)))).text
    for sentence in (
        "S2B_MSIL2A_20240915.zip ends after 41 of 630 MB; download it again.",
        "B03 is offset by the product (-1000)",
        "2 files met in folders and not recognised",
        "distance_m = 200.0",
        "3.9.3",
    ):
        assert sentence in page.text
    assert "Scene X is not used: Y is newer." in told
    assert "Scene X" not in page.text


def test_the_sensors_limits_and_the_three_areas_are_explained(page: Page) -> None:
    assert "PlanetScope at 3 m: a clear look lets every second open pond be counted that is " in page.text
    assert "Sentinel-2 at 10 m: a clear look lets every second open pond be counted that is " in page.text
    for words in ("liquid in the ponds", "worked ground of the sites", "envelope around all sites"):
        assert words in page.text


def test_nothing_found_says_why_and_is_a_known_zero() -> None:
    text = Page(rendered("nothing")).text
    assert "No leach ponds found" in text
    assert "Rejected, touching ones divided first: 30 for “shadow”, 12 for “channel”." in text


def test_clouds_leave_the_number_unknown() -> None:
    text = Page(rendered("clouded")).text
    assert "Nothing could be seen" in text
    assert "No leach ponds found" not in text
    assert "The ground was not seen at all" in text


def test_an_undated_scene_has_no_series() -> None:
    text = Page(rendered("undated")).text
    assert "Undated look" in text
    assert "No dated look: there is no series over time." in text


def test_an_empty_workspace_has_a_report() -> None:
    none = nothing_found()
    empty = replace(none, scenes=none.scenes.iloc[:0], survey=none.survey.iloc[:0], quicklooks=())
    text = Page(render(empty)).text
    assert "No scene could be read, so nothing was looked at." in text
    assert "No scene could be used." in text


def test_tables_without_a_crs_have_a_report() -> None:
    none = nothing_found()
    bare = gpd.GeoDataFrame(pd.DataFrame(none.ponds), geometry="geometry", crs=None)
    assert "No leach ponds found" in render(replace(none, ponds=bare, quicklooks=()))


def test_markup_in_the_input_is_only_text() -> None:
    evil = '<script>alert("1")</script><img src=x onerror=alert(1)>"\'&'
    hostile = example(
        title=evil,
        failures=((evil, evil),),
        ignored=(evil,),
        notes=(evil,),
        settings_toml=f"# {evil}\n",
        versions={evil: evil},
    )
    ponds = hostile.ponds.assign(kind=evil, pond_id=evil, site_id=evil, status=evil)
    sites = hostile.sites.assign(site_id=[f"{evil}{i}" for i in range(5)], status=evil)
    series = hostile.timeseries.assign(site_id=f"{evil}0", sensor=evil)
    scenes = hostile.scenes.assign(sensor=evil, product=evil, scene_id=evil, calibrated=evil, warnings=[[evil]] * 9)
    page = Page(render(replace(hostile, ponds=ponds, sites=sites, timeseries=series, scenes=scenes)))
    assert (
        sum(tag == "script" for tag, _ in page.tags) == 10
    )  # the library, the three of the page, and data of map and sites
    assert not any(tag == "img" for tag, _ in page.tags)
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


def shuffled(report_input: ReportInput) -> ReportInput:
    """Return the same input with rows and pictures in another order."""
    return replace(
        report_input,
        ponds=report_input.ponds.iloc[::-1],
        sites=report_input.sites.sample(frac=1, random_state=1),
        timeseries=report_input.timeseries.sample(frac=1, random_state=2),
        survey=report_input.survey.sample(frac=1, random_state=3),
        scenes=report_input.scenes.sample(frac=1, random_state=4),
        quicklooks=report_input.quicklooks[::-1],
        ignored=report_input.ignored[::-1],
        versions=dict(reversed(report_input.versions.items())),
    )


def test_the_order_of_rows_changes_nothing(html: str) -> None:
    assert render(shuffled(example())) == html


def test_another_process_writes_the_same_bytes(html: str) -> None:
    code = "import hashlib, report_examples as e; from pondscan.report import render; "
    code += "print(hashlib.sha256(render(e.example()).encode()).hexdigest())"
    environment = os.environ | {
        "PYTHONHASHSEED": "12345",
        "TZ": "Asia/Yangon",
        "PYTHONPATH": str(Path(__file__).parent),
    }
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)  # noqa: S603 (own code)
    assert ran.stdout.strip() == hashlib.sha256(html.encode()).hexdigest()


def test_the_input_is_not_changed() -> None:
    given, kept = undated(), undated()
    render(given)
    for name in ("ponds", "sites", "timeseries", "survey", "scenes"):
        pd.testing.assert_frame_equal(pd.DataFrame(getattr(given, name)), pd.DataFrame(getattr(kept, name)))


@pytest.mark.parametrize(("table", "column"), [("ponds", "kind"), ("survey", "envelope_m2"), ("scenes", "haze")])
def test_a_missing_column_is_named(table: str, column: str) -> None:
    whole = example()
    with pytest.raises(WorkspaceError, match=f"The {table} table lacks the columns {column}"):
        render(replace(whole, **{table: getattr(whole, table).drop(columns=column)}))


def test_ponds_far_apart_get_a_close_map_and_an_inset() -> None:
    close = replace(example(), ponds=ponds_table([pond(1, 447_300, 2_837_700, 9.0), pond(2, 447_360, 2_837_700, 9.0)]))
    close = replace(close, sites=close.sites.iloc[:0], timeseries=close.timeseries.iloc[:0])
    assert 'class="sheet inset"' in render(close)
    assert 'class="sheet inset"' not in rendered("example")


def test_three_hundred_sites_in_seconds_and_a_few_megabytes() -> None:
    survey = survey_of(300, 9)
    started = process_time()
    html = render(survey)
    assert process_time() - started < 20
    assert len(html.encode()) < 15_000_000
    assert html.count('class="spark"') == 300
    assert html.count('<details class="place"') == 300
