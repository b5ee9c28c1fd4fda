"""Slippage and then-and-now equal an independent calculation, in plain Python from the same deals' histories, over random companies.

`WATERTIGHT_MARTS_DEALS` (default 250) sets the size, `WATERTIGHT_MARTS_SEED` (default 1) the company.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import duckdb
import pytest

from tests.marts import over_time
from tests.marts.build import build_marts
from tests.marts.histories import START, History, core_tables, draw

pytestmark = pytest.mark.integration

DEALS = int(os.environ.get("WATERTIGHT_MARTS_DEALS", "250"))
SEED = int(os.environ.get("WATERTIGHT_MARTS_SEED", "1"))


class Company(NamedTuple):
    marts: duckdb.DuckDBPyConnection
    histories: list[History]
    learned: over_time.Learned


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    histories = draw(SEED, DEALS)
    tables = core_tables(histories)
    learned = over_time.learn(SEED, histories, tables)
    connection = build_marts(tmp_path_factory.mktemp("over_time"), tables)
    yield Company(connection, histories, learned)
    connection.close()


def rows(company: Company, keys: int, query: str) -> dict[Any, Any]:
    """The query's rows by their first `keys` columns; a row that comes twice fails."""
    found: dict[Any, Any] = {}
    for row in company.marts.execute(query).fetchall():
        assert row[:keys] not in found, f"twice: {row[:keys]}"
        found[row[:keys]] = row[keys:]
    return found


def assert_equal(actual: dict[Any, Any], expected: dict[Any, Any]) -> None:
    """The same keys, the same measures (floats to within rounding); the first differences are printed."""
    assert expected
    differences = [
        f"{at}: mart {actual.get(at)}, expected {expected.get(at)}"
        for at in sorted(actual.keys() | expected.keys(), key=str)
        if at not in actual or at not in expected or not all(map(same, actual[at], expected[at]))
    ]
    assert not differences, f"{len(differences)} differences (seed {SEED})\n" + "\n".join(differences[:20])


def same(actual: Any, expected: Any) -> bool:
    if isinstance(expected, float) and isinstance(actual, float):
        return actual == pytest.approx(expected, rel=1e-9, abs=1e-9)
    return bool(actual == expected)


def test_expected_deals(company: Company) -> None:
    actual = rows(company, 3, """
        select period_grain, period_start, source_deal_id, expected_close_date, cast(pipeline_key as varchar), cast(owner_key as varchar),
            expected_amount, is_unconverted, is_closed_in_period, is_won_in_period, is_removed_in_period
        from mart_sales__expected_deals
    """)  # fmt: skip
    expected = {
        at: (deal.day, deal.pipeline, deal.owner, deal.amount, deal.is_unconverted, deal.is_closed, deal.is_won, deal.is_removed)
        for at, deal in over_time.expected_deals(company.histories, company.learned).items()
    }  # fmt: skip
    assert_equal(actual, expected)
    for kind in range(4, 8):
        assert {row[kind] for row in expected.values()} == {False, True}, "the company shows too little"


def test_what_was_known_later_is_not_known_at_the_start(company: Company) -> None:
    """By today's knowledge other deals would have been expected: in this company the two axes make a difference."""
    known_at_once = dict.fromkeys(company.learned, (START, None))
    today = set(over_time.expected_deals(company.histories, known_at_once))
    then = set(over_time.expected_deals(company.histories, company.learned))
    late = sum(known_at > START for known_at, _ in company.learned.values())
    assert today - then, (
        f"{len(today)} deals by today's knowledge, {len(then)} then, {late} of {len(company.learned)} learned later"
    )
    assert then - today, f"{len(today)} deals by today's knowledge, {len(then)} then"


def test_slippage(company: Company) -> None:
    actual = rows(company, 4, """
        select period_grain, period_start, dimension, dimension_key, expected_count, closed_count, slipped_count, slippage_rate,
            slippage_rate_low, slippage_rate_high, won_count, not_won_count, not_won_rate, not_won_rate_low, not_won_rate_high,
            removed_count, expected_amount, slipped_amount, slippage_amount_rate, unconverted_count, push_count, pushed_deal_count
        from mart_sales__slippage
    """)  # fmt: skip
    assert_equal(actual, over_time.slippage(company.histories, company.learned))


def test_expected_close_moves(company: Company) -> None:
    actual = rows(company, 2, """
        select source_deal_id, timezone('UTC', moved_at), from_date, to_date
        from mart_sales__expected_close_moves inner join dim_deals using (deal_key)
    """)  # fmt: skip
    assert_equal(actual, over_time.moves(company.histories))


def test_then_and_now(company: Company) -> None:
    followed = (
        "deal_status",
        "pipeline_key",
        "stage_name",
        "deal_amount",
        "currency_code",
        "expected_close_date",
        "owner_key",
    )
    columns = [
        f"cast({when}_{column} as varchar)" if column.endswith("_key") else f"{when}_{column}"
        for when in ("then", "now")
        for column in followed
    ]
    flags = [
        f"is_{name}_changed"
        for name in ("status", "pipeline", "stage", "amount", "currency", "expected_close", "owner")
    ]
    query = f"select period_start, source_deal_id, {', '.join(columns + flags)} from mart_sales__then_and_now"
    assert_equal(rows(company, 2, query), over_time.then_and_now(company.histories))
