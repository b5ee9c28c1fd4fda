"""Landings that grew old, folded into one: what the warehouse's raw tables keep of them, line by line, and nothing twice.

`<landing>/folded/manifest.json` lists every table of the schema `raw` with its parts, `<landing>/folded/<table>/00001.jsonl.zst …`. A part holds the rows
of a span of load numbers, in the columns of its table, so a rebuild puts them back as they were: with the run in which each was first seen, in the order
of the loads, with what was noted of every load. Which parts count is said by the manifest alone: its renaming is the one instant at which landings become
folded ones. What lies beside it and is not listed was left by a process that was cut off.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import duckdb
import msgspec

from extractors.core.errors import IntegrityError
from extractors.core.landing import MANIFEST, OpenPart, make_folders, read_lines, sync_folder
from extractors.core.settings import Settings
from extractors.core.spec import Record
from extractors.core.suppression import write_privately
from warehouse.database import plain_errors, require_space
from warehouse.lease import Lease

#: no source has this name
FOLDER = "folded"
VERSION = 1
#: a version's hash follows from the rest, and after an erasure from what is left of it. Not concat(): it passes over what is missing, and a line without a
#: payload would have a hash
VERSION_HASH = "md5(_is_deleted::varchar || payload::varchar)::uuid"

#: (source, account, table, record) to the record as it may stay, the very same object when nothing of it changes
Clean = Callable[[str, str, str, Record], Record]

#: what a landing of one byte, compressed, may need in the database, the write-ahead log and the spill files together
GROWTH = 6

_ROWS_AT_ONCE = 1_000
_TABLE = re.compile(r"[a-z_][a-z0-9_]{0,119}")
_PART = re.compile(r"[0-9]{5,}\.jsonl\.zst")
_raw_line = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: its name, lines, size and hash; its rows are those of the loads behind number `after` up to number `through`."""

    file: str
    rows: int
    bytes: int
    sha256: str
    after: int
    through: int


class Folded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The folded landings: every load up to number `through`, by raw table; `run_id` is the run that wrote this list."""

    manifest_version: int
    run_id: str
    through: int
    tables: dict[str, tuple[Part, ...]]
    sha256: str | None = None

    def sealed(self) -> Folded:
        """The same with the hash of what it says."""
        said = msgspec.json.encode(msgspec.structs.replace(self, sha256=None), order="deterministic")
        return msgspec.structs.replace(self, sha256=hashlib.sha256(said).hexdigest())

    def rows(self, table: str) -> int:
        return sum(part.rows for part in self.tables.get(table, ()))

    @property
    def bytes(self) -> int:
        return sum(part.bytes for parts in self.tables.values() for part in parts)


def read(landing_dir: Path) -> Folded | None:
    """What is folded; None where nothing is. IntegrityError when the list is not the one that was written."""
    path = landing_dir / FOLDER / MANIFEST
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Folded)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _damaged(path, f"is no list of folded landings ({error})") from None
    except OSError as error:
        raise _damaged(path, f"cannot be read ({error.strerror})") from None
    if found.manifest_version != VERSION:
        raise _damaged(path, f"has version {found.manifest_version}, this program reads version {VERSION}")
    names = [*found.tables, *(part.file for parts in found.tables.values() for part in parts)]
    if found.sealed() != found or any(not (_TABLE.fullmatch(name) or _PART.fullmatch(name)) for name in names):
        raise _damaged(path, "is not the list that was written: its hash differs")
    return found


def write(landing_dir: Path, folded: Folded) -> None:
    """Makes a list the one that counts."""
    content = msgspec.json.format(msgspec.json.encode(folded.sealed(), order="deterministic"), indent=1) + b"\n"
    write_privately(landing_dir / FOLDER / MANIFEST, content)


def remove_unlisted(landing_dir: Path, folded: Folded | None) -> None:
    """Removes every file that the list does not name: of a folding that was cut off, or replaced since."""
    place = landing_dir / FOLDER
    listed = {part_file(landing_dir, table, part) for table, part in _parts(folded)}
    with plain_errors(place):
        for path in place.rglob("*"):
            if path.is_file() and path not in listed and path != place / MANIFEST:
                path.unlink()
        if folded is None:
            shutil.rmtree(place, ignore_errors=True)


def part_file(landing_dir: Path, table: str, part: Part) -> Path:
    return landing_dir / FOLDER / table / part.file


def check_parts(landing_dir: Path, folded: Folded) -> None:
    """IntegrityError when a part is missing, cut or changed."""
    for table, part in _parts(folded):
        path = part_file(landing_dir, table, part)
        if path.is_symlink() or not path.is_file():
            raise _damaged(path, "is named in the list of folded landings and missing")
        if path.stat().st_size != part.bytes:
            raise _damaged(path, f"has {path.stat().st_size} bytes, the list of folded landings says {part.bytes}")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != part.sha256:
                raise _damaged(path, "is not the file that was written: its hash differs")


def columns(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """By raw table, its columns with their types; one of them is the load number."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        """select table_name, column_name, data_type from duckdb_columns()
        where database_name = current_database() and schema_name = 'raw' order by table_name, column_index"""
    ).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def load_number(kinds: dict[str, str]) -> str:
    """The column of a raw table that tells by which load a row came."""
    return "_load_number" if "_load_number" in kinds else "load_number"


def count(connection: duckdb.DuckDBPyConnection, table: str, kinds: dict[str, str], after: int, through: int) -> int:
    """How many rows of a raw table came with the loads of a span."""
    number = load_number(kinds)
    found = connection.execute(
        f'select count(*) from raw."{table}" where {number} > $1 and {number} <= $2',  # noqa: S608 - names are ours and checked, values are bound
        [after, through],
    ).fetchall()
    return int(found[0][0])


def write_part(
    connection: duckdb.DuckDBPyConnection,
    landing_dir: Path,
    table: str,
    kinds: dict[str, str],
    after: int,
    through: int,
) -> Part:
    """Writes the rows of a span of loads into a file of their own and puts it on the disk; nobody counts it yet."""
    said = ", ".join(
        f'"{name}" := "{name}"' + ("::varchar" if kind.startswith("DECIMAL") else "")
        for name, kind in kinds.items()
        if name not in ("payload", "_version_hash")
    )
    # The payload as it stands: making it anew could write a number in another way.
    payload = """'"payload":' || coalesce(payload::varchar, 'null')""" if "payload" in kinds else "''"
    rows = connection.execute(
        f"""select to_json(struct_pack({said}))::varchar, {payload} from raw."{table}"
        where {load_number(kinds)} > $1 and {load_number(kinds)} <= $2""",  # noqa: S608 - names are ours and checked, values are bound
        [after, through],
    )
    return _write_lines(
        landing_dir,
        table,
        (
            (said[:-1].encode() + (b"," if payload else b""), payload.encode())
            for some in iter(lambda: rows.fetchmany(_ROWS_AT_ONCE), [])
            for said, payload in some
        ),
        after,
        through,
    )


def _write_lines(landing_dir: Path, table: str, lines: Iterator[tuple[bytes, bytes]], after: int, through: int) -> Part:
    folder = landing_dir / FOLDER / table
    with plain_errors(folder):
        make_folders(folder)
        numbers = [int(path.name.partition(".")[0]) for path in folder.iterdir()]
        writing = OpenPart(folder / f"{max(numbers, default=0) + 1:05d}.jsonl.zst")
        for head, payload in lines:
            writing.write(head, payload)
        written = writing.finish()
        sync_folder(folder)
    return Part(written.file, written.rows, written.bytes, written.sha256, after, through)


def check_against_raw(
    connection: duckdb.DuckDBPyConnection, landing_dir: Path, table: str, kinds: dict[str, str], part: Part
) -> None:
    """Reads a part back and holds every value against the table it was written from. IntegrityError when one differs."""
    names = ", ".join(f'"{name}"' for name in kinds)
    # Sums of hashes: rows may lie in any order, and there may be more of them than memory holds.
    judged = f"select count(*), coalesce(sum(hash(row({names}))), 0)"
    file = part_file(landing_dir, table, part)
    there, read_back = (
        connection.execute(f"{judged} from {of}").fetchall()[0]
        for of in (
            f'raw."{table}" where {load_number(kinds)} > {part.after:d} and {load_number(kinds)} <= {part.through:d}',
            f"({_rows_in([file], kinds)})",
        )
    )
    if there != read_back or part.rows != there[0]:
        raise IntegrityError(
            f"{file} does not say what raw.{table} holds: {part.rows:,} rows were written and {read_back[0]:,} read, of {there[0]:,}.",
            "Nothing was removed, the landings stay. Free the disk of errors and run again.",
        )


def put_back(
    connection: duckdb.DuckDBPyConnection, settings: Settings, lease: Lease, landing_dir: Path, create_resource: str
) -> bool:
    """Puts every folded row into its raw table, as it was, in one transaction; whether there was anything to put back.

    `create_resource`: the statement that makes a resource's `{table}` where it is absent. Does nothing in a warehouse that holds them. IntegrityError
    where it holds others and lacks these, and when a part is damaged; then nothing has changed.
    """
    folded = read(landing_dir)
    if folded is None:
        return False
    known, there = connection.execute(
        "select count(*) filter (where load_number <= $1), count(*) from raw._loads", [folded.through]
    ).fetchall()[0]
    if there and known < folded.rows("_loads"):
        raise IntegrityError(
            f"{settings.warehouse_file} lacks loads whose landings are folded already: it is older than {landing_dir / FOLDER}.",
            "Make it anew from the landing files: watertight rebuild.",
        )
    if there:
        return False
    check_parts(landing_dir, folded)
    require_space(settings.home, GROWTH * folded.bytes, "loading the folded landings")
    with plain_errors(settings.warehouse_file):
        connection.execute("begin")
        try:
            _insert(connection, landing_dir, folded, create_resource)
            with lease.fence():
                connection.execute("commit")
        except BaseException:
            # A failed commit has rolled back already.
            with suppress(duckdb.Error):
                connection.execute("rollback")
            raise
    return True


def _insert(connection: duckdb.DuckDBPyConnection, landing_dir: Path, folded: Folded, create_resource: str) -> None:
    for table in folded.tables:
        if "__" in table:
            connection.execute(create_resource.format(table=table))
    kinds = columns(connection)
    for table, parts in folded.tables.items():
        files = [part_file(landing_dir, table, part) for part in parts]
        connection.execute(f'insert into raw."{table}" by name {_rows_in(files, kinds[table])}')
        rows = connection.execute(f'select count(*) from raw."{table}"').fetchall()[0][0]  # noqa: S608 - names are ours and checked
        if rows != folded.rows(table):
            raise _damaged(landing_dir / FOLDER / table, f"holds {rows} rows, the list says {folded.rows(table)}")


def _rows_in(files: list[Path], kinds: dict[str, str]) -> str:
    """The query that reads parts as rows of their table."""
    quoted = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    typed = ", ".join(f"\"{name}\": '{kind}'" for name, kind in kinds.items() if name != "_version_hash")
    derived = f", {VERSION_HASH} as _version_hash" if "_version_hash" in kinds else ""
    names = ", ".join(f'"{name}"' for name in kinds if name != "_version_hash")
    return (
        f"select {names}{derived} from read_json([{quoted}], format = 'newline_delimited', compression = 'zstd',"  # noqa: S608 - names are ours and checked
        f" maximum_object_size = {32 * 2**20}, columns = {{{typed}}})"
    )


def records(landing_dir: Path) -> Iterator[tuple[str, str, str, Record]]:
    """Every folded record as (source, account, table, record). IntegrityError when a part is damaged."""
    for table, part in _parts(read(landing_dir)):
        if "__" in table:
            path = part_file(landing_dir, table, part)
            for line in read_lines(path):
                yield _record(table, _decode(line, path))


def rewrite(
    landing_dir: Path,
    run_id: str,
    clean: Clean,
    fence: Callable[[], AbstractContextManager[None]],
) -> int:
    """Writes every part anew in which `clean` changes a record; returns how many lines were changed.

    The new list is put in place inside the fence. Cut off before, nothing has changed; after, the next call removes the old files.
    """
    folded = read(landing_dir)
    remove_unlisted(landing_dir, folded)
    if folded is None:
        return 0
    check_parts(landing_dir, folded)
    changed, tables = 0, dict(folded.tables)
    for table, parts in folded.tables.items():
        if "__" not in table:
            continue
        for number, part in enumerate(parts):
            path = part_file(landing_dir, table, part)
            if found := sum(is_changed for _, is_changed in _cleaned(table, path, clean)):
                lines = ((line[:-1], b"") for line, _ in _cleaned(table, path, clean))
                anew = _write_lines(landing_dir, table, lines, part.after, part.through)
                tables[table] = (*tables[table][:number], anew, *tables[table][number + 1 :])
                changed += found
    if changed:
        rewritten = msgspec.structs.replace(folded, run_id=run_id, tables=tables)
        with fence():
            write(landing_dir, rewritten)
        remove_unlisted(landing_dir, rewritten)
    return changed


def _cleaned(table: str, path: Path, clean: Clean) -> Iterator[tuple[bytes, bool]]:
    """Each line as it may stay, and whether it is another one now."""
    for line in read_lines(path):
        said = _decode(line, path)
        source, account, resource, record = _record(table, said)
        cleaned = clean(source, account, resource, record)
        if cleaned is record:
            yield line, False
        else:
            said["_source_id"] = msgspec.Raw(msgspec.json.encode(cleaned.source_id))
            said["payload"] = msgspec.Raw(cleaned.payload)
            yield msgspec.json.encode(said), True


def _decode(line: bytes, path: Path) -> dict[str, msgspec.Raw]:
    try:
        return _raw_line(line)
    except msgspec.MsgspecError as error:
        raise _damaged(path, f"holds a line that is none ({error})") from None


def _record(table: str, said: dict[str, msgspec.Raw]) -> tuple[str, str, str, Record]:
    source, _, resource = table.partition("__")
    account, source_id, updated_at, is_deleted = (
        msgspec.json.decode(said[name]) for name in ("_account", "_source_id", "_source_updated_at", "_is_deleted")
    )
    return source, account, resource, Record(source_id, updated_at, is_deleted, bytes(said["payload"]))


def _parts(folded: Folded | None) -> Iterator[tuple[str, Part]]:
    for table, parts in (folded.tables if folded else {}).items():
        for part in parts:
            yield table, part


def _damaged(path: Path, wrong: str) -> IntegrityError:
    return IntegrityError(
        f"{path} {wrong}.",
        "Restore it from a backup: it stands for landings that were removed. Until then the warehouse and the publication stay as they are.",
    )
