with

as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date from {{ ref('dim_sources') }}

),

-- Where each deal stands, or stood last: a restored deal has left once and stands again.
last_visits as (

    select
        deal_key,
        max_by(pipeline_key, visit_number) as pipeline_key,
        max_by(stage_key, visit_number) as stage_key,
        max_by(coalesce(exit_kind, stage_kind), visit_number) as deal_status,
        max_by(stage_kind, visit_number) as stage_kind,
        max_by(entered_at, visit_number) as entered_at,
        max(exited_at) as last_left_at
    from {{ ref('fct_deal_stage_visits') }}
    where is_current or exit_kind in ('deleted', 'merged')
    group by deal_key

),

closings as (

    select
        *,
        case when stage_kind in ('won', 'lost') then entered_at end as closed_at,
        case when deal_status in ('deleted', 'merged') then last_left_at end as left_at
    from last_visits

),

-- Closing overwrites the expected close in the CRM: what counts is what was expected just before.
expected_closes as (

    select
        change.deal_key,
        nullif(max_by(coalesce(change.new_value, ''), (change.changed_at, change.sequence, change._record_number)), '') as expected_close
    from {{ ref('fct_deal_changes') }} as change
    inner join closings on change.deal_key = closings.deal_key and change.changed_at < closings.closed_at
    where change.field = 'expected_close' and change.retracted_at is null
    group by change.deal_key

),

deals as (

    select
        deal.*,
        coalesce(closing.deal_status, case when deal.is_deleted then 'deleted' else 'open' end) as deal_status,
        closing.closed_at,
        closing.left_at,
        coalesce(closing.pipeline_key, {{ unknown_key() }}) as pipeline_key,
        coalesce(closing.stage_key, {{ unknown_key() }}) as stage_key,
        case when closing.closed_at is null then deal.expected_close_date else cast(expected.expected_close as date) end as known_expected_close,
        coalesce({{ reporting_date('coalesce(closing.left_at, closing.closed_at)') }}, as_of.as_of_date) as booked_date
    from {{ ref('int_crm__deal_attributes') }} as deal
    left join closings as closing on deal.deal_key = closing.deal_key
    left join expected_closes as expected on deal.deal_key = expected.deal_key
    cross join as_of

),

constant_rates as (

    select from_currency_code, max_by(exchange_rate, rate_date) as exchange_rate
    from {{ ref('dim_exchange_rates') }}
    where
        to_currency_code = '{{ var("currency") }}'
        {% if var("constant_rate_date") %}and rate_date = cast('{{ var("constant_rate_date") }}' as date){% endif %}
    group by from_currency_code

)

select
    deal.deal_key,
    deal.source_system,
    deal.account,
    deal.source_deal_id,
    deal.deal_status,
    deal.created_at,
    deal.closed_at,
    deal.left_at,
    deal.pipeline_key,
    deal.stage_key,
    deal.deal_amount,
    cast(deal.deal_amount * booked.exchange_rate as decimal(18, 2)) as booked_amount,
    cast(deal.deal_amount * constant.exchange_rate as decimal(18, 2)) as constant_amount,
    deal.currency_code,
    case
        when deal.deal_amount is null then 'no_amount'
        when deal.currency_code is null then 'no_currency'
        when booked.exchange_rate is null or constant.exchange_rate is null then 'no_exchange_rate'
    end as amount_missing_reason,
    deal.recurring_amount,
    deal.discount_amount,
    deal.promised_value_amount,
    deal.achieved_value_amount,
    deal.known_expected_close as expected_close_date,
    deal.owner_key,
    deal.company_key,
    deal.lead_key,
    deal.lost_reason,
    case when deal.deal_status = 'lost' then deal.lost_group end as lost_group,
    deal.channel,
    deal.lead_direction,
    deal.product_line,
    deal.history_complete_from,
    deal.is_deleted or deal.merged_into_deal_key is not null as is_deleted,
    deal.merged_into_deal_key,
    deal.crm_url
from deals as deal
left join {{ ref('dim_exchange_rates') }} as booked
    on deal.booked_date = booked.rate_date and deal.currency_code = booked.from_currency_code
    and booked.to_currency_code = '{{ var("currency") }}'
left join constant_rates as constant on deal.currency_code = constant.from_currency_code
