"""Access tokens that end: the client opens, keeps and renews a session by itself, over real sockets.

A failure here means that a long extraction stops half-way, that a source is asked for tokens without end, or that a token goes where it must not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import SecretStr

from extractors.core.client import Client
from extractors.core.errors import ConfigurationError, IntegrityError
from extractors.core.tokens import MARGIN, Granted, RefreshToken, Session
from tests.contract.scripted_server import CountedClock, ScriptedServer, answer, client_of

pytestmark = pytest.mark.contract

SECRET, HELD, REPLACED = "canary-client-secret", "canary-refresh-token", "canary-new-refresh-token"
REFRESH = RefreshToken("Test", "TEST_REFRESH_TOKEN", SecretStr(HELD), "Switch rotation off.")


def granted(number: int, **more: Any) -> bytes:
    return answer({"access_token": f"access-{number}", "token_type": "bearer", **more})


def opened(server: ScriptedServer, clock: CountedClock | None = None) -> tuple[Client, Session]:
    session = Session(SecretStr(SECRET), SecretStr(HELD))
    client = client_of(server, clock, credential=session)

    def ask() -> Granted:
        found = client.post_form("/token", Granted, REFRESH.form("id", SecretStr(SECRET)))
        REFRESH.require_kept(found, session)
        return found

    session.open(ask, client.clock)
    return client, session


def asked(server: ScriptedServer) -> list[tuple[str, str]]:
    """(path, the token that came with it) of every request."""
    found = []
    for request in server.requests:
        head = request.partition(b"\r\n\r\n")[0].decode()
        token = [line.partition(": ")[2] for line in head.splitlines() if line.lower().startswith("authorization")]
        found.append((head.split(" ")[1], *(token or [""])))
    return found


def test_a_session_is_opened_once_and_asking_for_it_carries_no_token() -> None:
    with ScriptedServer(granted(1), answer({"ok": True})) as server:
        client, _ = opened(server)
        for _ in range(3):
            client.get("/things", dict)
    assert asked(server) == [("/token", ""), *[("/things", "Bearer access-1")] * 3]
    assert f"refresh_token={HELD}&client_id=id&client_secret={SECRET}".encode() in server.requests[0]


def test_a_token_is_replaced_before_it_ends() -> None:
    clock = CountedClock()
    lasting = 1800
    with ScriptedServer(
        granted(1, expires_in=lasting), answer({}), granted(2, expires_in=lasting), answer({})
    ) as server:
        client, _ = opened(server, clock)
        clock.sleep(lasting - MARGIN - 1)
        client.get("/things", dict)
        clock.sleep(1)
        client.get("/things", dict)
    assert asked(server) == [
        ("/token", ""), ("/things", "Bearer access-1"), ("/token", ""), ("/things", "Bearer access-2"),
    ]  # fmt: skip


@pytest.mark.parametrize("lasting", [0, 1, MARGIN])
def test_a_token_whose_life_is_shorter_than_the_margin_is_not_asked_for_at_every_call(lasting: int) -> None:
    with ScriptedServer(granted(1, expires_in=int(lasting)), answer({})) as server:
        client, _ = opened(server)
        for _ in range(3):
            client.get("/things", dict)
    assert [path for path, _ in asked(server)] == ["/token", "/things", "/things", "/things"]


def test_a_refused_token_is_replaced_once_a_call() -> None:
    with ScriptedServer(granted(1), answer({}, 401), granted(2), answer({"ok": True}), answer({}, 401)) as server:
        client, _ = opened(server)
        assert client.get("/things", dict) == {"ok": True}
        server.steps = [answer({}, 401), granted(3), answer({}, 401), granted(4), answer({"ok": True})]
        with pytest.raises(ConfigurationError, match="401"):
            client.get("/things", dict)
    assert [token for path, token in asked(server) if path == "/things"] == [
        "Bearer access-1", "Bearer access-2", "Bearer access-2", "Bearer access-3",
    ]  # fmt: skip


def test_several_refusals_at_once_open_one_session() -> None:
    answered = threading.Barrier(4)

    def step(path_answers: Callable[[str, str], bytes]) -> Callable[[Any], None]:
        return lambda connection: connection.sendall(path_answers(*asked(server)[-1]))

    session = Session()
    grants = 0

    def ask() -> Granted:
        nonlocal grants
        grants += 1
        return Granted(f"access-{grants}")

    with ScriptedServer() as server:
        client = client_of(server, credential=session)
        server.steps = [step(lambda _, token: answer({}, 401 if token == "Bearer access-1" else 200))]
        session.open(ask, client.clock)

        def call() -> dict[str, Any]:
            answered.wait(5)
            return client.get("/things", dict)

        with ThreadPoolExecutor(4) as threads:
            for future in [threads.submit(call) for _ in range(4)]:
                future.result(10)
    assert grants == 2


def test_a_replaced_refresh_token_stops_the_run_and_is_not_shown() -> None:
    with (
        ScriptedServer(granted(1, refresh_token=REPLACED)) as server,
        pytest.raises(ConfigurationError, match=r"TEST_REFRESH_TOKEN.*Switch rotation off") as caught,
    ):
        opened(server)
    assert REPLACED not in str(caught.value)
    assert HELD not in str(caught.value)


def test_the_same_refresh_token_in_the_answer_is_no_replacement() -> None:
    with ScriptedServer(granted(1, refresh_token=HELD), answer({"ok": True})) as server:
        client, session = opened(server)
        assert client.get("/things", dict) == {"ok": True}
    assert session.hide(f"{HELD} {SECRET} access-1") == "*** *** ***"


@pytest.mark.parametrize("token", ["", "two words", "line\r\nX-Other: 1", "smörgås", "\x00"])
def test_what_cannot_stand_in_a_header_is_no_token(token: str) -> None:
    with pytest.raises(IntegrityError, match="access token"):
        Session().use(Granted(token))
