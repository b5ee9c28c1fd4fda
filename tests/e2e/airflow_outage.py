"""`python -m tests.e2e.airflow_outage`: Airflow's scheduler and API server killed in the middle of a task, down for ten minutes, and started again.

A short version of the same is part of `test_airflow`: its waits are shortened by Airflow's own settings. Here they are what is shipped.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from airflow.utils.db import DBLocks

from tests.e2e.airflow_deployment import ROOT, Deployment, airflow_deployment

NIGHT_SECONDS = 900
#: Airflow's waits cut short: a task whose heartbeats fail is given up after some 10 s instead of minutes, a scheduler is taken for dead after 15 s instead of 30
SHORT_WAITS = {
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
    "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "2",
    "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
}
#: and the session in which a killed scheduler held a lock is ended as soon
SHORT_LOCK = "20s"
DOWN = ("scheduler", "api-server")


def outage(airflow: Deployment, run_id: str, task: str, at_least: float) -> dict[str, Any]:
    """Kills both while `task` of a night writes, and starts them again after `at_least` seconds, once nobody writes any more.

    The scheduler is killed while it holds the lock without which no task is queued: what it had started keeps its connection open, and with it the
    lock. Here a session of our own stands for that one.

    Returns `{"down", "given_up_after"}` in seconds: how long they were down, and when the task's process had ended.
    """
    airflow.wait(f"{task} begins", lambda: _runs(airflow, run_id, task), NIGHT_SECONDS)
    with contextlib.closing(airflow.database()) as left:
        left.execute("begin")
        left.execute("select pg_advisory_xact_lock(%s)", [DBLocks.SCHEDULER_CRITICAL_SECTION.value])
        for program in DOWN:
            airflow.programs[program].kill()
        killed = time.monotonic()
        airflow.wait(
            "the task is given up or has ended", lambda: not is_written(airflow.home), at_least + NIGHT_SECONDS
        )
        given_up = time.monotonic() - killed
        time.sleep(max(0.0, at_least - given_up))
        for program in reversed(DOWN):
            airflow.programs[program].start()
        down = time.monotonic() - killed
        airflow.wait("all are well again", airflow.is_well, 300)
        airflow.wait("the lock that was left behind is ended", lambda: _is_ended(airflow, left), 300)
    return {"down": round(down), "given_up_after": round(given_up)}


def _is_ended(airflow: Deployment, left: psycopg.Connection[Any]) -> bool:
    with airflow.database() as session:
        return not session.execute("select 1 from pg_stat_activity where pid = %s", [left.info.backend_pid]).fetchall()


def is_written(home: Path) -> bool:
    """Whether a process is inside a step that writes."""
    descriptor = os.open(home / "build", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _runs(airflow: Deployment, run_id: str, task: str) -> bool:
    instance = airflow.tasks(run_id).get(task)
    return instance is not None and instance["state"] == "running" and is_written(airflow.home)


def publications(home: Path) -> list[str]:
    """The runs of every publication that is recorded."""
    lines = [json.loads(line) for line in (home / "audit.jsonl").read_text().splitlines()]
    return [line["run_id"] for line in lines if line["what"] == "publication"]


def main() -> int:
    """One night with such an outage; says what came of it. Exit code 1 when anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.airflow_outage", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--task", default="build", choices=["load", "build", "publish"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        shutil.copytree(ROOT / "tests" / "scenario" / "company", place / "files")
        with airflow_deployment(place, {"WATERTIGHT_FILES_DIR": str(place / "files")}) as airflow:
            airflow.wait("the scheduled night begins", airflow.runs, 120)
            [night] = airflow.runs()
            told = outage(airflow, night["dag_run_id"], given.task, 60 * given.minutes)
            airflow.wait(
                "the night ends", lambda: airflow.runs()[0]["state"] in ("success", "failed"), 2 * NIGHT_SECONDS
            )
            told |= {
                "night": airflow.runs()[0]["state"],
                "tries": airflow.tasks(night["dag_run_id"])[given.task]["try_number"],
                "publications": len(publications(airflow.home)),
                "lease_released": json.loads((airflow.home / "lease.json").read_text())["released_at"] is not None,
            }
    print(json.dumps(told, indent=1))
    return 0 if told["night"] == "success" and told["publications"] == 1 and told["lease_released"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
