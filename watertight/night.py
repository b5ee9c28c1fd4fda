"""The night's steps: plan → extract (one per source and resource) → load → build → verify → publish.

Called by the command and by the DAG alike. Each takes and returns small JSON-able values, so that it can be a task of its own in
a process of its own; what is large stays in files. Every step proves that its run still holds the lease.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from dashboard.page import make_page
from extractors import sources as registry
from extractors.core.connections import Connections
from extractors.core.run import ResourceState
from extractors.core.settings import Settings
from warehouse import retention, soundness
from warehouse.build import build as build_marts
from warehouse.lease import Lease
from warehouse.load import load as load_landings
from warehouse.publish import publish as publish_files
from warehouse.state import State, read_states, require_loaded
from warehouse.verify import verify as verify_build

Report = Callable[[str], None]


def silent(_line: str) -> None:
    """A report nobody reads."""


def raw_tables() -> list[tuple[str, str]]:
    """(source, table) of every registered source: models may read a table before its source is set up."""
    return [(source.name, table) for source in registry.SOURCES.values() for table in source.tables]


def plan(
    settings: Settings,
    sources: Sequence[str] | None = None,
    *,
    one_process: bool,
    opened_for: str | None = None,
    report: Report = silent,
) -> dict[str, Any]:
    """Opens a run: takes the lease, mends the warehouse, reads the cursors. Returns `{"run_id", "tasks", "mended"}`: one task per
    source and resource, and what was wrong with the warehouse before it was rebuilt (None: nothing).

    `one_process`: every step will run in this very process, so that its death ends the lease. `opened_for`: who asks, when the same may
    ask again without knowing what became of the first try. Raises ConfigurationError (a source is unknown or not set up; then nothing was
    taken), LeaseError (another run writes) and BusyError (a process of an earlier try is still at work).
    """
    wanted = registry.plan(settings, sources)
    lease = Lease.take(settings.home, one_process=one_process, opened_for=opened_for)
    try:
        mended = mend(settings, lease, report)
        states = read_states(settings)
    except BaseException:
        lease.release()
        raise
    tasks = [
        {**task, "run_id": lease.run_id, **_as_text(states.get((task["source"], task["resource"])))} for task in wanted
    ]
    return {"run_id": lease.run_id, "tasks": tasks, "mended": mended}


def mend(settings: Settings, lease: Lease, report: Report = silent) -> str | None:
    """Makes the warehouse anew from the landing files when it is damaged; returns what was wrong with it."""
    return soundness.mend(settings, lease, raw_tables(), report)


def extract(settings: Settings, task: dict[str, Any], connections: Connections | None = None) -> dict[str, Any]:
    """Lands one resource from its cursor on; returns the extraction's summary. Repeating it after a success changes nothing.

    `connections`: those of the run, where its steps share a process.
    """
    lease = Lease(settings.home, task["run_id"])
    lease.renew()
    state = ResourceState(_instant(task["cursor"]), _instant(task["last_extracted_at"]), task["account"])
    return registry.extract(
        settings, task["source"], task["resource"], task["run_id"], state, connections, fence=lease.fence
    )


def load(settings: Settings, run_id: str, report: Report = silent) -> list[dict[str, Any]]:
    """Everything that is landed and not loaded, into the raw tables; one summary per landing."""
    lease = Lease(settings.home, run_id)
    with lease.writing():
        return [loaded.as_dict() for loaded in load_landings(settings, lease, raw_tables(), report)]


def build(settings: Settings, run_id: str, report: Report = silent) -> dict[str, Any]:
    """Facts, marts and data tests; the result of every node."""
    with Lease(settings.home, run_id).writing():
        require_loaded(settings)
        return build_marts(settings, run_id, report).as_dict()


def verify(settings: Settings, run_id: str) -> dict[str, Any]:
    """Raises unless this run's build may be published."""
    with Lease(settings.home, run_id).writing():
        return verify_build(settings, run_id)


def publish(settings: Settings, run_id: str, report: Report = silent) -> dict[str, Any]:
    """Makes this run's page, flips the links to its files and ends the run."""
    lease = Lease(settings.home, run_id)
    with lease.writing():
        published = publish_files(settings, lease, make_page, report)
        retention.expire(settings)
        if removed := retention.expire_landings(settings, lease):
            report(f"{len(removed)} old landings removed, what the warehouse keeps of them is folded into one")
    lease.release()
    return published


def give_up(settings: Settings, run_id: str) -> None:
    """Ends a failed run, so that the next one need not wait for the lease to expire."""
    Lease(settings.home, run_id).release()


def _as_text(state: State | None) -> dict[str, str | None]:
    cursor, seen, account = state or (None, None, None)
    return {
        "account": account,
        "cursor": cursor.isoformat() if cursor else None,
        "last_extracted_at": seen.isoformat() if seen else None,
    }


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
