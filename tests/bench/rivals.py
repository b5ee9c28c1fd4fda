"""The same answers by other means: the textbook range join, ClickHouse's windowFunnel, polars and pandas.

The frames get less to do than the project's own models: their keys are small integers, they look nothing up in `dim_stages`, and
they know neither deletions nor pairs of pipeline and stage.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from tests.bench.proof import Fingerprints

#: How many deals came how far in a pipeline: the furthest place of each, as the project's marts tell the ordered funnel.
FURTHEST = """
create table funnel as
with furthest as (
    select deal_key, pipeline_key, max(open_rank) as open_rank
    from marts.main.fct_deal_stage_visits
    where open_rank is not null
    group by deal_key, pipeline_key
)
select dense_rank() over (order by pipeline_key) as pipeline, open_rank, count(*) as deals
from furthest
group by pipeline_key, open_rank
"""

#: Reads what the two answers below need of the versions into memory.
READ_VERSIONS = """
select max(valid_from_date), max(valid_to_date), max(deal_status), max(pipeline_key), max(stage_key), max(deal_amount) from marts.main.fct_deal_versions
"""

#: What is open, how many and what amount as the deals state it, at the end of every day, by pipeline and stage: like for like, the daily pipeline's
#: formulation (changes by day, added up) against the textbook's join of the calendar with what stood on each day. The same rows come out.
DAILY_BY_CHANGES = """
create table daily as
with
-- Both ends of the versions in one pass: a row of the one grouping has no last day, a row of the other no first.
ends as (
    select valid_from_date, valid_to_date, stage_key, count(*) as deals, coalesce(sum(deal_amount), 0) as amount
    from marts.main.fct_deal_versions
    where deal_status = 'open'
    group by grouping sets ((valid_from_date, stage_key), (valid_to_date, stage_key))
),
changes as (
    select stage_key, coalesce(valid_from_date, valid_to_date) as calendar_date,
        sum(case when valid_to_date is null then deals else -deals end) as deals,
        sum(case when valid_to_date is null then amount else -amount end) as amount
    from ends
    where valid_from_date is not null or valid_to_date is not null
    group by stage_key, calendar_date
),
positions as (
    select
        stage_key, calendar_date as from_date,
        lead(calendar_date, 1, (select cast(max(warehouse_data_through) as date) + 1 from marts.main.dim_sources)) over in_order as until_date,
        sum(deals) over in_order as open_count,
        sum(amount) over in_order as open_amount
    from changes
    window in_order as (partition by stage_key order by calendar_date)
)
select cast(unnest(range(positions.from_date, positions.until_date, interval 1 day)) as date) as calendar_date, stages.pipeline_key, stage_key,
    cast(positions.open_count as bigint) as open_count, cast(positions.open_amount as decimal(18, 2)) as open_amount
from positions
left join marts.main.mart_sales__stages as stages using (stage_key)
where positions.open_count > 0
"""

DAILY_BY_RANGE_JOIN = """
create table daily as
select day.calendar_date, version.pipeline_key, version.stage_key,
    count(*) as open_count, cast(coalesce(sum(version.deal_amount), 0) as decimal(18, 2)) as open_amount
from marts.main.dim_dates as day
inner join marts.main.fct_deal_versions as version
    on day.calendar_date >= version.valid_from_date and day.calendar_date < coalesce(version.valid_to_date, date '9999-12-31')
where version.deal_status = 'open' and day.calendar_date <= (select cast(max(warehouse_data_through) as date) from marts.main.dim_sources)
group by day.calendar_date, version.pipeline_key, version.stage_key
"""

#: How often as long the deals of the longer company take, and its versions: every deal from its own creation on, cut off where the data ends.
LONGER = 1.8
LONGER_VERSIONS = f"""
with
creations as (
    select deal_key, min(valid_from_date) as created_date from marts.main.fct_deal_versions group by deal_key
),
longer as (
    select
        version.deal_status, version.pipeline_key, version.stage_key, version.deal_amount,
        created_date + cast({LONGER} * (version.valid_from_date - created_date) as integer) as valid_from_date,
        created_date + cast({LONGER} * (version.valid_to_date - created_date) as integer) as valid_to_date,
        (select cast(max(warehouse_data_through) as date) from marts.main.dim_sources) as as_of_date
    from marts.main.fct_deal_versions as version
    inner join creations using (deal_key)
)
select deal_status, pipeline_key, stage_key, deal_amount, valid_from_date, case when valid_to_date <= as_of_date then valid_to_date end as valid_to_date
from longer
where valid_from_date <= as_of_date
"""

#: the days that all deals together were open, up to the last day
OPEN_DAYS = """
select sum(least(coalesce(valid_to_date, as_of_date + 1), as_of_date + 1) - valid_from_date)
from {versions}
cross join (select cast(max(warehouse_data_through) as date) as as_of_date from marts.main.dim_sources)
where deal_status = 'open'
"""

#: mart_sales__pipeline_daily, row for row and in its full grain (by owner, each currency at the day's rate), from such a join
MART_BY_RANGE_JOIN = """
create table mart_sales__pipeline_daily as
with open_days as (
    select day.calendar_date, version.stage_key, version.owner_key, coalesce(version.currency_code, '') as currency_code,
        count(*) as open_count, count(version.deal_amount) as amount_count, sum(version.deal_amount) as amount
    from marts.main.dim_dates as day
    inner join marts.main.fct_deal_versions as version
        on day.calendar_date >= version.valid_from_date and day.calendar_date < coalesce(version.valid_to_date, date '9999-12-31')
    where version.deal_status = 'open' and day.calendar_date <= (select cast(max(warehouse_data_through) as date) from marts.main.dim_sources)
    group by day.calendar_date, version.stage_key, version.owner_key, coalesce(version.currency_code, '')
)
select open_days.calendar_date, stages.pipeline_key, open_days.stage_key, open_days.owner_key,
    cast(sum(open_days.open_count) as bigint) as open_count,
    cast(coalesce(sum(round(open_days.amount * rates.exchange_rate, 2)), 0) as decimal(18, 2)) as open_amount,
    cast(coalesce(sum(case when rates.exchange_rate is null then open_days.amount_count end), 0) as bigint) as unconverted_count,
    'EUR' as currency_code, 'booked' as amount_basis
from open_days
left join marts.main.mart_sales__stages as stages using (stage_key)
left join marts.main.dim_exchange_rates as rates
    on rates.rate_date = open_days.calendar_date and rates.from_currency_code = open_days.currency_code
    and rates.to_currency_code = 'EUR'
group by all
"""

_IN_FORCE = ("stage", "pipeline", "amount", "currency", "owner")
_ORDER = ["deal", "changed_at", "sequence", "_record_number"]


def window_funnel(visits: str, funnel: str) -> None:
    """ClickHouse: how far each deal came in its pipeline, a stage that was passed over counted as passed; from the visits of a Parquet file, as JSON."""
    import chdb

    places = range(1, 1 + int(str(chdb.query(f"select max(open_rank) from file('{visits}')", "TSV"))))
    steps = ", ".join(f"open_rank >= {place}" for place in places)
    rows = chdb.query(
        f"""
        select pipeline, furthest, count() as deals
        from (
            select deal, pipeline, windowFunnel(1000000000000000)(entered_at, {steps}) as furthest
            from file('{visits}') group by deal, pipeline
        )
        group by pipeline, furthest""",
        "JSONCompactEachRow",
    )
    Path(funnel).write_text(str(rows))


def funnel_of(file: Path) -> Fingerprints:
    """The funnel that a DuckDB file or the lines of window_funnel hold: the rows and a fingerprint of them, whatever their order."""
    if file.suffix == ".json":
        rows = [tuple(int(cell) for cell in json.loads(line)) for line in file.read_text().splitlines()]
    else:
        with duckdb.connect(str(file), read_only=True) as connection:
            rows = connection.execute("select pipeline, open_rank, deals from funnel").fetchall()
    return {"funnel": (len(rows), hash(tuple(sorted(rows))))}


def polars_visits(events: str, visits: str) -> None:
    """Sort, fill forward, shift: visits from the events of a Parquet file into another."""
    import polars

    frame = polars.read_parquet(events).sort(_ORDER)
    frame = frame.with_columns(
        polars.when(polars.col("field") == field).then(polars.col("new_value")).forward_fill().over("deal").alias(field)
        for field in _IN_FORCE
    ).filter(polars.col("field").is_in(["stage", "pipeline"]) & polars.col("stage").is_not_null())
    place = polars.concat_str("pipeline", "stage", separator="|", ignore_nulls=True)
    frame = frame.filter((place != place.shift(1).over("deal")).fill_null(value=True))
    frame = frame.with_columns(
        exited_at=polars.col("changed_at").shift(-1).over("deal"),
        exit_amount=polars.col("amount").shift(-1).over("deal"),
        visit_number=polars.int_range(polars.len()).over("deal"),
        stage_visit_number=polars.int_range(polars.len()).over("deal", "pipeline", "stage"),
    ).with_columns(
        hours_in_stage=(polars.col("exited_at") - polars.col("changed_at")).dt.total_milliseconds() / 3_600_000
    )
    frame.write_parquet(visits)


def pandas_visits(events: str, visits: str) -> None:
    """The same with pandas."""
    import pandas

    frame = pandas.read_parquet(events).sort_values(_ORDER, kind="stable")
    for field in _IN_FORCE:
        frame[field] = frame["new_value"].where(frame["field"] == field)
    frame[list(_IN_FORCE)] = frame.groupby("deal", sort=False)[list(_IN_FORCE)].ffill()
    frame = frame[frame["field"].isin(["stage", "pipeline"]) & frame["stage"].notna()].copy()
    frame["place"] = frame["pipeline"].fillna("") + "|" + frame["stage"]
    frame = frame[frame["place"] != frame.groupby("deal", sort=False)["place"].shift(1)].copy()
    deals = frame.groupby("deal", sort=False)
    frame["exited_at"] = deals["changed_at"].shift(-1)
    frame["exit_amount"] = deals["amount"].shift(-1)
    frame["visit_number"] = deals.cumcount()
    frame["stage_visit_number"] = frame.groupby(["deal", "place"], sort=False).cumcount()
    frame["hours_in_stage"] = (frame["exited_at"] - frame["changed_at"]).dt.total_seconds() / 3600
    frame.to_parquet(visits)
