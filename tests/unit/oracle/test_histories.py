"""The generator: every kind is there, the same seed gives the same company, the folder keeps its contract."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.oracle.histories import KINDS, LATER_KINDS, found_company, histogram, live_on, write_folder
from tests.oracle.ledger import Night, keep_ledger

pytestmark = pytest.mark.unit

TRANSITION_KINDS = {
    "created", "deleted", "merged", "restored", "won", "lost", "reopened", "moved_pipeline", "advanced",
    "skipped_ahead", "moved_back",
}  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_every_kind_is_present(seed: int) -> None:
    company = found_company(seed, 400)
    assert set(histogram(company)) == set(KINDS)
    shown = set(histogram(live_on(company, seed)))
    assert set(LATER_KINDS) <= shown <= set(KINDS) | set(LATER_KINDS)


def test_the_same_seed_gives_the_same_company() -> None:
    assert found_company(7, 60).tables == found_company(7, 60).tables
    assert found_company(7, 60).tables != found_company(8, 60).tables


@pytest.mark.parametrize("seed", range(5))
def test_histories_lead_to_the_records(seed: int) -> None:
    """The generator and the oracle do not share code: where a history ends, the deal's record must stand."""
    company = found_company(seed, 300)
    later = live_on(company, seed)
    nights = [
        Night(datetime(2026, 11, 1, tzinfo=UTC), company.tables),
        Night(datetime(2026, 11, 2, tzinfo=UTC), later.tables),
    ]
    ledger = keep_ledger(nights)
    records = {row["deal_id"]: row for night in nights for row in night.tables["deals"]}
    assert {d.deal_id: (d.pipeline_id, d.stage_id) for d in ledger.deals} == {
        deal_id: (record["pipeline_id"], record["stage_id"]) for deal_id, record in records.items()
    }
    assert {t.transition_kind for t in ledger.transitions} == TRANSITION_KINDS
    assert all(visit.stage_kind for visit in ledger.visits)


@pytest.mark.parametrize("seed", [1, 2])
def test_deals_are_merged_into_deals_that_are_there(seed: int) -> None:
    """Also those that are new on the later night, when others have vanished."""
    deals = live_on(found_company(seed, 2500), seed).tables["deals"]
    survivors = {row["merged_into_deal_id"] for row in deals} - {None}
    assert survivors <= {row["deal_id"] for row in deals}


def test_the_folder_is_plain_csv_with_unique_keys(tmp_path: Path) -> None:
    company = found_company(3, 200)
    write_folder(company.tables, tmp_path)
    for name, rows in company.tables.items():
        with (tmp_path / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            read = [{column: value or None for column, value in row.items()} for row in csv.DictReader(file)]
        assert [{k: v for k, v in row.items() if v} for row in read] == [
            {k: v for k, v in row.items() if v} for row in rows
        ]
    changes = [tuple(row.values()) for row in company.tables["deal_changes"]]
    assert len(changes) == len(set(changes))
