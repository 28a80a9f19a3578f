from __future__ import annotations

import subprocess
import sys

import pytest

from pondscan.errors import WorkspaceError
from pondscan.store.lock import writer_lock

HOLD = (
    "import sys\nfrom pathlib import Path\nfrom pondscan.store.lock import writer_lock\n"
    "with writer_lock(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
)


def test_a_second_writer_is_refused_in_one_sentence(tmp_path):
    with (
        writer_lock(tmp_path / ".lock"),
        pytest.raises(WorkspaceError, match="another run is writing to this workspace, wait until it has ended"),
        writer_lock(tmp_path / ".lock"),
    ):
        pass


def test_the_lock_is_free_again_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), writer_lock(tmp_path / ".lock"):
        raise RuntimeError
    with writer_lock(tmp_path / ".lock"):
        pass


def test_what_goes_wrong_under_the_lock_is_not_taken_for_a_fault_of_the_lock(tmp_path):
    with pytest.raises(FileNotFoundError), writer_lock(tmp_path / ".lock"):
        (tmp_path / "missing").read_text()


def test_a_killed_process_leaves_no_lock_behind(tmp_path):
    path = tmp_path / ".lock"
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(WorkspaceError), writer_lock(path):
            pass
        process.kill()
        process.wait()
        assert path.exists()
        with writer_lock(path):
            pass


def test_a_lock_file_removed_meanwhile_locks_nothing(tmp_path, monkeypatch):
    """Another run may clear its new folder away between our opening the file and our locking it."""
    from pondscan.store import lock

    path = tmp_path / ".lock"
    take = lock._try_lock
    monkeypatch.setattr(lock, "_try_lock", lambda file: (path.unlink(), take(file))[1])
    with pytest.raises(WorkspaceError), writer_lock(path):
        pass


def test_an_unwritable_folder_is_one_sentence(tmp_path):
    with pytest.raises(WorkspaceError, match="cannot be written"), writer_lock(tmp_path / "missing" / ".lock"):
        pass
