"""Gates before a landing is committed: what no company does overnight is more likely a fault of the source than news.

An empty list where there were hundreds, most of a list gone, ten times as many rows as ever, a field that every record has lost at
once, or half of many records that nearly all had it: such a landing is set aside, nothing of it is loaded, and the night ends with what was seen and how to let it pass. Whatever
is let pass is written into `raw._accepted`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb

from extractors.core.errors import IntegrityError
from extractors.core.landing import Landing

#: lists shorter than this change by half for good reasons
FEW_ROWS = 20
#: at most this share of a list may vanish between two looks at it
MOST_VANISHED = 0.5
#: a list or a night's changes may be at most so many times what they were
MOST_GROWTH = 10
#: nights looked back on; a week holds a weekend
NIGHTS = 7
#: records whose fields are compared with what was held of them
COMPARED_RECORDS = 2_000
#: of so many records seen again, a field that at least this share had filled may not be empty in more than the other share
MANY_ROWS, USUALLY_FILLED, MOST_EMPTY = 100, 0.9, 0.5

CREATE = """
create table if not exists raw._accepted (
    load_number bigint, source_system varchar, account varchar, resource varchar, run_id varchar, what varchar, field varchar,
    accepted_at timestamp
)
"""

#: keys of an object and of the objects directly in it, with whether they hold anything
_FIELDS = """
    select top.id, top.key as field, top.value not in ('null', '""', '[]', '{}') as is_filled from top where top.type <> 'OBJECT'
    union all
    select top.id, top.key || '.' || inner_one.key, inner_one.value not in ('null', '""', '[]', '{}')
    from top, json_each(top.value) as inner_one where top.type = 'OBJECT'
"""


class UnlikelyLandingError(IntegrityError):
    """The landing contradicts what the source said on the nights before."""


def check(
    connection: duckdb.DuckDBPyConnection, landing: Landing, table: str, number: int, vanished: int, accepted: bool
) -> list[str]:
    """Judges a landing inside the transaction that wrote its versions; returns what was let pass because it is `accepted`.

    Raises UnlikelyLandingError otherwise.
    """
    manifest = landing.manifest
    seen: list[tuple[str, str | None]] = [
        (what, None) for what in _volume(connection, landing, table, number, vanished)
    ]
    seen += _lost_fields(connection, landing, table, number)
    if not seen:
        return []
    if not accepted:
        raise UnlikelyLandingError(
            f"{manifest.source_system} {manifest.resource}: " + "; ".join(what for what, _ in seen[:5]) + ".",
            "Nothing of it was loaded and the old publication stays. Look at the source and at the permissions of its token, then run"
            f" again. If it is right: WATERTIGHT_ACCEPT={manifest.source_system}.{manifest.resource} for one night.",
        )
    connection.executemany(
        "insert into raw._accepted values (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            [
                number, manifest.source_system, manifest.account, manifest.resource, manifest.run_id, what, field,
                datetime.now(UTC).replace(tzinfo=None),
            ]
            for what, field in seen
        ],
    )  # fmt: skip
    return [what for what, _ in seen]


def _volume(
    connection: duckdb.DuckDBPyConnection, landing: Landing, table: str, number: int, vanished: int
) -> list[str]:
    manifest = landing.manifest
    place = [manifest.source_system, manifest.account, manifest.resource]
    found = []
    if manifest.mode == "complete":
        judged = f"{manifest.source_system}__{manifest.sweep_of}" if manifest.sweep_of else table
        before = _number(
            connection,
            f"""select count(*) from (
                select arg_max(_is_deleted, (_load_number, _record_number)) as is_deleted from raw."{judged}"
                where _account = $1 and _load_number < $2 group by _source_id) where not is_deleted""",  # noqa: S608 - names are ours and checked, values are bound
            [manifest.account, number],
        )
        if before >= FEW_ROWS and vanished > MOST_VANISHED * before:
            found.append(f"{vanished:,} of the {before:,} held are no longer listed")
        if before >= FEW_ROWS and manifest.rows > MOST_GROWTH * before:
            found.append(f"{manifest.rows:,} are listed where {before:,} were held")
    elif manifest.cursor_from is not None:
        last = [
            row[0]
            for row in connection.execute(
                """select sum(rows_landed) from raw._loads
                where source_system = $1 and account = $2 and resource = $3 and cursor_from is not null
                group by load_number order by load_number desc limit $4""",
                [*place, NIGHTS],
            ).fetchall()
        ]
        if len(last) == NIGHTS and min(last) >= 10 * FEW_ROWS and manifest.rows == 0:
            found.append(f"nothing changed, where each of the last {NIGHTS} nights had {min(last):,} changes or more")
        if len(last) == NIGHTS and manifest.rows > MOST_GROWTH * max(*last, 10 * FEW_ROWS):
            found.append(f"{manifest.rows:,} changes, where no night of the last {NIGHTS} had more than {max(last):,}")
    return found


def _lost_fields(
    connection: duckdb.DuckDBPyConnection, landing: Landing, table: str, number: int
) -> list[tuple[str, str]]:
    """Fields that the records landed again had and have no more, none of FEW_ROWS or too few of MANY_ROWS: (what is seen, field)."""
    manifest = landing.manifest
    connection.execute(
        f"""create or replace temp table again as
        select distinct _source_id from raw."{table}"
        where _load_number < $1 and not _is_deleted and _account = $2 and _source_id in (
            select _source_id from raw."{table}" where _load_number = $1 and not _is_deleted and _account = $2)
        order by md5(_source_id) limit {COMPARED_RECORDS}""",  # noqa: S608 - names are ours and checked, values are bound
        [number, manifest.account],
    )
    records = _number(connection, "select count(*) from again", [])
    if records < FEW_ROWS:
        return []
    now, before = (_filled(connection, table, f"{bound} {number:d}", manifest.account) for bound in ("=", "<"))
    known = {
        row[0]
        for row in connection.execute(
            "select field from raw._accepted where source_system = $1 and account = $2 and resource = $3",
            [manifest.source_system, manifest.account, manifest.resource],
        ).fetchall()
    }
    found = []
    for field, count in sorted(before.items()):
        left = now.get(field, 0)
        is_thinned = records >= MANY_ROWS and count >= USUALLY_FILLED * records and left < (1 - MOST_EMPTY) * records
        if field in known or not (is_thinned or (count >= FEW_ROWS and not left)):
            continue
        where = f"in {records - left} of the {records} records read" if left else "in every record read"
        found.append((f"{field} is empty {where}, and was filled in {count} of them before", field))
    return found


def _filled(connection: duckdb.DuckDBPyConnection, table: str, loads: str, account: str) -> dict[str, int]:
    """By field: in how many of the records of `again`, as these loads left them, it holds something."""
    return dict(
        connection.execute(
            f"""with versions as (
                select _source_id, arg_max(payload, (_load_number, _record_number)) as payload from raw."{table}"
                where _load_number {loads} and not _is_deleted and _account = $1 and _source_id in (select _source_id from again)
                group by _source_id
            ),
            top as (
                select versions._source_id as id, one.key, one.value, one.type from versions, json_each(versions.payload) as one
            )
            select field, count(*) filter (where is_filled) from ({_FIELDS}) group by field""",  # noqa: S608 - names are ours and checked, values are bound
            [account],
        ).fetchall()
    )


def _number(connection: duckdb.DuckDBPyConnection, query: str, values: list[object]) -> int:
    row = connection.execute(query, values).fetchone()
    return int(row[0]) if row else 0
