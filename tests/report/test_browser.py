"""The report in a real browser: no console message, no request, tables sort, nothing wider than the screen."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from report_examples import all_clouded, example, nothing_found, undated

from pondscan.report import ReportInput, render

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="REPORT NOT TESTED IN A BROWSER: Chromium is not installed")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=4000",
)  # fmt: skip


@cache
def report_of_example() -> str:
    return render(example())


def browse(page: Path, *flags: str) -> tuple[str, list[str]]:
    """DOM after loading, and what the page wrote to the console."""
    profile = f"--user-data-dir={page.parent / 'profile'}"
    command = [str(BROWSER), *FLAGS, profile, *flags, "--dump-dom", page.as_uri()]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)  # noqa: S603 (own page)
    return ran.stdout, [line for line in ran.stderr.splitlines() if "CONSOLE" in line]


def with_probe(html: str, script: str) -> str:
    """Return the page without its policy and with a script that writes what it finds into the title."""
    open_page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
    return open_page.replace("</body>", f"<script>document.title = String((() => {{{script}}})());</script></body>")


def title_of(dom: str) -> str:
    found = re.search(r"<title>(.*?)</title>", dom, flags=re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("make", [example, undated, all_clouded])
def test_it_opens_under_its_policy_without_a_word_on_the_console(
    tmp_path: Path, make: Callable[[], ReportInput]
) -> None:
    page = tmp_path / "report.html"
    page.write_text(render(make()), "utf-8")
    dom, console = browse(page)
    assert console == []
    assert title_of(dom) == "Pangwa, two valleys – pondscan"
    # The page's own script ran under the policy: it turns sortable heads into buttons.
    assert ("<th data-sort" not in dom) or "<button type=" in dom


def test_the_console_check_can_fail(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    trespass = "<img src='https://example.org/x.png'><script>1</script></body>"
    page.write_text(render(nothing_found()).replace("</body>", trespass), "utf-8")
    assert len(browse(page)[1]) == 2


PROBE_SORT = """
const table = document.querySelector("#sites table");
const head = [...table.tHead.rows[0].cells].find((cell) => cell.textContent.startsWith("Ponds"));
const button = head.querySelector("button");
const column = () => [...table.tBodies[0].rows].map((row) => row.cells[2].textContent).join(" ");
const before = column();
button.click();
const down = column();
button.click();
return [before, down, column(), button.parentElement.getAttribute("aria-sort")].join(" | ");
"""


def test_a_click_on_a_head_sorts_and_another_turns_round(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(with_probe(report_of_example(), PROBE_SORT), "utf-8")
    dom, _ = browse(page)
    assert title_of(dom) == "14 9 6 4 3 | 14 9 6 4 3 | 3 4 6 9 14 | ascending"


PROBE_WIDTH = """
const wide = [...document.querySelectorAll("body *")].filter((element) =>
  element.getBoundingClientRect().right > innerWidth + 1 &&
  !element.closest(".scroll, .contents, svg, .skip, #explorer"));
return [innerWidth, document.documentElement.scrollWidth, wide.length].join(" ");
"""


@pytest.mark.parametrize("width", [500, 1280])
def test_nothing_is_wider_than_the_screen(tmp_path: Path, width: int) -> None:
    page = tmp_path / "report.html"
    page.write_text(with_probe(report_of_example(), PROBE_WIDTH), "utf-8")
    inner, scroll, wide = title_of(browse(page, f"--window-size={width},844")[0]).split()
    assert (scroll, wide) == (inner, "0")


PROBE_NAMES = """
const takers = document.querySelectorAll("a, button, [role=img], [role=group], [tabindex='0']");
const nameless = [...takers].filter((element) =>
  !(element.textContent.trim() || element.getAttribute("aria-label")));
const heads = [...document.querySelectorAll("h1, h2, h3")].map((head) => Number(head.tagName[1]));
const jumps = heads.filter((level, i) => i && level > heads[i - 1] + 1);
return [nameless.length, jumps.length, document.documentElement.lang].join(" ");
"""


def test_everything_that_takes_the_focus_has_a_name_and_heads_do_not_jump(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(with_probe(report_of_example(), PROBE_NAMES), "utf-8")
    assert title_of(browse(page)[0]) == "0 0 en"


def test_it_prints_with_maps_charts_and_details(tmp_path: Path) -> None:
    page, pdf = tmp_path / "report.html", tmp_path / "report.pdf"
    page.write_text(report_of_example(), "utf-8")
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [str(BROWSER), *FLAGS[:-1], profile, "--no-pdf-header-footer", f"--print-to-pdf={pdf}", page.as_uri()]
    subprocess.run(command, capture_output=True, timeout=120, check=True)  # noqa: S603 (own page)
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF")
    assert b"/Subtype /Image" in content
    assert 3 <= content.count(b"/Type /Page\n") <= 9
