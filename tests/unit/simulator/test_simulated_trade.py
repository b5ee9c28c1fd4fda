"""What the company sells, plans and spends, and how duplicates are merged: all in the truth log, all in the nights that tests run."""

from collections import defaultdict
from pathlib import Path

import pytest

from simulator import campaigns, files, line_items, rates, truth
from simulator.company import Company
from simulator.events import LIVE
from simulator.identities import identify, number_of
from simulator.seasons import instant, iso
from simulator.truth import Event

pytestmark = pytest.mark.unit

NIGHTS = 10


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    folder, company = tmp_path_factory.mktemp("trade"), Company(56, 700)
    for night in range(1, NIGHTS + 1):
        truth.write(company, night, folder)
    return list(truth.read(folder))


@pytest.fixture(scope="module")
def lives(events: list[Event]) -> dict[str, dict[str, list[Event]]]:
    found: dict[str, dict[str, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        found[event.entity][event.entity_id].append(event)
    return {
        entity: {key: sorted(life, key=lambda event: event.sequence) for key, life in lives.items()}
        for entity, lives in found.items()
    }


@pytest.mark.parametrize(
    ("entity", "kinds"),
    [
        ("product", {"created", "changed name", "archived", "deleted"}),
        ("line_item", {"created", "changed quantity", "changed amount", "archived"}),
        ("campaign", {"created", "changed budget", "changed spend", "deleted"}),
        ("goal", {"changed amount", "deleted"}),
        ("lead", {"created", "changed stage", "changed owner", "archived", "deleted"}),
        ("contact", {"created", "merged", "changed merged_in", "deleted"}),
        ("company", {"created", "merged", "changed merged_in", "deleted"}),
        ("exchange_rate", {"changed rate"}),
    ],
)
def test_everything_that_can_happen_happens_within_ten_nights(
    events: list[Event], entity: str, kinds: set[str]
) -> None:
    seen = {
        f"{event.kind} {event.field or ''}".strip()
        for event in events
        if event.entity == entity and iso(instant(1)) < event.recorded_at <= iso(instant(NIGHTS))
    }
    assert kinds <= seen


def test_a_goal_is_withdrawn_sooner_or_later(lives: dict[str, dict[str, list[Event]]]) -> None:
    assert {"archived", "deleted"} <= {event.kind for life in lives["goal"].values() for event in life}
    for life in lives["goal"].values():
        assert {"goal", "owner", "period", "amount"} <= {event.field for event in life}


def test_nothing_happens_to_the_items_of_a_deal_that_is_gone(lives: dict[str, dict[str, list[Event]]]) -> None:
    ends = 0
    for life in lives["line_item"].values():
        deal = lives["deal"].get(identify("deals", line_items.deal_of(life[0].number)), [])
        gone = next((event for event in deal if event.kind in ("archived", "deleted", "merged")), None)
        assert deal[0].recorded_at < life[0].recorded_at
        if gone is not None:
            ends += 1
            assert life[-1].recorded_at < gone.recorded_at
    assert ends >= 5


def test_a_line_is_its_price_times_its_quantity_or_a_tenth_less(lives: dict[str, dict[str, list[Event]]]) -> None:
    for life in lives["line_item"].values():
        held = {event.field: event.new for event in life}
        cents, quantity = round(float(held["amount"] or 0) * 100), int(held["quantity"] or 0)
        assert quantity >= 1
        assert cents % quantity == 0 or cents * 10 % (quantity * 9) < quantity * 9


def test_a_merge_names_both_ends(lives: dict[str, dict[str, list[Event]]]) -> None:
    for entity in ("contact", "company", "deal"):
        merges = {life[0].entity_id: life[-1].new for life in lives[entity].values() if life[-1].kind == "merged"}
        named = {
            (event.new, life[0].entity_id)
            for life in lives[entity].values()
            for event in life
            if event.field == "merged_in"
        }
        assert len(merges) >= 15, entity
        assert named == set(merges.items())
        assert not merges.keys() & set(merges.values()), "a survivor is never merged away"


def test_a_month_s_bill_is_the_sum_of_its_days(tmp_path: Path) -> None:
    company = Company(56, 700)
    files.write(company, 1, tmp_path)
    days: dict[str, int] = defaultdict(int)
    for line in (tmp_path / "marketing_spend.csv").read_text().splitlines()[1:]:
        day, channel, amount, _, _ = line.split(",")
        days[f"{channel} {day[:7]}"] += round(float(amount) * 100)
    number = 3 * len(campaigns.PAID)  # the first channel's, three quarters after the beginning
    bills = [cents for _, cents in campaigns.bills(56, 700, number) if cents > 0]
    start = campaigns.quarter_start(3)
    assert bills == [days[f"{campaigns.PAID[0]} {start.year}-{start.month + month:02d}"] for month in range(3)]


def test_ids_of_campaigns_are_guids_and_lead_back() -> None:
    assert [number_of("campaigns", identify("campaigns", number)) for number in (0, 41)] == [0, 41]
    assert number_of("campaigns", "not-a-guid") is None
    assert number_of("campaigns", identify("deals", 3)) is None


def test_a_rate_counts_from_its_day_on() -> None:
    newest = {rate.currency: rate.rate for rate in rates.HISTORY}
    assert {code: rate.rate for code, rate in rates.in_force(instant(10)).items()} == newest
    assert rates.in_force(instant(1))["USD"].rate != newest["USD"]


def test_what_was_merged_away_leaves_its_place_to_the_survivor() -> None:
    company = Company(56, 700)
    state = company.at(NIGHTS)
    for kind in ("contacts", "companies"):
        merged = {n for n, (at, _) in company.ledgers[kind].merges.items() if at <= state.at}
        assert merged
        assert not merged & set(state.listed(kind, LIVE).tolist())
