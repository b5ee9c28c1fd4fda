"""The Pipedrive source against the simulated Pipedrive over real HTTP: what lands, what it costs, and how it fails.

A failure here means that what lands is not what the CRM holds. It runs with every change of `extractors/` or `simulator/`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import msgspec
import pytest

from extractors.core.connections import Connections
from extractors.core.cursor import parse_instant
from extractors.core.errors import ConfigurationError, IntegrityError, TransientError, WatertightError
from extractors.core.landing import Landing, Manifest, read_lines, read_manifests
from extractors.core.run import ResourceState
from extractors.core.settings import Settings
from extractors.sources import extract, plan
from simulator.hubspot.answers import Request, Response
from simulator.pipedrive.limits import TokenLimits
from simulator.pipedrive.oauth import CLIENT_ID, REFRESH_TOKEN
from simulator.server import Simulation, start

pytestmark = pytest.mark.integration

TOKEN = "canary-pipedrive-93ab"
SEED = 56


def settings_for(simulation: Simulation, home: Path, **more: Any) -> Settings:
    given = {"pipedrive_token": simulation.token, "pipedrive_url": simulation.url, "simulated_time": True} | more
    return Settings(_env_file=None, home_dir=home, **given)


def extract_one(settings: Settings, resource: str, run_id: str) -> dict[str, Any]:
    """One resource from where its last landing ended."""
    landed = [one.manifest for one in read_manifests(settings.landing_dir) if one.manifest.resource == resource]
    state = ResourceState()
    if landed:
        state = ResourceState(
            max(parse_instant(one.cursor_to) for one in landed), max(parse_instant(one.extracted_at) for one in landed)
        )
    return extract(settings, "pipedrive", resource, run_id, state)


def landing(settings: Settings, resource: str, run_id: str) -> Landing:
    return next(
        one
        for one in read_manifests(settings.landing_dir)
        if (one.manifest.resource, one.manifest.run_id) == (resource, run_id)
    )


def manifest(settings: Settings, resource: str, run_id: str) -> Manifest:
    return landing(settings, resource, run_id).manifest


def lines(settings: Settings, resource: str, run_id: str) -> list[dict[str, Any]]:
    parts = landing(settings, resource, run_id).part_files
    return [msgspec.json.decode(line) for part in parts for line in read_lines(part)]


@pytest.fixture
def simulation(tmp_path: Path) -> Iterator[Simulation]:
    with start(tmp_path / "company", size=300, seed=SEED, token=TOKEN) as running:
        yield running


@pytest.fixture
def settings(simulation: Simulation, tmp_path: Path) -> Settings:
    return settings_for(simulation, tmp_path / "home")


def test_the_totals_count_the_deals_that_landed(settings: Settings) -> None:
    extract_one(settings, "deals", "n-1")
    said = manifest(settings, "deals", "n-1").control_totals
    assert said is not None
    landed = [line["payload"] for line in lines(settings, "deals", "n-1") if not line["_is_deleted"]]
    assert any(deal["is_archived"] for deal in landed), "no deal is archived: the test would prove nothing"
    assert abs(sum(total.deal_count for total in said.totals) - len(landed)) <= len(said.excluded_ids)
    if not said.excluded_ids:
        for total in said.totals:
            here = [
                deal
                for deal in landed
                if str(deal["pipeline_id"]) == total.pipeline_id
                and (str(deal["stage_id"]) if deal["status"] == "open" else deal["status"]) == total.stage_id
                and deal["currency"] == total.currency_code
            ]
            assert len(here) == total.deal_count
            assert f"{sum(deal['value'] for deal in here):.2f}" == total.deal_amount


def test_deleted_deals_land_as_deleted(settings: Settings) -> None:
    extract_one(settings, "deals", "n-1")
    deleted = [line for line in lines(settings, "deals", "n-1") if line["_is_deleted"]]
    assert deleted
    assert {line["payload"]["status"] for line in deleted} == {"deleted"}


def test_an_archived_deal_that_is_unchanged_is_in_the_sweep(settings: Settings) -> None:
    extract_one(settings, "deals", "n-1")
    extract_one(settings, "deals_sweep", "n-1")
    live = {line["_source_id"] for line in lines(settings, "deals", "n-1") if not line["_is_deleted"]}
    assert {line["_source_id"] for line in lines(settings, "deals_sweep", "n-1")} == live


def test_statistics_come_as_often_as_the_sweep_and_wait_for_tokens(simulation: Simulation, settings: Settings) -> None:
    limits = simulation.world.pipedrive.limits = TokenLimits(daily=4_000)
    limits.spent = 500
    extract_one(settings, "pipeline_statistics", "n-1")
    assert manifest(settings, "pipeline_statistics", "n-1").rows == 0, "there were not tokens enough"
    landed = {}
    for night in range(2, 11):
        simulation.advance(night)
        extract_one(settings, "pipeline_statistics", f"n-{night}")
        landed[night] = [line["payload"] for line in lines(settings, "pipeline_statistics", f"n-{night}")]
        limits.daily = 100_000
    assert [night for night, rows in landed.items() if rows] == [3, 10]
    rows = landed[3]
    assert {row["pipeline_id"] for row in rows} == {1, 2, 3}
    assert all({"movement_statistics", "conversion_statistics"} <= row.keys() for row in rows)
    assert sum(row["movement_statistics"]["deals_left_open"]["count"] for row in rows) > 0
    assert {(row["start_date"], row["end_date"]) for row in landed[10]} == {("2026-06-04", "2026-06-10")}


def test_a_first_load_of_histories_takes_the_nights_that_the_tokens_need(
    simulation: Simulation, settings: Settings
) -> None:
    simulation.world.pipedrive.limits = TokenLimits(daily=3_000)
    read: set[str] = set()
    cursors = []
    for night in range(1, 6):
        simulation.advance(night)
        summary = extract_one(settings, "deal_changelogs", f"n-{night}")
        assert simulation.world.pipedrive.limits.spent <= 3_000 * 0.75, "a quarter is left to others"
        cursors.append(manifest(settings, "deal_changelogs", f"n-{night}").cursor_to)
        read |= {line["_source_id"] for line in lines(settings, "deal_changelogs", f"n-{night}")}
        assert summary["rows"] > 0
    assert cursors == sorted(cursors)
    assert cursors[0] < cursors[1] < cursors[2]
    extract_one(settings, "deals_sweep", "sweep")
    assert {line["_source_id"] for line in lines(settings, "deals_sweep", "sweep")} <= read
    # Caught up: the cursor is at the window's end again.
    last = manifest(settings, "deal_changelogs", "n-5")
    assert last.cursor_to == last.data_through


def test_what_changed_tonight_goes_before_the_backlog(simulation: Simulation, settings: Settings) -> None:
    simulation.world.pipedrive.limits = TokenLimits(daily=2_000)
    extract_one(settings, "deal_changelogs", "n-1")
    simulation.advance(2)
    extract_one(settings, "deal_changelogs", "n-2")
    since = parse_instant(manifest(settings, "deal_changelogs", "n-1").extracted_at) - timedelta(minutes=65)
    stamps = [parse_instant(line["_source_updated_at"]) for line in lines(settings, "deal_changelogs", "n-2")]
    fresh = [at for at in stamps if at >= since]
    assert fresh
    assert stamps[: len(fresh)] == fresh
    assert len(stamps) > len(fresh), "the backlog was not gone on with"


def test_a_day_without_tokens_ends_at_once_in_one_sentence(simulation: Simulation, settings: Settings) -> None:
    limits = simulation.world.pipedrive.limits = TokenLimits(daily=100)
    limits.spent = 97
    before = simulation.world.clock.now
    with pytest.raises(TransientError, match="tokens for today are used up") as failed:
        extract_one(settings, "deals", "n-1")
    assert failed.value.exit_code == 1
    assert simulation.world.clock.now - before < 2_000, "it backed off although only tomorrow helps"
    assert not read_manifests(settings.landing_dir)


def test_too_many_requests_at_once_are_waited_for(simulation: Simulation, settings: Settings) -> None:
    simulation.world.pipedrive.limits = TokenLimits(burst=5)
    assert extract_one(settings, "deal_changelogs", "n-1")["rows"] > 200


def test_a_wrong_token_is_a_setting(simulation: Simulation, tmp_path: Path) -> None:
    settings = settings_for(simulation, tmp_path / "home", pipedrive_token="wrong")
    with pytest.raises(ConfigurationError, match="refused the token") as failed:
        extract_one(settings, "deals", "n-1")
    assert failed.value.exit_code == 2
    assert "PIPEDRIVE_API_TOKEN" in str(failed.value)


def by_app(simulation: Simulation, home: Path, **more: Any) -> Settings:
    """Settings of an app with a refresh token instead of an API token."""
    given = {
        "pipedrive_token": None, "pipedrive_refresh_token": REFRESH_TOKEN, "pipedrive_client_id": CLIENT_ID,
        "pipedrive_client_secret": simulation.token, "pipedrive_oauth_url": simulation.url,
    }  # fmt: skip
    return settings_for(simulation, home, **(given | more))


def test_an_app_reads_what_a_token_reads_and_its_tokens_are_renewed(
    simulation: Simulation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []

    def end_in_the_middle(request: Request, response: Response) -> Response:
        seen.append(request.headers.get("authorization", ""))
        if len(seen) == 6:
            simulation.world.pipedrive.sessions.end_all()
        return response

    settings = by_app(simulation, tmp_path / "app")
    extract_one(settings_for(simulation, tmp_path / "token"), "deal_changelogs", "n-1")
    simulation.world.fault = end_in_the_middle
    extract_one(settings, "deal_changelogs", "n-1")
    simulation.world.fault = None
    assert simulation.world.pipedrive.sessions.granted == 2
    by_token = lines(settings_for(simulation, tmp_path / "token"), "deal_changelogs", "n-1")
    assert [line["payload"] for line in lines(settings, "deal_changelogs", "n-1")] == [
        line["payload"] for line in by_token
    ]
    written = b"".join(path.read_bytes() for path in settings.home.rglob("*") if path.is_file()).decode("latin-1")
    for secret in (TOKEN, REFRESH_TOKEN, "v1u:", seen[0].removeprefix("Basic ")):
        assert secret
        assert secret not in caplog.text + written


def test_a_token_that_ends_by_the_clock_is_replaced_without_a_refusal(simulation: Simulation, tmp_path: Path) -> None:
    simulation.world.pipedrive.sessions.length = 65_000
    extract_one(by_app(simulation, tmp_path / "home"), "deal_changelogs", "n-1")
    assert simulation.world.pipedrive.sessions.granted > 1
    assert not simulation.world.pipedrive.counts["refused_401"]


@pytest.mark.parametrize(
    "said", ["https://evil.example", "https://pipedrive.com.evil.example", "http://x.pipedrive.com", "nowhere"]
)
def test_an_account_elsewhere_gets_no_token(simulation: Simulation, tmp_path: Path, said: str) -> None:
    asked: list[str] = []

    def send_away(request: Request, response: Response) -> Response:
        asked.append(request.path)
        response.body = response.body.replace(simulation.url.encode(), said.encode())
        response.headers.pop("Content-Length", None)
        return response

    simulation.world.fault = send_away
    with pytest.raises(ConfigurationError, match="WATERTIGHT_PIPEDRIVE_URL"):
        extract_one(by_app(simulation, tmp_path / "home"), "users", "n-1")
    assert asked == ["/oauth/token"]


def test_a_replaced_refresh_token_stops_the_run_in_words(simulation: Simulation, tmp_path: Path) -> None:
    simulation.world.pipedrive.sessions.rotates = True
    with pytest.raises(ConfigurationError, match=r"PIPEDRIVE_REFRESH_TOKEN.*[Aa]uthorize") as caught:
        extract_one(by_app(simulation, tmp_path / "home"), "users", "n-1")
    assert simulation.world.pipedrive.sessions.refresh_token not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"pipedrive_client_id": None}, "PIPEDRIVE_CLIENT_ID"),
        ({"pipedrive_client_secret": None}, "PIPEDRIVE_CLIENT_SECRET"),
        ({"pipedrive_client_secret": "wrong-one"}, "invalid_client"),
        ({"pipedrive_refresh_token": "wrong-one"}, "invalid_grant"),
    ],
)
def test_what_an_app_lacks_is_said_in_one_sentence(
    simulation: Simulation, tmp_path: Path, more: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        extract_one(by_app(simulation, tmp_path / "home", **more), "users", "n-1")
    assert "wrong-one" not in str(caught.value)


def test_the_resources_of_a_run_share_one_connection(simulation: Simulation, tmp_path: Path) -> None:
    settings, connections = by_app(simulation, tmp_path / "home"), Connections()
    summaries = [
        extract(settings, "pipedrive", resource, "n-1", ResourceState(), connections)
        for resource in ("users", "currencies", "pipelines")
    ]
    assert simulation.world.pipedrive.sessions.granted == 1
    assert simulation.world.pipedrive.counts["/v1/users/me"] == 1
    assert [summary["requests"] for summary in summaries] == [2, 1, 1], "each counts its own"
    extract(settings, "pipedrive", "users", "n-2", ResourceState(), Connections())
    assert simulation.world.pipedrive.sessions.granted == 2, "the next run connects anew"


def test_the_token_is_written_nowhere(simulation: Simulation, settings: Settings) -> None:
    for task in plan(settings, ["pipedrive"]):
        extract_one(settings, task["resource"], "n-1")
    for path in settings.landing_dir.rglob("*"):
        if path.is_file():
            found = b"".join(read_lines(path)) if path.suffix == ".zst" else path.read_bytes()
            assert TOKEN.encode() not in found


def _body(answer: dict[str, Any]) -> bytes:
    return msgspec.json.encode(answer)


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/api/v2/persons", lambda said: said | {"additional_data": {"next_cursor": "again"}}),
        ("/api/v2/persons", lambda said: said | {"data": None}),
        ("/api/v2/persons", lambda said: said | {"success": False}),
        ("/api/v2/persons", lambda said: said | {"data": [said["data"][0], said["data"][0]]}),
        ("/api/v2/persons", lambda said: said | {"data": [{"name": "nobody"}]}),
        ("/api/v2/persons", lambda said: {"error": "?"}),
    ],
    ids=["a cursor in circles", "no data", "no success", "one twice", "one without an id", "another shape"],
)
def test_an_answer_that_makes_no_sense_lands_nothing(
    simulation: Simulation, settings: Settings, path: str, change: Any
) -> None:
    def fault(request: Request, response: Response) -> Response:
        if request.path != path:
            return response
        return Response(200, _body(change(msgspec.json.decode(response.body))), response.headers)

    simulation.world.fault = fault
    with pytest.raises(IntegrityError):
        extract_one(settings, "persons", "n-1")
    assert not read_manifests(settings.landing_dir)


def test_leads_that_shift_while_they_are_read_are_not_passed_over(
    simulation: Simulation, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first lead vanishes between two pages: the second page begins one further, and the list is read again."""
    monkeypatch.setattr("extractors.sources.pipedrive.pages.PAGE", 100)
    pages: list[int] = []

    def shift(request: Request, response: Response) -> Response:
        if request.path != "/v1/leads/archived":
            return response
        start = int(request.first("start") or 0)
        pages.append(start)
        said = msgspec.json.decode(response.body)
        if len(pages) == 2:
            said["data"] = said["data"][1:]
        return Response(200, _body(said), response.headers)

    whole = {line["_source_id"] for line in _leads(simulation, settings, "n-0")}
    simulation.world.fault = shift
    assert {line["_source_id"] for line in _leads(simulation, settings, "n-1")} == whole
    assert pages[:3] == [0, 99, 0]


def _leads(simulation: Simulation, settings: Settings, run_id: str) -> list[dict[str, Any]]:
    extract(settings, "pipedrive", "leads", run_id, ResourceState())
    return lines(settings, "leads", run_id)


def test_an_account_whose_plan_has_no_goals_still_loads(simulation: Simulation, settings: Settings) -> None:
    simulation.world.fault = lambda request, response: (
        Response(402, b'{"success": false}', response.headers) if request.path == "/v1/goals/find" else response
    )
    assert extract_one(settings, "goals", "n-1")["rows"] == 0
    simulation.world.fault = lambda request, response: (
        Response(402, b'{"success": false}', response.headers) if request.path == "/api/v2/deals" else response
    )
    with pytest.raises(WatertightError, match="plan"):
        extract_one(settings, "deals", "n-1")


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@hypothesis.settings(max_examples=60, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(
    resource=st.sampled_from(
        ["deals", "deal_changelogs", "persons", "leads", "stages", "users", "goals", "pipeline_statistics"]
    ),
    key=st.sampled_from(
        ["id", "update_time", "is_deleted", "pipeline_id", "products_count", "data", "additional_data", "modified"]
    ),
    junk=_JUNK,
)
def test_whatever_a_field_holds_it_lands_or_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, resource: str, key: str, junk: Any
) -> None:
    def spoil(request: Request, response: Response) -> Response:
        if request.path in ("/v1/users/me", "/_simulator/sleep") or response.status != 200:
            return response
        said = msgspec.json.decode(response.body)
        if key in ("data", "additional_data"):
            said[key] = junk
        elif isinstance(said["data"], list) and said["data"]:
            said["data"][-1][key] = junk
        return Response(200, json.dumps(said).encode(), response.headers)

    folder = tmp_path_factory.mktemp("junk")
    with start(folder / "company", size=50, seed=SEED, fault=spoil) as simulation:
        try:
            extract_one(settings_for(simulation, folder / "home"), resource, "n-1")
        except WatertightError as error:
            refused = error
        else:
            return
    assert refused.wrong
    assert not read_manifests(folder / "home" / "demo" / "landing")
