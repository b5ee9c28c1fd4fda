-- What the checks look at is every record, source by source, and every amount that no rate converts is among the failing ones.
with looked_at as (

    select 'deal_amount_without_rate' as check_name, source_system, count(deal_amount) as checked_count,
        count(deal_amount) - count(case when deal_amount is not null then booked_amount end) as failing_count
    from {{ ref('dim_deals') }}
    group by source_system

    union all

    {% for name, table, amount in [('spend_without_rate', 'fct_marketing_spend', 'spend_amount'), ('cost_without_rate', 'fct_process_costs', 'cost_amount'),
        ('quota_without_rate', 'fct_quotas', 'quota_amount')] -%}
    select '{{ name }}', source_system, count({{ amount }}), count({{ amount }}) - count(case when {{ amount }} is not null then booked_amount end)
    from {{ ref(table) }}
    group by source_system
    union all
    {% endfor -%}
    {% for name, table, fault in [
        ('lead_history_cut_off', 'dim_leads', 'history_complete_from > created_at'), ('lead_without_channel', 'dim_leads', 'channel is null'),
        ('contact_without_legal_basis', 'dim_contacts', 'legal_basis is null'), ('deal_without_owner', 'dim_deals', 'owner_key = ' ~ unknown_key()),
        ('deal_without_company', 'dim_deals', 'company_key = ' ~ unknown_key()), ('deal_without_channel', 'dim_deals', 'channel is null'),
        ('deal_without_lead_direction', 'dim_deals', 'lead_direction is null'),
        ('activity_of_nobody', 'fct_activities', 'coalesce(deal_key, lead_key, contact_key) is null'),
    ] -%}
    -- what was deleted is not looked at
    select '{{ name }}', coalesce(source_system, 'unknown'), count(case when not is_deleted then 1 end), count(case when not is_deleted and {{ fault }} then 1 end)
    from {{ ref(table) }}
    group by coalesce(source_system, 'unknown')
    union all
    {% endfor -%}
    select 'payment_without_rate', source_system, count(case when not is_deleted then payment_amount end),
        count(case when not is_deleted and booked_amount is null then payment_amount end)
    from {{ ref('fct_payments') }}
    group by source_system

    union all

    select 'deal_history_cut_off', source_system, count(*), sum(case when has_complete_history = false then 1 else 0 end)
    from {{ ref('mart_sales__deal_outcomes') }}
    group by source_system

    union all

    select 'stage_unmapped', coalesce(source_system, 'unknown'), count(*), count(*) - count(nullif(funnel_step, 'unmapped'))
    from {{ ref('mart_sales__stages') }}
    where stage_kind in ('open', 'won') and not is_deleted and stage_key <> {{ unknown_key() }}
    group by source_system

)

select
    looked_at.*, quality.checked_count as told_checked_count, quality.failing_count as told_failing_count,
    'mart_ops__data_quality counts otherwise than its table: look at the condition of the check.' as likely_cause
from looked_at
left join {{ ref('mart_ops__data_quality') }} as quality on quality.check_name = looked_at.check_name and quality.source_system = looked_at.source_system
where looked_at.checked_count <> coalesce(quality.checked_count, 0) or looked_at.failing_count <> coalesce(quality.failing_count, 0)

union all

select check_name, source_system, checked_count, failing_count, null, null, 'More records fail than were looked at, or a status does not say so.'
from {{ ref('mart_ops__data_quality') }}
where failing_count > checked_count or (check_status = 'ok') <> (failing_count = 0)
