"""What no CRM holds: complete, in the contract's columns, and the same for the same night."""

import csv
from pathlib import Path

import pytest

from simulator import files
from simulator.company import Company
from simulator.events import STAGE
from simulator.identities import identify
from simulator.pipelines import IS_WON

pytestmark = pytest.mark.unit

REQUIRED = {
    "campaigns": {"campaign_id", "campaign_name"},
    "marketing_spend": {"date", "channel", "amount", "currency_code"},
    "process_costs": {"period_start", "period_end", "process", "amount", "currency_code"},
    "payments": {"payment_id", "deal_id", "paid_at", "amount", "currency_code"},
    "exchange_rates": {"date", "from_currency", "to_currency", "rate"},
    "capacity": {"owner_id", "week_start"},
}


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_file_has_its_required_columns_filled(tmp_path: Path) -> None:
    files.write(Company(7, 200), 1, tmp_path)
    for name, columns in REQUIRED.items():
        rows = _rows(tmp_path, name)
        assert rows, name
        assert all(row[column] for row in rows for column in columns), name


def test_the_past_stays_and_days_are_added(tmp_path: Path) -> None:
    company = Company(7, 200)
    files.write(company, 1, tmp_path)
    first = _rows(tmp_path, "marketing_spend"), _rows(tmp_path, "exchange_rates")
    files.write(company, 4, tmp_path)
    later = _rows(tmp_path, "marketing_spend"), _rows(tmp_path, "exchange_rates")
    assert all(row in later[0] for row in first[0])
    assert all(row in later[1] for row in first[1])
    assert max(row["date"] for row in later[0]) == "2026-06-04"


def test_spend_refers_to_known_campaigns(tmp_path: Path) -> None:
    files.write(Company(7, 200), 2, tmp_path)
    known = {row["campaign_id"] for row in _rows(tmp_path, "campaigns")}
    assert {row["campaign_id"] for row in _rows(tmp_path, "marketing_spend")} <= known


def test_capacity_refers_to_known_owners(tmp_path: Path) -> None:
    company = Company(7, 200)
    files.write(company, 2, tmp_path)
    known = {seller.id for seller in company.sellers.everyone}
    assert {row["owner_id"] for row in _rows(tmp_path, "capacity")} <= known


def test_quotas_are_set_in_the_crm_alone(tmp_path: Path) -> None:
    company = Company(7, 200)
    written = {path.stem for path in files.write(company, 2, tmp_path)}
    assert "quotas" not in written
    assert company.ledgers["goal_targets"].events.count


def test_payments_are_of_won_deals_and_grow(tmp_path: Path) -> None:
    company = Company(7, 400)
    files.write(company, 1, tmp_path)
    first = _rows(tmp_path, "payments")
    files.write(company, 30, tmp_path)
    later = _rows(tmp_path, "payments")
    assert len(first) > 20
    assert len(later) > len(first)
    won = {identify("deals", int(number)) for number in _ever_won(company)}
    assert {row["deal_id"] for row in later} <= won
    assert len({row["payment_id"] for row in later}) == len(later)


def _ever_won(company: Company) -> set[int]:
    events = company.ledgers["deals"].events
    stages = [place for place in range(len(events.number)) if events.which[place] == STAGE]
    return {int(events.number[place]) for place in stages if IS_WON[events.value[place]]}
