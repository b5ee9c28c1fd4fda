with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{
            "opportunity_id": "VARCHAR", "revision_at": "VARCHAR", "party": "VARCHAR", "currency_code": "VARCHAR", "amount": "VARCHAR",
            "employee": "VARCHAR", "end_date": "VARCHAR", "lost_reason": "VARCHAR", "state": "VARCHAR"
        }') as entry
    from {{ source('raw', 'tryton__opportunity_revisions') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        nullif(entry.opportunity_id, '') as opportunity_id,
        {{ instant_of("nullif(entry.revision_at, '')") }} as revision_at,
        nullif(entry.party, '') as party,
        nullif(entry.currency_code, '') as currency_code,
        try_cast(nullif(entry.amount, '') as decimal(18, 2)) as amount,
        nullif(entry.employee, '') as employee,
        {{ date_of("nullif(entry.end_date, '')") }} as end_date,
        nullif(entry.lost_reason, '') as lost_reason,
        nullif(entry.state, '') as state
    from source

)

select * from renamed
