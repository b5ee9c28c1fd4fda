-- HubSpot dates the latest entry into each stage, and the latest exit, in properties of the deal: a second witness beside the history of
-- its stage. A survivor's dates up to its merges may be a loser's, which are not its own: they are left out.
with

newest_versions as (

    select _account, deal_id, _load_number, _record_number, _extracted_at
    from {{ ref('stg_hubspot__deals') }}
    qualify row_number() over (partition by _account, deal_id order by _load_number desc, _record_number desc) = 1

),

merges as (

    select _account, survivor_deal_id as deal_id, max(merged_at) as merged_at
    from {{ ref('int_hubspot__deal_merges') }}
    group by _account, survivor_deal_id

),

-- HubSpot documents no limit of a history's length; where it is as long as others saw it cut, its beginning may be HubSpot's to miss.
possibly_cut as (

    select distinct _account, deal_id, _load_number
    from {{ ref('stg_hubspot__deal_property_history') }}
    where property = 'dealstage' and entry_count in (20, 45)

)

select
    'hubspot' as source_system,
    stage._account as account,
    {{ ordered_key("'hubspot'", 'stage._account', 'stage.deal_id') }} as deal_key,
    stage.deal_id as source_deal_id,
    stage.stage_id as source_stage_id,
    stage.hs_v2_date_entered as entered_at,
    stage.hs_v2_date_exited as exited_at,
    version._extracted_at as stated_at,
    possibly_cut.deal_id is not null as is_history_possibly_cut
from newest_versions as version
inner join {{ ref('stg_hubspot__deal_stage_dates') }} as stage using (_account, deal_id, _load_number, _record_number)
left join merges using (_account, deal_id)
left join possibly_cut using (_account, deal_id, _load_number)
where not coalesce(stage.hs_v2_date_entered <= merges.merged_at, false)
