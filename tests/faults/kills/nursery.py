"""`python -m tests.faults.kills.nursery`: a process that has imported everything and forks a night for every line on its standard input.

A line is a JSON list of nights that begin at the same instant. A night is `arguments` of the command, `environment`, `home`, `now` (ISO-8601: the clock of every source stands still there), `project` (a dbt project, or null
for the real one), `kill` (a mark, or null), `signal`, `memory` (bytes of address space, or null), `output` and `record` (files). The answer is a line too:
`codes` (minus the signal for a killed night) and `seconds` of processor time, all together. What a night logs at its most talkative is left beside its output, in
`<output>.records`. The command itself runs unchanged, in a process of its own; importing it
costs more than most of what is killed.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
import traceback
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import dbt.adapters.duckdb.environments.local
import dbt.cli.main  # noqa: F401  (the command imports it late)

from extractors import sources
from extractors.core.client import Client
from extractors.core.spec import Resource
from tests.faults.kills.marks import Kill, Marks
from tests.faults.made_up_secrets import Records
from warehouse import build
from watertight import erasure, night
from watertight.command import main as command

_RESOURCES = ("deals", "deals_sweep", "contacts", "deal_pipelines", "owners", "exchange_rates")


def page_of_a_few_models(marts: Path) -> str:
    """A project of a few models has not the marts that the dashboard shows."""
    return f"<!doctype html><title>{marts.name}</title>"


def a_few_resources() -> tuple[Resource, ...]:
    """What those models read, and a resource of every kind: with a history, with a comparison of ids, complete."""
    return tuple(one for one in sources.SOURCES["hubspot"].resources if one.name in _RESOURCES)


def main() -> int:
    """Serves until the standard input ends."""
    logging.getLogger().handlers.clear()  # dbt's import adds one where there is none; in the command there is one by then
    for line in sys.stdin:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        gate, opened = os.pipe()
        children, logged = [], []
        for wanted in json.loads(line):
            records = Records()
            child = os.fork()
            if child == 0:
                os.close(opened)
                os.read(gate, 1)  # until the last of them is there
                _run(wanted, records)
            children.append(child)
            logged.append((Path(f"{wanted['output']}.records"), records))
        os.close(gate)
        os.close(opened)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        for path, records in logged:
            path.write_text(records.taken())
        seconds = sum(getattr(after, name) - getattr(before, name) for name in ("ru_utime", "ru_stime"))
        print(json.dumps({"codes": codes, "seconds": round(seconds, 2)}), flush=True)
    return 0


def _run(wanted: dict[str, Any], records: Records) -> None:
    """In the child: the command, from its environment to its exit code."""
    code = 70
    try:
        # As a shell starts a command in the background (`watertight nightly &`): deaf to Ctrl-C, and to be stopped all the same.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _redirect(wanted["output"])
        for name in list(os.environ):
            if name.startswith(("WATERTIGHT_", "HUBSPOT_", "PIPEDRIVE_", "SALESFORCE_")):
                del os.environ[name]
        os.environ.update(wanted["environment"])
        records.install()
        os.chdir(wanted["home"])  # there is no .env there
        if wanted["memory"]:
            resource.setrlimit(resource.RLIMIT_AS, (wanted["memory"], wanted["memory"]))
        if wanted["now"]:
            _stop_the_clock(datetime.fromisoformat(wanted["now"]))
        if wanted["project"]:
            build.DBT_PROJECT = Path(wanted["project"])
            night.make_page = erasure.make_page = page_of_a_few_models
            sources.SOURCES = {"hubspot": replace(sources.SOURCES["hubspot"], resources=a_few_resources())}
        kill = Kill(**wanted["kill"]) if wanted["kill"] else None
        marks = Marks(Path(wanted["home"]), kill, wanted["signal"])
        marks.install()
        try:
            command(wanted["arguments"], prog_name="watertight")
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if wanted["record"]:
            Path(wanted["record"]).write_text(json.dumps([[each.name, each.seconds] for each in marks.passed]))
    except BaseException:  # noqa: BLE001  (the child must not go on as the nursery)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _stop_the_clock(now: datetime) -> None:
    """The simulated clock goes on with every request, and a night that is killed asks more of them: what it knows by its clock must not depend on that."""
    Client.now = lambda _: now  # type: ignore[method-assign]


def _redirect(output: str) -> None:
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


if __name__ == "__main__":
    sys.exit(main())
