"""What a publication is made of, written down beside it: whoever reads the manifest knows which files belong to one night, and
whether they are still what was published.

The manifests' own hashes stand in the home's audit log, each line with the hash of the line before it: a manifest or a line that is
changed afterwards no longer fits.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from extractors.core.errors import IntegrityError
from extractors.core.settings import Settings
from warehouse import audit
from warehouse.database import plain_errors, reader

VERSION = 1
LINK = "manifest.json"
#: what the audit log calls it
PUBLICATION = "publication"

_REACH = "select source_system, account, data_through, warehouse_data_through, run_id from dim_sources order by all"
#: bytes copied at a time: with megabytes at a time the kernel takes a multiple of the time over a file of gigabytes
_CHUNK = 2**16


@dataclass(frozen=True)
class Content:
    """One published file: its name, its length, the SHA-256 of its bytes, and the rows by table where it is a database."""

    file: str
    bytes: int
    sha256: str
    tables: dict[str, int] | None = None

    def as_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


def copy(source: Path, target: Path) -> str:
    """Copies a file and returns the SHA-256 of what was read: one pass over the bytes for both."""
    digest, buffer = hashlib.sha256(), memoryview(bytearray(_CHUNK))
    with source.open("rb", buffering=0) as read, target.open("wb", buffering=0) as write:
        while count := read.readinto(buffer):
            digest.update(buffer[:count])
            written = 0
            while written < count:
                written += write.write(buffer[written:count])
    return digest.hexdigest()


def describe(run_id: str, marts: Path, contents: dict[str, Content]) -> bytes:
    """The manifest of a publication as it is written: `contents` by the name of their link, the data's reach from the marts file itself."""
    with reader(marts) as connection:
        # A project of one's own may do without this table: then nobody says how far the data reach.
        known = connection.execute("from duckdb_tables() where table_name = 'dim_sources'").fetchall()
        sources = connection.execute(_REACH).fetchall() if known else []
        versions = connection.execute(
            "select version(), tags['storage_version'] from duckdb_databases() where not internal"
        ).fetchone()
    described = {
        "manifest_version": VERSION,
        "run_id": run_id,
        "data_run_id": max((row[4] for row in sources), default=None),
        "data_through": _text(max((row[3] for row in sources if row[3]), default=None)),
        "sources": [
            {"source_system": system, "account": account, "data_through": _text(through)}
            for system, account, through, *_ in sources
        ],
        "written_by": f"DuckDB {versions[0]}" if versions else None,
        "storage_version": versions[1] if versions else None,
        "files": {link: content.as_dict() for link, content in contents.items()},
    }
    return json.dumps(described, indent=1).encode() + b"\n"


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest that the link shows; None when there is none or it cannot be read as one."""
    try:
        found = json.loads((folder / LINK).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("manifest_version") == VERSION else None


def rows(folder: Path, link: str) -> dict[str, int]:
    """Rows by table of a published database as its manifest has them; empty where none says it."""
    try:
        tables: dict[str, int] = (read(folder) or {})["files"][link]["tables"]
    except (KeyError, TypeError):
        return {}
    return tables


def has_its_files(folder: Path, manifest: dict[str, Any]) -> bool:
    """The links show the files it lists, each as long as it says: what can be known without reading them."""
    try:
        return all(
            (folder / link).resolve().name == each["file"] and (folder / link).stat().st_size == each["bytes"]
            for link, each in manifest["files"].items()
        )
    except (OSError, KeyError, TypeError, AttributeError):
        return False


def is_published(folder: Path, path: Path) -> bool:
    """Byte for byte the file that is published under its name, every value of which was read before it was shown; nothing waits in a log beside it."""
    try:
        listed = (read(folder) or {})["files"][path.name]
        if path.stat().st_size != listed["bytes"] or path.with_name(f"{path.name}.wal").exists():
            return False
        with path.open("rb") as file:
            return bool(hashlib.file_digest(file, "sha256").hexdigest() == listed["sha256"])
    except (OSError, KeyError, TypeError):
        return False


def enter(settings: Settings, run_id: str, manifest: bytes) -> None:
    """Writes a manifest's hash into the audit log; the caller holds the lease."""
    audit.record(settings, PUBLICATION, run_id=run_id, manifest_sha256=_hash(manifest))


def check(settings: Settings) -> int:
    """Holds every kept publication against its manifest and every manifest against the record; returns how many there are.

    Reads every byte. IntegrityError names the first file that is not what was published.
    """
    folder = settings.published_dir
    with plain_errors(folder):
        entered = _entered(settings)
        found = {path.stem.removeprefix("manifest_"): path for path in sorted(folder.glob("manifest_*.json"))}
        shown = _shown(folder, entered)
        if shown in entered and shown not in found:
            raise _changed(folder / f"manifest_{shown}.json", "it is gone")
        for run_id, path in found.items():
            if run_id not in entered and entered and run_id > min(entered):
                raise _changed(path, f"no publication of that run is recorded in {audit.audit_file(settings)}")
            content = path.read_bytes()
            if run_id in entered and _hash(content) != entered[run_id]:
                raise _changed(path, f"its hash differs from the one in {audit.audit_file(settings)}")
            _check_files(path, content)
    return len(found)


def _check_files(path: Path, content: bytes) -> None:
    try:
        files = [Content(**each) for each in json.loads(content)["files"].values()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _changed(path, "it cannot be read as a manifest") from error
    for each in files:
        file = path.with_name(Path(each.file).name)
        if not file.exists():
            raise _changed(file, f"{path.name} lists it and it is gone")
        if file.stat().st_size != each.bytes:
            raise _changed(file, f"it has {file.stat().st_size:,} bytes and {path.name} says {each.bytes:,}")
        with file.open("rb") as read:
            if hashlib.file_digest(read, "sha256").hexdigest() != each.sha256:
                raise _changed(file, f"its hash differs from the one in {path.name}")


def _shown(folder: Path, entered: dict[str, str]) -> str | None:
    """The run whose files the links show. IntegrityError when a link shows another run's, or nothing."""
    shown = {
        link: os.readlink(path).partition("_")[2].partition(".")[0] if path.is_symlink() else None
        for link in ("detail.duckdb", "marts.duckdb", "dashboard.html", LINK)
        for path in (folder / link,)
    }
    run_id = shown["marts.duckdb"]
    if run_id in entered:
        for link, other in shown.items():
            if other != run_id:
                raise _changed(folder / link, f"it shows {f'run {other}' if other else 'nothing'} beside marts of run {run_id}")  # fmt: skip
    return run_id


def _entered(settings: Settings) -> dict[str, str]:
    """Run → hash of its manifest, from the audit log; a run that was published twice counts as it was the last time."""
    return {
        line["run_id"]: line["manifest_sha256"] for line in audit.lines(settings) if line.get("what") == PUBLICATION
    }


def _changed(path: Path, how: str) -> IntegrityError:
    return IntegrityError(
        f"{path} is not what was published: {how}.",
        "Nobody should read it any more: watertight publish builds and publishes anew; then remove the files of that run,"
        " and find out who can write there.",
    )


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _text(instant: Any) -> str | None:
    return f"{instant:%Y-%m-%dT%H:%M:%S}Z" if instant else None
