"""Random leads over three nights against the independent ledger; then the nights' increments against a rebuild of everything.

`WATERTIGHT_ORACLE_LEADS` (default 450) sets the number of leads, `WATERTIGHT_ORACLE_SEED` (default 1) the company.
"""

import os
import shutil
from collections import Counter
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.core.company import Files
from tests.core.warehouse import Warehouse
from tests.oracle.lead_histories import folders
from tests.oracle.lead_ledger import Night, Standing, TakenBack, keep

pytestmark = pytest.mark.integration

LEADS = int(os.environ.get("WATERTIGHT_ORACLE_LEADS", "450"))
SEED = int(os.environ.get("WATERTIGHT_ORACLE_SEED", "1"))
SELECT = ("build", "--select", "+fct_lead_status_changes", "+dim_leads", "--exclude", "test_type:unit",
          "--indirect-selection", "cautious")  # fmt: skip
CHANGE_KEY = ("lead_id", "changed_at", "sequence", "new_status", "old_status")


def build(warehouse: Warehouse, *arguments: str) -> None:
    """The leads' part of the project with its data tests, which have to be green."""
    result = warehouse.dbt(*SELECT, *arguments)
    failed = [f"{each.node.name}: {each.message}" for each in result.result or () if each.status in ("error", "fail")]
    assert result.success, failed or str(result.exception)


def load(warehouse: Warehouse, files: Files, night: Night) -> None:
    """The two files of a night, complete: only what is new is loaded, what vanished as deleted."""
    warehouse.night = night.at
    files.load(warehouse, "leads", {str(row["lead_id"]): row for row in night.leads})
    files.load(
        warehouse,
        "lead_status_changes",
        {"|".join(str(row[name]) for name in CHANGE_KEY): row for row in night.changes},
    )


def found(warehouse: Warehouse) -> tuple[list[Standing], list[TakenBack]]:
    """The built ledger in the oracle's records."""
    rows = warehouse.rows("""
        select change.*, lead.source_lead_id as lead_id
        from fct_lead_status_changes as change inner join dim_leads as lead on change.lead_key = lead.lead_key
        where lead.source_system = 'files'
        order by lead.source_lead_id, change.changed_at, change.sequence, change._record_number
    """)
    ours = [{name: _aware(value) for name, value in row.items()} for row in rows]
    return (
        [Standing(**{name: row[name] for name in Standing.__dataclass_fields__}) for row in ours if row["retracted_at"] is None],
        [TakenBack(**{name: row[name] for name in TakenBack.__dataclass_fields__}) for row in ours if row["retracted_at"]],
    )  # fmt: skip


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The warehouse after three nights; each night's ledger was compared with the oracle's."""
    warehouse, files = Warehouse(tmp_path_factory.mktemp("leads") / "nights"), Files()
    company = folders(SEED, LEADS)
    for number, night in enumerate(company, 1):
        load(warehouse, files, night)
        build(warehouse)
        standing, taken_back = keep(company[:number])
        ours, theirs = found(warehouse)
        by_lead = Counter(entry.lead_id for entry in standing)
        assert by_lead == Counter(entry.lead_id for entry in ours), f"night {number}"
        differences = [(wanted, seen) for wanted, seen in zip(standing, ours, strict=True) if wanted != seen]
        assert not differences, f"night {number}: {len(differences)} differ, the first:\n" + "\n".join(
            str(each) for each in differences[0]
        )
        assert Counter(map(astuple, taken_back)) == Counter(map(astuple, theirs)), f"night {number}"
    assert taken_back
    return warehouse


def test_three_nights_equal_the_oracle(nights: Warehouse) -> None:
    statuses = nights.rows("select distinct hand_off_outcome, change_source from fct_lead_status_changes")
    assert {row["hand_off_outcome"] for row in statuses} == {None, "offered", "accepted", "rejected", "recycled"}
    assert {row["change_source"] for row in statuses} == {"crm_history", "observed", "inferred"}


def test_the_nights_equal_a_rebuild(nights: Warehouse, tmp_path: Path) -> None:
    folder = tmp_path / "rebuilt"
    shutil.copytree(nights.folder, folder)
    for name in ("marts", "detail"):
        (folder / f"{name}.duckdb").unlink()
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        for schema in ("staging", "intermediate"):
            connection.execute(f"drop schema {schema} cascade")
    rebuilt = Warehouse.of(folder)
    build(rebuilt, "--full-refresh")
    for table in ("dim_leads", "fct_lead_status_changes"):
        query = f"select * from {table} order by all"
        assert nights.rows(query) == rebuilt.rows(query), table
