"""SQL on the published file: reading only, and nothing but that file."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import duckdb
import msgspec

from extractors.core.errors import ConfigurationError, WatertightError
from extractors.core.settings import Settings
from warehouse.database import reader

#: statements that only read; everything else DuckDB knows (COPY, ATTACH, SET, INSTALL, CREATE TEMP …) is refused before it runs
_READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}

#: a spreadsheet takes a cell that begins so for a formula
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

_ROWS_AT_ONCE = 10_000

_json = msgspec.json.Encoder(decimal_format="number").encode


class Answer(NamedTuple):
    """A query's column names and its rows; `has_more` when it was asked for no more than a number of them and there were more."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    has_more: bool = False


def ask(settings: Settings, query: str, most: int | None = None) -> Answer:
    """One reading statement, answered from the published marts, `most` rows of it. Raises as `answer_in_pieces`."""
    columns: list[str] = []
    rows: list[tuple[Any, ...]] = []
    for piece in answer_in_pieces(settings, query):
        columns = piece.columns
        rows += piece.rows
        if most is not None and len(rows) > most:
            return Answer(columns, rows[:most], has_more=True)
    return Answer(columns, rows)


def answer_in_pieces(settings: Settings, query: str) -> Iterator[Answer]:
    """The same, some thousand rows at a time; at least one piece, so that an empty answer still has its columns.

    ConfigurationError when the statement is wrong or does more than read, WatertightError when nothing is published yet.
    """
    path = settings.published_dir / "marts.duckdb"
    if not path.exists():
        raise WatertightError(
            f"Nothing is published in {settings.published_dir} yet.", "Run a night first: watertight nightly."
        )
    with reader(path) as connection:
        try:
            statements = connection.extract_statements(query)
        except duckdb.Error as error:
            raise _wrong(error) from None
        if len(statements) != 1 or statements[0].type not in _READING:
            raise ConfigurationError(
                "The published file answers one reading statement at a time.",
                "Use a single SELECT, WITH, FROM, DESCRIBE, SHOW TABLES, SUMMARIZE or EXPLAIN.",
            )
        try:
            cursor = connection.execute(statements[0])
            columns = [column[0] for column in cursor.description or ()]
            rows = cursor.fetchmany(_ROWS_AT_ONCE)
            yield Answer(columns, rows)
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                yield Answer(columns, rows)
        except duckdb.Error as error:
            raise _wrong(error) from None


def require_answerable(settings: Settings, table: str, query: str) -> None:
    """ConfigurationError when a published table of that name could not answer the query: found out before the work, not after it."""
    if (settings.published_dir / "marts.duckdb").exists() and ask(
        settings,
        f"select table_name from duckdb_tables() where table_name = '{table}'",  # noqa: S608 - names are ours and checked, values are bound
    ).rows:
        ask(settings, f"explain {query}")


def write_csv(settings: Settings, query: str, write: Callable[[str], object]) -> None:
    """RFC 4180 with a header; text that a spreadsheet would run as a formula gets an apostrophe in front."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for number, (columns, rows, _) in enumerate(answer_in_pieces(settings, query)):
        if number == 0:
            writer.writerow([_harmless(column) for column in columns])
        writer.writerows([_cell(value) for value in row] for row in rows)
        write(buffer.getvalue())
        buffer.seek(0)
        buffer.truncate()


def write_json(settings: Settings, query: str, write: Callable[[str], object]) -> None:
    """One array of objects; decimals are numbers with all their digits, instants ISO-8601 in UTC.

    ConfigurationError when two columns have one name: an object could hold only one of them.
    """
    separator = "[\n "
    for columns, rows, _ in answer_in_pieces(settings, query):
        if len(set(columns)) < len(columns):
            raise ConfigurationError(
                "Two columns of the answer have the same name, and JSON can hold only one of them.",
                "Name them apart: select … as name.",
            )
        for row in rows:
            write(separator + _json(dict(zip(columns, map(_plain, row), strict=True))).decode())
            separator = ",\n "
    write("[]\n" if separator.startswith("[") else "\n]\n")


def as_text(value: Any) -> str:
    """A value as a person reads it; control characters, which a terminal would obey, are shown as a question mark."""
    if value is None:
        return ""
    text = str(_plain(value))
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in text)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _cell(value: Any) -> Any:
    if value is None or is_number(value):
        return value
    return _harmless(str(_plain(value)))


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().removesuffix("+00:00") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | Decimal | None) else str(value)


def _wrong(error: duckdb.Error) -> ConfigurationError:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    # A query rarely comes with its own error number; the first paragraph is what a person needs, the caret line included.
    return ConfigurationError("The query cannot be answered: " + "\n".join(lines[:6]), "")
