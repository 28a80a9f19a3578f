"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "pondscan"

HEAVY = {"numpy", "scipy", "rasterio", "geopandas", "pandas", "shapely", "pyproj", "skimage", "matplotlib", "pydantic"}

SOMEBODYS_MACHINE = re.compile(
    r"(?:^|[^\w.])/(?:home|root|tmp|work|Users|private)/"
    r"|pythonhosted[.]org|pypi[.]org/simple|registry[.]npmjs|deb[.]debian[.]org",
    re.MULTILINE,
)
"""Paths of one machine and addresses of package servers: a clone elsewhere has neither."""


@pytest.fixture(scope="module")
def tracked_files() -> list[Path]:
    answer = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    if answer.returncode != 0:
        pytest.skip("HOUSE RULES NOT TESTED: this is no git checkout")
    return [ROOT / name for name in answer.stdout.split("\0") if name and (ROOT / name).is_file()]


def modules_after(arguments: list[str]) -> set[str]:
    """Top-level packages that are imported when the command line has run with these arguments."""
    program = (
        "import sys\nfrom pondscan.cli.entry import cli\n"
        f"try:\n    cli.main({arguments!r})\nexcept SystemExit as leaving:\n    assert not leaving.code, leaving.code\n"
        "print('MODULES', *{name.partition('.')[0] for name in sys.modules})"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    return set(answer.stdout.rpartition("MODULES")[2].split())


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], *([name, "--help"] for name in ("run", "info", "check", "simulate"))]
)
def test_help_imports_nothing_heavy(arguments):
    modules = modules_after(arguments)
    assert "click" in modules
    assert modules & HEAVY == set()


def test_what_is_printed_without_scenes_needs_no_raster_library():
    assert modules_after(["config"]) & (HEAVY - {"pydantic"}) == set()


def test_a_run_looks_at_its_files_before_it_imports_what_comes_later():
    code = "import pondscan.pipeline, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    modules = set(answer.stdout.split())
    assert "rasterio" in modules
    assert modules & {"pandas", "geopandas", "scipy", "skimage", "pyarrow", "matplotlib"} == set()


def test_no_file_knows_somebodys_machine(tracked_files):
    found = [
        f"{path.relative_to(ROOT)}: {match.group().strip()}"
        for path in tracked_files
        if (text := _text_of(path)) is not None and (match := SOMEBODYS_MACHINE.search(text))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text", ["see " + "/home" + "/me/scenes", "'/" + "tmp/x'", "https://files.pythonhosted" + ".org/x"]
)
def test_the_search_for_machine_paths_finds_them(text):
    assert SOMEBODYS_MACHINE.search(text)


@pytest.mark.parametrize("text", ["tests/work/x", "~/scenes", "#!/usr/bin/env bash", "/vsizip/", "a/tmp/b"])
def test_the_search_for_machine_paths_finds_nothing_else(text):
    assert not SOMEBODYS_MACHINE.search(text)


def test_every_module_has_its_layer():
    """import-linter checks only the modules it is told of; none may be forgotten."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    placed = {name.strip().removeprefix("pondscan.") for layer in layers for name in layer.split("|")}
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }
    assert modules - {"__init__", "__main__"} == placed


def test_no_room_is_called_utils():
    names = {path.stem for path in PACKAGE.rglob("*.py")}
    assert names & {"utils", "util", "common", "helpers", "misc"} == set()


def test_functions_can_be_seen_whole():
    long = {
        f"{path.relative_to(ROOT)}: {node.name}": lines
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (lines := _body_lines(node)) > 50
    }
    assert long == {}


def test_files_can_be_read_in_one_go():
    long = {path.name: lines for path in PACKAGE.rglob("*.py") if (lines := path.read_text("utf-8").count("\n")) > 450}
    assert long == {}


def test_no_large_file_is_tracked(tracked_files):
    samples = [path for path in tracked_files if path.is_relative_to(ROOT / "sample_tiles")]
    large = [path.name for path in tracked_files if path not in samples and path.stat().st_size > 600 * 1024]
    assert large == []
    assert sum(path.stat().st_size for path in samples) < 6 * 2**20


def test_what_is_no_code_is_installed_too(tracked_files):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["pondscan"]
    installed = {path for pattern in patterns for path in PACKAGE.glob(pattern)}
    data = {path for path in tracked_files if path.is_relative_to(PACKAGE) and path.suffix != ".py"}
    assert data - installed == set()


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md"])
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


@pytest.mark.parametrize("script", ["scripts/demo", "scripts/test", "scripts/environment", ".ci/run"])
def test_scripts_can_be_run_and_stop_at_the_first_error(script):
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    assert "set -euo pipefail" in path.read_text(encoding="utf-8")


def test_python_scripts_explain_themselves_and_do_nothing_when_asked_to(tmp_path):
    scripts = [
        ROOT / "scripts" / name
        for name in ("choose_constants", "fit_confidence", "fit_natural_water", "make_sample_tiles")
    ]
    for script in scripts:
        command = [sys.executable, str(script), "--help"]
        answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603
        assert (answer.returncode, answer.stderr) == (0, ""), script.name
        assert answer.stdout.startswith(f"usage: {script.name}")
    assert not list(tmp_path.iterdir())


def test_constraints_name_releases_and_nothing_else():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.+!-]+", line) for line in pinned)


def test_every_dependency_is_pinned_in_the_constraints():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    pinned = {
        _canonical(line.partition("==")[0]) for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    }
    assert {_canonical(re.split(r"[<>=\[]", name)[0]) for name in wanted} <= pinned


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return node.end_lineno - body[0].lineno + 1 if body else 0


def _text_of(path: Path) -> str | None:
    """Text of a file, None when it is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
