"""The DAG as Airflow sees it: it parses, quickly, and has the night's steps in their order."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]

LOOK = """
import json, sys, time
import airflow, airflow.sdk
from airflow.sdk import dag, task  # what a DAG file needs in any case
started = time.process_time()
sys.path.insert(0, sys.argv[1])
import crm_nightly
own = time.process_time() - started
heavy = sorted({"duckdb", "dbt", "requests", "pydantic_settings"} & set(sys.modules))
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(dag_folder=sys.argv[1])
dag = bag.dags["crm_nightly"]
print(json.dumps({
    "own": own, "heavy": heavy, "errors": bag.import_errors, "dags": sorted(bag.dags),
    "downstream": {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks},
    "pools": {task.task_id: task.pool for task in dag.tasks},
    "retries": {task.task_id: task.retries for task in dag.tasks},
    "mapped": [task.task_id for task in dag.tasks if task.is_mapped],
    "outlets": {task.task_id: [outlet.name for outlet in task.outlets] for task in dag.tasks if task.outlets},
    "callbacks": all(task.has_on_failure_callback for task in dag.tasks),
    "catchup": dag.catchup, "max_active_runs": dag.max_active_runs, "timezone": str(dag.timezone),
    "schedule": dag.timetable.expression,
}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process of its own finds: Airflow reads its settings at import, and this process must not have it."""
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "WATERTIGHT_TIMEZONE": "Europe/Berlin",
        "PYTHONPATH": str(ROOT),
    }
    result = subprocess.run(
        [sys.executable, "-c", LOOK, str(ROOT / "dags")], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def test_it_parses_without_an_error(seen: dict[str, Any]) -> None:
    assert seen["errors"] == {}
    assert seen["dags"] == ["crm_erase", "crm_nightly", "crm_watch"]


def test_the_steps_follow_each_other(seen: dict[str, Any]) -> None:
    chain = ["list_resources", "extract", "load", "build", "verify", "publish", "close"]
    assert "list_resources" in seen["downstream"]["plan"]
    for before, after in itertools.pairwise(chain):
        assert after in seen["downstream"][before]
    assert seen["mapped"] == ["extract"]


def test_one_task_writes_at_a_time(seen: dict[str, Any]) -> None:
    assert {task for task, pool in seen["pools"].items() if pool == "watertight_writer"} == {
        "load",
        "build",
        "verify",
        "publish",
    }


def test_a_lost_step_is_tried_again_and_a_turn_waited_for(seen: dict[str, Any]) -> None:
    """A step that judges that it failed raises what Airflow does not try again (test_alerts); these retries are for the others."""
    assert all(seen["retries"].values())
    assert seen["retries"]["plan"] > 100


def test_it_runs_nightly_alone_and_never_catches_up(seen: dict[str, Any]) -> None:
    assert (seen["schedule"], seen["catchup"], seen["max_active_runs"], seen["timezone"]) == (
        "0 2 * * *",
        False,
        1,
        "Europe/Berlin",
    )


def test_failures_are_told_and_publication_is_an_asset(seen: dict[str, Any]) -> None:
    assert seen["callbacks"]
    assert seen["outlets"] == {"publish": ["watertight_marts"]}


def test_parsing_it_costs_next_to_nothing(seen: dict[str, Any]) -> None:
    """The scheduler reads the file every few seconds: nothing heavy may come in with it."""
    assert seen["heavy"] == []
