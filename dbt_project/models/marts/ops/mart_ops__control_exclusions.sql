{{ config(materialized='ephemeral', contract={'enforced': false}) }}
-- depends_on: {{ ref('mart_ops__control_questions') }}
with

earliest as (

    select min(known_until_at) as known_until_at from {{ ref('mart_ops__control_questions') }}

),

-- Changes that came to be known only after the first of these nights: none but in a rebuild, or when a build was missed.
late_changes as (

    select change.deal_key, deal.source_system, deal.account, change.changed_at, change.known_at, change.retracted_at
    from {{ ref('fct_deal_changes') }} as change
    inner join {{ ref('dim_deals') }} as deal on change.deal_key = deal.deal_key
    cross join earliest
    where change.known_at > earliest.known_until_at or change.retracted_at > earliest.known_until_at

),

reasons as (

    select
        question.control_key,
        exclusion.deal_key,
        case when exclusion.is_left_out then 'left_out' else 'changed_while_asking' end as reason
    from {{ ref('mart_ops__control_questions') }} as question
    inner join {{ ref('fct_control_exclusions') }} as exclusion on question.load_number = exclusion._load_number
    union all
    -- The source did not know it either when it gave the totals.
    select question.control_key, change.deal_key, 'learnt_since'
    from {{ ref('mart_ops__control_questions') }} as question
    inner join late_changes as change
        on question.source_system = change.source_system and question.account = change.account
        and change.changed_at <= question.as_of_at
        and (change.known_at > question.known_until_at or change.retracted_at > question.known_until_at)
    union all
    -- What this very list showed to be gone was gone already.
    select question.control_key, version.deal_key, 'shown_to_be_gone'
    from {{ ref('mart_ops__control_questions') }} as question
    inner join {{ ref('fct_deal_versions') }} as version on question.listed_at = version.valid_from
    inner join {{ ref('dim_deals') }} as deal
        on version.deal_key = deal.deal_key and question.source_system = deal.source_system and question.account = deal.account
    where version.deal_status = 'deleted'

)

select
    control_key,
    deal_key,
    min(reason) as reason
from reasons
group by control_key, deal_key
