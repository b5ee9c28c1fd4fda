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
