with

source as (

    select
        {{ envelope(custom_in='') }},
        json_transform(payload, '{
            "deal_id": "VARCHAR", "pipeline_id": "VARCHAR", "stage_id": "VARCHAR", "created_at": "VARCHAR",
            "deal_name": "VARCHAR", "deal_amount": "VARCHAR", "currency_code": "VARCHAR",
            "recurring_amount": "VARCHAR", "discount_amount": "VARCHAR", "promised_value_amount": "VARCHAR",
            "achieved_value_amount": "VARCHAR", "closed_at": "VARCHAR", "expected_close_date": "VARCHAR",
            "owner_id": "VARCHAR", "company_id": "VARCHAR", "contact_id": "VARCHAR", "lead_id": "VARCHAR",
            "channel": "VARCHAR", "lead_direction": "VARCHAR", "lost_reason": "VARCHAR", "product_line": "VARCHAR",
            "is_deleted": "VARCHAR", "deleted_at": "VARCHAR", "merged_into_deal_id": "VARCHAR", "crm_url": "VARCHAR",
            "updated_at": "VARCHAR"
        }') as entry
    from {{ source('raw', 'files__deals') }}
    {{ only_new_loads() }}

),

renamed as (

    select
        {{ envelope() }},
        entry.deal_id as deal_id,
        {{ ordered_key("'files'", '_account', 'entry.deal_id') }} as deal_key,
        entry.pipeline_id as pipeline_id,
        entry.stage_id as stage_id,
        cast(entry.created_at as timestamp) as created_at,
        entry.deal_name as deal_name,
        cast(entry.deal_amount as decimal(18, 2)) as deal_amount,
        entry.currency_code as currency_code,
        cast(entry.recurring_amount as decimal(18, 2)) as recurring_amount,
        cast(entry.discount_amount as decimal(18, 2)) as discount_amount,
        cast(entry.promised_value_amount as decimal(18, 2)) as promised_value_amount,
        cast(entry.achieved_value_amount as decimal(18, 2)) as achieved_value_amount,
        cast(entry.closed_at as timestamp) as closed_at,
        cast(entry.expected_close_date as date) as expected_close_date,
        entry.owner_id as owner_id,
        entry.company_id as company_id,
        entry.contact_id as contact_id,
        entry.lead_id as lead_id,
        entry.channel as channel,
        entry.lead_direction as lead_direction,
        entry.lost_reason as lost_reason,
        entry.product_line as product_line,
        coalesce(cast(entry.is_deleted as boolean), false) as is_deleted,
        cast(entry.deleted_at as timestamp) as deleted_at,
        entry.merged_into_deal_id as merged_into_deal_id,
        entry.crm_url as crm_url,
        cast(entry.updated_at as timestamp) as updated_at
    from source

)

select * from renamed
