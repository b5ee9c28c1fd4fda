"""The marts of marketing and customers equal an independent calculation, in plain Python from the same rows, over random companies.

`WATERTIGHT_MARTS_DEALS` (default 250) sets the size, `WATERTIGHT_MARTS_SEED` (default 1) the company.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from tests.marts import market
from tests.marts.build import SEEDS, build_marts
from tests.marts.histories import core_tables, draw

pytestmark = pytest.mark.integration

DEALS = int(os.environ.get("WATERTIGHT_MARTS_DEALS", "250"))
SEED = int(os.environ.get("WATERTIGHT_MARTS_SEED", "1"))
MODELS = [
    "path:models/marts/marketing", "path:models/marts/customers", "mart_metrics__periods", "mart_metrics__plain_members",
    "mart_metrics__dimension_values", "mart_sales__stages", "mart_sales__deal_outcomes", "mart_sales__closes", "mart_sales__win_rates",
]  # fmt: skip
Company = tuple[duckdb.DuckDBPyConnection, market.Market]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    histories = draw(SEED, DEALS)
    tables = core_tables(histories)
    drawn = market.draw(SEED, histories, tables)
    connection = build_marts(tmp_path_factory.mktemp("market"), tables, [*MODELS, *SEEDS], tests="buildable")
    yield connection, drawn
    connection.close()


def assert_equal(company: Company, keys: str, measures: str, source: str, expected: dict[Any, Any]) -> None:
    """The same keys, the same measures (floats to within rounding); the first differences are printed."""
    actual: dict[Any, Any] = {}
    for row in company[0].execute(f"select {keys}, {measures} from {source}").fetchall():
        at = row[: keys.count(",") + 1]
        assert at not in actual, f"twice: {at}"
        actual[at] = row[len(at) :]
    differences = [
        f"{at}: mart {actual.get(at)}, expected {expected.get(at)}"
        for at in sorted(actual.keys() | expected.keys(), key=str)
        if at not in actual or at not in expected or not all(map(_same, actual[at], expected[at]))
    ]
    assert not differences, f"{len(differences)} differences (seed {SEED})\n" + "\n".join(differences[:20])
    assert expected


def _same(actual: Any, wanted: Any) -> bool:
    if actual is None or wanted is None:
        return actual is wanted
    return bool(float(actual) == pytest.approx(float(wanted), rel=1e-9, abs=1e-6))


def test_lead_funnel(company: Company) -> None:
    assert_equal(
        company, "period_grain, period_start, dimension, dimension_key", "lead_count, mql_count, customer_count",
        "mart_marketing__lead_funnel", market.lead_funnel(company[1]),
    )  # fmt: skip


def test_hand_offs(company: Company) -> None:
    assert_equal(
        company, "period_grain, period_start, dimension, dimension_key",
        "offered_count, accepted_count, rejected_count, recycled_count, undecided_count, touched_count, mean_hours_to_touch,"
        " median_hours_to_touch, on_time_count",
        "mart_marketing__hand_offs where dimension <> 'reason'", market.hand_offs(company[1]),
    )  # fmt: skip


def test_cost_per_lead(company: Company) -> None:
    assert_equal(
        company, "period_grain, period_start, dimension, dimension_key", "spend_amount, lead_count, cost_per_lead, lagged_spend_amount",
        "mart_marketing__cost_per_lead", market.cost_per_lead(company[1]),
    )  # fmt: skip


def test_romi(company: Company) -> None:
    assert_equal(
        company, "period_grain, period_start", "revenue_amount, spend_amount, romi, incremental_romi", "mart_marketing__romi",
        market.romi(company[1]),
    )  # fmt: skip


def test_retention(company: Company) -> None:
    assert_equal(
        company, "period_grain, period_start", "opening_count, new_count, lost_count, closing_count, customer_count",
        "mart_customers__retention where dimension = 'all'", market.retention(company[1]),
    )  # fmt: skip


def test_unit_economics(company: Company) -> None:
    assert_equal(
        company, "period_grain, period_start",
        "attraction_cost_per_lead, cost_per_new_customer, cost_per_kept_customer, total_cost_per_customer, revenue_per_customer,"
        " profit_per_customer",
        "mart_customers__unit_economics", market.unit_economics(company[1]),
    )  # fmt: skip
