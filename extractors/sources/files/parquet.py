"""Parquet files as text cells; the one module that needs pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from extractors.sources.files.tables import Row, Table, UnreadableTableError

#: rows decoded at a time
BATCH_ROWS = 8192
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def parquet_table(file: BinaryIO) -> Table:
    """The table in an open Parquet file. A value is turned into the text that a CSV file would hold, exactly."""
    try:
        parquet = pq.ParquetFile(file)
        schema = parquet.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise UnreadableTableError(f"it is no Parquet file ({_first_line(error)})") from None
    texts = [_text_of(field) for field in schema]
    return Table(list(schema.names), _rows(parquet, texts), "row")


def _rows(parquet: pq.ParquetFile, texts: list[Callable[[pa.Array], list[str | None]]]) -> Iterator[Row]:
    number = 0
    try:
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS):
            columns = [text(batch.column(position)) for position, text in enumerate(texts)]
            for cells in zip(*columns, strict=True):
                number += 1
                yield number, list(cells)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UnreadableTableError(f"it is damaged after row {number} ({_first_line(error)})") from None


def _text_of(field: pa.Field) -> Callable[[pa.Array], list[str | None]]:
    kind = field.type
    if pa.types.is_dictionary(kind):
        return lambda array: _plain_text(array.dictionary_decode())
    if (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_null(kind)
    ):
        return _plain_text
    if pa.types.is_boolean(kind):
        return lambda array: [None if value is None else str(value).lower() for value in array.to_pylist()]
    if pa.types.is_integer(kind):
        return lambda array: [None if value is None else str(value) for value in array.to_pylist()]
    if pa.types.is_floating(kind):
        return lambda array: [None if value is None else repr(value) for value in array.to_pylist()]
    if pa.types.is_decimal(kind):
        return lambda array: [None if value is None else _decimal(value) for value in array.to_pylist()]
    if pa.types.is_date(kind):
        return lambda array: [None if value is None else value.isoformat() for value in array.to_pylist()]
    if pa.types.is_timestamp(kind):
        return lambda array: [
            None if value is None else _instant(value, kind.unit) for value in array.cast(pa.int64()).to_pylist()
        ]
    raise UnreadableTableError(f"its column {field.name!r} is of type {kind}, which no CSV file could hold")


def _plain_text(array: pa.Array) -> list[str | None]:
    values: list[Any] = array.to_pylist()
    if not all(value is None or isinstance(value, str) for value in values):
        raise UnreadableTableError(f"a column of words holds values of type {array.type}")
    return values


def _decimal(value: Decimal) -> str:
    return format(value, "f")


def _instant(value: int, unit: str) -> str:
    """Parquet counts from 1970 in UTC, with or without a zone beside it: an instant without offset is UTC."""
    seconds, rest = divmod(value, _PER_SECOND[unit])
    try:
        text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    except OverflowError:
        return f"{value} {unit} since 1970"
    fraction = f".{rest * (1_000_000_000 // _PER_SECOND[unit]):09d}" if rest else ""
    return f"{text}{fraction}Z"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
