-- HubSpot gives the whole history with every version of a lead, and the newest version's history stands. What only older versions have was taken
-- back, unless it lies before everything that is left: then HubSpot forgot it, and we do not.
with

changed_leads as (

    select distinct _account, lead_id from {{ ref('stg_hubspot__lead_stage_history') }} {{ only_new_loads() }}

),

entries as (

    select history.*, max(history._load_number) over (partition by history._account, history.lead_id) as newest_load
    from {{ ref('stg_hubspot__lead_stage_history') }} as history
    inner join changed_leads using (_account, lead_id)

),

sightings as (

    select
        _account,
        lead_id,
        hs_pipeline_stage,
        changed_at,
        max(_load_number) as last_load,
        arg_min(_run_id, _load_number) as first_run_id,
        min(_extracted_at) as first_seen_at,
        arg_max(sequence, _load_number) as sequence,
        any_value(newest_load) as newest_load
    from entries
    group by _account, lead_id, hs_pipeline_stage, changed_at

),

left_over as (

    select _account, lead_id, min(changed_at) as oldest_left_at
    from entries
    where _load_number = newest_load
    group by _account, lead_id

),

missed as (

    select
        sighting._account, sighting.lead_id, sighting.hs_pipeline_stage, sighting.changed_at, min(version._extracted_at) as missed_at
    from sightings as sighting
    inner join entries as version
        on sighting._account = version._account and sighting.lead_id = version.lead_id and version._load_number > sighting.last_load
    group by all

)

select
    {{ stable_key("'hubspot'", 'sighting._account', 'sighting.lead_id') }} as lead_key,
    coalesce(stage.lead_status, 'new') as status,
    cast(null as varchar) as status_before,
    false as gives_old_values,
    cast(null as varchar) as reason,
    sighting.changed_at,
    sighting.sequence,
    sighting.sequence as _record_number,
    sighting.first_run_id,
    sighting.first_seen_at,
    case when sighting.changed_at >= left_over.oldest_left_at then missed.missed_at end as retracted_at,
    sighting.newest_load as _load_number
from sightings as sighting
left join left_over on sighting._account = left_over._account and sighting.lead_id = left_over.lead_id
left join missed
    on sighting._account = missed._account and sighting.lead_id = missed.lead_id and sighting.changed_at = missed.changed_at
    and sighting.hs_pipeline_stage is not distinct from missed.hs_pipeline_stage
left join {{ ref('lead_stages') }} as stage on stage.source_system = 'hubspot' and sighting.hs_pipeline_stage = stage.stage_id
