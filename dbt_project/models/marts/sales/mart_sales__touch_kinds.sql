with as_of as (

    select max(warehouse_data_through) as data_through
    from {{ ref('dim_sources') }}

),

lead_touches as (

    select
        activities.lead_key,
        count(*) filter (where activities.activity_type = 'email') > 0 as has_email,
        count(*) filter (where activities.activity_type = 'call') > 0 as has_telephone,
        count(*) filter (where activities.activity_type = 'meeting') > 0 as has_meeting,
        count(*) filter (where activities.activity_type = 'presentation') > 0 as has_presentation,
        count(*) filter (where activities.activity_type = 'trial') > 0 as has_trial
    from {{ ref('fct_activities') }} as activities
    cross join as_of
    where activities.lead_key is not null
        and activities.activity_type in ('email', 'call', 'meeting', 'presentation', 'trial')
        and not activities.is_deleted
        and coalesce(activities.outcome, '') <> 'missed'
        and activities.happened_at <= as_of.data_through
    group by activities.lead_key

),

touched as (

    select
        'deal' as subject, outcomes.deal_status = 'won' as is_won,
        {% for kind in ['email', 'telephone', 'meeting', 'presentation', 'trial'] -%}
        coalesce(touches.has_{{ kind }}, false) as has_{{ kind }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('mart_sales__deal_outcomes') }} as outcomes
    left join {{ ref('mart_sales__deal_touches') }} as touches on touches.deal_key = outcomes.deal_key

    union all

    select
        'lead', winners.lead_key is not null,
        {% for kind in ['email', 'telephone', 'meeting', 'presentation', 'trial'] -%}
        coalesce(touches.has_{{ kind }}, false){{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('dim_leads') }} as leads
    left join (
        select distinct lead_key from {{ ref('dim_deals') }} where deal_status = 'won' and lead_key is not null
    ) as winners on winners.lead_key = leads.lead_key
    left join lead_touches as touches on touches.lead_key = leads.lead_key

)

-- of somebody who had several kinds of touch each kind counts
{% set others = 'not has_telephone and not has_meeting and not has_presentation and not has_trial' -%}
{% for kind, condition in {
    'email_only': 'has_email and ' ~ others, 'telephone': 'has_telephone', 'meeting': 'has_meeting', 'presentation': 'has_presentation', 'trial': 'has_trial',
    'none': 'not has_email and ' ~ others,
}.items() -%}
select
    '{{ kind }}' as touch_kind,
    count(*) filter (where subject = 'deal') as deal_count,
    count(*) filter (where subject = 'deal' and is_won) as won_count,
    count(*) filter (where subject = 'lead') as lead_count,
    count(*) filter (where subject = 'lead' and is_won) as customer_lead_count
from touched
where {{ condition }}
{{ 'union all' if not loop.last }}
{% endfor %}
