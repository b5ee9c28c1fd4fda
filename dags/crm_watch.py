"""Every hour: are the data older than they may be? An alert then, once; a night that never began tells nobody itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task

from watertight import tasks


@dag(
    schedule=timedelta(hours=1),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "watertight", "retries": 0, "on_failure_callback": tasks.say_failure},
    tags=["watertight"],
    doc_md=__doc__,
)
def crm_watch() -> None:
    """One look."""
    task(tasks.watch)()


crm_watch()
