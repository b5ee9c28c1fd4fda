with limits as (

    {{ declared_limits(['hand_off']) }}
    from {{ ref('limits') }}

),

as_of as (

    select max(warehouse_data_through) as data_through
    from {{ ref('dim_sources') }}

),

offers as (

    select
        changes.lead_key,
        changes.offered_at,
        max(case when changes.hand_off_outcome = 'offered' then changes.status_change_key end) as offer_key,
        coalesce(max(case when changes.hand_off_outcome <> 'offered' then changes.hand_off_outcome end), 'undecided') as hand_off_outcome,
        max(case when changes.hand_off_outcome <> 'offered' then changes.changed_at end) as decided_at,
        max(case when changes.hand_off_outcome in ('rejected', 'recycled') then coalesce(changes.reason, 'unknown') end) as reason
    from {{ ref('fct_lead_status_changes') }} as changes
    where changes.hand_off_outcome is not null and changes.retracted_at is null
    group by changes.lead_key, changes.offered_at

),

in_order as (

    select lead_key, offered_at as happened_at, offer_key, cast(null as timestamp) as touched_at
    from offers

    union all

    select lead_key, happened_at, null, happened_at
    from {{ ref('mart_marketing__lead_activities') }}
    where is_human_touch

),

followed as (

    select
        offer_key,
        -- a touch at the very instant of the hand-off comes after it
        min(touched_at) over (
            partition by lead_key order by happened_at, case when offer_key is null then 1 else 0 end
            rows between current row and unbounded following
        ) as first_touch_at
    from in_order

),

touched as (

    select offer_key, first_touch_at from followed where offer_key is not null

)

select
    offers.offer_key,
    offers.lead_key,
    leads.crm_url,
    offers.offered_at,
    {{ reporting_date('offers.offered_at') }} as offered_date,
    offers.hand_off_outcome,
    offers.decided_at,
    offers.reason,
    leads.channel,
    leads.lead_direction,
    leads.owner_key,
    leads.team_name,
    leads.company_size,
    leads.country,
    leads.fits_target,
    touched.first_touch_at,
    {{ hours_between('offers.offered_at', 'touched.first_touch_at') }} as hours_to_touch,
    coalesce({{ hours_between('offers.offered_at', 'touched.first_touch_at') }} <= limits.hand_off_limit, false) as is_on_time,
    touched.first_touch_at is null
        and {{ hours_between('offers.offered_at', 'as_of.data_through') }} <= limits.hand_off_limit as is_waiting
from offers
inner join {{ ref('mart_marketing__leads') }} as leads on leads.lead_key = offers.lead_key
left join touched on touched.offer_key = offers.offer_key
cross join limits
cross join as_of
where offers.offer_key is not null
