-- A version of the survivor names all it ever swallowed; the history of that property says when each name first appeared.
with

named as (

    select
        _account,
        deal_id as survivor_deal_id,
        unnest(string_split(value, ';')) as loser_deal_id,
        changed_at,
        _extracted_at,
        _run_id,
        _load_number
    from {{ ref('stg_hubspot__deal_property_history') }}
    where
        property = 'hs_merged_object_ids' and value is not null
        {% if is_incremental() %}and _load_number > {{ newest_load() }}{% endif %}

)

select
    _account,
    survivor_deal_id,
    trim(loser_deal_id) as loser_deal_id,
    min(changed_at) as merged_at,
    _extracted_at,
    _run_id,
    _load_number
from named
group by all
