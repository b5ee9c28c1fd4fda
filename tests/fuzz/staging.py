"""The staging models and their test values_parse as dbt compiles them, run on a warehouse that a fuzzed extraction was loaded into."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tests.core.project import run_dbt


@dataclass(frozen=True)
class Staging:
    """`models` and `tests` by the raw table they read: {table: {name: SQL}}."""

    models: dict[str, dict[str, str]]
    tests: dict[str, dict[str, str]]

    @classmethod
    def compile(cls, folder: Path) -> Staging:
        """Asks dbt, once."""
        outcome = run_dbt(["compile", "--select", "staging"], folder)
        if not outcome.success:
            raise AssertionError(f"dbt could not compile the project: {outcome.exception or outcome.result}")
        found = cls({}, {})
        for node in (each.node for each in outcome.result.results):
            table = next(
                (name.rpartition(".")[2] for name in node.depends_on.nodes if name.startswith("source.")),
                None,
            )
            if table and node.resource_type == "model" and node.compiled_code:
                found.models.setdefault(table, {})[node.name] = node.compiled_code
            elif (
                table
                and node.resource_type == "test"
                and node.test_metadata
                and node.test_metadata.name == "values_parse"
            ):
                found.tests.setdefault(table, {})[node.name] = node.compiled_code
        return found

    def run(self, warehouse: Path, table: str) -> tuple[dict[str, list[dict[str, Any]]], set[tuple[str, str]]]:
        """The rows of every staging model of a raw table, and what values_parse reports: (id, last part of the place)."""
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            rows = {name: _rows(connection, sql) for name, sql in self.models[table].items()}
            told = {
                (row["guilty_key"], row["field"].rpartition(".")[2])
                for sql in self.tests.get(table, {}).values()
                for row in _rows(connection, sql)
            }
        return rows, told


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    found = connection.execute(sql)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
