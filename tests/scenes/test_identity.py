"""Ids, hashes and versions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pondscan.hashing import content_hash
from pondscan.model import Grid, Scene
from pondscan.scenes.identity import safe_id, superseded

BASE = Scene(
    scene_id="a",
    sensor="sentinel-2",
    platform=None,
    product="",
    datetime=None,
    grid=Grid("EPSG:32647", 0, 0, 10, 1, 1),
    bands={},
    masks=(),
    calibrated="reflectance",
    source="",
    files=(),
    acquisition="S2A 1 T1",
)


def version(scene_id: str, processing: str | None, acquisition: str | None = "S2A 1 T1") -> Scene:
    return replace(BASE, scene_id=scene_id, processing=processing, acquisition=acquisition)


def test_the_hash_is_of_contents_in_order(tmp_path: Path) -> None:
    a, b, same = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    a.write_bytes(b"one")
    b.write_bytes(b"two")
    same.write_bytes(b"one")
    assert content_hash([a, b]) == content_hash([same, b])
    assert content_hash([a, b]) != content_hash([b, a])
    assert content_hash([a]) != content_hash([b])


@pytest.mark.parametrize(("text", "wanted"), [("a b/c", "a_b_c"), ("..", "scene"), ("S2A_x.v2.0-1", "S2A_x.v2.0-1")])
def test_ids_are_file_names(text: str, wanted: str) -> None:
    assert safe_id(text) == wanted


def test_the_newest_processing_wins() -> None:
    old, new, other = (
        version("old", "L2A 02.14 1"),
        version("new", "L2A 05.09 1"),
        version("x", "L2A 01.00", "S2A 2 T1"),
    )
    assert superseded([new, old, other]) == {"old": "new"}


def test_l2a_beats_l1c_of_a_later_baseline() -> None:
    assert superseded([version("l1c", "L1C 05.09"), version("l2a", "L2A 02.14")]) == {"l1c": "l2a"}


def test_ties_go_to_the_greater_id_and_unknown_acquisitions_are_left_alone() -> None:
    assert superseded([version("b", "1"), version("a", "1"), version("c", None)]) == {"a": "b", "c": "b"}
    assert superseded([version("a", "1", None), version("b", "1", None)]) == {}


@given(st.permutations([version(f"s{i}", f"{i % 3}") for i in range(6)]))
def test_the_order_of_scenes_does_not_matter(scenes: list[Scene]) -> None:
    assert superseded(scenes) == {f"s{i}": "s5" for i in range(5)}
