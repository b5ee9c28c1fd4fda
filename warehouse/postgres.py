"""A copy of the published marts in PostgreSQL, for BI servers: one transaction, so that readers see one night or the next, never both.

A table whose columns are as they were is emptied and filled again: grants, views and comments of others stay. One whose columns have changed
is made anew with the grants it had. A table that is no longer published goes. Everybody else's tables in that database are left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import duckdb
import psycopg
from psycopg import sql

from extractors.core.errors import ConfigurationError, TransientError, WatertightError
from extractors.core.settings import Settings
from warehouse.database import reader

#: DuckDB's type → PostgreSQL's; instants are UTC there, and say so here
_TYPES = {
    "BOOLEAN": "boolean", "TINYINT": "smallint", "SMALLINT": "smallint", "UTINYINT": "smallint", "INTEGER": "integer", "USMALLINT": "integer",
    "BIGINT": "bigint", "UINTEGER": "bigint", "HUGEINT": "numeric", "UBIGINT": "numeric", "FLOAT": "real", "DOUBLE": "double precision",
    "VARCHAR": "text", "DATE": "date", "TIME": "time", "UUID": "uuid", "TIMESTAMP": "timestamp with time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone", "INTERVAL": "interval", "BLOB": "bytea",
}  # fmt: skip
_ROWS_AT_ONCE = 10_000
#: PostgreSQL's text holds every character but this one
_NUL, _INSTEAD = "\x00", "\N{REPLACEMENT CHARACTER}"


def copy_marts(settings: Settings, report: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Copies every table of the published marts into the schema of the settings.

    Returns `{"run_id", "schema", "tables", "rows"}`. Raises WatertightError (nothing is published, a view hinders), ConfigurationError (address,
    log-in, rights) and TransientError (the server is away); then the schema holds what it held before.
    """
    if settings.postgres_url is None:
        raise ConfigurationError(
            "WATERTIGHT_POSTGRES_URL is not set.", "It is postgresql://user:password@host/database."
        )
    path = settings.published_dir / "marts.duckdb"
    if not path.exists():
        raise WatertightError(
            f"Nothing is published in {settings.published_dir} yet.", "Run a night first: watertight nightly."
        )
    run_id = path.resolve().stem.removeprefix("marts_")
    with reader(path) as marts:
        try:
            with psycopg.connect(settings.postgres_url.get_secret_value(), connect_timeout=10) as server:
                rows = _replace(server, marts, settings, run_id, report)
        except psycopg.errors.DependentObjectsStillExist as error:
            raise WatertightError(
                f"A view of yours hinders: {error.diag.message_detail or error.diag.message_primary}.",
                "The columns of its table have changed. Drop the view, publish again, make it anew.",
            ) from None
        except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
            raise _plain(error, settings) from None
    return {"run_id": run_id, "schema": settings.postgres_schema, "tables": len(rows), "rows": sum(rows.values())}


def _replace(
    server: psycopg.Connection[Any],
    marts: duckdb.DuckDBPyConnection,
    settings: Settings,
    run_id: str,
    report: Callable[[str], None],
) -> dict[str, int]:
    schema = settings.postgres_schema
    reading = settings.postgres_reader
    server.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
    # Two publications at once follow each other.
    server.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"watertight {schema}"])
    if reading:
        server.execute(
            sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(schema), sql.Identifier(reading))
        )
    held = _held(server, schema)
    wanted = _published(marts)
    counts = {}
    for table, columns in wanted.items():
        place = sql.Identifier(schema, table)
        if held.get(table) == columns:
            server.execute(sql.SQL("delete from {}").format(place))
        else:
            grants = _grants(server, schema, table)
            if table in held:
                server.execute(sql.SQL("drop table {}").format(place))
            server.execute(sql.SQL("create table {} ({})").format(place, sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in columns)))  # fmt: skip
            for privilege, role in grants:
                server.execute(sql.SQL("grant {} on {} to {}").format(sql.SQL(privilege), place, role))
        if reading:
            server.execute(sql.SQL("grant select on {} to {}").format(place, sql.Identifier(reading)))
        counts[table] = _fill(server, marts, place, table)
        server.execute(sql.SQL("comment on table {} is {}").format(place, sql.Literal(f"Watertight, run {run_id}")))
        report(f"{table}: {counts[table]:,} rows")
    for table in held.keys() - wanted.keys():
        server.execute(sql.SQL("drop table {}").format(sql.Identifier(schema, table)))
    for table in wanted:
        server.execute(sql.SQL("analyze {}").format(sql.Identifier(schema, table)))
    return counts


def _published(marts: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, str]]]:
    """Table → its columns in order, with PostgreSQL's types."""
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in marts.execute("""
        select table_name, column_name, data_type from duckdb_columns()
        where not internal and schema_name = 'main' order by table_name, column_index
    """).fetchall():  # fmt: skip
        found.setdefault(table, []).append((column, type_of(kind)))
    return found


def type_of(kind: str) -> str:
    """PostgreSQL's type for one of DuckDB's; lists and structures become jsonb."""
    decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind)
    if decimal:
        return f"numeric({decimal[1]},{decimal[2]})"
    return _TYPES.get(kind, "jsonb" if kind.endswith("]") or kind.startswith(("STRUCT", "MAP")) else "text")


def _held(server: psycopg.Connection[Any], schema: str) -> dict[str, list[tuple[str, str]]]:
    """The tables that an earlier publication left in the schema; whatever else lies there is not ours."""
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in server.execute(
        """
        select relation.relname, attribute.attname, format_type(attribute.atttypid, attribute.atttypmod)
        from pg_class as relation
        join pg_namespace as space on space.oid = relation.relnamespace
        join pg_attribute as attribute on attribute.attrelid = relation.oid and attribute.attnum > 0 and not attribute.attisdropped
        where space.nspname = %s and relation.relkind = 'r' and obj_description(relation.oid, 'pg_class') like 'Watertight, run %%'
        order by relation.relname, attribute.attnum
        """,
        [schema],
    ):
        found.setdefault(table, []).append((column, kind))
    return found


def _grants(server: psycopg.Connection[Any], schema: str, table: str) -> list[tuple[str, sql.Composable]]:
    """What others may do with a table: (privilege, role)."""
    return [
        (privilege, sql.SQL("public") if role is None else sql.Identifier(role))
        for privilege, role in server.execute(
            """
            select one.privilege_type, role.rolname
            from pg_class as relation
            join pg_namespace as space on space.oid = relation.relnamespace,
            aclexplode(relation.relacl) as one left join pg_roles as role on role.oid = one.grantee
            where space.nspname = %s and relation.relname = %s and one.grantee <> relation.relowner
            order by one.privilege_type, role.rolname
            """,
            [schema, table],
        )
    ]


def _fill(server: psycopg.Connection[Any], marts: duckdb.DuckDBPyConnection, place: sql.Identifier, table: str) -> int:
    """Copies the rows; WatertightError unless PostgreSQL then holds as many as DuckDB has."""
    quoted = table.replace('"', '""')
    sent = 0
    with server.cursor() as cursor, cursor.copy(sql.SQL("copy {} from stdin").format(place)) as copy:
        for row in _rows(marts, f'select * from "{quoted}"'):  # noqa: S608 - names are ours and checked, values are bound
            copy.write_row(row)
            sent += 1
    arrived = server.execute(sql.SQL("select count(*) from {}").format(place)).fetchone()
    if arrived is None or arrived[0] != sent:
        raise WatertightError(f"{table}: {sent} rows were sent and {arrived and arrived[0]} arrived.", "Publish again.")
    return sent


def _rows(marts: duckdb.DuckDBPyConnection, query: str) -> Iterator[list[Any]]:
    cursor = marts.execute(query)
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        for row in rows:
            yield [_value(value) for value in row]


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(_NUL, _INSTEAD)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value
    if isinstance(value, list | dict):
        return json.dumps(value, default=str).replace("\\u0000", _INSTEAD)
    return value


def _plain(error: psycopg.Error, settings: Settings) -> WatertightError:
    """libpq's own words quote the address, and with it the password: only what is known not to is repeated."""
    assert settings.postgres_url is not None  # noqa: S101 - tells mypy what is known; nothing relies on it at run time
    if error.diag.sqlstate is None:
        text = str(error)
        if "authentication failed" in text or "no password supplied" in text:
            return ConfigurationError("PostgreSQL refused the log-in.", "Check user and password in WATERTIGHT_POSTGRES_URL.")  # fmt: skip
        if "does not exist" in text:
            return ConfigurationError("PostgreSQL has no such user or database.", "Check WATERTIGHT_POSTGRES_URL.")
        if "invalid" in text or "missing" in text:
            return ConfigurationError("WATERTIGHT_POSTGRES_URL is no address of a PostgreSQL database.", "It is postgresql://user:password@host/database.")  # fmt: skip
        return TransientError("The PostgreSQL server does not answer.", "Is it running, and WATERTIGHT_POSTGRES_URL right?")  # fmt: skip
    return ConfigurationError(
        f"PostgreSQL refused the copy: {error.diag.message_primary or type(error).__name__}.",
        f"The user needs the right to create and fill tables in the schema {settings.postgres_schema}.",
    )
