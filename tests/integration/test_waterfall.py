"""Movements and waterfall equal an independent calculation in plain Python, and the shipped tests catch what is planted against them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.marts import waterfall
from tests.marts.build import build_marts, compiled
from tests.marts.histories import History, core_tables, draw, key, owner_key

pytestmark = pytest.mark.integration

DEALS = int(os.environ.get("WATERTIGHT_MARTS_DEALS", "120"))
SEED = int(os.environ.get("WATERTIGHT_MARTS_SEED", "1"))
COUNTED = [bucket for bucket in waterfall.BUCKETS if bucket not in ("increased", "decreased")]

CHECKS = [
    "movements_equal_versions", "marts_waterfall_has_no_residual", "marts_waterfall_closing_is_the_next_opening",
    "marts_waterfall_ends_with_the_open_deals", "marts_waterfall_rounding_is_only_rounding",
]  # fmt: skip
STEPS = [
    "pipeline_changes_daily", "open_positions_daily", "open_positions_by_close", "close_date_changes", "pipeline_movements_daily",
    "waterfall_changes", "currency_days", "currency_closing_days", "waterfall_days", "waterfall_ends", "pipeline_waterfall",
]  # fmt: skip

Built = tuple[Path, list[History]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    histories, home = draw(SEED, DEALS), tmp_path_factory.mktemp("waterfall")
    models = [
        "mart_metrics__periods",
        "mart_sales__stages",
        "mart_metrics__plain_members",
        "mart_metrics__dimension_values",
        *(f"mart_sales__{step}" for step in STEPS),
    ]
    build_marts(home, core_tables(histories), [*models, "marts_waterfall_*"], tests="buildable").close()
    return home, histories


@pytest.fixture(scope="module")
def marts(built: Built) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built[0] / "marts.duckdb"), read_only=True) as connection:
        yield connection


def named(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """The rows of a query as dictionaries."""
    found = connection.execute(query)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _key_of(dimension: str, value: str | None) -> str:
    """The dimension_key of a value."""
    if dimension == "owner":
        return str(owner_key(value))
    if dimension == "team":
        return str(value)
    return str(key("pipeline", value)) if dimension == "pipeline" and value else "all"


def test_movements(marts: duckdb.DuckDBPyConnection, built: Built) -> None:
    actual = Counter(marts.execute("""
        select deal_key, timezone('UTC', moved_at), bucket, count_delta, stage_key, pipeline_key, owner_key, currency_code, amount_delta,
            booked_amount_delta, known_close_date
        from fct_pipeline_movements
    """).fetchall())  # fmt: skip
    expected = Counter(
        (history.key, each.at, each.bucket, each.count, each.stage.key, key("pipeline", each.stage.pipeline), owner_key(each.owner),
         each.currency, each.amount, each.booked, each.close)
        for history in built[1] for each in waterfall.movements(history) if each.bucket not in ("pulled_in", "pushed_out")
    )  # fmt: skip
    assert not sorted((actual - expected).keys(), key=str)[:5]
    assert not sorted((expected - actual).keys(), key=str)[:5]
    assert {row[2] for row in actual} == waterfall.BUCKETS.keys() - {"pulled_in", "pushed_out"}


def test_waterfall(marts: duckdb.DuckDBPyConnection, built: Built) -> None:
    rows = {
        (row["waterfall_form"], row["period_grain"], row["period_start"], row["dimension_key"]): row
        for row in named(marts, "select * from mart_sales__pipeline_waterfall")
    }
    expected = {
        (form, grain, start, _key_of(*dimension)): row
        for (form, grain, start, dimension), row in waterfall.waterfall(built[1]).items()
    }
    days = dict(
        marts.execute(
            "select (period_grain, period_start)::varchar, count(*) from mart_metrics__periods group by 1"
        ).fetchall()
    )
    differences = [
        f"{at}: {'only expected' if at in expected else 'only in the mart'}" for at in rows.keys() ^ expected.keys()
    ]
    for at in rows.keys() & expected.keys():
        row, told = rows[at], expected[at]
        pairs = {
            end: (tuple(row[f"{end}_{measure}"] for measure in ("count", "amount", "unconverted_count")), told[end])
            for end in ("opening", "closing")
        }
        pairs |= {f"{bucket}_count": (row[f"{bucket}_count"], told[f"{bucket}_count"]) for bucket in COUNTED}
        pairs |= {f"{each}_amount": (row[f"{each}_amount"], told[f"{each}_amount"]) for each in waterfall.BUCKETS}
        pairs["unconverted"] = (row["unconverted_movement_count"], told["unconverted"])
        differences += [
            f"{at} {name}: mart {mart}, expected {other}" for name, (mart, other) in pairs.items() if mart != other
        ]
        slack = waterfall.tolerance(told, days[f"({at[1]}, {at[2]})"])
        if abs(row["exchange_rate_amount"] - told["exchange_rate"]) > slack:
            differences.append(
                f"{at} exchange rate: mart {row['exchange_rate_amount']}, expected {told['exchange_rate']}"
            )
        sums = row["opening_amount"] + sum(sign * row[f"{each}_amount"] for each, sign in waterfall.BUCKETS.items())
        if (
            row["closing_amount"] != sums + row["exchange_rate_amount"]
            or row["residual_amount"]
            or row["residual_count"]
        ):
            differences.append(f"{at} has a residual")
    assert not differences, f"{len(differences)} differences\n" + "\n".join(sorted(differences)[:20])


def test_the_fixture_shows_every_case(marts: duckdb.DuckDBPyConnection) -> None:
    [row] = named(marts, """
        select count(*) filter (pulled_in_count > 0 and pushed_out_count > 0) as redated,
            count(*) filter (exchange_rate_amount - rounding_amount - rate_gap_amount <> 0) as rates, count(*) filter (rate_gap_amount <> 0) as gaps,
            count(*) filter (rounding_amount <> 0) as rounded, count(*) filter (closing_unconverted_count > 0) as unconverted,
            count(*) filter (pipeline_moved_in_count > 0) as crossed
        from mart_sales__pipeline_waterfall
    """)  # fmt: skip
    assert all(row.values()), row
    [rounding] = named(marts, "select sum(abs(rounding_amount)) as total from mart_sales__currency_days")
    assert rounding["total"] < Decimal(100)


WON = "bucket = 'won' and deal_key = (select min(deal_key) from fct_pipeline_movements where bucket = 'won')"
INCREASED = "bucket = 'increased' and booked_amount_delta > 1"
CURRENT = "is_current and deal_status = 'open' and deal_amount > 0 and currency_code = 'EUR'"
#: fault → the statement that plants it, what is built anew from what it hits, and the checks that go red
PLANTED: dict[str, tuple[str, list[str], set[str]]] = {
    "a movement is lost": (
        f"delete from fct_pipeline_movements where {WON}",
        STEPS,
        {"movements_equal_versions", "marts_waterfall_has_no_residual"},
    ),
    "an increase is lost": (
        (
            f"delete from fct_pipeline_movements where {INCREASED}"
            f" and deal_key = (select min(deal_key) from fct_pipeline_movements where {INCREASED})"
        ),
        STEPS,
        {"movements_equal_versions", "marts_waterfall_has_no_residual"},
    ),
    "an amount is booked at a silent rate of 1": (
        "update fct_pipeline_movements set booked_amount_delta = amount_delta where currency_code = 'USD' and bucket = 'won'",
        STEPS,
        {"marts_waterfall_rounding_is_only_rounding"},
    ),
    "a version is lost": (
        f"delete from fct_deal_versions where {CURRENT} and deal_key = (select min(deal_key) from fct_deal_versions where {CURRENT})",
        STEPS,
        {"marts_waterfall_has_no_residual", "marts_waterfall_ends_with_the_open_deals"},
    ),
    "a day is lost": (
        "delete from mart_sales__waterfall_days where dimension = 'pipeline' and calendar_date = date '2026-01-13'",
        STEPS[STEPS.index("waterfall_ends") :],
        {"marts_waterfall_closing_is_the_next_opening", "marts_waterfall_has_no_residual"},
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_what_is_planted_is_caught(built: Built, tmp_path: Path, planted: str) -> None:
    statement, anew, caught = PLANTED[planted]
    for name in ("marts", "warehouse"):
        (tmp_path / f"{name}.duckdb").write_bytes((built[0] / f"{name}.duckdb").read_bytes())
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute(f"attach '{tmp_path / 'marts.duckdb'}' as marts; use marts")
        connection.execute(statement)
        for step in anew:
            connection.execute(
                f"create or replace table mart_sales__{step} as {compiled(built[0], f'mart_sales__{step}')}"
            )
        red = {check for check in CHECKS if connection.execute(compiled(built[0], check)).fetchall()}
    assert red == caught
