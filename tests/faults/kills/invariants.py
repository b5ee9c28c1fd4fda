"""What must hold after every fault, and after the night was run again: INV.

Nothing lost and nothing twice in raw, no cursor ahead of its data, the publication opens and is one night's or the other's, and in the end every
published table is equal, byte for byte, to the one of a night that nothing happened to.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import msgspec

#: when, by which run and by which load something was learned: a night that was killed is another run, and leaves loads behind it
_RUN_COLUMNS = ("run_id", "known_at", "_load_number", "_record_number")
#: tables about the runs and loads themselves
_RUN_TABLES = ("mart_ops__", "fct_loads", "fct_control_totals")
#: columns of raw that say which run and which load brought a version
_LOAD_COLUMNS = "_run_id, _load_number, _record_number, _extracted_at"

KINDS = ("marts", "detail")


def published(home: Path) -> dict[str, str]:
    """Link → the file that it shows."""
    folder = home / "published"
    # A link under a temporary name is nobody's: the next publication removes it.
    links = [path for path in folder.glob("[!.]*") if path.is_symlink()]
    return {path.name: os.readlink(path) for path in sorted(links)}


def export(home: Path) -> dict[str, str]:
    """The sha256 of every published table but those about runs, its rows sorted: `{"marts.dim_deals": "…"}`."""
    found = {}
    for kind in KINDS:
        with duckdb.connect(str(home / "published" / f"{kind}.duckdb"), read_only=True) as connection:
            for table, columns in _tables(connection).items():
                if not table.startswith(_RUN_TABLES):
                    found[f"{kind}.{table}"] = _hash(connection, table, columns)
    return found


def raw(home: Path) -> dict[str, str]:
    """The sha256 of every raw table's versions, sorted, without what tells of runs and loads."""
    with warehouse(home) as connection:
        tables = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'raw' and table_name not like '\\_%' escape '\\' order by all"
        ).fetchall()
        return {
            table: str(
                connection.execute(
                    f"""select count(*) || ' ' || coalesce(sha256(string_agg(line, chr(10) order by line)), '')
                    from (select version::varchar as line from (select * exclude ({_LOAD_COLUMNS}) from raw."{table}") as version)"""
                ).fetchall()[0][0]
            )
            for (table,) in tables
        }


def after_a_fault(home: Path, before: dict[str, str], has_published: bool) -> list[str]:
    """What is wrong with a home whose night was cut off; `before` are its links at the start of that night."""
    wrong = _wrong_links(home, before, has_published)
    warehouse_file = home / "warehouse.duckdb"
    return wrong + (_wrong_loads(home) if warehouse_file.exists() else [])


def _wrong_links(home: Path, before: dict[str, str], has_published: bool) -> list[str]:
    wrong = []
    now = published(home)
    if now.keys() < before.keys():
        wrong.append(f"links are gone: {sorted(before.keys() - now.keys())}")
    for link, target in now.items():
        if not (home / "published" / target).exists():
            wrong.append(f"the link {link} leads to {target}, which is not there")
    if not has_published and now != before:
        wrong.append(f"the publication has changed before the night had come to it: {before} → {now}")
    for kind in KINDS:
        if (path := home / "published" / f"{kind}.duckdb").exists():
            try:
                with duckdb.connect(str(path), read_only=True) as connection:
                    for table, columns in _tables(connection).items():
                        _hash(connection, table, columns)
            except duckdb.Error as error:
                wrong.append(f"{path.name} cannot be read: {error}")
    return wrong


def _wrong_loads(home: Path) -> list[str]:
    """Every row that `raw._loads` speaks of is there, no other, and nothing is loaded whose landing is not."""
    with warehouse(home) as connection:
        tables = {
            table
            for (table,) in connection.execute(
                "select table_name from duckdb_tables() where schema_name = 'raw'"
            ).fetchall()
        }
        if "_loads" not in tables:
            return []
        told = dict(
            connection.execute(
                "select load_number, sum(rows_new + rows_vanished)::bigint from raw._loads group by 1"
            ).fetchall()
        )
        counted: dict[int, int] = dict.fromkeys(told, 0)
        wrong = []
        for table in sorted(table for table in tables if not table.startswith("_")):
            for number, rows in connection.execute(
                f'select _load_number, count(*) from raw."{table}" group by 1'
            ).fetchall():
                counted[number] = counted.get(number, 0) + rows
            wrong += [
                f"raw.{table} holds a version twice: {row}"
                for row in connection.execute(
                    f"""select _account, _source_id from (
                        select *, lag(_version_hash) over (partition by _account, _source_id order by _load_number, _record_number) as last
                        from raw."{table}") where last = _version_hash limit 3"""
                ).fetchall()
            ]
        if counted != told:
            wrong.append(f"raw._loads tells of {told} rows by load, there are {counted}")
        landed = {path.parent.parts[-4:] for path in (home / "landing").glob("*/*/*/*/manifest.json")}
        loaded = set(
            connection.execute("select distinct source_system, account, resource, run_id from raw._loads").fetchall()
        )
        if missing := sorted(loaded - landed):
            wrong.append(f"loaded and not landed: {missing}")
        cursors = dict(
            connection.execute(
                "select source_system || '.' || resource, max(cursor_to) from raw._loads group by 1"
            ).fetchall()
        )
    for path in (home / "landing").glob("*/*/*/*/manifest.json"):
        try:
            manifest = msgspec.json.decode(path.read_bytes())
        except msgspec.DecodeError as error:
            wrong.append(f"{path} is visible and no manifest: {error}")
            continue
        name = f"{manifest['source_system']}.{manifest['resource']}"
        wrong += [
            f"{path.parent / part['file']} is not what its manifest says"
            for part in manifest["parts"]
            if _sha256(path.parent / part["file"]) != part["sha256"]
        ]
        if tuple(path.parent.parts[-4:]) in loaded and name not in cursors:
            wrong.append(f"{name} is loaded and has no cursor")
    return wrong


def differences(expected: dict[str, str], found: dict[str, str], what: str) -> list[str]:
    """One sentence per table that is not as it should be."""
    return [
        f"{what} {name}: {found.get(name, 'not there')} instead of {expected.get(name, 'nothing')}"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]


@contextmanager
def warehouse(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the writer's file, write-ahead log included: opening the file itself would change what the next night finds."""
    place = home.parent / f"{home.name}-looked-at"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        for name in ("warehouse.duckdb", "warehouse.duckdb.wal"):
            if (home / name).exists():
                shutil.copyfile(home / name, place / name)
        with duckdb.connect(str(place / "warehouse.duckdb")) as connection:
            yield connection
    finally:
        shutil.rmtree(place, ignore_errors=True)


def columns_compared(columns: list[str]) -> str:
    """The columns that two nights have in common, quoted."""
    return ", ".join(f'"{column}"' for column in columns if column not in _RUN_COLUMNS)


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for table, column in connection.execute(
        "select table_name, column_name from duckdb_columns() where schema_name = 'main' and not internal order by table_name, column_index"
    ).fetchall():
        found.setdefault(table, []).append(column)
    return found


def _hash(connection: duckdb.DuckDBPyConnection, table: str, columns: list[str]) -> str:
    row = connection.execute(
        f"""select count(*) || ' ' || coalesce(sha256(string_agg(line, chr(10) order by line)), '')
        from (select line::varchar as line from (select {columns_compared(columns)} from "{table}") as line)"""
    ).fetchone()
    return str(row[0]) if row else ""


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
