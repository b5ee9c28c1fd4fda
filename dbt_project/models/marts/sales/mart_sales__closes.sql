with closes as (

    select
        visits.visit_key as close_key,
        visits.deal_key,
        visits.visit_number,
        visits.stage_kind,
        visits.entered_at as closed_at,
        {{ reporting_date('visits.entered_at') }} as closed_date,
        visits.pipeline_key,
        visits.stage_key,
        visits.owner_key,
        visits.entry_amount as close_amount,
        visits.currency_code,
        visits.is_current,
        coalesce(visits.exit_kind, '') in ('deleted', 'merged') as is_removal
    from {{ ref('fct_deal_stage_visits') }} as visits
    where
        -- a win counts where it is final; won, re-opened and won again is one win
        (visits.stage_kind = 'won' and coalesce(visits.exit_kind, '') in ('', 'deleted', 'merged'))
        -- a loss stays in its own period, also when the deal came back; from one lost stage to another is one loss
        or (visits.stage_kind = 'lost' and coalesce(visits.exit_kind, '') <> 'lost')

)

select
    closes.close_key,
    closes.deal_key,
    outcomes.crm_url,
    case when closes.stage_kind = 'won' then 'won' else coalesce(outcomes.lost_group, 'lost') end as close_group,
    closes.closed_at,
    closes.closed_date,
    closes.pipeline_key,
    closes.stage_key,
    closes.owner_key,
    coalesce(owners.team_name, 'unknown') as team_name,
    outcomes.channel,
    outcomes.lead_direction,
    outcomes.product_line,
    outcomes.company_size,
    outcomes.country,
    case when closes.stage_kind = 'lost' then outcomes.lost_reason end as lost_reason,
    closes.close_amount,
    closes.currency_code as close_currency_code,
    {{ converted('closes.close_amount', 'rates.exchange_rate') }} as booked_amount,
    closes.close_amount is not null and rates.exchange_rate is null as is_unconverted,
    closes.is_current as is_final,
    outcomes.deal_status in ('deleted', 'merged') as is_removed,
    {{ hours_between('outcomes.created_at', 'closes.closed_at') }} / 24 as days_from_created,
    {{ hours_between('outcomes.lead_created_at', 'closes.closed_at') }} / 24 as days_from_lead
from closes
inner join {{ ref('mart_sales__deal_outcomes') }} as outcomes on outcomes.deal_key = closes.deal_key
left join {{ ref('dim_owners') }} as owners on owners.owner_key = closes.owner_key
left join {{ ref('dim_exchange_rates') }} as rates
    on rates.rate_date = closes.closed_date
    and rates.from_currency_code = closes.currency_code
    and rates.to_currency_code = '{{ var("currency") }}'
-- closed, deleted and then restored: the entry after the restoring counts
where not closes.is_removal or outcomes.deal_status in ('deleted', 'merged')
