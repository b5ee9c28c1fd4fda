{%- set nowhere = "cast('ffffffff-ffff-ffff-ffff-ffffffffffff' as " ~ key_type() ~ ")" -%}

with as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date
    from {{ ref('dim_sources') }}

),

-- a deal's state is where it stands, its owner, currency and amount; a closed or removed deal stands in no open stage
state_changes as (

    select
        deal_key,
        entered_at as changed_at,
        visit_number * 2 as change_order,
        0 as record_number,
        case when stage_kind = 'open' then stage_key else {{ nowhere }} end as stage_key,
        owner_key,
        coalesce(currency_code, '') as currency_code,
        entry_amount is not null as has_amount,
        coalesce(entry_amount, 0) as amount
    from {{ ref('fct_deal_stage_visits') }}

    union all

    select deal_key, exited_at, visit_number * 2 + 1, 0, {{ nowhere }}, null, null, null, null
    from {{ ref('fct_deal_stage_visits') }}
    where exit_kind in ('deleted', 'merged')

    union all

    select
        changes.deal_key,
        changes.changed_at,
        changes.sequence,
        changes._record_number,
        null,
        case
            when changes.field = 'owner'
                then coalesce({{ stable_key('deals.source_system', 'deals.account', 'changes.new_value') }}, {{ unknown_key() }})
        end,
        case when changes.field = 'currency' then coalesce(changes.new_value, '') end,
        case when changes.field = 'amount' then changes.new_value is not null end,
        case when changes.field = 'amount' then coalesce(cast(changes.new_value as decimal(18, 2)), 0) end
    from {{ ref('fct_deal_changes') }} as changes
    inner join {{ ref('dim_deals') }} as deals on deals.deal_key = changes.deal_key
    where changes.field in ('amount', 'currency', 'owner') and changes.retracted_at is null

),

-- the day is told once per row: converting instants to days costs as much as sorting them
dated as (

    select state_changes.*, {{ reporting_date('changed_at') }} as change_date
    from state_changes

),

states as (

    select
        change_date,
        last_value(stage_key ignore nulls) over so_far as stage_key,
        last_value(owner_key ignore nulls) over so_far as owner_key,
        last_value(currency_code ignore nulls) over so_far as currency_code,
        last_value(has_amount ignore nulls) over so_far as has_amount,
        last_value(amount ignore nulls) over so_far as amount,
        lead(change_date) over in_order as next_date
    from dated
    window
        in_order as (partition by deal_key order by changed_at, change_order, record_number),
        so_far as (
            partition by deal_key order by changed_at, change_order, record_number
            rows between unbounded preceding and current row
        )

),

-- what a deal was at the end of a day counts from that day until the day it changed again
end_of_day as (

    select * from states
    where (next_date is null or next_date > change_date) and stage_key <> {{ nowhere }}

),

deltas as (

    select change_date as calendar_date, stage_key, owner_key, currency_code,
        1 as deals, cast(has_amount as integer) as amounts, amount
    from end_of_day

    union all

    select next_date, stage_key, owner_key, currency_code, -1, -cast(has_amount as integer), -amount
    from end_of_day
    where next_date is not null

)

select
    least(deltas.calendar_date, as_of.as_of_date) as calendar_date,
    deltas.stage_key,
    deltas.owner_key,
    deltas.currency_code,
    cast(sum(deltas.deals) as bigint) as count_delta,
    cast(sum(deltas.amounts) as bigint) as amount_count_delta,
    cast(sum(deltas.amount) as decimal(18, 2)) as amount_delta
from deltas
cross join as_of
group by 1, 2, 3, 4
