"""Is what a run works on whole? What is damaged, cut or has lost loads is made anew from the landing files, and nobody need be asked.

Opening a DuckDB file shows few damages, and one whose write-ahead log was cut opens with fewer commits than it had: so every value is read, and the
loads are held against those that the built and the published facts were made of, which lie in files of their own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from extractors.core.errors import IntegrityError
from extractors.core.settings import Settings
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
            if path.exists():
                scan(path, settings.ingest_memory_mb)
        lost = witnessed - _loads(settings.warehouse_file, "raw._loads")
    except IntegrityError as error:
        return error.wrong
    if lost:
        first = "/".join(min(lost))
        return (
            f"{settings.warehouse_file} lacks {len(lost)} loads that facts were already made of, the first is {first}."
        )
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
        is_there = connection.execute(
            "select 1 from duckdb_tables() where table_name = $1 and schema_name = $2", [name, schema or "main"]
        ).fetchone()
        if not is_there:
            return set()
        return set(
            connection.execute(
                f"select distinct source_system, account, resource, run_id from {table}"  # noqa: S608 - one of two names of ours
            ).fetchall()
        )
