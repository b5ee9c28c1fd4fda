"""The nightly run as an Airflow DAG: plan → extract (a task per source and resource) → load → build → verify → publish.

The steps themselves are watertight.night's; `watertight nightly` runs the same ones without Airflow.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import Asset, Param, dag, setup, task, teardown

from watertight import tasks
from watertight.notifier import FailureAlert

MARTS = Asset(name="watertight_marts", uri="watertight://published/marts")
WRITER = {"pool": "watertight_writer"}
#: only an extraction can do better the second time, and only where somebody may wait for it
RETRIES: dict[str, Any] = {"retries": 0 if tasks.is_one_process() else 3, "retry_delay": timedelta(minutes=1)}


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
    def plan(params: dict[str, Any]) -> dict[str, Any]:
        return tasks.plan(params["sources"])

    @task
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
    closed = teardown(tasks.close)(night_id)
    extracted >> loaded >> built >> verified >> published >> closed.as_teardown(setups=opened)


crm_nightly()
