"""Events and series through a run: read before any work, part of what the products depend on, told in run.json."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import geopandas as gpd
import jsonschema
import pandas as pd
import pytest
import shapely
from invented_scenes import install, three_dates
from painted_scenes import CRS, SOUTH, WEST

from pondscan import handover, manifest, pipeline, publish, report
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


def with_rivers(tmp_path: Path, x: float) -> Settings:
    """A river 500 km long that runs south to north at an easting."""
    river = gpd.GeoDataFrame(
        {"NAM": ["N'Mai"]}, geometry=[shapely.LineString([(x, SOUTH - 2e5), (x, SOUTH + 3e5)])], crs=CRS
    )
    river.to_file(tmp_path / "rivers.gpkg")
    path = tmp_path / "mine.toml"
    path.write_text(
        "[[context.layers]]\nname = 'rivers'\npath = 'rivers.gpkg'\nname_field = 'NAM'\nadds = ['distance', 'name']\n",
        encoding="utf-8",
    )
    return settings_of(path)


def test_a_layer_adds_its_columns_to_every_product_and_export(scenes, tmp_path):
    out = tmp_path / "census"
    run(scenes, out, with_rivers(tmp_path, WEST - 1000.0))
    features = json.loads((out / "sites.geojson").read_text(encoding="utf-8"))["features"]
    assert features
    told = [feature["properties"] for feature in features]
    in_package = gpd.read_file(out / "pondscan.gpkg", layer="sites").set_index("site_id")
    west = in_package.bounds["minx"]
    for one in told:
        assert one["rivers_distance_m"] == pytest.approx(west[one["site_id"]] - (WEST - 1000.0), abs=0.01)
        assert one["rivers_name"] == "N'Mai"
        assert in_package.loc[one["site_id"], "rivers_distance_m"] == one["rivers_distance_m"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "rivers, m away" in page
    assert 'id="explorer-layer-0"' in page
    for name in ("csv", "geoparquet", "kml", "shapefile"):
        handover.export(out, name)
    table = pd.read_csv(out / "export" / "csv" / "sites.csv")
    assert table["rivers_distance_m"].tolist() == [one["rivers_distance_m"] for one in told]
    assert "rivers_distance_m" in (out / "export" / "csv" / "columns.csv").read_text(encoding="utf-8")
    assert gpd.read_parquet(out / "export" / "geoparquet" / "sites.parquet")["rivers_name"].tolist() == ["N'Mai"] * len(
        told
    )
    assert 'name="rivers_distance_m"' in (out / "export" / "kml" / "census.kml").read_text(encoding="utf-8")
    fields = (out / "export" / "shapefile" / "fields.csv").read_text(encoding="utf-8")
    assert "rivers_distance_m" in fields


def test_sites_follow_the_content_of_a_layer(scenes, tmp_path):
    out = tmp_path / "census"
    run(scenes, out, with_rivers(tmp_path, WEST - 1000.0))
    before = (out / "sites.geojson").read_bytes()
    assert not run(scenes, out, with_rivers(tmp_path, WEST - 1000.0)).done
    assert (out / "sites.geojson").read_bytes() == before
    summary = run(scenes, out, with_rivers(tmp_path, WEST - 2000.0))
    assert (summary.done, summary.was_rebuilt) == ((), True)
    assert (out / "sites.geojson").read_bytes() != before


def test_a_layer_that_cannot_add_what_is_asked_is_refused_before_any_work(scenes, tmp_path):
    settings = with_rivers(tmp_path, WEST)
    layer = settings.context.layers[0].model_copy(update={"name_field": "NAME_EN"})
    asked = settings.model_copy(update={"context": settings.context.model_copy(update={"layers": (layer,)})})
    with pytest.raises(InputError, match=r"there is no attribute 'NAME_EN' \(rivers\), the nearest is 'NAM'"):
        run(scenes, tmp_path / "census", asked)
    assert not (tmp_path / "census").exists()


def test_a_file_that_is_gone_stops_the_run_and_the_products_stand(scenes, config, tmp_path):
    out = tmp_path / "census"
    run(scenes, out, settings_of(config))
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file() and path.suffix != ".sqlite"}
    (tmp_path / "events.csv").rename(tmp_path / "moved.csv")
    for work in (lambda: run(scenes, out, settings_of(config)), lambda: pipeline.forget(out, scenes[0].stem)):
        with pytest.raises(InputError, match=r"events\.csv"):
            work()
    after = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file() and path.suffix != ".sqlite"}
    assert after == before
