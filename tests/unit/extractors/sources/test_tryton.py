"""Tryton's pure parts: what is unwrapped, and at which instants a history is read; and its sessions, against scripted answers."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.core.errors import ConfigurationError, IntegrityError, WatertightError
from extractors.core.settings import Settings
from extractors.sources.tryton.connection import TrytonConnection
from extractors.sources.tryton.history import Revision, readings, revisions_between
from extractors.sources.tryton.protocol import instant_of, plain, wrapped
from tests.contract.scripted_server import ScriptedServer, answer

pytestmark = pytest.mark.unit

START = datetime(2026, 1, 1, tzinfo=UTC)
HISTORIES = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 40)), max_size=30)


def at(microseconds: int) -> datetime:
    return START + timedelta(microseconds=microseconds)


def test_wrapped_values_become_text() -> None:
    assert plain({
        "id": 7,
        "amount": {"__class__": "Decimal", "decimal": "0.10"},
        "write_date": {"__class__": "datetime", "year": 2026, "month": 1, "day": 2, "hour": 3, "minute": 4, "second": 5, "microsecond": 6},
        "end_date": {"__class__": "date", "year": 2024, "month": 2, "day": 29},
        "rows": [{"amount": {"__class__": "Decimal", "decimal": "1E+3"}}],
        "empty": None,
    }) == {
        "id": 7,
        "amount": "0.10",
        "write_date": "2026-01-02T03:04:05.000006Z",
        "end_date": "2024-02-29",
        "rows": [{"amount": "1E+3"}],
        "empty": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        {"__class__": "timedelta", "seconds": 1},
        {"__class__": "date", "year": 2026, "month": 13, "day": 1},
        {"__class__": "Decimal"},
    ],
)
def test_unknown_wrappers_are_refused(value: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        plain([value])


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_survives_the_wrapping(instant: datetime) -> None:
    assert instant_of(wrapped(instant)) == instant


@given(HISTORIES)
def test_every_state_is_read_once_while_it_held(changes: list[tuple[int, int]]) -> None:
    revisions = revisions_between((record, at(instant)) for record, instant in changes)
    read = [(instant, revision) for instant, some in readings(revisions) for revision in some]
    assert Counter(revision for _, revision in read) == Counter(revisions)
    assert Counter((revision.record_id, revision.since) for revision in revisions) == Counter(
        (record, at(instant)) for record, instant in set(changes)
    )
    for instant, revision in read:
        assert revision.since <= instant
        assert revision.until is None or instant < revision.until
    for _, some in readings(revisions):
        assert len({revision.record_id for revision in some}) == len(some)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 12)), max_size=9))
def test_no_fewer_instants_would_do(changes: list[tuple[int, int]]) -> None:
    revisions = revisions_between((record, at(instant)) for record, instant in changes)
    found = len({instant for instant, _ in readings(revisions)})
    candidates = [at(instant) for instant in range(13)]

    def shows_all(instants: tuple[datetime, ...]) -> bool:
        return all(any(_holds(revision, instant) for instant in instants) for revision in revisions)

    assert not found or not any(shows_all(some) for some in combinations(candidates, found - 1))


def _holds(revision: Revision, instant: datetime) -> bool:
    return revision.since <= instant and (revision.until is None or instant < revision.until)


# Sessions


def settings_for(url: str) -> Settings:
    return Settings(_env_file=None, home_dir=Path("unused"), tryton_url=url, tryton_password="canary-5f2e")


def result(value: Any) -> bytes:
    return answer({"id": 0, "result": value})


def refused(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nContent-Type: text/plain\r\n\r\n".encode()


LOG_IN = result([1, "token-1", None])
PREFERENCES = result({"company": 3, "companies": [3]})


def test_an_ended_session_is_opened_again_once() -> None:
    again = result([1, "token-2", None])
    with ScriptedServer(LOG_IN, PREFERENCES, refused("401 UNAUTHORIZED"), again, result(5)) as server:
        connection = TrytonConnection(settings_for(server.url))
        assert connection.call("sale.opportunity", "search_count", []) == 5
    asked = [json.loads(request.partition(b"\r\n\r\n")[2])["method"] for request in server.requests]
    assert asked == [
        "common.db.login", "model.res.user.get_preferences", "model.sale.opportunity.search_count",
        "common.db.login", "model.sale.opportunity.search_count",
    ]  # fmt: skip


def test_a_session_that_ends_at_once_is_not_opened_for_ever() -> None:
    no = refused("401 UNAUTHORIZED")
    with ScriptedServer(LOG_IN, PREFERENCES, no, LOG_IN, no) as server:
        connection = TrytonConnection(settings_for(server.url))
        with pytest.raises(ConfigurationError, match="as soon as it is opened"):
            connection.call("sale.opportunity", "search_count", [])
    assert len(server.requests) == 5


def test_an_error_is_one_sentence_without_secrets_or_traceback() -> None:
    error = answer(
        {
            "id": 0,
            "error": ["AccessError", ["You may not,\ncanary-5f2e", "", None], "Traceback (most recent call last)…"],
        }
    )
    with ScriptedServer(LOG_IN, PREFERENCES, error) as server:
        connection = TrytonConnection(settings_for(server.url))
        with pytest.raises(WatertightError) as caught:
            connection.call("sale.opportunity", "search", [])
    assert "AccessError; You may not," in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("said", [result(None), result([]), result({"user": 1}), answer({"id": 0})])
def test_a_log_in_that_gives_no_session_is_refused(said: bytes) -> None:
    with ScriptedServer(said) as server, pytest.raises(IntegrityError):
        TrytonConnection(settings_for(server.url))


def test_a_password_is_required() -> None:
    with pytest.raises(ConfigurationError, match="TRYTON_PASSWORD"):
        TrytonConnection(Settings(_env_file=None, home_dir=Path("unused"), tryton_url="http://127.0.0.1:1"))
