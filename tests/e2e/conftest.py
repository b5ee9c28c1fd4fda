"""Everything in this folder is an end-to-end test, whoever wrote it down; and the night whose page two files of tests look at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from dashboard.page import make_page
from tests.demonstration import first_night_of_all
from tests.e2e.packed import HURT

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the first night of the demonstration's company published."""
    return first_night_of_all(tmp_path_factory).published_dir


@pytest.fixture(scope="session")
def marts(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a copy: of one file a process may have only connections that are set up alike."""
    copy = tmp_path_factory.mktemp("asked") / "marts.duckdb"
    shutil.copyfile(published / "marts.duckdb", copy)
    with duckdb.connect(str(copy), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def poisoned(published: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of marts whose names and links were written by somebody who means harm."""
    copy = tmp_path_factory.mktemp("poisoned") / "marts.duckdb"
    shutil.copyfile(published / "marts.duckdb", copy)
    copy.chmod(0o600)
    with duckdb.connect(str(copy)) as connection:
        for table, columns in {
            "mart_metrics__dimension_values": ["dimension_value"],
            "mart_sales__stages": ["stage_name"],
            "mart_sales__funnel": ["step_name"],
            "mart_sales__leakage": ["lost_reason"],
            "mart_sales__recovery_list": ["lost_reason", "owner_name", "last_open_stage_name", "source_deal_id"],
            "mart_metrics__benchmarks": ["benchmark", "source"],
            "mart_ops__freshness": ["source_system", "account"],
            "mart_ops__data_quality": ["check_name", "source_system", "consequence"],
            "mart_sales__deal_hygiene": ["source_deal_id", "stage_name"],
        }.items():
            for column in columns:
                connection.execute(f"update {table} set {column} = {column} || $1", [HURT])
        connection.execute("""
            update mart_sales__recovery_list set crm_url = case hash(deal_key) % 4
                when 0 then 'javascript:window.hurt=1' when 1 then 'data:text/html,<script>window.hurt=1</script>'
                when 2 then 'https://crm.example/"onmouseover="window.hurt=1' else null end
        """)  # fmt: skip
    return make_page(copy)
