"""The HTTP client against a server that misbehaves on command: whole answers or one plain error.

A failure here means that a cut, doubled, foreign or oversized answer can reach the landing files: mend the client before any
night runs.
"""

from __future__ import annotations

import gzip
import logging
import time
import tracemalloc
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
import pytest
from pydantic import SecretStr

from extractors.core.allowance import Bucket
from extractors.core.auth import HeaderCredential, NoCredential
from extractors.core.client import Client, Limits, Retry
from extractors.core.errors import ConfigurationError, IntegrityError, TransientError, WatertightError
from tests.contract.scripted_server import (
    NOW,
    TOKEN,
    CountedClock,
    ScriptedServer,
    Step,
    answer,
    chunked,
    client_of,
    drip,
    gzipped,
    reset,
    silence,
)

pytestmark = pytest.mark.contract

ROWS = {"results": [{"id": str(number)} for number in range(1000)]}


def outcome(*steps: Step, **more: object) -> tuple[object, CountedClock, Client]:
    """What a call gives (the answer or the error), the clock, and the client."""
    clock = CountedClock()
    with ScriptedServer(*steps) as server:
        client = client_of(server, clock, **more)
        try:
            return client.get("/rows", dict), clock, client
        except WatertightError as error:
            return error, clock, client


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("7", 7, 8.1),
        (format_datetime(NOW + timedelta(seconds=20), usegmt=True), 20, 21.1),
        ("1000000000", 60, 60),
        ("1e9", 0.2, 0.5),
        ("-5", 0.4, 1.1),
        ("soon", 0.2, 0.5),
        ("", 0.2, 0.5),
        (format_datetime(NOW - timedelta(days=400), usegmt=True), 0.4, 1.1),
    ],
)
def test_retry_after_is_kept_to_and_capped(header: str, least: float, most: float) -> None:
    said, clock, _ = outcome(answer({}, 429, Retry_After=header), answer(ROWS))
    assert said == ROWS
    assert len(clock.slept) == 1
    assert least <= clock.slept[0] <= most


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_troubles_that_pass_are_waited_out(status: int) -> None:
    said, clock, client = outcome(*[answer({}, status)] * 4, answer(ROWS))
    assert said == ROWS
    assert client.requests == 5
    assert (
        all(earlier < later for earlier, later in zip(clock.slept, clock.slept[1:], strict=False))
        or max(clock.slept) <= 4
    )
    assert sum(clock.slept) >= (0.5 + 1 + 2 + 4) / 2


@pytest.mark.parametrize(
    "step", [answer({"message": "down"}, 503), reset(), reset(answer(ROWS)[:200]), answer(body=b"{")]
)
def test_troubles_that_stay_end_in_a_plain_error(step: Step) -> None:
    said, clock, client = outcome(step)
    assert isinstance(said, TransientError | IntegrityError)
    assert client.requests <= 8
    assert sum(clock.slept) <= 600
    assert said.mend


def test_a_call_never_waits_longer_than_its_share() -> None:
    said, clock, _ = outcome(answer({}, 429, Retry_After="50"), retry=Retry(attempts=100, call_seconds=200))
    assert isinstance(said, TransientError)
    assert 140 <= sum(clock.slept) <= 200


def test_the_budget_of_a_resource_ends_its_calls() -> None:
    with ScriptedServer(answer(ROWS)) as server:
        clock = CountedClock()
        client = client_of(server, clock, budget_seconds=30)
        client.get("/rows", dict)
        clock.sleep(31)
        with pytest.raises(TransientError, match="30 s for this resource are used up"):
            client.get("/rows", dict)


@pytest.mark.parametrize(
    "step",
    [
        reset(),
        reset(answer(ROWS)[:500]),
        answer(ROWS)[:-100],
        answer(ROWS, length=None)[:-100],
        answer(body=b'{"results": []}', length=40),  # whole by itself, shorter than announced
        chunked(b'{"results"', b": []", whole=False),
        chunked(b'{"results": []}', whole=False),
        gzipped(ROWS, cut=8, length=None),
        gzipped(ROWS, cut=1, length=None),
        gzipped(ROWS, cut=60, length=None),
        gzipped(ROWS, cut=60),
        gzipped(ROWS, extra=b"more"),
        answer(body=gzip.compress(b"{}", mtime=0)[:-8] + b"\0" * 8, Content_Encoding="gzip"),
        answer(body=b"not gzip", Content_Encoding="gzip"),
        answer(body=b"{}", Content_Encoding="br"),
        answer(body=b"<html>Log in</html>", Content_Type="text/html"),
        answer(ROWS, Content_Type="text/plain"),
        answer(ROWS, Content_Type="application/json; charset=latin-1"),
        answer(body=b""),
        answer(body=b"", status=204),
        answer(body=b"", Content_Encoding="gzip"),
        answer(body=b"\xef\xbb\xbf{}"),
        answer(body=b'{"a": NaN}'),
        answer(body=b'{"a": Infinity}'),
        answer(body=b'{"a": 1} {"a": 2}'),
        answer(body=b'{"a": "\xff"}'),
        answer(body='{"a": 1}'.encode("utf-16")),
        answer(body=b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
    ],
    ids=lambda step: "function" if callable(step) else str(step[-40:]),
)
def test_an_answer_that_is_not_whole_is_asked_for_again_and_never_accepted(step: Step) -> None:
    said, _, client = outcome(step, answer(ROWS))
    assert said == ROWS
    assert client.requests == 2
    said, _, _ = outcome(step)
    assert isinstance(said, TransientError | IntegrityError)


def test_raw_values_are_checked_as_strictly_as_decoded_ones() -> None:
    for body in (b'[{"a": "\xff"}]', b'[{"a": NaN}]', b'[{"a": "x\ny"}]', b'[{"a": [1,]}]'):
        with ScriptedServer(answer(body=body)) as server, pytest.raises(IntegrityError, match="sha256"):
            client_of(server).get("/rows", list[dict[str, msgspec.Raw]])


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (answer(body=b""), "is empty where data is due"),
        (answer(body=b"", status=204), "is empty where data is due"),
        (answer(body=b"<html>", Content_Type="text/html"), "is not JSON but text/html"),
        (answer(body=b"{}", Content_Type=""), "is not JSON but of no stated type"),
        (answer(body=b'{"a": [1, 2'), "is not whole JSON"),
        (answer(body=b"[1, 2]"), "is not the JSON that was expected"),
        (gzipped(ROWS, cut=8), "gzip stream has no end"),
        (answer(body=b"{}", Content_Encoding="br"), "in an encoding that was not asked for ('br')"),
        (answer(body=b"{}", Content_Type="application/json; charset=utf-16"), "is in utf-16, not in UTF-8"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(step: Step, words: str) -> None:
    said, _, _ = outcome(step)
    assert isinstance(said, IntegrityError)
    assert str(said).startswith("Test's answer for /rows ")
    assert words in str(said)


def test_half_surrogates_become_the_replacement_character(caplog: pytest.LogCaptureFixture) -> None:
    body = rb'{"a": "x\ud83d", "b": "\ud83d\ude00", "c": "\\ud83d", "d": "\udE00!"}'
    said, _, client = outcome(answer(body=body))
    assert said == {"a": "x\ufffd", "b": "\U0001f600", "c": r"\ud83d", "d": "\ufffd!"}
    assert client.requests == 1
    assert "U+FFFD" in caplog.text


def test_whole_answers_of_every_kind_are_read() -> None:
    body = msgspec.json.encode(ROWS)
    for step in (
        answer(ROWS),
        answer(ROWS, length=None),
        gzipped(ROWS),
        gzipped(ROWS, length=None),
        chunked(body[:7], body[7:]),
        chunked(gzip.compress(body, mtime=0), Content_Encoding="gzip"),
        answer(ROWS, status=207),
        answer(ROWS, Content_Type="application/vnd.api+json; charset=UTF-8"),
    ):
        said, _, client = outcome(step)
        assert said == ROWS
        assert client.requests == 1


def test_a_bomb_is_refused_without_being_unpacked() -> None:
    bomb = gzip.compress(b"[" + b"1," * 150_000_000 + b"1]", compresslevel=1, mtime=0)
    with ScriptedServer(answer(body=bomb, Content_Encoding="gzip")) as server:
        client = client_of(server, limits=Limits(body_bytes=4_000_000))
        tracemalloc.start()
        try:
            with pytest.raises(IntegrityError, match="bigger than 4,000,000 bytes"):
                client.get("/rows", list)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 20_000_000
    assert client.requests == 1


def test_a_packed_answer_that_never_becomes_anything_is_refused() -> None:
    beginning = gzip.compress(b"", mtime=0)[:10]
    empty_blocks = b"\0\0\0\xff\xff" * 300_000
    said, _, client = outcome(
        answer(body=beginning + empty_blocks, Content_Encoding="gzip"), limits=Limits(body_bytes=1_000_000)
    )
    assert isinstance(said, IntegrityError)
    assert "bigger than 1,000,000 bytes" in str(said)
    assert client.requests == 1


def test_an_oversized_plain_answer_is_refused_while_it_is_read() -> None:
    sent = 0

    def endless(connection: object) -> None:
        nonlocal sent
        connection.sendall(answer(body=b"[", length=None))  # type: ignore[attr-defined]
        for sent in range(10_000, 10**9, 10_000):  # noqa: B007 - read when the connection has ended
            connection.sendall(b"1," * 5000)  # type: ignore[attr-defined]

    said, _, client = outcome(endless, limits=Limits(body_bytes=1_000_000))
    assert isinstance(said, IntegrityError)
    assert client.requests == 1
    assert sent < 20_000_000  # what lies in the sockets' buffers was sent too


@pytest.mark.parametrize("first", [0, 20, len(answer(ROWS)) - 2000])
def test_a_drip_ends_at_the_deadline_of_the_whole_answer(first: int) -> None:
    """Byte by byte, in the status line, in the headers, in the body: no single read ever times out."""
    started = time.monotonic()
    said, _, _ = outcome(
        drip(answer(ROWS), first, pause=0.02),
        limits=Limits(read=0.5, answer=0.4),
        retry=Retry(attempts=2, first_attempts=2),
    )
    assert isinstance(said, TransientError)
    assert "within 0.4 s" in str(said)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("after", [b"", answer(ROWS)[:100]])
def test_silence_ends_at_the_read_timeout(after: bytes) -> None:
    said, _, client = outcome(silence(0.6, after), answer(ROWS), limits=Limits(read=0.4))
    assert said == ROWS
    assert client.requests == 2


def test_the_real_clock_sees_the_sources_date_unless_it_runs_ahead() -> None:
    for offset, believed in ((timedelta(days=-1), True), (timedelta(seconds=60), True), (timedelta(days=1), False)):
        date = datetime.now(UTC) + offset
        with ScriptedServer(answer(ROWS, Date=format_datetime(date, usegmt=True))) as server:
            client = client_of(server, clock=None)
            client.get("/rows", dict)
        with ScriptedServer(answer(ROWS, Date=format_datetime(date, usegmt=True))) as server:
            real = Client(
                "Test", server.url, url_setting="TEST_URL", credential=NoCredential(), credential_setting="TEST_TOKEN",
                buckets=(Bucket("general", 10, 1.0),), budget_seconds=60,
            )  # fmt: skip
            real.get("/rows", dict)
            expected = date if believed else datetime.now(UTC)
            assert abs(real.now() - expected) < timedelta(seconds=5)


def test_the_allowance_is_kept_in_the_clocks_time() -> None:
    with ScriptedServer(answer(ROWS)) as server:
        clock = CountedClock()
        client = client_of(server, clock, buckets=(Bucket("general", 5, 10.0), Bucket("search", 2, 1.0)))
        for _ in range(12):
            client.get("/rows", dict)
        assert clock.monotonic() == pytest.approx(20.0, abs=0.1)
        for _ in range(5):
            client.get("/rows", dict, bucket="search")
        assert clock.monotonic() == pytest.approx(22.0, abs=0.1)


def test_an_exhausted_remainder_closes_the_bucket() -> None:
    def remaining(headers: Mapping[str, str]) -> tuple[int, float] | None:
        return (int(headers["X-Left"]), 9.0) if "X-Left" in headers else None

    with ScriptedServer(answer(ROWS, X_Left="0"), answer(ROWS, X_Left="5")) as server:
        clock = CountedClock()
        client = client_of(server, clock, buckets=(Bucket("general", 100, 10.0, remaining),))
        client.get("/rows", dict)
        client.get("/rows", dict)
        assert clock.slept == [9.0]
        client.get("/rows", dict)
        assert clock.slept == [9.0]


def test_simulated_time_is_the_sources_and_waiting_costs_nothing() -> None:
    def at(seconds: int) -> str:
        return (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    with ScriptedServer(
        answer({}, 429, Retry_After="30", X_Simulated_Time=at(0)),
        answer({}, X_Simulated_Time=at(31)),
        answer(ROWS, X_Simulated_Time=at(31)),
    ) as server:
        client = client_of(server, simulated_time=True, clock=None)
        client = Client(
            "Test", server.url, url_setting="TEST_URL", credential=HeaderCredential(SecretStr(TOKEN), "TEST_TOKEN"),
            credential_setting="TEST_TOKEN", buckets=(Bucket("general", 10, 1.0),), budget_seconds=60, simulated_time=True,
        )  # fmt: skip
        assert client.get("/rows", dict) == ROWS
        assert client.now() == NOW + timedelta(seconds=31)
        assert client.requests == 2
        sleep = server.requests[1]
        assert sleep.startswith(b"POST /_simulator/sleep HTTP/1.1\r\n")
        assert b'{"seconds": 30.' in sleep
        assert TOKEN.encode() not in sleep


def test_simulated_time_needs_a_simulator() -> None:
    with ScriptedServer(answer(ROWS)) as server:
        real = Client(
            "Test", server.url, url_setting="TEST_URL", credential=NoCredential(), credential_setting="TEST_TOKEN",
            buckets=(Bucket("general", 10, 1.0),), budget_seconds=60, simulated_time=True,
        )  # fmt: skip
        with pytest.raises(ConfigurationError, match="keeps no simulated time"):
            real.get("/rows", dict)
    with pytest.raises(ConfigurationError, match="is no simulator on this machine"):
        Client(
            "Test", "https://api.example.com", url_setting="TEST_URL", credential=NoCredential(),
            credential_setting="TEST_TOKEN", buckets=(Bucket("general", 10, 1.0),), budget_seconds=60, simulated_time=True,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, ConfigurationError, "refused the credential (401)"),
        (403, ConfigurationError, "does not let this credential read /rows (403)"),
        (404, ConfigurationError, "does not know /rows (404)"),
        (400, WatertightError, "answered 400 for /rows"),
        (418, WatertightError, "answered 418 for /rows"),
    ],
)
def test_a_refusal_is_said_in_one_sentence_and_not_repeated(
    status: int, kind: type[WatertightError], words: str
) -> None:
    said, _, client = outcome(answer({"message": f"no\n for {TOKEN}"}, status))
    assert type(said) is kind
    assert words in str(said)
    assert "no  for ***" in str(said)
    assert client.requests == 1


def test_nobody_there() -> None:
    with ScriptedServer() as server:
        pass
    client = client_of(server)
    with pytest.raises(TransientError, match="cannot be reached") as caught:
        client.get("/rows", dict)
    assert client.requests == 3
    assert "Check the network and TEST_URL" in str(caught.value)


def test_a_name_that_does_not_exist(caplog: pytest.LogCaptureFixture) -> None:
    client = Client(
        "Test", "https://nowhere.invalid", url_setting="TEST_URL", credential=NoCredential(), credential_setting="TEST_TOKEN",
        buckets=(Bucket("general", 10, 1.0),), budget_seconds=60, clock=CountedClock(),
    )  # fmt: skip
    with pytest.raises(TransientError, match=r"The name of Test \(https://nowhere\.invalid\) cannot be resolved"):
        client.get("/rows", dict)


def test_a_secret_is_in_no_message_log_or_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    texts = []
    for step in (
        answer({"message": f"bad token {TOKEN}"}, 401),
        answer({"message": f"bad token {TOKEN}"}, 500),
        answer({}, 302, Location=f"https://evil.example/?t={TOKEN}"),
        answer(body=f'{{"x": "{TOKEN}"'.encode()),
        reset(),
        answer(ROWS),
    ):
        said, _, client = outcome(step)
        texts += [repr(said), str(said), repr(client), repr(client.credential), repr(vars(client))]
        if isinstance(said, BaseException):
            assert said.__cause__ is None
            assert said.__suppress_context__ or said.__context__ is None
    assert TOKEN not in caplog.text
    assert TOKEN not in "".join(texts)
