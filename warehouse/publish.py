"""Publication: a new file per night beside the old ones, and a symlink flipped when everything about it is proved.

Readers open the symlink and are never locked out: nobody writes to a published file. Those that still hold the old one keep
reading the old night.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from extractors.core.errors import WatertightError
from extractors.core.settings import Settings
from warehouse.database import plain_errors, reader, require_space, writer
from warehouse.lease import Lease

#: the order in which the links are flipped: nobody finds a night in marts that detail does not have yet
KINDS = ("detail", "marts")

#: who may read a published file; detail holds names and addresses
_MODES = {"detail": 0o400, "marts": 0o444}


def publish(settings: Settings, lease: Lease, report: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Copies the built files, reads every byte of the copies, flips the links and removes publications beyond `keep_publications`.

    Returns `{"run_id", "file", "bytes", "tables", "rows"}` of the marts file. Raises WatertightError, LeaseError or IntegrityError;
    then the links show what they showed before.
    """
    folder = settings.published_dir
    built = {"detail": settings.detail_file, "marts": settings.marts_file}
    for path in built.values():
        if not path.exists():
            raise WatertightError(
                f"There is nothing to publish: {path} does not exist.", "Build it first: watertight build."
            )
        with writer(path, settings.memory_mb, options="") as connection:
            connection.execute("checkpoint")
    with plain_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
    require_space(folder, sum(path.stat().st_size for path in built.values()), "the publication")
    with plain_errors(folder):
        _remove_leftovers(folder)
        temporary = {kind: folder / f".{kind}_{lease.run_id}.duckdb.tmp" for kind in KINDS}
        published = {kind: folder / f"{kind}_{lease.run_id}.duckdb" for kind in KINDS}
        try:
            for kind in KINDS:
                _copy(built[kind], temporary[kind], _MODES[kind])
            counts = {kind: scan(temporary[kind]) for kind in KINDS}
            with lease.fence():
                for kind in KINDS:
                    temporary[kind].replace(published[kind])
                _sync(folder)
                _flip(folder, published)
        finally:
            for path in temporary.values():
                path.unlink(missing_ok=True)
        _remove_old(settings)
    report(f"{published['marts']} is published")
    return {
        "run_id": lease.run_id,
        "file": str(folder / "marts.duckdb"),
        "bytes": published["marts"].stat().st_size,
        "tables": len(counts["marts"]),
        "rows": sum(counts["marts"].values()),
    }


def scan(path: Path) -> dict[str, int]:
    """Reads every value of every table of a DuckDB file; returns the row count by table. IntegrityError when a page is damaged.

    Opening a file finds few damages: most show only when the page itself is read.
    """
    counts = {}
    with reader(path) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where not internal order by all"
        ).fetchall()
        for schema, table in tables:
            row = connection.execute(
                f'select count(*), sum(hash(scanned)) from "{schema}"."{table}" as scanned'
            ).fetchone()
            counts[f"{schema}.{table}" if schema != "main" else table] = row[0] if row else 0
    return counts


def published_run(settings: Settings) -> str | None:
    """The run whose marts the link shows; None before the first publication."""
    link = settings.published_dir / "marts.duckdb"
    return link.resolve().stem.removeprefix("marts_") if link.exists() else None


def _copy(source: Path, target: Path, mode: int) -> None:
    shutil.copyfile(source, target)
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flip(folder: Path, published: dict[str, Path]) -> None:
    """Both links or none: a failure at the second puts the first back."""
    before = {
        kind: os.readlink(folder / f"{kind}.duckdb") for kind in KINDS if (folder / f"{kind}.duckdb").is_symlink()
    }
    try:
        for kind in KINDS:
            _link(folder, kind, published[kind].name)
    except OSError:
        for kind, target in before.items():
            _link(folder, kind, target)
        raise
    _sync(folder)


def _link(folder: Path, kind: str, target: str) -> None:
    temporary = folder / f".{kind}.duckdb.link"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(folder / f"{kind}.duckdb")


def _remove_leftovers(folder: Path) -> None:
    """What a killed publication left under temporary names."""
    for path in (*folder.glob(".*.duckdb.tmp"), *folder.glob(".*.duckdb.link")):
        path.unlink()


def _remove_old(settings: Settings) -> None:
    folder = settings.published_dir
    for kind in KINDS:
        current = (folder / f"{kind}.duckdb").resolve()
        versions = sorted(folder.glob(f"{kind}_*.duckdb"), reverse=True)
        for path in versions[settings.keep_publications :]:
            if path != current:
                path.unlink()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
