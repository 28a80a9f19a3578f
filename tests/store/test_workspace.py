from __future__ import annotations

import errno
import os
import shutil
import string
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from store_examples import GRID, codes_with_cloud, files_in, observations_of, scene_named, store, tiles_of

from pondscan.config import Settings
from pondscan.errors import InputError, WorkspaceError
from pondscan.model import Window
from pondscan.store import Superseded, Workspace, atomic
from pondscan.store.stems import LONGEST_STEM, file_stem
from pondscan.tables import EVIDENCE, OBSERVATIONS, conform, names

SAFE = set(string.ascii_letters + string.digits + "._-")


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path / "census")


# -- names of files -----------------------------------------------------------------------------------------------


@given(st.text(min_size=1))
def test_every_scene_id_gives_a_safe_file_name(scene_id):
    stem = file_stem(scene_id)
    assert set(stem) <= SAFE
    assert 0 < len(stem) <= LONGEST_STEM
    assert not stem.startswith((".", "-"))
    assert not stem.endswith(".")


@given(st.text(min_size=1), st.text(min_size=1))
def test_different_scenes_have_different_files(first, second):
    assert (file_stem(first) == file_stem(second)) == (first == second)


@pytest.mark.parametrize("scene_id", ["S2A_MSIL2A_20240217T041201_N0510_R090_T47RNH_20240217T080000", "a-1.b", "x"])
def test_an_ordinary_scene_id_is_its_own_file_name(scene_id):
    assert file_stem(scene_id) == scene_id


@pytest.mark.parametrize("scene_id", ["../../etc/passwd", "a/b", "a\\b", ".hidden", "nul", "CON.tif", "a" * 400, "a b"])
def test_what_is_unsafe_gets_a_hash(scene_id):
    stem = file_stem(scene_id)
    assert len(stem.rpartition(".")[2]) == 16
    assert "/" not in stem


def test_a_scene_without_a_name_is_refused():
    with pytest.raises(InputError, match="without a scene_id"):
        file_stem("")


# -- a scene in and out -------------------------------------------------------------------------------------------


def test_a_stored_scene_comes_back_whole(workspace):
    with workspace.lock():
        stored = store(workspace, scene_named("a"), n=3)
    assert workspace.scenes() == (stored,)
    assert stored.coverage_px["cloud"] == 600
    assert stored.counts == {"candidates": 3}
    assert stored.warnings == ("no cloud mask",)
    frame = workspace.observations("a")
    assert list(frame.columns) == [*names(OBSERVATIONS), "geometry"]
    assert frame["object_id"].tolist() == [1, 2, 3]
    assert frame.crs == GRID.crs
    assert workspace.coverage("a").grid == GRID
    assert workspace.evidence("a").empty
    assert workspace.quicklook("a").startswith(b"\x89PNG")


def test_the_folder_is_laid_out_as_promised(workspace):
    with workspace.lock():
        store(workspace, scene_named("a"))
        workspace.save_settings(Settings(), None)
    assert sorted(name for name in files_in(workspace.path) if not name.startswith(".")) == [
        "chips/a_quicklook.png",
        "config.toml",
        "coverage/a.tif",
        "evidence/a.parquet",
        "ledger.sqlite",
        "observations/a.parquet",
    ]


def test_observations_are_geoparquet_for_anyone(workspace):
    with workspace.lock():
        store(workspace, scene_named("a"), n=2)
    frame = gpd.read_parquet(workspace.path / "observations" / "a.parquet")
    assert len(frame) == 2
    assert frame.crs == GRID.crs
    assert frame.geometry.area.to_numpy() == pytest.approx(np.pi * 64, rel=0.01)


def test_a_scene_without_candidates_keeps_its_columns_and_types(workspace):
    with workspace.lock():
        store(workspace, scene_named("none"), n=0)
        store(workspace, scene_named("some"), n=1)
    assert (workspace.observations("none").dtypes == workspace.observations("some").dtypes).all()
    assert workspace.observations("none").crs == GRID.crs


def test_the_same_scene_gives_the_same_bytes(tmp_path):
    for name in ("x", "y"):
        workspace = Workspace(tmp_path / name)
        with workspace.lock():
            store(workspace, scene_named("a"))
    same = files_in(tmp_path / "x"), files_in(tmp_path / "y")
    for name in ("observations/a.parquet", "coverage/a.tif", "chips/a_quicklook.png"):
        assert same[0][name] == same[1][name]


def test_a_table_that_lacks_a_column_is_refused_and_nothing_stays(workspace):
    with workspace.lock():
        with (
            pytest.raises(ValueError, match="lacks the columns snr"),
            workspace.new_scene(scene_named("a"), (), "h") as draft,
        ):
            draft.save(observations_of("a", 1).drop(columns="snr"), {})
        assert list((workspace.path / "observations").iterdir()) == []
        assert list((workspace.path / "coverage").iterdir()) == []


def test_nothing_of_a_scene_is_visible_before_it_is_saved(workspace):
    with workspace.lock(), workspace.new_scene(scene_named("a"), (), "h") as draft:
        for window, codes in tiles_of(codes_with_cloud(), 16):
            draft.write_coverage(window, codes)
        assert workspace.scenes() == ()
        assert not (workspace.path / "coverage" / "a.tif").exists()
        draft.save(observations_of("a", 1), {})
        assert [stored.scene_id for stored in workspace.scenes()] == ["a"]
        assert workspace.quicklook("a") is None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("bad pixels")])
def test_an_interrupted_draft_leaves_nothing(workspace, error):
    with workspace.lock():
        store(workspace, scene_named("before"))
        before = files_in(workspace.path)

        def scan():
            with workspace.new_scene(scene_named("a"), (), "h") as draft:
                draft.write_coverage(*tiles_of(codes_with_cloud(), 16)[0])
                raise error

        with pytest.raises(type(error)):
            scan()
        assert files_in(workspace.path) == before


@pytest.mark.parametrize("n_moves_before", [0, 1, 2])
def test_a_scene_killed_between_its_files_is_scanned_again(workspace, monkeypatch, n_moves_before):
    """The files of an older version are being replaced, one after the other, when the power goes."""
    with workspace.lock():
        store(workspace, scene_named("a"), n=1, scan_hash="old")
    moves, move = [], atomic.move_into_place

    def dies(temporary: Path, path: Path) -> None:
        if len(moves) == n_moves_before:
            raise KeyboardInterrupt
        moves.append(path)
        move(temporary, path)

    monkeypatch.setattr(atomic, "move_into_place", dies)
    with pytest.raises(KeyboardInterrupt), workspace.lock():
        store(workspace, scene_named("a"), n=2, scan_hash="new")
    monkeypatch.undo()
    with workspace.lock():
        assert [stored.scan_hash for stored in workspace.scenes()] == [""]
        store(workspace, scene_named("a"), n=2, scan_hash="new")
        assert len(workspace.observations("a")) == 2
    assert [stored.scan_hash for stored in workspace.scenes()] == ["new"]


def test_a_new_scene_killed_before_the_ledger_knows_it_is_cleared_away(workspace, monkeypatch):
    with workspace.lock():
        store(workspace, scene_named("before"))
    monkeypatch.setattr(type(workspace.ledger), "put", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt), workspace.lock():
        store(workspace, scene_named("a"))
    monkeypatch.undo()
    assert (workspace.path / "observations" / "a.parquet").exists()
    with workspace.lock():
        assert not (workspace.path / "observations" / "a.parquet").exists()
        assert not (workspace.path / "coverage" / "a.tif").exists()
        assert [stored.scene_id for stored in workspace.scenes()] == ["before"]


def test_leftovers_of_a_killed_run_are_swept_at_the_next_start(workspace):
    with workspace.lock():
        store(workspace, scene_named("a"))
    before = files_in(workspace.path)
    (workspace.path / f"{atomic.TEMPORARY_PREFIX}products").mkdir()
    (workspace.path / f"{atomic.TEMPORARY_PREFIX}products" / "ponds.geojson").touch()
    (workspace.path / "coverage" / f"{atomic.TEMPORARY_PREFIX}b.scratch.tif").touch()
    with workspace.lock():
        pass
    assert files_in(workspace.path) == before


def test_removing_a_scene_takes_its_files(workspace):
    with workspace.lock():
        store(workspace, scene_named("a"))
        store(workspace, scene_named("b"))
        workspace.remove_scene("a")
    assert [stored.scene_id for stored in workspace.scenes()] == ["b"]
    assert {name.split("/")[1][0] for name in files_in(workspace.path) if "/" in name} == {"b"}


def test_a_superseded_scene_keeps_its_name_and_loses_its_files(workspace):
    with workspace.lock():
        store(workspace, scene_named("old"))
        store(workspace, scene_named("new"))
        workspace.supersede(Superseded("old", "/somewhere/old.tif", "new"))
    assert [stored.scene_id for stored in workspace.scenes()] == ["new"]
    assert [one.scene_id for one in workspace.superseded()] == ["old"]
    assert not (workspace.path / "observations" / "old.parquet").exists()


def test_a_full_disk_while_saving_leaves_the_older_version(workspace, monkeypatch):
    with workspace.lock():
        store(workspace, scene_named("a"), n=1, scan_hash="old")
    before = {name: data for name, data in files_in(workspace.path).items() if "/" in name}

    def full(path, *_):
        path.write_bytes(b"half")
        with atomic.storage_errors(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pondscan.store.observations.write_observations", full)
    with pytest.raises(WorkspaceError, match="No space left"), workspace.lock():
        store(workspace, scene_named("a"), n=2, scan_hash="new")
    assert {name: data for name, data in files_in(workspace.path).items() if "/" in name} == before
    assert [stored.scan_hash for stored in workspace.scenes()] == ["old"]


# -- the ledger can be written again --------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"garbage" * 1000)])
def test_the_ledger_is_rebuilt_from_the_scenes_own_files(workspace, damage):
    with workspace.lock():
        stored = [store(workspace, scene_named(scene_id), scan_hash="h1") for scene_id in ("a", "c", "odd/name")]
        workspace.save_settings(Settings(), None)
    damage(workspace.ledger.path)
    with workspace.lock():
        assert list(workspace.scenes()) == stored
        assert len(workspace.observations("odd/name")) == 2


def test_observations_whose_coverage_is_another_ones_are_not_taken_for_a_scene(workspace):
    with workspace.lock():
        store(workspace, scene_named("a"))
        store(workspace, scene_named("b"))
    workspace.ledger.path.unlink()
    with (workspace.path / "coverage" / "b.tif").open("ab") as file:
        file.write(b"x")
    with workspace.lock():
        assert [stored.scene_id for stored in workspace.scenes()] == ["a"]


def test_a_folder_with_someone_elses_files_is_refused_and_left_alone(workspace):
    (workspace.path / "coverage").mkdir(parents=True)
    (workspace.path / "coverage" / "landcover.tif").write_text("precious")
    sentence = r"landcover\.tif: there is no ledger beside it and pondscan did not"
    with pytest.raises(WorkspaceError, match=sentence), workspace.lock():
        pass
    assert (workspace.path / "coverage" / "landcover.tif").read_text() == "precious"


# -- settings and area --------------------------------------------------------------------------------------------


def test_settings_are_kept_without_the_time_of_one_scene(workspace, tmp_path):
    given = Settings.model_validate(
        {
            "sites": {"distance_m": 250.0},
            "input": {"acquired": "2024-02-17T04:12:00Z", "sensor": "planetscope"},
            "aoi": {"path": str(tmp_path / "far" / "aoi.shp")},
        }
    )
    with workspace.lock():
        assert workspace.settings() is None
        store(workspace, scene_named("a"))
        workspace.save_settings(given, None)
    kept = workspace.settings()
    assert kept.sites.distance_m == 250.0
    assert kept.input.sensor == "planetscope"
    assert kept.input.acquired is None
    assert kept.aoi.path == "aoi.geojson"
    assert str(tmp_path) not in (workspace.path / "config.toml").read_text()


def test_the_area_is_kept_and_gives_the_same_bytes_again(workspace):
    area = shapely.Point(98.0, 25.0).buffer(0.1)
    with workspace.lock():
        workspace.save_settings(Settings(), area)
        kept = workspace.aoi()
        first = (workspace.path / "aoi.geojson").read_bytes()
        workspace.save_settings(Settings(), kept)
        assert (workspace.path / "aoi.geojson").read_bytes() == first
        assert shapely.hausdorff_distance(kept, area) < 1e-8
        workspace.save_settings(Settings(), None)
        assert workspace.aoi() is None


def test_keeping_the_same_settings_again_writes_nothing(workspace, monkeypatch):
    area = shapely.box(98.0, 25.0, 98.1, 25.1)
    with workspace.lock():
        store(workspace, scene_named("a"))
        workspace.save_settings(Settings(), area)
        monkeypatch.setattr(atomic, "write_bytes", lambda path, _: pytest.fail(f"{path} was written again"))
        workspace.save_settings(Settings(), area)


# -- nothing left behind, one writer, products ---------------------------------------------------------------------


@pytest.mark.parametrize("depth", ["census", "new/deep/census"])
def test_a_new_folder_of_which_nothing_came_is_gone(tmp_path, depth):
    workspace = Workspace(tmp_path / depth)
    with pytest.raises(RuntimeError), workspace.lock():
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_of_which_nothing_came_is_empty_again(workspace):
    workspace.path.mkdir()
    with workspace.lock():
        pass
    assert list(workspace.path.iterdir()) == []


def test_a_folder_with_other_files_keeps_them(workspace):
    workspace.path.mkdir()
    (workspace.path / "notes.txt").write_text("mine")
    with workspace.lock():
        workspace.save_settings(Settings(), shapely.box(98.0, 25.0, 98.1, 25.1))
    assert files_in(workspace.path) == {"notes.txt": b"mine"}


def test_locking_and_doing_nothing_changes_nothing(workspace):
    with workspace.lock():
        store(workspace, scene_named("a"))
    before = files_in(workspace.path)
    with workspace.lock():
        pass
    assert files_in(workspace.path) == before


def test_a_second_writer_is_refused_while_readers_go_on(workspace):
    with workspace.lock():
        store(workspace, scene_named("a"))
        with pytest.raises(WorkspaceError, match="another run is writing"), Workspace(workspace.path).lock():
            pass
        assert [stored.scene_id for stored in Workspace(workspace.path).scenes()] == ["a"]


def test_products_replace_the_old_ones_the_telling_one_last(workspace, monkeypatch):
    with workspace.lock():
        store(workspace, scene_named("a"))
        (workspace.path / "a.csv").write_text("old")
        (workspace.path / "z.csv").write_text("same")
        moved, move = [], atomic.move_into_place
        monkeypatch.setattr(atomic, "move_into_place", lambda t, p: (moved.append(p.name), move(t, p))[1])
        with workspace.publishing(last="run.json") as folder:
            for name, text in (("run.json", "{}"), ("a.csv", "new"), ("z.csv", "same"), ("zz.csv", "more")):
                (folder / name).write_text(text)
            assert (workspace.path / "a.csv").read_text() == "old"
    assert moved == ["a.csv", "zz.csv", "run.json"]
    assert (workspace.path / "a.csv").read_text() == "new"
    assert not folder.exists()


def test_a_failure_while_products_are_made_leaves_the_old_ones(workspace):
    with workspace.lock():
        store(workspace, scene_named("a"))
        (workspace.path / "a.csv").write_text("old")
        before = files_in(workspace.path)

        def make():
            with workspace.publishing(last="run.json") as folder:
                (folder / "a.csv").write_text("new")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            make()
        assert files_in(workspace.path) == before


def test_an_unwritable_folder_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    workspace = Workspace(tmp_path / "file" / "census")
    with pytest.raises(WorkspaceError, match=r"census: cannot be written .*: check"), workspace.lock():
        pass


def test_a_workspace_can_be_moved(workspace, tmp_path):
    with workspace.lock():
        store(workspace, scene_named("a"))
    shutil.move(workspace.path, tmp_path / "elsewhere")
    moved = Workspace(tmp_path / "elsewhere")
    assert np.array_equal(
        moved.coverage("a").codes_at([GRID.x_origin + 305.0], [GRID.y_origin - 5.0], GRID.crs), np.array([1])
    )
    assert [stored.scene_id for stored in moved.scenes()] == ["a"]


def test_evidence_is_kept_as_it_was_measured(workspace):
    measured = conform(
        pd.DataFrame(
            {
                "x": [600_010.0, 600_020.5],
                "y": [2_830_000.0, 2_830_007.0],
                "area_m2": [80.0, 12.5],
                "area_sigma_m2": [20.0, 11.0],
                "log_odds": [-3.25, np.nan],
                "ndwi_peak": [0.1, -0.2],
                "visible": [0.05, 0.04],
            }
        ),
        EVIDENCE,
    )
    with workspace.lock():
        scene = scene_named("a")
        with workspace.new_scene(scene, (), "hash") as draft:
            draft.write_coverage(Window(0, GRID.height, 0, GRID.width), np.ones((GRID.height, GRID.width), np.uint8))
            draft.save(observations_of("a", 1), {}, evidence=measured)
    pd.testing.assert_frame_equal(workspace.evidence("a"), measured)


def test_a_lost_ledger_takes_no_scene_whose_evidence_was_changed(workspace):
    with workspace.lock():
        store(workspace, scene_named("a"))
    workspace.ledger.path.unlink()
    evidence = workspace.path / "evidence" / "a.parquet"
    evidence.write_bytes(evidence.read_bytes() + b" ")
    with workspace.lock():
        assert workspace.scenes() == ()


def test_evidence_that_is_gone_is_told(workspace):
    with workspace.lock():
        store(workspace, scene_named("a"))
    (workspace.path / "evidence" / "a.parquet").unlink()
    with pytest.raises(WorkspaceError, match=r"a\.parquet: the evidence of this scene is missing or damaged"):
        workspace.evidence("a")
