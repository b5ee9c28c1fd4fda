"""What dbt sends to DuckDB in a full build and in a nightly one, written down on a small company.

The project is built twice by dbt itself, before and after a night, and every statement of every model is kept as it was
sent: creations, temporary tables, deletes and inserts, comments, renamings. Replayed on a large company they are the SQL work of
a build, without dbt's own import and parsing. Questions to the catalogue (`describe`, information_schema) are dbt's, not the
models': they are left out.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner

from tests.bench import company
from warehouse.build import DBT_PROJECT

_DEALS, _CHANGED = 600, 60
_COMMENT = re.compile(r"^\s*/\*.*?\*/\s*", re.DOTALL)
_QUESTION = re.compile(r"(describe|select|show|pragma)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Model:
    """One model. `full` and `delta`: the statements dbt sent for it; `query`: its compiled select in a full build; `parents`: models
    and seeds it reads."""

    name: str
    layer: str
    materialized: str
    parents: tuple[str, ...]
    full: tuple[str, ...]
    delta: tuple[str, ...]
    query: str


@dataclass(frozen=True)
class Recording:
    """The models in the order of dbt, and the names of the seeds, whose tables lie in `warehouse`."""

    models: tuple[Model, ...]
    seeds: tuple[str, ...]
    warehouse: str


def record(folder: Path) -> Recording:
    """Builds the small company in `folder`, in a process of its own, and returns what dbt sent."""
    shutil.rmtree(folder / "small", ignore_errors=True)
    subprocess.run([sys.executable, "-m", "tests.bench.statements", str(folder)], check=True, cwd=DBT_PROJECT.parent)
    return read(folder)


def is_recorded(folder: Path) -> bool:
    """Did an earlier run write down what dbt sends?"""
    return (folder / "recording.json").exists()


def read(folder: Path) -> Recording:
    """What was written down in `folder`."""
    found = json.loads((folder / "recording.json").read_text())
    models = tuple(
        Model(**{name: tuple(each) if isinstance(each, list) else each for name, each in model.items()})
        for model in found["models"]
    )
    return Recording(models, tuple(found["seeds"]), found["warehouse"])


def _write_down(folder: Path) -> None:
    warehouse = company.create(folder / "small", _DEALS)
    first, manifest, queries = _run(folder)
    company.add_night(folder / "small", _DEALS, _CHANGED)
    second, _, _ = _run(folder)
    nodes = manifest["nodes"]
    models = [
        Model(
            name=nodes[unique_id]["name"],
            layer=nodes[unique_id]["fqn"][1],
            materialized=nodes[unique_id]["config"]["materialized"],
            parents=tuple(sorted(_parents(nodes, unique_id))),
            full=tuple(statements),
            delta=tuple(second[unique_id]),
            query=queries[unique_id],
        )
        for unique_id, statements in first.items()
        if unique_id.startswith("model.")
    ]
    seeds = tuple(node["name"] for node in nodes.values() if node["resource_type"] == "seed")
    recording = Recording(tuple(models), seeds, str(warehouse))
    (folder / "recording.json").write_text(json.dumps(asdict(recording)))


def _parents(nodes: dict[str, Any], unique_id: str) -> set[str]:
    """The models and seeds a model reads, through those that are no tables of their own."""
    found: set[str] = set()
    for parent in nodes[unique_id]["depends_on"]["nodes"]:
        if parent in nodes:
            ephemeral = nodes[parent]["config"]["materialized"] == "ephemeral"
            found |= _parents(nodes, parent) if ephemeral else {nodes[parent]["name"]}
    return found


def _run(folder: Path) -> tuple[dict[str, list[str]], dict[str, Any], dict[str, str]]:
    """One dbt build: the statements and the compiled query of each node that ran, by unique id, and the manifest."""
    for name in ("warehouse", "marts", "detail"):
        os.environ[f"WATERTIGHT_{name.upper()}_FILE"] = str(folder / "small" / f"{name}.duckdb")
    sent: dict[str, list[str]] = {}

    def listen(event: Any) -> None:
        if event.info.name == "SQLQuery" and event.data.node_info.unique_id:
            statement = _COMMENT.sub("", event.data.sql).strip()
            statements = sent.setdefault(event.data.node_info.unique_id, [])
            if statement and not _QUESTION.match(statement):
                statements.append(statement)

    outcome = dbtRunner(callbacks=[listen]).invoke([
        "build", "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--target-path", str(folder / "target"),
        "--log-path", str(folder / "logs"), "--log-level", "none", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test",
    ])  # fmt: skip
    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    reset_adapters()  # type: ignore[no-untyped-call]
    if not outcome.success:
        failed = [f"{each.node.name}: {each.message}" for each in outcome.result or () if each.status == "error"]
        raise SystemExit("The project could not be built: " + ("; ".join(failed) or str(outcome.exception)))
    queries = {each.node.unique_id: getattr(each.node, "compiled_code", None) or "" for each in outcome.result}
    return sent, json.loads((folder / "target" / "manifest.json").read_text()), queries


if __name__ == "__main__":
    _write_down(Path(sys.argv[1]))
