"""The review page in a real browser, driven by keyboard; and its server against strangers."""

from __future__ import annotations

import http.client
import io
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import geopandas as gpd
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from pondscan.cli.entry import cli
from pondscan.review import selection
from pondscan.review.crops import square_around
from pondscan.review.desk import Desk
from pondscan.review.server import ReviewServer
from pondscan.store import Workspace

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
in_browser = pytest.mark.skipif(
    BROWSER is None, reason="REVIEW PAGE NOT TESTED IN A BROWSER: Chromium is not installed"
)


@pytest.fixture(scope="module")
def first_census(tmp_path_factory) -> Path:
    """A census of twelve ponds and more; not to be changed."""
    from datetime import date

    from pondscan.simulate.series import simulate_series

    folder = tmp_path_factory.mktemp("served")
    size = {"width_m": 1500.0, "height_m": 1500.0, "n_sites": 3}
    simulate_series(folder / "scenes", seed=5, sensors=["planetscope"], dates=[date(2023, 2, 5)], **size)
    command = ["run", "-q", str(folder / "scenes"), "--out", str(folder / "census")]
    answer = CliRunner().invoke(cli, command)
    assert answer.exit_code == 0, answer.output
    return folder / "census"


@pytest.fixture
def census(first_census, tmp_path) -> Path:
    return Path(shutil.copytree(first_census, tmp_path / "census"))


@pytest.fixture
def server(census) -> Iterator[ReviewServer]:
    workspace = Workspace(census)
    ponds = selection.chosen(selection.candidates(workspace).ponds, n_sample=None, only_uncertain=False)
    with ReviewServer(Desk(workspace, ponds, census / "review.geojson", "Ann")) as running:
        thread = Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ask(server: ReviewServer, method: str, path: str, body: object = None, **headers: str | None):
    """Answer of the server: status and document."""
    sent = {"X-Token": server.token, "Origin": server.origin} | headers
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=10)
    connection.request(
        method,
        path,
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        headers={name: value for name, value in sent.items() if value is not None},
    )
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    is_json = answer.headers["Content-Type"] == "application/json"
    return answer.status, json.loads(content) if is_json else content


@in_browser
def test_twenty_verdicts_given_by_keyboard_come_back_and_change_the_counts(server, census):
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import expect, sync_playwright

    n_before = len(gpd.read_file(census / "ponds.geojson"))
    ids = server.desk.ponds["pond_id"].tolist()
    assert len(ids) >= 20
    keys = ["r", "a", "u", "r"] * 5
    requests, console = [], []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: console.append(message.text))
        page.goto(server.url)
        progress = page.locator("#progress")
        expect(progress).to_contain_text(f"Pond 1 of {len(ids)}, 0 judged")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("[...document.images].map((one) => one.naturalWidth)") == [300, 300]
        natural = page.evaluate("[...document.images].map((one) => one.src)")
        page.keyboard.press("f")
        for picture in page.locator("#looks img").all():
            expect(picture).to_have_js_property("naturalWidth", 300)
        expect(page.get_by_role("button", name="false colour")).to_have_attribute("aria-pressed", "true")
        shown = page.evaluate("[...document.images].map((one) => [one.src, one.naturalWidth])")
        assert shown == [[src.replace("natural", "false"), 300] for src in natural]
        for number, key in enumerate(keys, start=1):
            page.keyboard.press(key)
            at = min(number + 1, len(ids))
            expect(progress).to_contain_text(f"Pond {at} of {len(ids)}, {number} judged")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("n")
        page.keyboard.type("a note by hand")
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        worst = [one for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
        browser.close()
    assert worst == []
    assert console == []
    assert all(url.startswith(server.origin) for url in requests)
    answer = CliRunner().invoke(cli, ["review", "apply", str(census), str(census / "review.geojson")])
    assert answer.stdout == "20 verdicts: 5 accepted, 10 rejected, 5 unsure; all of them new\n"
    ponds = gpd.read_file(census / "ponds.geojson").set_index("pond_id")
    rejected = {pond for pond, key in zip(ids, keys, strict=False) if key == "r"}
    accepted = {pond for pond, key in zip(ids, keys, strict=False) if key == "a"}
    assert not rejected & set(ponds.index)
    assert (ponds.loc[sorted(accepted), "confidence"] == 1).all()
    assert len(ponds) < n_before
    assert set(Workspace(census).verdicts()["reviewer"]) == {"Ann"}


def test_pictures_are_of_the_pond_at_full_resolution(server):
    """Liquid is dark in the near infrared: within the outline false colours have less red than the ground around."""
    n_told = 0
    for pond, outline in enumerate(server.desk.ponds.geometry[:10]):
        near = pixels_of(server.desk.picture(pond, 0, is_wide=False, is_natural=False))
        natural = pixels_of(server.desk.picture(pond, 0, is_wide=False))
        wide = pixels_of(server.desk.picture(pond, 0, is_wide=True))
        assert near.shape == natural.shape == wide.shape == (300, 300, 3)
        assert (near != natural).any()
        x, y, side_m = square_around(outline, is_wide=False)
        assert side_m >= 120
        row, col = (np.array([y - outline.centroid.y, outline.centroid.x - x]) / side_m * 300 + 150).astype(int)
        n_told += int(near[row, col, 0] < np.median(near[..., 0]))
    assert n_told >= 8
    assert server.desk.picture(0, 99, is_wide=False) is None


def pixels_of(png: bytes | None) -> np.ndarray:
    assert png is not None
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture)


def test_it_listens_on_the_loopback_address_alone(server):
    assert server.server_address[0] == "127.0.0.1"
    assert server.socket.family == socket.AF_INET


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", {"X-Token": None}, 403),
        ("GET", "/ponds.json", {"X-Token": "guess"}, 403),
        ("GET", "/ponds.json", {"Host": "evil.example"}, 403),
        ("GET", "/../../etc/passwd", {}, 404),
        ("GET", "/picture/0/0/../../x.png", {}, 404),
        ("GET", "/picture/99999/0/near-natural.png", {}, 404),
        ("GET", "/%2e%2e/ledger.sqlite", {}, 404),
        ("POST", "/verdict", {"Origin": "http://evil.example"}, 403),
        ("POST", "/verdict", {"Origin": None}, 403),
        ("POST", "/ponds.json", {}, 404),
    ],
)
def test_strangers_and_strange_paths_are_refused(server, method, path, headers, status):
    verdict = {"pond_id": server.desk.ponds["pond_id"][0], "verdict": "rejected", "note": ""}
    assert ask(server, method, path, verdict, **headers)[0] == status
    assert server.desk.said == {}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"pond_id": "Pnowhere", "verdict": "accepted"}, "there is no pond Pnowhere"),
        ({"pond_id": None, "verdict": "perhaps"}, "names pond_id, verdict and note"),
        (["a", "list"], "no JSON object"),
        (b"{not json", "no JSON object"),
    ],
)
def test_a_verdict_that_makes_no_sense_is_refused(server, body, sentence):
    status, told = ask(server, "POST", "/verdict", body)
    assert status == 400
    assert sentence in told["error"]


def test_a_body_without_end_is_not_read(server):
    assert ask(server, "POST", "/verdict", b"x" * (64 * 1024 + 1))[0] == 413


def test_a_review_goes_on_where_it_was_left(server, census):
    pond = server.desk.ponds["pond_id"][0]
    assert ask(server, "POST", "/verdict", {"pond_id": pond, "verdict": "accepted", "note": "ü"})[0] == 200
    again = Desk(server.desk.workspace, server.desk.ponds, census / "review.geojson", "Ann")
    assert again.listing()[0]["said"]["note"] == "ü"
    assert again.listing()[0]["looks"]
    ask(server, "POST", "/verdict", {"pond_id": pond, "verdict": None})
    assert server.desk.said == {}


def test_the_pages_own_policy_forbids_everything_foreign(server):
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=10)
    connection.request("GET", f"/?token={server.token}")
    answer = connection.getresponse()
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert b"THE-TOKEN" not in answer.read()
    connection.close()
