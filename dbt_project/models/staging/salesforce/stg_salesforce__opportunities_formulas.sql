with

source as (

    select
        {{ envelope(custom_in='') }}
    from {{ source('raw', 'salesforce__opportunities_formulas') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as opportunity_id
    from source

)

select * from renamed
