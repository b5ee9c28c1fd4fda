-- Lead history tells a status when it is tracked, and a conversion always; statuses are whatever the company called them (seed lead_stages).
with

changed_leads as (

    select distinct _account, lead_id from {{ ref('stg_salesforce__lead_history') }} {{ only_new_loads() }}

),

entries as (

    select history.*, max(history._load_number) over (partition by history._account, history.lead_id) as newest_load
    from {{ ref('stg_salesforce__lead_history') }} as history
    inner join changed_leads using (_account, lead_id)
    where history.field in ('Status', 'leadConverted')
    qualify row_number() over (partition by history._account, history.history_id order by history._load_number, history._record_number) = 1

),

statuses as (

    select
        entry.*,
        case when entry.field = 'leadConverted' then 'converted' else coalesce(new.lead_status, 'new') end as status,
        case when entry.field = 'Status' then coalesce(old.lead_status, 'new') end as status_before
    from entries as entry
    left join {{ ref('lead_stages') }} as new on new.source_system = 'salesforce' and entry.new_value = new.stage_id
    left join {{ ref('lead_stages') }} as old on old.source_system = 'salesforce' and entry.old_value = old.stage_id

),

in_order as (

    select
        *,
        lag(status) over lead_statuses as status_left,
        row_number() over lead_statuses as sequence
    from statuses
    window lead_statuses as (partition by _account, lead_id order by created_date, field = 'leadConverted', history_id)
    -- Two of the company's statuses may mean the same, and a conversion is told twice.
    qualify status is distinct from coalesce(status_left, status_before)

)

select
    {{ stable_key("'salesforce'", '_account', 'lead_id') }} as lead_key,
    status,
    status_before,
    true as gives_old_values,
    cast(null as varchar) as reason,
    created_date as changed_at,
    sequence,
    sequence as _record_number,
    _run_id as first_run_id,
    _extracted_at as first_seen_at,
    cast(null as timestamp) as retracted_at,
    newest_load as _load_number
from in_order
