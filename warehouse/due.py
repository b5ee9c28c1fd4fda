"""Which landings are due: finished, not loaded yet, and behind nothing that is missing."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from extractors.core.errors import IntegrityError
from extractors.core.landing import MANIFEST, Landing, Manifest, read_manifest
from warehouse.bookkeeping import utc

_TABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,119}")


def pending(connection: duckdb.DuckDBPyConnection, landing_dir: Path) -> list[Landing]:
    """What is not loaded, in the order of the runs; within a run a sweep comes after the resource it judges.

    What is loaded is known by its folder: its manifest is not read again, so a night does not pay for all nights before it.
    """
    known = set(
        connection.execute("select distinct source_system, account, resource, run_id from raw._loads").fetchall()
    )
    found = []
    for path in landing_dir.glob(f"*/*/*/*/{MANIFEST}"):
        if path.parent.parts[-4:] not in known:
            landing = read_manifest(path)
            if _TABLE_NAME.fullmatch(table_of(landing.manifest)) is None:
                raise IntegrityError(
                    f"The landing folder {path.parent} has a name that no table can have.",
                    "Landing folders are written by extract alone; move this one away.",
                )
            found.append(landing)
    return sorted(found, key=lambda landing: (landing.manifest.run_id, bool(landing.manifest.sweep_of), landing.folder))


def is_superseded(connection: duckdb.DuckDBPyConnection, landing: Landing) -> bool:
    """True when a later run is loaded that began where this one began; IntegrityError when a window between two loads is missing.

    Loading an old landing behind a newer one would bring old versions back as the latest.
    """
    manifest = landing.manifest
    last_run, reached = connection.execute(
        "select max(run_id), max(cursor_to) from raw._loads where source_system = $1 and account = $2 and resource = $3",
        [manifest.source_system, manifest.account, manifest.resource],
    ).fetchone() or (None, None)
    start = utc(manifest.cursor_from)
    if manifest.mode == "changes" and start is not None and (reached is None or start > reached):
        raise IntegrityError(
            f"The landing {landing.folder} begins at {manifest.cursor_from}, but {manifest.source_system} {manifest.resource} is loaded"
            f" only up to {reached.isoformat() + 'Z' if reached else 'nothing'}: the landing between them is missing.",
            "Restore it to its place, or move this folder away to fetch the window again.",
        )
    return last_run is not None and manifest.run_id < last_run


def is_duplicate(connection: duckdb.DuckDBPyConnection, manifest: Manifest) -> bool:
    """True when every file of the landing is loaded already, under whatever name."""
    hashes = [part.sha256 for part in manifest.parts]
    known = scalar(
        connection, "select count(distinct sha256) from raw._loads where list_contains($1, sha256)", [hashes]
    )
    return bool(hashes) and known == len(set(hashes))


def table_of(manifest: Manifest, resource: str | None = None) -> str:
    return f"{manifest.source_system}__{resource or manifest.resource}"


def scalar(connection: duckdb.DuckDBPyConnection, query: str, values: object = None) -> int:
    row = connection.execute(query, values).fetchone()
    return int(row[0]) if row else 0
