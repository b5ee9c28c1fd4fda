with

source as (

    select
        {{ envelope() }},
        json_transform(payload, '{
            "title": "VARCHAR", "type": {"name": "VARCHAR", "params": {"pipeline_id": ["VARCHAR"]}}, "assignee": {"id": "VARCHAR", "type": "VARCHAR"},
            "interval": "VARCHAR", "duration": {"start": "VARCHAR", "end": "VARCHAR"},
            "expected_outcome": {"target": "VARCHAR", "tracking_metric": "VARCHAR", "currency_id": "VARCHAR"}, "is_active": "BOOLEAN"
        }') as goal
    from {{ source('raw', 'pipedrive__goals') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        _source_id as goal_id,
        goal.title as title,
        goal.type.name as goal_type,
        goal.type.params.pipeline_id as pipeline_ids,
        goal.assignee.id as assignee_id,
        goal.assignee.type as assignee_type,
        goal."interval" as goal_interval,
        {{ date_of('goal.duration."start"') }} as duration_start,
        {{ date_of('goal.duration."end"') }} as duration_end,
        try_cast(goal.expected_outcome.target as decimal(18, 2)) as target,
        goal.expected_outcome.tracking_metric as tracking_metric,
        goal.expected_outcome.currency_id as currency_id,
        coalesce(goal.is_active, true) as is_active
    from source

)

select * from renamed
