"""`python -m watertight.scheduled`: one night through Airflow on this machine, with the simulated CRM when no real one is set up.

Airflow gets a home of its own below the warehouse's, with SQLite metadata. The DAG runs in this process; its full log goes to a
file, the screen shows steps and, in the end, the report.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.metadata
import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from extractors.core.errors import WatertightError
from extractors.core.settings import Settings, read_settings
from warehouse.build import last_build
from watertight import report, tasks
from watertight.progress import Progress
from watertight.session import Session, session

DAGS = Path(__file__).resolve().parent.parent / "dags"

_SIMULATOR_SECONDS = 120.0


def main() -> int:
    """The exit code is the command's."""
    with session("scheduled") as current:
        if not current.settings.is_demonstration:
            return run_night(current, current.settings)
        with simulated_crm(current.settings, current.progress) as (night, settings):
            code = run_night(current, settings)
            remember_night(settings, night)
            return code


@contextlib.contextmanager
def simulated_crm(settings: Settings, progress: Progress) -> Iterator[tuple[int, Settings]]:
    """The simulated CRM as a child on the loopback interface, one night after the last published one; ended in any case.

    Yields the night's number and the settings under which it is the source. The environment carries them too, for the tasks.
    """
    folder = settings.home / "simulation"
    folder.mkdir(parents=True, exist_ok=True)
    night, ready, token = next_night(settings), folder / "ready.json", secrets.token_hex(16)
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "simulator", "--home", str(folder), "--night", str(night), "--token", token]
    with (folder / "server.log").open("w") as output:
        # A process group of its own, so that Ctrl-C reaches us first and nothing of it is left behind.
        server = subprocess.Popen(  # noqa: S603 - this Python, a module of this project and its own arguments
            [*command, "--ready-file", str(ready)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 (no thread is running yet)
        )
    try:
        with progress.step(f"Simulated CRM, night {night}") as result:
            wait_until_ready(server, ready, folder / "server.log")
            result.text = json.loads(ready.read_text())["url"]
        os.environ.update({
            "HUBSPOT_ACCESS_TOKEN": token,
            "WATERTIGHT_HUBSPOT_URL": result.text,
            "WATERTIGHT_FILES_DIR": str(folder / "files"),
            "WATERTIGHT_SIMULATED_TIME": "1",
        })  # fmt: skip
        yield night, read_settings()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _die_with_parent() -> None:
    """Runs in the child: the kernel ends it when we are killed and cannot."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def wait_until_ready(server: subprocess.Popen[bytes], ready: Path, log_file: Path) -> None:
    """Returns once the server listens; raises WatertightError when it ends or takes too long."""
    limit = time.monotonic() + _SIMULATOR_SECONDS
    while not ready.exists():
        if server.poll() is not None or time.monotonic() > limit:
            said = log_file.read_text().strip().splitlines()
            raise WatertightError(
                f"The simulated CRM did not start: {said[-1] if said else 'it said nothing'}.",
                f"Its log is {log_file}.",
            )
        time.sleep(0.05)


def next_night(settings: Settings) -> int:
    """One after the last night that was published: a retry does not advance the simulated company."""
    try:
        return int((settings.home / "simulation" / "published_night").read_text()) + 1
    except (FileNotFoundError, ValueError):
        return 1


def remember_night(settings: Settings, night: int) -> None:
    """Called after a publication only."""
    path = settings.home / "simulation" / "published_night"
    temporary = path.with_suffix(".tmp")
    temporary.write_text(f"{night}\n")
    temporary.replace(path)


def run_night(current: Session, settings: Settings) -> int:
    """Runs the DAG once and returns 0 after the report; raises what stopped it."""
    configure_airflow(settings)
    root = logging.getLogger()
    own_handlers = list(root.handlers)
    with redirected_output(current.journal) as screen:
        progress = Progress(screen)
        tasks.observer = tasks.Observer(progress)
        with progress.step("Airflow") as result:
            sys.path.insert(0, str(DAGS))
            prepare_metadata(settings)
            dag = importlib.import_module("crm_nightly").crm_nightly()
            result.text = f"version {importlib.metadata.version('apache-airflow')}"
        logging.getLogger("extractors").addHandler(progress)
        try:
            run = dag.test()
        finally:
            logging.getLogger("extractors").removeHandler(progress)
            root.handlers[:] = own_handlers  # Airflow has put its own in their place, which write to the screen
    if str(getattr(run.state, "value", run.state)) == "success":
        built = last_build(settings)
        report.show(settings, current.out, tasks.observer.results["load"], built.as_dict() if built else {})
        return 0
    error = tasks.observer.error
    if isinstance(error, WatertightError):
        raise error
    raise WatertightError(
        "The DAG crm_nightly failed outside its steps.", f"The whole log is {current.journal}."
    ) from error


def configure_airflow(settings: Settings) -> None:
    """Airflow's settings for a run on this machine alone, before it is imported."""
    home = settings.home / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    os.environ.update({
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "WATERTIGHT_ONE_PROCESS": "1",
    })  # fmt: skip


def prepare_metadata(settings: Settings) -> None:
    """Makes or migrates Airflow's database, when it was not made by this very version, and the pool of the one writer."""
    from airflow.models.pool import Pool
    from airflow.utils.db import upgradedb

    version = importlib.metadata.version("apache-airflow")
    made_by = settings.home / "airflow" / "database_version"
    if made_by.exists() and made_by.read_text() == version:
        return
    upgradedb()
    Pool.create_or_update_pool(
        "watertight_writer", slots=1, description="one task writes at a time", include_deferred=False
    )
    made_by.write_text(version)


@contextlib.contextmanager
def redirected_output(journal: Path | None) -> Iterator[Console]:
    """Sends everything that this process prints to the journal; yields a console that still reaches the screen.

    On the level of file descriptors: Airflow, dbt and their children write where they like.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with open(journal or os.devnull, "ab", buffering=0) as log_file, os.fdopen(os.dup(1), "w", buffering=1) as screen:
        os.dup2(log_file.fileno(), 1)
        os.dup2(log_file.fileno(), 2)
        try:
            yield Console(file=screen)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
            for descriptor in kept:
                os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
