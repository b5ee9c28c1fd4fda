"""What the simulated HubSpot tells of products, lines, goals, campaigns, rates and merges is the truth log's, in the shapes that HubSpot documents."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests

from simulator import truth
from simulator.identities import identify
from simulator.line_items import deal_of
from simulator.seasons import iso
from simulator.server import Simulation, start
from simulator.truth import Event

pytestmark = pytest.mark.contract

V = "2026-09"
NIGHT = 10


class Account:
    """The account as a client sees it, and the lives that are true at this moment."""

    def __init__(self, simulation: Simulation) -> None:
        self._url = simulation.url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {simulation.token}"
        now = iso(simulation.world.clock.now)
        self.lives: dict[str, dict[str, list[Event]]] = defaultdict(lambda: defaultdict(list))
        for event in sorted(truth.read(simulation.home), key=lambda event: event.sequence):
            if event.recorded_at <= now:
                self.lives[event.entity][event.entity_id].append(event)

    def get(self, path: str, **query: Any) -> requests.Response:
        return self._session.get(self._url + path, params=query)

    def every(self, path: str, **query: Any) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        while True:
            answer = self.get(path, **query).json()
            found |= {each["id"]: each for each in answer["results"]}
            after = answer.get("paging", {}).get("next", {}).get("after")
            if after is None:
                return found
            query["after"] = after

    def live(self, entity: str) -> dict[str, list[Event]]:
        return {key: life for key, life in self.lives[entity].items() if _standing(life) in ("created", "restored")}


def _standing(life: list[Event]) -> str:
    return [event.kind for event in life if event.kind != "changed"][-1]


def _values(life: list[Event]) -> dict[str | None, str | None]:
    return {event.field: event.new for event in life}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with start(tmp_path_factory.mktemp("trade"), size=300, seed=56, night=NIGHT) as running:
        yield Account(running)


def test_line_items_belong_to_their_deal_or_its_survivor(account: Account) -> None:
    properties = "quantity,amount,hs_product_id,hs_line_item_currency_code,price"
    found = account.every(f"/crm/objects/{V}/line_items", limit=100, properties=properties, associations="deals")
    assert found.keys() == account.live("line_item").keys()
    handed_over = lonely = 0
    for key, said in found.items():
        life = account.lives["line_item"][key]
        true, properties_said = _values(life), said["properties"]
        assert Decimal(properties_said["amount"]) == Decimal(true["amount"] or 0)
        assert properties_said["quantity"] == true["quantity"]
        assert properties_said["hs_product_id"] == true["product"]
        assert properties_said["hs_line_item_currency_code"] == true["currency"]
        deal = identify("deals", deal_of(life[0].number))
        end = account.lives["deal"][deal][-1]
        owner = end.new if end.kind == "merged" else deal
        ends = [each["id"] for each in said.get("associations", {}).get("deals", {}).get("results", [])]
        assert ends == ([owner] if owner in account.live("deal") else [])
        handed_over += end.kind == "merged"
        lonely += not ends
    assert handed_over
    assert lonely


def test_archived_and_vanished_ones_are_told_apart(account: Account) -> None:
    for kind, entity in (("line_items", "line_item"), ("products", "product"), ("goal_targets", "goal")):
        archived = account.every(f"/crm/objects/{V}/{kind}", limit=100, archived="true")
        assert archived.keys() == {key for key, life in account.lives[entity].items() if _standing(life) == "archived"}
        assert archived or entity == "goal"
        gone = {key for key, life in account.lives[entity].items() if _standing(life) == "deleted"}
        assert gone
        assert account.get(f"/crm/objects/{V}/{kind}/{min(gone)}").status_code == 404


def test_products_carry_their_newest_name(account: Account) -> None:
    found = account.every(f"/crm/objects/{V}/products", limit=100, properties="name,price,product_line")
    assert {key: said["properties"]["name"] for key, said in found.items()} == {
        key: _values(life)["name"] for key, life in account.live("product").items()
    }


def test_goals_are_for_users_and_have_bounds(account: Account) -> None:
    names = "hs_target_amount,hs_start_datetime,hs_end_datetime,hs_assignee_user_id,hs_goal_type"
    found = account.every(f"/crm/objects/{V}/goal_targets", limit=100, properties=names)
    assert found.keys() == account.live("goal").keys()
    owners = account.every(f"/crm/owners/{V}", limit=500) | account.every(
        f"/crm/owners/{V}", limit=500, archived="true"
    )
    users = {str(each["userIdIncludingInactive"]): key for key, each in owners.items()}
    for key, life in account.live("goal").items():
        said, true = found[key]["properties"], _values(life)
        assert users[said["hs_assignee_user_id"]] == true["owner"]
        assert Decimal(said["hs_target_amount"]) == Decimal(true["amount"] or 0)
        assert f"{said['hs_start_datetime'][:10]}/{said['hs_end_datetime'][:10]}" == true["period"]


def test_totals_of_a_campaign_are_the_sum_of_its_entries(account: Account) -> None:
    names = "hs_name,hs_budget_items_sum_amount,hs_spend_items_sum_amount,hs_currency_code"
    found = account.every(f"/marketing/campaigns/{V}", limit=25, properties=names)
    assert found.keys() == account.live("campaign").keys()
    credited = 0
    for key, said in found.items():
        true = _values(account.lives["campaign"][key])
        listed = said["properties"]
        assert listed["hs_name"] == true["name"]
        budget = account.get(f"/marketing/campaigns/{V}/{key}/budget/totals").json()
        for total, items, name, field in (
            ("budgetTotal", "budgetItems", "hs_budget_items_sum_amount", "budget"),
            ("spendTotal", "spendItems", "hs_spend_items_sum_amount", "spend"),
        ):
            assert Decimal(listed[name] or 0) == Decimal(true.get(field) or 0)
            assert round(Decimal(str(budget[total])), 2) == Decimal(true.get(field) or 0)
            assert round(sum(each["amount"] for each in budget[items]), 2) == pytest.approx(budget[total])
            assert [each["order"] for each in budget[items]] == list(range(len(budget[items])))
            credited += any(each["amount"] < 0 for each in budget[items])
    assert credited, "no credit note: a total that falls is not shown"
    assert account.get(f"/marketing/campaigns/{V}/{identify('campaigns', 9_999)}/budget/totals").status_code == 404


def test_rates_are_told_with_their_beginning(account: Account) -> None:
    rows = account.get(f"/settings/currencies/{V}/exchange-rates").json()["results"]
    told = {(row["fromCurrencyCode"], str(row["conversionRate"]), row["effectiveAt"][:10]) for row in rows}
    assert {row["toCurrencyCode"] for row in rows} == {"EUR"}
    assert told == {
        (key, event.new, event.happened_at[:10])
        for key, life in account.lives["exchange_rate"].items()
        for event in life
        if event.field == "rate"
    }


def test_a_survivor_names_whom_it_swallowed_and_the_loser_is_nowhere(account: Account) -> None:
    for kind, entity in (("contacts", "contact"), ("companies", "company")):
        listed = account.every(f"/crm/objects/{V}/{kind}", limit=100, properties="hs_merged_object_ids")
        archived = account.every(f"/crm/objects/{V}/{kind}", limit=100, archived="true")
        merged = {key: life[-1].new or "" for key, life in account.lives[entity].items() if _standing(life) == "merged"}
        assert merged
        for loser, survivor in merged.items():
            assert loser not in listed
            assert loser not in archived
            assert loser in listed[survivor]["properties"]["hs_merged_object_ids"].split(";")
