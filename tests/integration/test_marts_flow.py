"""The marts of the flow equal an independent calculation over random companies; the two survival estimators equal those of lifelines.

`WATERTIGHT_MARTS_DEALS` (default 250) sets the size, `WATERTIGHT_MARTS_SEED` (default 1) the company.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from lifelines import AalenJohansenFitter, KaplanMeierFitter
from lifelines.utils import qth_survival_time, restricted_mean_survival_time

from tests.integration.test_marts import STEPS, assert_equal, pipeline, rows
from tests.marts import answers, flow
from tests.marts.build import SEEDS, build_marts
from tests.marts.histories import AS_OF, PIPELINES, Event, History, core_tables, draw, key

pytestmark = pytest.mark.integration

DEALS = int(os.environ.get("WATERTIGHT_MARTS_DEALS", "250"))
SEED = int(os.environ.get("WATERTIGHT_MARTS_SEED", "1"))
DAY = timedelta(days=1)
QUOTAS = [
    (date(2025, 10, 1), date(2025, 12, 31), Decimal("900000.00")),
    (date(2026, 1, 1), date(2026, 6, 30), Decimal("1500000.00")),
]
Marts = tuple[duckdb.DuckDBPyConnection, list[History]]
#: the estimate and the marts it reads
SURVIVAL = (
    "+mart_sales__win_probability,path:models/marts", "+mart_sales__win_rates,path:models/marts", "marts_win_probabilities_are_shares", *SEEDS,
)  # fmt: skip


def quotas() -> list[dict[str, Any]]:
    return [
        {"quota_key": key("quota", str(first)), "source_system": "files", "source_quota_id": str(first), "period_start_date": first,
         "period_end_date": last, "quota_amount": amount, "booked_amount": amount, "constant_amount": amount, "currency_code": "EUR"}
        for first, last, amount in QUOTAS
    ]  # fmt: skip


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marts]:
    histories = draw(SEED, DEALS)
    connection = build_marts(tmp_path_factory.mktemp("flow"), core_tables(histories) | {"fct_quotas": quotas()})
    yield connection, histories
    connection.close()


def test_milestones(marts: Marts) -> None:
    connection, histories = marts
    actual = rows(connection, 3, """
        select period_grain, period_start, stage_name, left_count, forward_count, incomplete_history_count
        from mart_sales__stage_conversion_by_period
    """)  # fmt: skip
    assert_equal(actual, flow.milestones(histories))


def test_velocity(marts: Marts) -> None:
    connection, histories = marts
    actual = rows(connection, 4, """
        select period_grain, period_start, dimension, dimension_key, velocity_amount
        from mart_sales__velocity where velocity_amount is not null
    """)  # fmt: skip
    assert_equal(actual, {
        (grain, start, dimension, pipeline(value) if dimension == "pipeline" else value): (money,)
        for (grain, start, dimension, value), money in flow.velocity(histories).items()
    })  # fmt: skip


def test_stage_paths(marts: Marts) -> None:
    connection, histories = marts
    actual = rows(connection, 2, """
        select source_pipeline_id, path, deal_count, won_count, closed_count, median_days, path_count, is_remainder
        from mart_sales__stage_paths inner join dim_pipelines using (pipeline_key)
    """)  # fmt: skip
    expected = flow.ways(histories)
    for name in PIPELINES:
        mine = {way: row for (there, way), row in expected.items() if there == name}
        told = {way: row for (there, way), row in actual.items() if there == name}
        rest = told.pop("other paths")
        assert len(told) == 20
        assert min(row[0] for row in told.values()) >= max(row[0] for way, row in mine.items() if way not in told)
        assert_equal({way: row[:4] for way, row in told.items()}, {way: mine[way] for way in told})
        assert rest[0] == sum(row[0] for way, row in mine.items() if way not in told)
        assert rest[4:] == (len(mine) - 20, True)


def test_coverage(marts: Marts) -> None:
    connection, histories = marts
    actual = rows(connection, 2, """
        select period_grain, period_start, expected_amount, cast(quota_amount as double), cast(quota_to_win_amount as double)
        from mart_sales__coverage where dimension = 'all'
    """)  # fmt: skip
    expected = flow.coverage(histories, quotas())
    assert expected.keys() <= actual.keys()
    for at, row in expected.items():
        assert actual[at][0] == row[0]
        # kept in cents
        assert actual[at][1:] == pytest.approx(row[1:], abs=0.0051), at
    assert len({row[1] == row[2] for row in expected.values() if row[1]}) == 2


def test_what_if(marts: Marts) -> None:
    connection, histories = marts
    actual = rows(connection, 4, """
        select dimension_key, step_name, raised_points, quality_decay, extra_next_count, extra_won_count
        from mart_sales__what_if where dimension = 'pipeline' and step_number is not null
    """)  # fmt: skip
    expected = {
        (pipeline(name), step, points, decay): row
        for name in PIPELINES
        for points, decay in ((1.0, 0.0), (5.0, 0.0), (10.0, 0.0), (10.0, 0.25))
        for step, row in flow.what_if(flow.reach(histories, name, STEPS), points, decay).items()
    }
    assert_equal(actual, expected)


def test_the_published_sum_stands_beside_the_chained_result(marts: Marts) -> None:
    connection, _ = marts
    [(points, chained, extra, cohort)] = connection.execute("""
        select additive_points, chained_points, extra_won_count, cohort_count from mart_sales__what_if where scenario = 'published example'
    """).fetchall()
    raised = dict(zip(STEPS[1:], (7, 2, 1, 4, 5, 0.5, 1), strict=True))
    assert points == sum(raised.values()) == 20.5
    rates = connection.execute("""
        select step_name, step_rate from mart_sales__funnel where period_grain = 'all' and dimension = 'all' and is_measured and step_kind <> 'unmapped'
    """).fetchall()
    now = better = 1.0
    for step, rate in rates:
        now, better = now * rate, better * min(1.0, rate + raised.get(step, 0) / 100)
    assert chained == pytest.approx(100 * (better - now), rel=1e-9)
    assert extra == pytest.approx(cohort * (better - now), rel=1e-9)


def test_time_in_stage_is_kaplan_and_meiers(marts: Marts) -> None:
    connection, histories = marts
    columns = "visit_count, median_days, median_days_low, median_days_high, p25_days, p75_days, p90_days, restricted_mean_days"
    actual = rows(connection, 1, f"select stage_name, {columns} from mart_sales__time_in_stage")
    expected = {}
    for stage in [stage for ladder in PIPELINES.values() for stage in ladder if stage.kind == "open"]:
        visits = [
            (((stay.exited or AS_OF) - stay.entered) / DAY, stay.exited is not None)
            for history in histories for number, stay in enumerate(answers.stays(history))
            if stay.stage == stage and stay.exited != stay.entered and (answers.is_complete(history) or number > 0)
        ]  # fmt: skip
        days, ended = [length for length, _ in visits], [is_over for _, is_over in visits]
        curve = KaplanMeierFitter().fit(days, ended)
        low, high = (qth_survival_time(0.5, bound) for _, bound in curve.confidence_interval_.items())
        shares = [qth_survival_time(share, curve.survival_function_) for share in (0.5, 0.75, 0.25, 0.1)]
        found = [shares[0], low, high, *shares[1:]]
        expected[(stage.name,)] = (
            len(visits), *(None if share == float("inf") else float(share) for share in found), float(restricted_mean_survival_time(curve, max(days))),
        )  # fmt: skip
    assert_equal(actual, expected)


def distinct(seed: int) -> list[History]:
    """Deals of one month that were won, lost or left open after whole days, no two after as many."""
    dice = random.Random(seed)
    spans = dice.sample(range(1, 400), 60)
    first, won, lost = PIPELINES["A"][0], PIPELINES["A"][4], PIPELINES["A"][5]
    found = []
    for number, span in enumerate(spans):
        fate = dice.choice(["won", "lost", "open"])
        begun = AS_OF - span * DAY if fate == "open" else AS_OF - 401 * DAY
        history = History(f"s{number}", [Event(begun, "stage", first)], complete_from=begun)
        if fate != "open":
            history.events.append(Event(begun + span * DAY, "stage", won if fate == "won" else lost))
        found.append(history)
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_win_probability_is_aalen_and_johansens(seed: int, tmp_path: Any) -> None:
    histories = distinct(seed)
    with build_marts(tmp_path, core_tables(histories), selected=SURVIVAL, tests="cautious") as connection:
        actual = rows(connection, 1, """
            select day_number, win_probability, win_probability_low, win_probability_high
            from mart_sales__win_probability where period_grain = 'all' and dimension = 'all' and win_probability > 0
        """)  # fmt: skip
    spans = [
        ((answers.stays(each)[-1].entered if answers.status(each) != "open" else AS_OF) - answers.created(each)) / DAY
        for each in histories
    ]
    fates = [{"won": 1, "lost": 2, "open": 0}[answers.status(each)] for each in histories]
    fitted = AalenJohansenFitter().fit(spans, fates, event_of_interest=1)
    at = {day: [moment for moment in fitted.timeline if moment <= day][-1] for (day,) in actual}
    bounds = fitted.confidence_interval_
    expected = {
        (day,): (
            float(fitted.cumulative_density_.loc[at[day]].iloc[0]), *sorted(float(each) for each in bounds.loc[at[day]])
        )
        for (day,) in actual
    }  # fmt: skip
    assert_equal(actual, expected)
