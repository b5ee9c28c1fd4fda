"""Publication: a new file per night beside the old ones, and a symlink flipped when everything about it is proved.

Readers open the symlink and are never locked out: nobody writes to a published file. Those that still hold the old one keep
reading the old night. The page of the same night and the manifest of all are published with them or nothing is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from extractors.core.errors import WatertightError
from extractors.core.settings import Settings
from warehouse import manifest
from warehouse.database import plain_errors, reader, require_space, writer
from warehouse.lease import Lease
from warehouse.manifest import Content

#: the DuckDB files of a night
KINDS = ("detail", "marts")
#: what is published, in the order in which the links are flipped: nobody finds a night in marts that detail does not have yet, nor a page
#: whose marts are not there, nor a manifest of files that are not shown
_LINKS = {"detail": "detail.duckdb", "marts": "marts.duckdb", "dashboard": "dashboard.html", "manifest": manifest.LINK}

#: who may read a published file; detail holds names and addresses
_MODES = {"detail": 0o400, "marts": 0o444, "dashboard": 0o444, "manifest": 0o444}


def publish(
    settings: Settings,
    lease: Lease,
    make_page: Callable[[Path], str],
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Copies the built files, reads every byte of the copies, has the page made of them (`make_page`, from the marts file to HTML),
    writes the manifest, flips the links and removes publications beyond `keep_publications`.

    Returns `{"run_id", "file", "bytes", "tables", "rows", "dashboard"}`, all but the last of the marts file. Raises WatertightError,
    LeaseError or IntegrityError; then the links show what they showed before.
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
        published = {kind: folder / link.replace(".", f"_{lease.run_id}.") for kind, link in _LINKS.items()}
        temporary = {kind: folder / f".{path.name}.tmp" for kind, path in published.items()}
        try:
            hashes = {kind: _copy(built[kind], temporary[kind], _MODES[kind]) for kind in KINDS}
            counts = {kind: scan(temporary[kind], settings.memory_mb) for kind in KINDS}
            hashes["dashboard"] = _write(
                _page(make_page, temporary["marts"]), temporary["dashboard"], _MODES["dashboard"]
            )
            contents = {
                _LINKS[kind]: Content(published[kind].name, temporary[kind].stat().st_size, sha256, counts.get(kind))
                for kind, sha256 in hashes.items()
            }
            described = manifest.describe(lease.run_id, temporary["marts"], contents)
            _write(described, temporary["manifest"], _MODES["manifest"])
            with lease.fence():
                for kind, path in published.items():
                    temporary[kind].replace(path)
                # Before the links: a manifest that is shown is always in the record.
                manifest.enter(settings, lease.run_id, described)
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
        "dashboard": str(folder / "dashboard.html"),
    }


def scan(path: Path, memory_mb: int | None = None) -> dict[str, int]:
    """Reads every value of every table of a DuckDB file; returns the row count by table. IntegrityError when a page is damaged.

    Opening a file finds few damages: most show only when the page itself is read.
    """
    counts = {}
    with reader(path, memory_mb) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where not internal order by all"
        ).fetchall()
        for schema, table in tables:
            row = connection.execute(
                f'select count(*), sum(hash(scanned)) from "{schema}"."{table}" as scanned'  # noqa: S608 - names are ours and checked, values are bound
            ).fetchone()
            counts[f"{schema}.{table}" if schema != "main" else table] = row[0] if row else 0
    return counts


def count_rows(path: Path) -> dict[str, int]:
    """The row count of every table of a DuckDB file, which it tells without reading their values."""
    with reader(path) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where not internal order by all"
        ).fetchall()
        return {
            table if schema == "main" else f"{schema}.{table}": connection.execute(
                f'select count(*) from "{schema}"."{table}"'  # noqa: S608 - names are ours and checked, values are bound
            ).fetchall()[0][0]
            for schema, table in tables
        }


def published_run(settings: Settings) -> str | None:
    """The run whose marts the link shows; None before the first publication."""
    link = settings.published_dir / "marts.duckdb"
    return link.resolve().stem.removeprefix("marts_") if link.exists() else None


def _page(make_page: Callable[[Path], str], marts: Path) -> bytes:
    try:
        return make_page(marts).encode()
    except WatertightError as error:
        raise WatertightError(
            f"The dashboard cannot be made of this night's marts, and without it nothing is published: {error.wrong}",
            f"The old files and the old page stay. {error.mend}".strip(),
        ) from error


def _write(content: bytes, target: Path, mode: int) -> str:
    target.write_bytes(content)
    _settle(target, mode)
    return hashlib.sha256(content).hexdigest()


def _copy(source: Path, target: Path, mode: int) -> str:
    sha256 = manifest.copy(source, target)
    _settle(target, mode)
    return sha256


def _settle(target: Path, mode: int) -> None:
    """For whom it is, and on the disk."""
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flip(folder: Path, published: dict[str, Path]) -> None:
    """All links or none: a failure at one puts those before it back."""
    before = {link: os.readlink(folder / link) for link in _LINKS.values() if (folder / link).is_symlink()}
    try:
        for kind, link in _LINKS.items():
            _link(folder, link, published[kind].name)
    except OSError:
        for link, target in before.items():
            _link(folder, link, target)
        raise
    _sync(folder)


def _link(folder: Path, link: str, target: str) -> None:
    temporary = folder / f".{link}.link"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(folder / link)


def _remove_leftovers(folder: Path) -> None:
    """What a killed publication left under temporary names."""
    for path in (*folder.glob(".*.tmp"), *folder.glob(".*.link")):
        path.unlink()


def _remove_old(settings: Settings) -> None:
    folder = settings.published_dir
    for link in _LINKS.values():
        current = (folder / link).resolve()
        versions = sorted(folder.glob(link.replace(".", "_*.")), reverse=True)
        for path in versions[settings.keep_publications :]:
            if path != current:
                path.unlink()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
