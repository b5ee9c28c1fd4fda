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
-- of a period that is over, as many more may be written to than before it as permissions began in it, less those that ended
select
    told.period_grain || ' ' || told.period_start, told.contact_count, told.consented_count, null, flows.change, 'The permissions of the period are not those of the contacts.'
from (
    select *, consented_count - lag(consented_count) over (partition by period_grain order by period_start) as change
    from {{ ref('mart_marketing__consent') }}
    where period_grain in ('week', 'month')
) as told
left join (
    select periods.period_grain, periods.period_start, sum(days.change) as change
    from (
        select {{ reporting_date('greatest(permitted_from, created_at)') }} as calendar_date, 1 as change
        from {{ ref('mart_marketing__contact_permissions') }}
        where permitted_from is not null and coalesce(permitted_until > created_at, true)
        union all
        select {{ reporting_date('permitted_until') }}, -1
        from {{ ref('mart_marketing__contact_permissions') }}
        where permitted_until > created_at
    ) as days
    inner join {{ ref('mart_metrics__periods') }} as periods on periods.calendar_date = days.calendar_date
    where periods.period_grain in ('week', 'month')
    group by 1, 2
) as flows on flows.period_grain = told.period_grain and flows.period_start = told.period_start
where told.is_complete_period and told.change <> coalesce(flows.change, 0)
