"""Room on the disk: what is refused before it is full, and which pictures are dropped to keep within a budget."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from invented_scenes import install, write_scene

from pondscan import pipeline
from pondscan.config import Settings, StorageSettings
from pondscan.errors import WorkspaceError
from pondscan.store import Workspace, retention

DAYS = ("2024-01-10", "2024-02-17", "2024-03-21")
PICTURE = np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def world(monkeypatch):
    return install(monkeypatch)


def keeping(pictures_mb: float | None) -> Settings:
    return Settings(storage=StorageSettings(pictures_mb=pictures_mb))


def with_pictures(out: Path) -> list[str]:
    return sorted(path.name.removesuffix("_quicklook.png") for path in (out / "chips").glob("*_quicklook.png"))


def test_the_oldest_pictures_go_first_whatever_came_first(world, tmp_path):
    scenes = {day: write_scene(tmp_path / "in", day, day, ponds=[(60, 60)]) for day in DAYS}
    pipeline.run(list(scenes.values()), tmp_path / "all", keeping(None))
    sizes = [path.stat().st_size for path in sorted((tmp_path / "all" / "chips").glob("*_quicklook.png"))]
    assert len(sizes) == 3
    budget = (sum(sizes[1:]) + sizes[0] / 2) / 1e6  # the two newest fit
    found = set()
    for number, order in enumerate(((0, 1, 2), (2, 1, 0), (1, 2, 0))):
        out = tmp_path / f"order {number}"
        for day in (DAYS[index] for index in order):
            pipeline.run([scenes[day]], out, keeping(budget))
        assert with_pictures(out) == [f"planet_{day}" for day in DAYS[1:]]
        found.add(((out / "report.html").read_bytes(), (out / "ponds.geojson").read_bytes()))
    assert len(found) == 1
    ponds = (tmp_path / "all" / "ponds.geojson").read_bytes()
    assert {one[1] for one in found} == {ponds}, "no number is made from pictures"


def test_once_one_does_not_fit_no_older_one_stays_though_it_would(world, tmp_path, monkeypatch):
    out = tmp_path / "out"
    for day in (DAYS[1], DAYS[2], DAYS[0]):
        pipeline.run([write_scene(tmp_path / "in", day, day, ponds=[(60, 60)])], out, keeping(None))
    workspace = Workspace(out)
    workspace.scene_file("quicklook", f"planet_{DAYS[1]}").write_bytes(bytes(5000))
    with workspace.lock():
        newest = workspace.scene_file("quicklook", f"planet_{DAYS[2]}").stat().st_size
        assert retention.drop_pictures(workspace, (newest + 4000) / 1e6) == tuple(f"planet_{day}" for day in DAYS[:2])
        assert retention.drop_pictures(workspace, 1e6) == ()
    assert with_pictures(out) == [f"planet_{DAYS[2]}"]
    assert retention.without_pictures(workspace) == tuple(f"planet_{day}" for day in DAYS[:2])


def test_what_was_dropped_is_said(world, tmp_path):
    said = []
    scenes = [write_scene(tmp_path / "in", day, day, ponds=[(60, 60)]) for day in DAYS]
    summary = pipeline.run(scenes, tmp_path / "out", keeping(0), log=lambda text, **told: said.append((text, told)))
    assert with_pictures(tmp_path / "out") == []
    assert [told["event"] for _, told in said if "dropped" in told.get("event", "")] == ["pictures_dropped"]
    assert "Pictures of the 3 oldest scenes were dropped to keep within storage.pictures_mb; nothing else was." in (
        summary.notes
    )
    assert not pipeline.run(scenes, tmp_path / "out", keeping(0)).was_rebuilt


def test_a_disk_that_would_be_full_before_the_end_is_refused_before_the_start(world, tmp_path, monkeypatch):
    scene = write_scene(tmp_path / "in", DAYS[0], DAYS[0], ponds=[(60, 60)])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 10**8, 10**8))
    with pytest.raises(WorkspaceError, match=r"1 scene to come may take 50 MB and storage.min_free_mb = 200 .* 100 MB"):
        pipeline.run([scene], tmp_path / "out", Settings())
    assert not (tmp_path / "out").exists()
    least = Settings(storage=StorageSettings(min_free_mb=0))
    assert pipeline.run([scene], tmp_path / "out", least).done == (f"planet_{DAYS[0]}",)
