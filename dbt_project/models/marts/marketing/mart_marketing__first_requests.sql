with limits as (

    {{ declared_limits(['first_request']) }}
    from {{ ref('limits') }}

),

as_of as (

    select max(warehouse_data_through) as data_through
    from {{ ref('dim_sources') }}

),

answers as (

    select leads.lead_key, min(activities.happened_at) as first_answer_at
    from {{ ref('mart_marketing__leads') }} as leads
    inner join {{ ref('mart_marketing__lead_activities') }} as activities on activities.lead_key = leads.lead_key
    where activities.is_human_touch and activities.happened_at >= leads.created_at
    group by leads.lead_key

)

select
    leads.lead_key,
    leads.crm_url,
    leads.created_at as requested_at,
    leads.created_date as requested_date,
    leads.channel,
    leads.lead_direction,
    leads.owner_key,
    leads.team_name,
    leads.company_size,
    leads.country,
    answers.first_answer_at,
    {{ hours_between('leads.created_at', 'answers.first_answer_at') }} as hours_to_answer,
    coalesce({{ hours_between('leads.created_at', 'answers.first_answer_at') }} <= limits.first_request_limit, false) as is_answered_in_time,
    {{ hours_between('leads.created_at', 'as_of.data_through') }} < limits.first_request_limit as is_waiting
from {{ ref('mart_marketing__leads') }} as leads
left join answers on answers.lead_key = leads.lead_key
cross join limits
cross join as_of
where leads.lead_direction = 'inbound'
