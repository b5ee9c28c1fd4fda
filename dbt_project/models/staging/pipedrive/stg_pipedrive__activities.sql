with

source as (

    select
        {{ envelope(custom_in='custom_fields') }},
        json_transform(payload, '{
            "type": "VARCHAR", "owner_id": "VARCHAR", "deal_id": "VARCHAR", "lead_id": "VARCHAR", "person_id": "VARCHAR", "add_time": "VARCHAR",
            "due_date": "VARCHAR", "due_time": "VARCHAR", "done": "BOOLEAN", "marked_as_done_time": "VARCHAR"
        }') as activity
    from {{ source('raw', 'pipedrive__activities') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as activity_id,
        activity.type as type,
        activity.owner_id as owner_id,
        activity.deal_id as deal_id,
        activity.lead_id as lead_id,
        activity.person_id as person_id,
        {{ instant_of("nullif(activity.due_date, '') || ' ' || coalesce(nullif(activity.due_time, ''), '00:00')") }} as due_at,
        coalesce(activity.done, false) as done,
        {{ instant_of("nullif(activity.marked_as_done_time, '')") }} as marked_as_done_time,
        {{ instant_of("activity.add_time") }} as add_time
    from source

)

select * from renamed
