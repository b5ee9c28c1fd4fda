"""Pipedrive's answers and tokens, piece by piece."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import pytest

from extractors.core.errors import ConfigurationError, IntegrityError, TransientError
from extractors.sources.pipedrive.answers import ListPage, Object, Summary, id_of, record_of, stamp_of
from extractors.sources.pipedrive.connection import MissingError, PlanError, Tokens, TokensSpentError, explain, stamp

pytestmark = pytest.mark.unit


def object_of(text: str) -> Object:
    return msgspec.json.decode(text, type=Object)


def test_instants_are_asked_for_in_whole_seconds_of_utc() -> None:
    at = datetime(2026, 6, 2, 3, 4, 5, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert stamp(at) == "2026-06-02T01:04:05Z"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('{"update_time": "2026-06-01T10:00:00Z"}', "2026-06-01T10:00:00Z"),
        ('{"update_time": "2026-06-01 10:00:00"}', "2026-06-01T10:00:00Z"),
        ('{"update_time": null, "modified": "2026-06-01 10:00:00"}', "2026-06-01T10:00:00Z"),
        ('{"update_time": ""}', None),
        ("{}", None),
    ],
)
def test_both_versions_instants_become_one_form(said: str, expected: str | None) -> None:
    assert stamp_of(object_of(said), "users", "update_time", "modified") == expected


def test_a_record_is_the_object_as_received() -> None:
    record = record_of(object_of('{"value": 12.50, "id": 7, "is_deleted": true, "note": "\\u00e9"}'), "deals")
    assert record == ("7", None, True, b'{"id":7,"is_deleted":true,"note":"\\u00e9","value":12.50}')


@pytest.mark.parametrize(
    "said", ['"yesterday"', '"2026-13-01T00:00:00Z"', "5", "{}", "[]", '"2026-06-01T10:00:00+25:00"']
)
def test_what_is_no_instant_is_refused(said: str) -> None:
    with pytest.raises(IntegrityError, match="update_time"):
        stamp_of(object_of(f'{{"update_time": {said}}}'), "deals", "update_time")


@pytest.mark.parametrize("said", ['{"id": 1, "is_deleted": "no"}', '{"id": 1, "is_deleted": 7}'])
def test_a_flag_that_is_none_is_refused(said: str) -> None:
    with pytest.raises(IntegrityError, match="is_deleted"):
        record_of(object_of(said), "deals")


@pytest.mark.parametrize("said", ["{}", '{"id": null}', '{"id": {}}', '{"id": 1.5}'])
def test_an_object_without_an_id_is_refused(said: str) -> None:
    with pytest.raises(IntegrityError):
        id_of(object_of(said), "deals")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("null", None),
        ('{"pagination": {"more_items_in_collection": true, "next_start": 500}}', 500),
        ('{"pagination": {"more_items_in_collection": false, "next_start": 500}}', None),
        ('{"start": 0, "limit": 2, "more_items_in_collection": true}', 2),
        ("{}", None),
    ],
)
def test_a_v1_list_goes_on_in_either_shape(more: str, expected: int | None) -> None:
    text = f'{{"success": true, "data": [{{"id": 1}}, {{"id": 2}}], "additional_data": {more}}}'
    assert msgspec.json.decode(text, type=ListPage).next_start(0) == expected


@pytest.mark.parametrize("written", ["0.1", "737790.7800000001", "1e3", "12345678901234567.89"])
def test_totals_never_pass_through_a_binary_fraction(written: str) -> None:
    text = f'{{"data": {{"total_count": 1, "values_total": {{"EUR": {{"count": 1, "value": {written}}}}}}}}}'
    assert msgspec.json.decode(text, type=Summary).data.values_total["EUR"].amount == Decimal(written)


@pytest.mark.parametrize("written", ['"many"', "null", "{}", '"NaN"'])
def test_a_total_that_is_no_number_is_refused(written: str) -> None:
    text = f'{{"data": {{"total_count": 1, "values_total": {{"EUR": {{"count": 1, "value": {written}}}}}}}}}'
    with pytest.raises(IntegrityError):
        _ = msgspec.json.decode(text, type=Summary).data.values_total["EUR"].amount


def test_tokens_are_left_to_others() -> None:
    tokens = Tokens()
    assert tokens.reserve(20, 25), "nothing is known yet"
    tokens.settle(20)
    tokens.see({"x-daily-ratelimit-token-limit": "1000", "x-daily-ratelimit-token-remaining": "270"})
    assert not tokens.reserve(21, 25)
    assert tokens.reserve(20, 25)
    tokens.settle(20)
    assert tokens.see({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2"}) == (0, 2.0)
    assert tokens.see({"x-ratelimit-remaining": "soon"}) is None
    assert tokens.left == 270, "an answer that does not say leaves what was said"


def test_what_is_under_way_counts_as_spent_and_its_answer_is_waited_for() -> None:
    def said(left: int) -> dict[str, str]:
        return {"x-daily-ratelimit-token-limit": "1000", "x-daily-ratelimit-token-remaining": str(left)}

    tokens = Tokens()
    tokens.see(said(310))
    assert tokens.reserve(20, 25)
    assert tokens.reserve(20, 25)
    assert tokens.reserve(20, 25)
    with ThreadPoolExecutor(1) as thread:
        fourth = thread.submit(tokens.reserve, 20, 25)
        with pytest.raises(TimeoutError):
            fourth.result(0.05)
        for left in (250, 270, 290):  # the answers arrive in another order than they were given in
            tokens.see(said(left))
            tokens.settle(20)
        assert not fourth.result(5), "250 are left, which belong to others"
    assert tokens.left == 250


def test_only_a_day_without_tokens_is_beyond_waiting() -> None:
    tokens = Tokens()
    reason = explain(tokens)
    assert reason(429, b"") is None
    tokens.see({"x-daily-ratelimit-token-limit": "30000", "x-daily-ratelimit-token-remaining": "12"})
    assert reason(429, b"") is None
    tokens.see({"x-daily-ratelimit-token-remaining": "0"})
    spent = reason(429, b"<html>")
    assert isinstance(spent, TokensSpentError | TransientError)
    assert "30000 a day" in str(spent)


def test_refusals_say_what_to_do() -> None:
    reason = explain(Tokens())
    assert isinstance(reason(401, b""), ConfigurationError)
    assert isinstance(reason(402, b""), PlanError)
    assert isinstance(reason(404, b""), MissingError)
    assert reason(500, b"") is None
