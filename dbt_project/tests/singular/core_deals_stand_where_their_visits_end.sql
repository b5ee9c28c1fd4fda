-- A deal's status, place and instants are those of its last visit, its words those of its record, its values its amount at the rates of its days.
with last_visits as (

    select * from {{ ref('fct_deal_stage_visits') }} qualify row_number() over (partition by deal_key order by visit_number desc) = 1

),

as_of as (

    select {{ reporting_date('max(warehouse_data_through)') }} as as_of_date from {{ ref('dim_sources') }}

),

expected_closes as (

    select change.deal_key, change.new_value
    from {{ ref('fct_deal_changes') }} as change
    inner join last_visits as visit on visit.deal_key = change.deal_key and change.changed_at < visit.entered_at
    where change.field = 'expected_close' and change.retracted_at is null
    qualify row_number() over (partition by change.deal_key order by change.changed_at desc, change.sequence desc, change._record_number desc) = 1

),

constant_rates as (

    select from_currency_code, exchange_rate
    from {{ ref('dim_exchange_rates') }}
    where to_currency_code = '{{ var("currency") }}' {% if var("constant_rate_date") %}and rate_date = cast('{{ var("constant_rate_date") }}' as date){% endif %}
    qualify row_number() over (partition by from_currency_code order by rate_date desc) = 1

),

told as (

    select
        deal.*,
        record.deal_key as record_key,
        case
            when visit.exit_kind in ('deleted', 'merged') then visit.exit_kind
            else coalesce(visit.stage_kind, case when record.is_deleted then 'deleted' else 'open' end)
        end as status_by_visit,
        case when visit.stage_kind <> 'open' then visit.entered_at end as closed_by_visit,
        case when visit.exit_kind in ('deleted', 'merged') then visit.exited_at end as left_by_visit,
        coalesce(visit.pipeline_key, {{ unknown_key() }}) as pipeline_by_visit, coalesce(visit.stage_key, {{ unknown_key() }}) as stage_by_visit,
        case when visit.stage_kind in ('won', 'lost') then cast(expected.new_value as date) else record.expected_close_date end as expected_by_ledger,
        booked.exchange_rate as booked_rate, constant.exchange_rate as constant_rate,
        record.deal_amount as stated_amount, record.currency_code as stated_currency, record.created_at as stated_creation,
        record.owner_key as stated_owner, record.company_key as stated_company, record.lead_key as stated_lead, record.lost_reason as stated_reason,
        record.lost_group as stated_group, record.channel as stated_channel, record.is_deleted as record_is_deleted,
        record.merged_into_deal_key as stated_survivor, record.history_complete_from as stated_completeness
    from {{ ref('int_crm__deal_attributes') }} as record
    full join {{ ref('dim_deals') }} as deal on deal.deal_key = record.deal_key
    left join last_visits as visit on visit.deal_key = record.deal_key
    left join expected_closes as expected on expected.deal_key = record.deal_key
    cross join as_of
    left join {{ ref('dim_exchange_rates') }} as booked
        on booked.from_currency_code = record.currency_code and booked.to_currency_code = '{{ var("currency") }}'
        and booked.rate_date = coalesce({{ reporting_date("case when visit.exit_kind in ('deleted', 'merged') then visit.exited_at when visit.stage_kind <> 'open' then visit.entered_at end") }}, as_of.as_of_date)
    left join constant_rates as constant on constant.from_currency_code = record.currency_code

)

select
    coalesce(told.deal_key, told.record_key) as deal_key, told.source_deal_id, told.deal_status, told.status_by_visit,
    case
        when told.deal_key is null or told.record_key is null then 'the deal stands in one of the two only'
        when told.deal_status <> told.status_by_visit then 'deal_status'
        when told.closed_at is distinct from told.closed_by_visit then 'closed_at'
        when told.left_at is distinct from told.left_by_visit then 'left_at'
        when told.pipeline_key <> told.pipeline_by_visit or told.stage_key <> told.stage_by_visit then 'its place'
        when told.expected_close_date is distinct from told.expected_by_ledger then 'expected_close_date'
        when told.deal_amount is distinct from told.stated_amount or told.currency_code is distinct from told.stated_currency then 'deal_amount'
        when told.booked_amount is distinct from cast(told.stated_amount * told.booked_rate as decimal(18, 2)) then 'booked_amount'
        when told.constant_amount is distinct from cast(told.stated_amount * told.constant_rate as decimal(18, 2)) then 'constant_amount'
        when (told.amount_missing_reason is null) <> (told.booked_amount is not null and told.constant_amount is not null) then 'amount_missing_reason'
        when (told.amount_missing_reason is not distinct from 'no_amount') <> (told.stated_amount is null) then 'amount_missing_reason'
        when told.amount_missing_reason = 'no_currency' and told.stated_currency is not null then 'amount_missing_reason'
        when told.amount_missing_reason = 'no_exchange_rate' and told.stated_currency is null then 'amount_missing_reason'
        when told.created_at <> told.stated_creation or told.history_complete_from is distinct from told.stated_completeness then 'created_at'
        when told.owner_key <> told.stated_owner or told.company_key <> told.stated_company or told.lead_key is distinct from told.stated_lead then 'a reference'
        when told.lost_reason is distinct from told.stated_reason or told.channel is distinct from told.stated_channel then 'lost_reason or channel'
        when told.lost_group is distinct from case when told.status_by_visit = 'lost' then told.stated_group end then 'lost_group'
        when told.is_deleted <> (told.record_is_deleted or told.stated_survivor is not null)
            or told.merged_into_deal_key is distinct from told.stated_survivor then 'is_deleted'
    end as wrong_column,
    'dim_deals tells the deal otherwise than its record, its visits or the rates do: look at what the column is made of.' as likely_cause
from told
where wrong_column is not null
