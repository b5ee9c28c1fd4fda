"""Hostile addresses in the answers of the three CRMs, met by the real sources with every way of logging in: not one byte leaves.

The simulated CRM is made to put each of some 230 addresses wherever an answer can carry one: links to the next page, job addresses, the
address in a token's answer, cursors, `Location` of redirects and of answers that are none. A listening server at the foreign address and a
watch on every socket count what leaves. A failure here means that a token can be sent to a stranger: stop every extraction until it is mended.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from operator import length_hint
from pathlib import Path
from typing import Any

import pytest

from extractors.core.errors import ConfigurationError, IntegrityError, WatertightError
from extractors.core.run import ResourceState
from extractors.core.settings import Settings
from extractors.sources import extract
from simulator.hubspot.answers import Request, Response
from simulator.salesforce.oauth import CLIENT_ID, REFRESH_TOKEN
from simulator.salesforce.settings import USERNAME
from simulator.server import Simulation, start
from tests.contract.hostile_links import hostile_links
from tests.contract.scripted_server import ScriptedServer, answer

pytestmark = pytest.mark.integration

CANARY = "canary-hostile-8d21"
#: where answers carry addresses, in whatever CRM and whatever depth
ADDRESSES = frozenset({
    "api_domain", "href", "id_url", "instance_url", "link", "location", "next", "nextRecordsUrl", "queryMoreUrl", "resultUrl", "self", "url",
})  # fmt: skip
STATUSES = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class LogIn:
    """One source, one way of logging in, and a small resource to read."""

    source: str
    resource: str
    settings: Callable[[Simulation], dict[str, Any]]


def _salesforce(simulation: Simulation, **more: Any) -> dict[str, Any]:
    return {"salesforce_url": simulation.url, "salesforce_client_id": CLIENT_ID} | more


LOG_INS = {
    "hubspot service key": LogIn(
        "hubspot", "deals", lambda own: {"hubspot_token": own.token, "hubspot_url": own.url}
    ),
    "pipedrive api token": LogIn(
        "pipedrive", "deals", lambda own: {"pipedrive_token": own.token, "pipedrive_url": own.url}
    ),
    "salesforce signed assertion": LogIn(
        "salesforce", "events",
        lambda own: _salesforce(own, salesforce_username=USERNAME, salesforce_private_key_file=own.home / "salesforce_key.pem"),
    ),
    "salesforce client credentials": LogIn(
        "salesforce", "events", lambda own: _salesforce(own, salesforce_client_secret=own.token)
    ),
    "salesforce refresh token": LogIn(
        "salesforce", "events", lambda own: _salesforce(own, salesforce_refresh_token=REFRESH_TOKEN)
    ),
}  # fmt: skip
BULK = {"salesforce_bulk_rows": 1}


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
        yield running


class Attempts:
    """Runs one extraction after the other, each in a home of its own and at the same simulated hour."""

    def __init__(self, own: Simulation, home: Path, log_in: LogIn) -> None:
        self._own = own
        self._home = home
        self.log_in = log_in
        self.credentials_seen = 0
        self.made = 0

    def run(self, change: Callable[[Request, Response], Response | None], **more: Any) -> WatertightError | None:
        """The error it ended with. Anything but a WatertightError passes through: a crash is a failure."""
        self.made += 1
        self._own.world.clock.set(1)
        self._own.world.hubspot.limits.today = self._own.world.pipedrive.limits.spent = 0

        def changed(request: Request, response: Response) -> Response | None:
            self.credentials_seen += {"authorization", "x-api-token"} & request.headers.keys() != set()
            return change(request, response)

        self._own.world.fault = changed
        chosen = (
            {"home_dir": self._home / str(self.made), "simulated_time": True} | self.log_in.settings(self._own) | more
        )
        try:
            extract(
                Settings(_env_file=None, **chosen),
                self.log_in.source,
                self.log_in.resource,
                "night-1",
                ResourceState(),
            )
        except WatertightError as error:
            return error
        finally:
            self._own.world.fault = None
        return None


@pytest.fixture(params=LOG_INS)
def attempts(request: pytest.FixtureRequest, own: Simulation, tmp_path: Path) -> Attempts:
    return Attempts(own, tmp_path, LOG_INS[request.param])


def port_of(own: Simulation) -> int:
    return int(own.url.rpartition(":")[2])


def with_addresses(value: Any, link: str) -> Any:
    """The same JSON with `link` in the place of every address."""
    if isinstance(value, list):
        return [with_addresses(each, link) for each in value]
    if isinstance(value, dict):
        return {
            key: link if key in ADDRESSES and isinstance(inner, str) else with_addresses(inner, link)
            for key, inner in value.items()
        }
    return value


def headers_with(link: str) -> dict[str, str]:
    """Headers that some clients follow, where the link can be a header's value at all."""
    if not link.isascii() or not link.isprintable():
        return {}
    return {"Location": link, "Content-Location": link, "Link": f'<{link}>; rel="next"', "Refresh": f"0; url={link}"}


def carrying(links: Iterator[str], is_token: bool) -> Callable[[Request, Response], Response]:
    """Takes a link for each answer and puts it wherever that carries an address: the token's answer, or any other (which then goes on there)."""

    def change(request: Request, response: Response) -> Response:
        if request.path.startswith("/_simulator/") or ("oauth2/token" in request.path) is not is_token:
            return response
        link = next(links, None)
        if link is None:
            return response
        if not response.headers.get("Content-Type", "").startswith("application/json"):
            return Response(response.status, response.body, response.headers | headers_with(link))
        said = with_addresses(json.loads(response.body), link)
        if isinstance(said, dict) and "results" in said and "paging" in said:
            said["paging"]["next"]["link"] = link
        if isinstance(said, dict) and "records" in said and "/query" in request.path:
            said |= {"done": False, "nextRecordsUrl": link}
        return Response(response.status, json.dumps(said).encode(), response.headers | headers_with(link))

    return change


def test_no_link_of_an_answer_is_followed_elsewhere(
    own: Simulation, foreign: ScriptedServer, attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(port_of(own), monkeypatch)
    links = sorted(set(hostile_links(port_of(own), foreign.port)))
    assert len(links) >= 200
    if attempts.log_in.source == "salesforce":
        for link in links:
            error = attempts.run(carrying(repeat(link), is_token=False))
            assert isinstance(error, IntegrityError), link
            assert "no credential was sent" in str(error), link
    else:  # they go on by cursor, whatever their links say, and so meet one after the other
        left = iter(links)
        while length_hint(left):
            assert attempts.run(carrying(left, is_token=False)) is None
    assert attempts.credentials_seen >= attempts.made, "nothing was ever sent, so nothing was tested"
    assert (foreign.received, watch.elsewhere) == (b"", [])


def test_no_redirect_of_any_request_is_followed(
    own: Simulation, foreign: ScriptedServer, attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(port_of(own), monkeypatch)
    links = [link for link in sorted(set(hostile_links(port_of(own), foreign.port))) if headers_with(link)]
    assert len(links) >= 200
    for number, link in enumerate(links):
        status, wanted = STATUSES[number % 5], number // 5 % 4
        asked = 0

        def redirect(
            request: Request, response: Response, link: str = link, status: int = status, wanted: int = wanted
        ) -> Response:
            nonlocal asked
            if request.path.startswith("/_simulator/"):
                return response
            asked += 1
            return Response(status, b"", {"Location": link}) if asked > wanted else response

        error = attempts.run(redirect)
        assert isinstance(error, ConfigurationError), link
        assert "redirect" in str(error)
        assert CANARY not in str(error)
        assert asked == wanted + 1, "it was asked again after the redirect"
    assert (foreign.received, watch.elsewhere) == (b"", [])


@pytest.mark.parametrize("name", [name for name, log_in in LOG_INS.items() if log_in.source == "salesforce"])
def test_the_address_that_comes_with_a_token_is_not_believed(
    own: Simulation, foreign: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    watch = Watch(port_of(own), monkeypatch)
    attempts = Attempts(own, tmp_path, LOG_INS[name])
    for link in sorted(set(hostile_links(port_of(own), foreign.port))):
        error = attempts.run(carrying(repeat(link), is_token=True))
        assert isinstance(error, ConfigurationError), link
        assert "nothing was asked there" in str(error.mend), link
    assert (foreign.received, watch.elsewhere) == (b"", [])


@pytest.mark.parametrize("name", [name for name, log_in in LOG_INS.items() if log_in.source == "salesforce"])
def test_a_job_can_lead_nowhere_else(
    own: Simulation, foreign: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The id of a Bulk job becomes part of an address, the locator of its result a parameter."""
    watch = Watch(port_of(own), monkeypatch)
    attempts = Attempts(own, tmp_path, LOG_INS[name])
    for number, link in enumerate(sorted(set(hostile_links(port_of(own), foreign.port)))):

        def change(request: Request, response: Response, link: str = link, is_id: bool = number % 2 == 1) -> Response:
            if is_id and request.path.endswith("/jobs/query"):
                said = json.loads(response.body) | {"id": link, "contentUrl": link}
                return Response(response.status, json.dumps(said).encode(), response.headers)
            if request.path.endswith("/results") and headers_with(link):
                return Response(
                    response.status, response.body, response.headers | {"Sforce-Locator": link} | headers_with(link)
                )
            return response

        attempts.run(change, **BULK)
    assert (foreign.received, watch.elsewhere) == (b"", [])
