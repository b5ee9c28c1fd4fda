-- The highest amount of a leak is the highest that the ledger holds up to its instant in the currency of its end, or the amount at its end.
with since as (

    select leaks.leak_key, max(changes.changed_at) as currency_since
    from {{ ref('mart_sales__leaks') }} as leaks
    inner join {{ ref('fct_deal_changes') }} as changes on changes.deal_key = leaks.deal_key
    where changes.field = 'currency' and changes.retracted_at is null and changes.old_value is not null and changes.changed_at <= leaks.left_at
    group by leaks.leak_key

),

amounts as (

    select leaks.leak_key, cast(changes.new_value as decimal(18, 2)) as amount
    from {{ ref('mart_sales__leaks') }} as leaks
    inner join {{ ref('fct_deal_changes') }} as changes on changes.deal_key = leaks.deal_key
    left join since on since.leak_key = leaks.leak_key
    where
        changes.field = 'amount' and changes.retracted_at is null and changes.changed_at <= leaks.left_at
        and (since.currency_since is null or changes.changed_at >= since.currency_since)
    union all
    select leak_key, last_amount from {{ ref('mart_sales__leaks') }}

),

highest as (

    select leak_key, max(amount) as maximum_amount from amounts group by leak_key

)

select
    leaks.leak_key, leaks.deal_key, leaks.maximum_amount, highest.maximum_amount as ledger_amount,
    'An amount from after the leak, from before a change of currency, or one that was taken back was counted, or one was passed over.' as likely_cause
from {{ ref('mart_sales__leaks') }} as leaks
left join highest on highest.leak_key = leaks.leak_key
where leaks.maximum_amount is distinct from highest.maximum_amount
