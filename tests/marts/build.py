"""Builds the project's real marts, with their data tests, over core tables that a test wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import yaml

from tests.core import project

PROJECT = project.PROJECT
COLUMNS: dict[str, dict[str, str]] = {
    model["name"]: {column["name"]: column["data_type"] for column in model["columns"]}
    for model in yaml.safe_load((PROJECT / "models/core/_core.yml").read_text())["models"]
}
UNKNOWN = UUID(int=0)
#: what the company declares, beside core the only thing that marts read
SEEDS = (
    "funnel_presets",
    "limits",
    "qualification_criteria",
    "lead_score_points",
    "lead_score_bands",
    "benchmarks",
    "what_if_points",
    "targets",
)
# Core tables that follow from the others alone: built by dbt, not written.
DERIVED = ("fct_deal_steps", "fct_deal_versions", "fct_pipeline_movements")
#: and what they read of the layer before
INTERMEDIATE = """
    create or replace table int_crm__deals as select deal_key, source_system, account, created_at from {marts}dim_deals;
    create or replace table int_crm__stages as
    select * exclude (source_system), source_system, 'test' as account, 1 as _first_load_number from {marts}dim_stages;
"""


def write_core(home: Path, tables: dict[str, list[dict[str, Any]]]) -> None:
    """Creates every core table of `_core.yml` in `home`/marts.duckdb and fills it; a column left out is null, a flag false.

    Companies that a test does not write are the unknown one, as in core.
    """
    tables = {
        "dim_companies": [{"company_key": UNKNOWN, "source_system": "unknown", "company_name": "unknown"}]
    } | tables
    with duckdb.connect(str(home / "marts.duckdb")) as connection:
        for table, columns in COLUMNS.items():
            listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            connection.execute(f"create or replace table {table} ({listed})")
            if not tables.get(table):
                continue
            lines = home / "rows.jsonl"
            lines.write_text("\n".join(json.dumps(row, default=_as_text) for row in tables[table]))
            typed = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
            values = ", ".join(
                f'coalesce("{name}", false)' if kind == "boolean" else f'"{name}"' for name, kind in columns.items()
            )
            connection.execute(
                f"insert into {table} select {values}"
                f" from read_json('{lines}', format = 'newline_delimited', columns = {{{typed}}})"
            )
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute(
            f"attach '{home / 'marts.duckdb'}' as marts (read_only); create schema if not exists intermediate"
        )
        connection.execute("use warehouse.intermediate; " + INTERMEDIATE.format(marts="marts.main."))


def _as_text(value: datetime | date | Decimal | UUID) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return str(value)


def run_dbt(
    home: Path, *arguments: str, timezone: str = "Europe/Berlin", project: Path = PROJECT
) -> subprocess.CompletedProcess[str]:
    """Runs dbt on the project with its files in `home`."""
    files = {
        f"WATERTIGHT_{name.upper()}_FILE": str(home / f"{name}.duckdb") for name in ("warehouse", "marts", "detail")
    }
    return subprocess.run(
        [
            str(Path(sys.executable).parent / "dbt"), *arguments, "--project-dir", str(project), "--profiles-dir", str(project),
            "--target-path", str(home / "target"), "--log-path", str(home / "logs"), "--no-use-colors",
            "--vars", json.dumps({"timezone": timezone}),
        ],
        env=os.environ | files, capture_output=True, text=True, check=False,
    )  # fmt: skip


def build_marts(
    home: Path,
    tables: dict[str, list[dict[str, Any]]],
    selected: Sequence[str] = ("path:models/marts", "marts_*", *SEEDS),
    tests: str = "eager",
    unit_tests: bool = False,
) -> duckdb.DuckDBPyConnection:
    """The selected marts over the given core tables, their tests (dbt's indirect selection) green; a read-only connection to them.

    Their unit tests prove the SQL on rows of their own, the same over any core: they run with them where `unit_tests` says so.
    """
    write_core(home, tables)
    # what is asked of dimensions and of the sources' own records has none here
    excluded = ("test_name:snapshots_equal_the_ledger", "test_name:equals_control_totals", "core_*")
    selection = ["--select", *DERIVED, *selected, "--exclude", *excluded, "--indirect-selection", tests]
    if not unit_tests:
        selection += ["--exclude-resource-type", "unit_test"]
    outcome = project.run_dbt(["build", *selection], home, {"timezone": "Europe/Berlin"})
    failed = [f"{each.node.name}: {each.message}" for each in outcome.result or () if each.status in ("error", "fail")]
    assert outcome.success, "\n".join(failed) or outcome.exception
    return duckdb.connect(str(home / "marts.duckdb"), read_only=True)


def compiled(home: Path, name: str) -> str:
    """The SQL that a build in `home` sent for the one model or data test whose file name begins with `name`."""
    paths = (home / "target" / "compiled").rglob(f"{name}*.sql")
    # beside them stand the rows that unit tests put in the place of a model
    [path] = (path for path in paths if not path.parent.name.endswith("_unit_tests.yml"))
    return path.read_text()
