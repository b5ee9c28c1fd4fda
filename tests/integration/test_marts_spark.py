"""Every compiled core and mart model can be said in Spark SQL, so that the day a company outgrows one machine the same models run on a cluster.

What the two engines say differently stands in dispatched macros. The project is compiled with the Spark form of each of them in
the place of DuckDB's, so that what is checked is what a cluster would get: translated to Spark, read again, and left with no function
that Spark does not have.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from tests.marts.build import PROJECT, run_dbt, write_core
from tests.marts.histories import core_tables, draw

pytestmark = pytest.mark.integration

#: functions of Spark that sqlglot has no class of its own for
SPARK_FUNCTIONS = {"UNIX_MILLIS", "FROM_UTC_TIMESTAMP", "TIMESTAMP_MILLIS"}
DISPATCHED = re.compile(r"adapter\.dispatch\('(\w+)'")
PAGE = PROJECT.parent / "docs" / "spark.md"


def dispatched_macros() -> set[str]:
    """Names of the macros that have a form per engine."""
    return {name for path in (PROJECT / "macros").glob("*.sql") for name in DISPATCHED.findall(path.read_text())}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Compiled SQL by model, core and marts, of the project whose default macros are Spark's."""
    home = tmp_path_factory.mktemp("spark")
    project = home / "project"
    shutil.copytree(PROJECT, project)
    for path in (project / "macros").glob("*.sql"):
        path.write_text(
            path.read_text().replace("macro default__", "macro elsewhere__").replace("macro spark__", "macro default__")
        )
    write_core(home, core_tables(draw(1, 3)))
    result = run_dbt(home, "compile", "--select", "path:models/marts", "path:models/core", project=project)
    assert result.returncode == 0, result.stdout[-4000:]
    manifest = json.loads(Path(home / "target/manifest.json").read_text())
    return {
        node["name"]: node["compiled_code"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][1] in ("core", "marts")
    }


def unsaid(sql: str) -> list[str]:
    """What stays untranslated: errors, and functions that Spark does not have."""
    try:
        spark = sqlglot.transpile(sql, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)[0]
        tree = sqlglot.parse_one(spark, read="spark")
    except sqlglot.errors.SqlglotError as error:
        return [str(error).splitlines()[0]]
    return sorted({node.name.upper() for node in tree.find_all(exp.Anonymous)} - SPARK_FUNCTIONS)


def test_every_model_passes_into_spark(compiled: dict[str, str]) -> None:
    left = {name: words for name, sql in compiled.items() if (words := unsaid(sql))}
    assert not left, "\n".join(f"{name}: {', '.join(words)}" for name, words in left.items())
    assert len(compiled) > 30


def test_the_spark_forms_took_part(compiled: dict[str, str]) -> None:
    everything = " ".join(compiled.values()).lower()
    assert "from_utc_timestamp(" in everything
    assert "unix_millis(" in everything
    assert "timezone(" not in everything


def test_every_dispatched_macro_has_both_forms_and_is_listed() -> None:
    text = "\n".join(path.read_text() for path in (PROJECT / "macros").glob("*.sql"))
    names = dispatched_macros()
    for name in names:
        assert f"macro default__{name}(" in text
        assert f"macro spark__{name}(" in text
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)) == names


def test_the_check_can_fail() -> None:
    assert unsaid("select arg_min_null(stage, number) as first_stage from visits") == ["ARG_MIN_NULL"]
    assert unsaid("select stage from visits where (")
    assert unsaid("select timezone('Europe/Berlin', at) from visits") == ["TIMEZONE"]
