"""Is what was built fit to be published, and is it what a rebuild from the landing files gives?"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from extractors.core.errors import IntegrityError, WatertightError
from extractors.core.settings import Settings
from warehouse import manifest
from warehouse.build import Built, build, last_build
from warehouse.database import attach, plain_errors, require_space, writer
from warehouse.lease import Lease
from warehouse.load import Loaded, load
from warehouse.publish import KINDS, count_rows, scan
from warehouse.state import require_loaded

#: columns that tell when and by which run something was learned: a rebuild learns everything at once
_RUN_COLUMNS = ("run_id", "known_at")
#: tables about the runs themselves
_RUN_TABLES = "mart_ops__"
_ROWS_SHOWN = 3


@dataclass(frozen=True)
class Difference:
    """One table in which the incremental build and the rebuild differ; the examples are rows, as text."""

    table: str
    rows_only_incremental: int
    rows_only_rebuilt: int
    examples: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def verify(settings: Settings, run_id: str) -> dict[str, Any]:
    """Before a publication: this run's data tests are green and no core table ran empty.

    The files' values are read by the publication, of the very copies that it shows.

    Returns `{"tables", "rows", "tests", "warnings"}`. Raises IntegrityError or WatertightError; then nothing may be published.
    """
    built = last_build(settings)
    if built is None or built.run_id != run_id:
        raise WatertightError(
            f"Run {run_id} has no finished build to verify.",
            "Run the build again: watertight build, or the whole night.",
        )
    _require_green(built)
    counts = {}
    for path in (settings.marts_file, settings.detail_file):
        counts.update(count_rows(path))
    _require_not_emptied(settings, counts)
    return {
        "tables": len(counts),
        "rows": sum(counts.values()),
        "tests": built.count("test"),
        "warnings": built.count("test", "warn"),
    }


def compare_with_rebuild(
    settings: Settings, tables: Iterable[tuple[str, str]], report: Callable[[str], None] = lambda line: None
) -> list[Difference]:
    """Rebuilds everything from the landing files in a folder of its own and compares every core and mart table, row for row.

    The caller holds the lease. Left out: `run_id`, `known_at` and the ops tables. The folder is removed in any case.
    """
    require_loaded(settings)
    with _scratch(settings, "verify") as scratch:
        lease = Lease.take(scratch.home, one_process=True)
        load(scratch, lease, tables, report, is_rebuild=True)
        _require_every_landing(settings, scratch, _known_loads(settings))
        build(scratch, lease.run_id, report)
        differences = []
        with writer(scratch.warehouse_file, scratch.memory_mb) as connection:
            for kind in KINDS:
                for name, home in (("incremental", settings), ("rebuilt", scratch)):
                    attach(connection, home.marts_file if kind == "marts" else home.detail_file, f"{name}_{kind}")
                differences += _compare(connection, f"incremental_{kind}", f"rebuilt_{kind}", report)
    return differences


def reload(
    settings: Settings,
    lease: Lease,
    tables: Iterable[tuple[str, str]],
    report: Callable[[str], None] = lambda line: None,
    loaded_before: Collection[tuple[str, ...]] = (),
) -> list[Loaded]:
    """Loads every landing into a new warehouse file and puts it in the place of the old one; the build starts from nothing then.

    Nothing changes when it fails. The publication is not touched. `loaded_before`: loads (source, account, resource, run) that must be
    among them, besides those that the old file knows. What was never loaded is judged as on any night.
    """
    known = {*loaded_before, *_known_loads(settings)}
    with _scratch(settings, "rebuild") as scratch:
        turn = Lease.take(scratch.home, one_process=True)
        loaded = load(scratch, turn, tables, report, is_rebuild=True, loaded_before=known)
        if not loaded:
            raise WatertightError(
                f"There is no landing in {settings.landing_dir} to rebuild from.",
                "Put the landing files back, or run a night.",
            )
        _require_every_landing(settings, scratch, known)
        with writer(scratch.warehouse_file, scratch.memory_mb) as connection:
            connection.execute("checkpoint")
        with lease.writing(), plain_errors(settings.home), lease.fence():
            # The old write-ahead logs belong to the old files: beside new ones they would be applied to strange pages.
            for old in (settings.marts_file, settings.detail_file, settings.warehouse_file):
                old.with_name(old.name + ".wal").unlink(missing_ok=True)
            for old in (settings.marts_file, settings.detail_file):
                old.unlink(missing_ok=True)
            scratch.warehouse_file.replace(settings.warehouse_file)
    return loaded


@contextmanager
def _scratch(settings: Settings, name: str) -> Iterator[Settings]:
    """A warehouse without data below the home, over the same landing files; removed in the end."""
    place = settings.home / name
    size = sum(path.stat().st_size for path in (settings.warehouse_file, settings.marts_file) if path.exists())
    scratch = settings.model_copy(update={"home_dir": place})
    try:
        with plain_errors(place):
            shutil.rmtree(place, ignore_errors=True)
            require_space(settings.home, 2 * size, "a rebuild beside the warehouse")
            scratch.home.mkdir(parents=True)
            scratch.landing_dir.symlink_to(settings.landing_dir)
        yield scratch
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _known_loads(settings: Settings) -> set[tuple[str, ...]]:
    """What the warehouse says is loaded; one that cannot be read any more says nothing."""
    if settings.warehouse_file.exists():
        with suppress(WatertightError):
            return _loads(settings)
    return set()


def _require_every_landing(settings: Settings, scratch: Settings, known: Collection[tuple[str, ...]]) -> None:
    """IntegrityError when the landing of a known load is gone: a rebuild would silently lose what only that landing held."""
    missing = sorted(set(known) - _loads(scratch))
    if missing:
        raise IntegrityError(
            f"The landings of {len(missing)} loads are gone, the first is {settings.landing_dir.joinpath(*missing[0])}:"
            " a rebuild would lose what they brought.",
            "Put them back from a backup; until then the warehouse and the publication stay as they are.",
        )


def _loads(settings: Settings) -> set[tuple[str, ...]]:
    with writer(settings.warehouse_file, settings.memory_mb) as connection:
        return set(
            connection.execute("select distinct source_system, account, resource, run_id from raw._loads").fetchall()
        )


def _require_green(built: Built) -> None:
    if built.failed:
        names = ", ".join(node.name for node in built.failed[:5])
        raise WatertightError(
            f"{len(built.failed)} steps of the build failed ({names}).",
            "The old publication stays; mend the cause and run again.",
        )


def _require_not_emptied(settings: Settings, counts: dict[str, int]) -> None:
    """A dimension or fact that had rows in the publication and has none now is a fault upstream, not news about the company."""
    for kind in KINDS:
        published = settings.published_dir / f"{kind}.duckdb"
        if not published.exists():
            continue
        # A damaged publication need not be readable to be followed by a sound one: its manifest says what it had.
        emptied = [
            table
            for table, rows in (manifest.rows(settings.published_dir, published.name) or scan(published)).items()
            if table.startswith(("dim_", "fct_")) and rows and not counts.get(table)
        ]
        if emptied:
            raise IntegrityError(
                f"{', '.join(emptied)} had rows in the last publication and would be empty now.",
                "The old publication stays. Look at what the last run loaded (watertight status); to start afresh on purpose,"
                f" move {settings.published_dir} away.",
            )


def _compare(
    connection: duckdb.DuckDBPyConnection, left: str, right: str, report: Callable[[str], None]
) -> list[Difference]:
    columns: dict[str, dict[str, list[str]]] = {left: {}, right: {}}
    for database, table, column in connection.execute(
        "select database_name, table_name, column_name from duckdb_columns() where database_name in ($1, $2) and schema_name = 'main' order by all",
        [left, right],
    ).fetchall():
        if column not in _RUN_COLUMNS and not table.startswith(_RUN_TABLES):
            columns[database].setdefault(table, []).append(f'"{column}"')
    differences = []
    for table in sorted(columns[left].keys() | columns[right].keys()):
        ours, theirs = columns[left].get(table), columns[right].get(table)
        if ours != theirs or ours is None or theirs is None:
            differences.append(Difference(table, 0, 0, (f"columns {ours} against {theirs}",)))
            continue
        report(f"comparing {table}")
        names = ", ".join(ours)
        only_left, only_right = (
            f'(select {names} from {one}.main."{table}" except all select {names} from {other}.main."{table}")'  # noqa: S608 - names are ours and checked, values are bound
            for one, other in ((left, right), (right, left))
        )
        found = [
            connection.execute(f"select count(*) from {only}").fetchall()[0][0]  # noqa: S608 - names are ours and checked, values are bound
            for only in (only_left, only_right)
        ]
        if any(found):
            examples = [
                f"{side}: {row}"
                for side, only in (("incremental", only_left), ("rebuilt", only_right))
                for row in connection.execute(f"select * from {only} order by all limit {_ROWS_SHOWN}").fetchall()  # noqa: S608 - names are ours and checked, values are bound
            ]
            differences.append(Difference(table, found[0], found[1], tuple(examples)))
    return differences
