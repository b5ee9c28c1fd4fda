-- Deals name stages, pipelines and owners that their source no longer lists. Kept as a list of its own, so that no night has to look through
-- all deals for them.
with

seen as (

    select source_system, account, field as reference, new_value as source_id, max(_load_number) as _load_number
    from {{ ref('int_crm__deal_changes') }}
    where
        field in ('stage', 'pipeline', 'owner') and new_value is not null
        {% if is_incremental() %}and _load_number > {{ newest_load() }}{% endif %}
    group by source_system, account, field, new_value
    union all
    select source_system, account, 'owner', source_owner_id, max(_load_number)
    from {{ ref('int_crm__activities') }}
    where
        source_owner_id is not null
        {% if is_incremental() %}and _load_number > {{ newest_load() }}{% endif %}
    group by source_system, account, source_owner_id

)

select source_system, account, reference, source_id, max(_load_number) as _load_number
from seen
group by source_system, account, reference, source_id
