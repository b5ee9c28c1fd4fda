with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "product_id": "VARCHAR", "product_name": "VARCHAR", "product_line": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__products') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        entry.product_id as product_id,
        entry.product_name as product_name,
        entry.product_line as product_line
    from source

)

select * from renamed
