{#- check, table, what is looked at, what of it has the fault, what follows from it -#}
{%- set checks = [
    ('deal_amount_without_rate', 'dim_deals', 'deal_amount is not null', 'booked_amount is null', 'the deal is counted, its amount is missing from every sum'),
    ('payment_without_rate', 'fct_payments', 'payment_amount is not null and not is_deleted', 'booked_amount is null', 'the deal may look unpaid'),
    ('spend_without_rate', 'fct_marketing_spend', 'spend_amount is not null', 'booked_amount is null', 'costs per lead and returns of the period are null'),
    ('cost_without_rate', 'fct_process_costs', 'cost_amount is not null', 'booked_amount is null', 'costs per customer of the period are null'),
    ('quota_without_rate', 'fct_quotas', 'quota_amount is not null', 'booked_amount is null', 'coverage and target of the period are null'),
    ('deal_history_cut_off', 'dim_deals', 'true', 'history_complete_from > created_at', 'the deal is left out of created cohorts and counted beside'),
    ('lead_history_cut_off', 'dim_leads', 'not is_deleted', 'history_complete_from > created_at', 'when it was qualified is not known'),
    ('closed_deal_without_instant', 'dim_deals', "deal_status in ('won', 'lost')", 'closed_at is null', 'its close counts in no period'),
    ('deal_without_owner', 'dim_deals', 'not is_deleted', 'owner_key = ' ~ unknown_key(), 'it counts for the unknown owner'),
    ('deal_without_company', 'dim_deals', 'not is_deleted', 'company_key = ' ~ unknown_key(), 'its country and size are unknown, and its win makes no customer'),
    ('deal_without_channel', 'dim_deals', 'not is_deleted', 'channel is null', 'it counts for the unknown channel'),
    ('deal_without_lead_direction', 'dim_deals', 'not is_deleted', 'lead_direction is null', 'it is neither inbound nor outbound'),
    ('lead_without_channel', 'dim_leads', 'not is_deleted', 'channel is null', 'it counts for the unknown channel, beside no spend'),
    ('contact_without_legal_basis', 'dim_contacts', 'not is_deleted', 'legal_basis is null', 'marketing figures leave the contact out'),
    ('stage_unmapped', 'dim_stages', "is_current and not is_deleted and stage_kind <> 'lost' and stage_key <> " ~ unknown_key(), "funnel_step = 'unmapped'", 'the funnel passes the stage over'),
    ('activity_of_nobody', 'fct_activities', 'not is_deleted', 'deal_key is null and lead_key is null and contact_key is null', 'it is no sign of life of anything'),
] -%}
with counted as (

    {% for name, table, looked_at, fault, consequence in checks -%}
    select
        '{{ name }}' as check_name, '{{ table }}' as table_name, coalesce(source_system, 'unknown') as source_system,
        count(*) as checked_count, count(*) filter (where {{ fault }}) as failing_count,
        '{{ consequence }}' as consequence,
        'select * from {{ table }} where {{ (looked_at ~ ' and ' ~ fault) | replace("'", "''") }}' as drill_down_query
    from {{ ref(table) }}
    where {{ looked_at }}
    group by coalesce(source_system, 'unknown')
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    check_name,
    table_name,
    source_system,
    checked_count,
    failing_count,
    {{ safe_ratio('failing_count', 'checked_count') }} as failing_rate,
    case when failing_count = 0 then 'ok' else 'warn' end as check_status,
    consequence,
    drill_down_query,
    sources.data_through
from counted
cross join (select max(warehouse_data_through) as data_through from {{ ref('dim_sources') }}) as sources
