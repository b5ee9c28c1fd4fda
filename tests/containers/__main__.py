"""`python -m tests.containers`: docker-compose.yml built and started for real with podman, a night in it, and everything of it removed.

It walks the road of docs/operations.md, "Containers": a copy of what a checkout holds, an .env with secrets, build, up. Exit code 0 when all
held, 1 when something did not, 2 with a sentence when no container can run here.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.containers import engine
from tests.e2e.airflow_deployment import free_port

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "proofs" / "containers.md"
PROJECT = f"watertight-{os.getpid()}"
SERVICES = (
    "postgres",
    "airflow-init",
    "api-server",
    "scheduler",
    "dag-processor",
    "triggerer",
    "pages",
    "simulated-crm",
)
LASTING = tuple(service for service in SERVICES if service != "airflow-init")
DEMONSTRATION = "/var/lib/watertight/demo"


class Checks:
    """What was looked at, what was seen, how long it took; printed as it comes."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, float]] = []
        self._since = time.monotonic()

    def add(self, what: str, seen: str) -> None:
        now = time.monotonic()
        self.rows.append((what, seen, now - self._since))
        self._since = now
        print(f"{what}: {seen} ({self.rows[-1][2]:.0f} s)", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.containers", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    write = parser.parse_args().write
    checks = Checks()
    try:
        engine.require_engine()
        checks.add("a container engine works, with a base image", engine.run("podman", "--version").strip())
        if engine.POSTGRES.startswith("localhost/"):
            engine.make_postgres()
        with tempfile.TemporaryDirectory(prefix="watertight-containers-") as place:
            walk(Path(place), checks)
    except engine.NoEngineError as error:
        print(error, file=sys.stderr)
        return 2
    except (RuntimeError, AssertionError, requests.RequestException) as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1
    if write:
        PAGE.write_text(page(checks))
    return 0


def walk(place: Path, checks: Checks) -> None:
    """The whole road; raises at the first thing that is not as it should be."""
    folder, password = checkout(place), secrets.token_urlsafe(24)
    airflow_port, pages_port = free_port(), free_port()
    write_settings(folder, password, airflow_port, pages_port)
    engine.compose(folder, "--project-name", PROJECT, "build", "api-server")
    size = json.loads(engine.podman("image", "inspect", "localhost/watertight:latest"))[0]["Size"]
    checks.add("the image is built from the locked wheels, each checked by its hash", f"{size / 1e6:,.0f} MB")
    with started(folder):
        wait("all health checks are green", lambda: all(map(is_well, LASTING)), 300)
        checks.add("every service runs and its health check is green", ", ".join(LASTING))
        checks.add("none of them is root, has a capability, may gain one, or can write to its root", confinement())
        api = Api(f"http://127.0.0.1:{airflow_port}", password)
        night = wait("the scheduled night ends", api.finished_night, 900)
        assert night["state"] == "success", (
            night["state"] + "\n" + engine.podman("logs", "--tail", "30", name("scheduler"), failing=True)
        )
        checks.add(
            "the DAG ran by its schedule, to success",
            f"{night['dag_run_id']}, {night['duration']:.0f} s, {api.tasks(night['dag_run_id'])} tasks",
        )
        url = f"http://127.0.0.1:{pages_port}"
        checks.add("the page is served, and nothing else of the volume", served(url))
        checks.add(
            "`watertight verify` in the scheduler's container", last_line(inside("scheduler", "watertight", "verify"))
        )
        answer = inside(
            "scheduler",
            "watertight",
            "sql",
            "--format",
            "csv",
            "select count(*) as deals from dim_deals where not is_deleted",
        )
        checks.add("`watertight sql` there counts the deals", answer.split()[-1])
        checks.add("what the server of the page can open", sight_of_pages())


def checkout(place: Path) -> Path:
    """What the repository holds, as somebody who has just cloned it finds it."""
    folder = place / "watertight"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for path in filter(None, listed.stdout.split("\0")):
        if (ROOT / path).is_file() and not path.startswith(("tests/", "docs/")):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, folder / path)
    return folder


def write_settings(folder: Path, password: str, airflow_port: int, pages_port: int) -> None:
    """`.env` from `.env.example`: secrets filled in, the simulated CRM's block switched on, ports and images of this test's own."""
    given = {
        "POSTGRES_PASSWORD": secrets.token_hex(24),
        "AIRFLOW_FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW_JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW_ADMIN_PASSWORD": password,
        "BASE_IMAGE": engine.BASE, "POSTGRES_IMAGE": engine.POSTGRES,
        "AIRFLOW_PORT": str(airflow_port), "PAGES_PORT": str(pages_port),
    }  # fmt: skip
    example = (folder / ".env.example").read_text()
    wanted, _, block = example.partition("# The simulated CRM")
    block = "\n".join(
        line.removeprefix("#") if line.startswith("#") and not line.startswith("# ") else line
        for line in block.splitlines()
    )
    assert all(f"#{key}=" in example for key in given), "a setting of docker-compose.yml is missing in .env.example"
    (folder / ".env").write_text(
        wanted + "# The simulated CRM" + block + "\n" + "".join(f"{key}={value}\n" for key, value in given.items())
    )
    (folder / ".env").chmod(0o600)


@contextmanager
def started(folder: Path) -> Iterator[None]:
    """Everything up, in the order that the file's conditions give: podman before 4.6 cannot wait for a health check. Removed in any case."""
    try:
        for service in SERVICES:
            engine.compose(folder, "--project-name", PROJECT, "up", "--detach", "--no-deps", "--no-build", service)
            if service in ("postgres", "api-server"):
                wait(f"{service} is well", lambda service=service: is_well(service), 180)
            if service == "airflow-init":
                code = engine.podman("wait", name(service)).strip()
                assert code == "0", (
                    f"airflow-init ended with {code}:\n{engine.podman('logs', name(service), failing=True)[-3000:]}"
                )
        yield
    finally:
        engine.forget([name(service) for service in reversed(SERVICES)])
        engine.podman("volume", "rm", "--force", f"{PROJECT}_warehouse", f"{PROJECT}_metadata", failing=True)
        engine.podman("network", "rm", "--force", f"{PROJECT}_default", failing=True)


def name(service: str) -> str:
    return f"{PROJECT}_{service}_1"


def is_well(service: str) -> bool:
    """Runs the health check that docker-compose.yml gives the service. (By themselves podman's need systemd.)"""
    return (
        subprocess.run(
            [*engine.PODMAN, "healthcheck", "run", name(service)], capture_output=True, check=False
        ).returncode
        == 0
    )


def inside(service: str, *command: str, failing: bool = False) -> str:
    return engine.podman("exec", name(service), *command, failing=failing)


def wait(what: str, is_so: Callable[[], Any], seconds: float) -> Any:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if answer := is_so():
            return answer
        time.sleep(2)
    ends = "\n".join(
        f"== {service}\n" + engine.podman("logs", "--tail", "8", name(service), failing=True)[-2000:]
        for service in SERVICES
    )
    raise AssertionError(f"not within {seconds:.0f} s: {what}\n{ends}")


def confinement() -> str:
    """Looks from inside: what the kernel says of each container's first process, and an attempt to write."""
    for service in LASTING:
        status = dict(
            line.split(":\t", 1) for line in inside(service, "cat", "/proc/1/status").splitlines() if ":\t" in line
        )
        assert status["Uid"].split()[0] != "0", f"{service} is root"
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, (
            f"{service} has capabilities: {status['CapEff']}"
        )
        assert status["NoNewPrivs"] == "1", f"{service} may gain privileges"
        for place in ("/opt/here", "/etc/here", "/here"):
            refused = inside(service, "sh", "-c", f"touch {place} && echo written", failing=True)
            assert "Read-only file system" in refused, f"{service} can write to {place}: {refused}"
    return f"{len(LASTING)} of {len(LASTING)}"


def served(url: str) -> str:
    answer = requests.get(f"{url}/", timeout=10)
    assert answer.status_code == 200, answer.status_code
    assert "<title>" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'"), policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = requests.get(f"{url}/dashboard.html", headers={"If-None-Match": answer.headers["ETag"]}, timeout=10)
    assert again.status_code == 304, again.status_code
    for path in (
        "marts.duckdb",
        "detail.duckdb",
        "..%2f..%2fwarehouse.duckdb",
        "%2e%2e/warehouse.duckdb",
        "lease.json",
        "demo/",
        ".env",
    ):
        refused = requests.get(f"{url}/{path}", timeout=10)
        assert refused.status_code == 404, f"{path}: {refused.status_code}"
    assert requests.post(f"{url}/", timeout=10).status_code == 405
    return f"{len(answer.content):,} bytes under {policy.split(';')[0]}; databases, lease and paths upwards: 404"


def sight_of_pages() -> str:
    """The volume is there for its server too: what the file modes leave it."""
    refused = ("warehouse.duckdb", "published/detail.duckdb", "landing", "build/detail.duckdb")
    for path in refused:
        answer = inside(
            "pages", "sh", "-c", f"head -c 1 {DEMONSTRATION}/{path} >/dev/null && echo opened", failing=True
        )
        assert "ermission denied" in answer, f"the server of the page can open {path}: {answer}"
    answer = inside("pages", "sh", "-c", f"touch {DEMONSTRATION}/published/here && echo written", failing=True)
    assert "written" not in answer, "the server of the page can write to the volume"
    secret = inside("pages", "sh", "-c", "env | grep -E 'TOKEN|SECRET|PASSWORD|FERNET' || true")
    assert not secret.strip(), "the server of the page was given secrets"
    return f"dashboard.html, marts.duckdb; not {', '.join(refused)}; writes nothing, knows no secret"


class Api:
    """Airflow's, as a person signs in to it."""

    def __init__(self, url: str, password: str) -> None:
        answer = requests.post(f"{url}/auth/token", json={"username": "admin", "password": password}, timeout=30)
        assert answer.status_code == 201, answer.text
        self._url, self._headers = (
            f"{url}/api/v2/dags/crm_nightly/dagRuns",
            {"Authorization": f"Bearer {answer.json()['access_token']}"},
        )

    def finished_night(self) -> dict[str, Any] | None:
        """The scheduled run, once it has ended."""
        answer = requests.get(self._url, headers=self._headers, timeout=30).json()
        ended = [
            run
            for run in answer.get("dag_runs", [])
            if run["run_type"] == "scheduled" and run["state"] in ("success", "failed")
        ]
        return ended[0] if ended else None

    def tasks(self, run_id: str) -> int:
        answer = requests.get(f"{self._url}/{run_id}/taskInstances", headers=self._headers, timeout=30).json()
        return int(answer["total_entries"])


def last_line(text: str) -> str:
    return " ".join(text.strip().splitlines()[-1].split())


def page(checks: Checks) -> str:
    rows = "\n".join(f"| {what} | {seen} | {seconds:,.0f} |" for what, seen, seconds in checks.rows)
    return f"""# Containers
`make containers` builds the image of the [Dockerfile](../../Dockerfile), starts [docker-compose.yml](../../docker-compose.yml) with the simulated CRM as
[operations](../operations.md) says it, waits for the night that is due, and looks from outside and inside. Here on {engine.run("podman", "--version").strip()} with
runc, on a base image and a PostgreSQL made from Debian's packages. Images of an earlier run are taken again as far as nothing in them has changed; from nothing
they take one to three minutes more, most of it compiling the wheels. The seconds are those of two cores that other work was using too.

| looked at | seen | seconds |
|---|---|---:|
{rows}
"""


if __name__ == "__main__":
    sys.exit(main())
