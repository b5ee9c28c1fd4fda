-- Every pipeline and owner that is listed, or that a deal or an activity names, has one row; besides them there is the unknown member alone.
with wanted as (

    select 'pipeline' as dimension, {{ stable_key('source_system', 'account', 'source_pipeline_id') }} as member_key, source_pipeline_id as source_id,
        coalesce(pipeline_name, source_pipeline_id) as member_name, is_deleted, source_system
    from {{ ref('int_crm__pipelines') }}
    union all
    select 'owner', owner_key, source_owner_id, owner_name, is_deleted, source_system from {{ ref('int_crm__owners') }}
    union all
    select distinct seen.reference, {{ stable_key('seen.source_system', 'seen.account', 'seen.source_id') }}, seen.source_id, seen.reference || ' ' || seen.source_id, true,
        seen.source_system
    from {{ ref('int_crm__references_seen') }} as seen
    where
        (seen.reference = 'pipeline' and (seen.source_system, seen.account, seen.source_id)
            not in (select (source_system, account, source_pipeline_id) from {{ ref('int_crm__pipelines') }}))
        or (seen.reference = 'owner' and (seen.source_system, seen.account, seen.source_id)
            not in (select (source_system, account, source_owner_id) from {{ ref('int_crm__owners') }}))
    union all
    select 'pipeline', {{ unknown_key() }}, null, 'unknown', false, 'unknown'
    union all
    select 'owner', {{ unknown_key() }}, null, 'nobody', false, 'unknown'

),

held as (

    select 'pipeline' as dimension, pipeline_key as member_key, source_pipeline_id as source_id, pipeline_name as member_name, is_deleted, source_system
    from {{ ref('dim_pipelines') }}
    union all
    select 'owner', owner_key, source_owner_id, owner_name, is_deleted, source_system from {{ ref('dim_owners') }}

)

select 'only in the dimension' as where_it_stands, *, 'A member that nobody lists or names, or one told otherwise than its source does.' as likely_cause
from (select * from held except all select * from wanted)
union all
select 'not in the dimension', *, 'A member is missing: what deals of it count would fall out of every report by it.'
from (select * from wanted except all select * from held)
