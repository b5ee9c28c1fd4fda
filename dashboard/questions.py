"""What the page shows, asked of the published marts: one statement per part of the page.

Nothing is computed here that a mart computes: rows are chosen, counts and amounts are summed where a mart's description says that they add up.
Members are numbers: `shown_periods`, `pipelines`, `stages`, `owners` and `channels` are the page's own short lists of them (see `MEMBERS`).
"""

from __future__ import annotations

#: the page shows months, quarters and years from the January two years before the as-of, and everything together
_FIRST_YEAR = "date_trunc('year', max(as_of_date)) - interval 2 years"

#: deals of the recovery list that the page holds: the most valuable of all, and of every owner
RECOVERY_ROWS, RECOVERY_ROWS_OF_OWNER = 300, 10

#: untidy deals of each kind that the page holds: the most valuable of all, and of every owner
UNTIDY_ROWS, UNTIDY_ROWS_OF_OWNER = 15, 3

#: rows of the daily pipeline by owner that the page holds: from the newest day back until there are so many
DAILY_ROWS = 80_000

#: list → the statement that makes it; its first column numbers the members from 0
MEMBERS = {
    "shown_periods": f"""
        select row_number() over (order by grain_order, period_start desc) - 1 as period,
            period_grain, period_start, next_period_start, is_complete_period
        from (
            select distinct period_grain, period_start, next_period_start, is_complete_period,
                list_position(['all', 'year', 'quarter', 'month'], period_grain) as grain_order
            from mart_metrics__periods
            where period_grain = 'all'
                or period_grain in ('year', 'quarter', 'month')
                and period_start >= (select {_FIRST_YEAR} from mart_metrics__periods)
        )
        order by 1
    """,  # noqa: S608 - constants of this module
    "pipelines": """
        select row_number() over (order by dimension_value, dimension_key) - 1 as pipeline,
            dimension_key as pipeline_key, dimension_value as pipeline_name
        from mart_metrics__dimension_values where dimension = 'pipeline' order by 1
    """,
    "stages": """
        select row_number() over (order by pipeline, stage_order nulls last, stage_name, stage_key) - 1 as stage,
            stage_key, pipeline, stage_name, open_rank, stage_kind, is_active_stage, is_deleted
        from mart_sales__stages
        inner join pipelines on pipelines.pipeline_key = cast(mart_sales__stages.pipeline_key as varchar)
        order by 1
    """,
    "owners": """
        select row_number() over (order by dimension_value, dimension_key) - 1 as owner,
            dimension_key as owner_key, dimension_value as owner_name
        from mart_metrics__dimension_values where dimension = 'owner' order by 1
    """,
    "channels": """
        select row_number() over (order by dimension_value, dimension_key) - 1 as channel,
            dimension_key as channel_key, dimension_value as channel_name
        from mart_metrics__dimension_values where dimension = 'channel' order by 1
    """,
    "shown_days": f"""
        select min(calendar_date) as first_day, max(calendar_date) as last_day,
            min(calendar_date) filter (where newer_rows <= {DAILY_ROWS}) as first_owner_day
        from (
            select calendar_date, sum(count(*)) over (order by calendar_date desc) as newer_rows
            from mart_sales__pipeline_daily
            group by calendar_date
        )
    """,  # noqa: S608 - constants of this module
}

#: the member that a row with a dimension stands for: all three are null in the rows of the whole company, once the other dimensions are left out
_MEMBER = """
    left join pipelines on mart.dimension = 'pipeline' and pipelines.pipeline_key = mart.dimension_key
    left join owners on mart.dimension = 'owner' and owners.owner_key = mart.dimension_key
    left join channels on mart.dimension = 'channel' and channels.channel_key = mart.dimension_key
"""

_COUNTED = "opening, created, reopened, restored, moved_in, pulled_in, pushed_out, moved_out, won, lost, deleted, merged, closing"
_VALUED = _COUNTED + ", increased, decreased, exchange_rate"
_BUCKETS = ", ".join(
    f"{bucket}_{measure}"
    for measure, buckets in (("count", _COUNTED), ("amount", _VALUED))
    for bucket in buckets.split(", ")
)


def _changes(held: str) -> str:
    """One row per stage and owner of `held`: what it held from each of the listed days (counted from the first one) until the next."""
    return f"""
        with held as ({held}),

        with_gaps as (
            from held
            union all
            select stage, owner, calendar_date + 1, 0, 0, 0
            from (
                select *, lead(calendar_date) over (partition by stage, owner order by calendar_date) as next_date from held
            )
            where next_date is distinct from calendar_date + 1 and calendar_date < (select last_day from shown_days)
        ),

        changes as (
            select *, calendar_date - (select first_day from shown_days) as day
            from with_gaps
            qualify (open_count, open_amount, unconverted_count) is distinct from lag((open_count, open_amount, unconverted_count))
                over (partition by stage, owner order by calendar_date)
        )

        select stage, owner, list(day order by day) as days, list(cast(open_count as bigint) order by day) as counts,
            list(cast(open_amount * 100 as bigint) order by day) as cents,
            case when max(unconverted_count) > 0 then list(cast(unconverted_count as bigint) order by day) end as unconverted_counts
        from changes
        group by stage, owner order by stage, owner
    """  # noqa: S608 - constants of this module


QUESTIONS = {
    "funnel": """
        select period, pipeline, step_number, step_name, step_kind, is_measured, reached_count, previous_count,
            step_rate, step_rate_low, step_rate_high, cohort_count, cohort_rate, reached_amount,
            open_here_count, lost_here_count, removed_here_count, won_elsewhere_here_count, unconverted_count,
            incomplete_history_count, unmapped_stage_count
        from mart_sales__funnel as mart
        inner join shown_periods using (period_grain, period_start)
        left join pipelines on mart.dimension = 'pipeline' and pipelines.pipeline_key = mart.dimension_key
        where mart.dimension in ('all', 'pipeline')
        order by period, pipeline nulls first, step_number nulls last
    """,
    # quarters and years are the sums of their months
    "leakage": """
        select period, pipelines.pipeline, stage, leak_group, lost_reason, channels.channel,
            sum(leaked_count) as leaked_count, sum(last_amount) as last_amount, sum(came_back_count) as came_back_count,
            sum(dormant_count) as dormant_count, sum(dormant_amount) as dormant_amount,
            sum(unconverted_count) as unconverted_count
        from mart_sales__leakage as mart
        inner join shown_periods using (period_grain, period_start)
        left join stages on stages.stage_key = mart.last_open_stage_key
        left join pipelines on pipelines.pipeline_key = cast(mart.pipeline_key as varchar)
        left join channels on channels.channel_key = mart.channel
        where period_grain in ('all', 'month')
        group by all order by all
    """,
    "waterfall": f"""
        select waterfall_form, period, pipeline, owner, {_BUCKETS},
            unconverted_movement_count, opening_unconverted_count, closing_unconverted_count
        from mart_sales__pipeline_waterfall as mart
        inner join shown_periods using (period_grain, period_start)
        {_MEMBER}
        where mart.dimension in ('all', 'pipeline', 'owner')
        order by waterfall_form, period, pipeline nulls first, owner nulls first
    """,  # noqa: S608 - constants of this module
    "cohorts": """
        select cohort_kind, period, pipelines.pipeline, stage, mart.stage_kind, cohort_count, converted_count, conversion_rate,
            conversion_rate_low, conversion_rate_high, open_count, incomplete_history_count, p90_days, matured
        from mart_sales__stage_conversion_by_cohort as mart
        inner join shown_periods using (period_grain, period_start)
        inner join pipelines on pipelines.pipeline_key = cast(mart.pipeline_key as varchar)
        left join stages using (stage_key)
        where counting in ('reached_beyond', 'implied_reached') and period_grain <> 'all'
        order by cohort_kind, pipelines.pipeline, period, mart.open_rank nulls last, stage
    """,
    "time_in_stage": """
        select stage, visit_count, open_visit_count, median_days, median_days_low, median_days_high,
            p25_days, p75_days, p90_days, incomplete_history_count
        from mart_sales__time_in_stage inner join stages using (stage_key)
        order by stage
    """,
    "win_rates": f"""
        select period, pipeline, owner, channel, won_count, lost_count, closed_count, win_rate, win_rate_low, win_rate_high,
            won_amount, won_amount_per_deal, unconverted_won_count, created_count
        from mart_sales__win_rates as mart
        inner join shown_periods using (period_grain, period_start)
        {_MEMBER}
        where mart.dimension in ('all', 'pipeline', 'owner', 'channel')
        order by period, pipeline nulls first, owner nulls first, channel nulls first
    """,  # noqa: S608 - constants of this module
    "cycles": """
        select period, pipeline, deal_count, mean_days, median_days, p90_days
        from mart_sales__sales_cycle as mart
        inner join shown_periods using (period_grain, period_start)
        left join pipelines on mart.dimension = 'pipeline' and pipelines.pipeline_key = mart.dimension_key
        where outcome_scope = 'won' and measured_from = 'created' and mart.dimension in ('all', 'pipeline')
        order by period, pipeline nulls first
    """,
    "board": """
        select stage, deal_count, total_amount, total_recurring_amount, without_amount_count, unconverted_count
        from mart_sales__pipeline_board inner join stages using (stage_key)
        order by stage
    """,
    "board_by_day": _changes("""
        select stage, cast(null as bigint) as owner, calendar_date,
            sum(open_count) as open_count, sum(open_amount) as open_amount, sum(unconverted_count) as unconverted_count
        from mart_sales__pipeline_daily inner join stages using (stage_key)
        group by all
    """),
    "board_by_day_and_owner": _changes("""
        select stage, owner, calendar_date, open_count, open_amount, unconverted_count
        from mart_sales__pipeline_daily as mart
        inner join stages using (stage_key)
        inner join owners on owners.owner_key = cast(mart.owner_key as varchar)
        where calendar_date >= (select first_owner_day from shown_days)
    """),
    "slippage": f"""
        select period, pipeline, owner, expected_count, slipped_count, slippage_rate, slippage_rate_low, slippage_rate_high,
            expected_amount, slipped_amount, push_count, unconverted_count
        from mart_sales__slippage as mart
        inner join shown_periods using (period_grain, period_start)
        {_MEMBER}
        where mart.dimension in ('all', 'pipeline', 'owner')
        order by period, pipeline nulls first, owner nulls first
    """,  # noqa: S608 - constants of this module
    "coverage": f"""
        select period, pipeline, owner, expected_count, expected_amount, quota_amount, coverage_ratio, quota_to_win_amount,
            coverage_to_win_ratio, missing_reason
        from mart_sales__coverage as mart
        inner join shown_periods using (period_grain, period_start)
        {_MEMBER}
        where mart.dimension in ('all', 'pipeline', 'owner')
        order by period, pipeline nulls first, owner nulls first
    """,  # noqa: S608 - constants of this module
    "targets": """
        select period, pipeline, owner, metric, mart.value, mart.target, mart.target_missing_reason
        from mart_metrics__values as mart
        inner join shown_periods using (period_grain, period_start)
        left join pipelines on mart.dimension = 'pipeline' and pipelines.pipeline_name = mart.dimension_value
        left join owners on mart.dimension = 'owner' and owners.owner_name = mart.dimension_value
        where (mart.target is not null or mart.target_missing_reason <> 'none_declared') and coalesce(mart.amount_basis, 'booked') = 'booked'
            and (mart.dimension = 'all' or pipeline is not null or owner is not null)
        order by period, metric, owner nulls first, pipeline nulls first
    """,
    "lead_channels": """
        select period, channel, lead_count, spend_amount, cost_per_lead, cost_missing_reason, customer_count, cost_per_customer
        from mart_marketing__cost_per_lead as mart
        inner join shown_periods using (period_grain, period_start)
        left join channels on mart.dimension = 'channel' and channels.channel_key = mart.dimension_key
        where mart.dimension in ('all', 'channel')
        order by period, channel nulls first
    """,
    "scorecard": """
        select benchmark, unit, published_value, source, own_numerator, own_denominator, own_value,
            own_value_low, own_value_high, difference, own_missing_reason
        from mart_metrics__benchmarks order by benchmark_order
    """,
    "recovery": f"""
        select source_deal_id, crm_url, list_kind, lost_reason, pipelines.pipeline, stage, last_open_stage_name, owner, mart.owner_name, channels.channel,
            quiet_days, age_days, booked_amount, is_unconverted
        from (
            select *, row_number() over (order by booked_amount desc nulls last, deal_key) as place,
                row_number() over (partition by owner_key order by booked_amount desc nulls last, deal_key) as place_of_owner
            from mart_sales__recovery_list
        ) as mart
        left join pipelines on pipelines.pipeline_key = cast(mart.pipeline_key as varchar)
        left join stages on stages.stage_key = mart.last_open_stage_key
        left join owners on owners.owner_key = cast(mart.owner_key as varchar)
        left join channels on channels.channel_key = mart.channel
        where place <= {RECOVERY_ROWS} or place_of_owner <= {RECOVERY_ROWS_OF_OWNER}
        order by place
    """,  # noqa: S608 - constants of this module
    "recovery_totals": """
        select list_kind, pipelines.pipeline, owner, channels.channel, count(*) as deal_count, sum(booked_amount) as booked_amount
        from mart_sales__recovery_list as mart
        left join pipelines on pipelines.pipeline_key = cast(mart.pipeline_key as varchar)
        left join owners on owners.owner_key = cast(mart.owner_key as varchar)
        left join channels on channels.channel_key = mart.channel
        group by all order by all
    """,
    "hygiene": """
        select finding, pipelines.pipeline, owner, sum(deal_count) as deal_count, sum(booked_amount) as booked_amount,
            max(since_days) as longest_days
        from mart_sales__deal_hygiene as mart
        left join pipelines on pipelines.pipeline_key = cast(mart.pipeline_key as varchar)
        left join owners on owners.owner_key = cast(mart.owner_key as varchar)
        group by all order by all
    """,
    "hygiene_deals": f"""
        select finding, source_deal_id, crm_url, pipelines.pipeline, stage_name, owner, booked_amount, since_days
        from (
            select *, row_number() over (partition by finding order by booked_amount desc nulls last, deal_key) as place,
                row_number() over (partition by finding, owner_key order by booked_amount desc nulls last, deal_key) as place_of_owner
            from mart_sales__deal_hygiene
            where deal_key is not null
        ) as mart
        left join pipelines on pipelines.pipeline_key = cast(mart.pipeline_key as varchar)
        left join owners on owners.owner_key = cast(mart.owner_key as varchar)
        where place <= {UNTIDY_ROWS} or place_of_owner <= {UNTIDY_ROWS_OF_OWNER}
        order by finding, place
    """,  # noqa: S608 - constants of this module
    "freshness": """
        select source_system, account, data_through, is_in_latest_run, hours_behind, is_behind
        from mart_ops__freshness order by source_system, account
    """,
    "loads": """
        select source_system, account, sum(landed_count) as landed_count, sum(new_count) as new_count,
            sum(vanished_count) as vanished_count, sum(request_count) as request_count
        from mart_ops__loads where is_in_latest_run
        group by all order by all
    """,
    "data_quality": """
        select check_name, source_system, checked_count, failing_count, failing_rate, consequence
        from mart_ops__data_quality order by failing_rate desc nulls last, check_name, source_system
    """,
    # the newest comparison of every account with the CRM's own totals
    "reconciliation": """
        select source_system, account, verdict, is_fault, count(*) as figure_count
        from (
            from mart_ops__reconciliation
            qualify run_id = max(run_id) over (partition by source_system, account)
        )
        group by all order by all
    """,
}

#: one row about the night itself
NIGHT = """
    select
        (select max(warehouse_data_through) from dim_sources) as data_through,
        (select max(run_id) from dim_sources) as run_id,
        (select max(as_of_date) from mart_metrics__periods) as as_of_date,
        (select max(currency_code) from mart_sales__win_rates) as currency_code,
        (select count(*) from mart_sales__recovery_list) as recovery_count,
        (select sum(unconverted_count) from mart_sales__pipeline_board) as unconverted_count,
        first_day, last_day, first_owner_day
    from shown_days
"""
