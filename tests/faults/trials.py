"""Commands of the product in processes of their own, each a fork of one that has everything imported and the dbt project read.

The forking process is single and without threads (`python -m tests.faults.trials PROJECT`); it reads one trial as JSON from each line of its input and
answers with a line: the exit code (minus the signal's number when one ended it), what was said, and what strace counted. Faults are the kernel's: strace
lets a system call of the child fail, a limit on the size of files cuts a write short.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.faults.made_up_secrets import Records
from tests.faults.stage import ROOT, free_of_settings

#: a trial that takes longer hangs
SECONDS = 120
RESOURCES = ("pipelines", "stages", "companies", "deals")


@dataclass(frozen=True)
class Outcome:
    """How a command ended. `calls`: the lines of strace; `records`: its log at its most talkative."""

    code: int
    said: str
    calls: tuple[str, ...] = ()
    records: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether what was said is words and no traceback, nor the sentence for what nobody had thought of."""
        return "Traceback" not in self.said and "unexpected" not in self.said


class Trials:
    """The forking process, for as long as the context lasts."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def run(
        self,
        *arguments: str,
        environment: Mapping[str, str],
        strace: Sequence[str] = (),
        file_size: int | None = None,
        checks_space: bool = True,
        clock: str | None = None,
        jump_hours: float = 0,
    ) -> Outcome:
        """`watertight ARGUMENTS`. `strace`: its options; `file_size`: no file may grow beyond so many bytes; without `checks_space` the steps
        begin on a disk that is too full. `clock`: the instant at which it begins, by the machine's clock; which jumps when the load begins."""
        assert self._server.stdin
        assert self._server.stdout
        trial = {
            "arguments": arguments, "environment": dict(environment), "strace": list(strace), "file_size": file_size,
            "checks_space": checks_space, "clock": clock, "jump_hours": jump_hours,
        }  # fmt: skip
        self._server.stdin.write(json.dumps(trial) + "\n")
        self._server.stdin.flush()
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError("the process that forks the trials has died")
        answer = json.loads(line)
        return Outcome(answer["code"], answer["said"], tuple(answer["calls"]), answer["records"])


@contextlib.contextmanager
def trials(project: Path, python: str = sys.executable) -> Iterator[Trials]:
    """A forking process for a dbt project, under another environment's `python` where one is given."""
    environment = free_of_settings() | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    with subprocess.Popen(
        [python, "-m", "tests.faults.trials", str(project)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    ) as server:  # fmt: skip
        try:
            yield Trials(server)
        finally:
            server.kill()


def small_company() -> list[tuple[str, str]]:
    """(source, table) of every resource that the small company has a file of."""
    return [("files", name) for name in RESOURCES]


def has_strace() -> bool:
    """Whether strace is installed: make system-deps."""
    return shutil.which("strace") is not None


def _serve(project: Path) -> None:
    _warm_up(project)
    for line in sys.stdin:
        answer = _try(json.loads(line))
        print(json.dumps(answer), flush=True)
        # What the first ones had to import, the later ones share.
        for name in answer["modules"]:
            with contextlib.suppress(Exception):
                importlib.import_module(name)


def _warm_up(project: Path) -> None:
    """Everything a night imports, and the project as dbt reads it: the forks share both."""
    from dbt.cli.main import dbtRunner

    from extractors import sources
    from warehouse import build

    if is_small := project != ROOT / "dbt_project":
        # The resources of the source that the small company has no file of make the same calls as the others, five times as many.
        files = sources.SOURCES["files"]
        few = tuple(one for one in files.resources if one.name in RESOURCES)
        sources.SOURCES = {"files": dataclasses.replace(files, resources=few)}
    import watertight.command
    from watertight import night

    assert watertight.command
    # DuckDB's client imports it with the first bound value where it is there; what a night is installed with does not have it.
    sys.modules["pandas"] = None  # type: ignore[assignment]
    build.DBT_PROJECT = project
    if not is_small:
        return
    # Two models are not the marts that the dashboard shows.
    night.make_page = lambda marts: f"<!doctype html><title>{marts.name}</title>"
    with tempfile.TemporaryDirectory() as scratch:
        os.environ |= {
            f"WATERTIGHT_{name}_FILE": f"{scratch}/{name}.duckdb" for name in ("WAREHOUSE", "MARTS", "DETAIL")
        }
        read = dbtRunner().invoke([
            "parse", "--project-dir", str(project), "--profiles-dir", str(project), "--target-path", scratch, "--log-path", scratch,
            "--log-level", "none", "--log-level-file", "none", "--no-write-json",
        ])  # fmt: skip
    manifest = read.result
    build._runner = lambda arguments, callbacks: dbtRunner(manifest=manifest, callbacks=callbacks)


def _try(trial: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        said, calls, modules = (Path(scratch, name) for name in ("said", "calls", "modules"))
        known = set(sys.modules)
        records = Records()
        child = os.fork()
        if child == 0:
            _become(trial, said, modules, known, records)
        tracer = None
        if trial["strace"]:
            os.waitpid(child, os.WUNTRACED)
            tracer = subprocess.Popen(
                ["strace", "-f", "-qqq", "-y", "-o", str(calls), "-p", str(child), *trial["strace"]],
                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            _wait_until_traced(child)
            os.kill(child, signal.SIGCONT)
        code = _wait(child)
        if tracer:
            tracer.wait()
        return {
            "code": code,
            "said": said.read_text(errors="replace"),
            "records": records.taken(),
            "modules": modules.read_text().split() if modules.exists() else [],
            "calls": calls.read_text(errors="replace").splitlines() if calls.exists() else [],
        }


def _become(trial: dict[str, Any], said: Path, modules: Path, known: set[str], records: Records) -> None:
    """The child: never returns."""
    code = 70
    try:
        os.setsid()
        output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        silence = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, silence), (1, output), (2, output)):
            os.dup2(source, target)
        os.environ |= trial["environment"]
        logging.getLogger().handlers.clear()  # something among the imports has put one there, which writes tracebacks to the screen
        records.install()
        if trial["file_size"] is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (trial["file_size"], trial["file_size"]))
        if not trial["checks_space"]:
            from warehouse import database

            database.SPARE_BYTES = -(2**62)
        if trial["strace"]:
            os.kill(os.getpid(), signal.SIGSTOP)
        if trial["clock"]:
            _set_clock(trial["clock"], trial["jump_hours"])
        from watertight.command import main

        main(trial["arguments"])
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:  # noqa: BLE001 (told to the one who asked)
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
            if new := set(sys.modules) - known:
                modules.write_text("\n".join(sorted(new)))
        os._exit(code)


def _set_clock(instant: str, jump_hours: float) -> None:
    import time_machine

    from watertight import night

    traveller = time_machine.travel(instant, tick=True)
    clock, load = traveller.start(), night.load_landings

    def jump_and_load(*arguments: Any, **named: Any) -> Any:
        clock.shift(timedelta(hours=jump_hours))
        return load(*arguments, **named)

    night.load_landings = jump_and_load  # type: ignore[assignment]


def _wait_until_traced(child: int) -> None:
    end = time.monotonic() + 10
    while "TracerPid:\t0\n" in Path(f"/proc/{child}/status").read_text():
        if time.monotonic() > end:
            raise RuntimeError("strace did not attach to the trial")
        time.sleep(0.005)


def _wait(child: int) -> int:
    end = time.monotonic() + SECONDS
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.005)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
