-- Every step of a deal has the values of the last changes up to its instant, every version the state after the last step of its own; the versions of a
-- deal lie end to end and none repeats the one before. Asked of the deals of the newest load.
with news as (

    select distinct deal_key from {{ ref('fct_deal_steps') }} where _load_number = (select max(_load_number) from {{ ref('fct_deal_steps') }})

),

steps as (

    select * from {{ ref('fct_deal_steps') }} where deal_key in (select deal_key from news)

),

versions as (

    select * from {{ ref('fct_deal_versions') }} where deal_key in (select deal_key from news)

),

told as (

    select
        step.deal_key, step.step_number,
        {% for field in ['amount', 'currency', 'expected_close', 'owner'] -%}
        nullif(max_by(coalesce(change.new_value, ''), (change.changed_at, change.sequence, change._record_number)) filter (where change.field = '{{ field }}'), '')
            as {{ field }}{{ ',' if not loop.last }}
        {% endfor -%}
    from steps as step
    inner join {{ ref('fct_deal_changes') }} as change on change.deal_key = step.deal_key and change.changed_at <= step.changed_at and change.retracted_at is null
    group by step.deal_key, step.step_number

),

last_steps as (

    select * from steps qualify row_number() over (partition by deal_key, changed_at order by step_number desc) = 1

)

select step.deal_key as guilty_key, step.changed_at, 'The step has another amount, currency, owner or expected close than the changes up to its instant leave.' as likely_cause
from steps as step
left join told on told.deal_key = step.deal_key and told.step_number = step.step_number
left join {{ ref('int_crm__deals') }} as deal on deal.deal_key = step.deal_key
where
    step.deal_amount is distinct from cast(told.amount as decimal(18, 2))
    or step.currency_code is distinct from told.currency
    or step.expected_close_date is distinct from cast(told.expected_close as date)
    or step.owner_key is distinct from coalesce({{ stable_key('deal.source_system', 'deal.account', 'told.owner') }}, {{ unknown_key() }})
union all
select step.deal_key, step.changed_at, 'No version, or more than one, is valid at the last step of this instant, or it holds another state.'
from last_steps as step
left join versions as version
    on version.deal_key = step.deal_key and version.valid_from <= step.changed_at and coalesce(version.valid_to, {{ end_of_time() }}) > step.changed_at
group by step.deal_key, step.changed_at
having
    count(version.deal_key) <> 1
    or bool_or(
        {% for column in ['deal_status', 'deal_amount', 'currency_code', 'expected_close_date', 'owner_key'] -%}
        version.{{ column }} is distinct from step.{{ column }} or
        {% endfor -%}
        version.pipeline_key is distinct from coalesce(step.pipeline_key, {{ unknown_key() }})
        or version.stage_key is distinct from coalesce(step.stage_key, {{ unknown_key() }})
    )
union all
select version.deal_key, version.valid_from, 'A version begins where no step of the deal lies, ends elsewhere than the next begins, or repeats the one before.'
from versions as version
left join last_steps as step on step.deal_key = version.deal_key and step.changed_at = version.valid_from
left join versions as following on following.deal_key = version.deal_key and following.valid_from = version.valid_to
where
    step.deal_key is null
    or version.valid_from_date <> {{ reporting_date('version.valid_from') }}
    or version.valid_to_date is distinct from {{ reporting_date('version.valid_to') }}
    or (version.valid_to is null) <> version.is_current
    or (version.valid_to is not null and following.deal_key is null)
    or (
        following.deal_key is not null
        {%- for column in ['deal_status', 'pipeline_key', 'stage_key', 'deal_amount', 'currency_code', 'expected_close_date', 'owner_key'] %}
        and version.{{ column }} is not distinct from following.{{ column }}
        {%- endfor %}
    )
