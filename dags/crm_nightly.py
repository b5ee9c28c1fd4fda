"""The nightly run as an Airflow DAG: plan → extract (a task per source and resource) → load → build → verify → publish.

The steps are watertight.night's. A CRM tells what it knows now: a backfill for a past day runs the night once more, in its turn.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import Asset, Param, dag, setup, task

from watertight import tasks
from watertight.notifier import FailureAlert

MARTS = Asset(name="watertight_marts", uri="watertight://published/marts")
RETRIES = tasks.tries(3, minutes=1)
#: a step that fails by its own judgement is not tried again (see watertight.tasks); one whose process was lost or whose first try is still at work is
WRITER = {"pool": "watertight_writer", **tasks.tries(5, seconds=30)}
#: while another run writes (a backfill's runs do not count among max_active_runs), for longer than a lease lives
TURN = tasks.tries(600, seconds=30)


@dag(
    schedule=f"0 {tasks.NIGHTLY_HOUR} * * *",
    start_date=datetime(2026, 1, 1, tzinfo=ZoneInfo(os.environ.get("WATERTIGHT_TIMEZONE") or "UTC")),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "watertight", "retries": 0, "on_failure_callback": [tasks.say_failure, FailureAlert()]},
    params={"sources": Param([], type="array", description="Only these; empty = every source that is set up.")},
    tags=["watertight"],
    doc_md=__doc__,
)
def crm_nightly() -> None:
    """One night."""

    @setup
    @task(**TURN)
    def plan(params: dict[str, Any], run_id: str) -> dict[str, Any]:
        return tasks.plan(params["sources"], run_id)

    @task(**RETRIES)
    def list_resources(opened: dict[str, Any]) -> list[dict[str, Any]]:
        return opened["tasks"]

    opened = plan()
    night_id = opened["run_id"]
    extract = task(tasks.extract, **RETRIES, retry_exponential_backoff=2.0)
    extracted = extract.expand(work=list_resources(opened))
    loaded = task(tasks.load, **WRITER)(night_id)
    built = task(tasks.build, **WRITER)(night_id)
    verified = task(tasks.verify, **WRITER)(night_id)
    published = task(tasks.publish, **WRITER, outlets=[MARTS])(night_id)
    closed = task(tasks.close, **RETRIES)(night_id)
    extracted >> loaded >> built >> verified >> published >> closed.as_teardown(setups=opened)


crm_nightly()
