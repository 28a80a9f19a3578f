from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pondscan.errors import WorkspaceError
from pondscan.store import atomic


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "a.txt"
    with atomic.replacing(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == path.parent
    assert path.read_text() == "half"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [RuntimeError("stop"), KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write() -> None:
        with atomic.replacing(path) as temporary:
            temporary.write_text("new")
            raise error

    with pytest.raises((type(error), WorkspaceError)):
        write()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_the_new_file_is_on_disk_before_the_old_one_goes(tmp_path, monkeypatch):
    path, order = tmp_path / "a.txt", []
    sync, rename = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("sync"), sync(fd))[1])
    monkeypatch.setattr(Path, "replace", lambda self, to: (order.append("rename"), rename(self, to))[1])
    atomic.write_bytes(path, b"x")
    assert order == ["sync", "rename", "sync"]


def test_a_full_disk_is_one_sentence_with_the_remedy(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(WorkspaceError) as refused:
        atomic.write_bytes(tmp_path / "a.txt", b"x")
    assert "a.txt: cannot be written (No space left on device): check that there is space" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_a_folder_is_refused(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(WorkspaceError, match="taken"):
        atomic.make_folder(tmp_path / "taken" / "below")


def test_sweeping_takes_leftovers_and_nothing_else(tmp_path):
    (tmp_path / f"{atomic.TEMPORARY_PREFIX}a.tif").touch()
    (tmp_path / f"{atomic.TEMPORARY_PREFIX}products").mkdir()
    (tmp_path / f"{atomic.TEMPORARY_PREFIX}products" / "ponds.geojson").touch()
    (tmp_path / "a.tif").touch()
    assert len(atomic.sweep(tmp_path)) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["a.tif"]
