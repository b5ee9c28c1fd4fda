-- What each lead is now, its company and its contact included, against the criteria the company declared (seed qualification_criteria).
with

leads as (

    select *
    from {{ ref('int_crm__leads') }} as lead
    {% if is_incremental() %}
    where
        lead._load_number > {{ newest_load() }}
        or (lead.source_system, lead.account, lead.source_company_id) in (
            select (source_system, account, source_company_id)
            from {{ ref('int_crm__companies') }}
            where _load_number > {{ newest_load() }}
        )
        or (lead.source_system, lead.account, lead.source_contact_id) in (
            select (source_system, account, source_contact_id)
            from {{ ref('int_crm__contacts') }}
            where _load_number > {{ newest_load() }}
        )
    {% endif %}

),

attributes as (

    select
        lead.lead_key,
        coalesce(channel.channel, lead.source_channel) as channel,
        lead.lead_direction,
        company.company_name as company,
        company.industry,
        company.country,
        cast(company.employee_count as varchar) as employee_count,
        cast(company.is_target as varchar) as is_target,
        contact.email,
        contact.phone,
        contact.legal_basis,
        greatest(lead._load_number, coalesce(company._load_number, 0), coalesce(contact._load_number, 0)) as _load_number
    from leads as lead
    left join {{ ref('int_crm__companies') }} as company
        on lead.source_system = company.source_system and lead.account = company.account
        and lead.source_company_id = company.source_company_id
    left join {{ ref('int_crm__contacts') }} as contact
        on lead.source_system = contact.source_system and lead.account = contact.account
        and lead.source_contact_id = contact.source_contact_id
    left join {{ ref('channels') }} as channel on lead.source_system = channel.source_system and lead.source_channel = channel.source_channel

),

stated as (

    select
        attribute.lead_key,
        attribute._load_number,
        criterion.*,
        case criterion.attribute
            when 'channel' then attribute.channel
            when 'lead_direction' then attribute.lead_direction
            when 'company' then attribute.company
            when 'industry' then attribute.industry
            when 'country' then attribute.country
            when 'employee_count' then attribute.employee_count
            when 'is_target' then attribute.is_target
            when 'email' then attribute.email
            when 'phone' then attribute.phone
            when 'legal_basis' then attribute.legal_basis
        end as value
    from attributes as attribute
    left join {{ ref('qualification_criteria') }} as criterion on true

),

judged as (

    select
        *,
        coalesce(
            case comparison
                when 'is_known' then value is not null
                when 'one_of' then list_contains(string_split(threshold, ';'), value)
                when 'at_least' then try_cast(value as double) >= try_cast(threshold as double)
                when 'at_most' then try_cast(value as double) <= try_cast(threshold as double)
            end, false
        ) as is_met
    from stated

)

select
    lead_key,
    string_agg(criterion, ';' order by criterion) filter (where is_met) as criteria_met,
    string_agg(criterion, ';' order by criterion) filter (where not is_met) as criteria_failed,
    max(_load_number) as _load_number
from judged
group by lead_key
