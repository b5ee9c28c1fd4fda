"""Fuzzed payloads over real HTTP, through the real extractors, landing and load, into the staging models as dbt compiles them.

Whatever a field holds: either every record that was served is landed, loaded and staged, and what cannot be read as a number or an instant is null
and told by values_parse; or the run ends in one plain sentence and nothing of it is visible. Never a traceback, never another number.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, cycle
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from extractors.core.errors import WatertightError
from extractors.core.landing import LandingWriter, read_manifests, run_folder
from extractors.core.pagination import batches
from extractors.core.run import ResourceState
from extractors.core.settings import Settings
from extractors.core.spec import Record
from extractors.sources import extract
from simulator.hubspot.answers import Request, Response
from simulator.salesforce.oauth import CLIENT_ID
from simulator.server import Simulation, start
from tests.fuzz import tokens
from tests.fuzz.staging import Staging
from warehouse.lease import Lease
from warehouse.load import load

pytestmark = pytest.mark.integration

RUN = "20260101T000000Z-0001"
#: a field and the bytes of the JSON value it gets
Change = tuple[str, bytes]

DEALS = 150
#: random pages a CRM; `FUZZ_EXAMPLES=100 pytest …` tries more of them, and every odd value in every field
#: in the place of a value: the whole key is left out of the record
MISSING = b""
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3"))
MORE = EXAMPLES > 3


@dataclass(frozen=True)
class Crm:
    """Where the simulated CRM's deals are in its answers, what reads them, and the columns that their fields become."""

    source: str
    resource: str
    rows: str
    inner: str | None
    model: str
    fields: dict[str, tuple[str, Callable[[str], Any]]]
    settings: Callable[[Simulation], dict[str, Any]]


CRMS = {
    crm.source: crm
    for crm in (
        Crm(
            "hubspot", "deals", "results", "properties", "stg_hubspot__deals",
            {
                "amount": ("amount", tokens.amount), "hs_mrr": ("hs_mrr", tokens.amount), "discount_amount": ("discount_amount", tokens.amount),
                "closedate": ("closedate", tokens.instant), "createdate": ("createdate", tokens.instant),
            },
            lambda own: {"hubspot_token": own.token, "hubspot_url": own.url},
        ),
        Crm(
            "salesforce", "opportunities", "records", None, "stg_salesforce__opportunities",
            {
                "Amount": ("amount", tokens.amount), "Discount_Amount__c": ("discount_amount", tokens.amount),
                "CloseDate": ("close_date", tokens.day), "CreatedDate": ("created_date", tokens.millisecond),
            },
            lambda own: {"salesforce_url": own.url, "salesforce_client_id": CLIENT_ID, "salesforce_client_secret": own.token},
        ),
        Crm(
            "pipedrive", "deals", "data", None, "stg_pipedrive__deals",
            {
                "value": ("value", tokens.amount), "mrr": ("mrr", tokens.amount), "expected_close_date": ("expected_close_date", tokens.day),
                "close_time": ("close_time", tokens.instant), "add_time": ("add_time", tokens.instant),
            },
            lambda own: {"pipedrive_token": own.token, "pipedrive_url": own.url},
        ),
    )
}  # fmt: skip


@pytest.fixture(scope="module")
def staging(tmp_path_factory: pytest.TempPathFactory) -> Staging:
    return Staging.compile(tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    with start(tmp_path_factory.mktemp("company"), DEALS, token="canary-fuzz-77a0") as running:
        yield running


class Served:
    """Changes fields of the served deals, and remembers which ids went out and what was changed."""

    def __init__(self, crm: Crm, changes: dict[int, tuple[str, bytes]]) -> None:
        self._crm = crm
        self._changes = changes
        #: id → how many came before it; a page that is asked for again is the same page
        self.ids: dict[str, int] = {}
        self.changed: dict[str, tuple[str, bytes]] = {}
        #: a record's own keys
        self.keys: list[str] = []

    def __call__(self, request: Request, response: Response) -> Response:
        is_list = request.method == "GET" and response.status == 200 and not request.path.startswith("/_simulator/")
        said = json.loads(response.body) if is_list and b'"%s"' % self._crm.rows.encode() in response.body else None
        rows = said.get(self._crm.rows) if isinstance(said, dict) else None
        if not isinstance(rows, list) or not self._lists_deals(request, rows):
            return response
        marks = {}
        for row in rows:
            identity = str(row.get("id", row.get("Id")))
            number = self.ids.setdefault(identity, len(self.ids))
            field, token = self._changes.get(number, ("", b""))
            self.keys = self.keys or list(row)
            if field and token == MISSING:
                row.pop(field, None)
                self.changed[identity] = (field, token)
            elif field:
                mark = f"@@{number}@@"
                (row[self._crm.inner] if self._crm.inner else row)[field] = mark
                marks[f'"{mark}"'.encode()] = token
                self.changed[identity] = (field, token)
        body = json.dumps(said).encode()
        for mark_bytes, token in marks.items():
            body = body.replace(mark_bytes, token)
        return Response(response.status, body, response.headers)

    def _lists_deals(self, request: Request, rows: list[Any]) -> bool:
        if self._crm.source == "salesforce":
            return bool(rows) and rows[0].get("attributes", {}).get("type") == "Opportunity" and "StageName" in rows[0]
        return request.path.endswith("/deals") and ("/objects/" in request.path or "/api/v2/" in request.path)


def extracted(own: Simulation, chosen: Settings, crm: Crm, served: Served) -> WatertightError | None:
    """The error it ended with, which is one plain sentence and leaves nothing behind."""
    own.world.clock.set(1)
    own.world.hubspot.limits.today = own.world.pipedrive.limits.spent = 0
    own.world.fault = served
    refused = None
    try:
        extract(chosen, crm.source, crm.resource, RUN, ResourceState())
    except WatertightError as error:
        refused = error
    finally:
        own.world.fault = None
    if refused:
        assert not read_manifests(chosen.landing_dir), "a run that failed has landed something"
        assert refused.wrong.endswith(".")
        assert "\n" not in refused.wrong
    return refused


class Trial:
    """Tries changes of one CRM's deals, each time in a home of its own."""

    def __init__(self, own: Simulation, staging: Staging, homes: Callable[[str], Path], crm: Crm) -> None:
        self._own = own
        self._staging = staging
        self._homes = homes
        self._crm = crm

    def settings(self) -> Settings:
        own = self._crm.settings(self._own)
        return Settings(_env_file=None, home_dir=self._homes("home"), simulated_time=True, **own)

    def taken(self, changes: list[Change]) -> list[Change]:
        """Those that the source takes; halves what it refuses until the refused ones are alone."""
        served = Served(self._crm, dict(enumerate(changes)))
        if extracted(self._own, self.settings(), self._crm, served) is None:
            assert len(served.changed) == len(changes), "not every value was served"
            return changes
        half = len(changes) // 2
        return [*self.taken(changes[:half]), *self.taken(changes[half:])] if half else []

    def keys(self) -> list[str]:
        """The keys of the CRM's records."""
        served = Served(self._crm, {})
        assert extracted(self._own, self.settings(), self._crm, served) is None
        return served.keys

    def staged(self, changes: list[Change]) -> tuple[Served, dict[str, dict[str, Any]], set[tuple[str, str]]]:
        """Runs the changes as far as staging: what was served, the staged rows by id, and what values_parse tells. No record may be missing."""
        crm, chosen, served = self._crm, self.settings(), Served(self._crm, dict(enumerate(changes)))
        assert extracted(self._own, chosen, crm, served) is None
        lease = Lease.take(chosen.home, one_process=True)
        loaded = load(chosen, lease, [(crm.source, crm.resource)])
        lease.release()
        assert next(each.rows_landed for each in loaded if each.resource == crm.resource) >= len(served.ids)
        rows, told = self._staging.run(chosen.warehouse_file, f"{crm.source}__{crm.resource}")
        by_id = {row["_source_id"]: row for row in rows[crm.model]}
        assert served.ids.keys() <= by_id.keys(), "a record that was served is in no staging table"
        return served, by_id, told

    def check(self, changes: list[Change]) -> None:
        """Runs the changes as far as staging; asserts what the module promises."""
        crm = self._crm
        served, by_id, told = self.staged(changes)
        for identity, (field, token) in served.changed.items():
            column, read = crm.fields[field]
            value, text = by_id[identity][column], tokens.stated(token)
            if value is not None and crm.source == "hubspot" and field == "createdate" and not text:
                continue  # the object's own createdAt stands in
            if value is not None:
                assert value == (read(text) if text is not None else None), f"{field} {token[:80]!r} became {value}"
            elif text or (text is None and token != b"null"):
                assert (identity, field) in told, f"{field} {token[:80]!r} vanished and values_parse says nothing"


def odd_changes(crm: Crm) -> list[Change]:
    """Each odd amount in a field of money, each odd instant in one of days and one of instants, each odd text and value in one after the other."""
    encoded = [[json.dumps(text).encode() for text in texts] for texts in (tokens.MONEY, tokens.TIMES, tokens.TEXTS)]
    if MORE:
        return [(field, token) for field in crm.fields for token in (*chain(*encoded), *tokens.RAW)]
    firsts = {read: field for field, (_, read) in reversed(crm.fields.items())}
    found = [(field, token) for read, field in firsts.items() for token in encoded[0 if read is tokens.amount else 1]]
    return [*found, *zip(cycle(crm.fields), [*encoded[2], *tokens.RAW], strict=False)]


@pytest.fixture(params=CRMS)
def trial(
    request: pytest.FixtureRequest, own: Simulation, staging: Staging, tmp_path_factory: pytest.TempPathFactory
) -> Trial:
    return Trial(own, staging, tmp_path_factory.mktemp, CRMS[request.param])


def test_every_odd_value_is_read_exactly_or_told_or_refused_in_words(
    trial: Trial, request: pytest.FixtureRequest
) -> None:
    """H22 and H23. What a source refuses in words is left out of the next try, so that no value hides behind another."""
    changes = odd_changes(CRMS[request.node.callspec.params["trial"]])
    for some in batches(changes, DEALS // 2):
        taken = trial.taken(list(some))
        assert taken
        trial.check(taken)


def test_whatever_a_page_holds_no_record_is_lost_and_no_number_is_another(
    trial: Trial, request: pytest.FixtureRequest
) -> None:
    crm = CRMS[request.node.callspec.params["trial"]]
    changes = st.lists(st.tuples(st.sampled_from(sorted(crm.fields)), tokens.TOKENS), min_size=1, max_size=DEALS // 4)

    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None,
        phases=[Phase.generate],
    )  # fmt: skip
    @given(changes)
    def fuzz(changes: list[Change]) -> None:
        trial.check(trial.taken(changes))

    fuzz()


def test_a_key_that_comes_twice_has_one_of_its_values_and_loses_no_record(
    trial: Trial, request: pytest.FixtureRequest
) -> None:
    crm = CRMS[request.node.callspec.params["trial"]]
    values = {tokens.amount: ("1.50", "2.50")}
    pairs = {field: values.get(read, ("2026-01-02", "2026-01-03")) for field, (_, read) in crm.fields.items()}
    changes = [
        (field, b'"%s","%s":"%s"' % (first.encode(), field.encode(), second.encode()))
        for field, (first, second) in pairs.items()
    ]
    served, by_id, _ = trial.staged(trial.taken(changes))
    for identity, (field, _) in served.changed.items():
        column, read = crm.fields[field]
        assert by_id[identity][column] in [read(text) for text in pairs[field]], field


def test_a_record_without_one_of_its_keys_is_kept_or_refused_in_words(trial: Trial) -> None:
    keys = trial.keys()
    assert len(keys) < DEALS
    taken = trial.taken([(key, MISSING) for key in keys])
    trial.staged(taken)
    assert not {"id", "Id"} & {key for key, _ in taken}, "a record without an id was taken"
    # Salesforce sends every field that was asked for; a record that lacks one is not what was asked for.
    assert taken


@pytest.mark.parametrize("name", CRMS)
@pytest.mark.parametrize("token", tokens.BROKEN, ids=[str(number) for number in range(len(tokens.BROKEN))])
def test_a_page_that_is_no_json_is_refused_in_words(own: Simulation, tmp_path: Path, name: str, token: bytes) -> None:
    crm = CRMS[name]
    served = Served(crm, {3: (next(iter(crm.fields)), token)})
    chosen = Settings(_env_file=None, home_dir=tmp_path, simulated_time=True, **crm.settings(own))
    error = extracted(own, chosen, crm, served)
    assert error is not None
    assert "sha256" in str(error)


#: sources whose own protocol carries text only: what they land is fuzzed behind it
LANDED = {
    "tryton": (
        "opportunities",
        "stg_tryton__opportunities",
        {"amount": tokens.amount, "end_date": tokens.day, "create_date": tokens.instant},
    ),
}


@pytest.mark.parametrize("name", LANDED)
def test_whatever_has_landed_is_staged_exactly_or_told(staging: Staging, tmp_path: Path, name: str) -> None:
    resource, model, fields = LANDED[name]
    chosen = Settings(_env_file=None, home_dir=tmp_path, simulated_time=True)
    lease = Lease.take(chosen.home, one_process=True)
    values = [json.dumps(text).encode() for text in (*tokens.MONEY, *tokens.TIMES, *tokens.TEXTS)] + list(tokens.RAW)
    given_values = {f"{field}-{number}": (field, token) for field in fields for number, token in enumerate(values)}
    writer = LandingWriter(
        run_folder(chosen.landing_dir, name, "1", resource, lease.run_id),
        extracted_at="2026-01-01T00:00:00.000Z",
        run_id=lease.run_id,
    )
    writer.land(
        Record(key, None, False, b'{"%s":%s}' % (field.encode(), without_half_surrogates(token)))
        for key, (field, token) in given_values.items()
    )
    writer.finish({
        "source_system": name, "account": "1", "resource": resource, "run_id": lease.run_id, "extracted_at": "2026-01-01T00:00:00.000Z",
        "data_through": "2026-01-01T00:00:00.000Z", "cursor_from": None, "cursor_to": "2026-01-01T00:00:00.000Z", "mode": "changes",
        "sweep_of": None, "pages": 1, "requests": 1, "control_totals": None,
    })  # fmt: skip
    assert [each.rows_landed for each in load(chosen, lease, [(name, resource)])] == [len(given_values)]
    lease.release()
    rows, told = staging.run(chosen.warehouse_file, f"{name}__{resource}")
    by_id = {row["_source_id"]: row for row in rows[model]}
    assert by_id.keys() == given_values.keys()
    for key, (field, token) in given_values.items():
        value, text = by_id[key][field], tokens.stated(token)
        if value is not None:
            assert value == fields[field](text or ""), f"{field} {token[:80]!r} became {value}"
        elif text or (text is None and token != b"null"):
            assert (key, field) in told, f"{field} {token[:80]!r} vanished and values_parse says nothing"


def without_half_surrogates(token: bytes) -> bytes:
    """As the client hands it on, test_half_surrogates_become_the_replacement_character."""
    return token.replace(b"\\ud800", b"\\ufffd").replace(b"\\udfff", b"\\ufffd")
