-- The union over the CRMs that give a complete list of their live deals: a CRM more is a relation more. The last two say where in a
-- row of the list pipeline and stage stand, if they do.
{%- set lists = [
    ('hubspot', source('raw', 'hubspot__deals_sweep'), 'deals_sweep', 'deals', '$.properties.pipeline', '$.properties.dealstage'),
    ('pipedrive', source('raw', 'pipedrive__deals_sweep'), 'deals_sweep', 'deals', none, none),
    ('salesforce', source('raw', 'salesforce__opportunities_sweep'), 'opportunities_sweep', 'opportunities', '$.RecordTypeId', '$.StageName'),
    ('tryton', source('raw', 'tryton__opportunities_sweep'), 'opportunities_sweep', 'opportunities', none, none),
    ('files', source('raw', 'files__deals'), 'deals', 'deals', '$.pipeline_id', '$.stage_id'),
] %}
with

ids as (

    {% for source_system, relation, sweep, swept, pipeline, stage in lists %}
    select
        '{{ source_system }}' as source_system, '{{ sweep }}' as sweep, '{{ swept }}' as swept, _account as account, _source_id as source_deal_id,
        not _is_deleted
        and not coalesce(try_cast(json_extract_string(payload, '$.is_deleted') as boolean), false) and json_extract_string(payload, '$.merged_into_deal_id') is null as is_listed,
        try_cast(coalesce(
            json_extract_string(payload, '$.createdAt'), json_extract_string(payload, '$.CreatedDate'), json_extract_string(payload, '$.add_time')
        ) as timestamp) as created_at,
        {{ "json_extract_string(payload, '" ~ pipeline ~ "')" if pipeline else 'cast(null as varchar)' }} as source_pipeline_id,
        {{ "json_extract_string(payload, '" ~ stage ~ "')" if stage else 'cast(null as varchar)' }} as source_stage_id,
        _source_updated_at as changed_at
    from {{ relation }}
    qualify row_number() over (partition by _account, _source_id order by _load_number desc, _record_number desc) = 1
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

loads as (

    select source_system, account, resource, max(extracted_at) as extracted_at, max(data_through) as data_through
    from {{ source('raw', '_loads') }}
    group by source_system, account, resource

)

select
    ids.source_system, ids.account, ids.source_deal_id, ids.is_listed, ids.created_at, ids.changed_at, sweep.extracted_at as listed_at, swept.data_through,
    {{ stable_key('ids.source_system', 'ids.account', "ids.source_pipeline_id || '|' || ids.source_stage_id") }} as stage_key
from ids
left join loads as sweep on ids.source_system = sweep.source_system and ids.account = sweep.account and ids.sweep = sweep.resource
left join loads as swept on ids.source_system = swept.source_system and ids.account = swept.account and ids.swept = swept.resource
