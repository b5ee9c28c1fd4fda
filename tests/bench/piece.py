"""One measured piece of work, in a process of its own: `python -m tests.bench.piece SPEC.json`.

The clock starts when everything is imported and, for statements, when the files are open and `before` was run: a build opens them once for all its models, a piece for
each. What the process used until then is reported, so that the measurer can leave it out.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import yaml
from jinja2 import Template

from warehouse.build import DBT_PROJECT

#: what does not fit is spilled to disk: a million deals are measured on a machine with 16 GB
MEMORY_LIMIT = "11GB"


def connect(main: str, attached: dict[str, str], read_only: bool) -> duckdb.DuckDBPyConnection:
    """The connection as dbt's profile makes it, with the project's own settings."""
    text = Template((DBT_PROJECT / "profiles.yml").read_text()).render(env_var=lambda name, default=main: default)
    profile = yaml.safe_load(text)["watertight"]["outputs"]["duckdb"]
    options = {each["alias"]: each.get("options", {}) for each in profile["attach"]}
    alias = Path(main).stem
    connection = duckdb.connect(":memory:")
    for name, value in profile["settings"].items():
        if name != "schema":
            connection.execute(f"set {name} = '{value}'")
    connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
    given = ", ".join(f"{name} '{value}'" for name, value in options.get(alias, {}).items())
    connection.execute(f"attach '{main}' as \"{alias}\"" + (f" ({given})" if given else ""))
    connection.execute(f'use "{alias}"')
    for name, path in attached.items():
        connection.execute(f"attach '{path}' as {name}" + (" (read_only)" if read_only else ""))
    return connection


def main(spec: dict[str, Any]) -> dict[str, Any]:
    """Runs `statements` ([label, SQL] pairs), after those of `before`, or the function `rival` (module:name), which may say its own; CPU seconds by label.

    `imports`: modules that the rival reads, imported before the clock starts.
    """
    rival = None
    if spec.get("rival"):
        module, function = spec["rival"].split(":")
        rival = getattr(importlib.import_module(module), function)
    for module in spec.get("imports", ()):
        importlib.import_module(module)
    steps: dict[str, float] = {}
    if rival is not None:
        idle = time.process_time()
        steps = rival(**spec["arguments"]) or {}
        return {"idle": idle, "steps": steps, "peak_kb": _peak_kb()}
    connection = connect(spec["main"], spec["attached"], spec["read_only"])
    for statement in spec.get("before", ()):
        connection.execute(statement)
    idle = time.process_time()
    for label, statement in spec["statements"]:
        before = time.process_time()
        connection.execute(statement)
        steps[label] = steps.get(label, 0.0) + time.process_time() - before
    before = time.process_time()
    connection.close()
    steps["close"] = time.process_time() - before
    return {"idle": idle, "steps": steps, "peak_kb": _peak_kb()}


def _peak_kb() -> int:
    """Peak resident memory since this program began; what rusage says of a child counts the parent's memory before the start too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    print(json.dumps(main(json.loads(Path(sys.argv[1]).read_text()))), flush=True)
    # Python's own tidying up is no part of the work.
    os._exit(0)
