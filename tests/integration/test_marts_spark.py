"""Every compiled core and mart model can be said in Spark SQL, so that the day a company outgrows one machine the same models run on a cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from tests.marts.build import run_dbt, write_core
from tests.marts.histories import core_tables, draw

# The exceptions: DuckDB functions behind a dispatched macro that has a Spark form of its own (macros/dates.sql, reporting_date)
DISPATCHED = {"TIMEZONE"}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Compiled SQL by model, core and marts."""
    home = tmp_path_factory.mktemp("spark")
    write_core(home, core_tables(draw(1, 3)))
    result = run_dbt(home, "compile", "--select", "path:models/marts", "path:models/core")
    assert result.returncode == 0, result.stdout[-4000:]
    manifest = json.loads(Path(home / "target/manifest.json").read_text())
    return {
        node["name"]: node["compiled_code"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][1] in ("core", "marts")
    }


def unsaid(sql: str) -> list[str]:
    """What stays untranslated: errors, and functions that only DuckDB knows."""
    try:
        spark = sqlglot.transpile(sql, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)[0]
        tree = sqlglot.parse_one(spark, read="spark")
    except sqlglot.errors.SqlglotError as error:
        return [str(error).splitlines()[0]]
    anonymous = {node.name.upper() for node in tree.find_all(exp.Anonymous)}
    return sorted(anonymous - DISPATCHED)


def test_every_model_passes_into_spark(compiled: dict[str, str]) -> None:
    left = {name: words for name, sql in compiled.items() if (words := unsaid(sql))}
    assert not left, "\n".join(f"{name}: {', '.join(words)}" for name, words in left.items())
    assert len(compiled) > 30


def test_the_check_can_fail() -> None:
    assert unsaid("select arg_min_null(stage, number) as first_stage from visits") == ["ARG_MIN_NULL"]
    assert unsaid("select stage from visits where (")
