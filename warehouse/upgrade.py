"""The warehouse's files written anew by the DuckDB that is installed now, table by table compared, with a way back.

Not needed to go from DuckDB 1.5 to 2.0: the files keep a format that both read and write. It is for the day on which a newer format is wanted, and it gives
back, in the old one, what a newer DuckDB wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb

from extractors.core.errors import IntegrityError, WatertightError
from extractors.core.settings import Settings
from warehouse.database import MARTS_OPTIONS, WAREHOUSE_OPTIONS, attach, plain_errors, require_space, writer
from warehouse.lease import Lease

#: what the file of before is called
KEPT = ".before-upgrade"

Checksums = dict[tuple[str, str], tuple[int, int]]


def upgrade(settings: Settings, lease: Lease, report: Callable[[str], None] = lambda line: None) -> dict[str, int]:
    """Copies the warehouse, marts and detail files and puts the copies in their place; returns the rows by file.

    The files of before stay beside them as `<name>.before-upgrade`. Raises IntegrityError when a table of a copy is not what it was; then, and when
    a disk fails, nothing has changed.
    """
    files = [path for path in _files(settings) if path.exists()]
    if not files:
        raise WatertightError(f"There is no warehouse in {settings.home} to upgrade.", "Run a night first.")
    require_space(settings.home, sum(path.stat().st_size for path in files), "a copy of the warehouse")
    rows = {}
    new = {path: path.with_name(path.name + ".upgraded") for path in files}
    try:
        for path, copy in new.items():
            copy.unlink(missing_ok=True)
            rows[path.name] = _copy(settings, path, copy)
            report(f"{path.name}: {rows[path.name]:,} rows, every table compared")
        with plain_errors(settings.home), lease.fence():
            for path in new:
                kept = path.with_name(path.name + KEPT)
                kept.unlink(missing_ok=True)
                kept.hardlink_to(path)
            for path, copy in new.items():
                copy.replace(path)
    finally:
        for copy in new.values():
            copy.unlink(missing_ok=True)
    return rows


def undo(settings: Settings, lease: Lease) -> list[str]:
    """Puts the files of before back; returns their names. What was loaded since is loaded again by the next night."""
    kept = {path: path.with_name(path.name + KEPT) for path in _files(settings)}
    there = {path: old for path, old in kept.items() if old.exists()}
    if not there:
        raise WatertightError(
            f"No file of before an upgrade lies in {settings.home}.", "watertight rebuild makes one anew."
        )
    with plain_errors(settings.home), lease.fence():
        for path, old in there.items():
            path.with_name(path.name + ".wal").unlink(missing_ok=True)
            old.replace(path)
    return [path.name for path in there]


def checksums(connection: duckdb.DuckDBPyConnection, database: str) -> Checksums:
    """(schema, table) → rows and a sum over every value of them; comparable within one DuckDB only."""
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = $1 order by all", [database]
    ).fetchall()
    found: Checksums = {}
    for schema, table in tables:
        count, total = connection.execute(
            f'select count(*), coalesce(sum(hash(scanned)), 0) from "{database}"."{schema}"."{table}" as scanned'  # noqa: S608 - names of the catalogue, quoted
        ).fetchall()[0]
        found[schema, table] = int(count), int(total)
    return found


def _copy(settings: Settings, path: Path, copy: Path) -> int:
    options = WAREHOUSE_OPTIONS if path == settings.warehouse_file else MARTS_OPTIONS
    with writer(copy, settings.memory_mb, options) as connection, plain_errors(path):
        attach(connection, path, "before")
        name = copy.stem
        connection.execute(f'copy from database before to "{name}"')
        connection.execute("checkpoint")
        before, after = checksums(connection, "before"), checksums(connection, name)
    if before != after:
        differing = sorted(
            ".".join(table) for table in before.keys() | after.keys() if before.get(table) != after.get(table)
        )
        raise IntegrityError(
            f"The copy of {path} differs from it in {', '.join(differing[:5])}.",
            "Nothing was changed. watertight rebuild makes it anew.",
        )
    return sum(count for count, _ in before.values())


def _files(settings: Settings) -> tuple[Path, ...]:
    return settings.warehouse_file, settings.marts_file, settings.detail_file
