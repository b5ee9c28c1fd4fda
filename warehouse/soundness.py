"""Is what a run works on whole? What is damaged, cut or has lost loads is made anew from the landing files, and nobody need be asked.

Opening a DuckDB file shows few damages, and one whose write-ahead log was cut opens with fewer commits than it had: so every value is read, and the
loads are held against those that the built and the published facts were made of, which lie in files of their own. And the cursors, which lie beside the
data, are held against the landings and the rows that they speak of: a cursor ahead of its data would leave out for ever what lies between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb

from extractors.core.errors import IntegrityError
from extractors.core.landing import MANIFEST, read_manifest
from extractors.core.settings import Settings
from warehouse import manifest
from warehouse.bookkeeping import utc
from warehouse.database import reader
from warehouse.lease import Lease
from warehouse.publish import scan
from warehouse.verify import reload

log = logging.getLogger(__name__)

#: source, account, resource, run
Load = tuple[str, str, str, str]


def mend(
    settings: Settings,
    lease: Lease,
    tables: Iterable[tuple[str, str]],
    report: Callable[[str], None] = lambda line: None,
) -> str | None:
    """Rebuilds the warehouse from the landing files when it is not whole; returns what was wrong, None when nothing was.

    Raises IntegrityError when landings that were loaded once are gone as well: then nothing is changed, and a person has to put them back.
    """
    wrong = find_damage(settings)
    if wrong is not None:
        log.warning("%s The warehouse is made anew from the landing files.", wrong)
        report(f"{wrong} The warehouse is made anew from the landing files.")
        reload(settings, lease, tables, report, loaded_before=witnessed_loads(settings))
        log.warning("The warehouse is whole again.")
    return wrong


def find_damage(settings: Settings) -> str | None:
    """The first thing found to be wrong with the files that a run writes on, as a sentence; None when they are whole."""
    witnessed = witnessed_loads(settings)
    if not settings.warehouse_file.exists():
        return f"{settings.warehouse_file} is missing." if witnessed else None
    try:
        for path in (settings.warehouse_file, settings.marts_file, settings.detail_file):
            # What has not changed since it was read and published need not be read again: its hash costs a sixth of that.
            if path.exists() and not manifest.is_published(settings.published_dir, path):
                scan(path, settings.ingest_memory_mb)
        lost = witnessed - _loads(settings.warehouse_file, "raw._loads")
        ahead = _ahead_of_data(settings)
    except IntegrityError as error:
        return error.wrong
    if lost:
        first = "/".join(min(lost))
        return (
            f"{settings.warehouse_file} lacks {len(lost)} loads that facts were already made of, the first is {first}."
        )
    return ahead


def _ahead_of_data(settings: Settings) -> str | None:
    """Where the bookkeeping promises more than there is: a cursor beyond its own landing's, or rows that the tables do not hold.

    One manifest a resource is read, that of the load whose cursor is in force.
    """
    with reader(settings.warehouse_file, settings.ingest_memory_mb) as connection:
        if not _has_table(connection, "raw", "_loads"):
            return None
        cursors = connection.execute(
            """select source_system, account, resource, max_by(run_id, (cursor_to, load_number)), max(cursor_to) from raw._loads
            group by source_system, account, resource order by all"""
        ).fetchall()
        tables = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'raw' and not starts_with(table_name, '_')"
        ).fetchall()
        counts = " union all ".join(f'select count(*) as rows from raw."{table}"' for (table,) in tables)  # noqa: S608 - names that the database gives
        there = sum(row[0] for row in connection.execute(counts).fetchall()) if counts else 0
        [(promised,)] = connection.execute(
            "select coalesce(sum(rows_new + rows_vanished), 0) from raw._loads"
        ).fetchall()
    for *place, cursor in cursors:
        reached = _reach(settings.landing_dir.joinpath(*place, MANIFEST))
        if reached is not None and utc(reached) != cursor:
            return (
                f"{settings.warehouse_file} says that {place[0]} {place[2]} is loaded up to {cursor.isoformat()}Z,"
                f" but what has landed reaches to {reached}."
            )
    if promised != there:
        return f"{settings.warehouse_file} holds {there:,} rows, and its loads brought {promised:,}."
    return None


def _reach(manifest: Path) -> str | None:
    """The cursor that a landing has brought; None where its manifest is gone or cannot be read, which is no fault of the warehouse."""
    try:
        return read_manifest(manifest).manifest.cursor_to if manifest.exists() else None
    except IntegrityError as error:
        log.warning("%s", error.wrong)
        return None


def witnessed_loads(settings: Settings) -> set[Load]:
    """The loads that the facts built last and those published tell of; what cannot be read of them tells of none."""
    found: set[Load] = set()
    for path in (settings.marts_file, settings.published_dir / "marts.duckdb"):
        if path.exists():
            try:
                found |= _loads(path, "fct_loads")
            except IntegrityError:
                log.warning("%s cannot be read", path)
    return found


def _loads(path: Path, table: str) -> set[Load]:
    schema, _, name = table.rpartition(".")
    with reader(path) as connection:
        if not _has_table(connection, schema or "main", name):
            return set()
        return set(
            connection.execute(
                f"select distinct source_system, account, resource, run_id from {table}"  # noqa: S608 - one of two names of ours
            ).fetchall()
        )


def _has_table(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    return bool(
        connection.execute(
            "select 1 from duckdb_tables() where table_name = $1 and schema_name = $2", [name, schema]
        ).fetchone()
    )
