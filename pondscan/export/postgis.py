"""``--to postgis URL``: the tables of a census in a PostGIS database, beside those of other censuses.

They live in a schema of their own, ``pondscan``, and every row names its census, which goes by the name of the
workspace's folder. One transaction brings a census up to date: ponds and sites are updated by their ids, new ones
added, ones that the products hold no more removed (``aliases`` names the new id of one that was renamed); the other
tables, which have no ids, are written anew. Columns that somebody added to the tables are left alone; those of a layer
that the settings name no more go.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import geopandas as gpd
import shapely

from pondscan.errors import ConfigError, WorkspaceError
from pondscan.export.csv import csv_bytes
from pondscan.export.geojson import lonlat_polygons
from pondscan.export.snapshot import Snapshot, added_to_sites
from pondscan.tables import Column, Kind

if TYPE_CHECKING:
    from psycopg import Connection, sql

SCHEMA = "pondscan"
TYPES: dict[Kind, str] = {
    "string": "text",
    "integer": "bigint",
    "number": "double precision",
    "datetime": "timestamptz",
    "boolean": "boolean",
}
IDS = {"ponds": "pond_id", "sites": "site_id"}
"""Tables whose rows have an identity, and the column that holds it."""
CENSUS = Column("census", "string", "census the row belongs to: the name of the workspace's folder")
OUTLINE = Column("geom", "string", "outline, longitude and latitude in WGS84")
WAIT_S = 10
"""Seconds to wait for a server that does not answer."""
WANTED = "--to postgis wants a URL like postgresql://user@host:5432/database"


def export(snapshot: Snapshot, url: str) -> tuple[str, tuple[str, ...]]:
    """Bring a census in a database up to date, in one transaction.

    Parameters
    ----------
    snapshot
        The census.
    url
        ``postgresql://…`` as libpq knows it; what it does not say comes from ``PGPASSWORD``, ``~/.pgpass`` and so on.

    Returns
    -------
    tuple of str and tuple of str
        The database in words, without any password, and what was done to each table.

    Raises
    ------
    ConfigError
        When the URL is none, or the ``postgis`` extra is not installed.
    WorkspaceError
        When the database cannot be reached or refuses; then it is as it was.
    """
    with _connection(url) as connection:
        place = _place(connection)
        with _sentences(place), connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [SCHEMA])
            _check_postgis(connection, place)
            before = _enter_census(connection, snapshot, place)
            notes = [_bring_up_to_date(connection, snapshot, name) for name in snapshot.columns]
            notes += _clear_leftovers(connection, snapshot, before)
    return place, tuple(notes)


@contextmanager
def _connection(url: str) -> Iterator[Connection[Any]]:
    """Connect; nothing that is said on the way repeats the URL, which may hold a password."""
    try:
        import psycopg
    except ImportError as error:
        message = "--to postgis needs the package psycopg, which is not installed"
        raise ConfigError(f"{message}: pip install 'pondscan[postgis]'") from error
    if urlsplit(url).scheme not in {"postgresql", "postgres"}:
        raise ConfigError(WANTED)
    user = url.partition("://")[2].rpartition("@")[0]
    try:
        known = psycopg.conninfo.conninfo_to_dict(url)
        if set(user.partition(":")[2]) & set("/@:#?"):  # part of the password would be taken for a host, and said
            raise psycopg.ProgrammingError
    except psycopg.ProgrammingError:
        message = "the one given cannot be read (in a password / @ : # ? are written %2F %40 %3A %23 %3F)"
        raise ConfigError(f"{WANTED}; {message}") from None
    patience = psycopg.conninfo.make_conninfo(url, connect_timeout=known.get("connect_timeout", WAIT_S))
    try:
        connection = psycopg.connect(patience)
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1].rstrip(".")
        raise WorkspaceError(f"the database cannot be reached ({reason}): check the URL and the server") from None
    with connection:
        yield connection


def _place(connection: Connection[Any]) -> str:
    info = connection.info
    host = info.host if not info.host.startswith("/") else "localhost"
    return f"postgresql://{info.user}@{host}:{info.port}/{info.dbname} (schema {SCHEMA})"


@contextmanager
def _sentences(place: str) -> Iterator[None]:
    """Say in one sentence what the server did not like."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise WorkspaceError(f"{place}: {reason}: nothing was changed there") from None


def _check_postgis(connection: Connection[Any], place: str) -> None:
    if not connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'postgis'").fetchone():
        raise WorkspaceError(f"{place}: the database has no PostGIS: let its owner run CREATE EXTENSION postgis")


def _enter_census(connection: Connection[Any], snapshot: Snapshot, place: str) -> Any:
    """Enter the census with its ``run.json``, and return that of before; refuse one that has the name of another."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS pondscan")
    connection.execute("CREATE TABLE IF NOT EXISTS pondscan.censuses (census text PRIMARY KEY, run jsonb NOT NULL)")
    before = connection.execute("SELECT run FROM pondscan.censuses WHERE census = %s", [snapshot.name]).fetchone()
    if before and not _scene_ids(before[0]) & _scene_ids(snapshot.document):
        message = f"{place}: it holds another census named {snapshot.name}, of other scenes"
        raise WorkspaceError(f"{message}: rename the folder of this one")
    connection.execute(
        "INSERT INTO pondscan.censuses VALUES (%s, %s) ON CONFLICT (census) DO UPDATE SET run = excluded.run",
        [snapshot.name, json.dumps(snapshot.document)],
    )
    return before[0] if before else None


def _clear_leftovers(connection: Connection[Any], snapshot: Snapshot, before: Any) -> list[str]:
    """Take away what layers added to the sites that the census names no more; what was done, in words.

    The values of the census go; the column too, unless another census still has it or a view of somebody needs it.
    """
    import psycopg
    from psycopg import sql

    now = {column.name for column in snapshot.columns["sites"]}
    dropped = [] if before is None else [one.name for one in added_to_sites(before) if one.name not in now]
    runs = connection.execute("SELECT run FROM pondscan.censuses WHERE census <> %s", [snapshot.name]).fetchall()
    needed = {column.name for (run,) in runs for column in added_to_sites(run)}
    for name in dropped:
        parts = (sql.Identifier(SCHEMA, "sites"), sql.Identifier(name))
        connection.execute(sql.SQL("UPDATE {} SET {} = NULL WHERE census = %s").format(*parts), [snapshot.name])
        if name not in needed:
            with suppress(psycopg.errors.DependentObjectsStillExist), connection.transaction():
                connection.execute(sql.SQL("ALTER TABLE {} DROP COLUMN {}").format(*parts))
    return [f"sites: no longer {', '.join(dropped)}"] if dropped else []


def _scene_ids(document: Any) -> set[str]:
    return {str(scene["scene_id"]) for scene in document["scenes"]}


def _bring_up_to_date(connection: Connection[Any], snapshot: Snapshot, name: str) -> str:
    """Write one table; what was done, in words."""
    from psycopg import sql

    layer = snapshot.layers.get(name)
    columns = (CENSUS, *snapshot.columns[name], *(() if layer is None else (OUTLINE,)))
    frame = snapshot.tables[name] if layer is None else _with_outlines(layer)
    table, incoming = sql.Identifier(SCHEMA, name), sql.Identifier(f"incoming_{name}")
    _make_table(connection, name, columns)
    listed = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    connection.execute(sql.SQL("CREATE TEMP TABLE {} (LIKE {}) ON COMMIT DROP").format(incoming, table))
    copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER)").format(incoming, listed)
    with connection.cursor().copy(copy) as copying:
        copying.write(csv_bytes(frame.assign(census=snapshot.name), columns))
    key = IDS.get(name)
    if key is None:
        connection.execute(sql.SQL("DELETE FROM {} WHERE census = %s").format(table), [snapshot.name])
        write = sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM {2}").format(table, listed, incoming)
        return f"{name}: {connection.execute(write).rowcount} rows"
    return f"{name}: {len(frame)} rows, " + _update(connection, snapshot.name, table, incoming, columns, key)


def _with_outlines(layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Add outlines as multipolygons in hexadecimal EWKB, rounded as in the GeoJSON."""
    parts, row = shapely.get_parts(lonlat_polygons(layer.geometry), return_index=True)
    outlines = shapely.set_srid(shapely.multipolygons(parts, indices=row), 4326)
    return layer.assign(geom=shapely.to_wkb(outlines, hex=True, include_srid=True))


def _make_table(connection: Connection[Any], name: str, columns: Sequence[Column]) -> None:
    """Make a table that is not there, and columns that a table made by another version does not have."""
    from psycopg import sql

    table = sql.Identifier(SCHEMA, name)
    connection.execute(sql.SQL("CREATE TABLE IF NOT EXISTS {} ()").format(table))
    there = {
        row[0]
        for row in connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
            [SCHEMA, name],
        )
    }
    for column in columns:
        if column.name not in there:
            kind = "geometry(MultiPolygon, 4326)" if column is OUTLINE else TYPES[column.kind]
            parts = (table, sql.Identifier(column.name), sql.SQL(kind))
            connection.execute(sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(*parts))
            comment = sql.SQL("COMMENT ON COLUMN {}.{} IS {}")
            connection.execute(comment.format(*parts[:2], sql.Literal(column.meaning)))
    if not there:
        _add_indexes(connection, name, table, has_outline=OUTLINE in columns)


def _add_indexes(connection: Connection[Any], name: str, table: sql.Identifier, *, has_outline: bool) -> None:
    from psycopg import sql

    if name in IDS:
        key = sql.Identifier(IDS[name])
        connection.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (census, {})").format(table, key))
    else:
        connection.execute(sql.SQL("CREATE INDEX ON {} (census)").format(table))
    if has_outline:
        connection.execute(sql.SQL("CREATE INDEX ON {} USING gist (geom)").format(table))


def _update(
    connection: Connection[Any],
    census: str,
    table: sql.Identifier,
    incoming: sql.Identifier,
    columns: Sequence[Column],
    key: str,
) -> str:
    """Bring rows with an identity up to date; rows that are as they were are not written."""
    from psycopg import sql

    names = [sql.Identifier(column.name) for column in columns]
    parts = {
        "table": table,
        "incoming": incoming,
        "key": sql.Identifier(key),
        "columns": sql.SQL(", ").join(names),
        "new": sql.SQL(", ").join(sql.SQL("excluded.{}").format(name) for name in names),
        "old": sql.SQL(", ").join(sql.SQL("kept.{}").format(name) for name in names),
    }
    gone = connection.execute(
        sql.SQL(
            "DELETE FROM {table} AS kept WHERE census = %s AND NOT EXISTS "
            "(SELECT 1 FROM {incoming} AS new WHERE new.{key} = kept.{key})"
        ).format(**parts),
        [census],
    ).rowcount
    written = connection.execute(
        sql.SQL(
            "WITH written AS (INSERT INTO {table} AS kept ({columns}) SELECT {columns} FROM {incoming} "
            "ON CONFLICT (census, {key}) DO UPDATE SET ({columns}) = ROW ({new}) "
            "WHERE ROW ({old}) IS DISTINCT FROM ROW ({new}) RETURNING xmax = 0 AS is_new) "
            "SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written"
        ).format(**parts)
    ).fetchone()
    n_new, n_changed = written or (0, 0)
    return f"{n_new} new, {n_changed} changed, {gone} removed"
