"""Any published table as it was: what had happened by the end of one day, as it was known at the end of another.

Two axes. What was known on day K is what the runs up to K had loaded: the rows of later loads are left out of raw and staging, and everything
behind them is built anew. What had happened by the end of day D is cut where the facts begin (the macro `happened_by_then`).
It all takes place in a copy of the warehouse in a folder of its own, which nobody else can read and which is removed afterwards: neither the
writer's file nor the publication is touched.
"""

from __future__ import annotations

import difflib
import itertools
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import duckdb

from extractors.core.errors import ConfigurationError, LeaseError, WatertightError
from extractors.core.locks import hold
from extractors.core.settings import Settings
from warehouse import lease
from warehouse.build import DBT_PROJECT, build_as_of
from warehouse.database import plain_errors, require_space, writer

Report = Callable[[str], None]

#: dbt's memory of the project's files and its log stay between two answers: they hold no data
_KEPT = ("partial_parse.msgpack", "dbt.log")


@dataclass(frozen=True)
class Then:
    """Tables as they were. `settings` are those of the folder they lie in: `warehouse.query` answers from there.

    `runs_known` of `runs` were loaded by the end of `known`; the newest of them reaches to `data_through` (aware, UTC).
    """

    settings: Settings
    day: date
    known: date
    runs_known: int
    runs: int
    data_through: datetime


@dataclass(frozen=True)
class Run:
    """One run's loads: the day it began, by its sources' clocks, and how far it reaches (both instants aware, UTC)."""

    run_id: str
    day: date
    last_extracted_at: datetime
    data_through: datetime


def published_tables() -> list[str]:
    """Every mart and core table that a night publishes without personal data."""
    models = DBT_PROJECT / "models"
    files = [*models.glob("marts/*/mart_*.sql"), *models.glob("core/dim_*.sql"), *models.glob("core/fct_*.sql")]
    return sorted(path.stem for path in files if "materialized='ephemeral'" not in path.read_text(encoding="utf-8"))


def find_table(name: str) -> str:
    """The table of that name; a mart also by the part behind its audience (`pipeline_board`). ConfigurationError with the nearest names."""
    tables = published_tables()
    found = [table for table in tables if name and name.lower() in (table, table.partition("__")[2])]
    if len(found) == 1:
        return found[0]
    short = {table.partition("__")[2] or table: table for table in tables}
    near = [
        short.get(match, match) for match in difflib.get_close_matches(name.lower(), [*tables, *short], n=3, cutoff=0.5)
    ]
    inside = [table for table in tables if name and name.lower() in table]
    suggestions = list(dict.fromkeys(found + near + inside))[:5]
    raise ConfigurationError(
        f"There is no mart {name}." if not found else f"{name} may be one of several marts.",
        f"Did you mean {', '.join(suggestions)}?" if suggestions else 'watertight sql "show tables" lists them all.',
    )


def read_day(text: str, what: str) -> date:
    """A day written YYYY-MM-DD. ConfigurationError otherwise."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):  # Python reads other forms too: 20260531, 2026-W22-7
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ConfigurationError(f"{what} is no day: {text}.", "Write it as YYYY-MM-DD, such as 2026-05-31.")


@contextmanager
def recompute(
    settings: Settings, tables: Sequence[str], day: date, known: date | None = None, report: Report = lambda line: None
) -> Iterator[Then]:
    """The tables at the end of `day` as known at the end of `known` (None: as known now), both in the reporting time zone.

    They can be read while the context lasts. Raises ConfigurationError (a day that nothing can be said about), LeaseError
    (a run is writing), WatertightError (nothing is loaded, the disk is full, the build failed).
    """
    with _scratch(settings) as scratch:
        report("copying the warehouse")
        _copy_warehouse(settings, scratch)
        with writer(scratch.warehouse_file, scratch.memory_mb) as connection:
            runs = _runs(connection, settings)
            known = _require_sensible(day, known, runs, _first_creation(connection, settings))
            then = [run for run in runs if run.day <= known]
            if len(then) < len(runs):
                report(f"leaving out {len(runs) - len(then)} later runs")
                _forget(connection, [run.run_id for run in then])
        end = datetime.combine(day + timedelta(days=1), time(), settings.zone).astimezone(UTC)
        # A cut behind the newest row would cut nothing: then this is that night's build, to the last byte.
        is_cut = end <= max(run.last_extracted_at for run in then)
        last_instant = end - timedelta(microseconds=1)
        build_as_of(scratch, tables, last_instant if is_cut else None, report)
        scratch.published_dir.mkdir(exist_ok=True)
        scratch.published_dir.joinpath("marts.duckdb").symlink_to(scratch.marts_file)
        reaches = max(run.data_through for run in then[-1:])
        yield Then(scratch, day, known, len(then), len(runs), min(reaches, last_instant) if is_cut else reaches)


def _require_sensible(day: date, known: date | None, runs: list[Run], first_creation: date | None) -> date:
    """The day of knowledge. ConfigurationError for days before anything was known or happened, or that have not come yet."""
    first, last = min(run.day for run in runs), max(run.day for run in runs)
    if known is not None and known < first:
        raise ConfigurationError(
            f"On {known} nothing was known yet: the first load was on {first}.", f"Use --known {first} or a later day."
        )
    if known is not None and known > last:
        raise ConfigurationError(
            f"{known} lies after the last load, which was on {last}: what will be known then may still change.",
            "Leave out --known for the latest knowledge.",
        )
    known = known or last
    if day > known:
        raise ConfigurationError(
            f"{day} lies in the future of what was known on {known}.", f"Ask for {known} or an earlier day."
        )
    if first_creation is not None and day < first_creation:
        raise ConfigurationError(
            f"On {day} there was no deal yet: the first was created on {first_creation}.",
            f"Ask for {first_creation} or a later day.",
        )
    return known


def _runs(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[Run]:
    """Every loaded run, oldest first. A run belongs to the day it began: what it read after midnight is still that night's."""
    rows = (
        connection.execute(
            """select run_id, min(extracted_at), max(extracted_at), min(data_through) from raw._loads group by run_id order by run_id"""
        ).fetchall()
        if _exists(connection, "raw", "_loads")
        else []
    )
    if not rows:
        raise _nothing_loaded(settings)
    return [
        Run(run_id, _aware(began).astimezone(settings.zone).date(), _aware(last), _aware(through))
        for run_id, began, last, through in rows
    ]


def _first_creation(connection: duckdb.DuckDBPyConnection, settings: Settings) -> date | None:
    """The day the first deal was created, as the last build had it; None before the first build."""
    if not _exists(connection, "intermediate", "int_crm__deals"):
        return None
    row = connection.execute("select min(created_at) from intermediate.int_crm__deals").fetchone()
    return _aware(row[0]).astimezone(settings.zone).date() if row and row[0] else None


def _forget(connection: duckdb.DuckDBPyConnection, run_ids: list[str]) -> None:
    """Leaves raw and staging as they were after these runs, and nothing behind them: all of that is built anew."""
    connection.execute(
        "create temp table known as select distinct load_number from raw._loads where list_contains($1, run_id)",
        [run_ids],
    )
    tables = connection.execute(
        """select schema_name, table_name, column_name from duckdb_columns()
        where schema_name in ('raw', 'staging') and column_name in ('_load_number', 'load_number') and database_name = current_database()
        order by all"""
    ).fetchall()
    for schema, table, column in tables:
        connection.execute(f'delete from "{schema}"."{table}" where "{column}" not in (select load_number from known)')  # noqa: S608 - names are ours and checked, values are bound
    connection.execute("drop schema if exists intermediate cascade")


def _copy_warehouse(settings: Settings, scratch: Settings) -> None:
    """A copy of the writer's file, taken while nobody writes, without opening it: DuckDB's lock would shut a night out meanwhile."""
    before = lease.read(settings.home)
    if before is not None and not before.is_free:
        raise LeaseError(
            f"Run {before.run_id} has been writing to {settings.home} since {before.taken_at}: what is known changes while it does.",
            "Wait until it ends (watertight status); the published marts can be read meanwhile.",
        )
    if not settings.warehouse_file.exists():
        raise _nothing_loaded(settings)
    with plain_errors(settings.warehouse_file):
        for name in (settings.warehouse_file.name, settings.warehouse_file.name + ".wal"):
            if settings.home.joinpath(name).exists():
                shutil.copyfile(settings.home / name, scratch.home / name)
    if lease.read(settings.home) != before:
        raise LeaseError(
            f"A run began to write to {settings.home} while its file was being copied.", "Ask again when it has ended."
        )


@contextmanager
def _scratch(settings: Settings) -> Iterator[Settings]:
    """The first of the folders `as_of/1`, `as_of/2`, … that no other answer is using, empty but for what dbt read of the project last time.

    Emptied again in the end; what a killed process left behind goes first.
    """
    root = settings.home / "as_of"
    size = sum(path.stat().st_size for path in (settings.warehouse_file, settings.marts_file) if path.exists())
    place, descriptor = None, None
    with plain_errors(root):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.chmod(0o700)  # whoever made it
        for number in itertools.count(1):
            folder = root / str(number)
            if descriptor is not None and not folder.exists():
                break
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
            lock = hold(folder, waits=False)
            if lock is None:
                continue
            _empty(folder)
            if descriptor is None:
                place, descriptor = folder, lock
            else:
                os.close(lock)
    assert place is not None  # noqa: S101 - tells mypy what is known; nothing relies on it at run time
    assert descriptor is not None  # noqa: S101 - tells mypy what is known; nothing relies on it at run time
    try:
        require_space(root, 2 * size, "a copy of the warehouse")
        scratch = settings.model_copy(update={"home_dir": place})
        scratch.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield scratch
    finally:
        _empty(place)
        os.close(descriptor)


def _empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            with suppress(OSError):  # what stays lies in it
                path.rmdir()
        elif path.name not in _KEPT:
            path.unlink(missing_ok=True)


def _nothing_loaded(settings: Settings) -> WatertightError:
    return WatertightError(
        f"Nothing is loaded in {settings.home} yet.",
        "Run a night first: watertight nightly, or make nightly for the demonstration.",
    )


def _exists(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    return bool(
        connection.execute(
            "select 1 from duckdb_tables() where database_name = current_database() and schema_name = $1 and table_name = $2",
            [schema, table],
        ).fetchone()
    )


def _aware(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC)
