"""The right to be forgotten, started by hand: persons named by their contact leave landings, warehouse, publications and logs for good.

They are named by `source:id` or by key, never by address: what a run was started with stays in Airflow's own database. By address:
`watertight erase --email` on the command line.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Param, dag, task

from watertight import tasks
from watertight.notifier import FailureAlert


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "watertight", "retries": 0, "on_failure_callback": [tasks.say_failure, FailureAlert()]},
    params={
        "contacts": Param(
            [],
            type="array",
            description="source:id (hubspot:4711), contact_key or lead_key. Empty: finish what was cut off.",
        )
    },
    tags=["watertight"],
    doc_md=__doc__,
)
def crm_erase() -> None:
    """One erasure; the receipt is what the task returns."""

    @task(pool="watertight_writer")
    def erase(params: dict[str, Any]) -> dict[str, Any]:
        return tasks.erase(params["contacts"])

    erase()


crm_erase()
