"""Results kept between publishings: found again to the bit, never out of date, never in the way."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from pondscan.errors import WorkspaceError
from pondscan.store.memo import memo

NUMBERS = [
    np.array([[0.1, np.nan], [-0.0, 1e300]]),
    np.empty((0, 4)),
    np.arange(7, dtype=np.uint8),
    np.array(3, dtype=np.int32),
]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "memo.sqlite"


def asked(path: Path, *keys: str, maker: str = "1") -> list[str]:
    """Ask for results; return the keys that had to be worked out."""
    worked_out = []

    def work_out(key: str):
        worked_out.append(key)
        return np.array([float(len(key))])

    with memo(path, [maker]) as remember:
        for key in keys:
            assert remember((key,), lambda key=key: work_out(key)).tolist() == [float(len(key))]
    return worked_out


@pytest.mark.parametrize("numbers", NUMBERS, ids=lambda numbers: f"{numbers.dtype} {numbers.shape}")
def test_numbers_come_back_to_the_bit(path, numbers):
    with memo(path, ["1"]) as remember:
        first = remember(("a",), lambda: numbers)
    with memo(path, ["1"]) as remember:
        again = remember(("a",), lambda: pytest.fail("it was worked out before"))
    for one in (first, again):
        assert (one.dtype, one.shape, one.tobytes()) == (numbers.dtype, numbers.shape, numbers.tobytes())


def test_what_was_asked_last_is_kept_and_nothing_else(path):
    assert asked(path, "one", "two") == ["one", "two"]
    assert asked(path, "two", "three", "three") == ["three"]
    assert asked(path, "one", "two", "three") == ["one"]


def test_the_parts_of_a_key_do_not_run_together(path):
    with memo(path, ["1"]) as remember:
        assert remember(("ab", "c"), lambda: np.array([1])).tolist() == [1]
        assert remember(("a", "bc"), lambda: np.array([2])).tolist() == [2]


def test_another_version_remembers_nothing_of_this_one(path):
    asked(path, "one", maker="1")
    assert asked(path, "one", maker="2") == ["one"]


def test_a_publishing_that_fails_leaves_what_was_kept(path):
    asked(path, "one")

    def fail() -> None:
        with memo(path, ["1"]) as remember:
            remember(("two",), lambda: np.array([1]))
            raise RuntimeError("elsewhere")

    with pytest.raises(RuntimeError, match="elsewhere"):
        fail()
    assert asked(path, "one", "two") == ["two"]


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(200)])
def test_a_damaged_file_is_begun_anew(path, content):
    path.write_bytes(content)
    assert asked(path, "one") == ["one"]
    assert asked(path, "one") == []


def test_a_damaged_result_is_worked_out_again(path):
    asked(path, "one")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE memo SET data = ?", (np.array([9.0]).tobytes(),))
    connection.close()
    assert asked(path, "one") == ["one"]


def test_a_file_of_another_format_is_begun_anew(path):
    asked(path, "one")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    assert asked(path, "one") == ["one"]


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    with (
        pytest.raises(WorkspaceError, match=r"memo\.sqlite: cannot be written"),
        memo(tmp_path / "no" / "memo.sqlite", []),
    ):
        pass
