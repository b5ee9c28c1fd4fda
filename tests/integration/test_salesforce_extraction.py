"""The Salesforce source against the simulated org over real HTTP: tokens, size, completeness, permissions, totals.

A failure here means that what lands is not what the CRM holds, or that a credential or a value could be lost. The journey through the warehouse is
tests/e2e/test_salesforce_journey.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr

from extractors.core.connections import Connections
from extractors.core.cursor import parse_instant
from extractors.core.errors import ConfigurationError, IntegrityError, TransientError
from extractors.core.landing import Landing, read_lines, read_manifests
from extractors.core.run import ResourceState
from extractors.core.settings import Settings
from extractors.sources import extract, plan
from simulator.hubspot.answers import Request, Response
from simulator.salesforce.identities import identify
from simulator.salesforce.oauth import CLIENT_ID, REFRESH_TOKEN
from simulator.salesforce.query import run as ask
from simulator.salesforce.settings import USERNAME
from simulator.salesforce.soql import parse
from simulator.server import Simulation, start
from tests.faults.made_up_secrets import unpacked

pytestmark = pytest.mark.integration

SECRET = "canary-salesforce-51d0"
ALL_PAGES = 1_000_000


def settings_for(simulation: Simulation, home: Path, **more: Any) -> Settings:
    """By signed assertion, unless told otherwise."""
    chosen: dict[str, Any] = {
        "home_dir": home,
        "salesforce_url": simulation.url,
        "salesforce_client_id": CLIENT_ID,
        "salesforce_username": USERNAME,
        "salesforce_private_key_file": simulation.home / "salesforce_key.pem",
        "simulated_time": True,
    }
    return Settings(_env_file=None, **(chosen | more))


def run_night(settings: Settings, run_id: str, *resources: str) -> dict[str, dict[str, Any]]:
    held = {
        one.manifest.resource: ResourceState(
            parse_instant(one.manifest.cursor_to), parse_instant(one.manifest.extracted_at)
        )
        for one in read_manifests(settings.landing_dir)
    }
    return {
        task["resource"]: extract(
            settings, "salesforce", task["resource"], run_id, held.get(task["resource"], ResourceState())
        )
        for task in plan(settings, ["salesforce"])
        if not resources or task["resource"] in resources
    }


def landings(settings: Settings, table: str) -> list[Landing]:
    return [one for one in read_manifests(settings.landing_dir) if one.manifest.resource == table]


def lines(settings: Settings, table: str, run_id: str | None = None) -> list[dict[str, Any]]:
    return [
        msgspec.json.decode(line)
        for one in landings(settings, table)
        if run_id is None or one.manifest.run_id == run_id
        for part in one.part_files
        for line in read_lines(part)
    ]


@pytest.fixture
def simulation(tmp_path: Path) -> Iterator[Simulation]:
    with start(tmp_path / "company", 200, token=SECRET) as running:
        yield running


@pytest.fixture
def settings(simulation: Simulation, tmp_path: Path) -> Settings:
    return settings_for(simulation, tmp_path / "home")


Fault = Callable[[Request, Response], Response | None]


def test_rest_and_bulk_land_the_same_bytes(simulation: Simulation, tmp_path: Path) -> None:
    found = []
    for rows in (ALL_PAGES, 1):
        simulation.world.clock.set(1)
        settings = settings_for(simulation, tmp_path / f"home-{rows}", salesforce_bulk_rows=rows)
        run_night(settings, "night-1", "opportunities", "leads", "accounts", "tasks", "events", "organizations")
        found.append({
            (table, line["_source_id"]): (msgspec.json.encode(line["payload"]), line["_source_updated_at"], line["_is_deleted"])
            for table in ("opportunities", "opportunity_history", "opportunity_field_history", "leads", "lead_history", "accounts", "tasks", "events", "users", "opportunity_stages")
            for line in lines(settings, table)
        })  # fmt: skip
    assert simulation.world.salesforce.counts["bulk"] > 20
    # Rows that changed between the two readings may differ; nothing moves in the seconds they take.
    assert found[0].keys() == found[1].keys()
    differing = {key: (value, found[1][key]) for key, value in found[0].items() if value != found[1][key]}
    assert not differing
    assert any(b'"NextStep":"NA"' in payload for payload, _, _ in found[1].values())


def test_values_land_in_one_spelling(simulation: Simulation, settings: Settings) -> None:
    run_night(settings, "night-1", "opportunities")
    for line in lines(settings, "opportunities"):
        payload = line["payload"]
        assert len(payload["Id"]) == len(payload["AccountId"]) == 18
        assert payload["CreatedDate"].endswith("Z")
        assert "Description" not in payload
        assert "Account_Health__c" not in payload, "a formula would grow stale here"
        assert line["_source_updated_at"] == payload["SystemModstamp"]


FLOWS: dict[str, dict[str, Any]] = {
    "signed assertion": {},
    "client secret": {"salesforce_private_key_file": None, "salesforce_client_secret": SecretStr(SECRET)},
    "refresh token": {"salesforce_refresh_token": SecretStr(REFRESH_TOKEN)},
}


@pytest.mark.parametrize("flow", FLOWS)
def test_each_flow_logs_in_and_a_session_that_ends_in_the_middle_is_opened_anew(
    simulation: Simulation, tmp_path: Path, flow: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = settings_for(simulation, tmp_path / "home", **FLOWS[flow])
    seen = 0

    def end_sessions(request: Request, response: Response) -> Response:
        nonlocal seen
        seen += "/query" in request.path
        if seen == 2:
            simulation.world.salesforce.sessions.end_all()
        return response

    simulation.world.fault = end_sessions
    run_night(settings, "night-1", "opportunities")
    assert simulation.world.salesforce.sessions.granted == 2
    assert len(lines(settings, "opportunities")) > 150
    key = (simulation.home / "salesforce_key.pem").read_text()
    written = b"".join(path.read_bytes() for path in settings.home.rglob("*") if path.is_file()).decode("latin-1")
    for secret in (SECRET, REFRESH_TOKEN, key[100:140], "!AQ"):
        assert secret not in caplog.text + written


def test_a_run_in_one_process_logs_in_once_and_describes_every_object_once(
    simulation: Simulation, settings: Settings
) -> None:
    described: list[str] = []

    def watch(request: Request, response: Response) -> Response:
        described.extend([request.path] if request.path.endswith("/describe") else [])
        return response

    simulation.world.fault = watch
    connections = Connections()
    for resource in ("opportunities", "accounts", "accounts_formulas", "opportunities_sweep", "accounts_sweep"):
        extract(settings, "salesforce", resource, "night-1", ResourceState(), connections)
    assert simulation.world.salesforce.sessions.granted == 1
    assert len(described) == len(set(described)) >= 4


def test_a_session_that_is_refused_at_once_is_not_opened_for_ever(simulation: Simulation, settings: Settings) -> None:
    def refuse(request: Request, response: Response) -> Response:
        if "/sobjects/" not in request.path:
            return response
        return Response(401, b'[{"errorCode":"INVALID_SESSION_ID","message":"Session expired or invalid"}]')

    simulation.world.fault = refuse
    with pytest.raises(ConfigurationError, match="just opened"):
        run_night(settings, "night-1", "accounts")
    assert simulation.world.salesforce.sessions.granted == 2


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"salesforce_client_id": None}, "SALESFORCE_CLIENT_ID"),
        ({"salesforce_username": None}, "SALESFORCE_USERNAME"),
        ({"salesforce_private_key_file": None}, "SALESFORCE_PRIVATE_KEY_FILE"),
        ({"salesforce_private_key_file": Path("/nowhere.pem")}, "cannot be read"),
        ({"salesforce_username": "somebody@else.example"}, "refused to log in"),
        ({"salesforce_audience": "https://evil.example"}, "refused to log in"),
        ({"salesforce_refresh_token": SecretStr("wrong-one")}, "refused to log in"),
        ({"salesforce_version": "12.0"}, "SALESFORCE_VERSION"),
    ],
)
def test_wrong_settings_are_said_in_one_sentence(
    simulation: Simulation, tmp_path: Path, more: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        run_night(settings_for(simulation, tmp_path / "home", **more), "night-1", "accounts")
    assert "wrong-one" not in str(caught.value)


def test_a_rotated_refresh_token_stops_the_run(simulation: Simulation, tmp_path: Path) -> None:
    simulation.world.salesforce.sessions.rotates = True
    settings = settings_for(simulation, tmp_path / "home", **FLOWS["refresh token"])
    with pytest.raises(ConfigurationError, match="rotation") as caught:
        run_night(settings, "night-1", "accounts")
    assert simulation.world.salesforce.sessions.refresh_token not in str(caught.value)


def test_an_org_elsewhere_gets_nothing(simulation: Simulation, settings: Settings) -> None:
    asked: list[str] = []

    def send_away(request: Request, response: Response) -> Response:
        asked.append(request.path)
        if request.path.endswith("/token"):
            response.body = response.body.replace(simulation.url.encode(), b"https://evil.example")
            response.headers.pop("Content-Length", None)
        return response

    simulation.world.fault = send_away
    with pytest.raises(ConfigurationError, match="SALESFORCE_URL"):
        run_night(settings, "night-1", "accounts")
    assert asked == ["/services/data/", "/services/oauth2/token"]


def test_more_fields_than_an_address_holds_are_put_together(simulation: Simulation, tmp_path: Path) -> None:
    simulation.world.salesforce.org.further_fields = 900
    longest = 0

    def measure(request: Request, response: Response) -> Response:
        nonlocal longest
        longest = max(longest, request.size)
        return response

    simulation.world.fault = measure
    found = []
    for rows in (ALL_PAGES, 1):
        simulation.world.clock.set(1)
        settings = settings_for(simulation, tmp_path / f"home-{rows}", salesforce_bulk_rows=rows)
        run_night(settings, "night-1", "opportunities")
        found.append({line["_source_id"]: line["payload"] for line in lines(settings, "opportunities")})
    assert found[0] == found[1]
    assert all(sum(name.startswith("Further_") for name in payload) == 900 for payload in found[0].values())
    assert 10_000 < longest <= 16_384


def cut_at_a_line(request: Request, response: Response) -> Response:
    if request.path.endswith("/results") and response.status == 200:
        kept = response.body.rstrip(b"\n").rpartition(b'\n"006')[0] + b"\n"
        response = Response(200, kept, response.headers)
    return response


def cut_with_its_header(request: Request, response: Response) -> Response:
    """A page that agrees with itself and is one row short: only the job's own count shows it."""
    cut = cut_at_a_line(request, response)
    if cut is not response:
        cut.headers = cut.headers | {"Sforce-NumberOfRecords": str(int(cut.headers["Sforce-NumberOfRecords"]) - 1)}
    return cut


def no_locator(request: Request, response: Response) -> Response:
    response.headers.pop("Sforce-Locator", None)
    return response


def same_page_again(request: Request, response: Response) -> Response:
    if request.path.endswith("/results"):
        response.headers["Sforce-Locator"] = "30"
    return response


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (cut_at_a_line, "announced"),
        (cut_with_its_header, "processed"),
        (no_locator, "whether it goes on"),
        (same_page_again, "twice|circles"),
    ],
)
def test_a_bulk_result_that_lacks_rows_is_never_accepted(
    simulation: Simulation, tmp_path: Path, fault: Fault, says: str
) -> None:
    settings = settings_for(simulation, tmp_path / "home", salesforce_bulk_rows=1)
    simulation.world.fault = fault
    with pytest.raises(IntegrityError, match=says):
        run_night(settings, "night-1", "opportunities")
    assert not landings(settings, "opportunities")


def test_bulk_results_are_read_page_by_page_to_the_last(simulation: Simulation, tmp_path: Path) -> None:
    simulation.world.salesforce.jobs.page = 70
    settings = settings_for(simulation, tmp_path / "home", salesforce_bulk_rows=1)
    run_night(settings, "night-1", "opportunities")
    org = simulation.world.salesforce.org
    due = ask(org, parse("SELECT Id FROM Opportunity"), simulation.world.clock.now, True).rows
    assert {line["_source_id"] for line in lines(settings, "opportunities")} == {row[0] for row in due}


def test_a_failed_job_is_said(simulation: Simulation, tmp_path: Path) -> None:
    simulation.world.salesforce.jobs.fails = "INVALIDBATCH: the batch failed"
    with pytest.raises(TransientError, match="INVALIDBATCH"):
        run_night(settings_for(simulation, tmp_path / "home", salesforce_bulk_rows=1), "night-1", "opportunities")


def test_extraction_stops_at_its_share_of_the_orgs_calls(simulation: Simulation, settings: Settings) -> None:
    org = simulation.world.salesforce
    org.usage_note = "; per-app-api-usage=17/250(appName=x)"
    org.used_elsewhere = int(org.daily_calls * 0.8) - 3
    with pytest.raises(TransientError, match=r"calls of 24 hours"):
        run_night(settings, "night-1", "opportunities")
    org.used_elsewhere = org.daily_calls
    with pytest.raises(TransientError, match="lets nobody ask"):
        run_night(settings, "night-1", "opportunities")
    assert not landings(settings, "opportunities")


def test_a_field_that_is_hidden_stops_the_run_and_overwrites_nothing(
    simulation: Simulation, settings: Settings
) -> None:
    run_night(settings, "night-1", "opportunities")
    org = simulation.world.salesforce.org
    simulation.advance(2)
    for name in ("Amount", "Product_Line__c"):
        org.hidden_fields = frozenset({("Opportunity", name)})
        with pytest.raises(ConfigurationError, match=f"Opportunity.{name}"):
            run_night(settings, "night-2", "opportunities")
    assert len(landings(settings, "opportunities")) == 1
    removed = settings.model_copy(update={"salesforce_removed_fields": ("Opportunity.Product_Line__c",)})
    run_night(removed, "night-2", "opportunities")
    assert lines(settings, "opportunities", "night-2")


def test_a_hidden_object_is_left_out_only_if_it_never_was_there(simulation: Simulation, settings: Settings) -> None:
    org = simulation.world.salesforce.org
    org.hidden_objects = frozenset({"ForecastingQuota", "CurrencyType"})
    run_night(settings, "night-1", "organizations")
    assert not lines(settings, "currency_types")
    org.hidden_objects = frozenset()
    run_night(settings, "night-2", "organizations")
    assert len(lines(settings, "currency_types")) == 3
    org.hidden_objects = frozenset({"CurrencyType"})
    with pytest.raises(ConfigurationError, match="CurrencyType"):
        run_night(settings, "night-3", "organizations")


def test_formula_fields_are_read_anew_though_no_stamp_moves(simulation: Simulation, settings: Settings) -> None:
    run_night(settings, "night-1", "opportunities_formulas")
    simulation.advance(40)
    run_night(settings, "night-40", "opportunities_formulas")
    first, later = (
        {
            line["_source_id"]: line["payload"]["Account_Health__c"]
            for line in lines(settings, "opportunities_formulas", run)
        }
        for run in ("night-1", "night-40")
    )
    both = first.keys() & later.keys()
    assert sum(first[key] != later[key] for key in both) > len(both) * 0.9


def test_rows_that_commit_late_and_rows_erased_at_once_are_all_found(tmp_path: Path) -> None:
    """Six nights in an org whose every commit may take minutes: what is held equals what the org shows, row for row."""
    entities = {"Opportunity": "opportunities", "Contact": "contacts", "Account": "accounts"}
    with start(tmp_path / "company", 1_500, token=SECRET) as simulation:
        # The window ends close to now, so that much of it is still to be committed; looking back makes up for it.
        settings = settings_for(simulation, tmp_path / "home", settle_minutes=1, salesforce_lookback_minutes=12)
        org = simulation.world.salesforce.org
        org.slow_commits = 1.0
        for night in range(1, 7):
            simulation.advance(night)
            run_night(settings, f"night-{night}", *entities.values())
        run_night(settings, "night-6", *(f"{table}_sweep" for table in entities.values()))
        now = simulation.world.clock.now
        late = 0
        for entity, table in entities.items():
            nights = landings(settings, table)
            through = [parse_instant(one.manifest.data_through) for one in nights]
            settled = int((through[-1] - timedelta(minutes=12)).timestamp() * 1_000)
            held: dict[str, str] = {}
            for place, one in enumerate(nights):
                for line in lines(settings, table, one.manifest.run_id):
                    stamp = line["payload"]["SystemModstamp"]
                    late += (
                        place > 0
                        and parse_instant(stamp) < through[place - 1]
                        and held.get(line["_source_id"]) != stamp
                    )
                    held[line["_source_id"]] = stamp
            rows = ask(org, parse(f"SELECT Id, SystemModstamp, IsDeleted FROM {entity}"), now, True).rows
            old = {row[0]: row[1] for row in rows if row[1] <= settled}
            assert {key: int(parse_instant(held[key]).timestamp() * 1_000) for key in old} == old
            listed = {line["_source_id"] for line in lines(settings, f"{table}_sweep")}
            assert {row[0] for row in rows if row[1] <= settled and not row[2]} <= listed
            assert not listed & (held.keys() - {row[0] for row in rows})
        assert late, "no row committed late: the test would prove nothing"


@pytest.mark.parametrize(
    ("entity", "table", "unstamped"),
    [
        ("OpportunityLineItem", "opportunity_line_items", {True, False}),
        ("OpportunityContactRole", "opportunity_contact_roles", {False}),
    ],
)
def test_lines_and_roles_go_and_come_back_with_their_opportunity(
    tmp_path: Path, entity: str, table: str, unstamped: set[bool]
) -> None:
    """Nobody stamps a line when its opportunity is deleted, or a line or a role when it comes back, and no comparison of ids runs here."""
    with start(tmp_path / "company", 400, seed=46, token=SECRET, history_days=60) as simulation:
        settings = settings_for(simulation, tmp_path / "home")
        org = simulation.world.salesforce.org
        held: dict[str, bool] = {}
        turned: set[bool] = set()
        text = f"SELECT Id, IsDeleted, SystemModstamp FROM {entity}"
        for night in range(1, 7):
            simulation.advance(night)
            before = simulation.world.clock.now
            run_night(settings, f"night-{night}", table)
            landed = {line["_source_id"]: line["_is_deleted"] for line in lines(settings, table, f"night-{night}")}
            shown = {row[0]: (row[1], row[2]) for row in ask(org, parse(text), simulation.world.clock.now, True).rows}
            a_day = 86_400_000
            turned |= {
                landed[key]
                for key in landed.keys() & held.keys() & shown.keys()
                if landed[key] != held[key] and shown[key][1] < before - a_day
            }
            held |= landed
            assert {key: held.get(key) for key in shown} == {key: is_deleted for key, (is_deleted, _) in shown.items()}
        assert turned == unstamped, f"unstamped, rows turned deleted: {turned}: the test would prove little"


def test_control_totals_are_the_orgs_own(simulation: Simulation, settings: Settings) -> None:
    run_night(settings, "night-1", "opportunities", "opportunities_sweep")
    org = simulation.world.salesforce.org
    text = "SELECT Id, RecordTypeId, StageName, CurrencyIsoCode, Amount FROM Opportunity"
    rows = ask(org, parse(text), simulation.world.clock.now, False).rows
    for table, has_all_amounts in (("opportunities", False), ("opportunities_sweep", True)):
        totals = landings(settings, table)[-1].manifest.control_totals
        assert totals is not None
        due: dict[tuple[str, str, str], list[Decimal]] = {}
        for identity, record_type, stage, currency, amount in rows:
            if not has_all_amounts or identity not in totals.left_out_ids:
                due.setdefault((record_type, stage, currency), []).append(Decimal(str(amount or 0)))
        assert {(each.pipeline_id, each.stage_id, each.currency_code or "") for each in totals.totals} == due.keys()
        for each in totals.totals:
            amounts = due[each.pipeline_id, each.stage_id, each.currency_code or ""]
            assert each.deal_count == len(amounts)
            if each.currency_code == "EUR" or has_all_amounts:
                assert Decimal(each.deal_amount or "nan") == sum(amounts)
            else:
                assert each.deal_amount is None, "converted by Salesforce: not comparable"


def test_stages_of_a_record_type_come_with_it_or_not_at_all(simulation: Simulation, settings: Settings) -> None:
    run_night(settings, "night-1", "organizations")
    names = {line["_source_id"]: line["payload"]["StageNames"] for line in lines(settings, "record_types")}
    assert [len(names[identify("RecordType", number)]) for number in (1, 2, 3)] == [7, 5, 7]
    simulation.world.salesforce.org.has_process_stages = False
    run_night(settings, "night-2", "organizations")
    assert {line["payload"]["StageNames"] for line in lines(settings, "record_types", "night-2")} == {None}


@pytest.mark.parametrize("rows", [ALL_PAGES, 1], ids=["rest", "bulk"])
def test_a_run_cut_in_the_middle_goes_on_there_and_leaves_no_token_behind(
    simulation: Simulation, tmp_path: Path, rows: int
) -> None:
    settings = settings_for(simulation, tmp_path / "home", salesforce_bulk_rows=rows, **FLOWS["client secret"])
    simulation.world.salesforce.jobs.page = 100
    asked: list[str] = []

    def cut(request: Request, response: Response) -> Response:
        if "/query" in request.path:
            asked.append(request.path)
            if len(asked) == 2:
                simulation.world.salesforce.sessions.end_all()  # a second log-in, in the middle
        return Response(503, b"[]") if len(asked) >= 5 else response

    simulation.world.fault = cut
    with pytest.raises(TransientError):
        run_night(settings, "night-1", "opportunities")
    written = [path for path in settings.home.rglob("*") if path.is_file()]
    token = next(iter(simulation.world.salesforce.sessions._ends))
    everything = b"".join(path.read_bytes() + unpacked(path.read_bytes()) for path in written)
    assert b'"totalSize"' in everything, "nothing was kept, or nothing unpacked"
    assert token.encode() not in everything
    assert SECRET.encode() not in everything
    before = simulation.world.salesforce.counts["query"] + simulation.world.salesforce.counts["bulk"]
    simulation.world.fault = None
    run_night(settings, "night-1", "opportunities")
    asked_again = simulation.world.salesforce.counts["query"] + simulation.world.salesforce.counts["bulk"] - before
    simulation.world.clock.set(1)
    whole = settings_for(simulation, tmp_path / "whole", salesforce_bulk_rows=rows)
    run_night(whole, "night-1", "opportunities")
    asked_whole = (
        simulation.world.salesforce.counts["query"] + simulation.world.salesforce.counts["bulk"] - before - asked_again
    )
    assert asked_again <= asked_whole - 3
    landed, due = (
        {
            (table, line["_source_id"])
            for table in ("opportunities", "opportunity_history")
            for line in lines(each, table)
        }
        for each in (settings, whole)
    )
    assert landed == due


def test_a_permission_that_was_given_back_is_seen_by_the_next_try(simulation: Simulation, settings: Settings) -> None:
    org = simulation.world.salesforce.org
    org.hidden_fields = frozenset({("Opportunity", "Amount")})
    with pytest.raises(ConfigurationError, match="Amount"):
        run_night(settings, "night-1", "opportunities")
    org.hidden_fields = frozenset()
    run_night(settings, "night-1", "opportunities")
    assert len(lines(settings, "opportunities")) > 150
