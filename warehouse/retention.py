"""What goes because of its age: publications but the newest, logs, and landings, of which what the warehouse keeps is folded into one before."""

from __future__ import annotations

import logging
import shutil
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import duckdb

from extractors.core.errors import LeaseError, WatertightError
from extractors.core.landing import MANIFEST, sync_folder
from extractors.core.settings import Settings
from warehouse import audit, folded
from warehouse.database import plain_errors, require_space, writer
from warehouse.erase import landing_folders
from warehouse.folded import Folded
from warehouse.lease import Lease
from warehouse.publish import published_run

log = logging.getLogger(__name__)

_INSTANT = "%Y%m%dT%H%M%SZ"

#: source, account, table
Stream = tuple[str, str, str]


class _Load(NamedTuple):
    number: int
    stream: Stream
    run_id: str
    rows: int


def expire(settings: Settings, now: datetime | None = None) -> list[str]:
    """Removes what is older than `keep_publication_days` and `keep_log_days`; returns the names of the files, oldest first.

    A publication is as old as its run's id says, a log as its name says: what was copied or touched since grows no younger. Whoever has
    an expired publication open reads it to the end.
    """
    now = now or datetime.now(UTC)
    current = published_run(settings)
    expired = []
    if settings.keep_publication_days is not None:
        since = now - timedelta(days=settings.keep_publication_days)
        expired += [
            path
            for path in settings.published_dir.glob("*_*.*")
            if not path.is_symlink()
            and (current or "_") not in path.name
            and _is_before(path.stem.rpartition("_")[2], since)
        ]
    if settings.keep_log_days is not None:
        since = now - timedelta(days=settings.keep_log_days)
        expired += [path for path in settings.log_dir.glob("*_*.log") if _is_before(path.name, since)]
    return [_remove(path) for path in sorted(expired, key=lambda path: path.name)]


def expire_landings(settings: Settings, lease: Lease, now: datetime | None = None) -> list[str]:
    """Folds the loads older than `keep_landing_days` and removes their landings; returns these, as source/account/table/run.

    Of every table the newest landing stays, and the newest that has rows: extraction compares its fields with them, and `status` tells of them.
    Removed besides: what a later run made superfluous, what was not believed, and what was never finished. A rebuild gives the same
    tables before and after, and wherever this is cut off. Raises WatertightError; then the landings that are still there stay.
    """
    if settings.keep_landing_days is None:
        return []
    since = (now or datetime.now(UTC)) - timedelta(days=settings.keep_landing_days)
    old = [folder for folder in landing_folders(settings) if _is_before(folder.name, since)]
    if not old:
        return []
    try:
        with writer(settings.warehouse_file, settings.ingest_memory_mb) as connection:
            loads = [
                _Load(number, (source, account, table), run_id, rows)
                for number, source, account, table, run_id, rows in connection.execute(
                    """select load_number, source_system, account, resource, run_id, sum(rows_landed)
                    from raw._loads group by load_number, source_system, account, resource, run_id order by load_number"""
                ).fetchall()
            ]
            # Only what was loaded before everything younger: a sweep marks rows of other tables, in the order of the loads.
            aged = [load.number for load in takewhile(lambda load: _is_before(load.run_id, since), loads)]
            held = _fold(connection, settings, lease, max(aged, default=0), _bytes_in(old))
        removed = _superfluous(old, loads, held)
        for folder in removed:
            _remove_landing(lease, folder)
    except LeaseError:
        raise
    except WatertightError as error:
        raise type(error)(
            f"The night is published, but landings older than {settings.keep_landing_days} days are not all removed: {error.wrong}",
            error.mend,
        ) from error
    names = ["/".join(folder.parts[-4:]) for folder in removed]
    if names:
        log.info("%d landings removed, the last is %s", len(names), names[-1])
        audit.record(
            settings, "expiry", run_id=lease.run_id, landings=len(names), older_than=f"{since:%Y-%m-%dT%H:%M:%SZ}"
        )
    return names


def _fold(
    connection: duckdb.DuckDBPyConnection, settings: Settings, lease: Lease, through: int, space: int
) -> Folded | None:
    """Adds the loads up to number `through` to what is folded; does nothing when they are in it. Returns what is folded then.

    New rows go into new parts. Parts that are no longer than what comes behind them are taken into it, so a table has few parts, and a row is
    written again only when as many new ones have come.
    """
    place = settings.landing_dir
    held = folded.read(place)
    folded.remove_unlisted(place, held)
    reached = held.through if held else 0
    if through <= reached:
        return held
    require_space(settings.home, space + (held.bytes if held else 0), "folding old landings")
    tables = dict(held.tables) if held else {}
    for table, kinds in folded.columns(connection).items():
        after, parts, rows = (
            reached,
            list(tables.get(table, ())),
            folded.count(connection, table, kinds, reached, through),
        )
        if not rows:
            continue
        while parts and parts[-1].rows <= rows:
            part = parts.pop()
            after, rows = part.after, rows + part.rows
        part = folded.write_part(connection, place, table, kinds, after, through)
        folded.check_against_raw(connection, place, table, kinds, part)
        tables[table] = (*parts, part)
    held = Folded(folded.VERSION, lease.run_id, through, tables)
    with lease.fence():
        folded.write(place, held)
    folded.remove_unlisted(place, held)
    return held


def _superfluous(old: list[Path], loads: list[_Load], held: Folded | None) -> list[Path]:
    """Those of the old landings' folders that nothing needs any more."""
    in_order = sorted(loads, key=lambda load: load.run_id)
    newest = {load.stream: load.run_id for load in in_order}
    with_rows = {load.stream: load.run_id for load in in_order if load.rows}
    known = {(load.stream, load.run_id): held is not None and load.number <= held.through for load in loads}
    found = []
    for folder in old:
        source, account, table, run_id = folder.parts[-4:]
        stream = (source, account, table)
        if not (folder / MANIFEST).exists():
            found.append(folder)
        elif (stream, run_id) in known:
            if known[stream, run_id] and run_id not in (newest[stream], with_rows.get(stream)):
                found.append(folder)
        elif run_id < newest.get(stream, ""):
            # The loader passes it over: a later run began where this one did.
            found.append(folder)
    return found


def _bytes_in(folders: list[Path]) -> int:
    return sum(path.stat().st_size for folder in folders for path in folder.iterdir())


def _remove_landing(lease: Lease, folder: Path) -> None:
    """The manifest first: from then on the rest is invisible, and goes next time where this is cut off."""
    with plain_errors(folder), lease.fence():
        (folder / MANIFEST).unlink(missing_ok=True)
        sync_folder(folder)
        shutil.rmtree(folder)


def _is_before(name: str, since: datetime) -> bool:
    try:
        return datetime.strptime(name[:16], _INSTANT).replace(tzinfo=UTC) < since
    except ValueError:
        return False


def _remove(path: Path) -> str:
    with plain_errors(path):
        path.unlink()
    return path.name
