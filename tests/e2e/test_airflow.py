"""Nights by Airflow's own processes on PostgreSQL metadata: by the clock, by hand, and for past days, all through its API."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.airflow_deployment import ROOT, Deployment, airflow_deployment

NIGHT_SECONDS = 300


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """It runs on the scenario's folder: the smallest company there is, without a server of its own."""
    place = tmp_path_factory.mktemp("airflow")
    shutil.copytree(ROOT / "tests" / "scenario" / "company", place / "files")
    with airflow_deployment(place, {"WATERTIGHT_FILES_DIR": str(place / "files")}) as running:
        yield running


def command(airflow: Deployment, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`watertight …` beside the running Airflow, on the same warehouse."""
    return subprocess.run(
        [sys.executable, "-m", "watertight.command", *arguments], env=airflow.environment, cwd=airflow.logs, capture_output=True, text=True, check=False,
    )  # fmt: skip


def finished(airflow: Deployment, kind: str, count: int) -> list[dict[str, Any]]:
    """The runs of a kind once there are `count` of them and all have ended."""

    def ended() -> list[dict[str, Any]]:
        runs = [run for run in airflow.runs() if run["run_type"] == kind]
        return runs if len(runs) == count and all(run["state"] in ("success", "failed") for run in runs) else []

    return airflow.wait(f"{count} {kind} runs end", ended, NIGHT_SECONDS * count)


def published(airflow: Deployment) -> str:
    """The run whose file the link leads to."""
    return (airflow.home / "published" / "marts.duckdb").resolve().stem.removeprefix("marts_")


def lease(airflow: Deployment) -> dict[str, Any]:
    path = airflow.home / "lease.json"
    return json.loads(path.read_text()) if path.exists() else {}


def test_nights_by_the_clock_by_hand_and_for_past_days(airflow: Deployment) -> None:
    # By the clock: nobody asked for it. Airflow begins with the hour that was due last.
    airflow.wait("the scheduled night begins", lambda: lease(airflow).get("released_at", "") is None, NIGHT_SECONDS)
    beside = command(airflow, "nightly")
    assert beside.returncode == 3, beside.stdout + beside.stderr
    assert "has been writing to" in beside.stderr
    assert "Traceback" not in beside.stderr
    [scheduled] = finished(airflow, "scheduled", 1)
    assert scheduled["state"] == "success", airflow.tails()
    publications = [published(airflow)]

    # Three past days, and one by hand before they are through: the runs of a backfill do not count among the DAG's active ones.
    today = datetime.now(UTC).replace(hour=2, minute=0, second=0, microsecond=0) - timedelta(days=1)
    backfill = airflow.post(
        "/backfills",
        {
            "dag_id": "crm_nightly", "max_active_runs": 1,
            "from_date": (today - timedelta(days=2)).isoformat(), "to_date": today.isoformat(),
        },
    )  # fmt: skip
    airflow.wait("a night of the past begins", lambda: lease(airflow).get("released_at", "") is None, NIGHT_SECONDS)
    by_hand = airflow.post("/dags/crm_nightly/dagRuns", {"logical_date": None})["dag_run_id"]
    past = finished(airflow, "backfill", 3)
    [manual] = finished(airflow, "manual", 1)
    assert [run["state"] for run in [*past, manual]] == ["success"] * 4, airflow.tails()
    assert manual["dag_run_id"] == by_hand
    assert len({run["logical_date"] for run in past}) == 3
    airflow.wait("the backfill is over", lambda: airflow.get(f"/backfills/{backfill['id']}")["completed_at"], 60)
    assert "has been writing to" in airflow.task_log(by_hand, "plan")
    assert "waits for its turn" in airflow.task_log(by_hand, "plan")

    # Every one of the five published, one after the other.
    publications = sorted(path.stem for path in (airflow.home / "published").glob("marts_*.duckdb"))
    assert len(publications) == 5
    assert publications[-1] == f"marts_{published(airflow)}"
    turns = sorted((turn(airflow, run["dag_run_id"]) for run in [scheduled, *past, manual]), key=lambda pair: pair[0])
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(turns)), turns

    # And the warehouse is what a rebuild from the landing files gives.
    verified = command(airflow, "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def turn(airflow: Deployment, run_id: str) -> tuple[str, str]:
    """From the start of a run's successful plan to the end of its publication."""
    tasks = {
        task["task_id"]: task
        for task in airflow.get(f"/dags/crm_nightly/dagRuns/{run_id}/taskInstances")["task_instances"]
        if task["map_index"] == -1
    }
    return tasks["plan"]["start_date"], tasks["publish"]["end_date"]


def test_a_token_is_needed(airflow: Deployment) -> None:
    stranger = Deployment(airflow.url, {}, airflow.home, airflow.logs)
    with pytest.raises(AssertionError, match="401"):
        stranger.post("/dags/crm_nightly/dagRuns", {"logical_date": None})


def test_no_secret_is_in_a_log(airflow: Deployment) -> None:
    """Of the address of the metadata, of who signs in, of what tokens are signed with."""
    secrets = [
        airflow.environment["AIRFLOW__API_AUTH__JWT_SECRET"],
        "canary",
        airflow.environment["AIRFLOW__CORE__FERNET_KEY"],
    ]
    texts = [
        path.read_text(errors="replace")
        for path in [
            *airflow.logs.glob("*.log"),
            *Path(airflow.environment["AIRFLOW__LOGGING__BASE_LOG_FOLDER"]).rglob("*.log"),
        ]
    ]
    assert texts
    assert [secret for secret in secrets for text in texts if secret in text] == []
