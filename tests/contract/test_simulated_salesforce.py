"""The simulated Salesforce over real HTTP keeps to what Salesforce's documentation and recorded traffic say."""

import csv
import io
import itertools
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from extractors.core.cursor import parse_instant
from simulator import truth
from simulator.pipelines import CODE, REMOVED, STAGES
from simulator.salesforce.identities import identify, number_of, with_check
from simulator.salesforce.oauth import CLIENT_ID, REFRESH_TOKEN
from simulator.salesforce.settings import USERNAME
from simulator.seasons import iso
from simulator.server import Simulation, start

pytestmark = pytest.mark.contract

V = "/services/data/v67.0"


class Caller:
    """A client with a session."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.session = requests.Session()
        self.session.trust_env = False
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": simulation.token}
        token = self.session.post(f"{simulation.url}/services/oauth2/token", data=form).json()["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.session.get(self.simulation.url + path, **more)

    def query(self, text: str, name: str = "queryAll", **headers: str) -> requests.Response:
        return self.get(f"{V}/{name}", params={"q": text}, headers=headers)

    def rows(self, text: str, name: str = "queryAll") -> list[dict[str, Any]]:
        page = self.query(text, name).json()
        rows = page["records"]
        while not page["done"]:
            page = self.get(page["nextRecordsUrl"]).json()
            rows += page["records"]
        assert len(rows) == page["totalSize"]
        return rows

    def sleep(self, seconds: float) -> None:
        self.session.post(f"{self.simulation.url}/_simulator/sleep", json={"seconds": seconds})


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    with start(tmp_path_factory.mktemp("salesforce"), 2_200) as running:
        yield running


@pytest.fixture
def caller(simulation: Simulation) -> Caller:
    simulation.world.clock.set(1)
    return Caller(simulation)


def error_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


def test_ids_have_eighteen_characters_and_lead_back_to_their_number() -> None:
    # An example that Salesforce's own help shows.
    assert with_check("0015000000Gv7qJ") == "0015000000Gv7qJAAR"
    for number in (0, 1, 61, 62, 700_000_000):
        identity = identify("Opportunity", number)
        assert len(identity) == 18
        assert number_of("Opportunity", identity) == number_of("Opportunity", identity[:15]) == number


def test_tokens_are_granted_by_three_flows_and_refused_otherwise(simulation: Simulation) -> None:
    url = f"{simulation.url}/services/oauth2/token"
    key = (simulation.home / "salesforce_key.pem").read_text()
    now = int(parse_instant(requests.get(f"{simulation.url}/services/data/").headers["X-Simulated-Time"]).timestamp())  # noqa: S113 - the simulator answers in this very process
    claims = {"iss": CLIENT_ID, "sub": USERNAME, "aud": "https://login.salesforce.com", "exp": now + 120}
    flow = "urn:ietf:params:oauth:grant-type:jwt-bearer"

    def by_assertion(signing: str = key, algorithm: str = "RS256", **changed: Any) -> requests.Response:
        signed = jwt.encode(claims | changed, signing, algorithm=algorithm)
        return requests.post(url, data={"grant_type": flow, "assertion": signed})  # noqa: S113 - the simulator answers in this very process

    granted = by_assertion().json()
    assert "expires_in" not in granted
    assert granted["instance_url"] == simulation.url
    stranger = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    other = stranger.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    wrong = [
        by_assertion(other),
        by_assertion("a shared secret of more than thirty-two bytes", "HS256"),
        by_assertion(aud="https://evil.example"),
        by_assertion(iss="another app"),
        by_assertion(sub="somebody@else.example"),
        by_assertion(exp=now - 1),
        by_assertion(exp=now + 3_600),
        requests.post(url, data={"grant_type": flow, "assertion": granted["access_token"]}),  # noqa: S113 - the simulator answers in this very process
        requests.post(url, data={"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": "wrong"}),  # noqa: S113 - the simulator answers in this very process
        requests.post(url, data={"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": "wrong"}),  # noqa: S113 - the simulator answers in this very process
        requests.post(url, data={"grant_type": "password", "client_id": CLIENT_ID}),  # noqa: S113 - the simulator answers in this very process
        requests.post(url, json={"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": simulation.token}),  # noqa: S113 - the simulator answers in this very process
    ]  # fmt: skip
    assert [answer.status_code for answer in wrong] == [400] * len(wrong)
    good = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": REFRESH_TOKEN}
    assert requests.post(url, data=good).status_code == 200  # noqa: S113 - the simulator answers in this very process


def test_a_session_ends_and_says_so(caller: Caller, simulation: Simulation) -> None:
    assert caller.get(f"{V}/limits").status_code == 200
    caller.sleep(2 * 3600)
    assert error_of(caller.get(f"{V}/limits")) == (401, "INVALID_SESSION_ID")
    assert requests.get(f"{simulation.url}{V}/limits").status_code == 401  # noqa: S113 - the simulator answers in this very process


def test_pages_hold_two_thousand_rows_and_every_row_once(caller: Caller) -> None:
    first = caller.query("SELECT Id FROM Opportunity").json()
    assert (len(first["records"]), first["done"]) == (2_000, False)
    assert first["nextRecordsUrl"].startswith(f"{V}/query/0r8")
    rows = caller.rows("SELECT Id FROM Opportunity")
    assert len({row["Id"] for row in rows}) == len(rows) == first["totalSize"]
    small = caller.query("SELECT Id FROM Opportunity", **{"Sforce-Query-Options": "batchSize=200"}).json()
    assert len(small["records"]) == 200


def test_the_recycle_bin_is_shown_by_query_all_only_and_empties_itself(caller: Caller, simulation: Simulation) -> None:
    deleted = caller.rows("SELECT Id, SystemModstamp FROM Opportunity WHERE IsDeleted = true")
    assert deleted
    live = {row["Id"] for row in caller.rows("SELECT Id FROM Opportunity", "query")}
    assert not live & {row["Id"] for row in deleted}
    now = parse_instant(iso(simulation.world.clock.now))
    assert all(now - parse_instant(row["SystemModstamp"]) <= timedelta(days=15) for row in deleted)
    standing: dict[str, str] = {}
    for event in sorted(truth.read(simulation.home), key=lambda event: event.sequence):
        if event.entity == "deal" and event.kind != "changed" and event.recorded_at <= iso(simulation.world.clock.now):
            standing[identify("Opportunity", event.number)] = event.kind
    assert live == {deal for deal, kind in standing.items() if kind in ("created", "restored")}
    merged = {deal for deal, kind in standing.items() if kind == "merged"}
    assert merged, "no merges: the test would prove nothing"
    assert not live & merged


def test_losers_of_a_merge_name_their_master(simulation: Simulation) -> None:
    simulation.world.clock.set(4)  # the clean-up was in the afternoon before; the bin keeps its losers for 15 days
    caller, found = Caller(simulation), 0
    for entity, prefix in (("Contact", "003"), ("Account", "001"), ("Lead", "00Q")):
        losers = caller.rows(f"SELECT Id, IsDeleted, MasterRecordId FROM {entity} WHERE MasterRecordId != null")
        assert all(row["IsDeleted"] and row["MasterRecordId"].startswith(prefix) for row in losers)
        found += len(losers)
    assert found


def test_history_has_a_row_per_save_in_whole_seconds(caller: Caller) -> None:
    rows = caller.rows(
        "SELECT Id, OpportunityId, StageName, Amount, CloseDate, CreatedDate FROM OpportunityHistory ORDER BY CreatedDate, Id"
    )
    lives: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        assert row["CreatedDate"].endswith(".000+0000")
        lives[row["OpportunityId"]].append(row)
    for deal in caller.rows("SELECT Id, StageName, Amount, CloseDate FROM Opportunity"):
        last = lives[deal["Id"]][-1]
        assert [last[name] for name in ("StageName", "Amount", "CloseDate")] == [
            deal[name] for name in ("StageName", "Amount", "CloseDate")
        ]
    same_stage = [1 for life in lives.values() for a, b in itertools.pairwise(life) if a["StageName"] == b["StageName"]]
    assert same_stage, "every save changed the stage: nothing to tell apart"


def test_field_history_tells_owners_and_record_types_twice_and_only_what_is_tracked(
    simulation: Simulation, caller: Caller
) -> None:
    text = "SELECT Field, DataType, OldValue, NewValue FROM OpportunityFieldHistory"
    rows = caller.rows(text)
    assert {row["Field"] for row in rows} == {
        "created",
        "StageName",
        "Amount",
        "CloseDate",
        "Owner",
        "RecordType",
        "CurrencyIsoCode",
    }
    owners = [row for row in rows if row["Field"] == "Owner"]
    assert sum(row["DataType"] == "EntityId" for row in owners) * 2 == len(owners)
    simulation.world.salesforce.org.tracked = frozenset({"Owner"})
    try:
        assert {row["Field"] for row in caller.rows(text)} == {"created", "Owner"}
    finally:
        simulation.world.salesforce.org.tracked = type(simulation.world.salesforce.org).tracked


def test_totals_are_counted_per_group_and_money_is_in_the_orgs_own_currency(caller: Caller) -> None:
    rows = caller.rows("SELECT Amount, CurrencyIsoCode, StageName FROM Opportunity", "query")
    groups = caller.query(
        "SELECT StageName, CurrencyIsoCode, COUNT(Id) deals, SUM(Amount) FROM Opportunity GROUP BY StageName, CurrencyIsoCode",
        "query",
    ).json()["records"]
    rates = {"EUR": 1.0, "USD": 0.92, "GBP": 1.16}
    for group in groups:
        mine = [
            row
            for row in rows
            if (row["StageName"], row["CurrencyIsoCode"]) == (group["StageName"], group["CurrencyIsoCode"])
        ]
        assert group["deals"] == len(mine)
        total = sum((row["Amount"] or 0) * rates[row["CurrencyIsoCode"]] for row in mine)
        assert (group["expr0"] or 0) == pytest.approx(total)
    assert {group["CurrencyIsoCode"] for group in groups} == set(rates)
    assert caller.query("SELECT COUNT() FROM Opportunity", "query").json()["totalSize"] == len(rows)


def test_conditions(caller: Caller) -> None:
    every = caller.rows("SELECT Id, SystemModstamp, Amount, StageName FROM Opportunity ORDER BY SystemModstamp, Id")
    stamps = [(row["SystemModstamp"], row["Id"]) for row in every]
    assert stamps == sorted(stamps)
    middle = every[len(every) // 2]["SystemModstamp"].replace("+0000", "Z")
    later = caller.rows(f"SELECT Id FROM Opportunity WHERE SystemModstamp >= {middle}")
    earlier = caller.rows(f"SELECT Id FROM Opportunity WHERE SystemModstamp < {middle}")
    assert len(later) + len(earlier) == len(every)
    some = [row["Id"] for row in every[:3]]
    listed = ", ".join(f"'{each[:15]}'" for each in some)
    assert {row["Id"] for row in caller.rows(f"SELECT Id FROM Opportunity WHERE Id IN ({listed})")} == set(some)
    both = caller.rows(
        "SELECT Id FROM Opportunity WHERE (StageName = 'Offer sent' OR StageName = 'Negotiation') AND NOT Amount = null LIMIT 5"
    )
    assert len(both) == 5


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT Id FROM Unicorn", "INVALID_TYPE"),
        ("SELECT Horn FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Id Opportunity", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity WHERE SystemModstamp > '2026-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE Description = 'x'", "INVALID_FIELD"),
        ("SELECT StageName, Amount, COUNT(Id) FROM Opportunity GROUP BY StageName", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity; DROP TABLE x", "MALFORMED_QUERY"),
    ],
)
def test_a_wrong_query_is_refused_with_its_code(caller: Caller, text: str, code: str) -> None:
    assert error_of(caller.query(text)) == (400, code)


def test_an_address_that_is_too_long_is_refused(caller: Caller) -> None:
    assert error_of(caller.query("SELECT Id FROM Opportunity WHERE StageName != '" + "x" * 16_300 + "'")) == (
        414,
        "URI_TOO_LONG",
    )


def test_limits_are_counted_and_end(caller: Caller, simulation: Simulation) -> None:
    org = simulation.world.salesforce
    before = caller.get(f"{V}/limits")
    used = org.used
    assert before.headers["Sforce-Limit-Info"] == f"api-usage={used}/115000"
    assert before.json()["DailyApiRequests"] == {"Max": 115_000, "Remaining": 115_000 - used}
    org.daily_calls = org.used
    try:
        assert error_of(caller.get(f"{V}/limits")) == (403, "REQUEST_LIMIT_EXCEEDED")
    finally:
        org.daily_calls = 115_000


def test_a_bulk_job_gives_what_rest_gives_in_its_own_spelling(caller: Caller) -> None:
    text = "SELECT Id, Amount, CreatedDate, NextStep, IsDeleted, Description FROM Opportunity"
    body = {"operation": "queryAll", "query": text}
    job = caller.session.post(f"{caller.simulation.url}{V}/jobs/query", json=body).json()
    assert job["state"] == "UploadComplete"
    place = f"{V}/jobs/query/{job['id']}"
    assert error_of(caller.get(f"{place}/results")) == (400, "INVALIDJOBSTATE")
    caller.sleep(10)
    done = caller.get(place).json()
    assert done["state"] == "JobComplete"
    assert error_of(caller.get(f"{place}/results".replace("67.0", "66.0"))) == (409, "API_ERROR")
    found: list[dict[str, str]] = []
    locator: str | None = None
    while locator != "null":
        page = caller.get(f"{place}/results", params={"maxRecords": 900, **({"locator": locator} if locator else {})})
        rows = list(csv.DictReader(io.StringIO(page.text)))
        assert page.headers["Sforce-NumberOfRecords"] == str(len(rows))
        found += rows
        locator = page.headers["Sforce-Locator"]
    by_rest = {row["Id"]: row for row in caller.rows(text)}
    assert len(found) == done["numberRecordsProcessed"] == len(by_rest)
    for row in found:
        same = by_rest[row["Id"]]
        assert row["CreatedDate"] == same["CreatedDate"].replace("+0000", "Z")
        assert row["NextStep"] == (same["NextStep"] or "")
        assert row["Description"] == same["Description"]
        assert row["IsDeleted"] == str(same["IsDeleted"]).lower()
        assert (float(row["Amount"]) if row["Amount"] else None) == same["Amount"]
    assert any(row["NextStep"] == "NA" for row in found)


@pytest.mark.parametrize("text", ["SELECT COUNT(Id) FROM Opportunity", "SELECT Id, BillingAddress FROM Account"])
def test_a_bulk_job_refuses_what_it_cannot(caller: Caller, text: str) -> None:
    answer = caller.session.post(f"{caller.simulation.url}{V}/jobs/query", json={"operation": "query", "query": text})
    assert error_of(answer) == (400, "API_ERROR")


def test_a_row_shows_when_its_transaction_commits_with_the_stamp_of_its_writing(
    caller: Caller, simulation: Simulation
) -> None:
    """The reason for looking back: somewhere in the next days a row appears with a stamp older than one already seen."""
    late = 0
    for night in range(1, 6):
        simulation.advance(max(night, simulation.world.clock.night))
        own = Caller(simulation)
        now = simulation.world.clock.iso()
        texts = [
            f"SELECT Id, SystemModstamp FROM {name} WHERE SystemModstamp < {now}"
            for name in ("Contact", "Account", "Opportunity")
        ]
        before = {(row["Id"], row["SystemModstamp"]) for text in texts for row in own.rows(text)}
        own.sleep(13 * 60)
        after = {(row["Id"], row["SystemModstamp"]) for text in texts for row in own.rows(text)}
        late += len(after - before)
    assert late


def test_stages_of_a_process_are_told_by_the_user_interfaces_api(caller: Caller) -> None:
    record_type = identify("RecordType", 3)
    values = caller.get(f"{V}/ui-api/object-info/Opportunity/picklist-values/{record_type}/StageName").json()["values"]
    names = [each["value"] for each in values]
    own = [stage.name for stage in STAGES if stage.pipeline == STAGES[REMOVED].pipeline]
    assert set(names) <= set(own)
    assert len(names) >= len(own) - 1
    assert CODE[STAGES[REMOVED].id] == REMOVED
