"""How far each resource is loaded: read from the data's own bookkeeping, never kept anywhere else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from extractors.core.errors import WatertightError
from extractors.core.settings import Settings
from warehouse.database import writer


class State(NamedTuple):
    """The cursor, the source's clock at the last load of one resource (aware, UTC; None before the first), and the account it came from."""

    cursor: datetime | None
    last_extracted_at: datetime | None
    account: str


def read_states(settings: Settings) -> dict[tuple[str, str], State]:
    """By (source, resource); of several accounts the one loaded last. Call it while holding the lease: it opens the warehouse."""
    if not settings.warehouse_file.exists():
        return {}
    with writer(settings.warehouse_file, settings.memory_mb) as connection:
        if not connection.execute(
            "select 1 from duckdb_tables() where schema_name = 'raw' and table_name = '_loads'"
        ).fetchone():
            return {}
        rows = connection.execute(
            """select source_system, resource, max(cursor_to), max(extracted_at), any_value(account) from raw._loads
            where (source_system, resource, account) in (
                select (source_system, resource, arg_max(account, load_number)) from raw._loads group by source_system, resource)
            group by source_system, resource"""
        ).fetchall()
    return {
        (source, resource): State(_aware(cursor), _aware(seen), account)
        for source, resource, cursor, seen, account in rows
    }


def require_loaded(settings: Settings) -> None:
    """WatertightError before the first load: there is nothing to build, publish or compare. Call it while holding the lease."""
    if not read_states(settings):
        raise WatertightError(
            f"Nothing is loaded in {settings.home} yet.",
            "Run a night first: watertight nightly, or make nightly for the demonstration.",
        )


def _aware(instant: datetime | None) -> datetime | None:
    return instant.replace(tzinfo=UTC) if instant else None
