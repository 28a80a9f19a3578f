"""One site on a page: every number that of the products, every picture that of its scene, every file with its hash."""

from __future__ import annotations

import base64
import hashlib
import html as escaping
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image
from report_examples import example

from pondscan import handover, manifest
from pondscan.cli.entry import cli
from pondscan.config import Settings
from pondscan.errors import WorkspaceError
from pondscan.pipeline import run
from pondscan.report import dossier, paper

SAMPLE_TILES = Path(__file__).parents[2] / "sample_tiles"


@pytest.fixture(scope="module")
def census(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dossier") / "census"
    assert run([SAMPLE_TILES], folder, Settings()).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def site(census) -> dict:
    sites = json.loads((census / "sites.geojson").read_text("utf-8"))["features"]
    return max((one["properties"] for one in sites), key=lambda one: one["n_ponds"])


@pytest.fixture(scope="module")
def exported(census, site) -> handover.Exported:
    return handover.export(census, "dossier", site_id=site["site_id"])


@pytest.fixture(scope="module")
def page(exported) -> str:
    return next(file for file in exported.files if file.suffix == ".html").read_text("utf-8")


def cells(page: str, heading: str) -> list[list[str]]:
    """Rows of the first table below a heading."""
    table = page[page.index(f"<h2>{heading}</h2>") :].split("</table>", 1)[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table, flags=re.DOTALL)
    return [
        [escaping.unescape(re.sub("<[^>]+>", "", cell)) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)]
        for row in rows
    ]


def test_it_needs_nothing_from_elsewhere_and_runs_nothing(page):
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:;" in escaping.unescape(page)
    assert "<script" not in page
    assert re.findall(r'(?:href|src)="(?!data:)', page) == []
    assert re.findall(r"https?://", page) == []


def test_what_it_says_of_the_site_is_the_product(page, site):
    told = {name: value for name, value, _ in cells(page, "What the census says")}
    assert list(told) == list(site)
    for name, value in site.items():
        if isinstance(value, int | float):
            assert float(told[name]) == value
        elif value is None:
            assert told[name] == "–"
        else:
            assert told[name] == str(value).replace("T", " ").removesuffix(":00Z")


def test_ponds_and_looks_are_those_of_the_products(page, census, site):
    ponds = gpd.read_file(census / "ponds.geojson").query(f"site_id == '{site['site_id']}'")
    _, *rows = cells(page, "Ponds of the site")
    assert {row[0]: float(row[4]) for row in rows} == ponds.set_index("pond_id")["area_m2"].to_dict()
    series = pd.read_csv(census / "timeseries.csv").query(f"site_id == '{site['site_id']}'")
    _, *rows = cells(page, "The site at every look")
    assert sorted(row[1] for row in rows) == sorted(series["scene_id"])


def test_every_file_behind_it_is_named_with_its_hash(page, census):
    for file in SAMPLE_TILES.glob("*.tif"):
        if "truth" not in file.name:
            assert f">{file.name}</td>" in page
            assert hashlib.sha256(file.read_bytes()).hexdigest() in page
    document = manifest.read(census)
    for product in document["products"]:
        assert hashlib.sha256((census / product["name"]).read_bytes()).hexdigest() in page
    assert document["state"] in page
    assert str(SAMPLE_TILES.parent) not in page


def test_every_look_has_its_picture_with_date_scene_and_what_was_hidden(page, census, site):
    series = pd.read_csv(census / "timeseries.csv").query(f"site_id == '{site['site_id']}'")
    figures = re.findall(r"<figure>.*?</figure>", page, flags=re.DOTALL)
    assert len(figures) == len(series)
    for figure, row in zip(figures, series.to_dict("records"), strict=True):
        assert row["scene_id"] in figure
        assert row["datetime"][:10] in figure
        assert ("is a lower bound" in figure) == (row["observed_fraction"] < 0.9)


def test_pictures_show_the_ponds_where_the_outlines_are(page):
    """The newest look of 3 m: what is inside its unbroken outlines is less red than the bare ground around."""
    figure = next(
        one for one in re.findall(r"<figure>.*?</figure>", page, flags=re.DOTALL) if "planetscope_20230131" in one
    )
    data = re.search(r"data:image/png;base64,([^\"]+)", figure).group(1)
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        pixels = np.asarray(picture, np.float64)
    paths = set(re.findall(r'<path d="M([^Z"]+)Z" fill="none" stroke="#12C4D6"', figure))
    assert len(paths) >= 15
    middles = [
        np.array([[float(v) for v in corner.split()] for corner in path.split("L")]).mean(axis=0) for path in paths
    ]
    side = len(pixels)
    col, row = (np.array(middles).T * side / 1000).astype(int)
    inside = pixels[row, col]
    assert np.median(inside[:, 0]) < 0.6 * np.median(pixels[..., 0])


def test_events_say_no_more_than_the_looks_around_them():
    when = [pd.Timestamp(text, tz="UTC") for text in ("2022-01-03", "2022-02-04", "2023-03-05")]
    ponds = pd.DataFrame(
        {
            "pond_id": ["b", "a", "c"],
            "status": ["present", "gone", "unobserved"],
            "first_seen": [when[1], when[0], pd.NaT],
            "not_seen_before": [when[0], pd.NaT, pd.NaT],
            "last_seen": [when[2], when[1], pd.NaT],
            "not_seen_since": [pd.NaT, when[2], pd.NaT],
        }
    )
    assert [(one.when, one.pond_id, one.what) for one in dossier.events(ponds)] == [
        ("2022-01-03", "a", "first seen, no clear look before"),
        ("2022-02-04", "a", "last seen, no longer there on 2023-03-05"),
        ("2022-02-04", "b", "first seen, not there on 2022-01-03"),
    ]


def test_it_is_printed_where_a_browser_is(exported):
    if not any(shutil.which(name) for name in paper.BROWSERS):
        pytest.skip("PDF NOT TESTED: there is no Chromium or Chrome here")
    pdf = next(file for file in exported.files if file.suffix == ".pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Subtype /Image") >= 6
    assert exported.notes == ()


def test_a_browser_opens_it_without_a_word(exported, tmp_path):
    browser = next((path for name in paper.BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        pytest.skip("DOSSIER NOT TESTED IN A BROWSER: there is no Chromium or Chrome here")
    page = next(file for file in exported.files if file.suffix == ".html")
    flags = [*paper.FLAGS, "--no-sandbox", "--enable-logging=stderr", f"--user-data-dir={tmp_path}"]
    command = [browser, *flags, "--dump-dom", page.as_uri()]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)  # noqa: S603 (own page)
    assert "</html>" in ran.stdout
    assert [line for line in ran.stderr.splitlines() if "CONSOLE" in line] == []


def test_without_a_browser_it_says_that_there_is_no_pdf(census, site, monkeypatch):
    monkeypatch.setattr(paper, "BROWSERS", ("no-browser-of-this-name",))
    notes = handover.export(census, "dossier", site_id=site["site_id"]).notes
    assert notes == ("no PDF was made: there is no Chromium or Chrome here to print the page",)


def test_a_browser_that_fails_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(paper, "BROWSERS", ("false",))
    (tmp_path / "a.html").write_text("<p>")
    why = paper.print_page(tmp_path / "a.html", tmp_path / "a.pdf")
    assert why == "no PDF was made: false could not print the page (CalledProcessError)"


def test_a_site_that_is_not_there_is_refused(census):
    with pytest.raises(WorkspaceError, match=r"the census has no site Snowhere, sites\.geojson lists those there are"):
        handover.export(census, "dossier", site_id="Snowhere")


def test_a_site_by_an_older_name_is_pointed_to(tmp_path):
    aliases = pd.DataFrame({"old_id": ["S-old"], "new_id": ["S-47R-3071"]})
    evidence = dossier.Evidence(document={}, columns={}, aliases=aliases, chips=())
    with pytest.raises(WorkspaceError, match="the census has no site S-old: it goes by S-47R-3071 now"):
        dossier.export(replace(example()), tmp_path, site_id="S-old", evidence=evidence)


def test_a_workspace_that_has_changed_since_is_refused(census, site, monkeypatch):
    monkeypatch.setattr(manifest, "state_of", lambda *_: "another")
    with pytest.raises(WorkspaceError, match="its scenes or settings have changed since the products were made"):
        handover.export(census, "dossier", site_id=site["site_id"])


def test_the_command_wants_a_site_with_a_dossier_and_with_nothing_else(tmp_path):
    for arguments in (["--to", "dossier"], ["--to", "csv", "--site", "S1"]):
        answer = CliRunner().invoke(cli, ["export", str(tmp_path), *arguments])
        assert answer.exit_code == 2
        assert "--site" in answer.output


@pytest.mark.skipif(shutil.which("chromium") is None, reason="PDF NOT TESTED: Chromium is not installed")
def test_a_page_is_printed_from_a_folder_named_as_seen_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("page.html").write_text("<!doctype html><title>x</title><p>evidence", encoding="utf-8")
    assert paper.print_page(Path("page.html"), Path("page.pdf")) is None
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def test_figures_hold_the_charts_of_the_report(census, monkeypatch):
    from pondscan.report import prints

    monkeypatch.setattr(prints, "png_of", lambda svg: svg[:8].encode())  # painting takes long, and is tested beside it
    files = {file.stem: file for file in handover.export(census, "figures").files if file.suffix == ".svg"}
    assert {"map", "area", "turnover", "sizes"} < set(files)
    page = (census / "report.html").read_text("utf-8")
    for name in ("area", "turnover", "sizes"):
        text = files[name].read_text("utf-8")
        shapes = re.findall(r'<(?:path|polyline|polygon) (?:d|points)="([^"]{60,})"', text)
        assert shapes, name
        assert all(shape in page for shape in shapes), name


def test_figures_are_refused_when_the_workspace_is_no_longer_what_was_published(census, tmp_path):
    changed = Path(shutil.copytree(census, tmp_path / "changed"))
    config = changed / "config.toml"
    kept = config.read_text("utf-8")
    assert "distance_m = 200.0" in kept
    config.write_text(kept.replace("distance_m = 200.0", "distance_m = 150.0"), encoding="utf-8")
    with pytest.raises(WorkspaceError, match="have changed since the products were made"):
        handover.export(changed, "figures")
