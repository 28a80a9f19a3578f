from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
from pathlib import Path

import geopandas as gpd
import jsonschema
import pytest
import shapely
from invented_scenes import EDGE_M, World, install, three_dates, write_scene
from painted_scenes import CRS, SOUTH, WEST

from pondscan import export, manifest, pipeline, publish, report
from pondscan.config import Settings
from pondscan.errors import InputError, WorkspaceError
from pondscan.follow import products
from pondscan.store import Workspace, atomic
from pondscan.store.workspace import MEMO

SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "run.schema.json").read_text(encoding="utf-8"))
PRODUCTS = (*export.PRODUCTS, publish.REPORT)
RENDER, BUILD = report.render, products.build


@pytest.fixture
def world(monkeypatch) -> World:
    return install(monkeypatch)


@pytest.fixture
def real_tables(world, monkeypatch) -> None:
    monkeypatch.setattr(publish.products, "build", BUILD)


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "census"


def run(inputs, out: Path, settings: Settings | None = None, **options):
    return pipeline.run([str(path) for path in inputs], out, settings or Settings(), **options)


def changed(**sections) -> Settings:
    return Settings.model_validate(sections)


def products_in(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in PRODUCTS}


def everything_in(out: Path) -> dict[str, tuple[bytes, int]]:
    """Every file with its bytes and the time it was last written."""
    return {
        str(path.relative_to(out)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in out.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def known() -> dict[tuple[object, ...], dict[str, bytes]]:
    return {}


@pytest.fixture
def at_once(world, tmp_path, known):
    """Products of one run over some scenes; those of the same scenes are made once for all tests."""

    def products(scenes: list[Path], settings: Settings | None = None) -> dict[str, bytes]:
        key = (*sorted(path.read_bytes() for path in scenes), repr(settings), publish.products.build is BUILD)
        if key not in known:
            run(scenes, tmp_path / "at once", settings)
            known[key] = products_in(tmp_path / "at once")
        return known[key]

    return products


def run_json(out: Path) -> dict:
    return json.loads((out / "run.json").read_text(encoding="utf-8"))


def outcomes(out: Path) -> dict[str, str]:
    return {scene["scene_id"] or scene["source"]: scene["outcome"] for scene in run_json(out)["scenes"]}


# -- a first run --------------------------------------------------------------------------------------------------


def test_a_first_run_leaves_a_census(real_tables, world, tmp_path, out):
    summary = run(three_dates(tmp_path / "in"), out)
    assert summary.exit_code == 0
    assert summary.done == ("planet_2024-01-10", "planet_2024-02-17", "planet_2024-03-21")
    assert summary.n_scenes == 3
    assert summary.totals.n_sites_listed == 1
    assert summary.totals.n_ponds_listed >= 4
    assert summary.totals.area_m2 > 0
    assert summary.totals.area_lower_m2 < summary.totals.area_m2 < summary.totals.area_upper_m2
    assert summary.covered == {"clear": 1.0}
    assert summary.was_rebuilt
    assert all(path.is_file() for path in summary.products)
    assert {path.name for path in summary.products} == {*PRODUCTS, "run.json"}
    assert len(gpd.read_file(out / "ponds.geojson")) == summary.totals.n_ponds_listed


def test_run_json_follows_its_schema(world, tmp_path, out):
    scenes = three_dates(tmp_path / "in")
    broken = tmp_path / "in" / "x.broken"
    broken.touch()
    (tmp_path / "in" / "readme.txt").touch()
    write_scene(tmp_path / "in", "bad", "2024-05-01", fails="its pixels cannot be read")
    write_scene(tmp_path / "in", "old", "2024-06-01", scene_id="v1", acquisition="A", processing="1")
    write_scene(tmp_path / "in", "new", "2024-06-01", scene_id="v2", acquisition="A", processing="2")
    run([tmp_path / "in"], out)
    document = run_json(out)
    jsonschema.validate(document, SCHEMA, format_checker=jsonschema.FormatChecker())
    assert outcomes(out) == {
        "planet_2024-01-10": "done",
        "planet_2024-02-17": "done",
        "planet_2024-03-21": "done",
        "v2": "done",
        "v1": "superseded",
        "planet_2024-05-01": "failed",
        str(broken): "failed",
    }
    first = document["scenes"][0]
    assert first["inputs"][0]["path"] == str(scenes[0])
    assert first["inputs"][0]["size"] == scenes[0].stat().st_size
    assert first["counts"] == {"candidates": 4, "too large": 1}
    assert first["coverage_px"]["clear"] == 40_000
    assert first["warnings"] == ["min_snr is 4.0"]
    assert document["ignored"] == [{"path": str(tmp_path / "in" / "readme.txt"), "reason": "not recognised"}]
    assert {product["name"] for product in document["products"]} == set(PRODUCTS)


def test_the_schema_is_strict():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"format": 1}, SCHEMA)


def test_nothing_found_says_why(real_tables, world, tmp_path, out):
    summary = run([write_scene(tmp_path, "a", "2024-01-10", ponds=[], cloud_px=50)], out)
    assert summary.exit_code == 0
    assert summary.totals.n_ponds_listed == 0
    assert summary.covered == pytest.approx({"clear": 0.75, "cloud": 0.25})
    assert summary.why_nothing
    assert len(gpd.read_file(out / "pondscan.gpkg", layer="ponds")) == 0


def test_progress_goes_up_and_reaches_its_end(world, tmp_path, out):
    told = []
    run(three_dates(tmp_path / "in"), out, progress=lambda what, done, total: told.append((what, done, total)))
    shares = [done / total for _, done, total in told]
    assert shares == sorted(shares)
    assert told[-1] == ("planet_2024-03-21", 3000, 3000)


def test_workers_are_the_threads_of_a_scan(world, tmp_path, out):
    run(three_dates(tmp_path / "in"), out, workers=3)
    assert world.n_threads == [3, 3, 3]


# -- products are a function of scenes and settings ---------------------------------------------------------------


def six_scenes(folder: Path) -> list[Path]:
    scenes = three_dates(folder)
    scenes.append(write_scene(folder, "undated", None, scene_id="undated", ponds=[(60, 60), (60, 90)]))
    scenes.append(
        write_scene(folder, "v1", "2024-02-20", scene_id="v1", acquisition="A", processing="1", ponds=[(9, 9)])
    )
    scenes.append(write_scene(folder, "v2", "2024-02-20", scene_id="v2", acquisition="A", processing="2", cloud_px=90))
    return scenes


@pytest.mark.parametrize(
    "batches",
    [
        [[5, 4, 3, 2, 1, 0]],
        [[0], [1], [2], [3], [4], [5]],
        [[5], [4], [3], [2], [1], [0]],
        [[2, 5], [0, 3], [1, 4], [2, 5]],
        [[4, 0], [0, 1, 2, 3, 4, 5]],
    ],
)
def test_order_and_split_do_not_matter(real_tables, world, tmp_path, out, at_once, batches):
    scenes = six_scenes(tmp_path / "in")
    for batch in batches:
        assert run([scenes[number] for number in batch], out, workers=1 + len(batch)).exit_code == 0
    assert products_in(out) == at_once(scenes)
    assert [one.scene_id for one in Workspace(out).scenes()] == [
        *("undated", "planet_2024-01-10", "planet_2024-02-17", "v2", "planet_2024-03-21")
    ]


def test_the_real_report_does_not_depend_on_order_either(real_tables, world, tmp_path, out, monkeypatch):
    monkeypatch.setattr(publish.report, "render", RENDER)
    scenes = three_dates(tmp_path / "in")
    run(scenes, tmp_path / "at once")
    for scene in reversed(scenes):
        run([scene], out)
    assert products_in(out) == products_in(tmp_path / "at once")
    assert str(tmp_path) not in (out / publish.REPORT).read_text(encoding="utf-8")


def test_no_product_knows_where_it_lies_or_how_the_work_was_cut(world, tmp_path, out):
    scenes = three_dates(tmp_path / "in")
    run(scenes, out, changed(tiles={"size_px": 512}))
    shutil.copytree(tmp_path / "in", tmp_path / "other place" / "in")
    run([tmp_path / "other place" / "in"], tmp_path / "other place" / "census")
    assert products_in(out) == products_in(tmp_path / "other place" / "census")


def test_running_again_touches_nothing(world, tmp_path, out):
    scenes = three_dates(tmp_path / "in")
    run(scenes, out)
    before = everything_in(out)
    world.scanned.clear()
    summary = run(scenes, out)
    assert world.scanned == []
    assert summary.unchanged == ("planet_2024-01-10", "planet_2024-02-17", "planet_2024-03-21")
    assert not summary.was_rebuilt
    assert summary.totals.n_ponds_listed == 14
    assert everything_in(out) == before


def test_only_what_is_new_is_scanned(world, tmp_path, out):
    scenes = three_dates(tmp_path / "in")
    run(scenes[:2], out)
    world.scanned.clear()
    summary = run(scenes, out)
    assert world.scanned == ["planet_2024-03-21"]
    assert (summary.done, len(summary.unchanged)) == (("planet_2024-03-21",), 2)


def test_a_renamed_file_is_the_same_scene(world, tmp_path, out):
    scene = write_scene(tmp_path / "in", "a", "2024-01-10")
    run([scene], out)
    products = products_in(out)
    world.scanned.clear()
    moved = scene.rename(tmp_path / "elsewhere.scene")
    assert run([moved], out).unchanged == ("planet_2024-01-10",)
    assert world.scanned == []
    assert products_in(out) == products
    assert Workspace(out).scenes()[0].scene.source == str(moved)


def test_a_file_whose_content_changed_is_scanned_again(world, tmp_path, out):
    scene = write_scene(tmp_path, "a", "2024-01-10")
    run([scene], out)
    write_scene(tmp_path, "a", "2024-01-10", ponds=[(60, 60), (60, 90)])
    assert run([scene], out).done == ("planet_2024-01-10",)
    assert len(Workspace(out).observations("planet_2024-01-10")) == 2


def test_a_product_somebody_changed_is_made_again(world, tmp_path, out):
    scenes = three_dates(tmp_path / "in")
    run(scenes, out)
    before = products_in(out)
    (out / "ponds.geojson").write_text("{}")
    (out / "survey.csv").unlink()
    assert run(scenes, out).was_rebuilt
    assert products_in(out) == before


def test_what_is_remembered_changes_no_product(real_tables, world, tmp_path, out, at_once):
    scenes = [*three_dates(tmp_path / "in"), write_scene(tmp_path / "in", "cloudy", "2024-05-02", cloud_px=40)]
    run(scenes[:3], out)
    remembered = (out / MEMO).read_bytes()
    run(scenes, out)
    assert (out / MEMO).read_bytes() != remembered
    for change in ((out / MEMO).unlink, lambda: (out / MEMO).write_bytes(b"damaged")):
        change()
        (out / "run.json").unlink()
        run(scenes, out)
        assert products_in(out) == at_once(scenes)


def test_inputs_may_be_gone_later(real_tables, world, tmp_path, out):
    scenes = three_dates(tmp_path / "in")
    run(scenes, out)
    shutil.rmtree(tmp_path / "in")
    late = write_scene(tmp_path / "late", "late", "2024-04-01", ponds=[(60, 60), (60, 90)])
    assert run([late], out, changed(sites={"distance_m": 500.0})).n_scenes == 4
    run([*three_dates(tmp_path / "in"), late], tmp_path / "at once", changed(sites={"distance_m": 500.0}))
    assert products_in(out) == products_in(tmp_path / "at once")


def test_inputs_are_never_modified(world, tmp_path, out):
    scenes = three_dates(tmp_path / "in")
    before = everything_in(tmp_path / "in")
    run(scenes, out)
    assert everything_in(tmp_path / "in") == before


# -- settings -----------------------------------------------------------------------------------------------------


def test_settings_are_kept_and_changes_announced(world, tmp_path, out):
    said = []
    scenes = three_dates(tmp_path / "in")
    run(scenes, out, changed(sites={"min_ponds": 3}))
    assert Workspace(out).settings().sites.min_ponds == 3
    summary = run(scenes, out, changed(sites={"min_ponds": 4}), log=lambda text, **_: said.append(text))
    assert summary.changed_settings == ("sites.min_ponds: 3 → 4",)
    assert said == ["changed setting sites.min_ponds: 3 → 4"]


def test_settings_that_only_reach_products_scan_nothing(real_tables, world, tmp_path, out):
    scenes = three_dates(tmp_path / "in")
    run(scenes, out)
    world.scanned.clear()
    summary = run(scenes[:1], out, changed(sites={"min_ponds": 9}, confidence={"min_confidence": 0.6}))
    assert world.scanned == []
    assert summary.was_rebuilt
    assert summary.totals.n_sites_listed == 0


def test_settings_that_reach_observations_scan_every_scene_again(world, tmp_path, out, at_once):
    scenes = three_dates(tmp_path / "in")
    run(scenes, out)
    world.scanned.clear()
    settings = changed(detect={"min_snr": 7.0})
    run(scenes[1:2], out, settings)
    assert sorted(world.scanned) == ["planet_2024-01-10", "planet_2024-02-17", "planet_2024-03-21"]
    assert products_in(out) == at_once(scenes, settings)


def test_a_scene_that_cannot_be_scanned_again_refuses_the_settings(world, tmp_path, out):
    scenes = three_dates(tmp_path / "in")
    run(scenes, out)
    scenes[0].unlink()
    before = everything_in(out)
    with pytest.raises(WorkspaceError, match=r"planet_2024-01-10 must be scanned again .* its files are not there"):
        run(scenes[1:], out, changed(detect={"min_snr": 7.0}))
    assert everything_in(out) == before


def test_the_time_given_for_one_scene_stays_with_that_scene(world, tmp_path, out):
    """The invented discovery knows no --datetime; a scene dated on its first run is undated on the second."""
    scene = write_scene(tmp_path, "a", "2024-01-10", scene_id="a")
    run([scene], out)
    stored = Workspace(out).scenes()[0]
    undated = write_scene(tmp_path, "a", None, scene_id="a", ponds=[])
    run([undated], out)
    assert Workspace(out).scenes()[0].scene.datetime == stored.scene.datetime


def test_a_second_undated_scene_is_a_failure(world, tmp_path, out):
    run([write_scene(tmp_path, "a", None, scene_id="a")], out)
    summary = run([write_scene(tmp_path, "b", None, scene_id="b"), write_scene(tmp_path, "c", "2024-01-10")], out)
    assert summary.exit_code == 3
    assert "neither has scene a of this workspace: give its time with --datetime" in summary.failed[0].reason


# -- failures -----------------------------------------------------------------------------------------------------


def test_one_bad_scene_among_good_ones(world, tmp_path, out):
    good = three_dates(tmp_path / "in")
    bad = write_scene(tmp_path / "in", "bad", "2024-05-01", fails="row 7 cannot be decoded: fetch it again")
    summary = run([*good, bad], out)
    assert summary.exit_code == 3
    assert [(failure.source, failure.reason) for failure in summary.failed] == [
        (str(bad), f"{bad}: row 7 cannot be decoded: fetch it again")
    ]
    assert not list(out.rglob("*2024-05-01*"))
    assert outcomes(out)["planet_2024-05-01"] == "failed"
    assert "row 7 cannot be decoded" in (out / publish.REPORT).read_text(encoding="utf-8")
    run(good, tmp_path / "good alone")
    for name in export.PRODUCTS:
        assert (out / name).read_bytes() == (tmp_path / "good alone" / name).read_bytes(), name


def test_the_same_failure_again_changes_nothing(world, tmp_path, out):
    scenes = [*three_dates(tmp_path / "in"), write_scene(tmp_path / "in", "bad", "2024-05-01", fails="truncated")]
    run(scenes, out)
    before = everything_in(out)
    assert run(scenes, out).exit_code == 3
    assert everything_in(out) == before


def test_a_failure_that_is_mended_is_forgotten(world, tmp_path, out, at_once):
    good = three_dates(tmp_path / "in")
    bad = write_scene(tmp_path / "in", "bad", "2024-05-01", fails="truncated", ponds=[(60, 60)])
    broken = tmp_path / "in" / "x.broken"
    broken.touch()
    assert len(run([tmp_path / "in"], out).failed) == 2
    write_scene(tmp_path / "in", "bad", "2024-05-01", ponds=[(60, 60)])
    broken.unlink()
    assert run([tmp_path / "in"], out).exit_code == 0
    assert Workspace(out).failures() == ()
    assert products_in(out) == at_once([*good, bad])


def test_a_fault_of_pondscan_in_one_scene_does_not_take_the_others_with_it(world, tmp_path, out):
    bad = write_scene(tmp_path / "in", "bad", "2024-05-01", fails="fault")
    summary = run([*three_dates(tmp_path / "in"), bad], out)
    assert summary.exit_code == 3
    assert "fault of pondscan, please report it (KeyError: 'nir')" in summary.failed[0].reason


@pytest.mark.parametrize("fails", ["truncated", "fault"])
def test_a_new_folder_is_not_left_when_every_scene_fails(world, tmp_path, fails):
    bad = write_scene(tmp_path / "in", "bad", "2024-05-01", fails=fails)
    summary = run([bad], tmp_path / "deep" / "census")
    assert (summary.exit_code, len(summary.failed), summary.products) == (1, 1, ())
    assert not (tmp_path / "deep").exists()


def test_a_workspace_is_untouched_when_every_scene_fails(world, tmp_path, out):
    run(three_dates(tmp_path / "in"), out)
    before = everything_in(out)
    bad = write_scene(tmp_path / "in", "bad", "2024-05-01", fails="truncated")
    for inputs in ([bad], [tmp_path / "missing.tif"], [bad, tmp_path / "missing.tif"]):
        summary = run(inputs, out, changed(detect={"min_snr": 7.0}))
        assert (summary.exit_code, len(summary.failed)) == (1, len(inputs))
        assert everything_in(out) == before


def test_a_scene_that_is_stored_survives_a_later_bad_copy(world, tmp_path, out):
    scenes = three_dates(tmp_path / "in")
    run(scenes, out)
    write_scene(tmp_path / "in", "date0", "2024-01-10", fails="truncated")
    summary = run(scenes, out)
    assert (summary.exit_code, summary.n_scenes) == (3, 3)
    assert len(Workspace(out).observations("planet_2024-01-10")) == 4


def test_a_scene_that_fails_with_changed_settings_is_dropped(world, tmp_path, out):
    """Its stored observations were made with other settings; mixing the two would make the products a lie."""
    scenes = three_dates(tmp_path / "in")
    run(scenes, out)
    write_scene(tmp_path / "in", "date0", "2024-01-10", fails="truncated")
    settings = changed(detect={"min_snr": 7.0})
    assert run(scenes, out, settings).n_scenes == 2
    assert outcomes(out)["planet_2024-01-10"] == "failed"


def test_no_input_with_a_scene_of_its_own_is_refused(world, tmp_path, out):
    run(three_dates(tmp_path / "in"), out)
    with pytest.raises(InputError, match="none of the inputs holds a scene of its own"):
        run([out], out)


def test_the_workspace_may_lie_in_the_folder_of_inputs(world, tmp_path):
    three_dates(tmp_path)
    write_scene(tmp_path / "census" / "coverage", "not an input", "2024-09-09")
    shutil.rmtree(tmp_path / "census")
    run([tmp_path], tmp_path / "census")
    summary = run([tmp_path], tmp_path / "census")
    assert (summary.exit_code, summary.ignored, len(summary.unchanged)) == (0, (), 3)


# -- versions of one acquisition ----------------------------------------------------------------------------------


def two_versions(folder: Path, **newer) -> tuple[Path, Path]:
    old = write_scene(folder, "old", "2024-01-10", scene_id="v1", acquisition="A", processing="02.14")
    new = write_scene(folder, "new", "2024-01-10", scene_id="v2", acquisition="A", processing="05.09", **newer)
    return old, new


@pytest.mark.parametrize("order", list(itertools.permutations([0, 1])))
def test_the_newest_processing_wins_in_any_order(world, tmp_path, out, at_once, order):
    versions = two_versions(tmp_path / "in", ponds=[(60, 60), (60, 90)])
    for number in order:
        run([versions[number]], out)
    assert outcomes(out) == {"v2": "done", "v1": "superseded"}
    assert not (out / "observations" / "v1.parquet").exists()
    assert products_in(out) == at_once(versions)


def test_an_older_version_given_again_is_not_scanned(world, tmp_path, out):
    old, new = two_versions(tmp_path / "in")
    run([new], out)
    world.scanned.clear()
    summary = run([old], out)
    assert (world.scanned, summary.superseded, summary.exit_code) == ([], ("v1",), 0)


def test_a_newer_version_that_fails_leaves_the_older_one(world, tmp_path, out):
    old, new = two_versions(tmp_path / "in", fails="truncated")
    summary = run([old, new], out)
    assert (summary.exit_code, summary.done) == (3, ("v1",))
    assert outcomes(out) == {"v1": "done", "v2": "failed"}


# -- forgetting ---------------------------------------------------------------------------------------------------


def test_a_forgotten_scene_might_never_have_been_there(real_tables, world, tmp_path, out):
    scenes = three_dates(tmp_path / "in")
    run(scenes, out)
    summary = pipeline.forget(out, "planet_2024-02-17")
    assert (summary.exit_code, summary.n_scenes) == (0, 2)
    run([scenes[0], scenes[2]], tmp_path / "without")
    assert products_in(out) == products_in(tmp_path / "without")
    assert not list(out.rglob("*2024-02-17*"))
    run(scenes[1:2], out)
    run(scenes, tmp_path / "all")
    assert products_in(out) == products_in(tmp_path / "all")


def test_forgetting_a_version_lets_the_other_in_again(world, tmp_path, out):
    old, new = two_versions(tmp_path / "in")
    run([old, new], out)
    pipeline.forget(out, "v2")
    assert outcomes(out) == {}
    run([old], out)
    assert outcomes(out) == {"v1": "done"}


def test_a_failure_can_be_forgotten_by_its_path(world, tmp_path, out):
    bad = write_scene(tmp_path / "in", "bad", "2024-05-01", fails="truncated")
    good = three_dates(tmp_path / "in")
    run([*good, bad], out)
    pipeline.forget(out, str(bad))
    run(good, tmp_path / "good alone")
    assert products_in(out) == products_in(tmp_path / "good alone")


def test_forgetting_the_last_scene_leaves_an_empty_census(real_tables, world, tmp_path, out):
    run([write_scene(tmp_path, "a", "2024-01-10")], out)
    summary = pipeline.forget(out, "planet_2024-01-10")
    assert (summary.n_scenes, summary.totals.n_ponds_listed) == (0, 0)
    assert json.loads((out / "ponds.geojson").read_text())["features"] == []
    jsonschema.validate(run_json(out), SCHEMA)


def test_what_is_not_there_cannot_be_forgotten(world, tmp_path, out):
    with pytest.raises(WorkspaceError, match="there is no census in this folder"):
        pipeline.forget(out, "a")
    assert not out.exists()
    run([write_scene(tmp_path, "a", "2024-01-10")], out)
    before = everything_in(out)
    with pytest.raises(WorkspaceError, match="there is no scene b in this workspace: it holds planet_2024-01-10"):
        pipeline.forget(out, "b")
    assert everything_in(out) == before


# -- area of interest ---------------------------------------------------------------------------------------------


def area(path: Path, west: float, south: float, east: float, north: float) -> Settings:
    box = shapely.box(WEST + west, SOUTH + south, WEST + east, SOUTH + north)
    gpd.GeoDataFrame(geometry=[box], crs=CRS).to_file(path)
    return changed(aoi={"path": str(path)})


def test_the_area_is_kept_so_its_file_may_go(real_tables, world, tmp_path, out):
    scenes = three_dates(tmp_path / "in")
    settings = area(tmp_path / "aoi.gpkg", 0, 0, 200, 200)
    summary = run(scenes[:2], out, settings)
    (tmp_path / "aoi.gpkg").unlink()
    kept = changed(aoi={"path": str(out / "aoi.geojson")})
    assert run(scenes[:2], out, kept).changed_settings == ()
    later = run(scenes, out, kept)
    assert later.totals.n_ponds_listed >= summary.totals.n_ponds_listed > 0
    run(scenes, tmp_path / "at once", area(tmp_path / "aoi.gpkg", 0, 0, 200, 200))
    assert products_in(out) == products_in(tmp_path / "at once")
    ponds = gpd.read_file(out / "pondscan.gpkg", layer="ponds")
    assert (ponds.geometry.centroid.x < WEST + 200).all()


def test_running_again_with_an_area_touches_nothing(world, tmp_path, out):
    scenes = three_dates(tmp_path / "in")
    settings = area(tmp_path / "aoi.gpkg", 0, 0, 200, 200)
    run(scenes, out, settings)
    before = everything_in(out)
    assert not run(scenes, out, settings).was_rebuilt
    assert not run(scenes, out, changed(aoi={"path": str(out / "aoi.geojson")})).was_rebuilt
    assert everything_in(out) == before


def test_scenes_off_the_area_are_passed_over(world, tmp_path, out):
    near, far = write_scene(tmp_path, "a", "2024-01-10"), write_scene(tmp_path, "b", "2024-02-17", east_m=5000.0)
    summary = run([near, far], out, area(tmp_path / "aoi.gpkg", 0, 0, EDGE_M, EDGE_M))
    assert summary.exit_code == 0
    assert summary.ignored == ((str(far), "outside the area of interest"),)


def test_an_area_no_scene_touches_is_refused(world, tmp_path, out):
    with pytest.raises(InputError, match="the area of interest touches none of the scenes \\(3\\)"):
        run(three_dates(tmp_path / "in"), out, area(tmp_path / "aoi.gpkg", 9000, 9000, 9900, 9900))
    assert not out.exists()


# -- interruptions, two writers, full disks -----------------------------------------------------------------------


@pytest.mark.parametrize("n_scanned", [0, 1, 2])
def test_ctrl_c_while_scanning_loses_only_the_scene_at_hand(world, tmp_path, out, at_once, n_scanned):
    scenes = three_dates(tmp_path / "in")

    def interrupt(_scene_id: str) -> None:
        if len(world.scanned) == n_scanned:
            raise KeyboardInterrupt

    world.before_scan = interrupt
    with pytest.raises(KeyboardInterrupt):
        run(scenes, out)
    assert out.exists() == bool(n_scanned)
    world.before_scan = None
    assert len(run(scenes, out).done) == 3 - n_scanned
    assert products_in(out) == at_once(scenes)


@pytest.mark.parametrize("n_moves", [0, 1, 2, 5, 6, 7, 9])
def test_killed_between_any_two_files_the_next_run_ends_the_same(world, tmp_path, out, at_once, monkeypatch, n_moves):
    """Two scenes of three files each, then four products that change: the run dies before one of these ten moves."""
    scenes = three_dates(tmp_path / "in")
    run(scenes[:1], out)
    moved, move = [], atomic.move_into_place

    def dies(temporary: Path, path: Path) -> None:
        if len(moved) == n_moves:
            raise KeyboardInterrupt
        moved.append(path.name)
        move(temporary, path)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "move_into_place", dies)
        with pytest.raises(KeyboardInterrupt):
            run(scenes, out)
    assert run(scenes, out).exit_code == 0
    assert products_in(out) == at_once(scenes)
    assert not list(out.rglob(f"{atomic.TEMPORARY_PREFIX}*"))


def test_a_run_while_another_writes_is_refused(world, tmp_path, out):
    scenes = three_dates(tmp_path / "in")
    run(scenes[:1], out)
    with Workspace(out).lock(), pytest.raises(WorkspaceError, match="another run is writing to this workspace"):
        run(scenes, out)


@pytest.mark.parametrize("where", ["write_geopackage", "csv_bytes"])
def test_a_full_disk_while_products_are_written(world, tmp_path, out, monkeypatch, where):
    scenes = three_dates(tmp_path / "in")
    run(scenes[:1], out)
    before = products_in(out) | {"run.json": (out / "run.json").read_bytes()}

    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(export.products, where, full)
    with pytest.raises(WorkspaceError, match=r"census: cannot be written \(No space left on device\): check"):
        run(scenes, out)
    assert products_in(out) | {"run.json": (out / "run.json").read_bytes()} == before
    assert not list(out.rglob(f"{atomic.TEMPORARY_PREFIX}*"))


def test_a_full_disk_while_a_scene_is_stored_ends_the_run(world, tmp_path, out, monkeypatch):
    def full(path: Path, *_args):
        raise WorkspaceError(f"{path}: cannot be written (No space left on device)")

    monkeypatch.setattr("pondscan.store.observations.write_observations", full)
    with pytest.raises(WorkspaceError, match="No space left"):
        run(three_dates(tmp_path / "in"), out)
    assert not out.exists()


def test_a_lost_ledger_loses_no_scene(world, tmp_path, out):
    scenes = three_dates(tmp_path / "in")
    run(scenes, out)
    products = products_in(out)
    (out / "ledger.sqlite").unlink()
    world.scanned.clear()
    assert len(run(scenes, out).unchanged) == 3
    assert world.scanned == []
    assert products_in(out) == products


def test_a_run_json_nobody_can_read_is_made_again(world, tmp_path, out):
    scenes = three_dates(tmp_path / "in")
    run(scenes, out)
    (out / manifest.NAME).write_text("{ half")
    assert run(scenes, out).was_rebuilt
    jsonschema.validate(run_json(out), SCHEMA)
