"""Nights by Airflow's own processes on PostgreSQL metadata: by the clock and through an outage, by hand, for a past day, and one that fails."""

from __future__ import annotations

import itertools
import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.e2e.airflow_deployment import ADMIN, ROOT, Deployment, airflow_deployment
from tests.e2e.airflow_outage import SHORT_LOCK, SHORT_WAITS, outage, publications
from tests.faults.made_up_secrets import secret_settings
from tests.faults.test_secrets import Echo
from tests.integration.postgres_server import PASSWORD, program

NIGHT_SECONDS = 900
#: what Airflow's connection to the source of the night that fails holds
CONNECTION = "cnry-of-the-connection"


@dataclass
class Story:
    """What was done to one deployment, once for all tests of this file."""

    airflow: Deployment
    canaries: dict[str, str]
    beside: subprocess.CompletedProcess[str] | None = None
    outage: dict[str, Any] = field(default_factory=dict)
    scheduled: dict[str, Any] = field(default_factory=dict)
    past: list[dict[str, Any]] = field(default_factory=list)
    by_hand: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """It runs on the scenario's folder, the smallest company there is, with every secret setting made up and every log at its most talkative."""
    place = tmp_path_factory.mktemp("airflow")
    shutil.copytree(ROOT / "tests" / "scenario" / "company", place / "files")
    with echo() as url:
        canaries = {alias: f"cnry{secrets.token_hex(8)}" for alias in secret_settings().values()}
        settings = canaries | {
            "WATERTIGHT_FILES_DIR": str(place / "files"),
            "WATERTIGHT_SOURCES": "files",
            "WATERTIGHT_POSTGRES_URL": f"postgresql://somebody:{canaries['WATERTIGHT_POSTGRES_URL']}@127.0.0.1:1/marts",
            "WATERTIGHT_SMTP_URL": f"smtp://somebody:{canaries['WATERTIGHT_SMTP_URL']}@127.0.0.1:1",
            "WATERTIGHT_ALERT_SLACK_URL": f"{url}/{canaries['WATERTIGHT_ALERT_SLACK_URL']}",
            "WATERTIGHT_ALERT_WEBHOOK_URL": f"{url}/?key={canaries['WATERTIGHT_ALERT_WEBHOOK_URL']}",
            "WATERTIGHT_ALERT_EMAIL_TO": "owner@example.com",
            "WATERTIGHT_ALERT_EMAIL_FROM": "owner@example.com",
            "WATERTIGHT_TIMEZONE": zone_where_it_is_noon(),
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
        }
        with airflow_deployment(place, settings | SHORT_WAITS, SHORT_LOCK) as airflow:
            told = Story(airflow, canaries)
            _tell(told, url)
            yield told


def _tell(story: Story, url: str) -> None:
    airflow = story.airflow
    # By the clock: nobody asked for it. Airflow begins with the hour that was due last.
    airflow.wait("the scheduled night begins", lambda: lease(airflow).get("released_at", "") is None, NIGHT_SECONDS)
    story.beside = command(airflow, "nightly")
    story.outage = outage(airflow, airflow.runs()[0]["dag_run_id"], "build", 0)
    [story.scheduled] = finished(airflow, "scheduled", 1)

    # A past day, and one by hand before it is through: the runs of a backfill do not count among the DAG's active ones.
    day = (datetime.fromisoformat(story.scheduled["logical_date"]) - timedelta(days=1)).isoformat()
    wanted = {"dag_id": "crm_nightly", "max_active_runs": 1, "from_date": day, "to_date": day}
    backfill = airflow.post("/backfills", wanted)
    airflow.wait("the past night begins", lambda: lease(airflow).get("released_at", "") is None, NIGHT_SECONDS)
    by_hand = airflow.post("/dags/crm_nightly/dagRuns", {"logical_date": None})["dag_run_id"]
    story.past = finished(airflow, "backfill", 1)
    [story.by_hand] = finished(airflow, "manual", 1)
    assert story.by_hand["dag_run_id"] == by_hand
    airflow.wait("the backfill is over", lambda: airflow.get(f"/backfills/{backfill['id']}")["completed_at"], 60)

    # One that fails: its source says back all that it is told, and refuses.
    airflow.post(
        "/connections",
        {
            "connection_id": "tryton_default", "conn_type": "generic", "host": url, "login": "somebody", "password": CONNECTION,
            "schema": "company",
        },
    )  # fmt: skip
    airflow.post("/dags/crm_nightly/dagRuns", {"logical_date": None, "conf": {"sources": ["tryton"]}})
    story.failed = finished(airflow, "manual", 2)[-1]


def zone_where_it_is_noon() -> str:
    """The company's time zone: the next night by the clock is hours away, whatever the hour these tests are run at."""
    east = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-east:+d}"  # the names of these zones count westwards


@contextmanager
def echo() -> Iterator[str]:
    """A server that refuses and says back all that it was told."""

    class Refusing(Echo):
        status = 401

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)
    server.server_close()


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


def test_a_night_outlives_the_scheduler_and_the_api_server(story: Story) -> None:
    """Both were killed while the build ran, and stayed away until the task had been given up: it was begun again."""
    assert story.scheduled["state"] == "success", story.airflow.tails()
    build = story.airflow.tasks(story.scheduled["dag_run_id"])["build"]
    assert build["state"] == "success"
    assert build["try_number"] > 1, story.outage
    assert len(publications(story.airflow.home)) == len(set(publications(story.airflow.home))) == 3
    assert lease(story.airflow)["released_at"] is not None


def test_nights_by_the_clock_by_hand_and_for_a_past_day(story: Story) -> None:
    airflow = story.airflow
    assert story.beside is not None
    assert story.beside.returncode == 3, story.beside.stdout + story.beside.stderr
    assert "has been writing to" in story.beside.stderr
    assert "Traceback" not in story.beside.stderr

    nights = [story.scheduled, *story.past, story.by_hand]
    assert [run["state"] for run in nights] == ["success"] * 3, airflow.tails()
    assert "has been writing to" in airflow.task_log(story.by_hand["dag_run_id"], "plan")
    assert "waits for its turn" in airflow.task_log(story.by_hand["dag_run_id"], "plan")

    # Every one of the three published, one after the other.
    names = sorted(path.stem for path in (airflow.home / "published").glob("marts_*.duckdb"))
    assert len(names) == 3
    assert names[-1] == f"marts_{published(airflow)}"
    turns = sorted((turn(airflow, run["dag_run_id"]) for run in nights), key=lambda pair: pair[0])
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(turns)), turns

    # And the warehouse is what a rebuild from the landing files gives, the night that lost its build included.
    verified = command(airflow, "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def turn(airflow: Deployment, run_id: str) -> tuple[str, str]:
    """From the start of a run's successful plan to the end of its publication."""
    tasks = airflow.tasks(run_id)
    return tasks["plan"]["start_date"], tasks["publish"]["end_date"]


def test_a_token_is_needed(story: Story) -> None:
    stranger = Deployment(story.airflow.url, {}, story.airflow.home, story.airflow.logs)
    with pytest.raises(AssertionError, match="401"):
        stranger.post("/dags/crm_nightly/dagRuns", {"logical_date": None})


def test_no_secret_is_in_the_metadata_nor_in_any_log(story: Story) -> None:
    """Of the settings, of Airflow's connection, of the address of the metadata, of who signs in, of what tokens are signed with: in XComs,
    rendered templates, task logs at DEBUG, the processes' own output, and every file of the warehouse."""
    airflow = story.airflow
    assert story.failed["state"] == "failed", airflow.tails()
    secrets = [
        *story.canaries.values(),
        CONNECTION,
        ADMIN,
        PASSWORD,
        airflow.environment["AIRFLOW__API_AUTH__JWT_SECRET"],
        airflow.environment["AIRFLOW__CORE__FERNET_KEY"],
    ]
    needles = [form for secret in secrets for form in (secret.encode(), secret.encode().hex().encode())]
    texts = {"the metadata": dump(airflow)}
    logs = [
        *airflow.logs.glob("*.log"),
        *Path(airflow.environment["AIRFLOW__LOGGING__BASE_LOG_FOLDER"]).rglob("*.log"),
    ]
    texts |= {str(path): path.read_bytes() for path in [*logs, *airflow.home.rglob("*")] if path.is_file()}
    assert b"tryton_default" in texts["the metadata"]  # what is no secret is found there
    for table in ("xcom", "rendered_task_instance_fields", "log", "task_instance", "connection"):
        assert f"COPY public.{table} (".encode() in texts["the metadata"], table
    assert b"debug" in b"".join(texts[str(path)].lower() for path in logs)
    assert len(logs) > 50
    assert [(where, needle) for needle in needles for where, text in texts.items() if needle in text] == []


def dump(airflow: Deployment) -> bytes:
    """Everything that Airflow's database holds, as text."""
    address = airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg", "")
    done = subprocess.run([program("pg_dump"), address], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
