with leaving_visits as (

    select
        visits.visit_key,
        visits.deal_key,
        visits.visit_number,
        visits.pipeline_key,
        visits.owner_key as owner_key_at_entry,
        -- a deal created in a lost stage never stood in an open one
        case when visits.stage_kind = 'open' then visits.stage_key end as last_open_stage_key,
        case when visits.stage_kind = 'open' then visits.exit_kind else 'lost' end as exit_kind,
        case when visits.stage_kind = 'open' then visits.exited_at else visits.entered_at end as left_at,
        case when visits.stage_kind = 'open' then visits.exit_amount else visits.entry_amount end as last_amount,
        case when visits.stage_kind = 'open' then visits.exit_currency_code else visits.currency_code end as currency_code
    from {{ ref('fct_deal_stage_visits') }} as visits
    where (visits.stage_kind = 'open' and visits.exit_kind in ('lost', 'deleted', 'merged'))
        or (visits.stage_kind = 'lost' and visits.entry_kind = 'created')

),

-- who had the deal when it left: at one instant a change of owner comes before every move
leavings as (

    select deal_key, transitioned_at, max(owner_key) as owner_key
    from {{ ref('fct_deal_stage_transitions') }}
    where transition_kind in ('lost', 'deleted', 'merged')
    group by deal_key, transitioned_at

),

leavers as (

    select leaving_visits.*, coalesce(leavings.owner_key, leaving_visits.owner_key_at_entry) as owner_key, coalesce(owners.team_name, 'unknown') as team_name
    from leaving_visits
    left join leavings on leavings.deal_key = leaving_visits.deal_key and leavings.transitioned_at = leaving_visits.left_at
    left join {{ ref('dim_owners') }} as owners on owners.owner_key = coalesce(leavings.owner_key, leaving_visits.owner_key_at_entry)

),

-- amounts from before a change of currency are no measure of the amount in the currency after it
currency_changes as (

    select leaving_visits.visit_key, max(changes.changed_at) as currency_since
    from leaving_visits
    inner join {{ ref('fct_deal_changes') }} as changes
        on changes.deal_key = leaving_visits.deal_key and changes.changed_at <= leaving_visits.left_at
    where changes.field = 'currency' and changes.old_value is not null and changes.retracted_at is null
    group by leaving_visits.visit_key

),

highest_amounts as (

    select leaving_visits.visit_key, max(cast(changes.new_value as decimal(18, 2))) as highest_amount
    from leaving_visits
    left join currency_changes on currency_changes.visit_key = leaving_visits.visit_key
    inner join {{ ref('fct_deal_changes') }} as changes
        on changes.deal_key = leaving_visits.deal_key
        and changes.changed_at <= leaving_visits.left_at
        and changes.changed_at >= coalesce(currency_changes.currency_since, changes.changed_at)
    where changes.field = 'amount' and changes.retracted_at is null
    group by leaving_visits.visit_key

)

select
    leavers.visit_key as leak_key,
    leavers.deal_key,
    outcomes.crm_url,
    case when leavers.exit_kind = 'lost' then coalesce(outcomes.lost_group, 'lost') else leavers.exit_kind end
        as leak_group,
    leavers.left_at,
    {{ reporting_date('leavers.left_at') }} as left_date,
    leavers.pipeline_key,
    leavers.last_open_stage_key,
    leavers.owner_key,
    leavers.team_name,
    case when leavers.exit_kind = 'lost' then coalesce(outcomes.lost_reason, 'unknown') else 'none' end as lost_reason,
    outcomes.channel,
    outcomes.lead_direction,
    outcomes.product_line,
    outcomes.company_size,
    outcomes.country,
    coalesce(outcomes.last_live_visit_number > leavers.visit_number, false) as has_come_back,
    leavers.last_amount,
    -- max() over both passes over nulls, where greatest() would not on every engine
    coalesce(greatest(highest_amounts.highest_amount, leavers.last_amount), leavers.last_amount,
        highest_amounts.highest_amount) as maximum_amount,
    leavers.currency_code as deal_currency_code,
    rates.exchange_rate
from leavers
inner join {{ ref('mart_sales__deal_outcomes') }} as outcomes on outcomes.deal_key = leavers.deal_key
left join highest_amounts on highest_amounts.visit_key = leavers.visit_key
left join {{ ref('dim_exchange_rates') }} as rates
    on rates.rate_date = {{ reporting_date('leavers.left_at') }}
    and rates.from_currency_code = leavers.currency_code
    and rates.to_currency_code = '{{ var("currency") }}'
