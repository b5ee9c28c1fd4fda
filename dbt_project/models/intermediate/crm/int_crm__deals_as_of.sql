-- depends_on: {{ ref('int_crm__deal_versions') }}, {{ ref('int_crm__deal_changes') }}
{% if not then() -%}
select * from {{ ref('int_crm__deals') }}
{%- else -%}
-- What the ledger follows is as it was then; the rest as the last version seen by then had it, or as it was first seen.
with

seen as (

    select *, _extracted_at <= timestamp '{{ then() }}' as is_seen_by_then
    from {{ ref('int_crm__deal_versions') }}
    qualify row_number() over (
        partition by deal_key
        order by is_seen_by_then desc,
            case when is_seen_by_then then -_load_number else _load_number end,
            case when is_seen_by_then then -_record_number else _record_number end
    ) = 1

),

-- An emptied value is kept apart from no value yet: max_by() would step over it.
followed as (

    select
        deal_key,
        {% for field in ['stage', 'pipeline', 'amount', 'currency', 'expected_close', 'owner', 'status'] -%}
        nullif(max_by(coalesce(new_value, ''), (changed_at, sequence, _record_number)) filter (where field = '{{ field }}'), '') as "{{ field }}",
        {% endfor -%}
        max(changed_at) as last_changed_at
    from {{ ref('int_crm__deal_changes') }}
    where retracted_at is null {{ happened_by_then('changed_at', 'and') }}
    group by deal_key

)

select
    deal.* replace (
        seen.deal_name as deal_name,
        coalesce(followed.pipeline, deal.source_pipeline_id) as source_pipeline_id,
        coalesce(followed.stage, deal.source_stage_id) as source_stage_id,
        cast(followed.amount as decimal(18, 2)) as deal_amount,
        followed.currency as currency_code,
        seen.recurring_amount as recurring_amount,
        seen.discount_amount as discount_amount,
        seen.promised_value_amount as promised_value_amount,
        seen.achieved_value_amount as achieved_value_amount,
        cast(followed.expected_close as date) as expected_close_date,
        followed.owner as source_owner_id,
        seen.source_company_id as source_company_id,
        seen.source_contact_id as source_contact_id,
        seen.source_lead_id as source_lead_id,
        seen.lost_reason as lost_reason,
        seen.source_channel as source_channel,
        seen.lead_direction as lead_direction,
        seen.product_line as product_line,
        seen.crm_url as crm_url,
        coalesce(followed.status in ('deleted', 'merged'), false) as is_deleted,
        case when followed.status = 'merged' then deal.merged_into_deal_key end as merged_into_deal_key
    )
from {{ ref('int_crm__deals') }} as deal
inner join followed on deal.deal_key = followed.deal_key
inner join seen on deal.deal_key = seen.deal_key
{{ happened_by_then('deal.created_at') }}
{%- endif %}
