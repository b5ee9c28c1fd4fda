"""Hostile addresses met by the three CRMs' own connections, after a real log-in in every way there is: not one byte leaves.

Each connection is made by its source's `connect` against the simulated CRM and then handed some 230 addresses: as the link to the next page, as
the target of a redirect in each status, and as the address that comes with a token. A listening server at the foreign address and a watch on
every socket count what leaves. A failure here means that a token can be sent to a stranger: stop every extraction until it is mended.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from extractors.core.client import Client
from extractors.core.errors import ConfigurationError, IntegrityError, WatertightError
from extractors.core.settings import Settings
from extractors.sources.hubspot import connection as hubspot
from extractors.sources.pipedrive import connection as pipedrive
from extractors.sources.salesforce import connection as salesforce
from extractors.sources.salesforce.query import Query, read
from simulator.hubspot.answers import Request, Response
from simulator.pipedrive import oauth as pipedrive_app
from simulator.salesforce.oauth import CLIENT_ID, REFRESH_TOKEN
from simulator.salesforce.settings import USERNAME
from simulator.server import Simulation, start
from tests.contract.hostile_links import hostile_links
from tests.contract.scripted_server import ScriptedServer, answer

pytestmark = pytest.mark.integration

CANARY = "canary-hostile-8d21"
#: where the answer with a token says which address it is good at
ADDRESSES = ("api_domain", "id", "instance_url")
STATUSES = (301, 302, 303, 307, 308)
HUBSPOT_APP = {"client_id": "hostile-app", "client_secret": CANARY, "refresh_token": f"{CANARY}-refresh"}
CONNECT: dict[str, Callable[[Settings], Any]] = {
    "hubspot": hubspot.connect, "pipedrive": pipedrive.connect, "salesforce": salesforce.connect,
}  # fmt: skip


def _salesforce(simulation: Simulation, **more: Any) -> dict[str, Any]:
    return {"salesforce_url": simulation.url, "salesforce_client_id": CLIENT_ID} | more


#: the settings of each way of logging in; the name begins with the source
LOG_INS: dict[str, Callable[[Simulation], dict[str, Any]]] = {
    "hubspot service key": lambda own: {"hubspot_token": own.token, "hubspot_url": own.url},
    "hubspot refresh token": lambda own: {"hubspot_url": own.url} | {f"hubspot_{name}": text for name, text in HUBSPOT_APP.items()},
    "pipedrive api token": lambda own: {"pipedrive_token": own.token, "pipedrive_url": own.url},
    "pipedrive refresh token": lambda own: {
        "pipedrive_refresh_token": pipedrive_app.REFRESH_TOKEN, "pipedrive_client_id": pipedrive_app.CLIENT_ID,
        "pipedrive_client_secret": own.token, "pipedrive_oauth_url": own.url, "pipedrive_url": own.url,
    },
    "salesforce signed assertion": lambda own: _salesforce(
        own, salesforce_username=USERNAME, salesforce_private_key_file=own.home / "salesforce_key.pem"
    ),
    "salesforce client credentials": lambda own: _salesforce(own, salesforce_client_secret=own.token),
    "salesforce refresh token": lambda own: _salesforce(own, salesforce_refresh_token=REFRESH_TOKEN),
}  # fmt: skip
#: those whose token comes with an address
TOLD = [name for name in LOG_INS if name.startswith("salesforce") or name == "pipedrive refresh token"]


class Watch:
    """What this process sent to anybody but its own source: connections and questions for names."""

    def __init__(self, own: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.elsewhere: list[str] = []
        connect, resolve = socket.socket.connect, socket.getaddrinfo

        def watched_connect(this: socket.socket, address: Any) -> None:
            if address != ("127.0.0.1", own):
                self.elsewhere.append(f"connected to {address}")
            connect(this, address)

        def watched_resolve(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
            if (host, port) != ("127.0.0.1", own):
                self.elsewhere.append(f"asked for the address of {host}:{port}")
            return resolve(host, port, *rest, **more)

        monkeypatch.setattr(socket.socket, "connect", watched_connect)
        monkeypatch.setattr(socket, "getaddrinfo", watched_resolve)


@pytest.fixture
def foreign() -> Iterator[ScriptedServer]:
    with ScriptedServer(answer({"ok": True})) as server:
        yield server


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    with start(tmp_path_factory.mktemp("company"), 60, token=CANARY) as running:
        running.world.hubspot.oauth = dict(HUBSPOT_APP)
        yield running


def connected(own: Simulation, home: Path, name: str) -> Client:
    """The client of a source that has logged in."""
    own.world.clock.set(1)
    own.world.hubspot.limits.today = own.world.pipedrive.limits.spent = 0
    settings = Settings(_env_file=None, home_dir=home, simulated_time=True, **LOG_INS[name](own))
    client: Client = CONNECT[name.split(maxsplit=1)[0]](settings).client
    return client


def links_of(own: Simulation, foreign: ScriptedServer) -> list[str]:
    links = sorted(set(hostile_links(port_of(own), foreign.port)))
    assert len(links) >= 200
    return links


def port_of(own: Simulation) -> int:
    return int(own.url.rpartition(":")[2])


@pytest.mark.parametrize("name", LOG_INS)
def test_no_link_to_the_next_page_is_followed_elsewhere(
    own: Simulation, foreign: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    watch = Watch(port_of(own), monkeypatch)
    client = connected(own, tmp_path, name)
    before = client.requests
    for link in links_of(own, foreign):
        with pytest.raises(IntegrityError, match="no credential was sent"):
            client.get(link, dict)
    assert client.requests == before > 0
    assert (foreign.received, watch.elsewhere) == (b"", [])


@pytest.mark.parametrize("name", LOG_INS)
def test_no_redirect_is_followed(
    own: Simulation, foreign: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    watch = Watch(port_of(own), monkeypatch)
    client = connected(own, tmp_path, name)
    asked: list[Request] = []
    links = [link for link in links_of(own, foreign) if link.isascii() and link.isprintable()]
    assert len(links) >= 200
    try:
        for number, link in enumerate(links):
            location = {"Location": link}

            def redirect(
                request: Request,
                response: Response,
                status: int = STATUSES[number % 5],
                said: dict[str, str] = location,
            ) -> Response:
                if request.path.startswith("/_simulator/"):
                    return response
                asked.append(request)
                return Response(status, b"", said)

            own.world.fault = redirect
            with pytest.raises(ConfigurationError, match="redirect") as caught:
                client.get("/one", dict)
            assert CANARY not in str(caught.value)
            assert len(asked) == number + 1, "it was asked again after the redirect"
    finally:
        own.world.fault = None
    with_credential = [each for each in asked if {"authorization", "x-api-token"} & each.headers.keys()]
    assert len(with_credential) == len(links), "nothing was sent, so nothing was tested"
    assert (foreign.received, watch.elsewhere) == (b"", [])


@pytest.mark.parametrize("name", TOLD)
def test_the_address_that_comes_with_a_token_is_not_believed(
    own: Simulation, foreign: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    watch = Watch(port_of(own), monkeypatch)
    try:
        for link in links_of(own, foreign):

            def elsewhere(request: Request, response: Response, link: str = link) -> Response:
                if not request.path.endswith("/token"):
                    return response
                said = json.loads(response.body)
                said |= {key: link for key in ADDRESSES if key in said}
                return Response(response.status, json.dumps(said).encode(), response.headers)

            own.world.fault = elsewhere
            with pytest.raises(ConfigurationError) as caught:
                connected(own, tmp_path, name)
            assert "othing was asked there" in str(caught.value), link
    finally:
        own.world.fault = None
    assert (foreign.received, watch.elsewhere) == (b"", [])


def a_job(field: str, link: str) -> Callable[[Request, Response], Response]:
    """A Bulk job whose id, locator or Location, in whichever answer has it, is hostile."""

    def fault(request: Request, response: Response) -> Response:
        if "/jobs/query" not in request.path:
            return response
        if field == "id" and request.method == "POST":
            said = json.dumps(json.loads(response.body) | {"id": link}).encode()
            return Response(response.status, said, response.headers)
        if field == "locator" and request.path.endswith("/results"):
            # HTTP's own library refuses what is no header before this client sees it.
            response.headers["Sforce-Locator"] = link
        if field == "location" and request.path.endswith("/results"):
            return Response(302, b"", {"Location": link})
        return response

    return fault


@pytest.mark.parametrize("field", ["id", "locator", "location"])
@pytest.mark.parametrize("name", [name for name in LOG_INS if name.startswith("salesforce")])
def test_a_bulk_job_leads_nowhere_else(
    own: Simulation, foreign: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, field: str
) -> None:
    """Whatever a job calls itself, where its next page begins and where its result has moved to: all of it is asked of its own server."""
    watch = Watch(port_of(own), monkeypatch)
    asked: list[Request] = []
    links = [link for link in links_of(own, foreign) if field == "id" or (link.isascii() and link.isprintable())]
    assert len(links) >= 200
    own.world.clock.set(1)
    connection = salesforce.connect(
        Settings(_env_file=None, home_dir=tmp_path, simulated_time=True, **LOG_INS[name](own))
    )
    try:
        for link in links:
            fault = a_job(field, link)

            def noted(request: Request, response: Response, fault: Any = fault) -> Response:
                if "/jobs/query" in request.path:
                    asked.append(request)
                return fault(request, response)

            before = len(asked)
            connection.client.begin()
            own.world.fault = noted
            with pytest.raises(WatertightError) as caught:
                list(read(connection, Query("Account", {"Id": "id"}), 1))
            assert CANARY not in str(caught.value)
            assert len(asked) > before, f"no job was asked for, so nothing was tested: {caught.value}"
            if field == "id":
                assert len(asked) == before + 1, "an address was made of the job's id"
    finally:
        own.world.fault = None
    assert all(request.path.startswith(connection.path("/jobs/query")) for request in asked)
    assert (foreign.received, watch.elsewhere) == (b"", [])
