"""The same answers by other means: the textbook range join, polars and pandas.

The frames get less to do than the project's own models: their keys are small integers, they look nothing up in `dim_stages`, and
they know neither deletions nor pairs of pipeline and stage.
"""

from __future__ import annotations

#: every day's open deals, from a join of the calendar with the visits; the project's own mart follows changes of amount, owner and
#: currency inside a visit besides
RANGE_JOIN = """
create table pipeline_by_range_join as
select day.calendar_date, visit.pipeline_key, visit.stage_key, visit.owner_key, visit.currency_code,
    count(*) as open_count, sum(visit.entry_amount) as open_amount
from marts.main.dim_dates as day
inner join marts.main.fct_deal_stage_visits as visit
    on day.calendar_date >= cast(visit.entered_at as date)
    and day.calendar_date < coalesce(cast(visit.exited_at as date), date '9999-12-31')
where visit.stage_kind = 'open' and day.calendar_date <= (select cast(max(warehouse_data_through) as date) from marts.main.dim_sources)
group by all
"""

_IN_FORCE = ("stage", "pipeline", "amount", "currency", "owner")
_ORDER = ["deal", "changed_at", "sequence", "_record_number"]


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
