"""Landing files to raw tables: one transaction per manifest, each version of a record once, nothing lost unnoticed.

Two passes over a landing: the first brings only ids and hashes into memory and decides what is new, the second streams the new
payloads into the table. Payloads never pass through a sort or a window, so memory does not grow with the landing. What is landed for
the first time is new but for lines that say the same twice: there one pass does both, and those lines are taken out again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path

import duckdb

from extractors.core.errors import IntegrityError
from extractors.core.landing import Landing, Manifest, set_aside
from extractors.core.settings import Settings
from warehouse import audit, bookkeeping, folded, gates
from warehouse.bookkeeping import utc
from warehouse.database import explain, require_space, writer
from warehouse.due import is_duplicate, is_superseded, pending, scalar, table_of
from warehouse.lease import Lease

#: Several threads writing one table wait for each other by asking again and again: half as much processor time more, for nothing on two cores.
#: Lines carry their number, so their order in the table is free and need not be bought with buffers. zstd fits payloads and is tried alone:
#: what it is compared with costs more to try than it ever saves.
_TUNING = """
set threads = 1;
set preserve_insertion_order = false;
set disabled_compression_methods = 'fsst,dict_fsst,dictionary';
set zstd_min_string_length = 128;
"""

_CREATE = "create schema if not exists raw;" + bookkeeping.CREATE + gates.CREATE

_CREATE_RESOURCE = """
create table if not exists raw."{table}" (
    _account varchar, _source_id varchar, _source_updated_at timestamp, _extracted_at timestamp, _run_id varchar,
    _record_number bigint, _is_deleted boolean, _load_number bigint, _version_hash uuid, payload json
)
"""

_LINES = """read_json($files, format = 'newline_delimited', compression = 'zstd', filename = true, columns = {
    _source_id: 'VARCHAR', _source_updated_at: 'VARCHAR', _extracted_at: 'VARCHAR', _run_id: 'VARCHAR',
    _record_number: 'BIGINT', _is_deleted: 'BOOLEAN', payload: 'JSON'})"""

#: a version is its payload and whether the record is deleted; text form as DuckDB reads it, so key order and spaces inside count
_HASH = folded.VERSION_HASH

_NEWEST_LOAD = "coalesce((select max(load_number) from raw._loads), 0)"


@dataclass(frozen=True)
class Loaded:
    """What one landing brought: rows_landed = rows_new + rows_held; rows_vanished were marked deleted besides."""

    source: str
    account: str
    resource: str
    run_id: str
    load_number: int
    rows_landed: int
    rows_new: int
    rows_held: int
    rows_vanished: int
    pages: int
    requests: int
    is_sweep: bool
    #: why it would have been set aside, had it not been accepted by name
    let_pass: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def load(
    settings: Settings,
    lease: Lease,
    tables: Iterable[tuple[str, str]],
    report: Callable[[str], None] = lambda line: None,
    *,
    is_rebuild: bool = False,
    loaded_before: Collection[tuple[str, ...]] = (),
) -> list[Loaded]:
    """Loads every finished landing that is not loaded yet, oldest run first, and creates the raw table of every (source, table).

    Raises IntegrityError (a landing is not what its manifest says, or is set aside as unlikely; that landing leaves no trace in the
    warehouse), LeaseError (this run lost its turn), WatertightError (disk, memory, a lock). Landings loaded before the error stay
    loaded; the next call goes on behind them. A rebuild lets pass what was once loaded: `loaded_before` (source, account, resource, run),
    or everything where nobody knows what that was.
    """
    loaded: list[Loaded] = []
    with writer(settings.warehouse_file, settings.ingest_memory_mb) as connection:
        connection.execute(_TUNING)
        connection.execute(_CREATE)
        for source, table in tables:
            connection.execute(_CREATE_RESOURCE.format(table=f"{source}__{table}"))
        # Resolved: a rebuild sees the landings through a link that is gone when somebody reads which of them is damaged.
        landing_dir = settings.landing_dir.resolve()
        loaded += _put_back_folded(connection, settings, lease, landing_dir)
        for landing in pending(connection, landing_dir):
            is_known = is_rebuild and (not loaded_before or landing.folder.parts[-4:] in loaded_before)
            accepted = is_known or f"{landing.manifest.source_system}.{landing.manifest.resource}" in settings.accept
            try:
                result = _load_landing(connection, settings, lease, landing, accepted, report)
            except gates.UnlikelyLandingError:
                # Out of the way of the next night, which asks for the same window again.
                set_aside(landing)
                raise
            if result is not None:
                loaded.append(result)
                if result.let_pass and not is_rebuild:
                    resource = f"{result.source}.{result.resource}"
                    audit.record(settings, "override", run_id=result.run_id, resource=resource, why=result.let_pass)
                report(f"{result.source} {result.resource}: {result.rows_landed} landed, {result.rows_new} new")
        if loaded:
            connection.execute("checkpoint")
    return loaded


def _put_back_folded(
    connection: duckdb.DuckDBPyConnection, settings: Settings, lease: Lease, landing_dir: Path
) -> list[Loaded]:
    """Into an empty warehouse what old landings were folded into; returns their loads."""
    if not folded.put_back(connection, settings, lease, landing_dir, _CREATE_RESOURCE):
        return []
    return [
        Loaded(*row)
        for row in connection.execute(
            """select source_system, account, resource, run_id, load_number, sum(rows_landed)::bigint, sum(rows_new)::bigint,
                sum(rows_held)::bigint, sum(rows_vanished)::bigint, sum(pages)::bigint, sum(requests)::bigint, bool_or(sweep_of is not null)
            from raw._loads group by source_system, account, resource, run_id, load_number order by load_number"""
        ).fetchall()
    ]


def _load_landing(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    lease: Lease,
    landing: Landing,
    accepted: bool,
    report: Callable[[str], None],
) -> Loaded | None:
    """One transaction. None when the landing brings nothing that a later one has not brought already."""
    manifest = landing.manifest
    if is_superseded(connection, landing) or is_duplicate(connection, manifest):
        return None
    landing.check_parts()
    require_space(
        settings.home, folded.GROWTH * sum(part.bytes for part in manifest.parts), f"loading {manifest.resource}"
    )
    connection.execute("begin")
    try:
        result = _write_versions(connection, landing, accepted, report)
        with lease.fence():
            connection.execute("commit")
    except BaseException as error:
        _roll_back(connection)
        if isinstance(error, duckdb.Error) and _is_unreadable(error):
            raise _refused(landing, f"cannot be read: {str(error).strip().splitlines()[0]}") from error
        if isinstance(error, duckdb.Error):
            raise explain(error, settings.warehouse_file) from error
        raise
    return result


def _write_versions(
    connection: duckdb.DuckDBPyConnection, landing: Landing, accepted: bool, report: Callable[[str], None]
) -> Loaded:
    manifest = landing.manifest
    table, number = table_of(manifest), scalar(connection, f"select 1 + {_NEWEST_LOAD}")
    connection.execute(_CREATE_RESOURCE.format(table=table))
    is_first = not scalar(
        connection,
        f'select count(*) from (from raw."{table}" where _account = $1 limit 1)',  # noqa: S608 - names are ours and checked, values are bound
        [manifest.account],
    )
    if is_first:
        _bring(connection, landing, table, number)
    _read_arrivals(connection, landing, table if is_first else None, number)
    _decide_new(connection, table, manifest.account, number)
    new_by_file = dict(
        connection.execute("select file_name, count(*) from arrivals where is_new group by file_name").fetchall()
    )
    rows_to_add = sum(new_by_file.values())
    if is_first and rows_to_add < manifest.rows:
        connection.execute(
            f"""delete from raw."{table}" where _load_number = $1
            and _record_number in (select _record_number from arrivals where not is_new)""",  # noqa: S608 - names are ours and checked, values are bound
            [number],
        )
    elif rows_to_add and not is_first:
        everything = rows_to_add == manifest.rows
        _bring(
            connection, landing, table, number,
            "" if everything else "where _record_number in (select _record_number from arrivals where is_new)",
        )  # fmt: skip
    rows_new = scalar(connection, f'select count(*) from raw."{table}" where _load_number = $1', [number])  # noqa: S608 - names are ours and checked, values are bound
    rows_held = scalar(connection, "select count(*) from arrivals where not is_new")
    if rows_new + rows_held != manifest.rows:
        raise _refused(
            landing, f"would lose rows: {manifest.rows} landed, {rows_new} newly loaded, {rows_held} already held"
        )
    vanished = 0
    if manifest.mode == "complete":
        vanished = _mark_vanished(connection, table, manifest, number, "true")
    if manifest.sweep_of is not None:
        swept = table_of(manifest, manifest.sweep_of)
        connection.execute(_CREATE_RESOURCE.format(table=swept))
        # What a load saw after the sweep began, the sweep cannot judge: it may be younger than the list.
        vanished += _mark_vanished(
            connection,
            swept,
            manifest,
            number,
            "load_number in (select load_number from raw._loads where data_through <= $as_of)",
        )
    let_pass = gates.check(connection, landing, table, number, vanished, accepted)
    for what in let_pass:
        report(f"{manifest.source_system} {manifest.resource}: accepted although {what}")
    bookkeeping.write(connection, landing, number, new_by_file, vanished)
    return Loaded(
        source=manifest.source_system,
        account=manifest.account,
        resource=manifest.resource,
        run_id=manifest.run_id,
        load_number=number,
        rows_landed=manifest.rows,
        rows_new=rows_new,
        rows_held=rows_held,
        rows_vanished=vanished,
        pages=manifest.pages,
        requests=manifest.requests,
        is_sweep=manifest.sweep_of is not None,
        let_pass=tuple(let_pass),
    )


def _bring(
    connection: duckdb.DuckDBPyConnection, landing: Landing, table: str, number: int, condition: str = ""
) -> None:
    """Appends the landing's lines, or those of a condition, to the table."""
    if landing.manifest.parts:
        connection.execute(
            f"""insert into raw."{table}"
            select $account, _source_id, cast(_source_updated_at as timestamp), cast(_extracted_at as timestamp), _run_id,
                _record_number, _is_deleted, $number, {_HASH}, payload
            from {_LINES} {condition}""",  # noqa: S608 - names are ours and checked, values are bound
            {"account": landing.manifest.account, "number": number, "files": _files(landing)},
        )


def _read_arrivals(connection: duckdb.DuckDBPyConnection, landing: Landing, brought: str | None, number: int) -> None:
    """Fills the temporary table `arrivals` (one row per landed line, no payload) and holds it against the manifest.

    `brought`: the table that the lines were just appended to, as load `number`; None: they are read from the files.
    """
    connection.execute(
        "create or replace temp table arrivals (file_name varchar, _source_id varchar, _record_number bigint, "
        "_version_hash uuid, _run_id varchar, is_new boolean)"
    )
    manifest = landing.manifest
    if not manifest.parts:
        return
    if brought is None:
        connection.execute(
            f"""insert into arrivals select parse_filename(filename), _source_id, _record_number, {_HASH}, _run_id, null
            from {_LINES}""",  # noqa: S608 - names are ours and checked, values are bound
            {"files": _files(landing)},
        )
    else:
        # The parts number their lines on and on, so a line's number says which of them it came from.
        ends = list(accumulate(part.rows for part in manifest.parts))
        connection.execute(
            f"""insert into arrivals
            select list_extract($names, 1 + len(list_filter($ends, lambda last: last < _record_number))), _source_id, _record_number,
                _version_hash, _run_id, null
            from raw."{brought}" where _load_number = $number""",  # noqa: S608 - names are ours and checked, values are bound
            {"names": [part.file for part in manifest.parts], "ends": ends, "number": number},
        )
    _count_arrivals(connection, landing)


def _count_arrivals(connection: duckdb.DuckDBPyConnection, landing: Landing) -> None:
    """Raises IntegrityError unless every line that the manifest promises has arrived once, with all that a line has."""
    manifest = landing.manifest
    counted = dict(connection.execute("select file_name, count(*) from arrivals group by file_name").fetchall())
    for part in manifest.parts:
        if counted.get(part.file, 0) != part.rows:
            raise _refused(landing, f"holds {counted.get(part.file, 0)} rows, its manifest says {part.rows}", part.file)
    strays = scalar(
        connection,
        """select count(*) - count(distinct _record_number) filter (
            where _source_id is not null and _version_hash is not null and _run_id = $1 and _record_number between 1 and $2)
        from arrivals""",
        [manifest.run_id, manifest.rows],
    )
    if strays:
        raise _refused(
            landing,
            f"has {strays} lines without an id, a payload, a word on deletion or a number of their own, or of another run",
        )


def _decide_new(connection: duckdb.DuckDBPyConnection, table: str, account: str, number: int) -> None:
    """A line is new when it differs from the line before it of the same id, or, the first of its id, from the last one held before load `number`."""
    connection.execute(
        f"""create or replace temp table held as
        select _source_id, arg_max(_version_hash, (_load_number, _record_number)) as _version_hash
        from raw."{table}" where _account = $1 and _load_number < $2
            and _source_id in (select _source_id from arrivals) group by _source_id""",  # noqa: S608 - names are ours and checked, values are bound
        [account, number],
    )
    connection.execute(
        """create or replace temp table arrivals as
        select arrived.* exclude (is_new, before), coalesce(before, held._version_hash) is distinct from arrived._version_hash as is_new
        from (
            select *, lag(_version_hash) over (partition by _source_id order by _record_number) as before from arrivals
        ) as arrived
        left join held using (_source_id)"""
    )


def _mark_vanished(
    connection: duckdb.DuckDBPyConnection, table: str, manifest: Manifest, number: int, may_be_judged: str
) -> int:
    """Adds a deleted version, with the last payload, for every id held, not deleted and not among the arrivals. Returns how many."""
    return scalar(
        connection,
        f"""insert into raw."{table}"
        select _account, _source_id, null, $extracted_at, $run_id,
            $rows + row_number() over (order by _source_id), true, $number,
            md5(concat(true::varchar, payload::varchar))::uuid, payload
        from raw."{table}" as version
        where (_source_id, _load_number, _record_number) in (
            select (_source_id, load_number, record_number) from (
                select _source_id, max((_load_number, _record_number)) as newest, newest[1] as load_number, newest[2] as record_number,
                    arg_max(_is_deleted, (_load_number, _record_number)) as is_deleted
                from raw."{table}" where _account = $account and _load_number <= $number group by _source_id
            )
            where not is_deleted and $as_of is not null and {may_be_judged} and _source_id not in (select _source_id from arrivals)
        ) and _account = $account""",  # noqa: S608 - names are ours and checked, values are bound
        {
            "extracted_at": utc(manifest.extracted_at),
            "run_id": manifest.run_id,
            "rows": manifest.rows,
            "number": number,
            "account": manifest.account,
            "as_of": utc(manifest.extracted_at),
        },
    )


def _files(landing: Landing) -> list[str]:
    return [str(path) for path in landing.part_files]


def _refused(landing: Landing, why: str, file: str = "") -> IntegrityError:
    return IntegrityError(
        f"The landing {landing.folder / file} {why}.",
        "Nothing of it was loaded. Move its folder away to fetch that window again.",
    )


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    # A FatalException has closed the connection, a failed commit its transaction: both are rolled back already.
    with suppress(duckdb.Error):
        connection.execute("rollback")


def _is_unreadable(error: duckdb.Error) -> bool:
    return isinstance(error, duckdb.InvalidInputException | duckdb.ConversionException) or "zstd" in str(error).lower()
