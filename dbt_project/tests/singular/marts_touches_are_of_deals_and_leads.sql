-- Every deal and every lead has at least one kind of touch, or none, and those that its activities say; wins without a presentation are wins; activities are counted once.
with kinds as (

    select touch_kind, deal_count, won_count, lead_count from {{ ref('mart_sales__touches') }} where period_grain = 'all'

),

as_of as (select max(warehouse_data_through) as data_through from {{ ref('dim_sources') }}),

touches as (

    select coalesce(deal_key, lead_key) as subject_key, deal_key, lead_key, activity_type, happened_at
    from {{ ref('fct_activities') }}
    where activity_type in ('email', 'call', 'meeting', 'presentation', 'trial') and not is_deleted and outcome is distinct from 'missed'
        and happened_at <= (select data_through from as_of)

),

of_deals as (

    select
        deal_key, count(*) as touches, bool_or(activity_type = 'email') as has_email, bool_or(activity_type = 'call') as has_telephone,
        bool_or(activity_type = 'meeting') as has_meeting, bool_or(activity_type = 'presentation') as has_presentation, bool_or(activity_type = 'trial') as has_trial,
        min(case when activity_type = 'presentation' then happened_at end) as first_presentation_at
    from touches
    where deal_key is not null
    group by deal_key

),

-- one by one: who had a kind of touch, and who of them bought
had as (

    {% for subject, key, members, won in [
        ('deal', 'deal_key', 'mart_sales__deal_outcomes', "select deal_key as subject_key from " ~ ref('mart_sales__deal_outcomes') ~ " where deal_status = 'won'"),
        ('lead', 'lead_key', 'dim_leads', "select lead_key from " ~ ref('dim_deals') ~ " where deal_status = 'won' and lead_key is not null"),
    ] -%}
    select '{{ subject }}' as subject, subjects.kinds, subjects.is_won
    from (
        select
            {{ key }} as subject_key, list_sort(list(distinct case activity_type when 'call' then 'telephone' else activity_type end)) as kinds,
            {{ key }} in ({{ won }}) as is_won
        from touches
        -- somebody the CRM erased may still have activities
        where {{ key }} in (select {{ key }} from {{ ref(members) }})
        group by {{ key }}
    ) as subjects
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

by_kind as (

    select
        touch_kind, count(*) filter (where subject = 'deal') as deal_count, count(*) filter (where subject = 'deal' and is_won) as won_count,
        count(*) filter (where subject = 'lead') as lead_count, count(*) filter (where subject = 'lead' and is_won) as customer_lead_count
    from (
        select subject, is_won, case when kinds = ['email'] then 'email_only' else kind end as touch_kind
        from (select *, unnest(kinds) as kind from had) as one_by_one
    ) as of_kinds
    group by touch_kind

),

presented as (

    select periods.period_grain, periods.period_start, count(*) as without_presentation
    from {{ ref('mart_sales__closes') }} as closes
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = closes.closed_date
    left join of_deals on of_deals.deal_key = closes.deal_key and of_deals.first_presentation_at <= closes.closed_at
    where closes.close_group = 'won' and not closes.is_removed and of_deals.deal_key is null
    group by 1, 2

),

done as (

    select periods.period_grain, periods.period_start, count(*) as activities, count(*) filter (where activities.is_automated) as automated
    from {{ ref('fct_activities') }} as activities
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = {{ reporting_date('activities.happened_at') }}
    where not activities.is_deleted and activities.happened_at <= (select data_through from as_of)
    group by 1, 2

),

wins as (

    select periods.period_grain, periods.period_start, count(*) as won
    from {{ ref('mart_sales__closes') }} as closes
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = closes.closed_date
    where closes.close_group = 'won' and not closes.is_removed
    group by 1, 2

)

select 'kinds' as what, null as period_start, sum(deal_count) as told, (select count(*) from {{ ref('dim_deals') }}) as counted,
    'A deal has neither a touch nor none: look at mart_sales__touch_kinds.' as likely_cause
from kinds
having sum(deal_count) < (select count(*) from {{ ref('dim_deals') }})
    or sum(lead_count) < (select count(*) from {{ ref('dim_leads') }})
    or max(deal_count) filter (where touch_kind in ('email_only', 'none')) > (select count(*) from {{ ref('dim_deals') }})
    or sum(deal_count) filter (where touch_kind = 'none') <> (
        select count(*) from {{ ref('dim_deals') }} where deal_key not in (select deal_key from {{ ref('mart_sales__deal_touches') }}))
    or count(*) <> 6

union all

select told.period_grain, told.period_start, told.won_count, wins.won, 'The wins of a period are not those of mart_sales__closes.'
from {{ ref('mart_sales__touches') }} as told
left join wins on wins.period_grain = told.period_grain and wins.period_start = told.period_start
where told.touch_kind = 'any' and told.dimension = 'all' and told.won_count <> coalesce(wins.won, 0)

union all

select 'deal_touches', null, told.touch_count, of_deals.touches, 'A deal''s touches are not those of its activities: look at mart_sales__deal_touches.'
from {{ ref('mart_sales__deal_touches') }} as told
full join of_deals on of_deals.deal_key = told.deal_key
where told.touch_count is distinct from of_deals.touches
    or told.has_email <> of_deals.has_email or told.has_telephone <> of_deals.has_telephone or told.has_meeting <> of_deals.has_meeting
    or told.has_presentation <> of_deals.has_presentation or told.has_trial <> of_deals.has_trial
    or told.first_presentation_at is distinct from of_deals.first_presentation_at

union all

select told.touch_kind, null, told.deal_count + told.lead_count, by_kind.deal_count + by_kind.lead_count, 'A kind of touch has other deals, leads or wins than the activities say: look at mart_sales__touch_kinds.'
from {{ ref('mart_sales__touch_kinds') }} as told
left join by_kind on by_kind.touch_kind = told.touch_kind
where told.touch_kind <> 'none' and (
    told.deal_count <> coalesce(by_kind.deal_count, 0) or told.won_count <> coalesce(by_kind.won_count, 0)
    or told.lead_count <> coalesce(by_kind.lead_count, 0) or told.customer_lead_count <> coalesce(by_kind.customer_lead_count, 0))

union all

select told.period_grain, told.period_start, told.without_presentation_count, presented.without_presentation, 'The wins without a presentation before them are others, or a machine''s activities are.'
from {{ ref('mart_sales__touches') }} as told
left join presented on presented.period_grain = told.period_grain and presented.period_start = told.period_start
left join done on done.period_grain = told.period_grain and done.period_start = told.period_start
where told.touch_kind = 'any' and told.dimension = 'all' and (
    told.without_presentation_count <> coalesce(presented.without_presentation, 0)
    or told.activity_count <> coalesce(done.activities, 0) or told.automated_count <> coalesce(done.automated, 0))
