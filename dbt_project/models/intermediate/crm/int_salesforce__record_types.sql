-- The master record type stands for none: it is a pipeline where an opportunity has no record type, or the org has no record types.
with

needs_master as (

    select distinct _account from {{ ref('stg_salesforce__opportunities') }} where record_type_id is null
    union
    select distinct _account from {{ ref('stg_salesforce__opportunity_stages') }}
    where _account not in (select _account from {{ ref('stg_salesforce__record_types') }})

)

select _account, record_type_id, name, stage_names, _is_deleted or not is_active as is_deleted, _extracted_at, _record_number, _load_number
from {{ ref('stg_salesforce__record_types') }}
union all
select _account, {{ master_record_type() }}, 'Master', null, false, min(_extracted_at), 0, min(_load_number)
from {{ ref('stg_salesforce__opportunity_stages') }}
where _account in (select _account from needs_master)
group by _account
