"""How this project opens DuckDB files, and what it says when one cannot be used."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from extractors.core.errors import DiskError, IntegrityError, WatertightError

#: free bytes that must stay beside everything a step writes: logs, the lease, dbt's artifacts
SPARE_BYTES = 16 * 2**20

#: rows that are compressed and written together. A payload has some kilobytes: with DuckDB's own 122,880 rows a landing would wait in memory, go
#: through the log and be written twice. dbt_project/profiles.yml says the same: a checkpoint without it would put the groups together again
ROW_GROUP_ROWS = 8192
#: the oldest format that can compress long texts well; DuckDB 1.2 and everything since reads it
STORAGE_VERSION = "v1.2.0"
#: how the warehouse's own file is opened for writing, and the files with core and marts, which every DuckDB since 1.0 reads
WAREHOUSE_OPTIONS = f"(row_group_size {ROW_GROUP_ROWS}, storage_version '{STORAGE_VERSION}')"
MARTS_OPTIONS = "(storage_version 'v1.0.0')"

#: what DuckDB says of a file in a format that it does not know yet
_NEWER = re.compile(r"database file with version number (\d+), but we can only read versions? .*?(\d+)\.", re.DOTALL)


@contextmanager
def writer(path: Path, memory_mb: int, options: str = WAREHOUSE_OPTIONS) -> Iterator[duckdb.DuckDBPyConnection]:
    """The one writing connection to `path` (created when absent). Errors of DuckDB and of the disk leave as WatertightError.

    DuckDB holds `memory_mb` megabytes at most and spills what is more into `<path>.tmp`.
    """
    with plain_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "memory_limit": f"{memory_mb}MB",
                "temp_directory": f"{path}.tmp",
            },
        )
        try:
            connection.execute("set TimeZone = 'UTC'")
            quoted = str(path).replace("'", "''")
            connection.execute(f"attach '{quoted}' as \"{path.stem}\" {options}")
            connection.execute(f'use "{path.stem}"')
            yield connection
        finally:
            connection.close()


@contextmanager
def reader(path: Path, memory_mb: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can neither write, nor see any other file, nor lift these two bans. Takes no lock a writer would meet.

    It holds `memory_mb` megabytes at most; None: as much as DuckDB thinks fit.
    """
    with plain_errors(path):
        config: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        if memory_mb is not None:
            config["memory_limit"] = f"{memory_mb}MB"
        connection = duckdb.connect(str(path.resolve()), read_only=True, config=config)
        try:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("set enable_external_access = false")
            connection.execute("set lock_configuration = true")
            yield connection
        finally:
            connection.close()


def attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Adds another DuckDB file to a connection, for reading."""
    quoted = str(path).replace("'", "''")
    connection.execute(f"attach '{quoted}' as {name} (read_only)")


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Turns what DuckDB and the operating system raise about `path` into one sentence on the cause and one on the remedy."""
    try:
        yield
    except (duckdb.Error, OSError, MemoryError) as error:
        raise explain(error, path) from error


def explain(error: Exception, path: Path) -> WatertightError:
    """The WatertightError that says what `error`, raised while working on `path`, means for a person."""
    text = str(error)
    number = error.errno if isinstance(error, OSError) else None
    folder = path if path.is_dir() else path.parent
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or any(
        hint in text for hint in ("No space left on device", "File too large", "Disk quota exceeded")
    ):
        return DiskError(
            f"The disk that holds {folder} is full.",
            "Free some space and run again: nothing was lost and the old publication stays.",
        )
    if number == errno.EROFS or "Read-only file system" in text:
        return WatertightError(
            f"{folder} lies on a read-only file system.", "Set WATERTIGHT_HOME to a folder that can be written."
        )
    if number in (errno.EACCES, errno.EPERM) or "Permission denied" in text:
        return WatertightError(
            f"{folder} may not be written or read by this user.",
            "Give this user the folder, or set WATERTIGHT_HOME to another one.",
        )
    if number == errno.EIO or "Input/output error" in text:
        return DiskError(
            f"The disk that holds {folder} reports errors: {_first_line(text)}.",
            "Check the disk; on a sound one run again: nothing was lost and the old publication stays.",
        )
    if newer := _NEWER.search(text):
        return WatertightError(
            f"{path} was written by a newer DuckDB (format {newer[1]}, this program's DuckDB {duckdb.__version__} reads up to {newer[2]}).",
            "Install the program that wrote it; or put the file back that watertight upgrade kept; or make it anew: watertight rebuild.",
        )
    if "Could not set lock on file" in text:
        return WatertightError(
            f"{path} is open in another process.",
            "Close that process (its number: "
            + _lock_holder(text)
            + ") and run again; published files can be read at any time.",
        )
    if is_out_of_memory(error):
        return WatertightError(
            f"Memory ran out while working on {path}.", "Give the machine more memory, or free some, and run again."
        )
    if isinstance(error, duckdb.SerializationException | duckdb.InternalException | duckdb.FatalException) or any(
        hint in text for hint in ("Corrupt", "not a valid DuckDB database", "checksum", "Could not read enough bytes")
    ):
        return IntegrityError(
            f"{path} cannot be read: it is damaged ({_first_line(text)}).",
            "Rebuild it from the landing files: watertight rebuild.",
        )
    if isinstance(error, OSError):
        return WatertightError(
            f"{path} cannot be used: {error.strerror or _first_line(text)}.", "Check the path and the disk."
        )
    return WatertightError(f"DuckDB failed on {path}: {_first_line(text)}.")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, DuckDB's own share or this machine's, whoever says so."""
    hints = ("Out of Memory", "bad_alloc", "can't start new thread", "Cannot allocate memory", "not enough memory")
    return isinstance(error, MemoryError) or any(hint in str(error) for hint in hints)


def require_space(folder: Path, needed_bytes: int, purpose: str) -> None:
    """Raises WatertightError before a step begins when `folder` has less than `needed_bytes` and a margin free."""
    with plain_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    if free < needed_bytes + SPARE_BYTES:
        raise DiskError(
            f"The disk that holds {folder} is too full for {purpose}: {free / 2**20:.0f} MB are free, "
            f"about {(needed_bytes + SPARE_BYTES) / 2**20:.0f} MB are needed.",
            "Free some space and run again: nothing was lost and the old publication stays.",
        )


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0].rstrip(".") if lines else "no reason given"


def _lock_holder(text: str) -> str:
    _, _, rest = text.partition("(PID ")
    return rest.partition(")")[0] or "unknown"
