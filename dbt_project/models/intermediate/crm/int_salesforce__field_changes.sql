-- What both histories of an opportunity say, in the words of the warehouse, each row as it was first seen. The history of stage, amount and close
-- date is always kept and gives a state with every save; field history is kept of the fields that are tracked and gives old and new values.
with

first_seen_saves as (

    select *
    from {{ ref('stg_salesforce__opportunity_history') }}
    qualify row_number() over (partition by _account, history_id order by _load_number, _record_number) = 1

),

saves as (

    select
        _account,
        opportunity_id,
        history_id as save_id,
        created_date as changed_at,
        unnest(['stage', 'amount', 'expected_close']) as field,
        unnest([stage_name, cast(amount as varchar), cast(close_date as varchar)]) as value,
        _run_id,
        _extracted_at,
        _load_number
    from first_seen_saves

),

tracked as (

    select
        _account,
        opportunity_id,
        history_id as change_id,
        created_date as changed_at,
        case field
            when 'StageName' then 'stage'
            when 'Amount' then 'amount'
            when 'CloseDate' then 'expected_close'
            when 'CurrencyIsoCode' then 'currency'
            when 'Owner' then 'owner'
            when 'RecordType' then 'pipeline'
        end as field,
        case when field = 'Amount' then cast(try_cast(old_value as decimal(18, 2)) as varchar) else old_value end as value_before,
        case when field = 'Amount' then cast(try_cast(new_value as decimal(18, 2)) as varchar) else new_value end as value,
        _run_id,
        _extracted_at,
        _load_number
    from {{ ref('stg_salesforce__opportunity_field_history') }}
    -- Owner and record type change in two rows: the names, and the ids.
    where
        field in ('StageName', 'Amount', 'CloseDate', 'CurrencyIsoCode')
        or (field = 'Owner' and regexp_full_match(new_value, '00[5G][0-9A-Za-z]{15}'))
        or (field = 'RecordType' and regexp_full_match(coalesce(new_value, old_value), '012[0-9A-Za-z]{15}'))
    qualify row_number() over (partition by _account, history_id order by _load_number, _record_number) = 1

)

select
    _account, opportunity_id, field, value, cast(null as varchar) as value_before, false as gives_old_values, changed_at,
    save_id, cast(null as varchar) as change_id, _run_id, _extracted_at, _load_number
from saves
union all
select
    _account, opportunity_id, field,
    case when field = 'pipeline' then coalesce(value, {{ master_record_type() }}) else value end,
    case when field = 'pipeline' then coalesce(value_before, {{ master_record_type() }}) else value_before end,
    true, changed_at, cast(null as varchar), change_id, _run_id, _extracted_at, _load_number
from tracked
