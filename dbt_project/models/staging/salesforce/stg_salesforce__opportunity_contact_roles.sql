with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "OpportunityId": "VARCHAR", "ContactId": "VARCHAR", "Role": "VARCHAR", "IsPrimary": "BOOLEAN",
            "CreatedDate": "VARCHAR"
        }') as link
    from {{ source('raw', 'salesforce__opportunity_contact_roles') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as role_id,
        link."OpportunityId" as opportunity_id,
        link."ContactId" as contact_id,
        link."Role" as contact_role,
        coalesce(link."IsPrimary", false) as is_primary,
        {{ instant_of("link.CreatedDate") }} as created_date
    from source

)

select * from renamed
