-- Closes and creations counted one by one, per day and dimension, are the win rates' counts and amounts of that day.
with events as (

    select
        closes.closed_date as event_date, closes.deal_key, closes.pipeline_key, closes.owner_key,
        case when closes.is_removed then 'removed' else closes.close_group end as event,
        closes.booked_amount, closes.is_unconverted
    from {{ ref('mart_sales__closes') }} as closes

    union all

    select
        {{ reporting_date('deals.created_at') }}, deals.deal_key, outcomes.created_pipeline_key, outcomes.created_owner_key,
        case when deals.deal_status = 'won' then 'created_won' else 'created' end, null, false
    from {{ ref('dim_deals') }} as deals
    inner join {{ ref('mart_sales__deal_outcomes') }} as outcomes on outcomes.deal_key = deals.deal_key

    union all

    select {{ reporting_date('last_sign_of_life_at') }}, deal_key, pipeline_key, owner_key, 'dormant', null, false
    from {{ ref('mart_sales__deal_outcomes') }}
    where is_dormant

),

-- the members asked of the dimensions: the owner's of the event, everything else as it is now
split as (

    select
        events.*, coalesce(owners.team_name, 'unknown') as team_name, coalesce(deals.channel, 'unknown') as channel,
        coalesce(deals.lead_direction, 'unknown') as lead_direction, coalesce(deals.product_line, 'unknown') as product_line,
        coalesce(companies.country, 'unknown') as country,
        case
            when companies.employee_count >= 250 then '250+' when companies.employee_count >= 50 then '50-249'
            when companies.employee_count >= 10 then '10-49' when companies.employee_count < 10 then '1-9' else 'unknown' end as company_size
    from events
    left join {{ ref('dim_deals') }} as deals on deals.deal_key = events.deal_key
    left join {{ ref('dim_owners') }} as owners on owners.owner_key = events.owner_key
    left join {{ ref('dim_companies') }} as companies on companies.company_key = deals.company_key

),

counted as (

    {% for dimension, key in {
        'all': "'all'", 'pipeline': 'cast(pipeline_key as varchar)', 'owner': 'cast(owner_key as varchar)', 'team': 'team_name', 'channel': 'channel',
        'direction': 'lead_direction', 'product_line': 'product_line', 'company_size': 'company_size', 'country': 'country',
    }.items() -%}
    select
        event_date as period_start, '{{ dimension }}' as dimension, {{ key }} as dimension_key,
        {% for event in ['won', 'lost', 'disqualified', 'no_decision', 'removed'] -%}
        count(case when event = '{{ event }}' then 1 end) as {{ event }}_count,
        {% endfor -%}
        count(case when event in ('won', 'lost') then 1 end) as closed_count,
        count(case when event in ('won', 'lost', 'disqualified', 'no_decision') then 1 end) as broad_closed_count,
        coalesce(sum(case when event = 'won' then booked_amount end), 0) as won_amount,
        coalesce(sum(case when event in ('won', 'lost') then booked_amount end), 0) as closed_amount,
        count(case when event in ('won', 'lost') and is_unconverted then 1 end) as unconverted_count,
        count(case when event = 'won' and is_unconverted then 1 end) as unconverted_won_count,
        count(case when event = 'won' and not is_unconverted then 1 end) as converted_won_count,
        count(case when event in ('created', 'created_won') then 1 end) as created_count,
        count(case when event = 'created_won' then 1 end) as created_won_count,
        count(case when event = 'dormant' then 1 end) as dormant_count,
        count(case when event in ('won', 'lost', 'dormant') then 1 end) as effective_closed_count
    from split
    where event_date <= (select {{ reporting_date('max(warehouse_data_through)') }} from {{ ref('dim_sources') }})
    group by 1, 2, 3
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

told as (

    select
        period_start, dimension, dimension_key, won_count, lost_count, disqualified_count, no_decision_count, removed_count, closed_count,
        broad_closed_count, won_amount, closed_amount, unconverted_count, unconverted_won_count, converted_won_count, created_count, created_won_count,
        dormant_count, effective_closed_count
    from {{ ref('mart_sales__win_rates') }}
    where period_grain = 'day'

)

select 'only in mart_sales__win_rates' as where_it_stands, *, 'A close or a creation was counted twice, on another day, or for another owner, pipeline or channel.' as likely_cause
from (select * from told except all select * from counted)
union all
select 'not in mart_sales__win_rates', *, 'A close or a creation was counted twice, on another day, or for another owner, pipeline or channel.'
from (select * from counted except all select * from told)
