"""The report of a real run: its numbers are those of the tables beside it."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from pondscan.config import Settings
from pondscan.pipeline import run

SAMPLE_TILES = Path(__file__).parents[2] / "sample_tiles"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "census"
    assert run([SAMPLE_TILES], folder, Settings()).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def html(workspace: Path) -> str:
    return (workspace / "report.html").read_text("utf-8")


def numbers(found: list[str]) -> list[float | None]:
    return [float(value) if value else None for value in found]


def test_the_table_of_periods_is_the_survey_table(workspace: Path, html: str) -> None:
    survey = pd.read_csv(workspace / "survey.csv")
    table = html[html.index('aria-label="Table of periods"') :].split("</table>", 1)[0]
    shown = numbers(re.findall(r'<data value="([^"]*)">', table))
    assert len(shown) == len(survey) > 3
    assert sorted(map(str, shown)) == sorted(str(None if pd.isna(v) else float(v)) for v in survey["pond_area_m2"])
    counts = re.findall(r'<td class="n">([\d,–]+)(?:<small>[^<]*</small>)?</td>', table)
    ponds = sorted(count.replace(",", "") for count in counts[1::2])
    assert ponds == sorted("–" if pd.isna(v) else str(int(v)) for v in survey["n_ponds"])


def test_the_headline_is_a_year_of_the_survey_table(workspace: Path, html: str) -> None:
    survey = pd.read_csv(workspace / "survey.csv")
    years = survey[(survey["period"] == "year") & (survey["observed_fraction"] >= 0.5)]
    newest = years.sort_values("period_start").iloc[-1]
    shown = numbers(re.findall(r'<data class="big"[^>]* value="([^"]*)">', html))
    assert shown == [newest["pond_area_m2"], newest["n_ponds"], newest["n_sites"]]


def test_the_table_of_sites_is_the_product(workspace: Path, html: str) -> None:
    features = json.loads((workspace / "sites.geojson").read_text("utf-8"))["features"]
    assert features
    for properties in (feature["properties"] for feature in features):
        row = unescape(html[html.index(f'<tr id="site-{properties["site_id"]}"') :].split("</tr>", 1)[0])
        shown = numbers(re.findall(r'<td class="n" data-value="([\d.]*)"', row))[:5]
        wanted = [properties[n] for n in ("n_ponds", "pond_equivalents", "pond_area_m2", "footprint_m2", "confidence")]
        assert shown == pytest.approx(wanted)


def test_every_scene_and_its_clear_share_is_told(workspace: Path, html: str) -> None:
    table = html[html.index('aria-label="Table of scenes"') : html.index('<section id="failed"')]
    rows = [row for row in table.split("<tr>") if 'scope="row"' in row]
    assert len(rows) == 6
    for path in sorted((workspace / "coverage").glob("*.tif")):
        assert sum(path.stem in row for row in rows) == 1
    masked = [row for row in rows if "unusable" in row]
    assert 1 <= len(masked) < 6
