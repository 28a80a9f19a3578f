"""``pondscan run`` and ``pondscan forget``, through the real entry point and the real pipeline."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

PRODUCTS = {
    *("ponds.geojson", "sites.geojson", "timeseries.csv", "survey.csv", "aliases.csv"),
    *("pondscan.gpkg", "report.html", "run.json"),
}


def write_scene(path: Path, *, value: int = 1200, **changes) -> Path:
    """A flat four-band scene, dated by its name."""
    profile = {
        "driver": "GTiff",
        "width": 64,
        "height": 64,
        "count": 4,
        "dtype": "uint16",
        "crs": "EPSG:32647",
        "transform": Affine(10, 0, 500_000, 0, -10, 2_800_000),
        **changes,
    }
    with rasterio.open(path, "w", **profile) as file:
        file.write(np.full((profile["count"], 64, 64), value, np.uint16))
        file.descriptions = ("blue", "green", "red", "nir")[: profile["count"]]
        file.scales = (1e-4,) * profile["count"]
    return path


@pytest.fixture(scope="module")
def census(tmp_path_factory, invented) -> Path:
    """A census of the invented scenes; not to be changed."""
    out = tmp_path_factory.mktemp("census") / "out"
    command = [sys.executable, "-m", "pondscan", "run", str(invented), "--out", str(out), "--workers", "1"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert (answer.returncode, answer.stderr) == (0, "")
    (out.parent / "stdout").write_text(answer.stdout, encoding="utf-8")
    return out


def test_a_run_writes_every_product_and_says_where(census):
    said = (census.parent / "stdout").read_text("utf-8")
    assert {path.name for path in census.iterdir()} >= PRODUCTS
    for name in PRODUCTS:
        assert name in said
    ponds = json.loads((census / "ponds.geojson").read_text("utf-8"))["features"]
    assert ponds, "the invented place has ponds of many pixels"
    assert said.startswith("scenes    2 done; 1 other file ignored; 2 in the census\n")
    for label in ("census", "liquid", "footprint", "envelope", "seen", "files"):
        assert f"\n{label:<10}" in said
    assert "\x1b" not in said


def test_the_same_run_again_changes_nothing(census, invented, pondscan, tmp_path):
    out = shutil.copytree(census, tmp_path / "out")
    before = {name: (out / name).read_bytes() for name in PRODUCTS}
    result = pondscan("run", invented, "--out", out)
    assert result.exit_code == 0
    assert result.stdout.startswith("scenes    2 unchanged; ")
    assert {name: (out / name).read_bytes() for name in PRODUCTS} == before


def test_workers_do_not_show_in_the_products(census, invented, pondscan, tmp_path):
    result = pondscan("run", invented, "--out", tmp_path / "out", "--workers", "3")
    assert result.exit_code == 0
    for name in PRODUCTS - {"run.json"}:
        assert (tmp_path / "out" / name).read_bytes() == (census / name).read_bytes(), name


def test_settings_are_kept_announced_when_changed_and_replaced_by_a_file(census, invented, pondscan, tmp_path):
    out = shutil.copytree(census, tmp_path / "out")
    changed = pondscan("run", invented, "--out", out, "--set", "sites.distance_m=77")
    assert "sites.distance_m: 200.0 → 77.0" in changed.stderr
    kept = json.loads(pondscan("run", invented, "--out", out, "--json").stdout)
    assert kept["changed_settings"] == []
    (tmp_path / "mine.toml").write_text("[sites]\nmin_ponds = 3\n", encoding="utf-8")
    replaced = json.loads(pondscan("run", invented, "--out", out, "--config", tmp_path / "mine.toml", "--json").stdout)
    assert replaced["changed_settings"] == ["sites.distance_m: 77.0 → 200.0", "sites.min_ponds: 2 → 3"]


def test_the_summary_is_there_as_json(census, invented, pondscan, tmp_path):
    out = shutil.copytree(census, tmp_path / "out")
    document = json.loads(pondscan("run", invented, "--out", out, "--json").stdout)
    listed = json.loads((out / "ponds.geojson").read_text("utf-8"))["features"]
    assert document["totals"]["n_ponds_listed"] == len(listed)
    assert len(document["unchanged"]) == 2
    assert {Path(path).name for path in document["products"]} == PRODUCTS


def test_forget_takes_a_scene_out_and_rebuilds(census, invented, pondscan, tmp_path):
    out = shutil.copytree(census, tmp_path / "out")
    unchanged = json.loads(pondscan("run", invented, "--out", out, "--json").stdout)["unchanged"]
    result = pondscan("forget", out, unchanged[1])
    assert result.exit_code == 0
    assert f"{unchanged[1]} is forgotten" in result.stderr
    assert unchanged[1] not in (out / "timeseries.csv").read_text("utf-8")
    again = pondscan("run", invented, "--out", out)
    assert again.stdout.startswith("scenes    1 done, 1 unchanged; ")
    for name in PRODUCTS - {"run.json"}:
        assert (out / name).read_bytes() == (census / name).read_bytes(), name


def test_forget_refuses_what_is_not_there(census, pondscan, tmp_path):
    unknown = pondscan("forget", census, "nosuch")
    assert unknown.exit_code == 1
    assert "there is no scene nosuch in this workspace" in unknown.stderr
    nowhere = pondscan("forget", tmp_path / "none", "nosuch")
    assert nowhere.exit_code == 1
    assert not (tmp_path / "none").exists()


def test_nothing_found_is_no_error_and_says_why(pondscan, tmp_path):
    result = pondscan("run", write_scene(tmp_path / "flat_20240217.tif"), "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "\ncensus    no ponds, no sites (" in result.stdout
    assert "\nwhy none  " in result.stdout
    assert "stood out" in result.stdout


def test_one_bad_scene_among_good_ones_leaves_with_3_and_its_reason(pondscan, tmp_path):
    good, bad = write_scene(tmp_path / "good_20240217.tif"), tmp_path / "bad_20240217.tif"
    bad.write_bytes(good.read_bytes()[:400])
    out = tmp_path / "out"
    result = pondscan("run", good, bad, "--out", out)
    assert result.exit_code == 3
    assert result.stdout.startswith("scenes    1 done, 1 failed; ")
    assert f"\nfailed    {bad}" in result.stdout
    assert not [path for path in out.rglob("*") if "bad_" in path.name]
    assert str(bad) in (out / "run.json").read_text("utf-8")
    bad.write_bytes(write_scene(tmp_path / "other_20240218.tif", value=1300).read_bytes())
    mended = pondscan("run", good, bad, "--out", out)
    assert (mended.exit_code, mended.stdout.split(";")[0]) == (0, "scenes    1 done, 1 unchanged")


def test_every_scene_failing_leaves_with_1_and_every_sentence(pondscan, tmp_path):
    first, second = tmp_path / "a_20240217.tif", tmp_path / "b_20240218.tif"
    first.write_bytes(b"nothing")
    second.write_bytes(b"of use")
    result = pondscan("run", first, second, "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (1, "")
    assert [line.split(" ")[:2] for line in result.stderr.splitlines()] == [
        ["pondscan:", str(first)],
        ["pondscan:", str(second)],
    ]
    assert not (tmp_path / "out").exists()


def _no_such_file(folder: Path) -> list[str | Path]:
    return [folder / "none.tif"]


def _no_raster(folder: Path) -> list[str | Path]:
    (folder / "notes.tif").write_text("no raster")
    return [folder / "notes.tif"]


def _truncated(folder: Path) -> list[str | Path]:
    path = write_scene(folder / "cut_20240217.tif")
    path.write_bytes(path.read_bytes()[:-2000])
    return [path]


def _cut_in_its_header(folder: Path) -> list[str | Path]:
    path = write_scene(folder / "tail_20240217.tif")
    path.write_bytes(path.read_bytes()[:-30])
    return [path]


def _no_data(folder: Path) -> list[str | Path]:
    return [write_scene(folder / "empty_20240217.tif", value=0, nodata=0)]


def _no_nir(folder: Path) -> list[str | Path]:
    return [write_scene(folder / "rgb_20240217.tif", count=3)]


def _several_undated(folder: Path) -> list[str | Path]:
    return [write_scene(folder / "a.tif"), write_scene(folder / "b.tif", value=1300)]


def _no_crs(folder: Path) -> list[str | Path]:
    return [write_scene(folder / "nowhere_20240217.tif", crs=None)]


def _with_aoi(folder: Path, document: str) -> list[str | Path]:
    (folder / "area.geojson").write_text(document)
    return [write_scene(folder / "a_20240217.tif"), "--aoi", folder / "area.geojson"]


def _empty_aoi(folder: Path) -> list[str | Path]:
    return _with_aoi(folder, '{"type": "FeatureCollection", "features": []}')


def _aoi_elsewhere(folder: Path) -> list[str | Path]:
    return _with_aoi(folder, '{"type": "Polygon", "coordinates": [[[1, 1], [2, 1], [2, 2], [1, 1]]]}')


def _option(*option: str):
    def arguments(folder: Path) -> list[str | Path]:
        return [write_scene(folder / "a_20240217.tif"), *option]

    return arguments


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (_no_such_file, 1, ["none.tif", "does not exist"]),
        (_no_raster, 1, ["notes.tif", "raster"]),
        (_truncated, 1, ["cut_20240217.tif", "cannot be read"]),
        (_cut_in_its_header, 1, ["tail_20240217.tif", "cannot be read", "incomplete"]),
        (_no_data, 1, ["empty_20240217.tif", "no data in any pixel", "nodata = 0", "input.nodata"]),
        (_no_nir, 1, ["rgb_20240217.tif", "nir"]),
        (_several_undated, 1, ["a.tif", "b.tif", "no date", "--datetime"]),
        (_no_crs, 1, ["nowhere_20240217.tif", "coordinate reference system"]),
        (_empty_aoi, 1, ["area.geojson", "empty"]),
        (_aoi_elsewhere, 1, ["area.geojson", "touches none of the scenes (1)"]),
        (_option("--aoi", "none.gpkg"), 1, ["none.gpkg", "--aoi"]),
        (_option("--set", "sites.distance=3"), 2, ["sites.distance", "the nearest is sites.distance_m"]),
        (_option("--set", "sites.distance_m=-3"), 2, ["sites.distance_m = -3", "above 0"]),
        (_option("--config", "none.toml"), 2, ["none.toml", "no such configuration file"]),
        (_option("--datetime", "soon"), 2, ["--datetime", '"soon"', "2024-02-17T04:12:00Z"]),
        (_option("--bands", "blue,green,red"), 1, ["a_20240217.tif"]),
        (_option("--mask", "maybe"), 2, ["--mask", "maybe", "auto"]),
        (_option("--workers", "0"), 2, ["--workers", "0"]),
        (_option("--set", "=3"), 2, ["--set =3", "section.key=VALUE"]),
    ],
)
def test_bad_input_is_one_sentence_with_nothing_left_behind(pondscan, tmp_path, arguments, exit_code, words):
    out = tmp_path / "deep" / "out"
    result = pondscan("run", *arguments(tmp_path), "--out", out)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert result.stderr.startswith("pondscan: ")
    assert result.stderr.count("\n") == 1
    assert [word for word in words if word not in result.stderr] == []
    assert not (tmp_path / "deep").exists()


def test_a_workspace_that_cannot_be_made_is_refused_by_name(pondscan, tmp_path):
    scene = write_scene(tmp_path / "a_20240217.tif")
    result = pondscan("run", scene, "--out", scene / "out")
    assert result.exit_code == 1
    assert str(scene) in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("room", [0, 3_000, 20_000, 60_000])
def test_a_disk_that_takes_no_more_is_one_sentence_and_leaves_nothing(tmp_path, invented, room):
    """A limit on the size of files stands for the end of the disk: the system refuses the same writes."""
    pytest.importorskip("resource")
    program = (
        "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))\nfrom pondscan.cli import main\nmain()"
    )
    command = [sys.executable, "-c", program, "run", str(invented), "--out", str(tmp_path / "out")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"pondscan: {tmp_path / 'out'}")
    assert answer.stderr.count("\n") == 1, "no library speaks beside it"
    assert "cannot be written" in answer.stderr
    assert "check that there is space" in answer.stderr
    assert "pondscan-tmp" not in answer.stderr, "a name that nobody knows"
    assert not (tmp_path / "out").exists()


def test_an_interrupted_run_says_so_and_the_next_one_gives_the_same_census(census, invented, pondscan, tmp_path):
    program = (
        "import os, signal, sys\nfrom pondscan.detect import scan\nscans = []\nreal = scan.scan_scene\n"
        "def interrupted(*arguments, **options):\n    scans.append(1)\n"
        "    if len(scans) == 2: os.kill(os.getpid(), signal.SIGINT)\n    return real(*arguments, **options)\n"
        "scan.scan_scene = interrupted\nfrom pondscan.cli import main\nmain()"
    )
    out = tmp_path / "out"
    command = [sys.executable, "-c", program, "run", str(invented), "--out", str(out)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert answer.returncode == 130
    assert "pondscan: interrupted; what was finished is kept" in answer.stderr
    assert "Traceback" not in answer.stderr
    result = pondscan("run", invented, "--out", out)
    assert result.stdout.startswith("scenes    1 done, 1 unchanged; ")
    for name in PRODUCTS - {"run.json"}:
        assert (out / name).read_bytes() == (census / name).read_bytes(), name


def log_of(*arguments: str | Path) -> tuple[int, list[dict[str, object]]]:
    command = [sys.executable, "-m", "pondscan", *map(str, arguments)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return answer.returncode, [json.loads(line) for line in answer.stderr.splitlines()]


def test_a_log_for_programs_is_one_object_a_line_and_changes_no_product(tmp_path):
    good, bad = write_scene(tmp_path / "a_20240101.tif"), write_scene(tmp_path / "b_20240102.tif", value=0, nodata=0)
    for out, options in (("text", ()), ("json", ("--set", "log.format=json"))):
        assert subprocess.run(  # noqa: S603
            [sys.executable, "-m", "pondscan", "run", str(good), "--out", str(tmp_path / out), "-q", *options],
            check=True,
            capture_output=True,
        )
    code, lines = log_of("run", good, bad, "--out", tmp_path / "json", "--set", "sites.distance_m=300")
    assert code == 3
    assert all(list(line) == ["time", "level", "event", "scene_id", "message"] for line in lines)
    told = [(line["level"], line["event"]) for line in lines]
    assert ("info", "setting_changed") in told
    failed = next(line for line in lines if line["event"] == "scene_failed")
    assert str(failed["scene_id"]).startswith("b_20240102")
    assert failed["level"] == "error"
    assert (tmp_path / "json" / "config.toml").read_text("utf-8").count('format = "json"') == 1
    code, lines = log_of("run", tmp_path / "gone.tif", "--out", tmp_path / "json")
    assert (code, [(line["level"], line["event"]) for line in lines]) == (1, [("error", "error")])
    same = log_of("run", good, "--out", tmp_path / "other", "--set", "log.format=json")
    assert same[1][-1]["event"] == "scene_done"
    for name in PRODUCTS - {"run.json"}:
        assert (tmp_path / "other" / name).read_bytes() == (tmp_path / "text" / name).read_bytes(), name
