"""The simulated HubSpot over real HTTP keeps to what HubSpot's documentation and recorded traffic say."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from simulator import truth
from simulator.hubspot.answers import Request, Response
from simulator.hubspot.limits import RateLimits
from simulator.identities import identify
from simulator.seasons import instant, iso
from simulator.server import BadSetting, Simulation, serve, start

pytestmark = pytest.mark.contract

V = "2026-09"
HISTORY = "dealstage,pipeline,amount,closedate,hubspot_owner_id,deal_currency_code,hs_merged_object_ids"


class Caller:
    """A client that waits in simulated time when it is told to."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {simulation.token}"

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.session.get(self.simulation.url + path, params=query)

    def post(self, path: str, body: Any) -> requests.Response:
        return self.session.post(self.simulation.url + path, json=body)

    def sleep(self, seconds: float) -> None:
        self.post("/_simulator/sleep", {"seconds": seconds})

    def every(self, kind: str, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: dict[str, str] = {}
        while True:
            answer = self.get(f"/crm/objects/{V}/{kind}", **query, **after)
            if answer.status_code == 429:
                self.sleep(float(answer.headers.get("Retry-After", 10)))
                continue
            assert answer.status_code == 200, answer.text
            found.extend(answer.json()["results"])
            more = answer.json().get("paging", {}).get("next", {}).get("after")
            if more is None:
                return found
            after = {"after": more}

    def search(self, kind: str, *filters: dict[str, Any], **more: Any) -> requests.Response:
        body = {
            "after": 0,
            "limit": 200,
            "properties": [],
            "sorts": [],
            "filterGroups": [{"filters": list(filters)}] if filters else [],
        }
        return self.post(f"/crm/objects/{V}/{kind}/search", body | more)


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    with start(tmp_path_factory.mktemp("hubspot"), "small") as running:
        yield running


@pytest.fixture
def caller(simulation: Simulation) -> Caller:
    simulation.world.clock.set(1)
    simulation.world.hubspot.limits = RateLimits()
    return Caller(simulation)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Simulation]:
    with start(tmp_path / "own", 300, night=1) as running:
        yield running


def modified_since(at: int) -> dict[str, Any]:
    return {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": str(at)}


def test_a_wrong_token_is_refused_as_hubspot_does(simulation: Simulation) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {simulation.token}"}):
        answer = requests.get(f"{simulation.url}/crm/objects/{V}/deals", headers=headers, timeout=5)
        assert answer.status_code == 401
        assert answer.json()["category"] == "INVALID_AUTHENTICATION"


def test_a_missing_scope_is_named(own: Simulation) -> None:
    own.world.hubspot.missing_scopes = frozenset({"crm.objects.leads.read"})
    answer = Caller(own).get(f"/crm/objects/{V}/leads")
    assert (answer.status_code, answer.json()["category"]) == (403, "MISSING_SCOPES")
    assert "crm.objects.leads.read" in answer.text


def test_a_list_pages_through_every_deal_once(caller: Caller) -> None:
    listed = caller.every("deals", limit=100)
    assert len({each["id"] for each in listed}) == len(listed) > 1_800
    assert {each["id"] for each in listed} == {each["id"] for each in caller.every("0-3", limit=73)}


def test_list_limits(caller: Caller) -> None:
    assert caller.get(f"/crm/objects/{V}/deals", limit=101).status_code == 400
    assert caller.get(f"/crm/objects/{V}/deals", limit=51, propertiesWithHistory="dealstage").status_code == 400
    assert caller.get(f"/crm/objects/{V}/unicorns").status_code == 400
    assert caller.get("/crm/objects/2020-01/deals").status_code == 404
    assert len(caller.get(f"/crm/objects/{V}/deals").json()["results"]) == 10


def test_values_are_strings_or_null_and_history_is_newest_first(caller: Caller) -> None:
    listed = caller.every(
        "deals", limit=50, properties="dealname,hs_is_closed,hs_mrr,no_such_property", propertiesWithHistory=HISTORY
    )
    for each in listed:
        assert all(value is None or isinstance(value, str) for value in each["properties"].values())
        assert "no_such_property" not in each["properties"]
        for name, entries in each["propertiesWithHistory"].items():
            assert [entry["timestamp"] for entry in entries] == sorted(
                (entry["timestamp"] for entry in entries), reverse=True, key=_sortable
            )
            if entries:
                assert entries[0]["value"] == (each["properties"][name] or ""), (each["id"], name)
    closed = [each for each in listed if each["properties"]["hs_is_closed"] == "true"]
    assert 0.5 < len(closed) / len(listed) < 0.95


def _sortable(text: str) -> str:
    return text if "." in text else text.replace("Z", ".000Z")


def test_history_is_the_truth(caller: Caller, simulation: Simulation) -> None:
    listed = caller.every("deals", limit=50, propertiesWithHistory=HISTORY)
    now = caller.get("/_simulator/state").json()["now"]
    told: dict[str, list[tuple[str, str]]] = defaultdict(list)
    standing = {}
    for event in sorted(truth.read(simulation.home), key=lambda event: (event.entity_id, event.sequence)):
        if event.entity != "deal" or event.recorded_at > now:
            continue
        if event.field == "stage":
            told[event.entity_id].append((event.new or "", event.happened_at))
        elif event.kind != "changed":
            standing[event.entity_id] = event.kind
    live = {key for key, kind in standing.items() if kind in ("created", "restored")}
    assert {each["id"] for each in listed} == live
    # A deal moved while the list was read shows fewer moves than are true now, never others.
    for each in listed:
        shown = [
            (entry["value"], _sortable(entry["timestamp"]))
            for entry in reversed(each["propertiesWithHistory"]["dealstage"])
        ]
        assert shown == told[each["id"]][: len(shown)]
        assert len(told[each["id"]]) - len(shown) <= 2


def test_stage_dates_are_those_of_the_latest_entry(caller: Caller) -> None:
    names = [each["name"] for each in caller.get(f"/crm/properties/{V}/deals").json()["results"]]
    entered = [name for name in names if name.startswith("hs_v2_date_entered_")]
    assert len(entered) == 19
    for each in caller.every("deals", limit=50, properties=",".join(entered), propertiesWithHistory="dealstage"):
        latest: dict[str, str] = {}
        current = None
        for entry in reversed(each["propertiesWithHistory"]["dealstage"]):
            if entry["value"] != current:
                latest[entry["value"]] = entry["timestamp"]
            current = entry["value"]
        shown = {name.removeprefix("hs_v2_date_entered_"): each["properties"][name] for name in entered}
        assert {stage: at for stage, at in shown.items() if at} == latest


def test_archived_deals_are_listed_apart_and_keep_their_modified_date(caller: Caller) -> None:
    archived = caller.every("deals", archived="true")
    assert len(archived) >= 10
    assert all(each["archived"] and each["archivedAt"] > each["updatedAt"] for each in archived)
    live = {each["id"] for each in caller.every("deals", limit=100)}
    assert not live & {each["id"] for each in archived}
    found = caller.search(
        "deals", {"propertyName": "hs_object_id", "operator": "IN", "values": [each["id"] for each in archived]}
    )
    assert found.json()["total"] == 0
    ids = [{"id": each["id"]} for each in archived]
    body = {"inputs": ids, "properties": [], "propertiesWithHistory": []}
    assert caller.post(f"/crm/objects/{V}/deals/batch/read", body).json()["results"] == []
    assert len(caller.post(f"/crm/objects/{V}/deals/batch/read?archived=true", body).json()["results"]) == len(ids)


def test_a_merged_deal_lives_on_in_its_survivor(caller: Caller, simulation: Simulation) -> None:
    merges = [
        event
        for event in truth.read(simulation.home)
        if event.entity == "deal" and event.kind == "merged" and event.recorded_at < iso(instant(1))
    ]
    assert len(merges) >= 15
    survivors = {
        each["id"]: each for each in caller.every("deals", limit=50, propertiesWithHistory="hs_merged_object_ids")
    }
    for event in merges:
        assert event.entity_id not in survivors
        survivor = survivors[event.new or ""]
        assert event.entity_id in survivor["properties"]["hs_merged_object_ids"].split(";")
        entries = survivor["propertiesWithHistory"]["hs_merged_object_ids"]
        assert event.recorded_at in [_sortable(entry["timestamp"]) for entry in entries]
        assert _sortable(survivor["properties"]["hs_lastmodifieddate"]) >= event.recorded_at


def test_batch_read_tells_which_ids_it_could_not_read(caller: Caller) -> None:
    known = caller.get(f"/crm/objects/{V}/deals", limit=2).json()["results"]
    body = {
        "inputs": [{"id": each["id"]} for each in known] + [{"id": "5"}],
        "properties": ["amount"],
        "propertiesWithHistory": ["amount"],
    }
    answer = caller.post(f"/crm/objects/{V}/deals/batch/read", body)
    assert answer.status_code == 207
    assert [each["id"] for each in answer.json()["results"]] == [each["id"] for each in known]
    assert answer.json()["numErrors"] == 1
    assert answer.json()["errors"][0]["context"]["ids"] == ["5"]
    body["inputs"] = [{"id": str(number)} for number in range(51)]
    assert caller.post(f"/crm/objects/{V}/deals/batch/read", body).status_code == 400
    assert caller.post(f"/crm/objects/{V}/deals/batch/read", {"inputs": [{"id": "5"}]}).status_code == 400


def test_search_filters_sorts_and_pages(caller: Caller) -> None:
    live = caller.every("deals", limit=100, properties="dealstage,amount")
    caller.sleep(2_000)
    for stage in ("closedwon", "139482312"):
        total = caller.search("deals", {"propertyName": "dealstage", "operator": "EQ", "value": stage}, limit=1).json()[
            "total"
        ]
        assert abs(total - sum(each["properties"]["dealstage"] == stage for each in live)) <= 2
    since = instant(1) - 20 * 86_400_000
    ids: list[int] = []
    while True:
        more = {"propertyName": "hs_object_id", "operator": "GT", "value": str(ids[-1] if ids else 0)}
        upper = {"propertyName": "hs_lastmodifieddate", "operator": "LTE", "value": str(instant(1))}
        sort = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
        answer = caller.search("deals", modified_since(since), upper, more, sorts=sort, limit=50).json()
        ids.extend(int(each["id"]) for each in answer["results"])
        caller.sleep(1)
        if len(answer["results"]) == answer["total"]:
            break
    assert ids == sorted(set(ids))
    assert len(ids) > 100
    big = caller.search(
        "deals",
        {"propertyName": "amount", "operator": "BETWEEN", "value": "20000", "highValue": "40000"},
        properties=["amount"],
    )
    assert all(20_000 <= float(each["properties"]["amount"]) <= 40_000 for each in big.json()["results"])
    none = caller.search(
        "deals", {"propertyName": "amount", "operator": "NOT_HAS_PROPERTY"}, properties=["amount"]
    ).json()
    assert none["total"] == sum(each["properties"]["amount"] is None for each in live)


def test_search_limits(caller: Caller) -> None:
    assert caller.search("deals", limit=201).status_code == 400
    assert caller.search("deals", after=9_900, limit=200).status_code == 400
    assert caller.search("deals", after=9_900, limit=100).status_code == 200
    assert caller.search("deals", {"propertyName": "amount", "operator": "LIKE", "value": "1"}).status_code == 400
    assert caller.search("deals", {"propertyName": "no_such", "operator": "EQ", "value": "1"}).status_code == 400
    caller.sleep(5)
    assert caller.post(f"/crm/objects/{V}/deals/search", {"filterGroups": []}).status_code == 400
    answer = caller.search("deals", limit=1)
    assert "propertiesWithHistory" not in answer.json()["results"][0]
    assert not [name for name in answer.headers if name.startswith("x-hubspot-ratelimit")]


def test_the_search_index_lags_behind_the_list(caller: Caller, simulation: Simulation) -> None:
    at = instant(1)
    fresh: list[tuple[int, str, int]] = []
    for kind in ("deals", "leads", "companies", "emails"):
        found = simulation.company.ledgers[kind].versions
        soon = (found.recorded > at) & (found.recorded < at + 1_000_000) & (found.standing == 0)
        places = np.flatnonzero(soon).tolist()
        fresh.extend((int(found.visible[place] - found.recorded[place]), kind, place) for place in places)
    lag, kind, place = max(fresh)
    assert lag > 2_000
    found = simulation.company.ledgers[kind].versions
    caller.sleep((int(found.recorded[place]) - at) / 1_000)
    since = modified_since(int(found.modified[place]))
    same = {"propertyName": "hs_object_id", "operator": "EQ", "value": identify(kind, int(found.number[place]))}
    assert caller.search(kind, since, same).json()["total"] == 0
    listed = caller.get(f"/crm/objects/{V}/{kind}/{same['value']}").json()
    assert _sortable(listed["updatedAt"]) == iso(int(found.modified[place]))
    caller.sleep(lag / 1_000)
    assert caller.search(kind, since, same).json()["total"] == 1


def test_rate_limit_headers_and_refusals_are_in_simulated_time(caller: Caller) -> None:
    first = caller.get(f"/crm/objects/{V}/deals", limit=1)
    assert first.headers["x-hubspot-ratelimit-max"] == "190"
    assert first.headers["x-hubspot-ratelimit-remaining"] == "189"
    assert first.headers["x-hubspot-ratelimit-interval-milliseconds"] == "10000"
    assert first.headers["X-Simulated-Time"].startswith("2026-06-02T02:00:00.")
    assert first.headers["Date"] == "Tue, 02 Jun 2026 02:00:00 GMT"
    refresh = {"grant_type": "refresh_token", **caller.simulation.world.hubspot.oauth}
    token = requests.post(f"{caller.simulation.url}/oauth/{V}/token", data=refresh, timeout=5).json()
    assert token["expires_in"] == 1800
    caller.session.headers["Authorization"] = f"Bearer {token['access_token']}"
    answers = [caller.get(f"/crm/objects/{V}/deals", limit=1) for _ in range(111)]
    assert [answer.status_code for answer in answers[:110]] == [200] * 110
    refused = answers[110]
    assert (refused.status_code, refused.json()["policyName"]) == (429, "TEN_SECONDLY_ROLLING")
    caller.sleep(float(refused.headers["Retry-After"]))
    assert caller.get(f"/crm/objects/{V}/deals", limit=1).status_code == 200
    caller.sleep(1_900)
    assert caller.get(f"/crm/objects/{V}/deals", limit=1).status_code == 401


def test_search_has_a_bucket_of_its_own(caller: Caller) -> None:
    caller.simulation.world.hubspot.limits.searches.limit = 3
    codes = [caller.search("deals", limit=1).status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    assert caller.get(f"/crm/objects/{V}/deals", limit=1).status_code == 200


def test_associations_inline_and_by_batch(caller: Caller) -> None:
    listed = {each["id"]: each for each in caller.every("deals", limit=100, associations="contacts,companies")}
    crowded = [each for each in listed.values() if "paging" in each.get("associations", {}).get("contacts", {})]
    assert crowded
    assert len(crowded[0]["associations"]["contacts"]["results"]) == 100
    found: list[int] = []
    body: dict[str, Any] = {"inputs": [{"id": crowded[0]["id"]}]}
    while True:
        row = caller.post(f"/crm/associations/{V}/deals/contacts/batch/read", body).json()["results"][0]
        found.extend(each["toObjectId"] for each in row["to"])
        if "paging" not in row:
            break
        body["inputs"][0]["after"] = row["paging"]["next"]["after"]
    assert len(found) == len(set(found)) > 100
    answer = caller.post(f"/crm/associations/{V}/deals/contacts/batch/read", {"inputs": [{"id": "5"}]})
    assert (answer.status_code, answer.json()["numErrors"]) == (207, 1)


def test_settings(caller: Caller) -> None:
    stages = [stage for each in caller.get(f"/crm/pipelines/{V}/deals").json()["results"] for stage in each["stages"]]
    assert len(stages) == 19
    assert {stage["metadata"]["isClosed"] for stage in stages} == {"true", "false"}
    assert all(isinstance(stage["metadata"]["probability"], str) for stage in stages)
    active = caller.get(f"/crm/owners/{V}", limit=5).json()
    assert active["results"][0]["userId"]
    assert active["paging"]["next"]["after"]
    left = caller.get(f"/crm/owners/{V}", archived="true").json()["results"]
    assert left
    assert all(each["archived"] for each in left)
    assert caller.get(f"/account-info/{V}/details").json()["companyCurrency"] == "EUR"
    assert caller.get(f"/settings/currencies/{V}/exchange-rates").json()["results"]
    users = {
        each["userIdIncludingInactive"]
        for each in [*caller.get(f"/crm/owners/{V}", limit=500).json()["results"], *left]
    }
    goals = caller.every("goal_targets", properties="hs_assignee_user_id,hs_target_amount", limit=100)
    assert goals
    assert {int(each["properties"]["hs_assignee_user_id"]) for each in goals} <= users


def test_nights_pass_and_stages_change(own: Simulation) -> None:
    caller = Caller(own)
    labels = {}
    for night in (4, 5, 8):
        assert caller.post("/_simulator/night", {"night": night}).json()["night"] == night
        found = caller.get(f"/crm/pipelines/{V}/deals").json()["results"]
        labels[night] = {stage["id"]: stage["label"] for each in found for stage in each["stages"]}
        assert (own.home / "truth" / f"night_{night:04d}.jsonl").exists()
    assert labels[4]["presentationscheduled"] != labels[5]["presentationscheduled"]
    assert "139482313" in labels[5]
    assert "139482313" not in labels[8]
    audit = caller.get(f"/crm/pipelines/{V}/deals/72910846/audit").json()["results"]
    assert [row["action"] for row in audit].count("DELETE") == 1
    assert caller.post("/_simulator/night", {"night": 3}).status_code == 400
    state = caller.get("/_simulator/state").json()
    assert state["requests"]["pipelines"] == 4
    assert state["total"] == 4


def test_a_fault_may_change_or_swallow_a_response(tmp_path: Path) -> None:
    def fault(request: Request, response: Response) -> Response | None:
        return (
            None
            if request.path.endswith("/leads")
            else Response(503, b"<html>busy</html>", {"Content-Type": "text/html"})
        )

    with start(tmp_path, 100, fault=fault) as running:
        caller = Caller(running)
        assert caller.get(f"/crm/objects/{V}/deals").status_code == 503
        with pytest.raises(requests.ConnectionError):
            caller.get(f"/crm/objects/{V}/leads")


def test_bad_settings_are_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="size 'huge'"):
        serve(tmp_path, "huge", token="x")
    with pytest.raises(BadSetting, match="token is empty"):
        serve(tmp_path, "small", token="")
    with pytest.raises(BadSetting, match="no night 0"):
        serve(tmp_path, "small", night=0, token="x")
    with start(tmp_path / "mine", 60, seed=1):
        pass
    with pytest.raises(BadSetting, match="belongs to another company"), start(tmp_path / "mine", 60, seed=2):
        pass
    told = subprocess.run(
        [sys.executable, "-m", "simulator", "--home", str(tmp_path), "--size", "huge", "--token", "x"],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2], timeout=20,
    )  # fmt: skip
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)


def test_a_home_that_was_here_before_answers_at_once(tmp_path: Path) -> None:
    """Its truth is written already; the company behind it still has to be there for the first request, whatever it is."""
    found = []
    for _ in range(2):
        with start(tmp_path, 60, night=3) as running:
            found.append(Caller(running).search("deals").json()["total"])
    assert found[0] == found[1] > 0
