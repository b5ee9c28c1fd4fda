-- Won and lost are no stages in Pipedrive but the deal's status, and the deal keeps the stage it was in: the place of a closed deal is its
-- status. A deleted deal says only that it is deleted; whether it was closed before, its closing times tell.
with

versions as (

    select
        *,
        case
            when status in ('open', 'won', 'lost') then status
            when won_time is not null and won_time >= coalesce(lost_time, won_time) then 'won'
            when lost_time is not null then 'lost'
            else 'open'
        end as status_in_force
    from {{ ref('stg_pipedrive__deals') }}

)

select
    *,
    case when status_in_force = 'open' then stage_id else status_in_force end as place
from versions
