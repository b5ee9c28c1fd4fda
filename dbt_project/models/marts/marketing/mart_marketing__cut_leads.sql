with changes as (

    select
        leads.lead_key,
        max(case when changes.changed_at > leads.cut_at and changes.new_status <> 'disqualified' then 1 else 0 end) as came_back
    from {{ ref('mart_marketing__leads') }} as leads
    inner join {{ ref('fct_lead_status_changes') }} as changes on changes.lead_key = leads.lead_key
    where leads.cut_at is not null and changes.retracted_at is null
    group by leads.lead_key

),

wins as (

    select
        wins.lead_key,
        min(wins.won_at) as first_won_at,
        sum(wins.booked_amount) as won_amount,
        count(*) filter (where wins.is_unconverted) as unconverted_count
    from {{ ref('mart_marketing__lead_wins') }} as wins
    inner join {{ ref('mart_marketing__leads') }} as leads on leads.lead_key = wins.lead_key
    where wins.won_at > leads.cut_at
    group by wins.lead_key

)

select
    leads.lead_key,
    leads.crm_url,
    leads.cut_at,
    {{ reporting_date('leads.cut_at') }} as cut_date,
    leads.cut_reason,
    leads.channel,
    leads.lead_direction,
    leads.owner_key,
    leads.team_name,
    leads.company_size,
    leads.country,
    leads.fits_target,
    coalesce(changes.came_back = 1, false) or wins.lead_key is not null as has_come_back,
    wins.lead_key is not null as is_wrong_cut,
    wins.first_won_at,
    cast(wins.won_amount as decimal(18, 2)) as won_amount,
    coalesce(wins.unconverted_count, 0) as unconverted_count,
    '{{ var("currency") }}' as currency_code,
    'booked' as amount_basis
from {{ ref('mart_marketing__leads') }} as leads
left join changes on changes.lead_key = leads.lead_key
left join wins on wins.lead_key = leads.lead_key
where leads.cut_at is not null
