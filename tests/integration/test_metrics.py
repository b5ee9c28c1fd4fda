"""The demonstration company's metrics: explained, answered and counted twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from extractors.core.settings import Settings
from tests.demonstration import first_night_of_all
from tests.metrics_page.__main__ import ANALYSTS, PAGE
from tests.metrics_page.analysts import fill, questions
from tests.metrics_page.entries import entries
from tests.metrics_page.page import render
from tests.scenario.expectations import metrics
from tests.semantic.compare import compare
from tests.semantic.layer import prepare
from warehouse.build import last_build

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return first_night_of_all(tmp_path_factory)


@pytest.fixture(scope="module")
def marts(night: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(night.published_dir / "marts.duckdb"), read_only=True) as connection:
        yield connection


def test_a_night_without_a_flaw_finds_nothing(night: Settings) -> None:
    built = last_build(night)
    assert built is not None
    assert built.findings == ()


def test_every_metric_is_explained(marts: duckdb.DuckDBPyConnection) -> None:
    held = {name for (name,) in marts.execute("select distinct metric from mart_metrics__values").fetchall()}
    explained = {name for entry in entries() for name in entry.names}
    without_periods = {metric.name for metric in metrics().values() if not metric.grains}
    assert sorted(held - explained) == [], "explain them in the YAML of their mart: config, meta, metrics"
    assert sorted(explained - held - without_periods) == [], "explained, and not in mart_metrics__values"


def test_the_page_says_what_the_yaml_and_the_demonstration_say(marts: duckdb.DuckDBPyConnection) -> None:
    now, written = render(entries(), marts).splitlines(), PAGE.read_text().splitlines()
    different = [f"{new!r}, on the page {old!r}" for new, old in zip(now, written, strict=False) if new != old]
    assert not different, f"make metrics-page writes it anew; first: {different[:3]}"
    assert len(now) == len(written)


def test_fifteen_questions_of_a_sales_manager_are_answered(marts: duckdb.DuckDBPyConnection) -> None:
    page = ANALYSTS.read_text()
    assert len(questions(page)) >= 15
    for query in questions(page):
        assert marts.execute(query).fetchall(), f"nothing answers {query}"
    now, written = fill(page, marts).splitlines(), page.splitlines()
    different = [f"{new!r}, on the page {old!r}" for new, old in zip(now, written, strict=False) if new != old]
    assert not different, f"make metrics-page writes it anew; first: {different[:3]}"
    assert len(now) == len(written)


def test_the_semantic_layer_counts_the_same(night: Settings, tmp_path: Path) -> None:
    compared = compare(prepare(tmp_path / "layer", (night.published_dir / "marts.duckdb").resolve()))
    assert not compared.differences, "\n".join(compared.differences[:20])
    assert len(compared.metrics) >= 50
    assert compared.figures > 1000


@pytest.mark.parametrize("file", ["marts", "detail"])
def test_every_published_table_and_column_says_what_it_is(night: Settings, file: str) -> None:
    with duckdb.connect(str(night.published_dir / f"{file}.duckdb"), read_only=True) as connection:
        silent = connection.execute("""
            select table_name || '.' || column_name from duckdb_columns() where not internal and coalesce(comment, '') = ''
            union all
            select table_name from duckdb_tables() where not internal and coalesce(comment, '') = ''
        """).fetchall()
        assert connection.execute("select count(*) > 5 from duckdb_columns() where not internal").fetchall()[0][0]
    assert silent == []
