"""Airflow as docker-compose.yml sets it up, as processes of this machine: API server, scheduler and DAG processor on a real PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import requests
import yaml

from tests.integration.postgres_server import PASSWORD, postgres_server

ROOT = Path(__file__).parents[2]
PROGRAMS = ("api-server", "scheduler", "dag-processor")
ADMIN = "canary-admin-password"


class Program:
    """An Airflow program as a process of this machine, which can be killed and started again."""

    def __init__(self, arguments: list[str], environment: dict[str, str], place: Path, log: Path) -> None:
        self._arguments, self._environment, self._place, self._log = arguments, environment, place, log
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        with self._log.open("a") as output:
            self._started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "airflow", *self._arguments], env=self._environment, cwd=self._place,
                    stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                )
            )  # fmt: skip

    def kill(self) -> None:
        """Signal 9 for its process alone: what that had started lives on."""
        self._started[-1].kill()
        self._started[-1].wait()

    def end(self) -> None:
        """Every process that it ever was and all their children, which it would leave behind on SIGTERM."""
        for process in self._started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@dataclass
class Deployment:
    """A running Airflow. `environment` is its processes' and serves a command beside it too."""

    url: str
    environment: dict[str, str]
    home: Path
    logs: Path
    programs: dict[str, Program] = field(default_factory=dict)
    _token: str = field(default="", repr=False)

    def sign_in(self) -> None:
        """As a person or a script does it: name and password for a token."""
        answer = requests.post(f"{self.url}/auth/token", json={"username": "admin", "password": ADMIN}, timeout=30)
        assert answer.status_code == 201, answer.text
        self._token = answer.json()["access_token"]

    def get(self, path: str, **query: Any) -> Any:
        return self._checked(
            requests.get(f"{self.url}/api/v2{path}", params=query, headers=self._headers(), timeout=30)
        )

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._checked(requests.post(f"{self.url}/api/v2{path}", json=body, headers=self._headers(), timeout=30))

    def runs(self) -> list[dict[str, Any]]:
        """Every night there is by now, the oldest first."""
        found: list[dict[str, Any]] = self.get("/dags/crm_nightly/dagRuns", order_by="id")["dag_runs"]
        return found

    def wait(self, what: str, is_so: Callable[[], Any], seconds: float) -> Any:
        """Returns what `is_so` answers once that is true; fails with the ends of all logs otherwise."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if answer := is_so():
                return answer
            time.sleep(0.5)
        raise AssertionError(f"not within {seconds:.0f} s: {what}\n{self.tails()}")

    def tails(self) -> str:
        """The last lines of every process and of the youngest tasks."""
        tasks = sorted((self.home.parent / "airflow" / "logs").rglob("*.log"), key=lambda path: path.stat().st_mtime)[
            -3:
        ]
        ends = [
            (path, path.read_text(errors="replace").splitlines()[-15:]) for path in [*self.logs.glob("*.log"), *tasks]
        ]
        return "\n".join(f"== {path}\n" + "\n".join(line[:400] for line in lines) for path, lines in ends)

    def tasks(self, run_id: str) -> dict[str, dict[str, Any]]:
        """The tasks of a night by their name; those that there are several of by resource are left out."""
        found = self.get(f"/dags/crm_nightly/dagRuns/{quote(run_id, safe='')}/taskInstances")["task_instances"]
        return {task["task_id"]: task for task in found if task["map_index"] == -1}

    def database(self) -> psycopg.Connection[Any]:
        """Airflow's metadata, in a session of one's own."""
        return psycopg.connect(
            self.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg", ""), autocommit=True
        )

    def is_well(self) -> bool:
        """Whether every program answers, or says through the API server that it works."""
        return are_well(self.url, "metadatabase", "scheduler", "dag_processor")

    def task_log(self, run_id: str, task_id: str, attempt: int = 1) -> str:
        """What the task wrote, as the API hands it to the page on which people read it."""
        answer = self.get(
            f"/dags/crm_nightly/dagRuns/{quote(run_id, safe='')}/taskInstances/{task_id}/logs/{attempt}",
            full_content=True,
        )
        return json.dumps(answer, ensure_ascii=False)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}

    def _checked(self, answer: requests.Response) -> Any:
        assert answer.ok, f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}\n{self.tails()}"
        return answer.json()


@contextmanager
def airflow_deployment(place: Path, settings: dict[str, str], left_behind: str = "5min") -> Iterator[Deployment]:
    """Starts it below `place` with `settings` of the product in its environment; ends every process of it.

    `left_behind` is after how long PostgreSQL ends a session that somebody left in the middle of a transaction.
    """
    api, logs_of_workers, logs = free_port(), free_port(), place / "logs"
    logs.mkdir()
    with postgres_server() as postgres:
        shipped = of_compose()
        options = urlsplit(shipped["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]).query.replace("5min", left_behind)
        database = f"postgresql+psycopg://watertight:{quote(PASSWORD, safe='')}@127.0.0.1:{postgres}/postgres?{options}"
        environment = shipped | {
            "AIRFLOW_HOME": str(place / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{api}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(place / "airflow" / "passwords.json"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": database,
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(place / "airflow" / "logs"),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(logs_of_workers),
            # The DAGs do not change meanwhile: read once, not every half minute.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
            "WATERTIGHT_HOME": str(place / "home"),
            **settings,
        }
        environment |= {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(place),
        }
        (place / "airflow").mkdir()
        (place / "airflow" / "passwords.json").write_text(json.dumps({"admin": ADMIN}))
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            env=environment,
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        deployment = Deployment(f"http://127.0.0.1:{api}", environment, place / "home", logs)
        with contextlib.ExitStack() as running:
            # In the order of docker-compose.yml: tasks ask the API server before they do anything.
            for program in PROGRAMS:
                options = (
                    ["--port", str(api), "--host", "127.0.0.1", "--workers", "1"] if program == "api-server" else []
                )
                deployment.programs[program] = Program([program, *options], environment, place, logs / f"{program}.log")
                running.callback(deployment.programs[program].end)
                deployment.programs[program].start()
                if program == "api-server":
                    deployment.wait("the API server answers", lambda: are_well(deployment.url, "metadatabase"), 120)
                    deployment.sign_in()
                    deployment.post(
                        "/pools", {"name": "watertight_writer", "slots": 1, "description": "one task writes at a time"}
                    )
            deployment.wait("all are well", deployment.is_well, 120)
            deployment.wait(
                "the DAG is read", lambda: deployment.get("/dags", dag_id_pattern="crm_nightly")["dags"], 60
            )
            yield deployment


def of_compose() -> dict[str, str]:
    """The environment that docker-compose.yml gives to Airflow, secrets filled in: what is tested is what is shipped."""
    keys = {
        "AIRFLOW_FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW_JWT_SECRET": secrets.token_hex(32),
        "POSTGRES_PASSWORD": "",
    }
    given: dict[str, str] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["x-airflow"]["environment"]
    return {name: re.sub(r"\$\{(\w+)[^}]*\}", lambda found: keys[found[1]], value) for name, value in given.items()}


def are_well(url: str, *parts: str) -> bool:
    """What the health page says of them; no while it does not answer."""
    try:
        health = requests.get(f"{url}/api/v2/monitor/health", timeout=10).json()
    except (requests.ConnectionError, requests.Timeout):
        return False
    return all(health[part]["status"] == "healthy" for part in parts)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
