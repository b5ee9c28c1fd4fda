-- A deal names its marketing channel by a number that only the description of the field explains.
with

described as (

    select _account, options
    from {{ ref('stg_pipedrive__deal_fields') }}
    where field_code = 'channel' and not _is_deleted
    qualify row_number() over (partition by _account order by _load_number desc, _record_number desc) = 1

),

options as (

    select _account, unnest(options) as option from described

)

select _account, option.id as option_id, any_value(option.label) as label
from options
group by _account, option.id
