from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from pondscan.errors import InputError
from pondscan.monitor.journal import Recorded
from pondscan.monitor.watch import sort_out, walk


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


def put(path, content=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def look(folder, recorded=None, *, after_s=0.0, settle_s=60.0, incomplete_s=3600.0):
    """Sort the folder's files as they appear so long after the newest changed."""
    seen = walk(folder, leave_out=folder / "census")
    now = max((one.changed for one in seen.values()), default=0.0) + after_s
    return sort_out(seen, recorded or {}, now=now, settle_s=settle_s, incomplete_s=incomplete_s)


def test_a_file_waits_until_it_has_settled(folder):
    path = put(folder / "a.tif")
    assert dict(look(folder, after_s=59).waiting) == {path: "it changed less than 60 s ago"}
    assert look(folder, after_s=61).new == {path}


def test_an_old_time_that_a_copy_kept_does_not_make_it_settled(folder):
    path = put(folder / "a.tif")
    os.utime(path, (1e9, 1e9))
    assert path in look(folder, after_s=5).waiting


def test_a_clock_that_runs_ahead_is_made_up_for_by_an_earlier_pass(folder):
    path = put(folder / "a.tif")
    status = Path(path).stat()
    before = Recorded(status.st_size, status.st_mtime_ns, "waiting", status.st_mtime - 500)
    assert look(folder, {path: before}, after_s=-400).new == {path}
    assert path in look(folder, {path: before}, after_s=-450).waiting
    changed = Recorded(status.st_size + 1, status.st_mtime_ns, "waiting", status.st_mtime - 500)
    assert path in look(folder, {path: changed}, after_s=-400).waiting


def test_hidden_files_links_to_nowhere_and_the_workspace_are_not_looked_at(folder):
    put(folder / ".a.tif.x7Yq")
    put(folder / "census" / "coverage" / "a.tif")
    (folder / "dangling.tif").symlink_to(folder / "none.tif")
    assert walk(folder, leave_out=folder / "census") == {}


@pytest.mark.parametrize("name", ["a.tif.part", "a.zip.crdownload", "A.TIF.TMP", "S2.SAFE.incomplete/a.jp2", "a.tif~"])
def test_temporary_names_wait_for_ever(folder, name):
    path = put(folder / name)
    assert set(look(folder, after_s=1e9).waiting) == {path}


def test_a_folder_above_may_be_called_anything(tmp_path):
    path = put(tmp_path / "x.tmp" / "in" / "a.tif")
    assert look(tmp_path / "x.tmp" / "in", after_s=1e3).new == {path}


def test_a_file_beside_its_partial_download_waits(folder):
    path = put(folder / "a.zip")
    put(folder / "a.zip.aria2")
    assert path in look(folder, after_s=1e9).waiting


def test_an_archive_without_its_end_waits_but_not_for_ever(folder):
    whole = folder.parent / "whole.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("a", os.urandom(5000))
    half = put(folder / "half.zip", whole.read_bytes()[:3000])
    tar = folder.parent / "whole.tar"
    with tarfile.open(tar, "w") as archive:
        archive.add(whole, "a")
    half_tar = put(folder / "half.tar", tar.read_bytes()[:2048])
    complete = {put(folder / "b.zip", whole.read_bytes()), put(folder / "b.tar", tar.read_bytes())}
    arrivals = look(folder, after_s=100)
    assert arrivals.new == complete
    assert dict.fromkeys([half, half_tar], "the end of the archive is missing") == dict(arrivals.waiting)
    assert look(folder, after_s=3601).new == complete | {half, half_tar}


MANIFEST = b"""<xml><fileLocation href="./MTD_MSIL2A.xml"/><fileLocation href="./GRANULE/L2A/IMG_DATA/R10m/T_B02.jp2"/>
<fileLocation href="./HTML/banner.jpg"/></xml>"""


def test_a_safe_folder_waits_for_all_that_its_manifest_names(folder):
    safe = folder / "S2A.SAFE"
    there = {put(safe / "MTD_MSIL2A.xml"), put(safe / "manifest.safe", MANIFEST)}
    arrivals = look(folder, after_s=100)
    assert arrivals.new == set()
    assert set(arrivals.waiting.values()) == {"its SAFE folder lacks GRANULE/L2A/IMG_DATA/R10m/T_B02.jp2"}
    there.add(put(safe / "GRANULE" / "L2A" / "IMG_DATA" / "R10m" / "T_B02.jp2"))
    assert look(folder, after_s=100).new == there


def test_a_safe_folder_waits_as_a_whole(folder):
    safe = folder / "S2A.SAFE"
    there = {put(safe / "MTD_MSIL2A.xml"), put(safe / "a.jp2")}
    growing = put(safe / "b.jp2.part")
    assert set(look(folder, after_s=100).waiting) == {*there, growing}


def test_a_safe_folder_without_any_metadata_waits(folder):
    path = put(folder / "S2A.SAFE" / "GRANULE" / "IMG_DATA" / "T_B02.jp2")
    assert dict(look(folder, after_s=100).waiting) == {path: "its SAFE folder lacks its metadata"}


def test_what_is_known_as_it_is_is_not_new(folder):
    known, failed, changed = (put(folder / f"{name}.tif") for name in "abc")
    stats = {path: Path(path).stat() for path in (known, failed, changed)}
    recorded = {path: Recorded(one.st_size, one.st_mtime_ns, "known", 0.0) for path, one in stats.items()}
    recorded[failed] = Recorded(1, stats[failed].st_mtime_ns, "failed", 0.0)
    recorded[changed] = Recorded(1, 17, "known", 0.0)
    arrivals = look(folder, recorded, after_s=100)
    assert (arrivals.known, arrivals.failed, arrivals.new) == ({known}, {failed}, {changed})


def test_a_folder_that_is_not_mounted_is_an_error(tmp_path):
    with pytest.raises(InputError, match="the watched folder cannot be read"):
        walk(tmp_path / "none", leave_out=tmp_path)
