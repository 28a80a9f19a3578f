from __future__ import annotations

import builtins
import json
from dataclasses import replace

import geopandas as gpd
import pandas as pd
import psycopg
import pytest
import shapely
from database_examples import PASSWORD, programs, server
from export_examples import discs, publish

from pondscan import handover, manifest
from pondscan.errors import ConfigError, WorkspaceError
from pondscan.export import postgis
from pondscan.export.snapshot import added_to_sites
from pondscan.tables import OBSERVATIONS, PONDS, SITES, SURVEY, TIMESERIES, names


@pytest.fixture(scope="session")
def running():
    folder = programs()
    if folder is None:
        pytest.skip("POSTGIS NOT TESTED: there is no PostgreSQL with PostGIS here (Debian: postgresql-15-postgis-3)")
    with server(folder) as url:
        yield url


@pytest.fixture
def url(running):
    """A database without any census."""
    with psycopg.connect(running, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS postgis")
        connection.execute("DROP SCHEMA IF EXISTS pondscan CASCADE")
    return running


def rows(url, query, *values):
    with psycopg.connect(url) as connection:
        return connection.execute(query, values).fetchall()


def test_every_table_is_there_with_its_columns_and_their_meaning(url, workspace):
    exported = handover.export(workspace, "postgis", url=url)
    assert exported.files == ()
    assert exported.notes == (
        "ponds: 3 rows, 3 new, 0 changed, 0 removed",
        "sites: 1 rows, 1 new, 0 changed, 0 removed",
        "observations: 3 rows",
        "timeseries: 2 rows",
        "survey: 1 rows",
        "aliases: 0 rows",
    )
    query = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'pondscan' AND table_name = %s"
    for table, columns in (("ponds", PONDS), ("sites", SITES), ("observations", OBSERVATIONS)):
        assert {name for (name,) in rows(url, query, table)} == {"census", *names(columns), "geom"}
    for table, columns in (("timeseries", TIMESERIES), ("survey", SURVEY)):
        assert {name for (name,) in rows(url, query, table)} == {"census", *names(columns)}
    comment = "SELECT col_description('pondscan.ponds'::regclass, attnum) FROM pg_attribute WHERE attname = %s"
    assert ("its standard deviation",) in rows(url, comment, "area_sigma_m2")


def test_values_and_nulls_survive(url, workspace):
    handover.export(workspace, "postgis", url=url)
    found = rows(url, "SELECT pond_id, site_id, area_m2, n_seen, not_seen_before FROM pondscan.ponds ORDER BY pond_id")
    when = pd.Timestamp("2024-02-17T04:12:00Z")
    assert found == [("p1", "s1", 199.0, 2, when), ("p2", "s1", 200.12, 1, None), ("p3", None, 201.0, 3, None)]
    assert rows(url, "SELECT n_ponds, area_m2 FROM pondscan.timeseries ORDER BY n_ponds") == [(2, 400.0), (None, None)]
    [(run,)] = rows(url, "SELECT run FROM pondscan.censuses WHERE census = 'census'")
    assert run == manifest.read(workspace)


def test_outlines_are_in_place_and_indexed(url, workspace, census):
    handover.export(workspace, "postgis", url=url)
    kinds = "SELECT type, srid FROM geometry_columns WHERE f_table_schema = 'pondscan' ORDER BY f_table_name"
    assert rows(url, kinds) == [("MULTIPOLYGON", 4326)] * 3
    [(area, text)] = rows(
        url,
        "SELECT ST_Area(ST_Transform(geom, 32647)), ST_AsText(geom) FROM pondscan.ponds WHERE pond_id = 'p2'",
    )
    exact = census.ponds.set_index("pond_id").geometry["p2"]
    assert area == pytest.approx(exact.area, rel=0.01)
    there = gpd.GeoSeries([shapely.from_wkt(text)], crs="EPSG:4326").to_crs("EPSG:32647").iloc[0]
    assert there.symmetric_difference(exact).area < 0.02 * exact.area
    indexes = rows(url, "SELECT indexdef FROM pg_indexes WHERE schemaname = 'pondscan'")
    assert sum("gist" in text for (text,) in indexes) == 3


def test_geopandas_reads_it(url, workspace):
    handover.export(workspace, "postgis", url=url)
    found = rows(url, "SELECT pond_id, ST_AsBinary(geom) FROM pondscan.ponds ORDER BY pond_id")
    published = gpd.read_file(workspace / "ponds.geojson").set_index("pond_id").geometry
    for pond_id, wkb in found:
        assert shapely.equals(shapely.from_wkb(wkb), published[pond_id])


def test_again_changes_nothing(url, workspace):
    handover.export(workspace, "postgis", url=url)
    before = rows(url, "SELECT pond_id, xmin::text FROM pondscan.ponds ORDER BY 1")
    notes = handover.export(workspace, "postgis", url=url).notes
    assert notes[0] == "ponds: 3 rows, 0 new, 0 changed, 0 removed"
    assert rows(url, "SELECT pond_id, xmin::text FROM pondscan.ponds ORDER BY 1") == before


def test_ponds_change_come_and_go_by_their_ids(url, census, tmp_path):
    handover.export(publish(census, tmp_path / "mine"), "postgis", url=url)
    handover.export(publish(census, tmp_path / "other"), "postgis", url=url)
    ponds = census.ponds.assign(pond_id=["p2", "p1", "p4"], area_m2=[200.123456, 150.0, 99.0])
    later = replace(census, ponds=ponds)
    notes = handover.export(publish(later, tmp_path / "mine"), "postgis", url=url).notes
    assert notes[0] == "ponds: 3 rows, 1 new, 1 changed, 1 removed"
    query = "SELECT pond_id, area_m2 FROM pondscan.ponds WHERE census = %s ORDER BY 1"
    assert rows(url, query, "mine") == [("p1", 150.0), ("p2", 200.12), ("p4", 99.0)]
    assert rows(url, query, "other") == [("p1", 199.0), ("p2", 200.12), ("p3", 201.0)]
    assert rows(url, "SELECT census, count(*) FROM pondscan.timeseries GROUP BY 1 ORDER BY 1") == [
        ("mine", 2),
        ("other", 2),
    ]


def test_a_moved_outline_is_a_change(url, census, tmp_path):
    handover.export(publish(census, tmp_path / "mine"), "postgis", url=url)
    outlines = discs(3)
    outlines[0] = outlines[0].buffer(2)
    moved = replace(census, ponds=census.ponds.set_geometry(gpd.GeoSeries(outlines, crs=census.ponds.crs)))
    notes = handover.export(publish(moved, tmp_path / "mine"), "postgis", url=url).notes
    assert notes[0] == "ponds: 3 rows, 0 new, 1 changed, 0 removed"


def test_columns_and_notes_of_others_are_left_alone(url, workspace, census):
    handover.export(workspace, "postgis", url=url)
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE pondscan.ponds ADD COLUMN seen_by text")
        connection.execute("UPDATE pondscan.ponds SET seen_by = 'me' WHERE pond_id = 'p1'")
        connection.execute("ALTER TABLE pondscan.ponds DROP COLUMN n_clear")  # as a version before made it
    publish(replace(census, ponds=census.ponds.assign(area_m2=111.0)), workspace)
    handover.export(workspace, "postgis", url=url)
    query = "SELECT area_m2, seen_by, n_clear FROM pondscan.ponds ORDER BY pond_id"
    assert rows(url, query) == [(111.0, "me", 3), (111.0, None, 3), (111.0, None, 3)]


def test_another_census_of_the_same_name_is_refused(url, census, workspace, tmp_path):
    handover.export(workspace, "postgis", url=url)
    other = publish(replace(census, ponds=census.ponds.iloc[:1]), tmp_path / "elsewhere" / "census")
    document = manifest.read(other)
    for scene in document["scenes"]:
        scene["scene_id"] += "-of-elsewhere"
    (other / manifest.NAME).write_bytes(manifest.written(document))
    with pytest.raises(WorkspaceError, match="it holds another census named census, of other scenes: rename"):
        handover.export(other, "postgis", url=url)
    assert rows(url, "SELECT count(*) FROM pondscan.ponds") == [(3,)]


def test_what_the_server_refuses_leaves_it_as_it_was(url, workspace, census):
    handover.export(workspace, "postgis", url=url)
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE pondscan.survey ADD CONSTRAINT no_looks CHECK (period <> 'year')")
    publish(replace(census, ponds=census.ponds.iloc[:1], survey=census.survey.assign(period="year")), workspace)
    with pytest.raises(WorkspaceError, match=r"violates check constraint \"no_looks\": nothing was changed there"):
        handover.export(workspace, "postgis", url=url)
    assert rows(url, "SELECT count(*) FROM pondscan.ponds") == [(3,)]


def test_an_empty_census_is_a_census(url, census, tmp_path):
    layers = ("ponds", "sites", "observations", "timeseries", "survey")
    empty = replace(census, **{name: getattr(census, name).iloc[:0] for name in layers})
    handover.export(publish(empty, tmp_path / "empty"), "postgis", url=url)
    assert rows(url, "SELECT census FROM pondscan.censuses") == [("empty",)]
    assert rows(url, "SELECT count(*) FROM pondscan.ponds") == [(0,)]


def test_a_database_without_postgis_is_refused(url, workspace):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP EXTENSION postgis CASCADE")
    with pytest.raises(WorkspaceError, match=r"the database has no PostGIS: let its owner run CREATE EXTENSION"):
        handover.export(workspace, "postgis", url=url)


def secrets_of(text: str) -> list[str]:
    return [secret for secret in (PASSWORD, "pa%3Ass", "wo%23rd", "ss/wo", "ss%2Fwo", "wrong") if secret in text]


def test_no_password_is_ever_repeated(url, workspace):
    assert secrets_of(url)
    exported = handover.export(workspace, "postgis", url=url)
    assert exported.place.startswith("postgresql://tester@127.0.0.1:")
    said = [exported.place, *exported.notes]
    unescaped = [url.replace(*signs) for signs in (("%2F", "/"), ("%23", "#"), ("%3A", "@"), ("%3A", ":"))]
    bad = [*unescaped, url.replace("127.0.0.1", "127.0.0.1:0"), url.replace("pa%3Ass", "wrong")]
    for one in [*bad, "mysql://me:wrong@host/db"]:
        with pytest.raises((ConfigError, WorkspaceError)) as caught:
            handover.export(workspace, "postgis", url=one)
        said.append(str(caught.value))
    assert secrets_of("\n".join(said)) == []
    assert "password authentication failed" in said[-2]


def test_a_url_of_something_else_is_wrong_usage(workspace):
    with pytest.raises(ConfigError, match=r"wants a URL like postgresql://user@host:5432/database$"):
        handover.export(workspace, "postgis", url="out.sqlite")


def test_a_server_that_is_not_there_is_one_sentence(workspace):
    with pytest.raises(WorkspaceError, match=r"the database cannot be reached \(.*\): check the URL and the server"):
        handover.export(workspace, "postgis", url="postgresql://me@127.0.0.1:1/db")


def test_the_extra_is_named_where_it_is_missing(workspace, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "psycopg":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"psycopg, which is not installed: pip install 'pondscan\[postgis\]'"):
        postgis.export(handover.published(workspace), "postgresql://me@localhost/db")


def test_the_command_wants_a_url_with_postgis_and_with_nothing_else(tmp_path):
    from click.testing import CliRunner

    from pondscan.cli.entry import cli

    for arguments in (["--to", "postgis"], ["--to", "csv", "postgresql://me:hidden@localhost/db"]):
        answer = CliRunner().invoke(cli, ["export", str(tmp_path), *arguments])
        assert answer.exit_code == 2
        assert "URL" in answer.output
        assert "hidden" not in answer.output


def test_run_json_is_kept_as_json(url, workspace):
    handover.export(workspace, "postgis", url=url)
    query = "SELECT run -> 'versions' ->> 'pondscan' FROM pondscan.censuses"
    assert rows(url, query) == [(json.loads((workspace / "run.json").read_text())["versions"]["pondscan"],)]


def with_rivers(snapshot):
    """The same census with a layer of rivers named in its settings."""
    layer = {"name": "rivers", "path": "rivers.gpkg", "adds": ["distance"]}
    settings = snapshot.document["settings"]
    document = {**snapshot.document, "settings": settings | {"context": settings["context"] | {"layers": [layer]}}}
    sites = snapshot.layers["sites"].assign(rivers_distance_m=12.5)
    columns = {**snapshot.columns, "sites": (*snapshot.columns["sites"], *added_to_sites(document))}
    return replace(snapshot, layers={**snapshot.layers, "sites": sites}, columns=columns, document=document)


def test_columns_of_a_layer_go_with_it(url, census, tmp_path):
    def has_column():
        query = "SELECT 1 FROM information_schema.columns WHERE table_name = 'sites' AND column_name = %s"
        return bool(rows(url, query, "rivers_distance_m"))

    mine, other = (handover.published(publish(census, tmp_path / name)) for name in ("mine", "other"))
    for one in (mine, other):
        postgis.export(with_rivers(one), url)
    distances = "SELECT census, rivers_distance_m FROM pondscan.sites ORDER BY 1"
    assert rows(url, distances) == [("mine", 12.5), ("other", 12.5)]
    _, notes = postgis.export(mine, url)
    assert notes[-1] == "sites: no longer rivers_distance_m"
    assert rows(url, distances) == [("mine", None), ("other", 12.5)], "another census has it still"
    with psycopg.connect(url) as connection:
        connection.execute("CREATE VIEW pondscan.mine AS SELECT rivers_distance_m FROM pondscan.sites")
    postgis.export(other, url)
    assert rows(url, distances) == [("mine", None), ("other", None)], "a view of somebody holds the column"
    with psycopg.connect(url) as connection:
        connection.execute("DROP VIEW pondscan.mine")
    postgis.export(with_rivers(other), url)
    postgis.export(other, url)
    assert not has_column()
