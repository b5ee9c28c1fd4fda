with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{
            "properties": {
                "hs_goal_name": "VARCHAR", "hs_target_amount": "VARCHAR", "hs_start_datetime": "VARCHAR", "hs_end_datetime": "VARCHAR",
                "hs_assignee_user_id": "VARCHAR", "hs_goal_type": "VARCHAR"
            }
        }') as goal
    from {{ source('raw', 'hubspot__goal_targets') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as goal_target_id,
        goal.properties.hs_goal_name as hs_goal_name,
        try_cast(goal.properties.hs_target_amount as decimal(18, 2)) as hs_target_amount,
        {{ instant_of('goal.properties.hs_start_datetime') }} as hs_start_datetime,
        {{ instant_of('goal.properties.hs_end_datetime') }} as hs_end_datetime,
        nullif(goal.properties.hs_assignee_user_id, '') as hs_assignee_user_id,
        nullif(goal.properties.hs_goal_type, '') as hs_goal_type
    from source

)

select * from renamed
