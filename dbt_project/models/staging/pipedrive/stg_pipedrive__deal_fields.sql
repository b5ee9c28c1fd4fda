with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{"field_name": "VARCHAR", "field_type": "VARCHAR", "is_custom_field": "BOOLEAN", "options": [{"id": "VARCHAR", "label": "VARCHAR"}]}') as field
    from {{ source('raw', 'pipedrive__deal_fields') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as field_code,
        field.field_name as field_name,
        field.field_type as field_type,
        coalesce(field.is_custom_field, false) as is_custom_field,
        field.options as options
    from source

)

select * from renamed
