-- Payments, spend, costs and quotas stand in core as their records state them: none more, none less, each converted at the rate of its day and at the newest
-- one, and about the member that its source means by the id: its own, else, for a folder of files, the one member of that id anywhere.
with as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date from {{ ref('dim_sources') }}

),

records as (

    select
        'payment' as entity, payment_key as entity_key, source_system, account, 'deal' as about, source_deal_id as about_id, cast(null as varchar) as pipeline_id,
        {{ reporting_date('paid_at') }} as day, cast(paid_at as varchar) as words, payment_amount as amount, currency_code, is_deleted
    from {{ ref('int_crm__payments') }}
    union all
    select
        'spend', spend.spend_key, spend.source_system, spend.account, 'campaign', spend.source_campaign_id, null, spend.spend_date,
        spend.spend_date || ' ' || coalesce(channel.channel, spend.source_channel), spend.spend_amount, spend.currency_code, false
    from {{ ref('int_crm__marketing_spend') }} as spend
    left join {{ ref('channels') }} as channel on channel.source_system = spend.source_system and channel.source_channel = spend.source_channel
    where spend.is_deleted = false
    union all
    select
        'cost', process_cost_key, source_system, account, 'nobody', null, null, case when period_end_date < as_of_date then period_end_date else as_of_date end,
        period_start_date || ' ' || period_end_date || ' ' || process, cost_amount, currency_code, false
    from {{ ref('int_crm__process_costs') }} cross join as_of
    where is_deleted = false
    union all
    select
        'quota', quota_key, source_system, account, 'owner', source_owner_id, source_pipeline_id,
        case when period_start_date < as_of_date then period_start_date else as_of_date end, period_start_date || ' ' || period_end_date, quota_amount,
        currency_code, false
    from {{ ref('int_crm__quotas') }} cross join as_of
    where is_deleted = false

),

members as (

    select 'deal' as about, source_system, account, source_deal_id as about_id, deal_key as member_key from {{ ref('int_crm__deals') }}
    union all
    select 'campaign', source_system, account, source_campaign_id, campaign_key from {{ ref('int_crm__campaigns') }}
    union all
    select 'owner', source_system, account, source_owner_id, owner_key from {{ ref('int_crm__owners') }}
    union all
    select 'pipeline', source_system, account, source_pipeline_id, {{ stable_key('source_system', 'account', 'source_pipeline_id') }}
    from {{ ref('int_crm__pipelines') }}

),

meant as (

    select
        named.entity_key, named.about,
        coalesce(
            any_value(member.member_key) filter (where member.source_system = named.source_system and member.account = named.account),
            case when named.source_system = 'files' and count(*) = 1 then any_value(member.member_key) end
        ) as member_key
    from (
        select entity_key, source_system, account, about, about_id from records
        union all
        select entity_key, source_system, account, 'pipeline', pipeline_id from records where pipeline_id is not null
    ) as named
    inner join members as member on member.about = named.about and member.about_id = named.about_id
    group by named.entity_key, named.about, named.source_system

),

newest_rates as (

    select from_currency_code, exchange_rate
    from {{ ref('dim_exchange_rates') }}
    where to_currency_code = '{{ var("currency") }}' {% if var("constant_rate_date") %}and rate_date = cast('{{ var("constant_rate_date") }}' as date){% endif %}
    qualify row_number() over (partition by from_currency_code order by rate_date desc) = 1

),

wanted as (

    select
        record.entity, record.entity_key, record.words, record.amount, record.currency_code, record.is_deleted,
        case
            when record.entity = 'payment' or (record.entity = 'quota' and record.about_id is null) or record.entity = 'cost' then about.member_key
            else coalesce(about.member_key, {{ unknown_key() }})
        end as about_key,
        case when record.pipeline_id is not null then coalesce(pipeline.member_key, {{ unknown_key() }}) end as pipeline_key,
        cast(record.amount * booked.exchange_rate as decimal(18, 2)) as booked_amount,
        cast(record.amount * newest.exchange_rate as decimal(18, 2)) as constant_amount,
        case
            when record.amount is null then 'no_amount'
            when record.amount * booked.exchange_rate * newest.exchange_rate is null then 'no_exchange_rate'
        end as reason
    from records as record
    left join meant as about on about.entity_key = record.entity_key and about.about = record.about
    left join meant as pipeline on pipeline.entity_key = record.entity_key and pipeline.about = 'pipeline'
    left join {{ ref('dim_exchange_rates') }} as booked
        on booked.rate_date = record.day and booked.from_currency_code = record.currency_code and booked.to_currency_code = '{{ var("currency") }}'
    left join newest_rates as newest on newest.from_currency_code = record.currency_code

),

held as (

    select
        'payment' as entity, payment_key as entity_key, cast(paid_at as varchar) as words, payment_amount as amount, currency_code, is_deleted,
        deal_key as about_key, cast(null as uuid) as pipeline_key, booked_amount, constant_amount, amount_missing_reason as reason
    from {{ ref('fct_payments') }}
    union all
    select
        'spend', spend_key, spend_date || ' ' || channel, spend_amount, currency_code, false, campaign_key, null, booked_amount, constant_amount,
        amount_missing_reason
    from {{ ref('fct_marketing_spend') }}
    union all
    select
        'cost', process_cost_key, period_start_date || ' ' || period_end_date || ' ' || process, cost_amount, currency_code, false, null, null,
        booked_amount, constant_amount, amount_missing_reason
    from {{ ref('fct_process_costs') }}
    union all
    select
        'quota', quota_key, period_start_date || ' ' || period_end_date, quota_amount, currency_code, false, owner_key, pipeline_key, booked_amount,
        constant_amount, amount_missing_reason
    from {{ ref('fct_quotas') }}

)

select 'only in core' as where_it_stands, *, 'A row of money stands in core twice, or otherwise than its record or the rates state it.' as likely_cause
from (select * from held except all select * from wanted)
union all
select 'not in core', *, 'A row of money is missing from core, or stands there otherwise.'
from (select * from wanted except all select * from held)
