{{ config(materialized='ephemeral', contract={'enforced': false}) }}
-- depends_on: {{ ref('mart_ops__control_questions') }}
-- Arrivals and departures in each place are added up to every instant that was asked about: no deal is counted once per night.
with

questions as (

    select * from {{ ref('mart_ops__control_questions') }}

),

earliest as (

    select source_system, account, min(as_of_at) as as_of_at from questions group by source_system, account

),

states as (

    select
        version.deal_key, deal.source_system, deal.account, version.pipeline_key, version.stage_key, version.currency_code,
        coalesce(version.deal_amount, 0) as deal_amount,
        case when version.valid_from < earliest.as_of_at then earliest.as_of_at else version.valid_from end as valid_from,
        version.valid_to
    from {{ ref('fct_deal_versions') }} as version
    inner join {{ ref('dim_deals') }} as deal on version.deal_key = deal.deal_key
    inner join earliest on deal.source_system = earliest.source_system and deal.account = earliest.account
    where version.deal_status not in ('deleted', 'merged') and (version.valid_to is null or version.valid_to > earliest.as_of_at)

),

arrivals_and_departures as (

    select
        source_system, account, pipeline_key, stage_key, currency_code, valid_from as happened_at, count(*) as deal_count, sum(deal_amount) as deal_amount
    from states
    group by source_system, account, pipeline_key, stage_key, currency_code, valid_from
    union all
    select source_system, account, pipeline_key, stage_key, currency_code, valid_to, -count(*), -sum(deal_amount)
    from states
    where valid_to is not null
    group by source_system, account, pipeline_key, stage_key, currency_code, valid_to

),

places as (

    select distinct source_system, account, pipeline_key, stage_key, currency_code from arrivals_and_departures

),

marked as (

    select source_system, account, pipeline_key, stage_key, currency_code, happened_at, deal_count, deal_amount, null as control_key
    from arrivals_and_departures
    union all
    select place.source_system, place.account, place.pipeline_key, place.stage_key, place.currency_code, question.as_of_at, 0, 0, question.control_key
    from places as place
    inner join questions as question on place.source_system = question.source_system and place.account = question.account

),

running as (

    select
        control_key, pipeline_key, stage_key, currency_code,
        sum(deal_count) over so_far as deal_count,
        sum(deal_amount) over so_far as deal_amount
    from marked
    window so_far as (
        partition by source_system, account, pipeline_key, stage_key, currency_code
        order by happened_at, control_key is not null rows between unbounded preceding and current row
    )

),

left_out as (

    select
        exclusion.control_key, version.pipeline_key, version.stage_key, version.currency_code,
        -1 as deal_count, -coalesce(version.deal_amount, 0) as deal_amount
    from {{ ref('mart_ops__control_exclusions') }} as exclusion
    inner join questions as question on exclusion.control_key = question.control_key
    inner join {{ ref('fct_deal_versions') }} as version
        on exclusion.deal_key = version.deal_key and version.deal_status not in ('deleted', 'merged')
        and version.valid_from <= question.as_of_at and (version.valid_to is null or version.valid_to > question.as_of_at)

),

counted as (

    select control_key, pipeline_key, stage_key, currency_code, deal_count, deal_amount from running where control_key is not null
    union all
    select control_key, pipeline_key, stage_key, currency_code, deal_count, deal_amount from left_out

)

select
    counted.control_key,
    counted.pipeline_key,
    counted.stage_key,
    case when not question.is_all_currencies then counted.currency_code end as currency_code,
    cast(sum(counted.deal_count) as bigint) as deal_count,
    cast(sum(counted.deal_amount) as decimal(18, 2)) as deal_amount
from counted
inner join questions as question on counted.control_key = question.control_key
group by counted.control_key, counted.pipeline_key, counted.stage_key, case when not question.is_all_currencies then counted.currency_code end
having sum(counted.deal_count) <> 0 or sum(counted.deal_amount) <> 0
