"""The oracle's versions and movements against deals worked out by hand."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.oracle.ledger import Night, keep_ledger
from tests.oracle.movements import Movement, RateBook, keep_movements, keep_versions
from tests.unit.oracle.test_ledger import NIGHT, day, folder

pytestmark = pytest.mark.unit

RATES = [
    {"date": "2024-01-01", "from_currency": "USD", "to_currency": "EUR", "rate": "0.9"},
    {"date": "2024-01-05", "from_currency": "USD", "to_currency": "EUR", "rate": "0.8"},
    {"date": "2024-01-05", "from_currency": "EUR", "to_currency": "CHF", "rate": "0.8"},
]


def night(rows: list[tuple[Any, ...]], at: datetime = NIGHT, **deal: Any) -> Night:
    return Night(at, folder(rows, **deal) | {"exchange_rates": RATES})


def movements(*nights: Night) -> list[Movement]:
    return keep_movements(keep_ledger(nights), nights, RateBook(nights[-1], "EUR", date(2024, 1, 5)))


def told(*nights: Night) -> list[tuple[Any, ...]]:
    """(bucket, count, amount, pipeline, stage, day) of every movement."""
    return [
        (m.bucket, m.count_delta, m.amount_delta and int(m.amount_delta), m.pipeline_id, m.stage_id, m.moved_at.day)
        for m in movements(*nights)
    ]


def test_a_deal_that_advances_and_is_won() -> None:
    rows = [("stage", "new", "offer", 3), ("amount", "100", "250", 5), ("stage", "offer", "won", 6)]
    assert told(night(rows, pipeline_id="a", stage_id="won", deal_amount="250")) == [
        ("created", 1, 100, "a", "new", 1),
        ("moved_out", -1, -100, "a", "new", 3),
        ("moved_in", 1, 100, "a", "offer", 3),
        ("increased", 0, 150, "a", "offer", 5),
        ("won", -1, -250, "a", "offer", 6),
    ]


def test_moved_and_won_at_once_is_won_in_the_new_pipeline() -> None:
    rows = [("pipeline", "a", "b", 3), ("stage", "new", "done", 3)]
    found = movements(night(rows, pipeline_id="b", stage_id="done"))
    assert [(m.bucket, m.pipeline_id, m.stage_id, m.is_pipeline_change) for m in found[1:]] == [
        ("moved_out", "a", "new", True),
        ("moved_in", "b", "done", True),
        ("won", "b", "done", False),
    ]


def test_lost_then_won_is_reopened_first() -> None:
    rows = [("stage", "new", "no", 3), ("amount", "100", "70", 4), ("stage", "no", "won", 5)]
    assert told(night(rows, pipeline_id="a", stage_id="won", deal_amount="70"))[1:] == [
        ("lost", -1, -100, "a", "new", 3),
        ("reopened", 1, 70, "a", "won", 5),
        ("won", -1, -70, "a", "won", 5),
    ]


def test_created_closed_is_created_and_won() -> None:
    rows = [("stage", None, "won", 1)]
    assert [row[0] for row in told(night(rows, pipeline_id="a", stage_id="won"))] == ["created", "won"]


def test_an_owner_and_a_smaller_amount_at_once() -> None:
    rows = [("amount", "100", "60", 3), ("owner", "1", "2", 3)]
    found = movements(night(rows, pipeline_id="a", stage_id="new", owner_id="2", deal_amount="60"))[1:]
    assert [(m.bucket, m.count_delta, m.amount_delta, m.owner_id) for m in found] == [
        ("moved_out", -1, Decimal(-100), "1"),
        ("moved_in", 1, Decimal(100), "2"),
        ("decreased", 0, Decimal(-40), "2"),
    ]


def test_a_currency_change_cancels_and_tells_its_loss_besides() -> None:
    rows = [("currency", "EUR", "USD", 3)]
    found = movements(night(rows, pipeline_id="a", stage_id="new", currency_code="USD"))[1:]
    assert [
        (m.bucket, m.currency_code, m.amount_delta, m.booked_amount_delta, m.constant_amount_delta) for m in found
    ] == [
        ("moved_out", "EUR", -100, -100, -100),
        ("moved_in", "USD", 100, 100, 100),
        ("decreased", "USD", 0, -10, -20),
    ]


@pytest.mark.parametrize(
    ("currency", "at", "rate"),
    [("EUR", 1, "1"), ("USD", 4, "0.9"), ("USD", 12, "0.8"), ("USD", 13, None), ("CHF", 5, "1.25"), ("SEK", 5, None)],
)
def test_a_rate_is_at_most_seven_days_old_and_may_be_inverted(currency: str, at: int, rate: str | None) -> None:
    book = RateBook(night([], pipeline_id="a", stage_id="new"), "EUR", date(2024, 1, 5))
    assert book.rate(currency, date(2024, 1, at)) == (None if rate is None else Decimal(rate))


def test_no_rate_gives_no_amount_and_a_reason() -> None:
    [found] = movements(night([], pipeline_id="a", stage_id="new", currency_code="SEK"))
    assert (found.amount_delta, found.booked_amount_delta, found.constant_amount_delta) == (100, None, None)
    assert found.amount_missing_reason == "no_exchange_rate"


def test_deleted_and_restored() -> None:
    gone = night([], pipeline_id="a", stage_id="new", is_deleted="true", deleted_at=day(9).isoformat())
    back = night([], NIGHT.replace(month=7), pipeline_id="a", stage_id="new")
    assert [row[:3] for row in told(gone, back)] == [("created", 1, 100), ("deleted", -1, -100), ("restored", 1, 100)]


def test_versions_follow_each_other_and_skip_what_led_back() -> None:
    rows = [("amount", "100", "5", 3), ("amount", "5", "100", 3), ("stage", "new", "offer", 4), ("owner", "1", "2", 4)]
    state = night(rows, pipeline_id="a", stage_id="offer", owner_id="2")
    versions = keep_versions(keep_ledger([state]), [state])
    assert [(v.valid_from, v.valid_to, v.is_current, v.stage_id, v.owner_id) for v in versions] == [
        (day(1), day(4), False, "new", "1"),
        (day(4), None, True, "offer", "2"),
    ]
