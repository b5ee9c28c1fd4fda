"""The whole road on the simulated Salesforce: what the warehouse says of every opportunity equals the company's truth log, as far as
Salesforce can tell it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from extractors.core.settings import Settings, read_settings
from simulator import line_items, truth
from simulator.identities import number_of
from simulator.salesforce.identities import identify
from simulator.salesforce.oauth import CLIENT_ID
from simulator.salesforce.settings import USERNAME
from simulator.server import Simulation, start
from tests import facts_project
from tests.e2e.salesforce_truth import (
    LONGEST_COMMIT,
    agrees,
    expected_of,
    is_erased,
    known_at,
    last_seen,
    left_the_bin,
    possible_states,
    recorded,
)
from tests.e2e.trade_truth import Trade, differing, read_trade, statuses_of
from tests.e2e.truth_ledger import Move, deals_of
from tests.nights.night import run_night
from warehouse.lease import Lease
from warehouse.verify import compare_with_rebuild
from watertight import night as steps

NIGHTS = 6
DEALS = 500
#: a company that merges a deal and erases another within these nights
SEED = 75


def settings_for(home: Path, simulation: Simulation) -> Settings:
    return read_settings(
        home_dir=home,
        salesforce_url=simulation.url,
        salesforce_client_id=CLIENT_ID,
        salesforce_username=USERNAME,
        salesforce_private_key_file=simulation.home / "salesforce_key.pem",
        salesforce_bulk_rows=1_000,
        files_dir=simulation.home / "files",
        simulated_time=True,
        sweep_days=1,
        _env_file=None,
    )


class Night:
    """One night's facts beside what was true when it was made."""

    events: list[truth.Event]
    sellers: dict[str, int]

    def __init__(self, settings: Settings, simulation: Simulation, loaded: dict[str, dict[str, Any]]) -> None:
        self.loaded = loaded
        self.asked_until = datetime.fromisoformat(simulation.world.clock.iso()).replace(tzinfo=None)
        with duckdb.connect(str(settings.marts_file), read_only=True) as connection:
            self.data_through: datetime = connection.execute(
                "select data_through from dim_sources where source_system = 'salesforce'"
            ).fetchall()[0][0]
            rows = connection.execute("""
                select deals.source_deal_id, moves.transition_kind, moves.transitioned_at, stages.source_pipeline_id,
                    stages.source_stage_id, moves.deal_amount, moves.currency_code
                from fct_deal_stage_transitions as moves
                join dim_deals as deals using (deal_key)
                left join dim_stages as stages on stages.stage_key = moves.to_stage_key and stages.is_current
                where deals.source_system = 'salesforce'
                order by moves.deal_key, moves.transition_number
            """).fetchall()
            self.ledger = defaultdict(list)
            for deal, kind, *move in rows:
                self.ledger[deal].append((kind, Move(*move)))
            self.trade = read_trade(connection, "salesforce")
            self.lead_statuses = defaultdict(list)
            for lead, status, at, source in connection.execute("""
                select lead.source_lead_id, change.new_status, change.changed_at, change.change_source
                from fct_lead_status_changes as change join dim_leads as lead using (lead_key)
                where lead.source_system = 'salesforce' and change.retracted_at is null
                order by change.lead_key, change.changed_at, change.sequence
            """).fetchall():
                self.lead_statuses[lead].append((status, at, source))
            self.statuses = dict(
                connection.execute(
                    "select source_deal_id, deal_status from dim_deals where source_system = 'salesforce'"
                ).fetchall()
            )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Nights of the facts: what is compared here ends with them."""
    with facts_project.in_force(tmp_path_factory):
        yield tmp_path_factory.mktemp("salesforce")


@pytest.fixture(scope="module")
def journey(home: Path) -> tuple[list[Night], list[dict[str, list[truth.Event]]]]:
    """All nights; the truth as logged by each. A night also holds all that was logged, and who the sellers are."""
    nights, lives = [], []
    with start(home / "company", size=DEALS, seed=SEED) as simulation:
        settings = settings_for(home / "home", simulation)
        for number in range(1, NIGHTS + 1):
            simulation.advance(number)
            loaded = run_night(settings, "salesforce", published=number in (1, NIGHTS))
            nights.append(Night(settings, simulation, loaded))
            events = list(truth.read(simulation.home, number))
            nights[-1].events = events
            nights[-1].sellers = {seller.id: seller.number for seller in simulation.company.sellers.everyone}
            lives.append(deals_of(events))
    return nights, lives


@pytest.mark.parametrize("which", [0, NIGHTS - 1], ids=["after night 1", f"after night {NIGHTS}"])
def test_every_transition_instant_and_amount_equals_the_truth(journey: Any, which: int) -> None:
    nights, truths = journey
    night, lives, first_asked = nights[which], truths[which], nights[0].asked_until
    settled = night.data_through - LONGEST_COMMIT
    asked = [each.data_through for each in nights[: which + 1]]
    differences, compared, unsettled, checked = [], Counter[str](), 0, 0
    for deal, life in lives.items():
        found = night.ledger.get(identify("Opportunity", life[0].number), [])
        if not found and left_the_bin(life, nights[0].data_through):
            continue  # the org did not show it any more when it was first asked
        states = [state for state in possible_states(life, settled, night.asked_until) if state]
        if not states:
            continue
        unsettled += len(states) > 1
        checked += 1
        compared.update(kind for kind, _ in found)
        candidates = [last_seen(state, asked) if is_erased(state) else state for state in states]
        if not any(
            agrees(found, expected_of(state, first_asked), whole)
            for state, whole in zip(candidates, states, strict=True)
        ):
            differences.append(f"{deal}: expected {expected_of(candidates[-1], first_asked)}, found {found}")
    assert checked > DEALS * 0.8
    assert not differences, f"{len(differences)} of {checked} deals differ from the truth, first: {differences[:3]}"
    known = {identify("Opportunity", life[0].number) for life in lives.values()}
    assert not set(night.ledger) - known, "the warehouse holds deals that never were"
    assert unsettled < len(lives) / 20, (
        "too many deals changed while the night was asking: the comparison would be weak"
    )
    kinds = {
        "created",
        "advanced",
        "skipped_ahead",
        "moved_back",
        "moved_pipeline",
        "won",
        "lost",
        "reopened",
        "deleted",
    }
    assert kinds <= set(compared), f"the company never showed {kinds - set(compared)}"


def test_merges_of_the_company_are_deletions_and_erased_deals_are_marked_within_one_sweep(journey: Any) -> None:
    nights, truths = journey
    last, lives = nights[-1], truths[-1]
    seen_first = set(nights[0].statuses)
    settled = last.data_through - timedelta(hours=26)
    merged = erased = 0
    for life in lives.values():
        deal = identify("Opportunity", life[0].number)
        state = known_at(life, settled)
        if deal not in seen_first or not state or any(recorded(event) > settled for event in life):
            continue
        if any(event.kind == "merged" for event in state):
            merged += 1
            assert last.statuses[deal] == "deleted"
        if is_erased(state):
            erased += 1
            assert last.statuses[deal] == "deleted"
    assert merged, "nothing was merged: the test would prove nothing"
    assert erased, "nothing was erased: the test would prove nothing"


def test_a_later_night_reads_only_the_change(journey: Any) -> None:
    nights, _ = journey
    for table in ("opportunities", "opportunity_history", "opportunity_field_history", "leads", "contacts", "tasks"):
        assert nights[-1].loaded[table]["rows_landed"] * 20 < nights[0].loaded[table]["rows_landed"], table
    assert all(each["rows_landed"] == each["rows_new"] + each["rows_held"] for each in nights[-1].loaded.values())


def test_the_nights_equal_their_rebuild_from_landing(journey: Any, home: Path) -> None:
    settings = read_settings(home_dir=home / "home", simulated_time=True, _env_file=None)
    lease = Lease.take(settings.home, one_process=True)
    differences = compare_with_rebuild(settings, steps.raw_tables())
    lease.release()
    assert not differences, [one.as_dict() for one in differences]


def trade_of(night: Night, entity: str) -> Trade:
    return Trade(night.events, entity, night.data_through - LONGEST_COMMIT, night.asked_until)


def number_in(kind: str, identity: str | None) -> int:
    """The number behind an id of the log."""
    found = number_of(kind, identity or "")
    assert found is not None
    return found


WHICH = pytest.mark.parametrize("which", [0, NIGHTS - 1], ids=["after night 1", f"after night {NIGHTS}"])


@WHICH
def test_every_product_line_item_campaign_and_quota_equals_the_truth(journey: Any, which: int) -> None:
    night = journey[0][which]
    kinds = {"products": "product", "line_items": "line_item", "campaigns": "campaign", "quotas": "goal"}
    objects = {
        "products": "Product2",
        "line_items": "OpportunityLineItem",
        "campaigns": "Campaign",
        "quotas": "ForecastingQuota",
    }
    deals = trade_of(night, "deal")
    for table, entity in kinds.items():
        wanted: dict[str, tuple[Any, ...]] = {}
        gone = set()
        for thing in trade_of(night, entity).settled:
            key, values = identify(objects[table], thing.number), thing.values
            if table == "line_items":
                number = line_items.deal_of(thing.number)
                # A line goes with its opportunity and comes back with it, and nobody stamps it.
                if number in deals.moving or any(event.kind == "restored" for event in deals.lives[number]):
                    continue
                if deals.things[number].end:
                    gone.add(key)
                    continue
            if thing.end or (table == "quotas" and values["goal"] != "revenue"):
                gone.add(key)
            elif table == "products":
                wanted[key] = (values["name"], False)
            elif table == "line_items":
                deal = identify("Opportunity", line_items.deal_of(thing.number))
                product = identify("Product2", number_in("products", values["product"]))
                wanted[key] = (
                    deal,
                    product,
                    float(values["quantity"] or 0),
                    thing.amount("amount"),
                    values["currency"],
                    False,
                )
            elif table == "campaigns":
                wanted[key] = (values["name"], thing.amount("budget"), thing.amount("spend"), False)
            else:
                start, end = (date.fromisoformat(day) for day in (values["period"] or "").split("/"))
                owner = identify("User", night.sellers[values["owner"] or ""] + 1)
                wanted[key] = (owner, start, end, thing.amount("amount"), "EUR", False)
        lines = differing(night.trade[table], wanted, gone)
        assert len(wanted) > 8, table
        assert not lines, f"{len(lines)} of {len(wanted)} {table} differ from the truth, first: {lines[:3]}"
        assert not set(night.trade[table]) - {
            identify(objects[table], number) for number in trade_of(night, entity).things
        }
    assert which == 0 or any(thing.end for thing in trade_of(night, "line_item").settled), "no line was taken away"


@WHICH
def test_every_lead_of_a_paid_channel_came_by_the_campaign_that_ran_then(journey: Any, which: int) -> None:
    """Campaigns run for a quarter and a channel. One that was deleted brought nobody; who had been invited again counts for the next one."""
    night = journey[0][which]
    campaigns = trade_of(night, "campaign")
    ended = {thing.values["name"] for thing in campaigns.things.values() if thing.end}
    moving = {campaigns.things[number].values["name"] for number in campaigns.moving}
    running = {thing.values["name"] for thing in campaigns.things.values()} - ended
    leads, differences, seen = trade_of(night, "lead"), [], Counter[str]()
    for thing in leads.settled:
        found = night.trade["lead_campaigns"].get(identify("Lead", thing.number))
        if found is None or thing.end:
            continue
        channel, campaign_id, name, _ = found
        came = min(datetime.fromisoformat(event.recorded_at) for event in leads.lives[thing.number])
        own, following = (
            f"{channel.replace('_', ' ').capitalize()} {quarter // 4} Q{quarter % 4 + 1}"
            for quarter in (came.year * 4 + (came.month - 1) // 3, came.year * 4 + (came.month - 1) // 3 + 1)
        )
        if {own, following} & moving:
            continue
        allowed = {own} if own in running else {None, following} if own in ended else {None}
        seen["by a campaign" if own in running else "its campaign is deleted" if own in ended else "by none"] += 1
        if name not in allowed or (name is None) != (campaign_id is None):
            differences.append(f"lead {thing.number} of {came}: expected one of {allowed}, found {found}")
    assert not differences, f"{len(differences)} leads differ, first: {differences[:3]}"
    assert min(seen["by a campaign"], seen["its campaign is deleted"], seen["by none"]) > 10, seen


@WHICH
def test_merged_accounts_and_contacts_name_their_survivor(journey: Any, which: int) -> None:
    night = journey[0][which]
    merged = 0
    for table, entity, kind, name in (
        ("companies", "company", "companies", "Account"),
        ("contacts", "contact", "contacts", "Contact"),
    ):
        found, wanted = night.trade[table], {}
        for thing in trade_of(night, entity).settled:
            key = identify(name, thing.number)
            if thing.end is None:
                wanted[key] = (None, False)
            elif thing.end == "merged" and key in found:
                wanted[key] = (identify(name, number_in(kind, thing.into)), True)
                merged += 1
        lines = differing(found, wanted, set())
        assert not lines, f"{len(lines)} of {len(wanted)} {table} differ from the truth, first: {lines[:3]}"
    assert which == 0 or merged, "nothing was merged: the test would prove nothing"


@WHICH
def test_every_status_of_every_lead_equals_the_truth(journey: Any, which: int) -> None:
    night = journey[0][which]
    leads = trade_of(night, "lead")
    compared, lines = 0, []
    for thing in leads.settled:
        found = night.lead_statuses.get(identify("Lead", thing.number))
        if thing.end or found is None:
            assert thing.end, f"lead {thing.number} is missing"
            continue
        wanted = statuses_of(leads.lives[thing.number])
        compared += len(wanted)
        if [(status, at) for status, at, _ in found] != wanted:
            lines.append(f"lead {thing.number}: expected {wanted}, found {found}")
    assert compared > DEALS
    assert not lines, f"{len(lines)} leads differ from the truth, first: {lines[:3]}"
