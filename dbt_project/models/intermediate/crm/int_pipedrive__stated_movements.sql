-- The newest statistics of each pipeline, those of all users together; a movement without a deal has one row without one.
with

newest as (

    select *
    from {{ ref('stg_pipedrive__pipeline_statistics') }}
    qualify _load_number = max(_load_number) over (partition by _account)

),

movements as (

    select _account, pipeline_id, start_date, end_date, 'created' as movement, unnest(coalesce(nullif(new_deals_ids, []), [null])) as deal_id from newest
    union all
    select _account, pipeline_id, start_date, end_date, 'won', unnest(coalesce(nullif(won_deals_ids, []), [null])) from newest
    union all
    select _account, pipeline_id, start_date, end_date, 'lost', unnest(coalesce(nullif(lost_deals_ids, []), [null])) from newest

)

select distinct
    'pipedrive' as source_system,
    _account as account,
    {{ stable_key("'pipedrive'", '_account', 'pipeline_id') }} as pipeline_key,
    start_date,
    end_date,
    movement,
    {{ ordered_key("'pipedrive'", '_account', 'cast(deal_id as varchar)') }} as deal_key,
    cast(deal_id as varchar) as source_deal_id
from movements
