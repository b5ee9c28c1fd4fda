"""What other files than the landings still say about erased persons: cleared away, and looked for."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import duckdb

from extractors.core.landing import read_lines
from extractors.core.settings import Settings
from extractors.core.suppression import KEY, LIST, Suppression, write_privately
from warehouse.database import plain_errors, reader
from warehouse.publish import published_run

_SQLITE = b"SQLite format 3\0"
#: the simulated company is the demonstration's CRM, no part of the warehouse
_NOT_OURS = "simulation"
_PIECE = 4 * 2**20


def clear(settings: Settings, suppression: Suppression) -> dict[str, int]:
    """Removes what can be made again or was replaced, and takes the persons out of the texts that are kept.

    Old publications, dbt's files, answers of unfinished extractions, copies and spill files are removed; logs, alerts, what was asked at the prompt
    and Airflow's own files are rewritten where they name somebody. Returns how many of each.
    """
    done: Counter[str] = Counter(publications_removed=0, files_removed=0, texts_rewritten=0)
    home = settings.home
    with plain_errors(home):
        done["publications_removed"] = _remove_old_publications(settings)
        for folder in (
            settings.unfinished_dir, home / "as_of", home / "verify", home / "rebuild", settings.build_dir / "target",
            settings.build_dir / "logs", *home.rglob("*.duckdb.tmp"),
        ):  # fmt: skip
            done["files_removed"] += sum(path.is_file() for path in folder.rglob("*"))
            shutil.rmtree(folder, ignore_errors=True)
        (home / "files_checked.json").unlink(missing_ok=True)
        for path in _other_files(settings):
            if _is_sqlite(path):
                done["texts_rewritten"] += _clean_sqlite(path, suppression)
            else:
                done["texts_rewritten"] += _clean_text(path, suppression)
    return dict(done)


def _remove_old_publications(settings: Settings) -> int:
    """All files but those that the links show now. Whoever has an old one open reads it to the end."""
    folder, run_id = settings.published_dir, published_run(settings) or ""
    shown = {path.resolve() for path in folder.glob("*") if path.is_symlink()}
    old = [
        path
        for path in folder.glob("*")
        if not path.is_symlink() and path not in shown and (not run_id or run_id not in path.name)
    ]
    for path in old:
        path.unlink()
    return len(old)


def _other_files(settings: Settings) -> Iterator[Path]:
    """Texts and databases of the home that are neither landed, built nor published."""
    ours = (settings.landing_dir, settings.published_dir, settings.home / _NOT_OURS)
    for path in sorted(settings.home.rglob("*")):
        is_text = path.is_file() and not path.is_symlink() and not any(place in path.parents for place in ours)
        if is_text and path.suffix not in (".duckdb", ".wal") and path.name not in (LIST, KEY, "audit.jsonl"):
            yield path


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def _clean_text(path: Path, suppression: Suppression) -> bool:
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        return False
    clean = "".join(_clean_line(line, suppression) for line in text.splitlines(keepends=True))
    if clean == text:
        return False
    mode = path.stat().st_mode & 0o777
    write_privately(path, clean.encode())
    path.chmod(mode)
    return True


def _clean_line(line: str, suppression: Suppression) -> str:
    line = suppression.clean_text(line)
    return suppression.clean_json(line) if "\\" in line else line


def _clean_sqlite(path: Path, suppression: Suppression) -> int:
    """Texts of every table; then the file is written anew, for its free pages still hold them."""
    cleaned = 0
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        connection.execute("pragma secure_delete = on")
        tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            quoted = table.replace('"', '""')
            columns = [row[1].replace('"', '""') for row in connection.execute(f'pragma table_info("{quoted}")')]
            for column in columns:
                try:
                    rows = connection.execute(
                        f'select rowid, "{column}" from "{quoted}" where typeof("{column}") = \'text\''  # noqa: S608 - names are ours and checked, values are bound
                    ).fetchall()
                except sqlite3.OperationalError:  # a table without row ids
                    continue
                for number, text in rows:
                    clean = _clean_line(text, suppression)
                    if clean != text:
                        connection.execute(f'update "{quoted}" set "{column}" = ? where rowid = ?', [clean, number])  # noqa: S608 - names are ours and checked, values are bound
                        cleaned += 1
        connection.commit()
        if cleaned:
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(truncate)")
    return cleaned


def search(settings: Settings, wanted: Iterable[str]) -> tuple[list[str], int, int]:
    """Looks for texts in every byte of every file of the home and in every value of every table of its databases.

    Landing files are unpacked first, since compression hides what they say; so does that of DuckDB, hence the tables. Capitals do not
    count. Returns the places where one is found (never the text itself), and how many files and tables were read.
    """
    wanted = [text for text in wanted if text]
    if not wanted:
        return [], 0, 0
    needle = re.compile(_any_of({form.encode().lower() for text in wanted for form in _forms(text)}))
    hits, files, tables = [], 0, 0
    with plain_errors(settings.home):
        for path in sorted(settings.home.rglob("*")):
            if not path.is_file() or path.is_symlink() or settings.home / _NOT_OURS in path.parents:
                continue
            files += 1
            if any(needle.search(piece.lower()) for piece in _pieces(path)):
                hits.append(str(path))
            if path.suffix == ".duckdb":
                found, read = _search_tables(path, wanted)
                hits += [f"{path}: {table}" for table in found]
                tables += read
    return hits, files, tables


def _forms(text: str) -> Iterator[str]:
    """As it may be written: as given, in other capitals, and escaped as in JSON."""
    for form in (text, text.casefold(), text.upper()):
        yield form
        yield json.dumps(form)[1:-1]


def _thousands(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    while some := list(islice(lines, 1000)):
        yield some


def _any_of(needles: Iterable[bytes]) -> bytes:
    """One pattern that finds any of them and looks at few bytes twice: what they begin with in common stands there once."""
    by_first: dict[bytes, list[bytes]] = defaultdict(list)
    for needle in needles:
        if not needle:
            return b""
        by_first[needle[:1]].append(needle[1:])
    return b"(?:" + b"|".join(re.escape(first) + _any_of(rests) for first, rests in sorted(by_first.items())) + b")"


def _pieces(path: Path) -> Iterator[bytes]:
    """A file in pieces that overlap by more than any text that is looked for; what is packed, unpacked."""
    if path.name.endswith(".jsonl.zst"):
        for lines in _thousands(read_lines(path)):
            yield b"\n".join(lines)
        return
    rest = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield rest + piece
            rest = piece[-1024:]


def _search_tables(path: Path, wanted: list[str]) -> tuple[list[str], int]:
    """The tables in which one of the texts stands, and how many tables there are. A value is compared without regard to capitals."""
    found, read = [], 0
    pattern = "|".join(
        sorted({re.escape(form.lower()).replace("/", "\\/") for text in wanted for form in _forms(text)})
    )
    with reader(path) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where not internal order by all"
        ).fetchall()
        for schema, table in tables:
            read += 1
            name = f'"{schema}"."{table}"'
            if connection.execute(
                f"select 1 from {name} as scanned where regexp_matches(lower(scanned::varchar), $1) limit 1",  # noqa: S608 - a table that is there
                [pattern],
            ).fetchone():
                found.append(name)
        said = "\n".join(text for (text,) in _definitions(connection)).lower()
        if re.search(pattern, said):
            found.append("a definition or comment")
    return found, read


def _definitions(connection: duckdb.DuckDBPyConnection) -> list[tuple[str]]:
    return connection.execute(
        "select sql from duckdb_views() where not internal and sql is not null union all select comment from duckdb_tables() where comment is not null"
    ).fetchall()
