with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{"Type": "VARCHAR", "StartDate": "VARCHAR", "EndDate": "VARCHAR"}') as period
    from {{ source('raw', 'salesforce__periods') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as period_id,
        period."Type" as period_type,
        {{ date_of('period."StartDate"') }} as start_date,
        {{ date_of('period."EndDate"') }} as end_date
    from source

)

select * from renamed
