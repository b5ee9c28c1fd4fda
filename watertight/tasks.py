"""The night's steps as Airflow tasks call them: settings from connections, errors that say whether a retry helps.

A night's id is called `night_id` here: Airflow keeps `run_id` for its own. Imports next to nothing: the scheduler reads the DAG file, and with it this module, every few seconds. Only a running task pays for
DuckDB, dbt and HTTP.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from extractors.core.connections import Connections
    from extractors.core.settings import Settings
    from watertight.progress import Progress

log = logging.getLogger(__name__)

Value = TypeVar("Value")


def _connections() -> Connections:
    from extractors.core.connections import Connections

    return Connections()


@dataclass
class Observer:
    """Sees the tasks of a DAG that runs whole in this process: shows them, keeps what they returned and what stopped them."""

    progress: Progress
    results: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None
    connections: Connections = field(default_factory=_connections)


#: the hour, in the reporting time zone, at which the DAG is due every day
NIGHTLY_HOUR = 2

#: set by watertight.scheduled; nobody observes where each task has a process of its own
observer: Observer | None = None


def plan(sources: list[str], dag_run: str) -> dict[str, Any]:
    """Opens the run; see watertight.night. LeaseError is raised as it is where runs may wait: the DAG asks again, half a minute later.

    `dag_run`: Airflow's name of the night. A plan that is begun again, because nobody knows what became of it, need not wait for itself.
    """
    from watertight import night

    return _run(
        "plan",
        "Plan",
        lambda settings: night.plan(
            settings, sources or None, one_process=is_one_process(), opened_for=dag_run, report=_report
        ),
    )


def extract(work: dict[str, Any]) -> dict[str, Any]:
    """Lands one resource."""
    from watertight import night

    return _run(
        "extract",
        f"Extract {work['source']} {work['resource']}",
        lambda settings: night.extract(settings, work, observer.connections if observer else None),
    )


def load(night_id: str) -> list[dict[str, Any]]:
    """Landings to raw tables."""
    from watertight import night

    return _run("load", "Load", lambda settings: night.load(settings, night_id, _report))


def build(night_id: str) -> dict[str, Any]:
    """The dbt build; every node's result goes into the task's log and, returned, into XCom."""
    from watertight import night

    built = _run("build", "Build", lambda settings: night.build(settings, night_id, _report))
    for node in built["nodes"]:
        log.info("%(kind)s %(name)s: %(status)s, %(failures)d failures, %(seconds).2f s %(message)s", node)
    return built


def verify(night_id: str) -> dict[str, Any]:
    """Whether the build may be published."""
    from watertight import night

    return _run("verify", "Verify", lambda settings: night.verify(settings, night_id))


def publish(night_id: str) -> dict[str, Any]:
    """Flips the links."""
    from watertight import night

    return _run("publish", "Publish", lambda settings: night.publish(settings, night_id))


def erase(contacts: list[str]) -> dict[str, Any]:
    """A whole erasure, or the rest of one that was cut off; the receipt."""
    from watertight import erasure

    return _run("erase", "Erase", lambda settings: erasure.erase_persons(settings, (), contacts, _report))


def close(night_id: str) -> None:
    """Ends the run's lease, however the run ended."""
    from watertight import night

    night.give_up(_settings(), night_id)


def watch() -> list[str]:
    """Alerts for every source whose data are late; the ways by which they were sent."""
    from watertight import alerts, status

    settings = _settings()
    late = alerts.late_sources(status.read(settings), settings.late_hours, settings.zone)
    for one in late:
        log.warning("%s", one.text)
    return [way for one in late for way in alerts.send(settings, one)]


def alert_failure(step: str, error: BaseException, run_id: str) -> list[str]:
    """One alert for a step that failed; the ways by which it was sent."""
    from watertight import alerts

    return alerts.send(_settings(), alerts.failure_of(step, error, run_id))


def say_failure(context: Any) -> None:
    """One sentence in the log on which task failed, why, and what stays."""
    instance = context["task_instance"]
    log.error(
        "crm_nightly: task %s of run %s failed and is not tried again: %s The old publication stays.",
        instance.task_id, instance.run_id, context.get("exception") or "no reason given.",
    )  # fmt: skip


def _run(step: str, label: str, work: Callable[[Settings], Value]) -> Value:
    """Runs a step. What the network or another run's end may mend is raised as it is, for Airflow to retry; the rest fails for good."""
    from extractors.core.errors import LeaseError, TransientError, WatertightError
    from watertight.notifier import StepFailedError
    from watertight.report import summarise

    try:
        with observer.progress.step(label) if observer else nullcontext() as shown:
            value = work(_settings())
            text = summarise(step, value)
            log.info("%s: %s", label, text)
            if observer and shown:
                shown.text = text
                observer.results[step] = value
        return value
    except TransientError as error:
        if observer:
            observer.error = error
        raise
    except Exception as error:
        if observer:
            observer.error = error
        if step == "plan" and isinstance(error, LeaseError) and not is_one_process():
            log.warning("%s This run waits for its turn.", error)
            raise
        if not isinstance(error, WatertightError):
            log.exception("%s failed unexpectedly", label)
        raise StepFailedError(label, error) from None


def _settings() -> Settings:
    from extractors.sources import SOURCES
    from warehouse.home import open_home
    from watertight.connections import settings_from_connections

    settings = settings_from_connections(SOURCES, _find_connection)
    open_home(settings.home)
    return settings


def _find_connection(name: str) -> Any:
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return Connection.get(name)
    except AirflowNotFoundException:
        return None


def _report(line: str) -> None:
    log.info("%s", line)
    if observer:
        observer.progress.say(line)


def is_one_process() -> bool:
    """Whether the DAG runs whole in this process, as watertight.scheduled and `airflow dags test` do it."""
    return os.environ.get("WATERTIGHT_ONE_PROCESS") == "1" or sys.argv[1:3] == ["dags", "test"]


def tries(retries: int, **delay: int) -> dict[str, Any]:
    """A task's `retries` and `retry_delay` (the parts of a timedelta); none where the whole night is one process, in which nobody may wait."""
    return {"retries": 0 if is_one_process() else retries, "retry_delay": timedelta(**delay)}
