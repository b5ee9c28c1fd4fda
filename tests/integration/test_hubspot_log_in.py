"""HubSpot by an OAuth app, and what an account or a token does not have.

A failure of the first kind means a secret in the wrong place or a night that stops without a word; of the second, an account without some of
HubSpot's products that cannot be loaded, or a table that stands still unnoticed. It runs with every change of `extractors/`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from extractors.core.errors import ConfigurationError
from extractors.core.landing import read_lines
from extractors.core.run import ResourceState
from extractors.core.settings import Settings
from extractors.sources import extract, plan
from simulator.hubspot.answers import Request, Response
from simulator.seasons import MINUTE
from simulator.server import Simulation, start

pytestmark = pytest.mark.integration

APP = {
    "client_id": "canary-app-4d1f",
    "client_secret": "canary-secret-90ab",
    "refresh_token": "canary-refresh-77c2",
}


@pytest.fixture
def simulation(tmp_path: Path) -> Iterator[Simulation]:
    with start(tmp_path / "company", size=120) as running:
        running.world.hubspot.oauth = dict(APP)
        yield running


def settings_for(simulation: Simulation, home: Path, **more: Any) -> Settings:
    app = {f"hubspot_{name}": value for name, value in APP.items()}
    return Settings(_env_file=None, home_dir=home, hubspot_url=simulation.url, simulated_time=True, **(app | more))


def test_an_app_reads_what_a_service_key_reads(simulation: Simulation, tmp_path: Path) -> None:
    by_app = extract(settings_for(simulation, tmp_path / "app"), "hubspot", "contacts", "night-1", ResourceState())
    key = settings_for(simulation, tmp_path / "key", hubspot_token=simulation.token)
    by_key = extract(key, "hubspot", "contacts", "night-1", ResourceState())
    assert by_app["rows"] == by_key["rows"] > 150
    assert by_app["requests"] == by_key["requests"] + 1, "one token is enough for one resource"


def test_a_token_that_ends_while_it_is_in_use_is_replaced(simulation: Simulation, tmp_path: Path) -> None:
    asked: list[str] = []

    def slow(request: Request, response: Response) -> Response:
        asked.append(f"{request.path} {response.status}")
        simulation.world.clock.advance(8 * MINUTE)
        return response

    simulation.world.fault = slow
    settings = settings_for(simulation, tmp_path / "home")
    assert extract(settings, "hubspot", "calls", "night-1", ResourceState())["rows"] > 50
    assert sum("/token" in each for each in asked) >= 2
    for refused, after in pairwise(asked):
        assert not refused.endswith("401") or "/token" in after


def test_secrets_travel_in_the_body_of_the_log_in_only(
    simulation: Simulation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[Request] = []

    def watch(request: Request, response: Response) -> Response:
        seen.append(request)
        return response

    simulation.world.fault = watch
    settings = settings_for(simulation, tmp_path / "home")
    extract(settings, "hubspot", "owners", "night-1", ResourceState())
    secrets = (APP["client_secret"], APP["refresh_token"])
    for request in seen:
        shown = f"{request.path} {request.query} {request.headers}"
        assert not any(secret in shown for secret in secrets)
        if request.path.endswith("/token"):
            assert all(secret.encode() in request.body for secret in secrets)
            assert "authorization" not in request.headers
        else:
            assert not any(secret.encode() in request.body for secret in secrets)
    access = [
        request.headers["authorization"].removeprefix("Bearer ")
        for request in seen
        if "authorization" in request.headers
    ]
    assert access
    landed = b"".join(line for path in settings.landing_dir.rglob("*.zst") for line in read_lines(path))
    for secret in (*secrets, *access):
        assert secret not in caplog.text
        assert secret.encode() not in landed


def test_a_replaced_refresh_token_ends_the_run_in_words(simulation: Simulation, tmp_path: Path) -> None:
    def rotate(request: Request, response: Response) -> Response:
        if request.path.endswith("/token"):
            response.body = response.body.replace(APP["refresh_token"].encode(), b"another-refresh-1234")
        return response

    simulation.world.fault = rotate
    settings = settings_for(simulation, tmp_path / "home")
    with pytest.raises(
        ConfigurationError, match="replaced the refresh token, so the one in HUBSPOT_REFRESH_TOKEN"
    ) as caught:
        extract(settings, "hubspot", "owners", "night-1", ResourceState())
    assert "another-refresh" not in str(caught.value)
    assert not settings.landing_dir.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hubspot_client_secret": None}, "HubSpot has a refresh token and not the app that it belongs to"),
        ({"hubspot_client_id": None}, "HubSpot has a refresh token and not the app that it belongs to"),
        ({"hubspot_client_secret": "wrong"}, "HubSpot refused to log in (400): bad client secret"),
        ({"hubspot_refresh_token": "wrong"}, "HubSpot refused to log in (400): bad refresh token"),
        ({"hubspot_refresh_token": None}, "HubSpot has no token"),
    ],
)
def test_what_is_wrong_with_an_app_is_said(
    simulation: Simulation, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        extract(settings_for(simulation, tmp_path / "home", **change), "hubspot", "owners", "night-1", ResourceState())
    assert words in str(caught.value)
    assert "HUBSPOT_" in caught.value.mend


HIDDEN = {
    "crm.objects.leads.read": {"leads", "leads_sweep", "lead_pipelines"},
    "crm.objects.line_items.read": {"line_items", "line_items_sweep"},
    "crm.objects.products.read": {"products", "products_sweep"},
    "crm.objects.goals.read": {"goal_targets", "goal_targets_sweep"},
    "marketing.campaigns.read": {"campaigns", "campaign_budgets"},
    "multi-currency-read": {"exchange_rates"},
}


def test_what_an_account_does_not_have_is_left_out_with_a_word(
    simulation: Simulation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    simulation.world.hubspot.missing_scopes = frozenset(HIDDEN)
    settings = settings_for(simulation, tmp_path / "home", hubspot_token=simulation.token)
    landed = {
        task["resource"]: extract(settings, "hubspot", task["resource"], "night-1", ResourceState())["rows"]
        for task in plan(settings, ["hubspot"])
    }
    hidden = set().union(*HIDDEN.values())
    assert {resource for resource, rows in landed.items() if rows == 0} == hidden
    for resource in hidden:
        assert f"HubSpot: {resource} is left out" in caplog.text


@pytest.mark.parametrize("scope", sorted(HIDDEN))
def test_what_was_loaded_and_is_hidden_now_ends_the_run(simulation: Simulation, tmp_path: Path, scope: str) -> None:
    settings = settings_for(simulation, tmp_path / "home", hubspot_token=simulation.token)
    for resource in sorted({each.removesuffix("_sweep") for each in HIDDEN[scope]}):
        assert extract(settings, "hubspot", resource, "night-1", ResourceState())["rows"]
    simulation.world.hubspot.missing_scopes = frozenset({scope})
    later = ResourceState(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC) - timedelta(days=30))
    for resource in sorted(HIDDEN[scope]):
        with pytest.raises(ConfigurationError, match=scope):
            extract(settings, "hubspot", resource, "night-2", later)
