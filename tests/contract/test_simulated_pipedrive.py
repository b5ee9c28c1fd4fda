"""The simulated Pipedrive over real HTTP keeps to what Pipedrive's documentation, recorded traffic and other connectors' troubles say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from simulator import truth
from simulator.pipedrive.identities import identify
from simulator.pipedrive.limits import TokenLimits
from simulator.seasons import DAY, instant
from simulator.server import Simulation, start
from tests.e2e.pipedrive_truth import logged
from tests.e2e.truth_ledger import deals_of, known_at
from tests.e2e.truth_ledger import instant as instant_of

pytestmark = pytest.mark.contract


class Caller:
    def __init__(self, simulation: Simulation) -> None:
        self.url = simulation.url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["x-api-token"] = simulation.token

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.session.get(self.url + path, params=query)

    def every(self, path: str, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            answer = self.get(path, **query, **cursor)
            assert answer.status_code == 200, answer.text
            found += answer.json()["data"]
            following = (answer.json().get("additional_data") or {}).get("next_cursor")
            if following is None:
                return found
            cursor = {"cursor": following}


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    with start(tmp_path_factory.mktemp("pipedrive"), 600, seed=56) as running:
        yield running


@pytest.fixture
def caller(simulation: Simulation) -> Caller:
    simulation.world.clock.set(1)
    simulation.world.pipedrive.limits = TokenLimits(burst=10_000, daily=10_000_000)
    return Caller(simulation)


def test_a_wrong_token_is_refused(simulation: Simulation) -> None:
    for headers in ({}, {"x-api-token": "wrong"}, {"Authorization": f"Bearer {simulation.token}"}):
        answer = requests.get(f"{simulation.url}/api/v2/deals", headers=headers, timeout=5)
        assert (answer.status_code, answer.json()["success"]) == (401, False)


@pytest.mark.parametrize("limit", [500, 37])
@pytest.mark.parametrize("order", ["id", "update_time", "add_time"])
def test_a_list_pages_through_every_deal_once_in_order(caller: Caller, order: str, limit: int) -> None:
    deals = caller.every("/api/v2/deals", limit=limit, sort_by=order)
    assert len({deal["id"] for deal in deals}) == len(deals) > 300
    assert [deal[order] for deal in deals] == sorted(deal[order] for deal in deals)


def test_archived_deals_are_in_their_own_list_only(caller: Caller) -> None:
    live, archived = caller.every("/api/v2/deals"), caller.every("/api/v2/deals/archived")
    assert archived
    assert not {deal["id"] for deal in live} & {deal["id"] for deal in archived}
    assert {deal["is_archived"] for deal in live} == {False}
    assert {deal["is_archived"] for deal in archived} == {True}


def test_deleted_deals_are_shown_for_thirty_days_to_those_who_ask(simulation: Simulation, caller: Caller) -> None:
    now = instant_of("2026-06-02T02:00:00Z")
    for life in deals_of(truth.read(simulation.home, 1)).values():
        known = known_at(life, now)
        if not known or known[-1].kind not in ("archived", "merged", "deleted"):
            continue
        is_young = (now - instant_of(known[-1].recorded_at)).total_seconds() <= 30 * DAY / 1_000
        shown = caller.every("/api/v2/deals", status="deleted", ids=identify("deals", life[0].number))
        assert bool(shown) == (is_young and known[-1].kind != "deleted")
        assert all((deal["status"], deal["is_deleted"]) == ("deleted", True) for deal in shown)


@pytest.mark.parametrize("stamp", ["2026-06-01T00:00:00.000Z", "2026-06-01 00:00:00", "2026-06-01T00:00:00+00:00"])
def test_instants_with_fractions_or_offsets_are_refused(caller: Caller, stamp: str) -> None:
    assert caller.get("/api/v2/deals", updated_since=stamp).status_code == 400
    assert caller.get("/v1/leads", updated_since=stamp).status_code == 400


def test_pipelines_and_stages_know_no_updated_since(caller: Caller) -> None:
    for path in ("/api/v2/stages", "/api/v2/pipelines"):
        assert caller.get(path, updated_since="2026-06-01T00:00:00Z").status_code == 400


def test_updated_since_includes_its_second(caller: Caller) -> None:
    deals = caller.every("/api/v2/deals", sort_by="update_time")
    stamp = deals[-5]["update_time"]
    assert {deal["id"] for deal in caller.every("/api/v2/deals", updated_since=stamp)} == {
        deal["id"] for deal in deals if deal["update_time"] >= stamp
    }


def test_the_changelog_is_newest_first_in_naive_seconds_and_has_no_creation(
    simulation: Simulation, caller: Caller
) -> None:
    now = instant_of("2026-06-02T02:00:00Z")
    lives = {
        identify("deals", life[0].number): known_at(life, now)
        for life in deals_of(truth.read(simulation.home, 1)).values()
    }
    names = {"stage_id": "stage", "status": "status", "value": "amount", "currency": "currency"}
    compared = 0
    for deal in caller.every("/api/v2/deals")[:120]:
        rows = caller.every(f"/v1/deals/{deal['id']}/changelog", limit=3)
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", row["time"]) for row in rows)
        assert [row["time"] for row in rows] == sorted((row["time"] for row in rows), reverse=True)
        said = [(row["time"], names[row["field_key"]]) for row in rows[::-1] if row["field_key"] in names]
        _, expected = logged(lives[deal["id"]])
        assert said == [(f"{row.at:%Y-%m-%d %H:%M:%S}", row.what) for row in expected]
        compared += len(said)
    assert compared > 200


def test_won_and_lost_are_no_stages(caller: Caller) -> None:
    stages = {stage["id"]: stage for stage in caller.every("/api/v2/stages")}
    closed = [deal for deal in caller.every("/api/v2/deals") if deal["status"] in ("won", "lost")]
    assert closed
    assert all(
        stages.get(deal["stage_id"], {"pipeline_id": deal["pipeline_id"]})["pipeline_id"] == deal["pipeline_id"]
        for deal in closed
    )
    assert all(deal[f"{deal['status']}_time"] == deal["close_time"] for deal in closed)


def test_leads_go_on_by_place_and_have_no_status(caller: Caller) -> None:
    first = caller.get("/v1/leads", limit=100).json()
    more = first["additional_data"]["pagination"]
    assert (more["more_items_in_collection"], more["next_start"]) == (True, 100)
    second = caller.get("/v1/leads", limit=100, start=100).json()
    assert not {lead["id"] for lead in first["data"]} & {lead["id"] for lead in second["data"]}
    assert "status" not in first["data"][0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["data"][0]["update_time"])


def test_goals_without_a_filter_are_ones_own(caller: Caller) -> None:
    assert caller.get("/v1/goals/find").json()["data"]["goals"] == []
    assert len(caller.get("/v1/goals/find", **{"assignee.type": "person"}).json()["data"]["goals"]) > 10


def test_a_merge_names_no_survivor(simulation: Simulation, caller: Caller) -> None:
    simulation.world.clock.now = instant(1)
    for deal in caller.every("/api/v2/deals", status="deleted"):
        assert not [key for key in deal if "merge" in key]


def test_summaries_count_what_the_lists_show(caller: Caller) -> None:
    for path, summary in (
        ("/api/v2/deals", "/v1/deals/summary"),
        ("/api/v2/deals/archived", "/v1/deals/summary/archived"),
    ):
        for query in (
            {},
            {"status": "won"},
            {"status": "open", "pipeline_id": 1},
            {"status": "lost", "pipeline_id": 2},
        ):
            deals = caller.every(path, **query)
            said = caller.get(summary, **query).json()["data"]
            assert said["total_count"] == len(deals)
            for currency, total in said["values_total"].items():
                here = [deal["value"] for deal in deals if deal["currency"] == currency]
                assert (total["count"], round(total["value"], 2)) == (len(here), round(sum(here), 2))


def test_tokens_run_out_for_the_day_and_come_back_with_the_next(tmp_path: Path) -> None:
    with start(tmp_path / "own", 60) as simulation:
        simulation.world.pipedrive.limits = TokenLimits(daily=45)
        caller = Caller(simulation)
        left = [int(caller.get("/v1/users").headers["x-daily-ratelimit-token-remaining"]) for _ in range(2)]
        assert left == [25, 5]
        refused = caller.get("/v1/users")
        assert (refused.status_code, refused.headers["x-daily-ratelimit-token-remaining"]) == (429, "0")
        simulation.advance(2)
        assert caller.get("/v1/users").status_code == 200


def test_too_many_at_once_are_refused_for_two_seconds(tmp_path: Path) -> None:
    with start(tmp_path / "own", 60) as simulation:
        simulation.world.pipedrive.limits = TokenLimits(burst=3)
        caller = Caller(simulation)
        answers = [caller.get("/v1/users/me") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].headers["x-ratelimit-reset"] == "2"
        assert int(answers[-1].headers["x-daily-ratelimit-token-remaining"]) > 0
        caller.session.post(f"{simulation.url}/_simulator/sleep", json={"seconds": 2})
        assert caller.get("/v1/users/me").status_code == 200
