with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "number": "VARCHAR", "party": "VARCHAR", "contact": "VARCHAR", "company": "VARCHAR", "currency_code": "VARCHAR", "amount": "VARCHAR", "employee": "VARCHAR", "start_date": "VARCHAR",
            "end_date": "VARCHAR", "description": "VARCHAR", "lost_reason": "VARCHAR", "conversion_probability": "VARCHAR", "state": "VARCHAR", "create_date": "VARCHAR", "write_date": "VARCHAR"
        }') as entry
    from {{ source('raw', 'tryton__opportunities') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as opportunity_id,
        {{ ordered_key("'tryton'", '_account', '_source_id') }} as deal_key,
        nullif(entry.number, '') as number,
        nullif(entry.party, '') as party,
        nullif(entry.contact, '') as contact,
        nullif(entry.company, '') as company,
        nullif(entry.currency_code, '') as currency_code,
        try_cast(nullif(entry.amount, '') as decimal(18, 2)) as amount,
        nullif(entry.employee, '') as employee,
        {{ date_of("nullif(entry.start_date, '')") }} as start_date,
        {{ date_of("nullif(entry.end_date, '')") }} as end_date,
        nullif(entry.description, '') as description,
        nullif(entry.lost_reason, '') as lost_reason,
        nullif(entry.conversion_probability, '') as conversion_probability,
        nullif(entry.state, '') as state,
        {{ instant_of("nullif(entry.create_date, '')") }} as create_date,
        {{ instant_of("nullif(entry.write_date, '')") }} as write_date
    from source

)

select * from renamed
