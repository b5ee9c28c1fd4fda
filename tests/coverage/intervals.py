"""The 95 % intervals of a warehouse of companies: those of the marts, and those that a textbook would put in their place."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from tests.coverage.truth import CONVERSION, DWELL, WIN, WIN_DAYS, Parameter

Z = 1.959963984540054

#: the estimator whose intervals have to hold the truth, and the biased ones, by kind of parameter
MART = {
    CONVERSION: "the newest quarter that is matured",
    DWELL: "Kaplan-Meier, open visits included",
    WIN: "Aalen-Johansen",
}
TEXTBOOK = {
    CONVERSION: ("all that ever entered, open ones as not converted",),
    DWELL: ("median of the ended visits alone",),
    WIN: ("won so far / created, open ones as not won", "won / closed", "1 - Kaplan-Meier, losses as cut off"),
}


@dataclass(frozen=True)
class Interval:
    """One company's interval for one parameter; `low` or `high` is None where the mart has none."""

    seed: int
    parameter: Parameter
    estimator: str
    estimate: float | None
    low: float | None
    high: float | None
    count: int

    def holds(self, truth: float) -> bool:
        """An end that is not there yet is no end: the median may lie anywhere behind the last visit seen. Two that are not there hold nothing."""
        if self.low is None and self.high is None:
            return False
        return (self.low is None or self.low <= truth) and (self.high is None or truth <= self.high)


def intervals(marts: Path) -> list[Interval]:
    """All of them, company by company, parameter by parameter."""
    with duckdb.connect(str(marts), read_only=True) as con:
        return [*_conversions(con), *_dwells(con), *_wins(con)]


def _of(seed_and_pipeline: str, kind: str, stage: str = "") -> tuple[int, Parameter]:
    seed, _, pipeline = seed_and_pipeline.partition(".")
    return int(seed), Parameter(kind, pipeline, stage)


def _conversions(con: duckdb.DuckDBPyConnection) -> Iterator[Interval]:
    rows = con.execute("""
        with rows as (
            select stages.source_pipeline_id, stages.source_stage_id, conversion.*,
                row_number() over (partition by conversion.stage_key, period_grain, matured order by period_start desc) as age
            from mart_sales__stage_conversion_by_cohort as conversion
            inner join mart_sales__stages as stages on stages.stage_key = conversion.stage_key
            where cohort_kind = 'stage_entry' and stages.stage_kind = 'open'
        )
        select source_pipeline_id, source_stage_id, period_grain, conversion_rate, conversion_rate_low, conversion_rate_high, cohort_count
        from rows
        where age = 1 and (period_grain = 'all' or period_grain = 'quarter' and matured)
        order by all
    """).fetchall()
    for place, stage, grain, rate, low, high, count in rows:
        seed, parameter = _of(place, CONVERSION, stage)
        estimator = TEXTBOOK[CONVERSION][0] if grain == "all" else MART[CONVERSION]
        yield Interval(seed, parameter, estimator, rate, low, high, count)


def _dwells(con: duckdb.DuckDBPyConnection) -> Iterator[Interval]:
    rows = con.execute("""
        with ended as (
            select stage_key, list(hours_in_stage / 24 order by hours_in_stage) as days
            from fct_deal_stage_visits
            where stage_kind = 'open' and not is_transient and hours_in_stage is not null
            group by stage_key
        )
        select stages.source_pipeline_id, stages.source_stage_id, median_days, median_days_low, median_days_high, visit_count,
            completed_median_days, ended.days
        from mart_sales__time_in_stage as times
        inner join mart_sales__stages as stages on stages.stage_key = times.stage_key
        left join ended on ended.stage_key = times.stage_key
        order by all
    """).fetchall()
    for place, stage, median, low, high, count, completed, days in rows:
        seed, parameter = _of(place, DWELL, stage)
        yield Interval(seed, parameter, MART[DWELL], median, low, high, count)
        ends = _around_the_median(days or [])
        yield Interval(seed, parameter, TEXTBOOK[DWELL][0], completed, *ends, len(days or []))


def _wins(con: duckdb.DuckDBPyConnection) -> Iterator[Interval]:
    lives = defaultdict(list)
    for place, days, status in con.execute("""
        select pipelines.source_pipeline_id,
            greatest(ceil(date_diff('millisecond', created_at, coalesce(outcome_at, (select max(warehouse_data_through) from dim_sources))) / 86400000), 0),
            deal_status
        from mart_sales__deal_outcomes as outcomes
        inner join dim_pipelines as pipelines on pipelines.pipeline_key = outcomes.created_pipeline_key
    """).fetchall():
        lives[place].append((days, status))
    rows = con.execute(
        """
        select pipelines.source_pipeline_id, win_probability, win_probability_low, win_probability_high, deal_count, won_count
        from mart_sales__win_probability as wins
        inner join dim_pipelines as pipelines on cast(pipelines.pipeline_key as varchar) = wins.dimension_key
        where dimension = 'pipeline' and period_grain = 'all' and day_number = ?
        order by all
        """,
        [WIN_DAYS],
    ).fetchall()
    for place, probability, low, high, count, won in rows:
        seed, parameter = _of(place, WIN)
        yield Interval(seed, parameter, MART[WIN], probability, low, high, count)
        so_far, closed, survival = TEXTBOOK[WIN]
        yield Interval(seed, parameter, so_far, *wilson(won, count), count)
        ends = [status for _, status in lives[place] if status in ("won", "lost")]
        yield Interval(seed, parameter, closed, *wilson(ends.count("won"), len(ends)), len(ends))
        yield Interval(seed, parameter, survival, *_one_minus_kaplan_meier(lives[place]), count)


def wilson(count: int, of: int) -> tuple[float | None, float | None, float | None]:
    """A share and the ends of its Wilson interval; three times None where it is a share of nothing."""
    if not of:
        return None, None, None
    share, z2 = count / of, Z * Z
    middle, reach = share + z2 / 2 / of, Z * math.sqrt(share * (1 - share) / of + z2 / 4 / of / of)
    return share, (middle - reach) / (1 + z2 / of), (middle + reach) / (1 + z2 / of)


def _around_the_median(ordered: Sequence[float]) -> tuple[float | None, float | None]:
    """The order statistics that hold the median in 95 % of samples."""
    count = len(ordered)
    reach = Z * math.sqrt(count) / 2
    low, high = math.floor(count / 2 - reach), math.ceil(count / 2 + reach)
    if low < 0 or high >= count:
        return None, None
    return ordered[low], ordered[high]


def _one_minus_kaplan_meier(lives: Sequence[tuple[float, str]]) -> tuple[float | None, float | None, float | None]:
    """The share won by day WIN_DAYS if nothing could be lost: what one gets where a loss is taken for a deal that nobody watched any further."""
    days = np.array([each for each, _ in lives])
    won = np.array([status == "won" for _, status in lives])
    still, spread = 1.0, 0.0
    for day in np.unique(days[won & (days <= WIN_DAYS)]):
        at_risk, wins = int((days >= day).sum()), int((won & (days == day)).sum())
        if wins == at_risk:
            return 1.0, None, None
        still *= 1 - wins / at_risk
        spread += wins / at_risk / (at_risk - wins)
    if still in (0.0, 1.0):
        return 1 - still, None, None
    reach = Z * math.sqrt(spread) / math.log(still)
    ends = sorted(1 - still ** math.exp(sign * reach) for sign in (-1, 1))
    return 1 - still, ends[0], ends[1]
