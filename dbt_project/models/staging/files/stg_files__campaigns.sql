with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "campaign_id": "VARCHAR", "campaign_name": "VARCHAR", "channel": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__campaigns') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        entry.campaign_id as campaign_id,
        entry.campaign_name as campaign_name,
        entry.channel as channel
    from source

)

select * from renamed
