"""How tables are made and grow (dbt_project/macros/tables.sql): on a project of one model, changed from run to run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner

from tests.core.project import PROJECT

pytestmark = pytest.mark.integration

DESCRIBED = """
version: 2
models:
  - name: deals
    description: One row per deal.
    config: {contract: {enforced: true}}
    columns:
      - {name: deal_id, data_type: bigint, description: The deal's number.}
      - {name: deal_amount, data_type: "decimal(18, 2)", description: In its own currency.}
"""


class Model:
    """The model `deals` of a project of its own, and the table that it makes."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project = folder / "project"
        (self.project / "models").mkdir(parents=True)
        shutil.copytree(PROJECT / "macros", self.project / "macros")
        shutil.copyfile(PROJECT / "profiles.yml", self.project / "profiles.yml")
        (self.project / "dbt_project.yml").write_text(
            "name: watertight\nversion: 1.0.0\nprofile: watertight\nvars: {timezone: UTC, custom_fields: {}}\n"
            "flags: {send_anonymous_usage_stats: false}\n"
            "models: {+database: marts, +schema: main, +persist_docs: {relation: true, columns: true}}\n"
        )
        self.folder = folder
        for name in ("warehouse", "marts", "detail"):
            monkeypatch.setenv(f"WATERTIGHT_{name.upper()}_FILE", str(folder / f"{name}.duckdb"))

    def run(self, query: str, described: str = "version: 2", **config: str) -> str:
        """Builds the model; returns dbt's message when that failed, else nothing."""
        given = ", ".join(f"{name}='{value}'" for name, value in config.items())
        (self.project / "models" / "deals.sql").write_text(f"{{{{ config({given}) }}}}\n{query}")
        (self.project / "models" / "deals.yml").write_text(described)
        places = ("--project-dir", str(self.project), "--profiles-dir", str(self.project), "--target-path", str(self.folder / "target"),
                  "--log-path", str(self.folder / "logs"))  # fmt: skip
        try:
            outcome = dbtRunner().invoke([
                "run", *places, "--log-level", "none", "--log-level-file", "none", "--no-write-json", "--no-partial-parse",
            ])  # fmt: skip
        finally:
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
            reset_adapters()  # type: ignore[no-untyped-call]
        assert outcome.exception is None, outcome.exception
        [result] = outcome.result
        return "" if outcome.success else str(result.message)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.folder / "marts.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    return Model(tmp_path, monkeypatch)


def test_a_table_takes_the_place_of_a_view_and_of_a_table_and_fails_alone(model: Model) -> None:
    assert model.run("select 1 as deal_id", materialized="view") == ""
    assert model.run("select 2 as deal_id", materialized="table") == ""
    assert model.run("select 3 as deal_id", materialized="table") == ""
    assert "zero" in model.run("select error('zero') as deal_id", materialized="table")
    assert model.ask("from deals") == [(3,)]
    assert model.ask("select table_name from duckdb_tables()") == [("deals",)]


def test_a_contract_holds_and_a_breach_names_the_column(model: Model) -> None:
    query = "select cast(1 as bigint) as deal_id, cast(9 as decimal(18, 2)) as deal_amount"
    for materialized in ("table", "incremental"):
        assert model.run(query, DESCRIBED, materialized=materialized, on_schema_change="fail") == ""
        for broken, words in (
            (query.replace("18, 2", "18, 3"), ("deal_amount", "data type mismatch")),
            (query.replace("as deal_amount", "as amount"), ("deal_amount", "missing in definition")),
            (query + ", 5 as more", ("more", "missing in contract")),
        ):
            message = model.run(broken, DESCRIBED, materialized=materialized, on_schema_change="fail")
            assert all(word in message for word in words), message
    # the table that grows took over the other's row
    assert model.ask("select deal_amount from deals") == [(9,), (9,)]
    comments = "select comment from duckdb_columns() where table_name = 'deals' order by column_index"
    assert model.ask("select comment from duckdb_tables()") == [("One row per deal.",)]
    assert model.ask(comments) == [("The deal's number.",), ("In its own currency.",)]


def test_a_growing_table_keeps_its_rows_and_meets_a_new_column_as_it_is_told(model: Model) -> None:
    grows = {"materialized": "incremental", "incremental_strategy": "delete+insert", "unique_key": "deal_id"}
    assert model.run("select 1 as deal_id, 'a' as stage union all select 2, 'a'", **grows) == ""
    assert model.run("select 2 as deal_id, 'b' as stage union all select 3, 'b'", **grows) == ""
    assert model.ask("from deals order by all") == [(1, "a"), (2, "b"), (3, "b")]
    wider = "select 3 as deal_id, 'c' as stage, {'text': 'x'} as note"
    assert "schema" in model.run(wider, **grows, on_schema_change="fail")
    assert "zero" in model.run("select 3 as deal_id, error('zero') as stage", **grows)
    assert model.ask("from deals order by all") == [(1, "a"), (2, "b"), (3, "b")]
    assert model.run(wider, **grows, on_schema_change="append_new_columns") == ""
    assert model.ask("from deals order by deal_id") == [(1, "a", None), (2, "b", None), (3, "c", {"text": "x"})]
