"""Events and series through a run: read before any work, part of what the products depend on, told in run.json."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import jsonschema
import pytest
from invented_scenes import install, three_dates

from pondscan import manifest, pipeline, publish, report
from pondscan.config import Settings
from pondscan.configfile import load_settings, read_layer
from pondscan.errors import InputError
from pondscan.follow import products

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "run.schema.json").read_text(encoding="utf-8"))
BUILD, RENDER = products.build, report.render
EVENTS = "date,label,source\n2024-02,Taken,NMS\n"


@pytest.fixture
def scenes(monkeypatch, tmp_path) -> list[Path]:
    install(monkeypatch)
    monkeypatch.setattr(publish.products, "build", BUILD)
    monkeypatch.setattr(publish.report, "render", RENDER)
    (tmp_path / "scenes").mkdir()
    return three_dates(tmp_path / "scenes")


@pytest.fixture
def config(tmp_path) -> Path:
    (tmp_path / "events.csv").write_text(EVENTS, encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text("[context]\nevents = ['events.csv']\n", encoding="utf-8")
    return path


def run(scenes: list[Path], out: Path, settings: Settings):
    return pipeline.run([str(path) for path in scenes], out, settings)


def settings_of(config: Path) -> Settings:
    return load_settings([read_layer(config)])


def test_events_reach_the_report_and_run_json(scenes, config, tmp_path):
    out = tmp_path / "census"
    run(scenes, out, settings_of(config))
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Taken" in page
    assert str(tmp_path) not in page.partition("Settings</summary>")[2].partition("</pre>")[0]
    document = manifest.read(out)
    jsonschema.validate(document, SCHEMA)
    digest = hashlib.sha256(EVENTS.encode()).hexdigest()
    assert document["context"] == [{"path": str(tmp_path / "events.csv"), "bytes": len(EVENTS), "sha256": digest}]


def test_products_follow_the_content_of_the_files(scenes, config, tmp_path):
    out = tmp_path / "census"
    assert run(scenes, out, settings_of(config)).was_rebuilt
    assert not run(scenes, out, settings_of(config)).was_rebuilt
    (tmp_path / "events.csv").write_text(EVENTS.replace("Taken", "Given up"), encoding="utf-8")
    summary = run(scenes, out, settings_of(config))
    assert (summary.done, summary.was_rebuilt) == ((), True)  # no scene is scanned again
    assert "Given up" in (out / "report.html").read_text(encoding="utf-8")


def test_what_cannot_be_right_is_refused_before_any_work(scenes, config, tmp_path):
    (tmp_path / "events.csv").write_text("date,label\nsoon,Taken\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"events\.csv, line 2: date = 'soon': this is no date"):
        run(scenes, tmp_path / "census", settings_of(config))
    assert not (tmp_path / "census").exists()


def test_a_scene_is_not_forgotten_while_the_events_are_away(scenes, config, tmp_path):
    out = tmp_path / "census"
    summary = run(scenes, out, settings_of(config))
    (tmp_path / "events.csv").rename(tmp_path / "elsewhere.csv")
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.suffix in {".json", ".csv", ".geojson"}}
    with pytest.raises(InputError, match=r"events\.csv: it cannot be read \(No such file or directory\)"):
        pipeline.forget(out, summary.done[0])
    assert before == {path.name: path.read_bytes() for path in out.iterdir() if path.name in before}
    (tmp_path / "elsewhere.csv").rename(tmp_path / "events.csv")
    assert pipeline.forget(out, summary.done[0]).n_scenes == 2
