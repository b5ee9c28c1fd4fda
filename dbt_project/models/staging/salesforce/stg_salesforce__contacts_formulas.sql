with

source as (

    select
        {{ envelope(custom_in='') }}
    from {{ source('raw', 'salesforce__contacts_formulas') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as contact_id
    from source

)

select * from renamed
