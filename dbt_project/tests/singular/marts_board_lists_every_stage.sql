-- The board has one row for every listed open stage and for every other stage that an open deal stands in, with what lies there.
with deals as (

    select deals.*, {{ converted('deals.recurring_amount', 'rates.exchange_rate') }} as booked_recurring_amount
    from {{ ref('dim_deals') }} as deals
    left join {{ ref('dim_exchange_rates') }} as rates
        on rates.from_currency_code = deals.currency_code and rates.to_currency_code = '{{ var("currency") }}'
        and rates.rate_date = (select {{ reporting_date('max(warehouse_data_through)') }} from {{ ref('dim_sources') }})
    where deals.deal_status = 'open'

),

counted as (

    select
        stages.stage_key, stages.pipeline_key, stages.stage_name, stages.stage_order, stages.open_rank, stages.funnel_step, stages.is_active_stage,
        stages.is_deleted,
        count(deals.deal_key) as deal_count,
        coalesce(sum(deals.booked_recurring_amount), 0) as total_recurring_amount,
        count(case when deals.deal_key is not null and deals.deal_amount is null then 1 end) as without_amount_count,
        count(case
            when deals.deal_amount is not null and deals.booked_amount is null then 1
            when deals.recurring_amount is not null and deals.booked_recurring_amount is null then 1
        end) as unconverted_count
    from {{ ref('dim_stages') }} as stages
    left join deals on deals.stage_key = stages.stage_key
    where stages.is_current
    group by all
    having count(deals.deal_key) > 0 or (stages.stage_kind = 'open' and not stages.is_deleted and stages.open_rank is not null)

),

told as (

    select
        stage_key, pipeline_key, stage_name, stage_order, open_rank, funnel_step, is_active_stage, is_deleted_stage as is_deleted,
        deal_count, total_recurring_amount, without_amount_count, unconverted_count
    from {{ ref('mart_sales__pipeline_board') }}
    where data_through = (select max(warehouse_data_through) from {{ ref('dim_sources') }})

)

select 'only in mart_sales__pipeline_board' as where_it_stands, *, 'A stage is missing from the board or doubled, or its deals are counted otherwise.' as likely_cause
from (select * from told except all select * from counted)
union all
select 'not in mart_sales__pipeline_board', *, 'A stage is missing from the board or doubled, or its deals are counted otherwise.'
from (select * from counted except all select * from told)
