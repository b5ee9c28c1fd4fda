{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='activity_key', on_schema_change='fail') }}

with

activities as (

    select
        *,
        {{ stable_key('source_system', 'account', 'source_deal_id') }} as stated_deal_key,
        coalesce({{ stable_key('source_system', 'account', 'source_owner_id') }}, {{ unknown_key() }}) as owner_key
    from {{ ref('int_crm__activities') }}
    {{ happened_by_then('happened_at') }}
    {% if is_incremental() %}
    where
        _load_number > (select coalesce(max(_load_number), 0) from {{ this }})
        -- What is held of a deal that was merged since.
        or activity_key in (
            select held.activity_key
            from {{ this }} as held
            inner join {{ ref('int_crm__deal_survivors') }} as survivor on held.deal_key = survivor.deal_key
            where survivor._load_number > (select coalesce(max(_load_number), 0) from {{ this }})
        )
    {% endif %}

)

select
    activity.activity_key,
    activity.source_system,
    activity.source_activity_id,
    activity.activity_type,
    activity.happened_at,
    coalesce(survivor.survivor_key, activity.stated_deal_key) as deal_key,
    {{ stable_key('activity.source_system', 'activity.account', 'activity.source_lead_id') }} as lead_key,
    {{ stable_key('activity.source_system', 'activity.account', 'activity.source_contact_id') }} as contact_key,
    activity.owner_key,
    activity.direction,
    activity.is_automated,
    activity.outcome,
    activity.is_deleted,
    greatest(activity._load_number, coalesce(survivor._load_number, 0)) as _load_number
from activities as activity
left join {{ ref('int_crm__deal_survivors') }} as survivor on activity.stated_deal_key = survivor.deal_key
order by deal_key, happened_at
