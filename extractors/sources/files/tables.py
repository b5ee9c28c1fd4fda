"""A CSV or Parquet file as a header and rows of text cells, read once from front to back in bounded memory."""

from __future__ import annotations

import _csv
import csv
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from extractors.core.errors import ConfigurationError, IntegrityError

#: one line of a CSV file may not be longer: without a bound, a file without line ends would be read whole
MAX_LINE_BYTES = 16 * 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Signature(NamedTuple):
    """What changes when a file does. The inode and ctime catch a file put in another's place with its old time stamp."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Signature:
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


class BadLine(NamedTuple):
    """A line that is no row: why."""

    reason: str


#: where the row starts (CSV: line of the file, the header's is 1; Parquet: row, from 1), and its cells in the header's order
Row = tuple[int, "Sequence[str | None] | BadLine"]


@dataclass(frozen=True)
class Table:
    """`unit` is "line" or "row": what the numbers of `rows` count. An empty cell is None or ""."""

    header: list[str]
    rows: Iterator[Row]
    unit: str


@contextmanager
def open_table(path: Path, expected: Signature | None = None) -> Iterator[Table]:
    """The table in a file. Raises IntegrityError when the file changes while it is open, or is not as `expected`.

    A file without a readable header raises UnreadableTableError.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            # A pipe would be waited for, without end.
            raise ConfigurationError(f"{path} is no file.", "Put a file there, or take it away.")
        file = path.open("rb")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}).", "Let this user read it.") from None
    with file:
        before = Signature.of(os.fstat(file.fileno()))
        if expected is not None and before != expected:
            raise changed(path)
        try:
            if path.suffix == ".parquet":
                yield _parquet_table(path, file)
            else:
                yield _csv_table(file)
        finally:
            # Before any other verdict: what looks like a broken row may be a row half written.
            if not before == Signature.of(os.fstat(file.fileno())) == _signature_at(path):
                raise changed(path)


def _parquet_table(path: Path, file: BinaryIO) -> Table:
    try:
        # Here, since it loads a large library that a folder of CSV files does not need.
        from extractors.sources.files.parquet import parquet_table
    except ModuleNotFoundError:
        raise ConfigurationError(
            f"{path.name} cannot be read: the package pyarrow is not installed.", "Install it, or export CSV instead."
        ) from None
    return parquet_table(file)


class UnreadableTableError(Exception):
    """The file as a whole is no table; the text says why."""


def changed(path: Path) -> IntegrityError:
    return IntegrityError(
        f"{path.name} changed while it was being read; nothing of it was loaded.",
        "Start again once the export is complete; best write it elsewhere and move it into place.",
    )


def _signature_at(path: Path) -> Signature | None:
    try:
        return Signature.of(path.stat())
    except OSError:
        return None


class _Lines:
    """The decoded lines of a file for the csv module; remembers which of those handed out last were not UTF-8."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._is_first = True
        self.bad: str | None = None

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_LINE_BYTES)
        if not line:
            raise StopIteration
        if self._is_first:
            self._is_first = False
            line = line.removeprefix(BYTE_ORDER_MARK)
        if len(line) >= MAX_LINE_BYTES:
            self.bad = f"is longer than {MAX_LINE_BYTES // 1024 // 1024} MB"
            while line and not line.endswith(b"\n"):
                line = self._file.readline(MAX_LINE_BYTES)
            return "\n"
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError as error:
            self.bad = f"is not UTF-8 (byte 0x{line[error.start]:02x} at position {error.start + 1})"
            return line.decode("utf-8", errors="replace")


def _csv_table(file: BinaryIO) -> Table:
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, None)
    except csv.Error as error:
        raise UnreadableTableError(f"its header cannot be read ({error})") from None
    if lines.bad is not None:
        raise UnreadableTableError(f"its header {lines.bad}")
    if not header:
        raise UnreadableTableError("it has no header row; a file without rows still needs one")
    return Table(header, _csv_rows(reader, lines, len(header)), "line")


def _csv_rows(reader: _csv.Reader, lines: _Lines, width: int) -> Iterator[Row]:
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            is_open = "unexpected end of data" in str(error)
            reason = "a quotation mark is opened and never closed" if is_open else f"bad quoting: {error}"
            yield start, BadLine(lines.bad or reason)
            lines.bad = None
            continue
        if lines.bad is not None:
            yield start, BadLine(lines.bad)
            lines.bad = None
        elif len(cells) == width:
            yield start, cells
        elif cells:
            yield start, BadLine(f"has {len(cells)} values where the header has {width}")
