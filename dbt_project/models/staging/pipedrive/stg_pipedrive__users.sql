with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{"name": "VARCHAR", "email": "VARCHAR", "active_flag": "BOOLEAN", "is_deleted": "BOOLEAN"}') as user_account
    from {{ source('raw', 'pipedrive__users') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as user_id,
        user_account.name as name,
        user_account.email as email,
        coalesce(user_account.active_flag, true) as active_flag,
        coalesce(user_account.is_deleted, false) as is_deleted
    from source

)

select * from renamed
