-- At the as-of the contacts known, and those with a legal basis, are those of dim_contacts.
with contacts as (

    select
        count(*) as contact_count,
        count(*) filter (where
            coalesce(consent_withdrawn_at > (select max(warehouse_data_through) from {{ ref('dim_sources') }}), true)
            and (legal_basis in ('contract', 'legitimate_interest') or legal_basis = 'consent')
        ) as at_most
    from {{ ref('dim_contacts') }}
    where not is_deleted and merged_into_contact_key is null
        and created_at <= (select max(warehouse_data_through) from {{ ref('dim_sources') }})

),

latest as (

    select period_grain, contact_count, consented_count
    from {{ ref('mart_marketing__consent') }}
    qualify row_number() over (partition by period_grain order by period_start desc) = 1

)

select
    latest.*, contacts.contact_count as contacts_in_core, contacts.at_most,
    'A contact or a permission is lost, doubled or dated wrongly: look at mart_marketing__contact_permissions.' as likely_cause
from latest
cross join contacts
where latest.contact_count <> contacts.contact_count
union all
select period_grain, contact_count, consented_count, null, null, 'More contacts may be written to than there are.'
from {{ ref('mart_marketing__consent') }}
where consented_count > contact_count or consented_count < 0

union all
select
    'contact ' || contacts.contact_key, null, null, null, null, 'The permission of the contact begins or ends at another instant: look at mart_marketing__contact_permissions.'
from {{ ref('mart_marketing__contact_permissions') }} as told
inner join {{ ref('dim_contacts') }} as contacts on contacts.contact_key = told.contact_key
where told.permitted_from is distinct from case
        when contacts.legal_basis in ('contract', 'legitimate_interest') then contacts.created_at
        when contacts.legal_basis = 'consent' and contacts.consent_at is null then contacts.created_at
        else contacts.consent_at
    end
    or told.permitted_until is distinct from case when contacts.consent_withdrawn_at >= told.permitted_from then contacts.consent_withdrawn_at end
union all
-- of a month that is over, whose permission held when its last day ended
select
    'month ' || told.period_start, told.contact_count, told.consented_count, null, count(permissions.contact_key), 'The permissions of the month are not those of the contacts.'
from {{ ref('mart_marketing__consent') }} as told
inner join (
    select distinct period_start, next_period_start from {{ ref('mart_metrics__periods') }} where period_grain = 'month' and is_complete_period
) as months on months.period_start = told.period_start
left join {{ ref('mart_marketing__contact_permissions') }} as permissions
    on permissions.permitted_from is not null
    and {{ reporting_date('greatest(permissions.permitted_from, permissions.created_at)') }} < months.next_period_start
    and (permissions.permitted_until is null or (
        permissions.permitted_until > permissions.created_at and {{ reporting_date('permissions.permitted_until') }} >= months.next_period_start))
where told.period_grain = 'month'
group by told.period_start, told.contact_count, told.consented_count
having count(permissions.contact_key) <> told.consented_count
