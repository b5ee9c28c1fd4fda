select
    {{ stable_key('source_system', 'account', 'source_pipeline_id') }} as pipeline_key,
    source_system,
    source_pipeline_id,
    coalesce(pipeline_name, source_pipeline_id) as pipeline_name,
    is_deleted
from {{ ref('int_crm__pipelines') }}
union all
-- Named by a deal, listed nowhere.
select
    {{ stable_key('seen.source_system', 'seen.account', 'seen.source_id') }},
    seen.source_system,
    seen.source_id,
    'pipeline ' || seen.source_id,
    true
from {{ ref('int_crm__references_seen') }} as seen
left join {{ ref('int_crm__pipelines') }} as pipeline
    on seen.source_system = pipeline.source_system and seen.account = pipeline.account and seen.source_id = pipeline.source_pipeline_id
where seen.reference = 'pipeline' and pipeline.source_pipeline_id is null
group by seen.source_system, seen.account, seen.source_id
union all
select {{ unknown_key() }}, 'unknown', null, 'unknown', false
