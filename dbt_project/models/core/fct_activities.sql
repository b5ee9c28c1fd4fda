{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='activity_key', on_schema_change='fail') }}

with

activities as (

    select
        *,
        {{ ordered_key('source_system', 'account', 'source_deal_id') }} as stated_deal_key,
        coalesce({{ stable_key('source_system', 'account', 'source_owner_id') }}, {{ unknown_key() }}) as owner_key
    from {{ ref('int_crm__activities') }}
    {{ happened_by_then('happened_at') }}
    {{ only_new_loads() }}

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
{% if is_incremental() %}
union all
-- What is held of a deal that was merged since.
select
    held.activity_key,
    held.source_system,
    held.source_activity_id,
    held.activity_type,
    held.happened_at,
    survivor.survivor_key,
    held.lead_key,
    held.contact_key,
    held.owner_key,
    held.direction,
    held.is_automated,
    held.outcome,
    held.is_deleted,
    greatest(held._load_number, survivor._load_number)
from {{ this }} as held
inner join {{ ref('int_crm__deal_survivors') }} as survivor on held.deal_key = survivor.deal_key
where survivor._load_number > {{ newest_load() }} and held.activity_key not in (select activity_key from activities)
{% endif %}
order by deal_key, happened_at
