"""The whole road on the simulated Pipedrive: what the warehouse says of every deal equals what Pipedrive can know of the company's truth log.

The simulator is a real HTTP server; extraction, load, build, data tests and publication are the ones of production. The data tests hold the
control totals (count and amount per pipeline, stage and currency, archived deals included) against the ledger every night.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from extractors.core.settings import Settings, read_settings
from simulator import line_items, truth
from simulator.identities import number_of
from simulator.pipedrive.identities import identify
from simulator.pipedrive.limits import TokenLimits
from simulator.server import Simulation, start
from tests import facts_project
from tests.e2e.pipedrive_truth import agrees, in_pipedrives_ids, is_out_of_reach, moves_in_pipedrive
from tests.e2e.trade_truth import Trade, differing, read_trade
from tests.e2e.truth_ledger import Move, deals_of, instant, is_gone, known_at, possible_states
from tests.nights.night import run_night
from warehouse.lease import Lease
from warehouse.verify import compare_with_rebuild
from watertight import night as steps

pytestmark = pytest.mark.e2e

NIGHTS = 8
DEALS = 700
#: a company that loses a deal without a trace, merges, deletes and restores deals within these nights
SEED = 56


def settings_for(home: Path, simulation: Simulation, **more: Any) -> Settings:
    return read_settings(
        home_dir=home,
        pipedrive_token=simulation.token,
        pipedrive_url=simulation.url,
        files_dir=simulation.home / "files",
        simulated_time=True,
        sweep_days=3,
        _env_file=None,
        **more,
    )


class Night:
    """One night's publication beside what was true when it was made."""

    def __init__(self, settings: Settings, simulation: Simulation, loaded: dict[str, dict[str, Any]]) -> None:
        self.loaded = loaded
        self.night = simulation.world.clock.night
        self.asked_until = instant(simulation.world.clock.iso())
        self.events = list(truth.read(simulation.home, self.night))
        self.sellers = {seller.id: seller.number for seller in simulation.company.sellers.everyone}
        self.lives = {str(identify("deals", life[0].number)): life for life in deals_of(self.events).values()}
        with duckdb.connect(str(settings.published_dir / "marts.duckdb"), read_only=True) as connection:
            self.data_through: datetime = connection.execute(
                "select data_through from dim_sources where source_system = 'pipedrive'"
            ).fetchall()[0][0]
            self.ledger = self._read_ledger(connection)
            self.trade = read_trade(connection, "pipedrive")
            self.statuses = dict(
                connection.execute(
                    "select source_deal_id, deal_status from dim_deals where source_system = 'pipedrive'"
                ).fetchall()
            )
            self.lead_statuses = Counter(
                dict(
                    connection.execute(
                        "select lead_status, count(*) from dim_leads where source_system = 'pipedrive' group by 1"
                    ).fetchall()
                )
            )
        with duckdb.connect(str(settings.warehouse_file), read_only=True) as connection:
            self.totals = connection.execute("""
                select sum(deal_count), max(len(excluded_ids)), count(deal_amount) = count(*)
                from raw._control_totals
                where source_system = 'pipedrive' and load_number = (
                    select max(load_number) from raw._control_totals where source_system = 'pipedrive')
            """).fetchall()[0]

    @staticmethod
    def _read_ledger(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, Move]]]:
        rows = connection.execute("""
            select deals.source_deal_id, moves.transition_kind, moves.transitioned_at, stages.source_pipeline_id,
                stages.source_stage_id, moves.deal_amount, moves.currency_code
            from fct_deal_stage_transitions as moves
            join dim_deals as deals using (deal_key)
            left join dim_stages as stages on stages.stage_key = moves.to_stage_key and stages.is_current
            where deals.source_system = 'pipedrive'
            order by moves.deal_key, moves.transition_number
        """).fetchall()
        ledger = defaultdict(list)
        for deal, kind, *move in rows:
            ledger[deal].append((kind, Move(*move)))
        return dict(ledger)


def differences_of(night: Night, first_asked: datetime) -> tuple[list[str], Counter[str], int]:
    """Deals that differ from the truth, the kinds of transitions met, and how many deals were in motion while the night asked."""
    differences, compared, unsettled = [], Counter[str](), 0
    for deal, life in night.lives.items():
        if deal not in night.ledger and is_out_of_reach(known_at(life, night.asked_until), first_asked):
            continue
        states = list(possible_states(life, night.data_through, night.asked_until))
        if not any(states):
            continue
        unsettled += len(states) > 1
        found = night.ledger.get(deal, [])
        compared.update(kind for kind, _ in found)
        if not any(agrees(found, state, first_asked) for state in states):
            expected = in_pipedrives_ids(moves_in_pipedrive(states[-1], first_asked)) if states[-1] else []
            differences.append(f"{deal}: expected {expected}, found {found}")
    return differences, compared, unsettled


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Nights of the facts: what is compared here ends with them."""
    with facts_project.in_force(tmp_path_factory):
        yield tmp_path_factory.mktemp("pipedrive-journey")


@pytest.fixture(scope="module")
def journey(home: Path) -> list[Night]:
    """Of all nights the first and the last."""
    kept = []
    with start(home / "company", size=DEALS, seed=SEED) as simulation:
        settings = settings_for(home / "home", simulation)
        for number in range(1, NIGHTS + 1):
            simulation.advance(number)
            loaded = run_night(settings, "pipedrive", published=number in (1, NIGHTS))
            if number in (1, NIGHTS):
                kept.append(Night(settings, simulation, loaded))
    return kept


@pytest.mark.parametrize("which", [0, 1], ids=["after night 1", f"after night {NIGHTS}"])
def test_every_transition_that_pipedrive_can_express_equals_the_truth(journey: list[Night], which: int) -> None:
    night = journey[which]
    differences, compared, unsettled = differences_of(night, journey[0].asked_until)
    assert not differences, f"{len(differences)} deals differ from the truth log, first: {differences[:3]}"
    assert not set(night.ledger) - set(night.lives), "the warehouse holds deals that never were"
    assert unsettled < len(night.lives) / 20, (
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
    assert "merged" not in compared, "Pipedrive does not name the survivor of a merge"


def trade_of(night: Night, entity: str) -> Trade:
    return Trade(night.events, entity, night.data_through, night.asked_until)


def number_in(kind: str, identity: str | None) -> int:
    """The number behind an id of the log."""
    found = number_of(kind, identity or "")
    assert found is not None
    return found


WHICH = pytest.mark.parametrize("which", [0, 1], ids=["after night 1", f"after night {NIGHTS}"])


@WHICH
def test_every_product_and_goal_equals_the_truth(journey: list[Night], which: int) -> None:
    night = journey[which]
    products, goals = trade_of(night, "product"), trade_of(night, "goal")
    wanted = {
        str(identify("products", each.number)): (each.values["name"], False)
        for each in products.settled
        if not each.end
    }
    gone = {str(identify("products", each.number)) for each in products.settled if each.end}
    assert not differing(night.trade["products"], wanted, gone)
    quotas: dict[str, tuple[Any, ...]] = {}
    gone = set()
    for thing in goals.settled:
        start, end = (date.fromisoformat(day) for day in (thing.values["period"] or "").split("/"))
        key = f"{thing.number:032x}/{start}"
        if thing.end or thing.values["goal"] != "revenue":
            gone.add(key)
            continue
        owner = str(identify("users", night.sellers[thing.values["owner"] or ""]))
        target = Decimal(int(thing.amount("amount") or 0))
        quotas[key] = (owner, start, end, target, "EUR", False)
    lines = [line for line in differing(night.trade["quotas"], quotas, set()) if line]
    assert len(quotas) > 20
    assert not lines, f"{len(lines)} of {len(quotas)} goals differ from the truth, first: {lines[:3]}"
    assert not gone & night.trade["quotas"].keys(), "goals that were withdrawn count"


@WHICH
def test_every_product_of_every_deal_equals_the_truth(journey: list[Night], which: int) -> None:
    night = journey[which]
    deals, items = trade_of(night, "deal"), trade_of(night, "line_item")
    wanted: dict[str, tuple[Any, ...]] = {}
    gone = set()
    for thing in items.settled:
        deal = deals.things[line_items.deal_of(thing.number)]
        moving = deal.number in deals.moving
        while deal.end == "merged":
            deal = deals.by_identity[deal.into or ""]
            moving |= deal.number in deals.moving
        key, values = str(identify("line_items", thing.number)), thing.values
        if moving or deal.end:
            continue  # what a deal held that is gone is left as it was last seen
        if thing.end:
            gone.add(key)
            continue
        product = str(identify("products", number_in("products", values["product"])))
        owner = str(identify("deals", deal.number))
        wanted[key] = (
            owner,
            product,
            float(values["quantity"] or 0),
            thing.amount("amount"),
            values["currency"],
            False,
        )
    found = night.trade["line_items"]
    lines = differing(found, wanted, gone)
    assert len(wanted) > DEALS / 4
    assert not lines, f"{len(lines)} of {len(wanted)} products of deals differ from the truth, first: {lines[:3]}"
    assert which == 0 or gone & found.keys(), "nothing was taken off a deal"


def test_whom_pipedrive_merged_away_is_deleted_within_one_sweep(journey: list[Night]) -> None:
    first, last = journey
    for table, entity in (("contacts", "contact"), ("companies", "company")):
        swept = last.data_through - timedelta(days=3, hours=1)
        things = trade_of(last, entity).settled
        ids = {each.number: str(identify(table, each.number)) for each in things}
        merged = [each for each in things if each.end == "merged" and each.ended_at and each.ended_at <= swept]
        seen = [each for each in merged if ids[each.number] in first.trade[table]]
        assert seen, f"none of the {table} was merged: the test would prove nothing"
        assert {last.trade[table][ids[each.number]] for each in seen} == {(None, True)}
        living = {last.trade[table].get(ids[each.number]) for each in things if each.end is None}
        assert living == {(None, False)}


def test_the_control_totals_count_every_deal_archived_ones_too(journey: list[Night]) -> None:
    for night in journey:
        live = sum(
            known != [] and not any(event.kind in ("archived", "merged", "deleted") for event in known[-1:])
            for known in (known_at(life, night.data_through) for life in night.lives.values())
        )
        counted, excluded, all_have_amounts = night.totals
        assert all_have_amounts
        assert live - excluded <= counted <= live + excluded


def test_deals_gone_without_a_trace_are_marked_within_one_sweep(journey: list[Night]) -> None:
    first, last = journey
    long_gone = [
        deal
        for deal, life in last.lives.items()
        if is_gone(known_at(life, last.data_through - timedelta(days=3))) and deal in last.statuses
    ]
    assert [deal for deal in long_gone if deal in first.statuses], "nothing vanished: the test would prove nothing"
    assert {last.statuses[deal] for deal in long_gone} == {"deleted"}


def test_leads_are_new_converted_or_put_aside(journey: list[Night]) -> None:
    assert all(journey[1].lead_statuses[status] for status in ("new", "converted", "disqualified")), journey[
        1
    ].lead_statuses


def test_a_later_night_reads_only_the_change(journey: list[Night]) -> None:
    first, last = journey[0].loaded, journey[1].loaded
    pages = [sum(resource["pages"] for resource in night.values()) for night in (first, last)]
    assert pages[1] * 5 <= pages[0], f"data pages of the first and of a later night: {pages}"
    assert all(resource["rows_landed"] == resource["rows_new"] + resource["rows_held"] for resource in last.values())


def test_the_nights_equal_their_rebuild_from_landing(journey: list[Night], home: Path) -> None:
    settings = read_settings(home_dir=home / "home", simulated_time=True, _env_file=None)
    lease = Lease.take(settings.home, one_process=True)
    differences = compare_with_rebuild(settings, steps.raw_tables())
    lease.release()
    assert not differences, [one.as_dict() for one in differences]


@pytest.mark.usefixtures("home")
def test_a_first_load_that_takes_several_nights_ends_with_the_same_ledger(tmp_path: Path) -> None:
    with start(tmp_path / "company", size=220, seed=SEED) as simulation:
        simulation.world.pipedrive.limits = TokenLimits(daily=6_500)
        settings = settings_for(tmp_path / "home", simulation)
        histories, first_asked = [], None
        for number in range(1, 5):
            simulation.advance(number)
            loaded = run_night(settings, "pipedrive", published=number == 4)
            histories.append(loaded["deal_changelogs"]["rows_landed"])
            first_asked = first_asked or instant(simulation.world.clock.iso())
        assert histories[0] < 150, "the tokens sufficed for one night: the test would prove nothing"
        assert histories[-1] < histories[1], "the backlog was never worked off"
        assert first_asked is not None
        differences, _, _ = differences_of(Night(settings, simulation, loaded), first_asked)
        assert not differences, f"{len(differences)} deals differ from the truth log, first: {differences[:3]}"
