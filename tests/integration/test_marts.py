"""Every mart equals an independent calculation, in plain Python from the same deals' histories, over random companies.

`WATERTIGHT_MARTS_DEALS` (default 250) sets the size, `WATERTIGHT_MARTS_SEED` (default 1) the company.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console

from extractors.core.settings import Settings
from tests.marts import answers
from tests.marts.build import build_marts
from tests.marts.histories import AS_OF, PIPELINES, History, core_tables, draw, key, local_date
from watertight.report import show_funnel

DEALS = int(os.environ.get("WATERTIGHT_MARTS_DEALS", "250"))
SEED = int(os.environ.get("WATERTIGHT_MARTS_SEED", "1"))
STEPS = [
    "first request", "first consultation", "offer received", "comparison with competitors", "meeting",
    "weighing pros and cons", "contract", "payment",
]  # fmt: skip

Marts = tuple[duckdb.DuckDBPyConnection, list[History]]


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marts]:
    histories = draw(SEED, DEALS)
    connection = build_marts(tmp_path_factory.mktemp("marts"), core_tables(histories))
    yield connection, histories
    connection.close()


def rows(connection: duckdb.DuckDBPyConnection, keys: int, query: str) -> dict[Any, Any]:
    """The query's rows by their first `keys` columns; a row that comes twice fails."""
    found: dict[Any, Any] = {}
    for row in connection.execute(query).fetchall():
        assert row[:keys] not in found, f"twice: {row[:keys]}"
        found[row[:keys]] = row[keys:]
    return found


def same(actual: Any, expected: Any) -> bool:
    """Equal, floats to within rounding."""
    if isinstance(expected, float) and isinstance(actual, float):
        return actual == pytest.approx(expected, rel=1e-9, abs=1e-9)
    if isinstance(expected, tuple):
        return isinstance(actual, tuple) and len(actual) == len(expected) and all(map(same, actual, expected))
    return bool(actual == expected)


def assert_equal(actual: dict[Any, Any], expected: dict[Any, Any]) -> None:
    """The same keys, the same measures; the first differences are printed."""
    differences = [
        f"{at}: mart {actual.get(at)}, expected {expected.get(at)}"
        for at in sorted(actual.keys() | expected.keys(), key=str)
        if not same(actual.get(at), expected.get(at))
    ]
    assert not differences, f"{len(differences)} differences (seed {SEED})\n" + "\n".join(differences[:20])
    assert expected


def pipeline(name: str) -> str:
    """Key of a pipeline as text, as dimension_key holds it."""
    return name if name == "all" else str(key("pipeline", name))


def test_board(marts: Marts) -> None:
    connection, histories = marts
    actual = rows(
        connection,
        1,
        "select stage_name, deal_count, total_amount, total_recurring_amount from mart_sales__pipeline_board",
    )
    assert_equal(actual, {(stage,): row for stage, row in answers.board(histories).items()})


def test_daily_pipeline(marts: Marts) -> None:
    connection, histories = marts
    actual = rows(connection, 3, """
        select calendar_date, stage_name, cast(owner_key as varchar), open_count, open_amount, unconverted_count
        from mart_sales__pipeline_daily inner join mart_sales__stages using (stage_key)
    """)  # fmt: skip
    assert_equal(actual, answers.daily(histories))


def test_visit_flow(marts: Marts) -> None:
    connection, histories = marts
    kinds = [
        "entered",
        "forward",
        "skipped_forward",
        "back",
        "won",
        "lost",
        "moved_pipeline",
        "deleted_merged",
        "still_in",
    ]
    columns = ", ".join(f"{kind}_count" for kind in kinds)
    actual = rows(
        connection, 3, f"select period_grain, period_start, stage_name, {columns} from mart_sales__visit_flow"
    )
    expected = {at: tuple(row[kind] for kind in kinds) for at, row in answers.visit_flow(histories).items()}
    assert_equal(actual, expected)
    assert all(row[0] == sum(row[1:]) for row in expected.values())


def test_stage_entry_conversion(marts: Marts) -> None:
    connection, histories = marts
    actual = rows(connection, 3, """
        select period_grain, period_start, stage_name, cohort_count, converted_count, open_count, conversion_rate,
            conversion_rate_low, conversion_rate_high, p90_days, matured
        from mart_sales__stage_conversion_by_cohort where cohort_kind = 'stage_entry' and cohort_count > 0
    """)  # fmt: skip
    expected = {}
    for (grain, start, stage), (count, converted, waits) in answers.stage_entry_conversion(histories).items():
        p90 = answers.matured_days(histories, stage)
        age = (local_date(AS_OF) - answers.period_end(grain, start)).days
        matured = p90 is not None and age >= p90
        expected[grain, start, stage] = (
            count,
            converted,
            waits,
            converted / count,
            *answers.wilson(converted, count),
            p90,
            matured,
        )
    assert_equal(actual, expected)


def test_created_conversion(marts: Marts) -> None:
    connection, histories = marts
    actual = rows(connection, 4, """
        select period_grain, period_start, source_pipeline_id, coalesce(stage_name, stage_kind), cohort_count, converted_count,
            open_count, conversion_rate
        from mart_sales__stage_conversion_by_cohort inner join dim_pipelines using (pipeline_key)
        where counting = 'implied_reached' and cohort_count > 0
    """)  # fmt: skip
    expected = {at: (*row, row[1] / row[0]) for at, row in answers.created_conversion(histories).items()}
    assert_equal(actual, expected)


def test_win_rates(marts: Marts) -> None:
    connection, histories = marts
    actual = rows(connection, 4, """
        select period_grain, period_start, dimension, dimension_key, won_count, lost_count, disqualified_count,
            no_decision_count, won_amount, closed_amount, created_count, created_won_count, win_rate, broad_win_rate,
            value_win_rate, created_win_rate, win_rate_low, win_rate_high, won_amount_per_deal, converted_won_count,
            unconverted_won_count, unconverted_count
        from mart_sales__win_rates
        where closed_count + broad_closed_count + created_count > 0
    """)  # fmt: skip
    expected = {}
    for (grain, start, dimension, value), row in answers.win_rates(histories).items():
        won, closed = row["won"], row["won"] + row["lost"]
        broad = closed + row["disqualified"] + row["no_decision"]
        won_amount, closed_amount = Decimal(row["won_amount"]), Decimal(row["won_amount"] + row["lost_amount"])
        expected[grain, start, dimension, pipeline(value) if dimension == "pipeline" else value] = (
            won, row["lost"], row["disqualified"], row["no_decision"], won_amount, closed_amount, row["created"], row["created_won"],
            won / closed if closed else None, won / broad if broad else None,
            float(won_amount / closed_amount) if closed_amount else None,
            row["created_won"] / row["created"] if row["created"] else None, *answers.wilson(won, closed),
            answers.average_deal_size(row)[2], answers.average_deal_size(row)[1], row["won_without_rate"],
            row["won_without_rate"] + row["lost_without_rate"],
        )  # fmt: skip
    assert_equal(actual, expected)
    # The company has what the average turns on: wins without a rate beside others, and periods with nothing else.
    assert {row[15] > 0 for row in expected.values() if row[16]} == {True, False}


def test_sales_cycle(marts: Marts) -> None:
    connection, histories = marts
    actual = rows(connection, 6, """
        select period_grain, period_start, dimension, dimension_key, outcome_scope, measured_from, deal_count, total_days,
            mean_days, median_days, p90_days
        from mart_sales__sales_cycle where deal_count > 0
    """)  # fmt: skip
    expected = {}
    for (grain, start, dimension, value, scope, since), days in answers.sales_cycle(histories).items():
        expected[grain, start, dimension, pipeline(value) if dimension == "pipeline" else value, scope, since] = (
            len(days), sum(days), sum(days) / len(days), answers.quantile(days, 0.5), answers.quantile(days, 0.9),
        )  # fmt: skip
    assert_equal(actual, expected)


def test_leakage(marts: Marts) -> None:
    connection, histories = marts
    actual = rows(connection, 7, """
        select period_grain, period_start, coalesce(last_open_stage_name, 'none'), leak_group, lost_reason, channel,
            lead_direction, sum(leaked_count), sum(came_back_count), sum(last_amount), sum(maximum_amount)
        from mart_sales__leakage where leak_group <> 'dormant' group by all
    """)  # fmt: skip
    assert_equal(actual, answers.leakage(histories))
    quiet = rows(connection, 1, """
        select last_open_stage_name, sum(dormant_count) from mart_sales__leakage where period_grain = 'all' and dormant_count > 0
        group by all
    """)  # fmt: skip
    assert_equal(quiet, {(stage,): (count,) for stage, count in answers.dormant(histories).items()})


def test_cohort_partition(marts: Marts) -> None:
    connection, histories = marts
    actual = rows(connection, 5, """
        select period_grain, period_start, source_pipeline_id, outcome, coalesce(last_open_stage_name, 'none'), deal_count
        from mart_sales__cohort_partition inner join dim_pipelines using (pipeline_key)
    """)  # fmt: skip
    assert_equal(actual, {at: (count,) for at, count in answers.partition(histories).items()})


def test_funnel(marts: Marts) -> None:
    connection, histories = marts
    mapped = {
        name: {stage.step for stage in ladder} | {"won", "unmapped"} for name, ladder in PIPELINES.items()
    } | {"all": {stage.step for ladder in PIPELINES.values() for stage in ladder} | {"won"}}  # fmt: skip
    actual = rows(connection, 4, """
        select period_grain, period_start, dimension_key, step_name, reached_count, reached_amount
        from mart_sales__funnel where is_measured and reached_count > 0
    """)  # fmt: skip
    expected = {
        (grain, start, pipeline(name), step): row
        for (grain, start, name, step), row in answers.funnel(histories, STEPS).items()
        if step in mapped[name]
    }
    assert_equal(actual, expected)


def test_the_metric_average_deal_size_leaves_out_what_has_no_rate(marts: Marts) -> None:
    connection, histories = marts
    actual = rows(connection, 2, """
        select period_grain, period_start, numerator, denominator, "value" from mart_metrics__values
        where metric = 'average_deal_size' and dimension = 'all'
    """)  # fmt: skip
    expected = {
        (grain, start): (float(revenue), float(deals), size)
        for (grain, start, dimension, _), row in answers.win_rates(histories).items()
        if dimension == "all" and grain != "all"
        for revenue, deals, size in [answers.average_deal_size(row)]
    }
    # A period that only a removed deal's close falls into has a row too, with nothing in it.
    assert_equal({at: row for at, row in actual.items() if at in expected or row[1]}, expected)


def test_the_printed_funnel_says_how_many_deals_it_leaves_out(marts: Marts, settings: Settings) -> None:
    connection, histories = marts
    [(path,)] = connection.execute("select path from duckdb_databases() where database_name = 'marts'").fetchall()
    settings.published_dir.mkdir(parents=True)
    published = Path(shutil.copy(path, settings.published_dir / "marts.duckdb"))
    left_out = sum(not answers.is_complete(history) for history in histories)
    assert left_out > 1
    printed = printed_funnel(settings)
    assert f"{left_out} deals are left out: their history is incomplete" in printed
    for count, words in [(1, "1 deal is left out: its history is incomplete"), (0, None)]:
        with duckdb.connect(str(published)) as copy:
            copy.execute("update mart_sales__funnel set incomplete_history_count = ?", [count])
        printed = printed_funnel(settings)
        assert "The funnel" in printed
        assert words in printed if words else "left out" not in printed


def printed_funnel(settings: Settings) -> str:
    """What a night prints of the funnel."""
    console = Console(file=io.StringIO(), width=100)
    show_funnel(settings, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_metric_values_are_the_marts_values(marts: Marts) -> None:
    connection, _ = marts
    differing = connection.execute("""
        select rates.period_grain, rates.period_start, rates.dimension_value, rates.win_rate, metrics.value
        from mart_sales__win_rates as rates
        full join (select * from mart_metrics__values where metric = 'win_rate') as metrics
            using (period_grain, period_start, dimension, dimension_value)
        where rates.win_rate is distinct from metrics.value and period_grain <> 'all'
    """).fetchall()
    assert not differing
    priors = connection.execute("""
        select later.metric, later.period_start, later.dimension_value, later.prior_value, earlier.value
        from mart_metrics__values as later
        left join mart_metrics__values as earlier
            on earlier.metric = later.metric and earlier.period_grain = later.period_grain
            and earlier.dimension = later.dimension and earlier.dimension_value = later.dimension_value
            and earlier.period_start = cast(later.period_start - interval 1 month as date)
        where later.period_grain = 'month' and later.prior_value is distinct from earlier.value
    """).fetchall()
    assert not priors
