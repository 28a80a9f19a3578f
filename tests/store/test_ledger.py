from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest
from store_examples import PIXELS, WHEN, scene_named

from pondscan import hashing
from pondscan.errors import InputError, WorkspaceError
from pondscan.hashing import file_sha256, stamp_of
from pondscan.store import Failure, InputFile, StoredScene, Superseded
from pondscan.store.fingerprint import SECOND_NS, FileHasher
from pondscan.store.ledger import Ledger

HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


@pytest.fixture
def ledger(tmp_path) -> Ledger:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.create()
    return ledger


def stored(scene_id: str, scan_hash: str = "h", **changes) -> StoredScene:
    return StoredScene(scene_named(scene_id, **changes), (PIXELS,), scan_hash)


def test_scenes_come_back_in_order(ledger):
    for scene_id, when in (("c", WHEN), ("b", WHEN), ("a", WHEN.replace(year=2025))):
        ledger.put(stored(scene_id, datetime=when))
    assert [one.scene_id for one in ledger.scenes()] == ["b", "c", "a"]
    assert ledger.scenes()[0] == stored("b")


def test_putting_a_scene_again_replaces_it(ledger):
    ledger.put(stored("a"))
    ledger.put(stored("a", "h2"))
    assert [one.scan_hash for one in ledger.scenes()] == ["h2"]


def test_a_scene_whose_files_are_being_replaced_equals_no_scan(ledger):
    ledger.put(stored("a"))
    ledger.mark_stale("a")
    assert [one.scan_hash for one in ledger.scenes()] == [""]


def test_superseding_removes_the_old_and_passes_on_its_own_predecessors(ledger):
    for scene_id in ("v1", "v2", "v3"):
        ledger.put(stored(scene_id))
    ledger.supersede(Superseded("v1", "s1", "v2"))
    ledger.supersede(Superseded("v2", "s2", "v3"))
    assert [one.scene_id for one in ledger.scenes()] == ["v3"]
    assert ledger.superseded() == (Superseded("v1", "s1", "v3"), Superseded("v2", "s2", "v3"))


def test_forgetting_a_scene_frees_what_it_superseded(ledger):
    ledger.put(stored("new"))
    ledger.supersede(Superseded("old", "s", "new"))
    ledger.remove("new")
    assert ledger.scenes() == ()
    assert ledger.superseded() == ()


def test_a_failure_is_told_once_until_it_is_cleared(ledger):
    whole, scene = Failure("a.zip", "not a scene"), Failure("a.zip", "truncated", "a1")
    for failure in (scene, whole, whole, Failure("a.zip", "truncated at row 7", "a1")):
        ledger.fail(failure)
    assert ledger.failures() == (whole, Failure("a.zip", "truncated at row 7", "a1"))
    ledger.clear_failure(whole)
    assert [failure.scene_id for failure in ledger.failures()] == ["a1"]


def test_readers_see_the_last_whole_change_while_a_writer_works(ledger):
    ledger.put(stored("a"))
    with closing(sqlite3.connect(ledger.path)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM scenes")
        assert [one.scene_id for one in ledger.scenes()] == ["a"]
        writer.rollback()


def test_creating_twice_changes_nothing(ledger):
    before = ledger.path.read_bytes()
    ledger.create()
    assert ledger.path.read_bytes() == before


def test_a_ledger_of_another_version_is_refused(ledger):
    with closing(sqlite3.connect(ledger.path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(WorkspaceError, match="this ledger has format 99 and this pondscan writes 2"):
        ledger.create()


def test_damage_is_noticed(tmp_path):
    path = tmp_path / "ledger.sqlite"
    assert not Ledger(path).is_readable()
    path.write_bytes(b"no database, but long enough to look like one" * 100)
    assert not Ledger(path).is_readable()


def test_reading_where_there_is_none_is_one_sentence(tmp_path):
    with pytest.raises(WorkspaceError, match="there is no ledger here"):
        Ledger(tmp_path / "ledger.sqlite").scenes()
    assert list(tmp_path.iterdir()) == []


def test_files_are_known_by_content(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"hello")
    assert file_sha256(path) == HELLO
    assert FileHasher({}, 0)(str(path)) == InputFile(str(path), 5, HELLO)


def test_a_settled_file_is_hashed_once(tmp_path, ledger, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"hello")
    later_ns = path.stat().st_mtime_ns + 3 * SECOND_NS
    first = FileHasher({}, later_ns)
    first(str(path))
    ledger.remember_hashes(first.new)
    known = ledger.known_hashes()
    assert known == {stamp_of(path): HELLO}
    monkeypatch.setattr(hashing, "_KNOWN", {})
    monkeypatch.setattr(hashing, "file_sha256", lambda _: pytest.fail("read again"))
    hashing.recall(known)
    again = FileHasher(known, later_ns)
    assert again(str(path)).sha256 == HELLO
    assert again.new == {}


def test_a_file_put_in_the_place_of_another_is_read_though_size_and_time_are_the_same(tmp_path):
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"hello")
    other.write_bytes(b"world")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    before = FileHasher({}, 0)(str(path))
    other.replace(path)
    assert FileHasher({}, 0)(str(path)) != before


@pytest.mark.parametrize(("mtime_ns", "is_remembered"), [(1_500_000_001, True), (1_000_000_000, False)])
def test_a_file_changed_just_now_is_not_trusted_to_show_its_next_change(tmp_path, mtime_ns, is_remembered):
    path = tmp_path / "a"
    path.write_bytes(b"hello")
    os.utime(path, ns=(mtime_ns, mtime_ns))
    hasher = FileHasher({}, mtime_ns)
    hasher(str(path))
    assert hasher.new == {}
    later = FileHasher({}, mtime_ns + SECOND_NS)  # enough for a clock that shows fractions of a second
    later(str(path))
    assert bool(later.new) == is_remembered


def test_a_ledger_of_the_first_version_is_taken_over(ledger):
    ledger.put(stored("a"))
    with closing(sqlite3.connect(ledger.path)) as connection:
        connection.executescript("DROP TABLE hashes; CREATE TABLE hashes (path TEXT); PRAGMA user_version = 1;")
    assert ledger.known_hashes() == {}
    ledger.create()
    ledger.remember_hashes({("/in/a", 5, 1, 2): HELLO})
    assert ledger.known_hashes() == {("/in/a", 5, 1, 2): HELLO}
    assert [one.scene_id for one in ledger.scenes()] == ["a"]


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"gone: cannot be read .*: check the file"):
        FileHasher({}, 0)(str(tmp_path / "gone"))
